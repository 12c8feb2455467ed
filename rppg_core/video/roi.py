"""Regions of the face in face coordinates: the soft skin weight and the ROIs, fixed for the whole clip.

The pass resamples every frame into an upright face grid of GRID x GRID pixels that covers a box of 1.1 face
widths by 1.27 face heights. Weights are computed once on that grid, from the landmarks and the temporal
median of the clip, never frame by frame: pixels that cross a threshold with the beat or with motion would
make a false pulse (measured on a dark, hard-lit face: GREEN moves from 53 to 133 bpm).

What differs from published practice: most code averages a polygon of raw pixels, or decides skin per frame.
Axis letters: H, W grid rows and columns, R roi, T time.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float

from rppg_core.types import ROIS
from rppg_core.video.mesh_points import (
    FACE_OVAL,
    FOREHEAD,
    LEFT_BROW,
    LEFT_CHEEK,
    LEFT_EYE,
    LIPS,
    RIGHT_BROW,
    RIGHT_CHEEK,
    RIGHT_EYE,
)

GRID = 72
BOX_WIDTHS = 1.1  # width of the grid in face widths
BOX_HEIGHTS = 1.27  # height of the grid in face heights
MIN_SKIN_FRACTION = 0.4  # below this share of the face oval, the skin weight is relaxed

_POLYGONS = {"forehead": FOREHEAD, "left cheek": LEFT_CHEEK, "right cheek": RIGHT_CHEEK}
OUTLINES = {"face": FACE_OVAL, **_POLYGONS}  # outlines drawn in a picture of the ROIs
_NOT_SKIN = (LEFT_EYE, RIGHT_EYE, LEFT_BROW, RIGHT_BROW, LIPS)


@dataclass(frozen=True)
class RoiWeights:
    """Soft weights on the face grid, each 0..1."""

    skin: Float[np.ndarray, "height width"]
    rois: Float[np.ndarray, "roi height width"]  # in the order of types.ROIS, the first is `skin`
    skin_fraction: float  # share of the oval (without eyes, brows and lips) that the weight keeps
    relaxed: bool


def roi_weights(
    median_face: Float[np.ndarray, "height width 3"], landmarks: Float[np.ndarray, "landmark 2"]
) -> RoiWeights:
    """Skin weight and ROI weights of one clip.

    Args:
        median_face: temporal median of the face grid. Unit: grey levels.
        landmarks: 468 mesh points in grid pixels.

    Returns:
        The weights. Where colour and light keep less than MIN_SKIN_FRACTION of the face oval, the tolerances
        are relaxed step by step until they keep that much, and `relaxed` is True.

    Source: our choice: soft version of the gate tested in the sim-to-real study (chroma distance below 0.12,
    luminance above 0.35 of the centre).
    """
    oval = _fill(landmarks[list(FACE_OVAL)])
    for outline in _NOT_SKIN:
        oval = oval * (1 - _fill(_grow(landmarks[list(outline)], 1.25)))
    oval = cv2.GaussianBlur(oval, (0, 0), 0.7) * (oval > 0)
    centre = sum(_fill(landmarks[list(_POLYGONS[name])]) for name in ("left cheek", "right cheek"))
    relaxation = 1.0
    while True:
        skin = oval * skin_likeness(median_face, np.asarray(centre) * oval, relaxation=relaxation)
        fraction = float(skin.sum() / max(oval.sum(), 1e-9))
        if fraction >= MIN_SKIN_FRACTION or relaxation > 8:
            break
        relaxation *= 1.5
    rois = [skin, *(skin * _fill(landmarks[list(_POLYGONS[name])]) for name in ROIS[1:])]
    return RoiWeights(skin, np.stack(rois), fraction, relaxation > 1)


def whole_weights() -> RoiWeights:
    """Weights where everything is skin: a finger on the lens, or a close-up of skin."""
    ones = np.ones((GRID, GRID), np.float32)
    return RoiWeights(ones, np.stack([ones] * len(ROIS)), 1.0, False)


def skin_likeness(
    face: Float[np.ndarray, "height width 3"],
    sample: Float[np.ndarray, "height width"],
    *,
    relaxation: float = 1.0,
) -> Float[np.ndarray, "height width"]:
    """How much each pixel looks like the sampled skin, 0..1, with soft edges.

    Args:
        face: grey levels.
        sample: weights of the part that is certainly skin (cheeks).
        relaxation: factor on every tolerance.

    Returns:
        Product of a chroma term, a shadow term and a highlight term, each a smooth step.
    """
    total = face.sum(axis=2) + 10.0  # +10: dark pixels have no reliable chroma
    chroma = face / total[..., None]
    inside = sample > 0.3
    if not inside.any():
        inside = np.ones_like(sample, bool)
    centre_chroma = np.median(chroma[inside], axis=0)
    centre_light = np.median(total[inside])
    distance = np.linalg.norm(chroma - centre_chroma, axis=2)
    colour_term = _step(0.12 * relaxation - distance, 0.04)
    shadow_term = _step(total / centre_light - 0.35 / relaxation, 0.1)
    highlight_term = _step(252.0 + 3 * (relaxation - 1) - face.max(axis=2), 6.0)
    return (colour_term * shadow_term * highlight_term).astype(np.float32)


def weighted_means(
    faces: np.ndarray, weights: Float[np.ndarray, "roi height width"], *, scale: float = 1 / 256
) -> Float[np.ndarray, "time roi 3"]:
    """Mean colour over time, for each weight.

    Args:
        faces: (T, H, W, 3) uint16 in 1/256 grey level.
        weights: one soft mask per ROI; an empty mask gives NaN.
        scale: grey levels per unit of `faces`.
    """
    flat = weights.reshape(len(weights), -1).astype(np.float32)
    total = flat.sum(axis=1, keepdims=True)
    flat = np.divide(flat, total, out=np.full_like(flat, np.nan), where=total > 1e-3)
    means = np.empty((len(faces), len(weights), 3))
    for start in range(0, len(faces), 64):  # 64 frames: a few MB of floats at a time
        block = faces[start : start + 64]
        pixels = block.reshape(len(block), -1, 3).astype(np.float32)
        means[start : start + 64] = np.einsum("rp,tpc->trc", flat, pixels, optimize=True) * scale
    return means


def _fill(points: np.ndarray) -> np.ndarray:
    """Antialiased mask of a polygon in grid pixels."""
    scale = 4
    mask = np.zeros((GRID * scale, GRID * scale), np.uint8)
    cv2.fillPoly(mask, [np.round(points * scale).astype(np.int32)], 255)
    return cv2.resize(mask, (GRID, GRID), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _grow(points: np.ndarray, factor: float) -> np.ndarray:
    centre = points.mean(axis=0)
    return centre + (points - centre) * factor


def _step(distance: np.ndarray, width: float) -> np.ndarray:
    """Smooth step from 0 to 1 of the given width; one half at distance 0."""
    return 1 / (1 + np.exp(-np.clip(distance / width * 4, -40, 40)))
