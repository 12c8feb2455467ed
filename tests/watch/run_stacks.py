"""What every process of a test run is doing: the report of the watchdog, and of a test that ran out of time.

Also a pytest plugin (`-p run_stacks`): it tells the watchdog when a test has finished, and adds the stacks of all
processes to the report of a test that ran out of time, before anything that the test started is cleaned up.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

VARIABLE = "RPPG_STACKS"  # names the file of all stacks; whoever has it in the environment belongs to the run
ANSWER_S = 2.0  # for a process to write its stacks


def processes(stacks: Path) -> list[psutil.Process]:
    """Every process of the run except this one's parents, orphans included."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(VARIABLE) == str(stacks) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def report(stacks: Path) -> str:
    """All processes of the run with the stacks of their threads."""
    return "\n".join(_about(process, stacks) for process in processes(stacks))


def _about(process: psutil.Process, stacks: Path) -> str:
    try:
        command = " ".join(process.cmdline())[:300]
        lines = [f"--- process {process.pid}, child of {process.ppid()}, {process.status()}: {command}"]
        lines.append(_python_stacks(process, stacks) or _kernel_state(process.pid))
    except psutil.Error as error:
        return f"--- process {process.pid}: {error}"
    return "\n".join(lines)


def _python_stacks(process: psutil.Process, stacks: Path) -> str:
    """What the handler of `sitecustomize` writes; nothing where it is not there or does not answer."""
    if not _catches(process.pid, signal.SIGUSR1) or "python" not in process.exe():
        return ""
    before, until_s = stacks.stat().st_size, time.monotonic() + ANSWER_S
    process.send_signal(signal.SIGUSR1)
    size, seen = before, -1
    while time.monotonic() < until_s and (size == before or size != seen):
        time.sleep(0.05)
        seen, size = size, stacks.stat().st_size
    return stacks.read_bytes()[before:].decode(errors="replace").rstrip()


def _catches(pid: int, number: int) -> bool:
    """Anything else would end the process."""
    caught = next(
        (line for line in _read(pid, "status").splitlines() if line.startswith("SigCgt")), "SigCgt: 0"
    )
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def _kernel_state(pid: int) -> str:
    """Where the threads of a process without Python's stacks wait, as far as the system tells."""
    waits = [
        f"  thread {task.name} waits in {_read(f'{pid}/task/{task.name}', 'wchan') or 'an unknown place'}"
        for task in sorted(Path(f"/proc/{pid}/task").glob("*"))
    ]
    return "\n".join(["  (no Python stacks)", *waits])


def _read(pid: int | str, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except OSError:
        return ""


def pytest_runtest_logfinish() -> None:
    """The watchdog looks at the time of this file's last change."""
    if progress := os.environ.get(VARIABLE):
        Path(progress).with_suffix(".finished").touch()


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_timeout_set_timer(item):
    """Before a test fails for its time, write down what all processes of the run are doing."""
    answer = yield
    fail, stacks = signal.getsignal(signal.SIGALRM), os.environ.get(VARIABLE)
    if callable(fail) and stacks:

        def tell_and_fail(number, frame):
            item.add_report_section("call", "stacks of all processes", report(Path(stacks)))
            fail(number, frame)

        signal.signal(signal.SIGALRM, tell_and_fail)
    return answer
