"""Worker processes: the only module that starts any, for pools of work and for loaders of training data.

A plain fork copies a process without its threads: if OpenCV or torch has used threads before, a worker can wait
forever for the missing ones. Workers therefore come from a fork server on Linux, a process that imports what the
caller has imported and never computes anything, and are spawned elsewhere (Apple's frameworks do not survive a
fork). Every worker computes in one thread, leaves Ctrl-C to the caller, and ends when the caller ends, for whatever
reason. A script needs no `__main__` guard, because workers do not run it again; in return, everything that is sent
to them has to be defined in a module.

Each worker has a pipe of its own, and a thread of the caller that waits at its end. Workers share nothing, so that
the death of one (out of memory, killed) leaves no lock behind, and it is known whose work it was.
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
END_S = 5.0  # until a worker that has nothing to do is killed

P = ParamSpec("P")
T = TypeVar("T")
_starting = threading.Lock()  # a start changes the environment and __main__ for a moment
_held: list[Any] = []  # in a worker: what its pool gave it to hold


class WorkerDiedError(RppgError):
    """A worker process ended in the middle of its work, or could not begin."""

    exit_code = 1


class WorkerPool(ThreadPoolExecutor):
    """An executor of worker processes, used as a context manager; each thread of it waits for one process.

    Leaving the block by an exception (Ctrl-C and a closed generator included) sends SIGTERM to the workers: they end
    at once, or first save what they handle that signal for. Another Ctrl-C kills them.
    """

    def __init__(self, workers: int, *, holds: Any = None, finish: Callable[[Any], Any] | None = None):
        """Processes start with the first work for them.

        Args:
            workers: how many.
            holds: sent to each worker once; `loaded` keeps its data set there.
            finish: applied to each result in a thread of this process.
        """
        super().__init__(workers, thread_name_prefix="worker")
        self._holds, self._finish, self._ending = pickle.dumps(holds), finish, False
        self._all: list[_Worker] = []
        self._idle: LifoQueue[_Worker | None] = LifoQueue()  # None: a process that is yet to be started
        for _ in range(workers):
            self._idle.put(None)
        prepare_workers()

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a worker call something that is defined in a module.

        The future raises what the work raised, or WorkerDiedError where its process ended; another process takes its
        place.
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
        """Send the work to a worker that has none and wait for its answer."""
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
            worker.here.close()  # what waits for work ends at that
        for worker in self._all:
            worker.process.join(END_S)
            worker.process.kill()


def in_order(
    pool: Executor, work: Callable[..., T], jobs: Iterable[Sequence[Any]], *, ahead: int
) -> Iterator[T]:
    """Results in the order of the jobs, with a limit on how many wait for the caller.

    Args:
        pool: of any kind.
        work: called with each job's arguments.
        jobs: arguments.
        ahead: jobs that may be under way, or done, while the caller looks at a result.
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
    """Items of a map-style data set, made by workers ahead of the caller; tensors come in shared memory.

    Args:
        dataset: gives an item for an index; each worker gets a copy of it.
        indices: which, in order.
        workers: processes; 0 makes the items in this one.
        finish: applied to each item in a thread of this process, such as a copy into pinned memory.
    """
    if not workers:
        for index in indices:
            yield dataset[index] if finish is None else finish(dataset[index])
        return
    with WorkerPool(workers, holds=dataset, finish=finish) as pool:
        yield from in_order(pool, _item, ((index,) for index in indices), ahead=4 * workers)


def prepare_workers(*modules: str) -> None:
    """Start the fork server, which then imports while this process goes on.

    A pool does this itself; a caller that knows early that there will be one saves the time.

    Args:
        modules: what to import there, beside what this process has already imported of the package.
    """
    if METHOD != "forkserver":
        return
    here = [name for name in sys.modules if name.partition(".")[0] == "rppg_core" or name in ("cv2", "torch")]
    with _starting, _clean_start():
        forkserver.set_forkserver_preload([*modules, *here])
        forkserver.ensure_running()


class _Worker:
    """A process and this end of its pipe."""

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
        """The result of a job, or what it raised."""
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
    """Main loop of a worker: prepare, then answer until the pipe is closed."""
    _held.append(holds)
    os.environ.clear()
    os.environ.update({**environment, **ONE_THREAD})  # the fork server's are those of its start
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
    """Result, error and traceback of a job, as they are sent back."""
    try:
        work, args, kwargs = _opened(job)
        return ForkingPickler.dumps((work(*args, **kwargs), None, ""))
    except Exception as error:
        lines = traceback.format_exc()
        try:
            return ForkingPickler.dumps((None, error, lines))
        except Exception:  # an error that holds what cannot be sent
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
    """In a worker, an item of the data set that it holds."""
    if isinstance(_held[0], bytes):
        _held[0] = _opened(_held[0])
    return _held[0][index]


@contextmanager
def _clean_start() -> Iterator[None]:
    """What starts here has one thread, and ignores Ctrl-C from its first moment."""
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
    """Workers that start here do not run the caller's script again.

    A module of ours that `python -m` runs is imported all the same: its functions are known as those of __main__.
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
