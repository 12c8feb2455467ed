"""scikit-image's astronaut, on a wall of any size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from rppg_core.video import face
from rppg_core.video.face import FaceTracker
from rppg_core.video.reader import ArrayFrame

FACE_WIDTH = 94  # of the astronaut, pixels


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    return data.astronaut().astype(np.float32)


@pytest.fixture
def tracker(face_models) -> FaceTracker:
    return FaceTracker()


def wall(width: int = 1280, height: int = 720) -> np.ndarray:
    """A plain wall with a gradient of light and sensor noise."""
    x = np.linspace(0, 30, width)[None, :, None]
    noise = np.random.default_rng(1).normal(0, 3, (height, width, 3))
    return np.clip(np.array([120.0, 112.0, 100.0]) + x + noise, 0, 255).astype(np.float32)


def paste(background: np.ndarray, photo: np.ndarray, x: int, y: int, face_width: float) -> np.ndarray:
    """The photo on a background, scaled so that its face is `face_width` wide, cut off at the edges."""
    scale = face_width / FACE_WIDTH
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = np.clip(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=method), 0, 255)
    out = background.copy()
    target = out[y : y + small.shape[0], x : x + small.shape[1]]
    target[:] = small[: target.shape[0], : target.shape[1]]
    return out


def look(tracker: FaceTracker, picture: np.ndarray, time_s: float = 0.0) -> face.FaceObservation:
    seen = tracker.observe(ArrayFrame(time_s, picture))
    assert seen is not None, "no face found"
    return seen


def rms(points: np.ndarray, others: np.ndarray) -> float:
    return float(np.sqrt(np.square(points - others).sum(axis=1).mean()))
