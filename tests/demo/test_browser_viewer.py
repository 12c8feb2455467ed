"""The player in a real Chromium: the file, the still, the playhead and the beats."""

import gradio as gr
import pytest

from demo.panels.viewer import beats, viewer, viewer_head
from rppg_core.analysis.pipeline import analyze
from rppg_core.lab.simulate.faces import SimulationSettings, simulate_clip
from tests.demo.browser import no_foreign_requests, snapshot, upload, visit
from tests.demo.moving_head import NEEDS
from tests.demo.player import inside, opened, painted, playhead_px, pulse, seek, show_file, wait_for_video

# the settings of the fixture `clip`: the report of that file, without face models
STILL = SimulationSettings(seconds=8, hr_bpm=90, size=192, amplitude_percent=0.8, motion="none")


@pytest.fixture(scope="module")
def address(moving, tmp_path_factory):
    """A page with a player on it: the example at first, then whatever is uploaded, with the report of `clip`."""
    report, truth, _ = moving
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))
        result = analyze(simulate_clip(STILL, NEEDS)[0], ["green", "pos"])
        with gr.Blocks(analytics_enabled=False) as app:
            gr.Markdown("Player", elem_id="verdict")
            video = gr.Video(
                elem_id="video",
                sources=["upload", "webcam"],
                include_audio=True,
                format=None,
                height=200,
                webcam_options=gr.WebcamOptions(mirror=False),
            )
            analyse = gr.Button("Analyse", elem_id="analyse")
            player = gr.HTML(viewer(report, truth))
            analyse.click(lambda path: (None, viewer(result, upload=path)), video, [video, player])
        _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, run_history=False, head=viewer_head())
        yield url
        app.close()


@pytest.fixture
def page(browser, address):
    """The example, on a page where nothing may fail and nothing be asked of another host."""
    page = opened(browser, address)
    yield page
    no_foreign_requests(page)
    assert page.failed == []
    page.close()


@pytest.mark.browser
def test_example_shows_the_still_and_plays_without_a_file(page):
    assert inside(page, "$('video')") is None
    assert page.locator("rppg-viewer img").is_visible()
    assert painted(page) > 500
    before = playhead_px(page)
    page.get_by_role("button", name="Play").click()
    page.wait_for_timeout(600)
    assert playhead_px(page) > before + 10
    page.get_by_role("button", name="Pause").click()
    assert page.get_by_role("button", name="Play").is_visible()


@pytest.mark.browser
def test_file_plays_in_place_of_the_still_and_the_playhead_follows(page, clip):
    show_file(page, clip)
    assert inside(page, "$('video').src").startswith("blob:")
    assert inside(page, "[$('video').muted, $('video').videoWidth]") == [True, 192]
    assert not page.locator("rppg-viewer img").is_visible()
    start = playhead_px(page)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "document.querySelector('rppg-viewer').shadowRoot.querySelector('video').currentTime > 1"
    )
    page.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(100)
    snapshot(page, "viewer_file")
    time_s = inside(page, "$('video').currentTime")
    seek(page, 0)
    per_second = (seek(page, 2), playhead_px(page) - start)[1] / 2
    seek(page, time_s)
    assert playhead_px(page) == pytest.approx(start + time_s * per_second, abs=1)


@pytest.mark.browser
def test_numbers_of_one_more_method_leave_the_file_where_it_is(page, clip):
    show_file(page, clip)
    seek(page, 3)
    inside(page, "root.before = $('video')")
    page.evaluate("""() => {
        const viewer = document.querySelector('rppg-viewer');
        const clip = JSON.parse(viewer.getAttribute('clip'));
        clip.lanes.push({ ...clip.lanes[0], name: 'more' });
        viewer.setAttribute('clip', JSON.stringify(clip));
    }""")
    assert inside(page, "[root.before === $('video'), $('video').currentTime]") == [True, 3]


@pytest.mark.browser
def test_outlines_lie_on_the_face_of_the_file(page, clip):
    show_file(page, clip)
    assert painted(page) > 500
    middle = inside(page, "[$('.face').clientWidth, $('.face').clientHeight]")
    edges = inside(
        page,
        "(() => { const c = $('.face'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " const xs = []; for (let k = 3; k < d.length; k += 4) if (d[k]) xs.push(((k - 3) / 4) % c.width);"
        " return [Math.min(...xs) / c.width, Math.max(...xs) / c.width]; })()",
    )
    assert min(middle) > 200
    clip_of_file, _ = simulate_clip(STILL, NEEDS)
    x, _, width, _ = clip_of_file.boxes[0] / 192
    assert edges == pytest.approx([x, x + width], abs=0.02)
    page.get_by_label("Outlines").uncheck()
    page.get_by_label("Beat mark").uncheck()
    assert painted(page) == 0


@pytest.mark.browser
def test_mark_pulses_with_the_beats(page, moving):
    times_s = beats(moving[0])[1]
    seek(page, times_s[3] + 0.06)
    at_beat = pulse(page)
    seek(page, times_s[4] - 0.05)
    assert at_beat > 0.8
    assert pulse(page) < 0.2
    page.get_by_label("Beat mark").uncheck()
    seek(page, times_s[3] + 0.06)
    assert pulse(page) == 0
    assert not page.locator("rppg-viewer .heart").is_visible()


