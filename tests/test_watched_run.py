"""A hang ends as a failure, with the stack of every process: in a test, in a child of it, and after the last test."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

WATCHED_RUN = Path(__file__).parent / "watch" / "watched_run.py"
HANGING = """
import atexit, ctypes, os, signal, sys

def hang_in_native_code():
    mutex, libc = ctypes.create_string_buffer(64), ctypes.PyDLL(None)  # PyDLL keeps the lock of Python
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)

def hang_since_long_ago():
    # an hour after the last test, on any machine: a short limit would be over before a busy one has started
    os.utime(os.environ["RPPG_STACKS"].replace(".log", ".finished"), (0, 0))
    hang_in_native_code()
"""
IN_A_CHILD = f"""{HANGING}
def wait_for_child(pid):
    os.waitpid(pid, 0)

def test_first(): pass

def test_child_hangs():
    pid = os.fork()
    if pid == 0:
        hang_in_native_code()
    try:
        wait_for_child(pid)
    finally:
        os.kill(pid, signal.SIGKILL)
"""
IN_A_CHILD_SINCE_LONG_AGO = IN_A_CHILD.replace("def test_first(): pass", "").replace(
    "        hang_in_native_code()", "        hang_since_long_ago()"
)
IN_THE_TEST = f"{HANGING}\ndef test_hangs():\n    hang_since_long_ago()\n"
AT_EXIT = f"{HANGING}\ndef test_leaves_something():\n    atexit.register(hang_since_long_ago)\n"
FAILS = "def test_fails():\n    assert False\n"
LEAVES = """
import subprocess, sys

def test_leaves_a_process():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
"""


def watched(folder: Path, code: str, *options: str, limits=()) -> subprocess.CompletedProcess:
    """A suite of one file under the watchdog, without the plugins that it has no use for."""
    (folder / "test_it.py").write_text(code)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = ["-m", "pytest", "-p", "run_stacks", "-p", "xdist", "-p", "timeout", *options, "test_it.py"]
    return subprocess.run(
        [sys.executable, WATCHED_RUN, *limits, "--", sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_hang_of_a_child_ends_with_the_stacks_of_all(tmp_path, options):
    done = watched(tmp_path, IN_A_CHILD_SINCE_LONG_AGO, *options)
    assert done.returncode == 124, done.stdout
    assert "no test has finished for 660 s" in done.stdout
    assert "in wait_for_child" in done.stdout
    assert "in hang_in_native_code" in done.stdout
    assert "FAILED" in done.stdout.splitlines()[-1]


def test_test_that_hangs_in_native_code_is_ended(tmp_path):
    done = watched(tmp_path, IN_THE_TEST)
    assert done.returncode == 124, done.stdout
    assert "in hang_in_native_code" in done.stdout


def test_hang_after_the_last_test_is_ended(tmp_path):
    done = watched(tmp_path, AT_EXIT)
    assert "1 passed" in done.stdout
    assert done.returncode == 124
    assert "in hang_in_native_code" in done.stdout


def test_limit_of_the_whole_run_holds(tmp_path):
    done = watched(tmp_path, IN_THE_TEST, limits=("--whole-s", "3", "--quiet-s", "1e99"))
    assert done.returncode == 124
    assert "the run takes more than 3 s" in done.stdout


@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_test_that_runs_out_of_its_time_reports_every_process(tmp_path, options):
    done = watched(tmp_path, IN_A_CHILD, "--timeout=2", *options)
    assert done.returncode == 1, done.stdout
    assert "1 failed, 1 passed" in done.stdout
    section = done.stdout.partition("stacks of all processes")[2]
    assert "in wait_for_child" in section and "in hang_in_native_code" in section


def test_exit_code_is_that_of_the_command_where_nothing_hangs(tmp_path):
    assert watched(tmp_path, FAILS).returncode == 1
    assert watched(tmp_path, "").returncode == 5
    assert watched(tmp_path, "def test_passes(): pass").returncode == 0


def test_what_was_left_running_is_named_and_killed(tmp_path):
    started_s = time.monotonic()
    done = watched(tmp_path, LEAVES)
    assert done.returncode == 0
    assert "watchdog: killed" in done.stderr and "time.sleep(600)" in done.stderr
    assert time.monotonic() - started_s < 100
