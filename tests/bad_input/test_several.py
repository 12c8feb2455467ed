"""What stands in place of a video on the command line: several, none, something else, a folder that is gone."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rppg_core.command import cli
from tests.bad_input.command import HR_BPM

pytestmark = pytest.mark.usefixtures("face_models")


@pytest.fixture
def folder(face, tmp_path, monkeypatch) -> Path:
    """The working folder, with one good video in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.mp4").write_bytes(face.read_bytes())
    return tmp_path


def one_line(capsys, *argv: str, code: int = 3) -> str:
    assert cli.main(list(argv)) == code
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "fault in the program" not in said.err
    return said.err


# --- several videos ---


def test_every_file_gets_a_row_and_a_bad_one_stops_no_other(folder, capsys):
    (folder / "empty.mp4").touch()
    files = ["empty.mp4", "good.mp4", "none.mp4", "./good.mp4"]
    assert cli.main(["analyze", *files, "--methods", "pos", "--csv", "r.csv", "--json", "r.json"]) == 3
    said = capsys.readouterr()
    rows = list(csv.DictReader((folder / "r.csv").read_text().splitlines()))
    assert [row["file"] for row in rows] == files[:3]  # the same file once more is not read again
    assert float(rows[1]["hr_bpm"]) == pytest.approx(HR_BPM, abs=2)
    assert (
        rows[0]["hr_bpm"] == "" and "is empty" in rows[0]["error"] and "there is no file" in rows[2]["error"]
    )
    found = json.loads((folder / "r.json").read_text())
    assert list(found) == files[:3]
    assert found["good.mp4"]["consensus"]["vitals"]["hr"]["value"] == pytest.approx(HR_BPM, abs=2)
    assert "is empty" in found["empty.mp4"]["error"]
    assert [line.split(": ")[1] for line in said.err.splitlines()] == [
        "empty.mp4",
        "none.mp4",
        "2 of 3 files could not be analysed",
    ]
    assert "not analysed: 'empty.mp4' is empty" in said.out


def test_ctrl_c_writes_what_is_done(folder, capsys, monkeypatch):
    from rppg_core.analysis import pipeline

    analyze, done = pipeline.analyze, []

    def stopped(path, *args, **kwargs):
        if done:
            raise KeyboardInterrupt
        done.append(path)
        return analyze(path, *args, **kwargs)

    monkeypatch.setattr(pipeline, "analyze", stopped)
    (folder / "b.mp4").write_bytes((folder / "good.mp4").read_bytes())
    assert cli.main(["analyze", "good.mp4", "b.mp4", "--methods", "pos", "--json", "r.json"]) == 130
    assert list(json.loads((folder / "r.json").read_text())) == ["good.mp4"]
    assert "stopped after 1 of 2 files" in capsys.readouterr().err


def test_object_of_each_file_is_that_of_the_file_alone(folder, capsys):
    (folder / "copy.mp4").write_bytes((folder / "good.mp4").read_bytes())
    assert cli.main(["analyze", "good.mp4", "copy.mp4", "--json", "-", "--methods", "pos"]) == 0
    both = json.loads(capsys.readouterr().out)
    assert cli.main(["analyze", "good.mp4", "--json", "-", "--methods", "pos"]) == 0
    alone = json.loads(capsys.readouterr().out)
    for found in (alone, *both.values()):
        found.pop("seconds")
    assert both == {"good.mp4": alone, "copy.mp4": alone}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--html", "r.html"], "one video for a page"),
        (["--methods", "pso"], "did you mean 'pos'?"),
        (["--csv", "good.mp4"], "is the video itself"),
        (["--weights", "x"], "METHOD=FILE"),
    ],
)
def test_wrong_option_stops_before_the_first_file(folder, capsys, options, words):
    before = (folder / "good.mp4").read_bytes()
    assert words in one_line(capsys, "analyze", "good.mp4", "other.mp4", *options, code=2)
    assert (folder / "good.mp4").read_bytes() == before


def test_name_that_no_text_can_hold_is_written_in_escapes(folder, capsys):
    odd = os.fsdecode(b"\xff\n.mp4")
    assert cli.main(["analyze", odd, "good.mp4", "--methods", "pos", "--json", "r.json"]) == 3
    assert list(json.loads((folder / "r.json").read_text())) == ["\\udcff\\n.mp4", "good.mp4"]
    assert capsys.readouterr().err.count("\n") == 2


# --- what is no video ---


def a_folder_with(folder: Path, *names: str) -> str:
    (folder / "clips").mkdir()
    for name in names:
        (folder / "clips" / name).touch()
    return "clips"


