from __future__ import annotations

import contextlib
import io
import signal
import sys

import pytest

from rppg_core.command import progress
from rppg_core.command.progress import ProgressLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch):
    now_s = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now_s[0])
    return now_s


def test_terminal_sees_one_line_that_is_written_over(monkeypatch, clock):
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    with ProgressLine(every_s=30) as tell:
        for step in range(3):
            tell(f"step {step}", step / 4)
            clock[0] += 0.06  # every second one is too soon
    assert screen.getvalue() == "\r\x1b[K  0%  step 0\r\x1b[K 50%  step 2\r\x1b[K"


def test_log_gets_a_line_now_and_then(monkeypatch, clock):
    monkeypatch.setattr(sys, "stderr", log := io.StringIO())
    with ProgressLine(every_s=30) as tell:
        for second in range(70):
            tell(f"second {second}", second / 100)
            clock[0] += 1
    assert log.getvalue() == "  0%  second 0\n 30%  second 30\n 60%  second 60\n"


@pytest.mark.parametrize("stderr", [io.StringIO(), None])
def test_nobody_is_told_without_a_terminal_or_a_wish(monkeypatch, stderr):
    monkeypatch.setattr(sys, "stderr", stderr)
    with ProgressLine() as tell:
        tell("step", 0.5)
    assert stderr is None or stderr.getvalue() == ""


def test_ctrl_c_that_was_lost_is_raised_at_the_next_step():
    before = signal.getsignal(signal.SIGINT)
    with ProgressLine() as progress:
        with contextlib.suppress(KeyboardInterrupt):  # as a callback out of C code loses it
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            progress("frame 3", 0.1)
    assert signal.getsignal(signal.SIGINT) is before


def test_line_stays_between_stages(capsys):
    with ProgressLine(every_s=30) as shown:
        shown.line("three trainings")
        shown("step 1", 0.1)
    assert capsys.readouterr().err == "three trainings\n 10%  step 1\n"
