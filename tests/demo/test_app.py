import hashlib
from pathlib import Path

import gradio as gr
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from demo import app as page
from demo import inference
from rppg_core.errors import NoFaceError
from tests.report_factory import make_report, make_truth

BYTES = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 40


@pytest.fixture(scope="module")
def blocks():
    return page.build()


@pytest.fixture
def client(monkeypatch, tmp_path):
    """The page on a free port, with the pipeline replaced; `client.seen` holds the digests of what arrived."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    seen = []

    def estimate_upload(path, methods, progress=None):
        content = Path(path).read_bytes()
        seen.append((hashlib.sha256(content).hexdigest(), methods))
        Path(path).unlink()
        if methods == ["omit"]:
            raise NoFaceError("no face in 300 frames", wanted="a face", do="face the camera")
        return make_report()

    monkeypatch.setattr(inference, "estimate_upload", estimate_upload)
    monkeypatch.setattr(
        inference, "estimate_example", lambda methods, progress=None: (make_report(), make_truth())
    )
    app = page.build()
    _, url, _ = app.queue(max_size=20).launch(prevent_thread_lock=True, quiet=True, run_history=False)
    client = Client(url, verbose=False)
    client.seen = seen
    yield client
    client.close()
    app.close()


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "me.mp4"
    path.write_bytes(BYTES)
    return path


def test_uploads_keep_their_original_bytes(blocks):
    (video,) = [b for b in blocks.blocks.values() if isinstance(b, gr.Video)]
    assert video.sources == ["upload", "webcam"]
    assert video.include_audio
    assert video.format is None
    assert not video.webcam_options.mirror


def test_every_method_can_be_chosen_and_the_classical_are(blocks):
    (methods,) = [b for b in blocks.blocks.values() if isinstance(b, gr.CheckboxGroup)]
    assert methods.value == ["green", "ica", "chrom", "pbv", "pos", "lgi", "omit"]


def test_only_the_endpoint_estimate_is_public(blocks):
    public = [fn.api_name for fn in blocks.fns.values() if fn.api_visibility != "private"]
    assert public == ["estimate"]


def test_heavy_events_share_one_queue(blocks):
    heavy = [fn for fn in blocks.fns.values() if fn.concurrency_id == "model"]
    assert len(heavy) == 2
    assert all(fn.concurrency_limit == 1 for fn in heavy)


def test_nothing_is_kept_or_told(blocks):
    assert blocks.delete_cache == (600, 600)
    assert not blocks.analytics_enabled


def test_endpoint_returns_the_object_of_the_command_line(client, video):
    found = client.predict(handle_file(video), ["pos"], api_name="/estimate")
    assert found == make_report().to_dict()
    assert client.seen == [(hashlib.sha256(BYTES).hexdigest(), ["pos"])]


def test_endpoint_leaves_no_upload_behind(client, video, tmp_path):
    client.predict(handle_file(video), ["pos"], api_name="/estimate")
    assert not list((tmp_path / "uploads").rglob("*.mp4"))


def test_endpoint_says_in_words_why_a_video_cannot_be_analysed(client, video):
    with pytest.raises(AppError, match=r"no face in 300 frames; wanted: a face — face the camera"):
        client.predict(handle_file(video), ["omit"], api_name="/estimate")


def test_endpoint_describes_itself(client):
    api = client.view_api(return_format="dict", print_info=False)
    assert list(api["named_endpoints"]) == ["/estimate"]
    parameters = api["named_endpoints"]["/estimate"]["parameters"]
    assert [parameter["parameter_name"] for parameter in parameters] == ["video", "methods"]


def test_example_says_the_truth_and_an_upload_says_that_it_was_deleted(monkeypatch):
    monkeypatch.setattr(
        inference, "estimate_example", lambda methods, progress=None: (make_report(), make_truth())
    )
    monkeypatch.setattr(inference, "estimate_upload", lambda path, methods, progress=None: make_report())
    verdict = page.show_example()[0]
    assert "simulated example" in verdict
    assert "72 bpm" in verdict
    player, verdict, *_ = page.show_comparison("me.mp4", ["pos"])
    assert player is None
    assert "deleted" in verdict


def test_failure_empties_as_many_panels_as_a_result_fills(monkeypatch):
    monkeypatch.setattr(inference, "estimate_upload", lambda path, methods, progress=None: make_report())
    assert len(page.show_failure()) == len(page.show_comparison("me.mp4", ["pos"]))
