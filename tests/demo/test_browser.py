"""The page in a real Chromium: what a visitor sees, and what leaves the machine."""

import pytest

from tests.demo.browser import analyse, no_foreign_requests, with_example

pytestmark = pytest.mark.browser


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
    """A page to act on."""
    page = with_example(browser, served.url)
    yield page
    page.close()


def test_first_page_shows_the_analysed_example_without_a_click(first_page):
    assert "Quality" in first_page.inner_text("#verdict h2")
    assert "Truth: 68 bpm" in first_page.inner_text("#verdict")
    assert first_page.locator("tbody tr").count() == 8  # the consensus and seven methods
    assert "not a medical device" in first_page.inner_text("body")
    assert first_page.locator("figure img").get_attribute("alt")


def test_nothing_is_asked_of_another_host(first_page):
    no_foreign_requests(first_page)


def test_page_has_no_script_errors(first_page):
    assert first_page.failed == []


def test_uploaded_clip_gets_a_verdict_and_is_deleted(page, clip, face_models):
    analyse(page, clip)
    page.wait_for_function("document.querySelector('#verdict').innerText.includes('deleted')", timeout=60_000)
    assert "of 8 s usable" in page.inner_text("#verdict h2")
    assert page.locator("video").count() == 0


def test_corrupt_file_is_answered_in_words_and_shows_no_old_result(page, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is not a video" * 50)
    analyse(page, broken)
    page.wait_for_selector("text='broken.mp4' is not a video", timeout=20_000)
    page.wait_for_selector("text=No result for this video", timeout=20_000)
    page.wait_for_selector("tbody tr", state="detached", timeout=20_000)


def test_words_are_dark_on_a_light_screen_and_light_on_a_dark_one(first_page, phone):
    assert (
        brightness(first_page, "body", "backgroundColor") - brightness(first_page, "#verdict h2", "color")
        > 150
    )
    assert brightness(phone, "#verdict h2", "color") - brightness(phone, "body", "backgroundColor") > 150


def brightness(page, selector: str, what: str) -> float:
    colour = page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).{what}")
    return sum(float(part) for part in colour.split("(")[1].rstrip(")").split(",")[:3]) / 3


def test_phone_shows_everything_without_scrolling_sideways(phone):
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360
    beyond = phone.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll') && !e.closest('svg')"
        " && e.getBoundingClientRect().right > 361).map(e => e.tagName + '.' + e.className)"
    )
    assert beyond == []
