"""Work for worker processes, and scripts that hand it out: a worker knows only what lies in a module."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

from rppg_core.errors import UsageError


class Steps:
    """A data set whose items are their index, the process that made them, and a tensor."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> tuple:
        import torch

        return index, os.getpid(), torch.full((3,), float(index))


class DeadlySteps(Steps):
    """The same until step 3, which kills its process."""

    def __getitem__(self, index: int) -> tuple:
        if index == 3:
            kill_yourself()
        return super().__getitem__(index)


def kill_yourself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_while_answering() -> bytes:
    """A large result, whose process is killed while it is on its way."""
    threading.Timer(0.02, kill_yourself).start()
    return bytes(400_000_000)


def threads() -> tuple[int, int, str]:
    """Threads of OpenCV and torch, and what libraries that come later will read."""
    import cv2
    import torch

    return cv2.getNumThreads(), torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]


def surroundings() -> tuple[str, str | None, object]:
    return os.getcwd(), os.environ.get("RPPG_MODEL_DIR"), signal.getsignal(signal.SIGINT)


def complain() -> None:
    raise UsageError("got", wanted="wanted", do="do")


def divide(number: int) -> float:
    return 1 / number


def wait_a_minute(scratch: Path) -> None:
    """Say who works, then work."""
    (scratch / str(os.getpid())).touch()
    time.sleep(60)


def save_when_asked(scratch: Path) -> None:
    """Work that handles SIGTERM, as a training does."""
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    (scratch / "begun").touch()
    while not asked.is_set():
        time.sleep(0.01)
    (scratch / "saved").touch()
