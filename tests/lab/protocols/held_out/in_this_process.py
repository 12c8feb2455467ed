"""Stands in for a pool of workers, which would know nothing of what a test has patched."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future


class InThisProcess(Executor):
    """Does the work as soon as it is given it."""

    def __init__(self, workers: int):
        self.workers = workers

    def submit(self, work: Callable, /, *args, **kwargs) -> Future:
        future = Future()
        try:
            future.set_result(work(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future
