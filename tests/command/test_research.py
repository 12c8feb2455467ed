"""What the commands of research hand on, print and write; what they compute is tested where it is computed."""

from __future__ import annotations

import importlib
import json

import pytest

from rppg_core.command import cli


class Result:
    def __init__(self, holds=True):
        self.holds = holds

    def text(self):
        return "the table"

    def to_dict(self):
        criteria = [{"holds": self.holds}]
        return {
            "rows": [1],
            "criteria": criteria,
            "reliability": [{"confidence": 0.9, "observed": 0.9, "n": 3}],
        }


@pytest.fixture
def recorded(monkeypatch):
    """Put a recorder in place of what runs a protocol; gives the options of its calls."""

    def record(module: str, function: str) -> list[dict]:
        calls = []

        def run(*, progress, **options):
            calls.append(options)
            return Result()

        monkeypatch.setattr(f"rppg_core.lab.protocols.{module}.{function}", run)
        return calls

    return record


def test_evaluate_refusal_prints_the_table_and_writes_files(recorded, capsys, tmp_path):
    calls = recorded("refusal", "run_refusal")
    files = ["--json", str(tmp_path / "e.json"), "--html", str(tmp_path / "e.html")]
    assert cli.main(["evaluate", "--protocol", "refusal", "--seeds", "2", "--methods", "pos", *files]) == 0
    assert capsys.readouterr().out == "the table\n"
    assert calls == [{"methods": "pos", "seeds": 2}]
    assert json.loads((tmp_path / "e.json").read_text())["rows"] == [1]
    assert "the table" in (tmp_path / "e.html").read_text()


@pytest.mark.parametrize(
    ("module", "function", "argv", "options"),
    [
        ("beats.protocol", "run_vitals", ["vitals", "--data", "a"], {"data": "a"}),
        (
            "photo.protocol",
            "run_photo",
            ["photo", "--methods", "all", "--seeds", "1", "--runs", "r", "--weights", "a.st", "b.st"],
            {"methods": "all", "seeds": 1, "runs": "r", "weights": ["a.st", "b.st"]},
        ),
        (
            "stress.protocol",
            "run_stress",
            ["stress", "--sweeps", "noise,light", "--seeds", "1"],
            {"sweeps": ["noise", "light"], "seeds": 1, "weights": []},
        ),
        (
            "recordings.protocol",
            "run_recordings",
            ["recordings", "--data", "a", "--methods", "pos", "--window", "20", "--workers", "1"],
            {"data": "a", "methods": "pos", "window_s": 20.0, "workers": 1},
        ),
        (
            "injected.protocol",
            "run_injected",
            ["injected", "--data", "a", "--seeds", "2", "--window-s", "20"],
            {"data": "a", "seeds": 2, "window_s": 20.0},
        ),
    ],
    ids=["vitals", "photo", "stress", "recordings", "injected"],
)
def test_evaluate_hands_its_options_on_to_the_protocol(recorded, module, function, argv, options):
    calls = recorded(module, function)
    assert cli.main(["evaluate", "--protocol", *argv]) == 0
    assert calls == [options]


@pytest.mark.parametrize("protocol", ["recordings", "injected"])
def test_protocols_on_real_people_ask_for_their_folder(protocol, capsys):
    assert cli.main(["evaluate", "--protocol", protocol]) == 2
    err = capsys.readouterr().err
    assert "no --data" in err and "a folder of" in err and err.count("\n") == 1


def test_evaluate_fails_when_a_criterion_does(monkeypatch, tmp_path):
    from rppg_core.lab.protocols.beats import protocol as vitals

    monkeypatch.setattr(vitals, "run_vitals", lambda **given: Result(holds=False))
    assert cli.main(["evaluate", "--protocol", "vitals"]) == 1


def test_extract_makes_a_folder_that_says_what_failed(tmp_path, capsys):
    videos = tmp_path / "mine"
    videos.mkdir()
    (videos / "a.csv").write_text("time_s,bvp\n" + "\n".join(f"{k / 30:.4f},{k % 25}" for k in range(300)))
    (videos / "a.mkv").write_bytes(b"no video")
    argv = ["dataset", "extract", str(videos), "--out", str(tmp_path / "out"), "--workers", "1"]
    assert cli.main(argv) == 1
    out = capsys.readouterr().out
    assert "0 clips" in out and "a.mkv" in out and "repair" in out
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["failed"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--workers", "0"], "0 workers"),
        (["--needs", "rgb,hair"], "cannot keep hair"),
        (["--scheduler", "tcp://127.0.0.1:9", "--workers", "2"], "not allowed with"),
    ],
)
def test_extract_refuses_what_makes_no_sense_in_one_line(tmp_path, capsys, words, said):
    (tmp_path / "a.mkv").write_bytes(b"no video")
    (tmp_path / "a.csv").write_text("time_s,bvp\n0,1\n1,2\n")
    assert cli.main(["dataset", "extract", str(tmp_path), *words]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("protocol", "given", "wanted"),
    [
        ("mssdg", [], ()),
        ("intra", ["--data", "a", "--folds", "3"], ("a",)),
        ("cross", ["--data", "a", "--train-data", "b", "c"], (["b", "c"], "a")),
    ],
)
def test_protocols_that_train_get_folders_steps_seeds_and_methods(monkeypatch, protocol, given, wanted):
    calls = []

    def run(*args, **more):
        calls.append((args, more))
        return Result()

    module = importlib.import_module(f"rppg_core.lab.protocols.held_out.{protocol}")
    monkeypatch.setattr(module, f"run_{protocol}", run)
    argv = [
        "evaluate",
        "--protocol",
        protocol,
        "--methods",
        "pos,tracenet",
        "--steps",
        "7",
        "--seeds",
        "2",
        *given,
    ]
    assert cli.main(argv) == 0
    ((*folders, options), more) = calls[0]
    assert tuple(folders) == wanted and more == ({"folds": 3} if protocol == "intra" else {})
    assert (options.methods, options.steps, options.seeds) == ("pos,tracenet", 7, 2)
    assert options.parts and options.announce is not None


def test_mssdg_can_do_without_parts_and_without_numbers(monkeypatch):
    from rppg_core.lab.protocols.held_out import mssdg

    calls = []
    monkeypatch.setattr(mssdg, "run_mssdg", lambda options: calls.append(options) or Result())
    assert cli.main(["evaluate", "--protocol", "mssdg", "--no-parts"]) == 0
    assert not calls[0].parts
    assert (calls[0].steps, calls[0].seeds) == (None, None)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--protocol", "intra"], "no --data"),
        (["--protocol", "cross", "--data", "a"], "no --train-data"),
        (["--protocol", "mssdg", "--steps", "0"], "steps is 0"),
        (["--protocol", "stress", "--sweeps", "rain"], "rain"),
    ],
)
def test_evaluate_says_in_one_line_what_it_lacks(capsys, argv, said):
    assert cli.main(["evaluate", *argv]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


def test_speeds_in_the_wrong_order_are_refused_before_clips_are_rendered(tmp_path, capsys):
    command = ["evaluate", "--protocol", "mssdg", "--speeds", "9", "1", "--runs", str(tmp_path / "runs")]
    assert cli.main(command) == 2
    assert "between 0.25 and 4" in capsys.readouterr().err and not (tmp_path / "runs").exists()
