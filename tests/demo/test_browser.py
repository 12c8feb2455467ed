"""The page in a real Chromium: what a visitor sees and does, and what is left on the server."""

import json

import pytest

from demo.panels.downloads import DOWNLOADS
from rppg_core.roster import resolve
from tests.demo.browser import analyse, make_clip, no_foreign_requests, snapshot, visit, with_example

pytestmark = pytest.mark.browser
EMPTY = ["vibe_edit_history"]  # a folder that Gradio makes for itself


@pytest.fixture(scope="module")
def first_page(browser, served):
    """What a visitor with a wide, light screen sees; tests only look."""
    return with_example(browser, served.url)


@pytest.fixture(scope="module")
def phone(browser, served):
    """What a visitor with a narrow, dark screen sees; tests only look."""
    return with_example(browser, served.url, width=360, scheme="dark")


@pytest.fixture
def page(browser, served):
    """A page to act on; nothing that was done on it asks another host or leaves a file."""
    page = visit(browser, served.url)
    yield page
    no_foreign_requests(page)
    assert page.failed == []
    page.close()


@pytest.fixture(scope="module")
def analysed(browser, served, clip, face_models):
    """A page with the result of an upload; tests leave it as it is."""
    page = visit(browser, served.url)
    analyse(page, clip)
    wait_for_verdict(page, "deleted")
    page.wait_for_selector("#stop", state="detached")
    return page


def wait_for_verdict(page, words: str) -> str:
    page.locator("#verdict", has_text=words).wait_for()
    return page.inner_text("#verdict")


def test_first_page_shows_the_analysed_example_without_a_click(first_page):
    snapshot(first_page, "first_light")
    assert "Quality" in first_page.inner_text("#verdict h2")
    assert "Truth: 68 bpm" in first_page.inner_text("#verdict")
    assert first_page.locator("#results .rppg tbody tr").count() == 8  # the consensus and seven methods
    assert "not a medical device" in first_page.inner_text("body")
    assert first_page.locator("#count input").input_value() == ""


def test_first_page_asks_no_other_host_and_has_no_script_errors(first_page):
    no_foreign_requests(first_page)
    assert first_page.failed == []


def test_uploaded_clip_gets_a_verdict_and_nothing_of_it_is_on_disk(analysed, served):
    snapshot(analysed, "analysed_light")
    assert "8 of 8 s usable" in analysed.inner_text("#verdict h2")
    assert "UTC" in analysed.inner_text("#verdict")
    assert analysed.locator("#video video").count() == 0
    assert served.files() == EMPTY


def test_methods_can_be_changed_without_a_second_upload(page, clip, served, face_models):
    analyse(page, clip)
    wait_for_verdict(page, "deleted")
    for name in set(resolve("all")) - {"pos", "omit"}:
        page.get_by_label(name, exact=True).uncheck()
    page.locator("#analyse").click()
    said = wait_for_verdict(page, "2 of 2 methods")
    assert "Your video was deleted" in said
    assert page.locator("#results .rppg tbody tr").count() == 3
    page.wait_for_function("document.querySelector('#count input').value === ''")  # not 0 beats


def test_video_without_a_pulse_is_refused_with_a_cause(page, tmp_path, face_models):
    analyse(page, make_clip(tmp_path / "photo.mp4", seconds=8, kind="photo", noise=2.0))
    said = wait_for_verdict(page, "deleted")
    assert "No reliable heart rate" in said
    assert "no heart rate:" in page.locator("#results .rppg tbody tr").first.inner_text()
    snapshot(page, "refused_light")


def test_corrupt_file_is_answered_in_words_and_shows_no_old_result(page, tmp_path, served):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is not a video" * 50)
    analyse(page, broken)
    said = wait_for_verdict(page, "No result")
    assert "'broken.mp4' is not a video" in said
    assert "deleted" in said
    assert page.locator("#results").count() == 0
    assert served.files() == EMPTY


def test_file_over_150_mb_is_refused_before_it_is_sent(page, tmp_path, served):
    big = tmp_path / "big.mp4"
    with big.open("wb") as file:
        file.truncate(151 * 1024**2)
    page.set_input_files("#video input[type=file]", str(big))
    page.get_by_text("exceed the maximum allowed size of 150").wait_for()
    assert not any(url.endswith("/upload") for url in page.requested)
    assert served.files() == EMPTY


def test_two_faces_are_told(page, tmp_path, face_models):
    analyse(page, make_clip(tmp_path / "two.mp4", seconds=6, faces=2))
    wait_for_verdict(page, "deleted")
    assert "2 faces" in page.inner_text("#results")


def test_no_method_is_answered_and_the_video_stays(page, clip):
    page.wait_for_selector("#verdict h2")
    for box in page.locator("#methods input[type=checkbox]").all():
        box.uncheck()
    analyse(page, clip)
    assert "No method was named" in wait_for_verdict(page, "No result")
    assert page.locator("#video video").count() == 1
    page.get_by_role("button", name="Clear").click()


