"""Memory and seconds of every notebook that nbmake runs, and a failure above the limits.

A pytest plugin (`-p notebook_costs`). A thread samples the processes that the kernel of a notebook consists of,
since the kernel is gone when its notebook is finished. Memory is the most that they held at one time. The limit on
seconds counts seconds of CPU, because a busy machine stretches those of the clock; both are printed.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

LIMIT_MB, LIMIT_CPU_S = 800.0, 60.0
EVERY_S = 0.1  # between two samples
PROPERTY = "notebook_costs"


@dataclass
class Costs:
    """What one notebook took, as far as it has been sampled."""

    memory_mb: float = 0.0
    cpu_s: float = 0.0
    clock_s: float = 0.0

    def beyond(self, limit_mb: float, limit_cpu_s: float) -> str:
        """Which limits are exceeded, and what helps; empty if none is."""
        said = []
        if self.memory_mb > limit_mb:
            said.append(
                f"it takes {self.memory_mb:.0f} MB of memory; {limit_mb:g} MB at most: "
                "shorter clips, fewer of them at a time, only the arrays in `needs`"
            )
        if self.cpu_s > limit_cpu_s:
            said.append(
                f"it takes {self.cpu_s:.1f} s of CPU; {limit_cpu_s:g} s at most: "
                "fewer seeds, fewer steps, shorter clips"
            )
        return "\n".join(said)


class Sampler(threading.Thread):
    """Samples the processes that this one has started, and those that they have started, until it is stopped."""

    def __init__(self, ignored: set[int]):
        super().__init__(daemon=True)
        self.ignored = ignored  # processes that were there before the notebook
        self.costs = Costs()
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(EVERY_S):
            self.sample()

    def sample(self) -> None:
        """Update the largest memory and the seconds of CPU."""
        found = [
            state for process in children() if process.pid not in self.ignored and (state := look(process))
        ]
        if found:
            memory_mb, peak_mb, cpu_s = (list(column) for column in zip(*found, strict=True))
            self.costs.memory_mb = max(self.costs.memory_mb, sum(memory_mb), *peak_mb)
            self.costs.cpu_s = max(self.costs.cpu_s, sum(cpu_s))

    def stop(self) -> None:
        self._done.set()
        self.join()


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def look(process: psutil.Process) -> tuple[float, float, float] | None:
    """Memory now and at its peak (MB), and seconds of CPU with those of ended children; None if it has ended."""
    try:
        memory_mb = process.memory_info().rss / 1e6
        return memory_mb, max(memory_mb, peak_of(process.pid)), sum(process.cpu_times()[:4])
    except psutil.Error:
        return None


def peak_of(pid: int) -> float:
    """Peak of a process in MB, which Linux keeps, so that no sample can miss it; 0 where it is not known."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:")), 0.0)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("notebook costs")
    group.addoption("--limit-mb", type=float, default=LIMIT_MB, help="memory of a notebook, in MB")
    group.addoption("--limit-cpu-s", type=float, default=LIMIT_CPU_S, help="CPU of a notebook, in seconds")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item):
    """Sample while a notebook runs; other tests run as usual."""
    if not getattr(item, "nbmake", False):
        return (yield)
    sampler, began_s = Sampler({process.pid for process in children()}), time.monotonic()
    sampler.start()
    try:
        return (yield)
    finally:
        sampler.stop()
        sampler.costs.clock_s = time.monotonic() - began_s
        item.user_properties.append((PROPERTY, asdict(sampler.costs)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """A notebook that ran to its end, but beyond a limit, has failed."""
    report = yield
    found = costs_of(report)
    if found and report.when == "call" and report.passed:
        option = item.config.option
        if said := found.beyond(option.limit_mb, option.limit_cpu_s):
            report.outcome, report.longrepr = "failed", f"{item.name}: {said}"
    return report


def costs_of(report: Any) -> Costs | None:
    """The costs in a report, which has come from a worker if there are workers."""
    found = dict(getattr(report, "user_properties", ())).get(PROPERTY)
    return Costs(**found) if found else None


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """A table of all notebooks, at the end, wherever they ran."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    rows = {
        os.path.basename(report.nodeid.partition("::")[0]): found
        for report in reports
        if report.when == "call" and (found := costs_of(report))
    }
    if not rows:
        return
    terminalreporter.section("costs of the notebooks")
    terminalreporter.write_line(f"{'notebook':32} {'memory MB':>9} {'CPU s':>7} {'clock s':>8}")
    for name, one in sorted(rows.items()):
        terminalreporter.write_line(f"{name:32} {one.memory_mb:9.0f} {one.cpu_s:7.1f} {one.clock_s:8.1f}")
    limits = config.option.limit_mb, config.option.limit_cpu_s
    terminalreporter.write_line(f"{'at most':32} {limits[0]:9.0f} {limits[1]:7.1f}")
