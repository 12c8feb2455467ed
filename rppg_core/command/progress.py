"""Progress of a command on standard error: one line that is overwritten, or separate lines at intervals.

A terminal gets the first form. Without a terminal, only commands that run for minutes write lines, for a log.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from types import FrameType


class ProgressLine:
    """One line on standard error that is overwritten; nothing without a terminal, unless `every_s` is given.

    Args:
        every_s: for work of many minutes: interval between the lines written without a terminal. Unit: s.
    """

    def __init__(self, every_s: float | None = None) -> None:
        self.seen = sys.stderr is not None and sys.stderr.isatty()
        self.every_s = 0.1 if self.seen else every_s
        self.next_s = 0.0
        self.interrupted = False
        self.outer = None  # the previous handler of Ctrl-C

    def __call__(self, stage: str, fraction: float) -> None:
        """Show the name of a stage and a fraction 0..1, at most ten times per second.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed, but the exception raised then was lost, as in a callback from C.
        """
        if self.interrupted:
            raise KeyboardInterrupt
        if sys.stderr is None or self.every_s is None or time.monotonic() < self.next_s:
            return
        line = f"{fraction:4.0%}  {stage}"
        sys.stderr.write(f"\r\x1b[K{line}" if self.seen else f"{line}\n")
        sys.stderr.flush()
        self.next_s = time.monotonic() + self.every_s

    def line(self, words: str) -> None:
        """Write a line that is not overwritten."""
        if sys.stderr is not None and self.every_s is not None:
            sys.stderr.write(f"\r\x1b[K{words}\n" if self.seen else f"{words}\n")
            sys.stderr.flush()

    def __enter__(self) -> ProgressLine:
        if threading.current_thread() is threading.main_thread():
            self.outer = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self.interrupted = True
        raise KeyboardInterrupt

    def __exit__(self, *_: object) -> None:
        if self.outer is not None:
            signal.signal(signal.SIGINT, self.outer)
        if self.seen:
            sys.stderr.write("\r\x1b[K")
