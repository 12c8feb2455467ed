"""What the command leaves behind: its files, its exit code and its lines, here and in a process of its own."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rppg_core.command import cli
from tests.video_files import looped

pytestmark = pytest.mark.usefixtures("face_models")


# --- what comes out ---


def test_same_file_gives_the_same_json_wherever_it_lies(rppg, face, tmp_path):
    copy = tmp_path / "a copy of it.mp4"
    copy.write_bytes(face.read_bytes())
    first, second = rppg(face).report, rppg(copy).report
    assert set(first.pop("seconds")) == set(second.pop("seconds"))
    assert json.dumps(first) == json.dumps(second)


def test_json_holds_no_path_no_date_and_no_host_name(rppg, face):
    text = json.dumps(rppg(face).report, ensure_ascii=False)
    for private in (face.name, str(face.parent), str(Path.home()), socket.gethostname()):
        assert private not in text
    assert not re.search(r"\b20\d\d-\d\d|\d\d:\d\d", text)


def test_result_never_takes_the_place_of_the_video_or_of_another_result(capsys, face, tmp_path):
    before = face.read_bytes()
    link = tmp_path / "link.mp4"
    link.symlink_to(face)
    assert cli.main(["analyze", str(face), "--csv", str(link)]) == 2
    assert "is the video itself" in capsys.readouterr().err
    assert (
        cli.main(["analyze", str(face), "--csv", str(tmp_path / "r"), "--html", str(tmp_path / "." / "r")])
        == 2
    )
    assert "already taken by another result" in capsys.readouterr().err
    assert face.read_bytes() == before


def test_place_that_cannot_be_written_is_named_before_the_work(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # rights that even root does not have
    assert cli.main(["analyze", "any.mp4", "--json", str(tmp_path / "r.json")]) == 3
    assert "permission denied" in capsys.readouterr().err


# --- the real command, in processes of its own ---


def process(*argv: str, **options) -> subprocess.CompletedProcess:
    """Run the command as a shell does; a caller's `env` is laid over this process's environment."""
    environment = {**os.environ, **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "rppg_core.command.cli", *argv],
        env=environment,
        timeout=60,
        check=False,
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        **options,
    )


def test_process_ends_with_0_2_or_3_and_says_errors_on_standard_error(face, tmp_path):
    good = process("analyze", face.name, cwd=face.parent)
    assert (good.returncode, good.stderr) == (0, b"")
    assert good.stdout.startswith(b"Quality ")
    for argv, code in (
        (["analyze", str(tmp_path / "no.mp4")], 3),
        (["analyze", str(face), "--region", "nose"], 2),
    ):
        failed = process(*argv)
        assert (failed.returncode, failed.stdout, failed.stderr.count(b"\n")) == (code, b"", 1)
        assert failed.stderr.startswith(b"rppg")


def test_terminal_without_utf8_gets_plain_characters(face, tmp_path):
    path = tmp_path / "脈 ü.mp4"
    path.write_bytes(face.read_bytes())
    done = process("analyze", str(path), env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert "?" not in done.stdout.decode("ascii")  # "-" stands where a vital is not shown
    failed = process("analyze", "脈.mp4", env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii"})
    assert failed.returncode == 3
    assert failed.stderr.decode("ascii").startswith("rppg: there is no file '?.mp4'; wanted:")


@pytest.mark.parametrize("json_too", [[], ["--json", "-"]], ids=["text", "json"])
def test_reader_that_leaves_early_is_no_error(face, json_too):
    reader, writer = os.pipe()
    os.close(reader)
    done = process("analyze", str(face), *json_too, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="NOT RUN: this system has no /dev/full")
def test_full_disk_is_one_line(face):
    with open("/dev/full", "wb") as full:
        done = process("analyze", str(face), stdout=full)
    assert done.returncode == 3
    assert b"cannot write to standard output (No space left on device)" in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert process("analyze", str(face), "--csv", "/dev/full").returncode == 3


def test_ctrl_c_stops_at_once_with_one_line(face, tmp_path):
    path = looped(face, tmp_path / "long.mp4", times=60, period_s=8.0)  # 8 min
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "rppg_core.command.cli", "analyze", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs) as running:
        os.close(theirs)
        seen = b""
        while b"frame" not in seen:  # progress is shown because standard error is a terminal
            seen += os.read(ours, 1000)
        running.send_signal(signal.SIGINT)
        started = time.perf_counter()
        out, _ = running.communicate(timeout=20)
    while b"stopped" not in seen:
        seen += os.read(ours, 1000)
    os.close(ours)
    assert (running.returncode, out) == (130, b"")
    assert seen.decode().replace("\r\n", "\n").endswith("\x1b[Krppg: stopped\n")
    assert time.perf_counter() - started < 5
