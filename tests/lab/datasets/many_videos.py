"""Forty small videos, and frames that end the process that reads them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.datasets.known_pulse import FPS, HR_BPM, even, pictures, wave, write_text

from rppg_core.lab.datasets.base import FrameSource
from rppg_core.video.frame import Frame
from rppg_core.video.writer import write_video

SECONDS = 3.0


def make_videos(root: Path, n: int) -> Path:
    """Videos of skin without a face, two of each person, each with its labels beside it."""
    times_s = even(FPS, SECONDS)
    rows = [
        f"{t:.6f},{p:.6f},{HR_BPM if k % 30 == 0 else ''}"
        for k, (t, p) in enumerate(zip(times_s, wave(times_s), strict=True))
    ]
    root.mkdir(parents=True, exist_ok=True)
    for k in range(n):
        name = f"person{k // 2:02d}_{k % 2}"
        write_video(root / f"{name}.mkv", pictures(times_s), times_s=times_s)
        write_text(root / f"{name}.csv", "t_s,ppg,hr\n" + "\n".join(rows) + "\n")
    return root


@dataclass(frozen=True)
class Deadly:
    """Frames that kill the process that asks for them, so many times."""

    frames: FrameSource
    scratch: Path  # folder in which deaths are counted
    times: int = 1

    def __call__(self) -> Iterator[Frame]:
        deaths = len(list(self.scratch.iterdir()))
        if deaths < self.times:
            (self.scratch / str(deaths)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.frames()

    def seconds(self) -> float:
        return self.frames.seconds()

    def check(self) -> None:
        self.frames.check()
