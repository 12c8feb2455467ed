"""What arrives at `inference` is what the visitor's browser had, byte for byte."""

import hashlib

import av
import pytest

from demo import app as page
from demo import inference
from tests.demo.browser import analyse, visit

pytestmark = pytest.mark.browser
# The digest of every file that the page uploads, taken in the browser
WATCH = """
window.digests = [];
const append = FormData.prototype.append;
FormData.prototype.append = function (name, value, ...rest) {
  if (value instanceof Blob) window.digests.push(value.arrayBuffer().then(async (bytes) => {
    const digest = await crypto.subtle.digest("SHA-256", bytes);
    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }));
  return append.call(this, name, value, ...rest);
};
"""


@pytest.fixture
def arrived(monkeypatch, tmp_path):
    """Digests of the files that came to `inference`, whose result is the example's."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    digests = []

    def read_upload(path, methods, progress=None, film=None):
        with open(path, "rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
        return inference.example_clip()[0]

    monkeypatch.setattr(inference, "read_upload", read_upload)
    return digests


@pytest.fixture
def watched(browser, arrived):
    """A page of an app in this process."""
    app = page.build()
    _, url, _ = app.queue().launch(prevent_thread_lock=True, quiet=True, run_history=False)
    visitor = visit(browser, url, script=WATCH)
    yield visitor
    visitor.close()
    app.close()


def converted(path, ending: str):
    """The clip in another container; WebM is encoded anew, small."""
    target = path.with_suffix(ending)
    with av.open(str(path)) as source, av.open(str(target), "w") as sink:
        video = source.streams.video[0]
        if ending == ".webm":
            stream = sink.add_stream("libvpx", rate=30, width=64, height=64, pix_fmt="yuv420p")
            for frame in source.decode(video):
                sink.mux(stream.encode(frame.reformat(64, 64, "yuv420p")))
            sink.mux(stream.encode())
        else:
            stream = sink.add_stream_from_template(video)
            for packet in source.demux(video):
                if packet.dts is not None:
                    packet.stream = stream
                    sink.mux(packet)
    return target


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".webm"])
def test_upload_arrives_as_it_was(ending, watched, arrived, clip):
    path = clip if ending == ".mp4" else converted(clip, ending)
    analyse(watched, path)
    watched.locator("#verdict", has_text="deleted").wait_for()
    assert arrived == [hashlib.sha256(path.read_bytes()).hexdigest()]


def test_webcam_recording_arrives_as_the_browser_made_it(watched, arrived):
    watched.get_by_role("button", name="Capture from camera").click()
    watched.get_by_role("button", name="Click to Access Webcam").click()
    watched.get_by_role("button", name="start recording").click()
    watched.wait_for_timeout(1500)
    with watched.expect_response(lambda r: "/upload" in r.url and r.request.method == "POST"):
        watched.get_by_role("button", name="start recording").click()  # Gradio's name for stopping too
    watched.locator("#video video").wait_for()
    watched.locator("#analyse").click()
    watched.locator("#verdict", has_text="deleted").wait_for()
    assert arrived == watched.evaluate("Promise.all(window.digests)")
