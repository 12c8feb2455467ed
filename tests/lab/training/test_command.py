"""`rppg train`, as a user meets it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rppg_core.command import cli
from rppg_core.lab.training.record import RunFolder

TESTS = Path(__file__).parents[2]
COMMAND = """
import sys
from rppg_core.command import cli
from lab.training.tiny_net import register
register()
sys.exit(cli.main())
"""


def test_three_steps_leave_weights_log_and_curves(tmp_path, capsys):
    argv = ["train", "tiny", "--steps", "3", "--seed", "2", "--runs", str(tmp_path), "--device", "cpu"]
    assert cli.main(argv) == 0
    folder = tmp_path / "tiny-seed2"
    assert {p.name for p in folder.iterdir()} == {
        "recipe.json",
        "log.jsonl",
        "curve.html",
        "checkpoints",
        "tiny.safetensors",
    }
    assert [json.loads(line)["step"] for line in (folder / "log.jsonl").read_text().splitlines()] == [
        1,
        2,
        3,
        3,
    ]
    assert "Plotly.newPlot" in (folder / "curve.html").read_text()
    said = capsys.readouterr()
    assert f"{folder / 'tiny.safetensors'}: 3 steps" in said.out
    assert re.match(r" *\d+%  tiny: step 1 of 3, .* left\n", said.err)


@pytest.mark.parametrize(
    "argv",
    [
        ["train"],
        ["train", "pos"],
        ["train", "tiny", "--steps", "0"],
        ["train", "tiny", "--device", "abacus"],
        ["train", "tiny", "--source", "no such folder"],
    ],
)
def test_usage_error_is_one_line_and_exit_code_2(argv, capsys, tmp_path):
    assert cli.main([*argv, "--runs", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_missing_package_is_named_with_its_extra(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    monkeypatch.delitem(sys.modules, "rppg_core.lab.training.loop", raising=False)
    assert cli.main(["train", "tiny"]) == 2
    assert "pip install 'rppg-lab[train]'" in capsys.readouterr().err


@pytest.mark.timeout(400)  # starts a process of its own, on a machine that may be busy
def test_ctrl_c_says_how_to_go_on_and_that_works(tmp_path):
    """As from a terminal: the signal reaches the worker, too."""
    argv = ["train", "tiny", "--steps", "4000", "--runs", str(tmp_path), "--device", "cpu"]
    run = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *argv],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": f"{TESTS}:{TESTS.parent}", "OMP_NUM_THREADS": "1"},
    )
    folder = RunFolder(tmp_path / "tiny-seed0")
    until_s = time.monotonic() + 180
    while not folder.rows() and run.poll() is None and time.monotonic() < until_s:
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGINT)
    said = run.communicate(timeout=180)[1]
    assert run.returncode == 130, said
    step, again = re.search(r"saved at step (\d+); resume with: rppg (.*)", said).groups()
    assert folder.step() == int(step) > 0
    assert "Traceback" not in said
    again_argv = again.split()
    assert again_argv[-1] == "--resume"
    assert set(again_argv) >= {"train", "tiny", "--steps=4000", f"--runs={tmp_path}"}