@pytest.mark.browser
def test_click_and_drag_on_the_waveforms_move_the_file(page, clip):
    show_file(page, clip)
    box = page.locator("rppg-viewer .waves").bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 40)
    page.mouse.down()
    page.wait_for_timeout(200)
    first = inside(page, "$('video').currentTime")
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 40, steps=3)
    page.mouse.up()
    page.wait_for_timeout(200)
    assert 2 < first < 5
    assert inside(page, "$('video').currentTime") > first + 1
    assert playhead_px(page) == pytest.approx(0.75 * box["width"], abs=3)


@pytest.mark.browser
def test_keys_play_and_move(page):
    page.get_by_role("slider").focus()
    assert inside(page, "getComputedStyle($('[type=range]')).outlineStyle") == "solid"
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert page.get_by_role("slider").get_attribute("aria-valuetext") == "2.0 of 8.0 seconds"
    page.keyboard.press("Space")
    assert page.get_by_role("button", name="Pause").is_visible()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert page.get_by_role("button", name="Pause").is_visible()


def show_strip(page) -> None:
    """Two windows in the example: a heart rate until 4 s, and none after it."""
    page.evaluate("""() => {
        const viewer = document.querySelector('rppg-viewer');
        const clip = JSON.parse(viewer.getAttribute('clip'));
        clip.strip.pieces = [
            { left: 0, middle: 2, right: 4, bpm: 72, interval: [71, 73], words: '0-4 s: 72 bpm' },
            { left: 4, middle: 6, right: 8, bpm: null, words: '4-8 s: none (a reason)' },
        ];
        clip.strip.truth = [72, 72];
        viewer.setAttribute('clip', JSON.stringify(clip));
    }""")


@pytest.mark.browser
def test_heart_rate_is_said_at_the_playhead_and_below_the_mouse(page):
    show_strip(page)
    assert inside(page, "$('.window').textContent") == "Heart rate, 0-4 s: 72 bpm"
    page.get_by_role("slider").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert inside(page, "$('.window').textContent") == "Heart rate, 4-8 s: none (a reason)"
    box = page.locator("rppg-viewer .waves canvas").bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + box["height"] - 60)
    assert inside(page, "$('.window').textContent") == "Heart rate, 0-4 s: 72 bpm"
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] - 100)
    assert inside(page, "$('.window').textContent") == "Heart rate, 4-8 s: none (a reason)"


@pytest.mark.browser
def test_legend_explains_the_hatching_only_where_there_is_some(page):
    assert "at that time" not in inside(page, "$('.legend').textContent")
    show_strip(page)
    assert "no heart rate at that time" in inside(page, "$('.legend').textContent")


@pytest.mark.browser
def test_recording_of_the_camera_plays_and_can_be_sought(page):
    page.get_by_role("button", name="Capture from camera").click()
    page.get_by_role("button", name="Click to Access Webcam").click()
    page.get_by_role("button", name="start recording").click()
    page.wait_for_timeout(1000)
    page.wait_for_function(
        "performance.now() > 0 && [...document.querySelectorAll('#video video')]"
        ".some(video => video.getVideoPlaybackQuality().totalVideoFrames > 45)",
        timeout=150_000,
    )  # counted in pictures: a busy camera has few a second
    with page.expect_response(
        lambda response: "/upload" in response.url and response.request.method == "POST"
    ):
        page.get_by_role("button", name="start recording").click()  # Gradio's name for stopping too
    page.wait_for_selector("#video video[src*='file=']", state="attached")
    page.locator("#analyse").click()
    wait_for_video(page)
    seek(page, 0.3)  # a busy machine records less than a second in that time
    page.wait_for_function(
        "Math.abs(document.querySelector('rppg-viewer').shadowRoot.querySelector('video').currentTime - 0.3) < 0.1"
    )


@pytest.mark.browser
def test_file_that_the_browser_cannot_play_gives_way_to_the_still(page, tmp_path):
    odd = tmp_path / "odd.mp4"
    odd.write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(4000))
    upload(page, odd)
    page.locator("#analyse").click()
    page.get_by_text("This browser cannot play that kind of file").wait_for()
    assert page.locator("rppg-viewer img").is_visible()
    assert inside(page, "$('video')") is None


@pytest.mark.browser
def test_page_releases_the_file_on_request(page, clip):
    show_file(page, clip)
    page.evaluate("rppgForget()")
    assert inside(page, "$('video')") is None
    assert page.locator("rppg-viewer img").is_visible()


@pytest.mark.browser
def test_narrow_dark_page_shows_everything_and_does_not_pulse_when_motion_is_unwanted(browser, address):
    page = visit(browser, address, width=360, scheme="dark", reduced_motion="reduce")
    page.wait_for_selector("rppg-viewer [type=range]")
    page.wait_for_timeout(500)
    snapshot(page, "viewer_phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert inside(
        page, "[...root.querySelectorAll('.frame *')].every(e => e.getBoundingClientRect().right <= 361)"
    )
    assert not page.get_by_label("Beat mark").is_checked()
    assert not page.get_by_label("Beat sound").is_checked()
    page.close()
