"""A face magnified in a real Chromium: nothing before the click, then a video that plays, none of it on disk."""

import pytest

from demo.panels.magnified import GAP, SIDE
from tests.demo.browser import analyse, no_foreign_requests, snapshot, visit, with_example

pytestmark = pytest.mark.browser
VIDEO = "#magnified-video video"


def opened(page):
    page.get_by_role("button", name="See the pulse").click()
    page.locator("#magnify").wait_for()


def rate(page, which: str) -> float:
    return float(page.locator(f"#magnified-{which} input[type=number]").input_value())


def test_own_face_is_magnified_on_the_click_and_plays_on_request(browser, served, clip, face_models):
    page = visit(browser, served.url, width=400)
    analyse(page, clip)
    page.locator("#verdict", has_text="deleted").wait_for()
    page.wait_for_selector("#stop", state="detached")
    before = served.files()
    opened(page)
    assert "flickers with the pulse" in page.inner_text("#magnified")
    assert page.locator(VIDEO).count() == 0
    page.wait_for_function("document.querySelector('#magnified-low input[type=number]').value > 60")
    assert (rate(page, "low") + rate(page, "high")) / 2 == pytest.approx(90, abs=4)

    page.locator("#magnify").click()
    page.wait_for_function(f"document.querySelector('{VIDEO}')?.readyState >= 2")
    state = page.evaluate(
        f"(({{paused, muted, loop, controls, duration, videoWidth, videoHeight}}) =>"
        f" [paused, muted, loop, controls, duration, videoWidth, videoHeight])(document.querySelector('{VIDEO}'))"
    )
    assert state[:4] == [True, True, True, True]
    assert state[4] == pytest.approx(8, abs=0.3)
    assert state[5:] == [2 * SIDE + GAP, SIDE]
    page.evaluate(f"document.querySelector('{VIDEO}').play()")
    page.wait_for_function(f"document.querySelector('{VIDEO}').currentTime > 0.5")
    snapshot(page, "magnified_phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.locator(VIDEO).bounding_box()["width"] <= 400
    assert served.files() == before
    assert page.failed == []
    no_foreign_requests(page)

    page.locator("#delete").click()
    page.locator("#deleted", has_text="Deleted at").wait_for()
    assert page.locator(VIDEO).count() == 0
    page.close()


def test_example_is_magnified_with_another_factor(browser, served):
    page = with_example(browser, served.url, scheme="dark")
    opened(page)
    assert "a whole face" in page.inner_text("#magnified-gain")
    said = page.inner_text("#magnified-gain")
    page.locator("#magnified-factor input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"document.querySelector('#magnified-gain').innerText !== {said!r}")
    page.locator("#magnify").click()
    page.locator("#magnified-video", has_text="factor 45").wait_for()
    assert "600 pictures" in page.inner_text("#magnified-video")
    snapshot(page, "magnified_dark")
    page.close()
