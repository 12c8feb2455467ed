"""Worker processes: they begin whatever the caller's threads did, and no death or Ctrl-C leaves anything waiting."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lab import jobs

from rppg_core.errors import UsageError
from rppg_core.lab import workers
from rppg_core.lab.workers import WorkerDiedError, WorkerPool, in_order, loaded, prepare_workers

TESTS = Path(__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{TESTS}:{TESTS.parent}"}
USE_THREADS = """
import cv2, numpy as np, torch
cv2.setNumThreads(4)
torch.set_num_threads(4)
def use_threads():
    cv2.GaussianBlur(np.zeros((1080, 1920, 3), np.uint8), (31, 31), 5)
    torch.randn(800, 800) @ torch.randn(800, 800)
"""
IMPORTS = """
from lab.jobs import Steps, divide, wait_a_minute
from rppg_core.lab.workers import WorkerPool, loaded
"""
POOL_AND_LOADER = """
with WorkerPool(2) as pool:
    numbers = list(pool.map(divide, [1, 2, 4, 8]))
assert numbers == [1, 0.5, 0.25, 0.125], numbers
assert [item[0] for item in loaded(Steps(), range(2, 8), workers=2)] == [2, 3, 4, 5, 6, 7]
"""
TWENTY_TIMES = f"{USE_THREADS}{IMPORTS}for _ in range(20):\n    use_threads()" + POOL_AND_LOADER.replace(
    "\n", "\n    "
)
WAIT = f"""
import sys
from pathlib import Path
{IMPORTS}
with WorkerPool(2) as pool:
    list(pool.map(wait_a_minute, [Path(sys.argv[1])] * 4))
"""


def run(code: str, *, timeout_s: float = 60) -> subprocess.CompletedProcess:
    """A script in a process of its own; what hangs there fails here."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@pytest.fixture
