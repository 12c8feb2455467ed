"""The still picture that a simulated clip is made from: a cropped photo with known face and skin tone.

It connects `skin` and `scene`. The default photo is scikit-image's astronaut (NASA, public domain), whose mesh
points are stored beside this file so that no model file is needed; on any other photo the tracker runs once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float

from rppg_core.errors import NoFaceError, VideoError
from rppg_core.lab.simulate import skin
from rppg_core.video.mesh_points import FACE_OVAL

SIDE_WIDTHS = 2.22  # side of the picture in face widths
HEAD_STILL, HEAD_FREE = (
    0.62,
    0.92,
)  # from the face centre, in face sizes: within the first the head moves rigidly, beyond the second nothing moves


@dataclass(frozen=True)
class Portrait:
    """A face photo in linear light, ready to be animated."""

    body: Float[np.ndarray, "height width 3"]  # without highlights
    highlights: Float[np.ndarray, "height width"]  # white, added to every channel
    skin: skin.SkinMap
    head: Float[np.ndarray, "height width"]  # 1 where the picture moves with the head, 0 where it never moves
    landmarks: Float[np.ndarray, "landmark 2"]  # pixels of this picture

    @property
    def centre(self) -> Float[np.ndarray, " 2"]:
        """Middle of the face oval in pixels."""
        oval = self.landmarks[list(FACE_OVAL)]
        return (oval.min(axis=0) + oval.max(axis=0)) / 2

    @property
    def face_size(self) -> Float[np.ndarray, " 2"]:
        """Width and height of the face oval in pixels."""
        return np.ptp(self.landmarks[list(FACE_OVAL)], axis=0)


@lru_cache(maxsize=8)
def load_portrait(photo: str | None = None, *, tone: int = 1, size: int = 256) -> Portrait:
    """Crop a photo to its face, find the skin and give it one of the six tones.

    Args:
        photo: picture file with one face; None is scikit-image's astronaut.
        tone: index into skin.TONES.
        size: side of the square picture. Unit: pixels.

    Returns:
        The portrait; its face is size / SIDE_WIDTHS wide. Arrays are shared between calls: do not write to them.

    Raises:
        VideoError: the photo cannot be read.
        NoFaceError: the tracker finds no face in it.
    """
    picture, landmarks = _astronaut() if photo is None else _own_photo(photo)
    oval = landmarks[list(FACE_OVAL)]
    centre = (oval.min(axis=0) + oval.max(axis=0)) / 2
    scale = size / (SIDE_WIDTHS * np.ptp(oval[:, 0]))
    corner = centre - np.array([0.5, 0.54]) * size / scale  # a little more room above the face, for the hair
    if scale < 1:
        picture = cv2.GaussianBlur(picture, (0, 0), 0.45 / scale)
    # pixel centres lie at half pixels in both pictures
    shift = -scale * corner + 0.5 * scale - 0.5
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    cut = cv2.warpAffine(
        picture, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return _toned(to_linear(np.clip(cut, 0, 255) / 255), (landmarks - corner) * scale, tone)


def to_linear(encoded: Float[np.ndarray, "height width 3"]) -> Float[np.ndarray, "height width 3"]:
    """SRGB 0..1 to linear light 0..1 (IEC 61966-2-1)."""
    return np.where(encoded < 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _toned(linear: np.ndarray, landmarks: np.ndarray, tone: int) -> Portrait:
    mapped = skin.map_skin(linear, landmarks)
    body, highlights = skin.split_highlights(linear, mapped)
    body = skin.retint(body, mapped, skin.EXPOSURE * skin.skin_colour(*skin.TONES[tone]))
    return Portrait(body, highlights, mapped, head_weight(landmarks, len(linear)), landmarks)


def head_weight(landmarks: Float[np.ndarray, "landmark 2"], side: int) -> Float[np.ndarray, "height width"]:
    """1 where a picture of this side moves with the head, 0 where it never moves, smooth between."""
    oval = landmarks[list(FACE_OVAL)]
    centre, size = (oval.min(axis=0) + oval.max(axis=0)) / 2, np.ptp(oval, axis=0)
    y, x = np.mgrid[:side, :side] + 0.5
    radius = np.hypot((x - centre[0]) / size[0], (y - centre[1]) / size[1])
    ramp = np.clip((HEAD_FREE - radius) / (HEAD_FREE - HEAD_STILL), 0, 1)
    return (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)


def astronaut_landmarks() -> Float[np.ndarray, "landmark 2"]:
    """The stored mesh points of the default photo, pixels."""
    return np.array(json.loads((Path(__file__).parent / "astronaut.json").read_text())["landmarks"], float)


def _astronaut() -> tuple[np.ndarray, np.ndarray]:
    from skimage.data import astronaut

    return astronaut().astype(np.float32), astronaut_landmarks()


def _own_photo(photo: str) -> tuple[np.ndarray, np.ndarray]:
    from rppg_core.video.face import FaceTracker
    from rppg_core.video.frame import ArrayFrame

    wanted, do = (
        "a picture (PNG, JPEG) of one face",
        "check the path, or leave --photo out for the built-in face",
    )
    try:
        data = np.fromfile(photo, np.uint8)  # cv2.imread cannot read every path on every system
    except OSError as error:
        raise VideoError(f"cannot read {photo}: {error.strerror}", wanted=wanted, do=do) from error
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if bgr is None:
        raise VideoError(f"{photo} is not a picture", wanted=wanted, do=do)
    rgb = np.ascontiguousarray(bgr[..., ::-1])
    seen = FaceTracker().observe(ArrayFrame(0.0, rgb))
    if seen is None:
        raise NoFaceError(f"no face found in {photo}", wanted=wanted, do=do, lesson="no_face")
    return rgb.astype(np.float32), seen.landmarks.astype(float)
