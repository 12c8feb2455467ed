import io
import json
import sys

import pytest

from rppg_core.analysis import pipeline
from rppg_core.command import cli
from rppg_core.errors import NoFaceError
from tests.report_factory import CAUSE, make_report


@pytest.fixture
def analysed(monkeypatch):
    """Stands in for the pipeline; returns the calls it got."""
    calls = []

    def analyze(source, methods=None, *, region="face", weights=None, fps=None, progress=None):
        calls.append((source, methods, region))
        if progress is not None:
            progress("reading frame 3", 0.5)
        return make_report()

    monkeypatch.setattr(pipeline, "analyze", analyze)
    return calls


def fails_with(error):
    def analyze(*args, **kwargs):
        raise error

    return analyze


def one_line(captured) -> str:
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    return captured.err.strip()


def test_analyze_prints_the_verdict_first_then_the_table(analysed, capsys):
    assert cli.main(["analyze", "me.mp4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == make_report().consensus.verdict
    assert [line.split()[0] for line in lines if line][1:6] == [
        "method",
        "---------",
        "consensus",
        "pos",
        "chrom",
    ]


def test_analyze_prints_the_cause_of_a_refusal_and_the_disclaimer(analysed, capsys):
    cli.main(["analyze", "me.mp4"])
    out = capsys.readouterr().out
    assert f"green      no heart rate: {CAUSE}" in out
    assert "Not a medical device" in out


@pytest.mark.parametrize("pair", ["tracenet", "tracenet=", "=x"])
def test_weights_without_a_method_or_a_file_are_refused(pair, capsys):
    assert cli.main(["analyze", "me.mp4", "--weights", pair]) == 2
    assert "METHOD=FILE" in capsys.readouterr().err


def test_analyze_hands_methods_and_region_on(analysed):
    cli.main(["analyze", "me.mp4", "--methods", "pos,chrom", "--region", "whole"])
    assert analysed == [("me.mp4", "pos,chrom", "whole")]


def test_json_is_the_object_of_the_report(analysed, tmp_path):
    cli.main(["analyze", "me.mp4", "--json", str(tmp_path / "r.json")])
    assert json.loads((tmp_path / "r.json").read_text()) == make_report().to_dict()


def test_json_on_standard_output_is_alone_there(analysed, capsys):
    cli.main(["analyze", "me.mp4", "--json", "-"])
    assert json.loads(capsys.readouterr().out) == make_report().to_dict()


def test_csv_has_vitals_as_comments_and_a_column_a_waveform(analysed, tmp_path):
    cli.main(["analyze", "me.mp4", "--csv", str(tmp_path / "r.csv")])
    lines = (tmp_path / "r.csv").read_text().splitlines()
    rows = [line for line in lines if not line.startswith("#")]
    assert "# pos hr: 72.1 bpm, confidence 0.97" in lines
    assert f"# green hr: none ({CAUSE})" in lines
    assert rows[0] == "time_s,pos,chrom,green"
    assert len(rows) == 1 + 600  # 20 s at 30 Hz
    assert float(rows[2].split(",")[1]) == pytest.approx(
        make_report().estimates["pos"].bvp.samples[1], rel=1e-5
    )


def test_csv_leaves_cells_empty_where_there_was_no_face(monkeypatch, tmp_path):
    report = make_report()
    report.estimates["pos"].bvp.valid[0] = False
    monkeypatch.setattr(pipeline, "analyze", lambda *a, **k: report)
    cli.main(["analyze", "me.mp4", "--csv", str(tmp_path / "r.csv")])
    rows = [line for line in (tmp_path / "r.csv").read_text().splitlines() if not line.startswith("#")]
    assert rows[1].startswith("0.0000,,")


def test_html_is_a_page_with_the_verdict(analysed, tmp_path):
    cli.main(["analyze", "me.mp4", "--html", str(tmp_path / "r.html")])
    assert make_report().consensus.verdict in (tmp_path / "r.html").read_text()


def test_video_that_cannot_be_analysed_is_one_line_and_exit_code_3(monkeypatch, capsys):
    error = NoFaceError("no face in 300 frames", wanted="a face", do="face\nthe camera")
    monkeypatch.setattr(pipeline, "analyze", fails_with(error))
    assert cli.main(["analyze", "me.mp4"]) == 3
    assert one_line(capsys.readouterr()) == "rppg: no face in 300 frames; wanted: a face — face the camera"


def test_missing_file_is_one_line_and_exit_code_3(capsys, tmp_path):
    assert cli.main(["analyze", str(tmp_path / "nö such file.mp4"), "--region", "whole"]) == 3
    assert "nö such file.mp4" in one_line(capsys.readouterr())


@pytest.mark.parametrize("option", ["--json", "--html"])
@pytest.mark.parametrize(("path", "remedy"), [("", ""), (".", ""), ("nowhere/r", "make the folder")])
def test_output_path_without_a_folder_or_name_is_refused_before_the_work(
    analysed, capsys, monkeypatch, tmp_path, option, path, remedy
):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["analyze", "me.mp4", option, path]) == 3
    line = one_line(capsys.readouterr())
    assert "cannot write" in line and remedy in line
    assert analysed == []


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["frobnicate"],
        ["analyze"],
        ["analyze", "a.mp4", "--region", "nose"],
        ["analyze", "a.mp4", "--methods", "nope"],
        ["analyze", "a.mp4", "--methods", ""],
        ["simulate", "out.mkv", "--hr", "fast"],
        ["simulate", "out.mkv", "--hr", "500"],
        ["simulate", "out.mkv", "--tone", "9"],
        ["simulate", "out.mp3"],
        ["evaluate"],
        ["evaluate", "--protocol", "nope"],
    ],
)
def test_usage_error_is_one_line_and_exit_code_2(argv, capsys):
    assert cli.main(argv) == 2
    one_line(capsys.readouterr())


