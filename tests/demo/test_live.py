"""The Live tab: what its numbers become, and the tab itself in a real Chromium with a fake camera."""

import json
import re
from functools import cache

import cv2
import numpy as np
import pytest

from demo.live_estimate import COLUMNS, MAX_ROWS, estimate_live
from demo.panels import live
from rppg_core.lab.simulate.faces import SimulationSettings, simulate_clip, simulate_video
from tests.demo.browser import launched, no_foreign_requests, snapshot, visit

PICTURE = {"skin": 0.95, "clipped": 0.0, "motion": 0.002, "likeness": 0.97}
HR_BPM = 75.0


@cache
def simulated(kind="pulse", seconds=16.0):
    clip, _ = simulate_clip(SimulationSettings(kind=kind, seconds=seconds, hr_bpm=HR_BPM, size=64, seed=3))
    return clip.times_s, clip.roi("skin"), clip.background


def packet(times_s, face, background, **picture):
    """As the browser sends it; `picture` are numbers or one number a frame for the last four columns."""
    last = [np.broadcast_to(value, len(times_s)) for value in {**PICTURE, **picture}.values()]
    table = np.column_stack([1000 * times_s, face, background, *last])
    return {"rows": np.round(table, 4).tolist()}


def seen(times_s, start_s, stop_s, there, away):
    """`there`, and `away` between two moments."""
    return np.where((times_s >= start_s) & (times_s < stop_s), away, there)


def test_heart_rate_of_a_simulated_face_is_right():
    answer = estimate_live(packet(*simulated()))
    assert answer["state"] == "value"
    assert answer["hr"]["value"] == pytest.approx(HR_BPM, abs=2)
    assert answer["hr"]["interval"][0] <= HR_BPM <= answer["hr"]["interval"][1]
    assert 0.8 <= answer["hr"]["confidence"] <= 1


def test_waveform_is_the_newest_ten_seconds_on_the_clock_of_the_browser():
    times_s, face, background = simulated()
    wave = estimate_live(packet(times_s + 40, face, background))["wave"]
    assert len(wave["samples"]) == 300
    end_s = wave["start_ms"] / 1000 + len(wave["samples"]) / wave["fs"]
    assert end_s == pytest.approx(40 + times_s[-1], abs=0.05)


def test_answer_is_plain_json_and_says_which_rows_count():
    answer = estimate_live(packet(*simulated()))
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert answer["start_ms"] == 0


def test_first_value_waits_for_ten_seconds_of_face():
    times_s, face, background = (column[:200] for column in simulated())
    answer = estimate_live(packet(times_s, face, background))
    assert (answer["state"], answer["seconds"], answer["needed"]) == ("collecting", 6.6, 10)
    assert "hr" not in answer


@pytest.mark.parametrize("kind", ["photo", "flicker", "wall", "noise", "moving background", "shuffled"])
def test_nothing_without_a_pulse_gets_a_value_though_it_has_the_colour_of_skin(kind):
    answer = estimate_live(packet(*simulated(kind, 12.0)))
    assert answer["state"] == "refused"
    assert "hr" not in answer
    assert "No reliable heart rate" in answer["words"]


def test_light_that_flickers_on_skin_and_wall_alike_is_named():
    times_s, face, background = simulated("photo", 12.0)
    flicker = 1 + 0.01 * np.sin(2 * np.pi * 1.2 * times_s)[:, None] * [0.5, 1, 0.7]
    answer = estimate_live(packet(times_s, face * flicker, background * flicker))
    assert "light or camera, not blood" in answer["words"]


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        ({"skin": 0.1}, "come closer"),
        ({"likeness": 0.0}, "hold still"),
    ],
)
def test_oval_without_a_face_gets_no_value(picture, words):
    answer = estimate_live(packet(*simulated(), **picture))
    assert answer["state"] == "nobody"
    assert words in answer["words"]


def test_dark_picture_is_named():
    times_s, face, background = simulated()
    assert "dark" in estimate_live(packet(times_s, 0.05 * face, background, skin=0.0))["words"]


@pytest.mark.parametrize("column", ["skin", "likeness"])
def test_face_that_left_half_a_second_ago_has_no_value_and_its_rows_no_longer_count(column):
    times_s, face, background = simulated()
    gone = seen(times_s, times_s[-1] - 0.5, np.inf, 0.95, 0.0)
    answer = estimate_live(packet(times_s, face, background, **{column: gone}))
    assert answer["state"] == "nobody"
    assert answer["start_ms"] == pytest.approx(1000 * times_s[-1], abs=0.1)


