"""Pictures made smaller, and pictures written as a video."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from rppg_core.video.writer import write_video
from tests.bad_input.command import FPS, SIDE


def written(path: Path, frames, codec: str = "h264", **times) -> Path:
    write_video(path, frames, codec=codec, **(times or {"fps": FPS}))
    return path


def shrunk(pictures: Iterable[np.ndarray], side: int, canvas: int = SIDE) -> list[np.ndarray]:
    """The pictures at another size in the middle of a canvas that continues their edge."""
    before = (canvas - side) // 2
    after = canvas - side - before
    return [
        cv2.copyMakeBorder(
            cv2.resize(p, (side, side), interpolation=cv2.INTER_AREA),
            before,
            after,
            before,
            after,
            cv2.BORDER_REPLICATE,
        )
        for p in pictures
    ]
