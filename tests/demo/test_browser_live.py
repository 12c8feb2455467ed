"""The Live tab in a real Chromium with a fake camera."""

import json
import re

import cv2
import numpy as np
import pytest

from demo.live_estimate import COLUMNS
from rppg_core.lab.simulate.faces import SimulationSettings, simulate_video
from tests.demo.browser import launched, no_foreign_requests, snapshot, visit

HR_BPM, LEAVES_S, CLIP_S = 75.0, 14.0, 17.0


def opened(browser, served, **how):
    """The tab, watched: `sent` holds the bodies of its packets."""
    page = visit(browser, served.url, **how)
    page.sent = []
    page.on("request", lambda request: page.sent.append(request.post_data) if is_packet(request) else None)
    page.get_by_role("tab", name="Live").click()
    page.wait_for_selector("rppg-live .start")
    return page


def is_packet(request):
    return "component_server" in request.url


def wait_for_state(page, state):
    page.wait_for_selector(f'rppg-live .frame[data-state="{state}"]')


def camera_is_off(page):
    return page.evaluate(
        "document.querySelector('rppg-live').shadowRoot.querySelector('video').srcObject === null"
    )


@pytest.fixture(scope="module")
def face_file(tmp_path_factory):
    """An uncompressed recording of a face in the oval; then it leaves, before a wall of its own colour.

    The lower left corner, which nothing reads, is white while the face is away.
    """
    video = simulate_video(
        SimulationSettings(seconds=LEAVES_S, hr_bpm=HR_BPM, size=448, amplitude_percent=0.5, seed=4)
    )
    path = tmp_path_factory.mktemp("camera") / "face.y4m"
    noise = np.random.default_rng(0).normal(0, 1.5, (8, 480, 640, 1))
    walls = np.clip(noise + np.array([150, 120, 100]), 0, 255).astype(np.uint8)
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W640 H480 F30:1 Ip A1:1 C420jpeg\n")
        for k in range(round(30 * CLIP_S)):
            there = k < len(video.frames)
            picture = walls[k % 8].copy()
            if there:
                picture[:448, 96:544] = video.frames.rgb(k)
            picture[470:, :10] = 0 if there else 255
            file.write(b"FRAME\n" + cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420).tobytes())
    yield path
    path.unlink()


WATCH_LEAVING = """() => {
  const root = document.querySelector("rppg-live").shadowRoot, video = root.querySelector("video");
  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  window.left = window.emptied = null;
  const look = () => {
    pen.drawImage(video, 2, 472, 4, 4, 0, 0, 1, 1);
    if (window.left === null && pen.getImageData(0, 0, 1, 1).data[0] > 128) window.left = performance.now();
    video.requestVideoFrameCallback(look);
  };
  look();
  const watch = () => {
    const number = root.querySelector(".number").textContent;
    if (window.left !== null && window.emptied === null && number === "—") window.emptied = performance.now();
  };
  new MutationObserver(watch).observe(root, { subtree: true, childList: true, characterData: true });
}"""
READING = """() => {
  const root = document.querySelector("rppg-live").shadowRoot, text = name => root.querySelector(name).textContent;
  if (root.querySelector(".frame").dataset.state !== "value") return null;
  return { number: parseFloat(text(".number")), range: text(".range"), facts: text(".facts") };
}"""
COUNT_FRAMES = """() => {
  const [track] = document.querySelector('rppg-live').shadowRoot.querySelector('video').srcObject.getVideoTracks();
  const [frames, since] = [track.stats.totalFrames, performance.now()];
  window.framesASecond = () => 1000 * (track.stats.totalFrames - frames) / (performance.now() - since);
}"""


