"""Check that the fields of a FaceClip made by hand are consistent.

A clip from the pass always is; for any other clip, the error names the field that is wrong. The marks in
`types.FaceClip` define which fields have one row per frame or per second. Axis letters: T time, R roi.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import floor
from typing import Any

import numpy as np
from jaxtyping import Float

from rppg_core.errors import UsageError
from rppg_core.types import FaceClip, marked_rows


def check_fields(clip: FaceClip) -> FaceClip:
    """Return the clip if its fields are consistent.

    Raises:
        UsageError: a field is not an array, has the wrong shape, or is not numeric.
    """
    times_s = _numbers("times_s", clip.times_s)
    if (
        times_s.ndim != 1
        or len(times_s) < 2
        or not np.isfinite(times_s).all()
        or not (np.diff(times_s) > 0).all()
    ):
        raise UsageError(
            f"a FaceClip with times_s of shape {times_s.shape}, from {times_s.ravel()[:1]} to {times_s.ravel()[-1:]}",
            wanted="two or more times in seconds, each later than the one before",
            do="check times_s",
        )
    n = len(times_s)
    if clip.region not in ("face", "whole"):
        raise UsageError(
            f"a FaceClip of region {clip.region!r}", wanted="'face' or 'whole'", do="set its region"
        )
    valid = np.asarray(clip.valid)
    if valid.dtype != bool or valid.shape != (n,):
        _refuse("valid", valid, f"({n},) and dtype bool")
    if "skin" not in clip.rois:
        raise UsageError(
            f"a FaceClip with the rois {clip.rois}", wanted="'skin' among them", do="name the skin's colour"
        )
    _check_shape("rgb", clip.rgb, (n, len(clip.rois), 3))
    for name, rows in marked_rows(clip, "frame").items():
        if name not in ("times_s", "valid") and (values := getattr(clip, name)) is not None:
            _check_shape(name, values, (n, *rows.shape))
    for name, rows in marked_rows(clip, "second").items():
        if (values := getattr(clip, name)) is not None:
            _check_seconds(name, values, rows.shape)
    if clip.stmap is not None and clip.stmap_weight is not None:
        _check_shape("stmap_weight", clip.stmap_weight, (np.shape(clip.stmap)[1],))
    seen = {"rgb": clip.rgb[valid, clip.rois.index("skin")]}
    seen |= {"stmap": clip.stmap[valid]} if clip.stmap is not None else {}
    for name, values in seen.items():
        if not np.isfinite(values).all():
            raise UsageError(
                f"a FaceClip whose {name} is not finite in valid frames",
                wanted="a colour wherever `valid` is True",
                do="set `valid` to False there",
            )
    return clip


def whole_seconds(times_s: Float[np.ndarray, " time"]) -> range:
    """The whole seconds that the frames cover, from that of the first frame to that of the last."""
    if not len(times_s):
        return range(0)
    return range(floor(times_s[0]), floor(times_s[-1]) + 1)


def _check_shape(name: str, values: Any, shape: tuple[int, ...]) -> None:
    array = _numbers(name, values)
    fits = array.ndim == len(shape) and all(
        want in (-1, got) for got, want in zip(array.shape, shape, strict=True)
    )
    if not fits:
        _refuse(name, array, f"({', '.join('any' if side == -1 else str(side) for side in shape)})")


def _check_seconds(name: str, values: Any, row: tuple[int, ...]) -> None:
    if not isinstance(values, Mapping):
        raise UsageError(
            f"a FaceClip whose {name} is {type(values).__name__}",
            wanted="a mapping from names to arrays",
            do=f"give {name} one row per second under each name",
        )
    n = max((len(numbers) for numbers in values.values() if np.ndim(numbers)), default=0)
    for word, numbers in values.items():
        _check_shape(f"{name}[{word!r}]", numbers, (n, *row))


def _numbers(name: str, values: Any) -> np.ndarray:
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iuf":
        kind = values.dtype if isinstance(values, np.ndarray) else type(values).__name__
        raise UsageError(
            f"a FaceClip whose {name} is {kind}", wanted="a numpy array of numbers", do=f"convert {name}"
        )
    return values


def _refuse(name: str, array: np.ndarray, wanted: str) -> None:
    raise UsageError(
        f"a FaceClip whose {name} has shape {array.shape} and dtype {array.dtype}",
        wanted=wanted,
        do="give every field one row per frame, and `scene` one per second",
    )
