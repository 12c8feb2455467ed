"""Measures of pictures and skin: brightness, clipping, colour, sharpness.

The pass and `inspect` use the same definitions.
Axis letters: H, W; rows and columns of a reduced picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float

from rppg_core.video.clip_fields import whole_seconds

BRIGHT = 250.0  # grey levels; from here on, a pixel counts as a highlight
BLACK = 5.0  # grey levels; pixels with no more in any channel hold no pulse
DARK, WHITE = 30.0, 235.0  # mean grey level below or above which no face is to be expected
GREY_PART = 0.03  # of the mean; skin whose channels differ by less has no colour
SMALLEST_CONTRAST = 1.0  # grey levels squared; flat pictures have no sharpness
BLUR_SIDE = 64  # pixels; blur is measured in a picture of this size, where the noise of pixels averages out


def scene_from_crop(crop: Float[np.ndarray, "height width 3"]) -> dict[str, float]:
    """How one picture is lit, coloured and focused.

    Args:
        crop: RGB of a face and its surroundings, or a whole picture. Unit: grey levels.

    Returns:
        light: mean grey level. evenness: the darker half (left or right) over the brighter one; 1 is even.
        highlights: share of pixels with a channel at 250 or above. cast: (largest - smallest) / mean of the
        three channel means; 0 is neutral. blur: variance of the Laplacian over the variance of the picture, reduced
        to BLUR_SIDE pixels; small is blurred. At full size it would follow the noise; `make context` prints how well
        it follows the lens.
    """
    grey = crop.mean(axis=2, dtype=np.float32)
    half = grey.shape[1] // 2
    left, right = (float(grey[:, :half].mean()), float(grey[:, -half:].mean())) if half else (1.0, 1.0)
    light = float(grey.mean())
    means = crop.mean(axis=(0, 1), dtype=np.float64)
    reduced = _reduced(grey)
    contrast = max(float(reduced.var()), SMALLEST_CONTRAST)
    return {
        "light": light,
        "evenness": (min(left, right) + 1e-6) / (max(left, right) + 1e-6),
        "highlights": float((crop.max(axis=2) >= BRIGHT).mean()),
        "cast": float(np.ptp(means)) / max(light, 1e-6),
        "blur": float(cv2.Laplacian(reduced, cv2.CV_32F).var()) / contrast,
    }


def scene_table(
    scene: Mapping[int, Mapping[str, float]], times_s: Float[np.ndarray, " time"]
) -> dict[str, np.ndarray]:
    """The results of `scene_from_crop` under their names, with one row per second of the clip.

    Args:
        scene: second -> result of `scene_from_crop` for a picture in that second; not empty.
        times_s: of all frames.

    Returns:
        Name -> one number per second, NaN where `scene` holds none.
    """
    names = next(iter(scene.values()))
    seconds = [scene.get(second, {}) for second in whole_seconds(times_s)]
    return {name: np.array([found.get(name, np.nan) for found in seconds]) for name in names}


def light_from_skin(skin: Float[np.ndarray, "*samples 3"]) -> dict[str, Any]:
    """How the skin of a whole clip is lit and coloured.

    Args:
        skin: RGB samples. Unit: grey levels.

    Returns:
        The fields `brightness`, `clipped_percent` and `grey` of FaceInfo; nothing where there are no samples.
    """
    if not skin.size:
        return {}
    clipped = (skin >= BRIGHT).any(axis=-1) | (skin <= BLACK).all(axis=-1)
    return {
        "brightness": float(skin.mean()),
        "clipped_percent": float(100 * clipped.mean()),
        "grey": float(np.ptp(skin, axis=-1).mean()) < GREY_PART * float(skin.mean()),
    }


def darkness_words(pictures: Sequence[Float[np.ndarray, "height width 3"]]) -> str:
    """A phrase on pictures too dark or too bright to show a face; "" where they are neither."""
    level = float(np.mean([picture.mean() for picture in pictures[::30]]))
    words = "almost black" if level < DARK else "almost white" if level > WHITE else ""
    return f", which are {words} (mean {level:.0f} of 255)" if words else ""


def _reduced(grey: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "rows columns"]:
    """The picture with BLUR_SIDE pixels along its longer side; a smaller one as it is."""
    scale = BLUR_SIDE / max(grey.shape)
    if scale >= 1:
        return grey
    height, width = (max(1, round(scale * side)) for side in grey.shape)
    return cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
