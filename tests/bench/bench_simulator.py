"""How fast known truth is made: clips a second and traces a second of one core, printed and held to their budget.

Clips: 160 frames of a drawn face through the pass, with stmap and crop36, the tracker being the simulator's own.
Traces: 256 frames of 36 cells at 30 fps, resampled and filtered to an STMap.
"""

from __future__ import annotations

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from rppg_core.lab.simulate.faces import random_settings, simulate_clip
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.types import STMap
from rppg_core.video.prepare import resample, stmap_band

FS = 30.0
CLIP_FRAMES, TRACE_FRAMES = 160, 256
BUDGET = {"clips": 4.0, "traces": 80.0}  # a second, one core


def draws(seed: int, n_frames: int, difficulty: float, size: int) -> SimulationSettings:
    """Random settings that give n_frames, whatever the frame rate."""
    found = random_settings(
        np.random.default_rng(seed), pulsed=True, size=size, difficulty=difficulty, face="drawn"
    )
    return replace(found, fps=FS, seconds=n_frames / FS, dropped=0.0)


def one_clip(seed: int, difficulty: float, size: int) -> None:
    simulate_clip(draws(seed, CLIP_FRAMES, difficulty, size), frozenset({"rgb", "stmap", "crop36"}))


def one_trace(seed: int, difficulty: float, size: int) -> None:
    clip, _ = simulate_traces(draws(seed, TRACE_FRAMES, difficulty, size))
    even = resample(clip, FS)
    stmap_band(STMap(even.need("stmap"), FS, even.need("stmap_weight")), "pulse")


def rate(make: Callable[[int, float, int], None], n: int, difficulty: float, size: int) -> float:
    """Samples a second of CPU time, after one to warm up."""
    make(0, difficulty, size)
    started = time.process_time()
    for seed in range(1, n + 1):
        make(seed, difficulty, size)
    return n / (time.process_time() - started)


def main() -> None:
    """Measure, print, assert."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--traces", type=int, default=200)
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    found = {}
    for size in (128, 160):
        for difficulty in (0.0, 1.0):
            speed = rate(one_clip, asked.clips, difficulty, size)
            found["clips", size, difficulty] = speed
            print(
                f"{speed:6.1f} clips/s   of {CLIP_FRAMES} frames, {size} x {size}, difficulty {difficulty:g}"
            )
    for difficulty in (0.0, 1.0):
        found["traces", 0, difficulty] = rate(one_trace, asked.traces, difficulty, 128)
        print(
            f"{found['traces', 0, difficulty]:6.1f} traces/s  of {TRACE_FRAMES} frames, difficulty {difficulty:g}"
        )
    for (what, size, difficulty), speed in found.items():
        if size <= 128:
            wanted = f"{BUDGET[what]:g} {what} a second"
            assert speed >= BUDGET[what], f"{speed:.1f}, wanted {wanted} at difficulty {difficulty:g}"


if __name__ == "__main__":
    main()