def test_face_that_came_back_is_collected_anew():
    times_s, face, background = simulated()
    away = seen(times_s, 10, 11, 0.95, 0.0)
    answer = estimate_live(packet(times_s, face, background, skin=away))
    assert answer["state"] == "collecting"
    assert answer["start_ms"] == pytest.approx(11_000, abs=1)
    assert answer["seconds"] == pytest.approx(5, abs=0.1)


def test_hand_that_passes_in_a_fifth_of_a_second_keeps_the_value():
    times_s, face, background = simulated()
    passing = seen(times_s, 12, 12.2, 0.95, 0.0)
    hidden = np.where(passing[:, None] < 0.5, 40.0, face)
    answer = estimate_live(packet(times_s, hidden, background, skin=passing))
    assert answer["hr"]["value"] == pytest.approx(HR_BPM, abs=2)


@pytest.mark.parametrize("level", [0.0, 128.0, 255.0])
def test_colour_that_never_changes_is_refused(level):
    times_s = np.arange(400) / 30
    answer = estimate_live(packet(times_s, np.full((400, 3), level), np.full((400, 3), level)))
    assert answer["state"] == "refused"
    json.dumps(answer, allow_nan=False)


def test_second_without_frames_starts_anew():
    times_s, face, background = simulated()
    kept = (times_s < 10) | (times_s >= 11)
    answer = estimate_live(packet(times_s[kept], face[kept], background[kept]))
    assert answer["start_ms"] == pytest.approx(11_000, abs=1)


def test_slow_camera_is_refused_in_words():
    times_s, face, background = (column[::5] for column in simulated())
    answer = estimate_live(packet(times_s, face, background))
    assert answer["state"] == "refused"
    assert "6 frames a second" in answer["words"]


GOOD = [float(k) for k in (0, 150, 120, 100, 90, 90, 90, 1, 0, 0, 1)]


def rows_with(column, number):
    """Two rows, the second with one other number."""
    second = [33.0, *GOOD[1:]]
    second[column] = number
    return {"rows": [GOOD, second]}


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (None, "no list of rows"),
        ([1, 2], "no list of rows"),
        ({"rows": "no"}, "no list of rows"),
        ({"rows": []}, "0 rows"),
        ({"rows": [GOOD] * (MAX_ROWS + 1)}, f"{MAX_ROWS + 1} rows; wanted: 2 to {MAX_ROWS}"),
        ({"rows": [GOOD, GOOD[:-1]]}, "11 numbers each"),
        ({"rows": [GOOD, dict(enumerate(GOOD))]}, "11 numbers each"),
        (rows_with(1, float("nan")), "finite numbers"),
        (rows_with(1, float("inf")), "finite numbers"),
        (rows_with(1, 10**400), "finite numbers"),
        (rows_with(1, None), "finite numbers"),
        (rows_with(1, "150"), "finite numbers"),
        (rows_with(1, True), "finite numbers"),
        (rows_with(1, [[[]]]), "finite numbers"),
        (rows_with(2, 256.0), "'green'"),
        (rows_with(7, -0.1), "'skin'"),
        (rows_with(0, 0.0), "do not increase"),
        (rows_with(0, 60_000.0), "at most 32 s"),
    ],
)
def test_bad_packet_is_refused_in_words(sent, words):
    answer = estimate_live(sent)
    assert answer["state"] == "error"
    assert words in answer["words"]
    assert "reload the page" in answer["words"]


def test_half_a_minute_is_a_packet_of_at_most_80_kilobytes():
    times_s = np.arange(900) / 30
    colours = np.round(np.random.default_rng(0).uniform(100, 250, (900, 3)), 2)
    sent = json.dumps(packet(times_s, colours, colours, motion=0.0123), separators=(",", ":"))
    assert len(sent) < 80_000


def test_packet_that_others_keep_waiting_gets_no_answer(monkeypatch):
    monkeypatch.setattr(live, "WAIT_S", 0.01)
    with live._turn:
        assert live.answer_packet({"rows": []}) is None
    answer = live.answer_packet({"rows": []})
    assert answer is not None
    assert "0 rows" in answer["words"]


def test_script_sends_the_columns_that_are_read():
    script = live.SCRIPT.read_text(encoding="utf-8")
    listed = script[script.index("const COLUMNS") : script.index("const WORDS")]
    assert tuple(re.findall(r'\["([^"]+)", \d', listed)) == COLUMNS


def test_script_names_no_other_host():
    assert not re.findall(r"https?://|wss?://|//[a-z]+\.", live.SCRIPT.read_text(encoding="utf-8"))


# The tab in a browser.

LEAVES_S, CLIP_S = 14.0, 17.0


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
    reading = page.wait_for_function(READING).json_value()
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
