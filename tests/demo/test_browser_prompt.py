"""The tab "PhysLLM prompt" in a real Chromium: words are read, edited, switched off, swapped and restored."""

import pytest

from tests.demo.browser import no_foreign_requests, snapshot, visit
from tests.demo.test_browser_access import axe, serious

pytest.importorskip("transformers")
pytestmark = pytest.mark.browser
__all__ = ["axe"]  # a fixture
CUES = ("task", "context", "statistics")


def opened(browser, served, **how):
    """The tab with the example's words."""
    page = visit(browser, served.url, **how)
    page.get_by_role("tab", name="PhysLLM prompt").click()
    page.locator("#prompt-words table").wait_for()
    return page


def text_of(page, cue: str) -> str:
    return page.locator(f"#prompt-{cue} textarea").input_value()


def read_edited(page) -> str:
    """Edit one cue, switch one off, read again: what the page says."""
    page.locator("#prompt-context textarea").fill("The face is dimly lit and the zebra rests.")
    page.locator("#prompt-use-task input").uncheck()
    page.locator("#prompt-read").click()
    page.locator("#prompt-result .finding").wait_for()
    return page.inner_text("#prompt-result")


def closed(page, axe: str) -> None:
    """Nothing serious is found, nothing was asked of another host, and no script failed."""
    assert serious(page, axe) == []
    no_foreign_requests(page)
    assert page.failed == []
    page.close()


def test_words_are_shown_edited_switched_off_swapped_and_restored(browser, served, axe):
    page = opened(browser, served)
    own = {cue: text_of(page, cue) for cue in CUES}
    assert all(own.values())
    assert "48 tokens" in page.inner_text("#prompt-facts-task")
    snapshot(page, "prompt_light")
    said = read_edited(page)
    assert "1 − r is" in said and "two trainings with different seeds differ by" in said
    assert "Switched off: task" in said
    assert "zebra" in page.inner_text("#prompt-facts-context")
    page.wait_for_selector("#prompt-change .main-svg")
    assert page.locator("#prompt-change .scatterlayer .trace").count() == 3
    page.locator("#prompt-use-task input").check()
    page.locator("#prompt-swap").click()
    page.locator("#prompt-result", has_text="words of the second example").wait_for()
    assert text_of(page, "task") == own["task"]
    assert text_of(page, "context") not in ("", own["context"])
    snapshot(page, "prompt_swapped")
    page.locator("#prompt-restore").click()
    page.locator("#prompt-result .finding").wait_for(state="detached")
    assert {cue: text_of(page, cue) for cue in CUES} == own
    closed(page, axe)


def test_phone_in_the_dark_has_every_tab_and_word_within_its_width(browser, served, axe):
    page = opened(browser, served, width=360, scheme="dark")
    assert all(tab.is_visible() for tab in page.get_by_role("tab").all())
    read_edited(page)
    page.get_by_role("button", name="attends to in the context cue").click()
    page.wait_for_selector("#prompt-heat-context .heatmaplayer")
    page.wait_for_selector("#prompt-change .main-svg")
    for selector in ("#prompt-heat-context .main-svg", "#prompt-change .main-svg", "#prompt-words table"):
        # a figure that was hidden takes its width once it is shown
        page.wait_for_function(f"document.querySelector('{selector}').getBoundingClientRect().right <= 360")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert "dimly" in page.locator("#prompt-heat-context").text_content()
    snapshot(page, "prompt_phone_dark")
    closed(page, axe)
