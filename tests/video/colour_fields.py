"""Colour fields that move a little: as pictures, as a file, and a frame of it read whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.video_files import encode


def pictures(n: int, height: int = 48, width: int = 64, seed: int = 0) -> list[np.ndarray]:
    """Colour fields that move a little, with noise."""
    rng = np.random.default_rng(seed)
    base = rng.integers(60, 190, (height // 8 + 1, width // 8 + 1, 3)).repeat(8, 0).repeat(8, 1)
    return [
        (np.roll(base, i, 1)[:height, :width] + rng.integers(-3, 4, (height, width, 3))).astype(np.uint8)
        for i in range(n)
    ]


@pytest.fixture(scope="session")
def h264(tmp_path_factory) -> Path:
    return encode(tmp_path_factory.mktemp("reader") / "clip.mp4", pictures(60), "libx264", "yuv420p")


def whole(frame) -> np.ndarray:
    return frame.region(0, 0, frame.width, frame.height, frame.width, frame.height)