def waiting(tmp_path):
    """A script whose two workers are in the middle of their work, and who they are."""
    command = [sys.executable, "-c", WAIT, tmp_path]
    process = subprocess.Popen(
        command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert becomes_true(lambda: len(list(tmp_path.iterdir())) == 2), "no worker began"
        yield process, [int(path.name) for path in tmp_path.iterdir()]
    finally:
        process.kill()
        process.wait()


def becomes_true(condition, within_s: float = 60) -> bool:
    until_s = time.monotonic() + within_s
    while not condition() and time.monotonic() < until_s:
        time.sleep(0.05)
    return condition()


def group_of(process: subprocess.Popen) -> list[int]:
    """Processes of the session that a script leads: itself, workers, the server that forks them."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "-s", str(process.pid)], capture_output=True, text=True, check=False
    )
    return [int(pid) for pid in listed.stdout.split()]


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.mark.timeout(150)  # the 90 s of the script, and what it takes to end it
def test_pool_and_loader_start_twenty_times_after_opencv_and_torch_have_used_threads():
    done = run(TWENTY_TIMES, timeout_s=90)
    assert done.returncode == 0, done.stderr


def test_pool_may_start_while_another_thread_imports(monkeypatch):
    """Modules that appear while the loaded ones are listed do not stop it; all of the package are listed."""
    listed: list[list[str]] = []
    monkeypatch.setattr(workers.forkserver, "set_forkserver_preload", listed.append)
    ended, late = threading.Event(), []

    def keep_importing():
        while not ended.is_set():
            late.append(f"late{len(late)}")
            sys.modules[late[-1]] = sys
            time.sleep(0)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(1) as other:
            other.submit(keep_importing)
            try:
                for _ in range(100):
                    prepare_workers()
            finally:
                ended.set()
    finally:
        sys.setswitchinterval(before)
        for name in late:
            sys.modules.pop(name)
    assert late, "nothing was imported meanwhile"
    assert len(listed) == 100
    assert all("rppg_core.lab.workers" in names and not set(names) & set(late) for names in listed)


def test_script_needs_no_main_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(IMPORTS + POOL_AND_LOADER + "print('once')\n")
    done = subprocess.run(
        [sys.executable, script], env=ENVIRONMENT, capture_output=True, text=True, timeout=90, check=False
    )
    assert (done.returncode, done.stdout) == (0, "once\n"), done.stderr


def test_script_may_come_from_standard_input():
    done = subprocess.run(
        [sys.executable, "-"],
        input=IMPORTS + POOL_AND_LOADER + "print('once')\n",
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "once\n"), done.stderr


def test_work_of_the_script_itself_is_refused_with_what_to_do():
    for use in ("WorkerPool(1).submit(mine).result()", "list(loaded(Mine(), [0], workers=1))"):
        done = run(f"{IMPORTS}\ndef mine(): ...\nclass Mine(Steps): ...\n{use}")
        assert done.returncode == 1
        last = done.stderr.strip().splitlines()[-1]
        assert "work for another process is defined in the script" in last
        assert "move them into a file of their own and import it" in last


def test_worker_has_one_thread_for_computing():
    with WorkerPool(1) as pool:
        assert pool.submit(jobs.threads).result() == (1, 1, "1")


def test_worker_has_the_folder_and_environment_of_now(monkeypatch, tmp_path):
    with WorkerPool(1) as pool:
        pool.submit(jobs.divide, 1).result()  # the fork server is running by now
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RPPG_MODEL_DIR", "elsewhere")
    with WorkerPool(1) as pool:
        assert pool.submit(jobs.surroundings).result() == (str(tmp_path), "elsewhere", signal.SIG_IGN)
    assert os.environ.get("OMP_NUM_THREADS") == ENVIRONMENT.get("OMP_NUM_THREADS")


def test_killed_worker_is_an_error_that_says_what_to_do_and_another_takes_its_place():
    with WorkerPool(1) as pool:
        with pytest.raises(
            WorkerDiedError, match=r"ended in the middle .*signal 9.*wanted: .* use fewer workers"
        ):
            pool.submit(jobs.kill_yourself).result()
        assert pool.submit(jobs.divide, 2).result() == 0.5


def test_worker_that_is_killed_while_it_answers_is_such_an_error():
    with WorkerPool(1) as pool, pytest.raises(WorkerDiedError):
        pool.submit(jobs.die_while_answering).result()


def test_killed_worker_of_a_loader_is_such_an_error():
    seen = []
    with pytest.raises(WorkerDiedError):
        seen += [item[0] for item in loaded(jobs.DeadlySteps(), range(8), workers=1)]
    assert not seen


def test_error_of_the_work_arrives_with_its_class_and_traceback():
    with WorkerPool(1) as pool:
        with pytest.raises(ZeroDivisionError) as found:
            pool.submit(jobs.divide, 0).result()
        assert "return 1 / number" in found.value.__notes__[0]
        with pytest.raises(UsageError, match="got; wanted: wanted — do"):
            pool.submit(jobs.complain).result()


def test_loader_gives_items_in_order_from_other_processes():
    found = list(loaded(jobs.Steps(), range(3, 8), workers=2, finish=lambda item: (*item, "finished")))
    assert [(index, tensor.tolist(), word) for index, _, tensor, word in found] == [
        (k, [k] * 3, "finished") for k in range(3, 8)
    ]
    assert os.getpid() not in {pid for _, pid, *_ in found}
    assert [pid for _, pid, _ in loaded(jobs.Steps(), [0], workers=0)] == [os.getpid()]


def test_results_in_order_wait_for_the_caller_up_to_a_limit():
    begun = []
    with ThreadPoolExecutor(4) as pool:
        results = in_order(pool, lambda k: begun.append(k) or k, ((k,) for k in range(100)), ahead=3)
        assert next(results) == 0
        time.sleep(0.1)
        assert len(begun) == 4
        assert list(results) == list(range(1, 100))


def test_work_is_stopped_where_the_caller_fails(tmp_path):
    started_s = time.monotonic()
    with pytest.raises(KeyError), WorkerPool(2) as pool:
        for _ in range(4):
            pool.submit(jobs.wait_a_minute, tmp_path)
        assert becomes_true(lambda: len(list(tmp_path.iterdir())) == 2)
        raise KeyError
    assert time.monotonic() - started_s < 55
    assert not [path for path in tmp_path.iterdir() if is_alive(int(path.name))]
    assert len(list(tmp_path.iterdir())) == 2  # what was waiting did not begin


def test_work_that_handles_the_request_to_end_may_save_first(tmp_path):
    with pytest.raises(KeyError), WorkerPool(1) as pool:
        pool.submit(jobs.save_when_asked, tmp_path)
        assert becomes_true((tmp_path / "begun").is_file)
        raise KeyError
    assert (tmp_path / "saved").is_file()


def test_ctrl_c_ends_every_process_without_a_word_of_the_workers(waiting):
    process, _ = waiting
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    said = process.communicate(timeout=30)[1]
    assert said.strip().splitlines()[-1] == "KeyboardInterrupt"
    assert said.count("Traceback") == 1
    assert becomes_true(lambda: not group_of(process), 10)


def test_nothing_stays_behind_when_the_caller_is_killed(waiting):
    process, workers = waiting
    assert set(workers) < set(group_of(process))
    process.kill()
    process.wait()
    assert becomes_true(lambda: not group_of(process), 20)
