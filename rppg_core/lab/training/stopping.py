"""Ctrl-C as a request: the loop finishes its step, saves, and exits.

A second Ctrl-C stops at once, as it does everywhere.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)  # of a terminal, and of schedulers that want their machine back


@contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
    """An event that the first signal sets. Outside the main thread, where Python has no signals, nothing sets it."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {int(number): signal.getsignal(number) for number in SIGNALS}

    def ask(number: int, frame: FrameType | None) -> None:
        asked.set()
        signal.signal(number, before[number])

    try:
        for number in before:
            signal.signal(number, ask)
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
