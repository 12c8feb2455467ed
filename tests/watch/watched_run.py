"""Run the tests, and end them where they hang: `watched_run.py [--whole-s S] [--quiet-s S] -- COMMAND ...`.

pytest-timeout fails a test that takes too long, as long as Python still runs there. A process that hangs in native
code, at its start or at its exit answers to nobody; so this process watches from outside. When the whole run, or the
time since a test has finished, is over its limit, it prints what every process of the run is doing, kills them all
and exits with 124. Otherwise it exits as COMMAND does; what COMMAND left running is named and killed.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import run_stacks

KILL_S = 60.0  # until processes that cannot be killed are left alone
HUNG = 124  # as the command `timeout` has it
HERE = Path(__file__).parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--whole-s", type=float, default=3600.0, help="limit of the run")
    parser.add_argument("--quiet-s", type=float, default=660.0, help="limit between two finished tests")
    parser.add_argument("command", nargs="+")
    asked = parser.parse_args()
    signal.signal(signal.SIGINT, lambda *_: None)  # pytest gets it as well and ends in its own way
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="rppg-tests-") as folder:
        log = Path(folder) / "stacks.log"
        log.touch()
        try:
            return watch(asked.command, log, whole_s=asked.whole_s, quiet_s=asked.quiet_s)
        finally:
            for left in kill(log):
                print(f"watchdog: killed {left}", file=sys.stderr, flush=True)


def watch(command: list[str], log: Path, *, whole_s: float, quiet_s: float) -> int:
    """The exit code of a command, or HUNG."""
    paths = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, run_stacks.VARIABLE: str(log), "PYTHONPATH": os.pathsep.join(paths)}
    finished = log.with_suffix(".finished")
    finished.touch()
    started_s = time.time()
    run = subprocess.Popen(command, env=environment)
    while True:
        try:
            return run.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            now_s = time.time()
        over = {
            f"the run takes more than {whole_s:g} s": now_s - started_s > whole_s,
            f"no test has finished for {quiet_s:g} s": now_s - finished.stat().st_mtime > quiet_s,
        }
        for why, is_over in over.items():
            if is_over:
                print(f"\nwatchdog: {why}; this is what every process is doing:", flush=True)
                print(run_stacks.report(log), flush=True)
                kill(log)
                run.poll()
                print(f"watchdog: FAILED, {why}; the stacks are above", flush=True)
                return HUNG


def kill(log: Path) -> list[str]:
    """End every process of the run, those that it starts meanwhile included; their commands."""
    killed = []
    until_s = time.monotonic() + KILL_S
    while (left := run_stacks.processes(log)) and time.monotonic() < until_s:
        for process in left:
            try:
                killed.append(f"{process.pid}: {' '.join(process.cmdline())[:200]}")
                process.kill()
            except psutil.Error:
                continue
        psutil.wait_procs(left, timeout=5)
    return killed


if __name__ == "__main__":
    sys.exit(main())