NO_VIDEOS = {
    "-": (lambda folder: "-", "no video is read from standard input"),
    "empty": (lambda folder: "", "the name of the video is empty"),
    "address": (lambda folder: "https://example.org/me.mp4", "download the video first"),
    "file address": (lambda folder: "file:///tmp/a%20b.mp4", "write the path: /tmp/a b.mp4"),
    "home": (lambda folder: "~/no such video.mp4", "the shell did not replace ~"),
    "pattern": (lambda folder: "*.mkv", "the pattern matches nothing here"),
    "typo": (lambda folder: "goood.mp4", "did you mean 'good.mp4'?"),
    "no such folder": (lambda folder: "nowhere/good.mp4", "there is no folder 'nowhere' either"),
    "line break": (lambda folder: "a\nb.xyz", r"there is no file 'a\nb.xyz'"),
    "no unicode": (lambda folder: "\udcff.xyz", "there is no file"),
    "folder with one video": (
        lambda folder: a_folder_with(folder, "me.MOV", "b"),
        "did you mean 'clips/me.MOV'?",
    ),
    "folder with videos": (lambda folder: a_folder_with(folder, "a.mp4", "b.mkv"), "it holds 2 videos"),
    "folder with pictures": (lambda folder: a_folder_with(folder, "1.png", "2.png"), "it holds 2 pictures"),
    "empty folder": (a_folder_with, "it holds no video"),
}
NO_CONTENTS = {
    "me.png": (b"\x89PNG\r\n\x1a\n" + bytes(50), "is not a video but a picture"),
    "me.jpg": (b"\xff\xd8\xff\xe0" + bytes(50), "is not a video but a picture"),
    "me.zip": (b"PK\x03\x04" + bytes(50), "unpack it"),
    "me.json": (b'{"time_s": [0, 1, 2, 3]}', "is not a video but text"),
    "me.mp4": (b"<!DOCTYPE html><title>Log in</title>", "is not a video but a web page"),
    "me.npy": (b"\x93NUMPY\x01\x00" + bytes(50), "analyze((frames, times_s))"),
}


@pytest.mark.parametrize("command", ["analyze", "inspect"])
@pytest.mark.parametrize("name", NO_VIDEOS)
def test_what_is_no_video_gets_a_hint(folder, capsys, command, name):
    make, words = NO_VIDEOS[name]
    line = one_line(capsys, command, make(folder))
    assert words in line


@pytest.mark.parametrize("command", ["analyze", "inspect"])
@pytest.mark.parametrize("name", NO_CONTENTS)
def test_file_of_another_kind_is_named(folder, capsys, command, name):
    content, words = NO_CONTENTS[name]
    (folder / name).write_bytes(content)
    assert words in one_line(capsys, command, name)


def test_slash_behind_a_file_and_capitals_in_a_method_do_no_harm(folder, capsys):
    assert cli.main(["analyze", "good.mp4/", "--methods", "POS,Chrom"]) == 0
    assert "2 of 2 methods agree" in capsys.readouterr().out


# --- a folder that is gone ---


def in_a_deleted_folder(tmp_path: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder that was deleted under it."""
    gone = tmp_path / "gone"
    command = f"exec '{sys.executable}' -m rppg_core.command.cli \"$@\""
    script = f"mkdir '{gone}' && cd '{gone}' && rmdir '{gone}' && {command}"
    path = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        ["sh", "-c", script, "sh", *argv],
        env={**os.environ, "PYTHONPATH": path},
        timeout=60,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    "argv",
    [
        ["analyze", "me.mp4"],
        ["inspect", "me.mp4"],
        ["simulate", "me.mkv"],
        ["train", "tracenet"],
        ["dataset", "extract", "there"],
        ["evaluate", "--protocol", "photo"],
    ],
    ids=lambda argv: argv[0],
)
def test_relative_path_in_a_deleted_folder_is_one_line(tmp_path, argv):
    done = in_a_deleted_folder(tmp_path, *argv)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert "working folder was deleted" in done.stderr


def test_absolute_paths_work_in_a_deleted_folder(face, tmp_path):
    out = tmp_path / "r.json"
    done = in_a_deleted_folder(
        tmp_path, "analyze", str(face), "--json", str(out), "--methods", "pos,tracenet"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(out.read_text())["consensus"]["vitals"]["hr"]["value"] == pytest.approx(HR_BPM, abs=2)


# --- nothing of the user's is lost ---


@pytest.mark.parametrize("taken", ["g.json", "g.mkv"])
def test_simulate_asks_before_it_writes_over_a_file(folder, capsys, taken):
    (folder / taken).write_text("mine")
    assert "--force" in one_line(capsys, "simulate", "g.mkv", "--seconds", "2", code=2)
    assert (folder / taken).read_text() == "mine"
    assert sorted(path.name for path in folder.iterdir()) == sorted([taken, "good.mp4"])
    assert cli.main(["simulate", "g.mkv", "--seconds", "2", "--force"]) == 0
    assert json.loads((folder / "g.json").read_text())["pulsed"] is True
