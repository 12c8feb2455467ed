"""What a number for SpO2 rests on: the same clip once more, with one thing changed.

A ratio of ratios reads the pulse of the colours alone. So a number that follows oxygen changes when the red pulse
does, becomes the mean of all people when the pulse is gone, and stays when time runs in another order of beats or the
colours are balanced otherwise. A number that does not has learnt what a face looks like.

Source: audits of the shortcut in learned oximetry, our choice; that white balance cancels in a ratio of ratios, as
it scales pulse and level alike, is Verkruysse et al. 2017, Anesthesia & Analgesia 124(1).
Axis letters: T time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from jaxtyping import Float, Shaped

from rppg_core.types import FS, FaceClip, Method, marked_rows
from rppg_core.video.magnify import band_of_frames
from rppg_core.video.prepare import cut, resample

PULSE_HZ = (0.5, 4.0)  # of what is taken out: heart rates of 30 bpm, with their harmonics
RED_PULSE = 1.2  # of "red pulse": what a fall by about 4 % does to it
WARMER = (1.12, 1.0, 0.88)  # of "white balance": a lamp instead of the sky
SEED = 0  # of the order of frames
WINDOW_S = 10.0
AS_IT_IS = "as it is"

Colours = Shaped[np.ndarray, "time *place 3"]


def without_pulse(clip: FaceClip) -> FaceClip:
    """The clip, at 30 Hz, without anything between 30 and 240 a minute: the picture of the face stays."""
    return change_colours(clip, lambda x: x - _pulse(x))


def shuffled_frames(clip: FaceClip) -> FaceClip:
    """The clip with its frames in random order, always the same: the pulse is noise now, the face as before."""
    order = np.random.default_rng(SEED).permutation(len(clip.times_s))
    return change_colours(clip, lambda x: x[order])


def stronger_red_pulse(clip: FaceClip, factor: float = RED_PULSE) -> FaceClip:
    """The clip, at 30 Hz, with a larger pulse in red alone, as blood with less oxygen has it."""
    gains = np.array([factor - 1, 0, 0], np.float32)
    return change_colours(clip, lambda x: x + gains * _pulse(x))


def other_white_balance(clip: FaceClip) -> FaceClip:
    """The clip with more red and less blue: pulse and level grow alike."""
    return change_colours(clip, lambda x: x * np.array(WARMER, np.float32))


AUDITS: Mapping[str, Callable[[FaceClip], FaceClip]] = MappingProxyType({
    "no pulse": without_pulse,
    "shuffled frames": shuffled_frames,
    "red pulse 20 % larger": stronger_red_pulse,
    "warmer white balance": other_white_balance,
})  # fmt: skip


def audit_saturation(method: Method, clip: FaceClip) -> dict[str, float]:
    """SpO2 that a method gives for a clip, and for the same clip after each change; whether it has a pulse or not.

    Args:
        method: gives SpO2 in `direct`.
        clip: at native times or at 30 Hz.

    Returns:
        AS_IT_IS and the names of AUDITS -> SpO2. Unit: %. NaN where it gives none.
    """
    even = clip if clip.fs == FS else resample(clip, FS)
    changed = {AS_IT_IS: even, **{name: change(even) for name, change in AUDITS.items()}}
    return {name: float(method.estimate(one).direct.get("spo2", np.nan)) for name, one in changed.items()}


def saturation_course(
    method: Method, clip: FaceClip, *, window_s: float = WINDOW_S
) -> tuple[Float[np.ndarray, " window"], Float[np.ndarray, " window"]]:
    """SpO2 over time: middles of windows that follow each other without overlap, and what the method gives for each.

    Args:
        method: gives SpO2 in `direct`.
        clip: at native times or at 30 Hz.
        window_s: length of a window. Unit: s. A shorter clip is one window.

    Returns:
        Times and SpO2 of the windows that have one. Units: s and %.
    """
    even = clip if clip.fs == FS else resample(clip, FS)
    n = min(round(window_s * FS), len(even.times_s))
    found = []
    for start in range(0, len(even.times_s) - n + 1, n):
        part = cut(even, slice(start, start + n))
        spo2 = method.estimate(part).direct.get("spo2", np.nan)
        if np.isfinite(spo2):
            found.append((float(part.times_s.mean()), float(spo2)))
    times_s, values = np.reshape(np.array(found, float), (-1, 2)).T
    return times_s, values


def change_colours(clip: FaceClip, change: Callable[[Colours], Colours]) -> FaceClip:
    """The clip with all its colours changed alike: means of regions, cells, and raw crops.

    Args:
        clip: with any of these fields.
        change: gets colours (T, places..., 3) in grey levels, or a unit that is proportional to them.
    """
    changed: dict[str, np.ndarray | None] = {"rgb": change(clip.rgb)}
    if clip.stmap is not None:
        changed["stmap"] = change(clip.stmap)
    for name, rows in marked_rows(clip, "frame").items():
        values = getattr(clip, name)
        if rows.is_crop and values is not None:
            changed[name] = _as_crop(change(values.astype(np.float32)), values.dtype)
    return replace(clip, still=None, **changed)


def _pulse(colours: Colours) -> Colours:
    return band_of_frames(colours, FS, PULSE_HZ)


def _as_crop(values: Colours, kind: np.dtype) -> Colours:
    return np.clip(np.rint(values), 0, np.iinfo(kind).max).astype(kind)