@pytest.mark.browser
def test_face_before_the_camera_gets_its_heart_rate_until_it_leaves(playwright, served, face_file):
    browser = launched(playwright, f"--use-file-for-fake-video-capture={face_file}")
    page = opened(browser, served)
    page.locator("rppg-live .start").focus()
    page.keyboard.press("Enter")
    wait_for_state(page, "collecting")
    assert "of 10 s" in page.inner_text("rppg-live .range")

    page.evaluate(COUNT_FRAMES)
    # at one moment: on a busy machine frames are lost, and a value may be taken back soon after
    reading = page.wait_for_function(READING, timeout=150_000).json_value()
    # a busy machine plays the file more slowly at times, and its heart with it
    slowest = HR_BPM * min(page.evaluate("window.framesASecond()") / 30, 1.0)
    assert slowest - 5 <= reading["number"] <= HR_BPM + 5
    assert "95 % between" in reading["range"]
    assert "from the newest frame to this number" in reading["facts"]
    page.locator("rppg-live summary").click()
    snapshot(page, "live-value")
    only_numbers_were_sent(page)

    page.evaluate(WATCH_LEAVING)
    page.wait_for_function("window.emptied !== null")
    assert page.evaluate("window.emptied - window.left") < 2000
    wait_for_state(page, "collecting")
    assert re.match(r"collecting [0-4] of 10 s", page.inner_text("rppg-live .range").strip())

    page.locator("rppg-live .stop").focus()
    page.keyboard.press("Enter")
    assert camera_is_off(page)
    assert page.inner_text("rppg-live caption") == "Nothing has been sent."
    n_sent = len(page.sent)
    page.wait_for_timeout(1500)
    assert len(page.sent) == n_sent
    assert page.evaluate("document.querySelector('rppg-live').shadowRoot.activeElement.className") == "start"
    assert page.failed == []
    browser.close()


def only_numbers_were_sent(page):
    """Every packet is rows of numbers; the newest row is on the page; no other host was asked."""
    for body in page.sent:
        sent = json.loads(body)
        assert set(sent) == {"data", "component_id", "session_hash", "fn_name"}
        assert set(sent["data"]) == {"rows"}
        assert {len(row) for row in sent["data"]["rows"]} == {len(COLUMNS)}
        assert {type(number) for row in sent["data"]["rows"] for number in row} <= {int, float}
    shown = [float(text) for text in page.locator("rppg-live tbody td:nth-child(2)").all_inner_texts()]
    newest = [json.loads(body)["data"]["rows"][-1] for body in page.sent[-2:]]
    assert shown in newest
    no_foreign_requests(page)


@pytest.mark.browser
def test_test_pattern_gets_no_value_and_a_narrow_dark_page_shows_all(browser, served):
    page = opened(browser, served, width=360, scheme="dark")
    page.locator("rppg-live .start").click()
    page.wait_for_function(
        "document.querySelector('rppg-live').shadowRoot.querySelector('.words').textContent.includes('No face')"
    )
    page.wait_for_timeout(2500)
    assert page.inner_text("rppg-live .number") == "—"
    assert len(page.sent) >= 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("rppg-live summary").click()
    snapshot(page, "live-nobody-dark-360")

    page.get_by_role("tab", name="Try it").click()
    page.wait_for_function(
        "document.querySelector('rppg-live').shadowRoot.querySelector('video').srcObject === null"
    )
    page.get_by_role("tab", name="Live").click()
    assert "left this tab" in page.inner_text("rppg-live .words")

    page.locator("rppg-live .start").click()
    wait_for_state(page, "nobody")
    page.evaluate("window.dispatchEvent(new Event('pagehide'))")
    assert camera_is_off(page)
    assert page.failed == []
    page.close()


REFUSE = "name => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', name)); }"


@pytest.mark.browser
def test_camera_that_cannot_be_opened_is_explained(browser, served):
    page = opened(browser, served)
    for name, words in (
        ("NotAllowedError", "not allowed"),
        ("NotFoundError", "No camera was found"),
        ("NotReadableError", "busy"),
    ):
        page.evaluate(REFUSE, name)
        page.locator("rppg-live .start").click()
        page.locator("rppg-live .words").get_by_text(words).wait_for()
        assert page.locator("rppg-live .start").is_enabled()
    page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    page.locator("rppg-live .start").click()
    page.locator("rppg-live .words").get_by_text("only on https pages").wait_for()
    assert page.sent == []
    page.close()
