"""Worker processes for pools of jobs and for loading training data; no other module starts processes.

A plain fork copies a process without its threads: if OpenCV or torch has used threads before, a worker can
wait forever for the missing ones. On Linux, workers therefore come from a fork server, a process that imports
what the caller has imported but never computes anything; on other systems they are spawned (Apple's
frameworks do not survive a fork). Every worker computes in one thread, leaves Ctrl-C to the caller, and ends
when the caller ends, for whatever reason. A script needs no `__main__` guard, because workers do not run it
again; in return, everything that is sent to them has to be defined in a module.

Each worker has its own pipe, and one thread of the caller waits for its answers. Workers share nothing, so if
one dies (out of memory, killed), it leaves no lock behind, and the caller knows which job failed.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from queue import LifoQueue
from typing import Any, ParamSpec, TypeVar

from rppg_core.errors import RppgError, UsageError

METHOD = "forkserver" if sys.platform == "linux" else "spawn"
LIBRARIES = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")
ONE_THREAD: dict[str, str] = {
    **{f"{library}_NUM_THREADS": "1" for library in LIBRARIES},
    "VECLIB_MAXIMUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
}
END_S = 5.0  # time that a worker gets to end before it is killed

P = ParamSpec("P")
T = TypeVar("T")
_starting = threading.Lock()  # starting a worker changes the environment and __main__ for a moment
_held: list[Any] = []  # in a worker: the object that its pool passed as `holds`


class WorkerDiedError(RppgError):
    """A worker process ended in the middle of its work, or could not be started."""

    exit_code = 1


class WorkerPool(ThreadPoolExecutor):
    """An executor of worker processes, used as a context manager; each of its threads waits for one process.

    Leaving the block by an exception (including Ctrl-C and a closed generator) sends SIGTERM to the workers:
    they end at once, or first save their state if they handle that signal. Another Ctrl-C kills them.
    """

    def __init__(self, workers: int, *, holds: Any = None, finish: Callable[[Any], Any] | None = None):
        """Prepare the pool; each process starts when the first job is submitted to it.

        Args:
            workers: number of processes.
            holds: object that is sent once to each worker; `loaded` passes its data set here.
            finish: applied to each result in a thread of this process.
        """
        super().__init__(workers, thread_name_prefix="worker")
        self._holds, self._finish, self._ending = pickle.dumps(holds), finish, False
        self._all: list[_Worker] = []
        self._idle: LifoQueue[_Worker | None] = LifoQueue()  # None: a process that has not been started yet
        for _ in range(workers):
            self._idle.put(None)
        prepare_workers()

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a worker call a function that is defined in a module.

        The future raises what the function raised, or WorkerDiedError if the process ended; another process
        then takes its place.
        """
        return super().submit(self._ask, work, args, kwargs)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._ending = True
        try:
            if kind is not None:
                self.shutdown(wait=False, cancel_futures=True)
                for worker in self._all:
                    worker.process.terminate()
            self.shutdown()
        finally:
            self._end()

    def _ask(self, work: Callable, args: tuple, kwargs: dict) -> Any:
        """Send a job to an idle worker and wait for its answer."""
        job = ForkingPickler.dumps((work, args, kwargs))
        worker = self._idle.get()
        try:
            worker = worker or self._started()
            result = worker.ask(job)
        except WorkerDiedError:
            worker = None
            raise
        finally:
            self._idle.put(worker)
        return result if self._finish is None else self._finish(result)

    def _started(self) -> _Worker:
        worker = _Worker(self._holds)
        self._all.append(worker)
        if self._ending:
            worker.process.terminate()
        return worker

    def _end(self) -> None:
        for worker in self._all:
            worker.here.close()  # an idle worker ends when its pipe is closed
        for worker in self._all:
            worker.process.join(END_S)
            worker.process.kill()


def in_order(
    pool: Executor, work: Callable[..., T], jobs: Iterable[Sequence[Any]], *, ahead: int
) -> Iterator[T]:
    """Results in the order of the jobs, with a limit on how many are computed ahead of the caller.

    Args:
        pool: any executor.
        work: called with each job's arguments.
        jobs: the arguments of each job.
        ahead: number of jobs that may be running or finished while the caller handles a result.
    """
    waiting: deque[Future[T]] = deque()
    for job in jobs:
        waiting.append(pool.submit(work, *job))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def loaded(
    dataset: Any, indices: Iterable[int], *, workers: int, finish: Callable[[Any], Any] | None = None
) -> Iterator[Any]:
    """Items of a map-style data set, loaded by workers ahead of the caller; tensors arrive in shared memory.

    Args:
        dataset: returns an item for an index; each worker gets a copy of it.
        indices: the items to load, in order.
        workers: number of processes; 0 loads the items in this process.
        finish: applied to each item in a thread of this process, such as a copy into pinned memory.
    """
    if not workers:
        for index in indices:
            yield dataset[index] if finish is None else finish(dataset[index])
        return
    with WorkerPool(workers, holds=dataset, finish=finish) as pool:
        yield from in_order(pool, _item, ((index,) for index in indices), ahead=4 * workers)