def test_ctrl_c_is_one_line_and_exit_code_130(monkeypatch, capsys):
    monkeypatch.setattr(pipeline, "analyze", fails_with(KeyboardInterrupt()))
    assert cli.main(["analyze", "me.mp4"]) == 130
    assert one_line(capsys.readouterr()) == "rppg: stopped"


def test_fault_of_the_program_is_one_line_that_says_so(monkeypatch, capsys):
    monkeypatch.delenv("RPPG_TRACEBACK", raising=False)
    monkeypatch.setattr(pipeline, "analyze", fails_with(ZeroDivisionError("float division")))
    assert cli.main(["analyze", "me.mp4"]) == cli.FAULT
    assert "a fault in the program" in one_line(capsys.readouterr())


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_written_over_on_a_terminal(analysed, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    cli.main(["analyze", "me.mp4"])
    assert screen.getvalue() == "\r\x1b[K 50%  reading frame 3\r\x1b[K"


def test_progress_is_silent_when_nobody_looks(analysed, capsys):
    cli.main(["analyze", "me.mp4"])
    assert capsys.readouterr().err == ""


def test_methods_names_every_method_with_its_weights(capsys):
    assert cli.main(["methods"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:8]] == ["green", "ica", "chrom", "pbv", "pos", "lgi", "omit"]
    assert "none needed" in lines[1]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A simulated clip and its truth, made by the command."""
    path = tmp_path_factory.mktemp("cli") / "a clip ü.mkv"
    argv = ["simulate", str(path), "--hr", "80", "--seconds", "8", "--amplitude", "0.8", "--motion", "none"]
    assert cli.main(argv) == 0
    return path


def test_simulate_writes_the_truth_beside_the_video(clip):
    truth = json.loads(clip.with_suffix(".json").read_text())
    assert truth["pulsed"] is True
    assert sum(truth["hr_bpm"]) / len(truth["hr_bpm"]) == pytest.approx(80, abs=1)


def test_inspect_prints_one_finding_a_line(clip, capsys):
    assert cli.main(["inspect", str(clip)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {tuple(line.split()[:2]) for line in lines} <= {("✓", "good"), ("!", "fair"), ("✗", "poor")}


def test_inspect_writes_the_same_findings_as_json(clip, capsys):
    assert cli.main(["inspect", str(clip), "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[0])["findings"]
    assert set(found[0]) == {"name", "value", "level", "remedy", "lesson"}


def test_simulated_clip_is_read_back_at_its_rate(clip, face_models, tmp_path):
    assert cli.main(["analyze", str(clip), "--json", str(tmp_path / "r.json")]) == 0
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["consensus"]["vitals"]["hr"]["value"] == pytest.approx(80, abs=3)  # 8 s: 3 bpm
