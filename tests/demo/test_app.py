"""The page as it is wired, and its endpoint as clients see it."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import gradio as gr
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from demo import app as page
from demo import events, inference
from rppg_core.command import cli
from rppg_core.errors import NoFaceError, UsageError
from tests.demo.browser import ROOT
from tests.report_factory import make_report

BYTES = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 40


@pytest.fixture(scope="module")
def blocks():
    return page.build()


@pytest.fixture(scope="module")
def uploads(tmp_path_factory):
    """Where the page keeps uploads."""
    folder = tmp_path_factory.mktemp("page") / "uploads"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        yield folder


@pytest.fixture(scope="module")
def address(uploads):
    """The real page on a free port."""
    app = page.build()
    _, url, _ = app.queue(max_size=page.WAITING).launch(
        prevent_thread_lock=True, quiet=True, run_history=False
    )
    yield url
    app.close()


@pytest.fixture
def client(monkeypatch, address):
    """A client of the page, with the pipeline replaced; `client.seen` holds the digests of what arrived."""
    seen = []

    def estimate_upload(path, methods, progress=None):
        seen.append((hashlib.sha256(Path(path).read_bytes()).hexdigest(), methods))
        if methods == ["omit"]:
            raise NoFaceError("no face in 300 frames", wanted="a face", do="face the camera")
        return make_report()

    monkeypatch.setattr(inference, "estimate_upload", estimate_upload)
    client = Client(address, verbose=False)
    client.seen = seen
    yield client
    client.close()


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "me.mp4"
    path.write_bytes(BYTES)
    return path


def held(uploads: Path) -> list[Path]:
    """Files and folders of visitors."""
    return [path for path in uploads.rglob("*") if path.name != "vibe_edit_history"]


def test_uploads_keep_their_original_bytes(blocks):
    (video,) = [b for b in blocks.blocks.values() if isinstance(b, gr.Video)]
    assert video.sources == ["upload", "webcam"]
    assert video.include_audio
    assert video.format is None
    assert not video.webcam_options.mirror


def test_every_method_is_chosen_from_the_start(blocks):
    (methods,) = [b for b in blocks.blocks.values() if isinstance(b, gr.CheckboxGroup)]
    assert methods.value == [name for _, name in methods.choices]
    assert {"pos", "tracenet", "physmle"} <= set(methods.value)


def test_only_the_endpoint_estimate_is_public(blocks):
    public = {fn.api_name for fn in blocks.fns.values() if fn.api_visibility != "private"}
    assert public == {"estimate"}


def test_heavy_events_share_one_queue(blocks):
    heavy = [fn for fn in blocks.fns.values() if fn.concurrency_id == "model"]
    names = [fn.name for fn in heavy]
    assert sorted({*names}) == [
        "analyse", "chose_face", "chose_window", "estimate", "magnify", "opened", "read", "swap",
    ]  # fmt: skip
    assert all(fn.concurrency_limit == 1 for fn in heavy)


def test_nothing_is_kept_or_told(blocks):
    assert blocks.delete_cache == (60, 600)
    assert not blocks.analytics_enabled


def test_panels_are_as_many_with_a_result_as_without():
    assert len(events.show_example()) == len(events._no_panels("nothing"))


def test_endpoint_returns_the_object_of_the_command_line(client, video):
    found = client.predict(handle_file(video), ["pos"], api_name="/estimate")
    assert found == make_report().to_dict()
    assert client.seen == [(hashlib.sha256(BYTES).hexdigest(), ["pos"])]


def test_endpoint_leaves_no_upload_behind(client, video, uploads):
    client.predict(handle_file(video), ["pos"], api_name="/estimate")
    assert held(uploads) == []


def test_endpoint_says_in_words_why_a_video_cannot_be_analysed(client, video, uploads):
    with pytest.raises(AppError, match=r"no face in 300 frames; wanted: a face — face the camera"):
        client.predict(handle_file(video), ["omit"], api_name="/estimate")
    assert held(uploads) == []


def test_endpoint_describes_itself(client):
    api = client.view_api(return_format="dict", print_info=False)
    assert list(api["named_endpoints"]) == ["/estimate"]
    parameters = api["named_endpoints"]["/estimate"]["parameters"]
    assert [parameter["parameter_name"] for parameter in parameters] == ["video", "methods"]


def test_heart_rate_through_a_client_is_the_one_of_the_command_line(address, clip, tmp_path, face_models):
    found = Client(address, verbose=False).predict(handle_file(clip), ["pos", "chrom"], api_name="/estimate")
    out = tmp_path / "report.json"
    assert cli.main(["analyze", str(clip), "--methods", "pos,chrom", "--json", str(out)]) == 0
    expected = json.loads(out.read_text())
    assert found.pop("seconds").keys() == expected.pop("seconds").keys()
    assert found == expected
    assert found["consensus"]["vitals"]["hr"]["value"] is not None


@pytest.mark.parametrize("language", ["python", "bash"])
def test_example_on_the_api_tab_runs_as_it_stands(language, address, clip, tmp_path, face_models):
    if shutil.which("curl") is None:
        pytest.skip("NOT RUN: there is no curl")
    text = events.API_TEXT.replace("{url}", address.rstrip("/"))
    (code,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    shutil.copy(clip, tmp_path / "me.mp4")
    command = [sys.executable, "-c", code] if language == "python" else ["bash", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    if language == "python":
        value = float(done.stdout)
    else:
        (line,) = [line for line in done.stdout.splitlines() if line.startswith("data: ")]
        value = json.loads(line.removeprefix("data: "))[0]["consensus"]["vitals"]["hr"]["value"]
    assert value == pytest.approx(90, abs=4)  # simulated at 90 bpm, compressed


def test_mcp_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr(page, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'gradio\[mcp\]'"):
        page.launch(mcp=True)


def test_mcp_is_asked_for_by_flag_or_variable(monkeypatch):
    asked = []
    monkeypatch.setattr(page, "launch", lambda port, mcp: asked.append(mcp))
    cli.main(["demo", "--mcp"])
    cli.main(["demo"])
    assert asked == [True, None]


def test_app_is_built_without_a_result(tmp_path):
    """Importing and building must not render the example: a Space would look dead for that long."""
    code = "from demo import app, inference; app.build(); print(inference.example_clip.cache_info())"
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(tmp_path)}
    said = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT, env=environment)
    assert "misses=0, " in said
