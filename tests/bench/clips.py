"""The clip that every speed figure is taken on: a simulated face, 1280x720 or 1920x1080, lightly compressed H.264."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

OUT = Path("out/bench")


def bench_clip(seconds: int, width: int, height: int) -> Path:
    """Path of the clip; made once, in a process of its own so that the caller stays small."""
    path = OUT / f"face_{seconds}s_{height}p.mp4"
    if not path.exists():
        subprocess.run([sys.executable, __file__, str(seconds), str(width), str(height)], check=True)
    return path


def make(seconds: int, width: int, height: int) -> None:
    """Write the clip: the square simulated picture stands in the middle of a noisy wall."""
    from rppg_core.lab.simulate.faces import SimulationSettings, simulate_video
    from rppg_core.video.writer import write_video

    path = OUT / f"face_{seconds}s_{height}p.mp4"
    OUT.mkdir(parents=True, exist_ok=True)
    settings = SimulationSettings(
        seconds=float(seconds), hr_bpm=72.0, amplitude_percent=0.7, tone=2, size=height, seed=1, noise=1.0
    )
    video = simulate_video(settings)
    rng = np.random.default_rng(0)
    wall = [np.clip(rng.normal(150, 1.5, (height, width, 3)), 0, 255).astype(np.uint8) for _ in range(4)]
    left = (width - height) // 2

    def pictures() -> Iterator[np.ndarray]:
        for k, frame in enumerate(video.frames):
            picture = wall[k % 4].copy()
            picture[:, left : left + height] = np.round(frame.region(0, 0, height, height, height, height))
            yield picture

    part = path.with_suffix(".part.mp4")
    write_video(part, pictures(), fps=settings.fps, codec="h264", crf=18)
    part.rename(path)


if __name__ == "__main__":
    make(*map(int, sys.argv[1:]))