def prepare_workers(*modules: str) -> None:
    """Start the fork server, which imports modules while this process continues.

    A pool does this itself; a caller that will need a pool saves time by calling this early.

    Args:
        modules: to import there, in addition to the modules of the package that this process has imported.
    """
    if METHOD != "forkserver":
        return
    known = list(sys.modules)  # at once: another thread may be importing
    here = [name for name in known if name.partition(".")[0] == "rppg_core" or name in ("cv2", "torch")]
    with _starting, _clean_start():
        forkserver.set_forkserver_preload([*modules, *here])
        forkserver.ensure_running()


class _Worker:
    """A worker process and the caller's end of its pipe."""

    def __init__(self, holds: bytes):
        context = multiprocessing.get_context(METHOD)
        self.here, there = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(there, dict(os.environ), holds), name="worker", daemon=True
        )
        try:
            prepare_workers()
            with _starting, _main_hidden(), nullcontext() if METHOD == "forkserver" else _clean_start():
                self.process.start()
        except (EOFError, ConnectionError) as error:  # the fork server is gone
            raise WorkerDiedError(
                "no worker process could be started",
                wanted="a worker that starts",
                do="check this machine's memory and the lines above",
            ) from error
        finally:
            there.close()

    def ask(self, job: Any) -> Any:
        """Send a job and return its result; raises what the job raised."""
        try:
            self.here.send_bytes(job)
            result, error, lines = pickle.loads(self.here.recv_bytes())
        except (EOFError, OSError):
            raise self._death() from None
        if error is None:
            return result
        if not isinstance(error, RppgError):
            error.add_note(f"In a worker process:\n{lines}")
        raise error

    def _death(self) -> WorkerDiedError:
        self.process.join(END_S)
        code = self.process.exitcode
        how = "it does not answer" if code is None else f"signal {-code}" if code < 0 else f"exit code {code}"
        return WorkerDiedError(
            f"a worker process ended in the middle of its work ({how}): it was killed, ran out of memory or crashed",
            wanted="a worker that finishes",
            do="check the memory and the system log, use fewer workers, then run the same command again",
        )


def _serve(there: Connection, environment: dict[str, str], holds: bytes) -> None:
    """Main loop of a worker: set up the process, then run jobs until the pipe is closed."""
    _held.append(holds)
    os.environ.clear()
    os.environ.update({**environment, **ONE_THREAD})  # the fork server still has the variables of its start
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if cv2 := sys.modules.get("cv2"):
        cv2.setNumThreads(1)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
    threading.Thread(target=_end_with_caller, daemon=True).start()
    try:
        while True:
            there.send_bytes(_answer(there.recv_bytes()))
    except (EOFError, OSError):
        return


def _end_with_caller() -> None:
    caller = multiprocessing.parent_process()
    assert caller is not None, "only workers wait for that"
    caller.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _answer(job: bytes) -> Any:
    """Run a job; its result, error and traceback, pickled to be sent back."""
    try:
        work, args, kwargs = _opened(job)
        return ForkingPickler.dumps((work(*args, **kwargs), None, ""))
    except Exception as error:
        lines = traceback.format_exc()
        try:
            return ForkingPickler.dumps((None, error, lines))
        except Exception:  # the error itself cannot be pickled
            return ForkingPickler.dumps((None, RuntimeError(f"{type(error).__name__}: {error}"), lines))


def _opened(sent: bytes) -> Any:
    try:
        return pickle.loads(sent)
    except AttributeError as error:
        if "__main__" not in str(error):
            raise
        raise UsageError(
            f"work for another process is defined in the script that was started ({error})",
            wanted="functions and classes of a module",
            do="move them into a file of their own and import it",
        ) from error


def _item(index: int) -> Any:
    """In a worker: one item of the data set that its pool passed."""
    if isinstance(_held[0], bytes):
        _held[0] = _opened(_held[0])
    return _held[0][index]


@contextmanager
def _clean_start() -> Iterator[None]:
    """Processes started in this block use one thread and ignore Ctrl-C from the start."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if in_main_thread else None
    try:
        os.environ.update(ONE_THREAD)
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        if handler is not None:
            signal.signal(signal.SIGINT, handler)


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Workers started in this block do not run the caller's script again.

    A module of this package that runs by `python -m` is still imported: its functions are pickled under __main__.
    """
    main = vars(sys.modules["__main__"])
    if (getattr(main.get("__spec__"), "name", None) or "").startswith("rppg_core."):
        yield
        return
    hidden = {name: main.pop(name) for name in ("__spec__", "__file__") if name in main}
    main["__spec__"] = None
    try:
        yield
    finally:
        main.update(hidden)