def test_stop_leaves_a_sane_page(page, long_clip, clip, served, face_models):
    analyse(page, long_clip)
    page.locator("#verdict", has_text="reading frame").wait_for()
    # a second start would be ignored, and its page wait for ever
    assert page.locator("#analyse").is_disabled()
    page.locator("#stop").click()
    wait_for_verdict(page, "Stopped")
    page.wait_for_selector("#stop", state="detached")
    assert page.locator("#results").count() == 0
    page.wait_for_timeout(500)
    assert served.files() == EMPTY
    analyse(page, clip)  # and everything works again
    wait_for_verdict(page, "8 of 8 s usable")


@pytest.mark.parametrize("kind", DOWNLOADS, ids=lambda kind: kind.name)
def test_download_is_made_at_the_click_and_never_lies_on_disk(kind, analysed, served, tmp_path):
    with analysed.expect_download() as started:
        analysed.get_by_role("button", name=kind.label, exact=True).click()
    assert started.value.suggested_filename == kind.name
    started.value.save_as(tmp_path / kind.name)
    text = (tmp_path / kind.name).read_text()
    assert "not a medical device" in text.lower()
    if kind.name == "pulse.json":
        assert json.loads(text)["consensus"]["vitals"]["hr"]["value"] == pytest.approx(90, abs=4)
    assert served.files() == EMPTY


def test_own_count_is_timed_and_compared(analysed):
    analysed.locator("#count-start").click()
    analysed.locator("#count-clock", has_text="Count every beat: 1").wait_for()
    analysed.fill("#count input", "22")
    analysed.locator("#count-compare").click()
    analysed.locator("#count-result", has_text="You counted 88 bpm").wait_for()
    assert "within the usual 9 bpm" in analysed.inner_text("#count-result")


def test_delete_says_what_and_when_and_empties_the_page(page, clip, served, face_models):
    analyse(page, clip)
    wait_for_verdict(page, "8 of 8 s usable")
    page.wait_for_selector("#stop", state="detached")
    page.locator("#delete").click()
    page.locator("#deleted", has_text="Deleted at").wait_for()
    said = page.inner_text("#deleted")
    assert "UTC: the colour traces of 240 frames, one picture of your face, 240 small ones" in said
    assert "the results of 11 methods" in said
    assert page.locator("#results").count() == 0
    page.locator("#analyse").click()
    wait_for_verdict(page, "simulated example")  # nothing of the clip is left to analyse
    assert "Deleted at" not in page.inner_text("body")


def test_keyboard_alone_is_enough(page):
    page.wait_for_selector("#verdict h2")

    def tab_to(selector: str, limit: int = 30) -> None:
        for _ in range(limit):
            page.keyboard.press("Tab")
            if page.evaluate(f"document.activeElement.closest('{selector}') !== null"):
                return
        raise AssertionError(f"Tab does not reach {selector}")

    tab_to("[role=tab]")
    tab_to("#video")
    tab_to("#methods")
    page.keyboard.press("Space")  # unchecks the first
    tab_to("#analyse")
    page.keyboard.press("Enter")
    n = len(resolve("all")) - 1
    wait_for_verdict(page, f"{n} of {n} methods")  # the last of several verdicts
    tab_to("#results .scroll")
    tab_to("#count-start")
    tab_to("#download-json")
    with page.expect_download():
        page.keyboard.press("Enter")
    tab_to("#delete")
    page.keyboard.press("Enter")
    page.locator("#deleted", has_text="Nothing of yours was on this server").wait_for()


def test_words_are_dark_on_a_light_screen_and_light_on_a_dark_one(first_page, phone):
    snapshot(phone, "phone_dark")
    lit = brightness(first_page, "body", "backgroundColor") - brightness(first_page, "#verdict h2", "color")
    dark = brightness(phone, "#verdict h2", "color") - brightness(phone, "body", "backgroundColor")
    assert min(lit, dark) > 150


def brightness(page, selector: str, what: str) -> float:
    colour = page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).{what}")
    return sum(float(part) for part in colour.split("(")[1].rstrip(")").split(",")[:3]) / 3


@pytest.mark.parametrize("tab", ["Try it", "Live", "Privacy and limits", "API"])
def test_phone_shows_everything_without_scrolling_sideways(phone, tab):
    phone.get_by_role("tab", name=tab).click()
    phone.wait_for_timeout(300)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360
    beyond = phone.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll') && !e.closest('svg')"
        " && !e.closest('pre') && e.checkVisibility() && e.getBoundingClientRect().right > 361)"
        ".map(e => e.tagName + '.' + e.className)"
    )
    assert beyond == []
