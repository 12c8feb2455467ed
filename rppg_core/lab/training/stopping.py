"""Stop a training cleanly on Ctrl-C: the loop finishes its step, saves, and exits.

A second Ctrl-C stops at once, as usual.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)  # sent by a terminal, and by schedulers that reclaim the machine


@contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
    """An event set by the first signal; never set outside the main thread, where there are no signals."""
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
