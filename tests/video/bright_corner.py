"""A clip whose pictures are bright in one corner, and the times at which a file shows its pictures."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.video.reader import open_video
from tests.video_files import encode


def pictures(n: int, height: int = 48, width: int = 64, seed: int = 0) -> list[np.ndarray]:
    """Colours that are bright in one corner, with noise."""
    rng = np.random.default_rng(seed)
    base = np.full((height, width, 3), 60)
    base[: height // 3, : width // 3] = (200, 120, 90)
    return [(base + rng.integers(-3, 4, base.shape)).astype(np.uint8) for _ in range(n)]


def times_of(path, **options) -> np.ndarray:
    return np.array([frame.time_s for frame in open_video(path, **options).frames()])


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streams")
    return encode(folder / "clip.mp4", pictures(90), "libx264", "yuv420p", options={"bf": "0"})
