"""A hang ends as a failure, with the stack of every process: in a test, in a child of it, and after the last test."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

WATCHDOG = Path(__file__).parent / "watch" / "watchdog.py"
NATIVE = """
import ctypes, os, sys, time

def hang_in_native_code():
    mutex, libc = ctypes.create_string_buffer(64), ctypes.PyDLL(None)  # PyDLL keeps the lock of Python
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)
"""
IN_A_CHILD = f"""{NATIVE}
def wait_for_child(pid):
    os.waitpid(pid, 0)

def test_first(): pass

def test_child_hangs():
    pid = os.fork()
    if pid == 0:
        hang_in_native_code()
    wait_for_child(pid)
"""
IN_THE_TEST = f"{NATIVE}\ndef test_hangs():\n    hang_in_native_code()\n"
AT_EXIT = (
    f"{NATIVE}\nimport atexit\n\ndef test_leaves_something():\n    atexit.register(hang_in_native_code)\n"
)
FAILS = "def test_fails():\n    assert False\n"
LEAVES = """
import subprocess, sys

def test_leaves_a_process():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
"""


def watched(
    folder: Path, code: str, *options: str, limits=("--quiet-s", "30")
) -> subprocess.CompletedProcess:
    """A suite of one file under the watchdog."""
    (folder / "test_it.py").write_text(code)
    (folder / "pytest.ini").write_text("[pytest]\n")
    return subprocess.run(
        [sys.executable, WATCHDOG, *limits, "--", sys.executable, "-m", "pytest", "-p", "stacks",
         "-p", "no:cacheprovider", *options, "test_it.py"],
        cwd=folder, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_hang_of_a_child_ends_with_the_stacks_of_all(tmp_path, options):
    done = watched(tmp_path, IN_A_CHILD, *options, limits=("--quiet-s", "45"))  # a busy machine starts slowly
    assert done.returncode == 124, done.stdout
    assert "no test has finished for 45 s" in done.stdout
    assert "in wait_for_child" in done.stdout
    assert "in hang_in_native_code" in done.stdout
    assert "FAILED" in done.stdout.splitlines()[-1]


def test_test_that_hangs_in_native_code_is_ended(tmp_path):
    done = watched(tmp_path, IN_THE_TEST, "--timeout=3")  # which pytest cannot hold here
    assert done.returncode == 124, done.stdout
    assert "in hang_in_native_code" in done.stdout


def test_hang_after_the_last_test_is_ended(tmp_path):
    done = watched(tmp_path, AT_EXIT)
    assert "1 passed" in done.stdout
    assert done.returncode == 124
    assert "in hang_in_native_code" in done.stdout


def test_limit_of_the_whole_run_holds(tmp_path):
    done = watched(tmp_path, IN_THE_TEST, limits=("--whole-s", "30"))
    assert done.returncode == 124
    assert "the run takes more than 30 s" in done.stdout


@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_test_that_runs_out_of_its_time_reports_every_process(tmp_path, options):
    done = watched(tmp_path, IN_A_CHILD, "--timeout=5", *options, limits=("--quiet-s", "120"))
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
