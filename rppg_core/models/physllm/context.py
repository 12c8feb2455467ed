"""The environmental context of PhysLLM: what surrounds the pulse, measured in a clip and put into words.

The paper asks a vision-language model five questions about one frame (`vision_language` does the same here). By
default the same five slots are filled with measured answers: `context_from_clip` gives numbers, `context_words` a
short paragraph. Both follow from the clip alone, never from labels, and cost less than a millisecond.

What differs from the paper (Xie et al. 2025, https://arxiv.org/abs/2505.03621, section on environmental contextual
answering): numbers of the whole window instead of a model's impression of one frame; a closed vocabulary; and no
words about the person. The reflectance of the skin is a light-meter value relative to what surrounds it: it follows
melanin, exposure and lamps together, and it classifies nobody.
Axis letters: T time, N cell, L landmark.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import isfinite

import numpy as np
from jaxtyping import Float, Int

from rppg_core.errors import UsageError
from rppg_core.signals.checks import check_kind
from rppg_core.types import FaceClip
from rppg_core.video.stmap import CELLS

MOST_FRAMES = 32  # of a window that are read
LANDMARK_FRAMES, LANDMARK_STEP = 12, 4  # frames and every which landmark, for the expression
STEP_S = 0.1  # between two positions of the head
MAX_STEP_S = 0.3  # a longer step is a gap
SHADOW = 0.7  # of the median cell; a darker cell lies in shadow


@dataclass(frozen=True)
class Quantity:
    """One measured number: its name, its five-question slot, and the clause that says it."""

    name: str
    slot: int
    clause: str  # with {grade}, and with {number} where it is said
    bounds: tuple[float, ...]  # where one grade ends and the next begins
    grades: tuple[str, ...]  # one more than bounds
    numbers: tuple[float, ...] = ()  # round numbers that may be said
    scale: float = 1.0  # from the value to the number that is said


# Bounds and words are our choice; most bounds divide simulated clips into grades that all occur.
QUANTITIES = (
    # q1, which parts of the face can be read
    Quantity("face_width_px", 1, "the face is {grade}, about {number} pixels wide", (60, 100, 200),
             ("tiny", "small", "of medium size", "large"),
             (20, 40, 60, 80, 100, 125, 150, 200, 250, 300, 400, 500, 700, 1000)),
    # q2, how forehead and cheeks look
    Quantity("skin_level_grey", 2, "the skin is {grade} lit, at {number} of 255", (40, 70, 110, 160, 210),
             ("very dimly", "dimly", "moderately", "well", "brightly", "very brightly"), tuple(range(0, 251, 10))),
    Quantity("forehead_over_cheeks", 2, "the forehead is {grade} the cheeks", (0.9, 1.1),
             ("darker than", "as bright as", "brighter than")),
    # q3, how the skin returns light, and how this varies over the face
    Quantity("skin_reflectance_stops", 3, "the skin returns {grade} blue light, {number} stops below reference",
             (-3, -2, -1), ("very little", "little", "some", "much"),
             (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5), -1.0),
    Quantity("skin_spread_percent", 3, "the skin level varies {grade}", (9, 15, 22),
             ("little", "somewhat", "much", "very much")),
    # q4, what may disturb: light, shadows, reflections, colour
    Quantity("light_evenness", 4, "the light is {grade}, side to side {number} percent", (0.75, 0.85, 0.93),
             ("very uneven", "uneven", "nearly even", "even"), tuple(range(10, 101, 5)), 100.0),
    Quantity("shadow_percent", 4, "shadows are {grade}", (1, 10, 25), ("absent", "few", "some", "large")),
    Quantity("highlight_percent", 4, "highlights are {grade}", (0.1, 2, 10), ("absent", "few", "some", "large")),
    Quantity("cast_stops", 4, "the surroundings are {grade}", (-1, -0.4, 0.4, 1),
             ("strongly cool", "cool", "neutral", "warm", "strongly warm")),
    # q5, what detail there is, and what moves
    Quantity("sharpness", 5, "the picture is {grade}", (0.05, 0.15, 0.3),
             ("blurred", "soft", "fairly sharp", "sharp")),
    Quantity("motion_percent_per_s", 5, "the head {grade}", (1.2, 3, 8),
             ("rests", "moves a little", "moves", "moves much")),
    Quantity("expression_percent", 5, "the expression {grade}", (0.5, 1.2), ("rests", "changes", "changes much")),
)  # fmt: skip
CONTEXT = tuple(quantity.name for quantity in QUANTITIES)
NOTHING_KNOWN = "Nothing is known about the scene."


def context_from_clip(clip: FaceClip) -> Float[np.ndarray, " quantity"]:
    """The measured context of a clip, or of a window cut from one, in the order of CONTEXT.

    Args:
        clip: at native or even times. Clips without pictures (traces) hold part of what is needed.

    Returns:
        NaN for everything that the clip does not hold.
        face_width_px: median width of the face. Unit: pixels of the picture.
        skin_level_grey: mean grey level of the skin, the light level. Unit: grey levels, 0..255.
        forehead_over_cheeks: grey level of the forehead over that of the cheeks.
        skin_reflectance_stops: log2 of the skin's blue light over the mean of two references, the surroundings' light
            and the skin's own red light. Unit: stops (factors of two) of linear light; 0 is as bright as they are.
        skin_spread_percent: standard deviation of the cells' grey levels over their mean, weighted by skin. Unit: %.
        light_evenness: grey level of the darker half of the face (left or right) over the brighter; 1 is even.
        shadow_percent: share of the skin in cells below SHADOW of the median cell. Unit: %.
        highlight_percent: share of the pixels around the face with a channel at 250 or above. Unit: %.
        cast_stops: log2 of red over blue light in the surroundings; above 0 is warm. Unit: stops.
        sharpness: variance of the Laplacian over that of the picture (`light.scene_from_crop`); small is blurred.
        motion_percent_per_s: mean speed of the middle of the face. Unit: % of its width per second.
        expression_percent: motion of the landmarks among themselves, after shift, size and roll are taken out;
            turning the head counts as well. Unit: % of the face width, rms.

    Source: our choice. Blue, because melanin takes most of it (Jacques 2013), over two references, because one alone
    follows the wall or the camera. Evenness and level come from the skin alone: those of the crop include what is
    behind the face. `make context` prints how each quantity follows the simulated scene.
    """
    check_kind(clip, FaceClip, "clip", do="extract one from a video, or simulate one")
    frames = _spread_out(np.flatnonzero(clip.valid), MOST_FRAMES)
    found = {
        **_skin(clip, frames),
        **_cells(clip, frames),
        **_picture(clip),
        **_head(clip),
        "expression_percent": _expression(clip),
    }
    return np.array([found.get(name, np.nan) for name in CONTEXT], np.float32)


def context_words(numbers: Float[np.ndarray, " quantity"]) -> str:
    """The numbers of `context_from_clip` as a short English paragraph, one sentence for each of five questions.

    Args:
        numbers: in the order of CONTEXT; what is not finite is left out.

    Returns:
        Text of the words in QUANTITIES; it follows from `numbers` alone.
    """
    if np.shape(numbers) != (len(CONTEXT),):
        raise UsageError(
            f"context of shape {np.shape(numbers)}",
            wanted=f"({len(CONTEXT)},): one number for each name in CONTEXT",
            do="take them from context_from_clip",
        )
    slots: dict[int, list[str]] = {}
    for quantity, value in zip(QUANTITIES, np.asarray(numbers, float).tolist(), strict=True):
        if isfinite(value):
            slots.setdefault(quantity.slot, []).append(_clause(quantity, value))
    sentences = ["; ".join(clauses) for _, clauses in sorted(slots.items())]
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in sentences) or NOTHING_KNOWN


def _clause(quantity: Quantity, value: float) -> str:
    grade = quantity.grades[bisect_right(quantity.bounds, value)]
    if not quantity.numbers:
        return quantity.clause.format(grade=grade)
    near = min(quantity.numbers, key=lambda number: abs(number - quantity.scale * value))
    return quantity.clause.format(grade=grade, number=f"{near:g}")


def _skin(clip: FaceClip, frames: Int[np.ndarray, " frame"]) -> dict[str, float]:
    """Level of the skin, forehead over cheeks, and colour of skin and surroundings."""
    if not len(frames):
        return {}
    colours = clip.rgb[frames].mean(axis=0)  # (R, 3); NaN for a region that is empty in this clip
    level = dict(zip(clip.rois, colours.mean(axis=1), strict=True))
    cheeks = (level.get("left cheek", np.nan) + level.get("right cheek", np.nan)) / 2
    found = {
        "skin_level_grey": level["skin"],
        "forehead_over_cheeks": level.get("forehead", np.nan) / max(cheeks, 1.0),
    }
    if clip.background is not None:
        behind = _linear(clip.background[frames].mean(axis=0))
        red, _, blue = _linear(colours[clip.rois.index("skin")])
        found["skin_reflectance_stops"] = np.log2(blue / ((red + behind.mean()) / 2))
        found["cast_stops"] = np.log2(behind[0] / behind[2])
    return found


def _cells(clip: FaceClip, frames: Int[np.ndarray, " frame"]) -> dict[str, float]:
    """How the light is spread over the skin, from the cells of the map."""
    weight = clip.stmap_weight
    if (
        clip.stmap is None
        or weight is None
        or len(weight) != CELLS**2
        or not len(frames)
        or weight.sum() < 1e-6
    ):
        return {}
    grey = clip.stmap[frames].mean(axis=(0, 2))  # (N,)
    mean = max(float(weight @ grey / weight.sum()), 1.0)
    spread = np.sqrt(weight @ (grey - mean) ** 2 / weight.sum())
    dark = grey < SHADOW * np.median(grey[weight > 0])
    shares, levels = weight.reshape(CELLS, CELLS), (weight * grey).reshape(CELLS, CELLS)
    half = CELLS // 2
    left, right = (levels[:, part].sum() / max(shares[:, part].sum(), 1e-6) for part in np.s_[:half, half:])
    return {
        "skin_spread_percent": 100 * spread / mean,
        "shadow_percent": 100 * weight[dark].sum() / weight.sum(),
        "light_evenness": min(left, right) / max(left, right, 1e-6),
    }


def _picture(clip: FaceClip) -> dict[str, float]:
    """Burnt-out pixels and sharpness: medians over the seconds of the clip."""
    scene = clip.scene or {}
    found = {name: scene[name][np.isfinite(scene[name])] for name in ("highlights", "blur") if name in scene}
    medians = {name: float(np.median(values)) for name, values in found.items() if len(values)}
    return {
        "highlight_percent": 100 * medians.get("highlights", np.nan),
        "sharpness": medians.get("blur", np.nan),
    }


def _head(clip: FaceClip) -> dict[str, float]:
    """Width of the face, and speed of its middle over steps of about STEP_S."""
    if clip.region != "face" or clip.boxes is None:
        return {}
    seen = np.flatnonzero(np.isfinite(clip.boxes[:, 2]))
    if not len(seen):
        return {}
    # a clip that names no picture, as of simulated traces, has boxes on an arbitrary scale
    width = float(np.median(clip.boxes[seen, 2]))
    found = {"face_width_px": width if clip.video.width else np.nan}
    interval_s = float(np.median(np.diff(clip.times_s)))
    at = seen[:: max(1, round(STEP_S / interval_s))]
    middle = clip.boxes[at, :2] + clip.boxes[at, 2:] / 2
    steps_s = np.diff(clip.times_s[at])
    near = steps_s <= max(MAX_STEP_S, 2 * interval_s)
    if near.any():
        moved = np.hypot(*np.diff(middle, axis=0)[near].T).sum()
        found["motion_percent_per_s"] = 100 * moved / steps_s[near].sum() / max(width, 1e-6)
    return found


def _expression(clip: FaceClip) -> float:
    """Motion of the landmarks relative to the face; NaN without landmarks."""
    if clip.region != "face" or clip.landmarks is None:
        return float("nan")
    places = clip.landmarks
    frames = _spread_out(np.flatnonzero(np.isfinite(places[:, 0, 0])), LANDMARK_FRAMES)
    if len(frames) < 2:
        return float("nan")
    points = places[frames, ::LANDMARK_STEP].astype(float)
    z = points[..., 0] + 1j * points[..., 1]  # (T, L)
    z -= z.mean(axis=1, keepdims=True)
    size = (np.abs(z) ** 2).sum(axis=1, keepdims=True)
    # the similarity that brings each frame closest to the first
    z *= (z.conj() @ z[0])[:, None] / np.maximum(size, 1e-6)
    residual = np.abs(z - z.mean(axis=0))
    return 100 * float(np.sqrt((residual**2).mean()) / max(np.ptp(z[0].real), 1e-6))


def _spread_out(index: Int[np.ndarray, " frame"], most: int) -> Int[np.ndarray, " some"]:
    """At most `most` of the indices, evenly apart."""
    return index[:: max(1, -(-len(index) // most))]


def _linear(grey: Float[np.ndarray, " 3"]) -> Float[np.ndarray, " 3"]:
    """Linear light 0..1 of grey levels, at least half a grey level; sRGB (IEC 61966-2-1)."""
    encoded = np.clip(grey, 0.5, 255) / 255
    return np.where(encoded < 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
