"""Pixels as the pass stores them: uint16 in 1/256 grey level, because whole grey levels lose the pulse.

Axis letters: T time, H, W.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from jaxtyping import Bool, Float, Num, UInt8, UInt16

UNITS = 256  # stored units per grey level
IN_MEMORY_BYTES = 200e6  # larger arrays live in a temporary file


def to_units(rgb: Float[np.ndarray, "height width 3"]) -> UInt16[np.ndarray, "height width 3"]:
    """Convert grey levels to stored units."""
    return np.clip(rgb * UNITS + 0.5, 0, 65535).astype(np.uint16)


def to_bytes(rgb: Float[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "height width 3"]:
    """Round to whole grey levels, for display."""
    return np.clip(np.round(rgb), 0, 255).astype(np.uint8)


def halved(picture: Num[np.ndarray, "height width 3"]) -> Num[np.ndarray, "h w 3"]:
    """A square picture at half its side, by area averaging."""
    return resized(picture, picture.shape[0] // 2)


def resized(picture: Num[np.ndarray, "height width 3"], side: int) -> Num[np.ndarray, "h w 3"]:
    """A square picture at another side, by area averaging."""
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)


def spread(
    rows: UInt16[np.ndarray, "rows height width 3"], valid: Bool[np.ndarray, " time"]
) -> UInt16[np.ndarray, "time height width 3"]:
    """Put the rows of the valid frames in place, with zeros elsewhere; on disk above IN_MEMORY_BYTES."""
    shape = (len(valid), *rows.shape[1:])
    if np.prod(shape) * 2 <= IN_MEMORY_BYTES:
        out = np.zeros(shape, np.uint16)
    else:  # the file has no name and is deleted with the array
        out = np.memmap(tempfile.TemporaryFile(), np.uint16, "w+", shape=shape)  # noqa: SIM115
    out[valid] = rows
    return out


@contextmanager
def one_thread() -> Iterator[None]:
    """Run OpenCV on one thread: on pictures this small, threads cost more than they gain."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
