"""The page in a real Chromium: what a visitor sees, and what leaves the machine."""

import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from time import monotonic, sleep

import pytest

from rppg_core.simulate.faces import SimulationSettings, simulate_video
from rppg_core.video.writer import write_video

pytestmark = pytest.mark.browser

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """The app as `rppg demo` serves it, in a process of its own."""
    folder = tmp_path_factory.mktemp("app")
    log = (folder / "log").open("w+")
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(folder / "uploads"), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "rppg_core.cli", "demo"], stdout=log, stderr=log, cwd=ROOT, env=environment
    )
    try:
        yield _address(process, folder / "log")
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def _address(process, log: Path) -> str:
    until = monotonic() + 60
    while monotonic() < until and process.poll() is None:
        for word in log.read_text().split():
            if word.startswith("http://"):
                urllib.request.urlopen(word, timeout=10).close()
                return word
        sleep(0.2)
    raise RuntimeError(f"the app did not start: {log.read_text()}")


@pytest.fixture(scope="module")
def browser():
    executable = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    if not Path(executable).exists():
        pytest.skip(f"NOT RUN: there is no browser at {executable}; CHROMIUM can name one")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


def opened(browser, url, *, width=1280, scheme="light"):
    """A page with the example on it; every request and every script error is written down."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.requested, page.failed = [], []
    page.on("request", lambda request: page.requested.append(request.url))
    page.on("pageerror", lambda error: page.failed.append(str(error)))
    page.goto(url)
    page.wait_for_selector("#verdict h2", timeout=30_000)
    page.wait_for_selector(".js-plotly-plot .main-svg", timeout=30_000)
    page.wait_for_timeout(1000)  # late requests, late layout
    return page


@pytest.fixture(scope="module")
def first_page(browser, url):
    """What a visitor with a wide, light screen sees; tests only look."""
    return opened(browser, url)


@pytest.fixture(scope="module")
def phone(browser, url):
    """What a visitor with a narrow, dark screen sees; tests only look."""
    return opened(browser, url, width=360, scheme="dark")


@pytest.fixture
def page(browser, url):
    """A page to act on."""
    page = opened(browser, url)
    yield page
    page.close()


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Eight seconds at 90 bpm in a file that browsers play."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    simulated = simulate_video(
        SimulationSettings(seconds=8, hr_bpm=90, size=192, amplitude_percent=0.8, motion="none")
    )
    frames = (simulated.frames.rgb(k) for k in range(len(simulated.frames)))
    write_video(path, frames, times_s=simulated.truth.times_s, codec="h264", crf=8)
    return path


def compare(page, path) -> None:
    with page.expect_response(
        lambda response: "/upload" in response.url and response.request.method == "POST"
    ):
        page.set_input_files("input[type=file]", str(path))
    page.wait_for_selector("input[type=file]", state="detached")
    page.get_by_role("button", name="Compare").click()


def test_first_page_shows_the_analysed_example_without_a_click(first_page):
    assert "Quality" in first_page.inner_text("#verdict h2")
    assert "Truth: 68 bpm" in first_page.inner_text("#verdict")
    assert first_page.locator("tbody tr").count() == 8  # the consensus and seven methods
    assert "not a medical device" in first_page.inner_text("body")
    assert first_page.locator("figure img").get_attribute("alt")


def test_nothing_is_asked_of_another_host(first_page, url):
    assert [r for r in first_page.requested if not r.startswith((url, "data:", "blob:"))] == []


def test_page_has_no_script_errors(first_page):
    assert first_page.failed == []


def test_uploaded_clip_gets_a_verdict_and_is_deleted(page, clip, face_models):
    compare(page, clip)
    page.wait_for_function("document.querySelector('#verdict').innerText.includes('deleted')", timeout=60_000)
    assert "of 8 s usable" in page.inner_text("#verdict h2")
    assert page.locator("video").count() == 0


def test_corrupt_file_is_answered_in_words_and_shows_no_old_result(page, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is not a video" * 50)
    compare(page, broken)
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
