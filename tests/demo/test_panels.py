"""Words, own count and downloads, from reports made by hand."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo.inference import example_report
from demo.panels import count, words
from demo.panels.downloads import DOWNLOADS, notebook_text
from demo.session import Origin, Shown
from rppg_core.analysis.pipeline import analyze
from rppg_core.errors import NoFaceError
from rppg_core.figures.hr_track import window_words
from rppg_core.video.traces import read_traces
from tests.report_factory import make_report, make_truth

NOON = datetime(2030, 1, 1, 12, 0, 0, tzinfo=UTC)
OWN = Origin(None, None, NOON, NOON.replace(minute=10))


def test_verdict_puts_quality_first_and_says_when_the_video_was_deleted():
    said = words.verdict(make_report(), OWN)
    assert said.startswith("## Quality good")
    assert "deleted from the server at 12:00:00 UTC" in said
    assert "until 12:10:00 UTC" in said


def test_verdict_on_the_example_says_the_truth():
    assert "Truth: 72 bpm and 15 breaths/min" in words.verdict(make_report(), Origin(make_truth()))


def test_verdict_names_the_methods_that_are_still_to_come():
    assert "Still to come: ica, omit." in words.verdict(make_report(), OWN, ["ica", "omit"])


def test_failure_says_why_and_what_became_of_the_video():
    error = NoFaceError("no face in 300 frames", wanted="a face", do="face the camera")
    said = words.failure(error, video=True)
    assert "**No face in 300 frames.**\n\n- Wanted: a face\n- What helps: face the camera" in said
    assert "deleted" in said
    assert "deleted" not in words.failure(error, video=False)


def test_failure_names_no_option_of_the_command_line():
    error = NoFaceError("no face", wanted="a face", do="come closer, or use --region whole for a close-up")
    assert words.failure(error, video=False).endswith("What helps: come closer")


def test_deletion_lists_what_and_when():
    assert "the video me.mp4, one picture" in words.deletion(["the video me.mp4", "one picture"])
    assert "UTC" in words.deletion(["the video me.mp4"])
    assert "Nothing of yours was on this server" in words.deletion([])


@pytest.mark.parametrize(
    ("beats", "part"),
    [
        (None, "Type how many"),
        (2, "Type how many"),
        (18, "0 apart, within the usual 7 bpm"),
        (20, "8 apart, within the usual 8 bpm"),
        (25, "28 apart, more than the usual 10 bpm"),
    ],
)
def test_count_is_compared_with_five_bpm_or_ten_percent(beats, part):
    assert part in count.comparison(beats, Shown(make_report(), OWN))


def test_count_beside_a_refusal_is_the_better_number():
    shown = Shown(make_report({"pos": None}), OWN)
    assert "Your count is the better number" in count.comparison(18, shown)


def test_count_is_not_compared_with_the_simulated_example():
    assert "belongs to the simulated example" in count.comparison(
        18, Shown(make_report(), Origin(make_truth()))
    )


@pytest.mark.parametrize("kind", DOWNLOADS, ids=lambda kind: kind.name)
def test_every_download_says_that_it_is_no_medical_device(kind):
    file = kind.file(make_report())
    assert "not a medical device" in file["text"].lower()
    assert file["name"] == kind.name


def test_json_download_is_the_object_of_the_command_line():
    assert json.loads(DOWNLOADS[0].text(make_report())) == make_report().to_dict()


def test_downloads_have_buttons_and_names_of_their_own():
    for part in ("key", "label", "name"):
        assert len({getattr(kind, part) for kind in DOWNLOADS}) == len(DOWNLOADS)


def test_traces_download_gives_the_numbers_of_the_page_without_a_picture(tmp_path):
    (kind,) = [kind for kind in DOWNLOADS if kind.key == "traces"]
    file = kind.file(example_report())
    assert "personal data" in file["text"]
    path = tmp_path / file["name"]
    path.write_text(file["text"], encoding="utf-8")
    hr, shown = (r.consensus.vitals.hr for r in (analyze(path), example_report()))
    assert hr.value == pytest.approx(shown.value, abs=0.1)
    assert hr.confidence == pytest.approx(shown.confidence, abs=0.02)
    assert read_traces(path).stmap is not None


@pytest.fixture(scope="module")
def notebook():
    return json.loads(notebook_text(example_report()))


def test_notebook_is_valid_and_holds_no_picture(notebook):
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    for cell in notebook["cells"]:
        assert {"cell_type", "id", "metadata", "source"} <= cell.keys()
        assert cell["cell_type"] == "markdown" or cell["outputs"] == []
    names = "import base64, io, numpy as np\n" + next(
        line for cell in notebook["cells"] for line in cell["source"] if line.startswith("TRACES")
    )
    held = {}
    exec(names, held)
    arrays = held["np"].load(held["io"].BytesIO(held["base64"].b64decode(held["TRACES"])))
    assert {name.split("_")[0] for name in arrays} == {"times", "rgb", "valid", "background", "bvp"}


def test_notebook_runs_and_gives_the_numbers_of_the_page(notebook, tmp_path):
    code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    script = tmp_path / "notebook.py"
    script.write_text("\n\n".join(code) + "\nprint(report.consensus.vitals.hr.value)\n", encoding="utf-8")
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, cwd=root, check=False
    )
    assert done.returncode == 0, done.stderr
    vitals = example_report().consensus.vitals
    assert float(done.stdout.split()[-1]) == vitals.hr.value
    for window in vitals.hr_track:
        assert window_words(window) in done.stdout
