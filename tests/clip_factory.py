"""A clip that holds something in every marked field, whichever fields there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rppg_core.types import ROIS, FaceClip, FaceInfo, Rows, Truth, VideoInfo, marked_rows

T0_S = 3.5  # clips need not start at zero, nor with a whole second


@dataclass(frozen=True)
class LaterClip(FaceClip):
    """A FaceClip of the future, with one more field of each kind; nothing but the marks names them."""

    depth: np.ndarray | None = field(default=None, metadata={"rows": Rows("frame", (-1, 2))})
    crop20: np.ndarray | None = field(
        default=None, metadata={"rows": Rows("frame", (20, 20, 3), is_crop=True)}
    )
    weather: Mapping[str, np.ndarray] | None = field(default=None, metadata={"rows": Rows("second", (2,))})


def full_clip(kind: type[FaceClip] = FaceClip, *, n: int = 150, fps: float = 30.0, seed: int = 0) -> Any:
    """A clip with a value of its own in every place of every field."""
    rng = np.random.default_rng(seed)
    times_s = T0_S + np.arange(n) / fps
    n_seconds = int(times_s[-1]) - int(T0_S) + 1
    made: dict[str, Any] = {"times_s": times_s, "valid": np.ones(n, bool)}
    for name, rows in marked_rows(kind, "frame").items():
        if name not in made:
            width = len(ROIS) if name == "rgb" else 36
            shape = (n, *(width if side == -1 else side for side in rows.shape))
            values = rng.integers(0, 65535, shape, dtype=np.uint16)
            made[name] = values if rows.is_crop else values / 256
    for name, rows in marked_rows(kind, "second").items():
        made[name] = {word: rng.normal(size=(n_seconds, *rows.shape)) for word in ("light", "cast")}
    return kind(
        **made,
        fs=fps,
        region="whole",
        stmap_weight=rng.uniform(size=36),
        still=rng.integers(0, 255, (12, 10, 3), dtype=np.uint8),
        still_outlines={"left cheek": rng.uniform(size=(7, 2)), "face": rng.uniform(size=(9, 2))},
        video=VideoInfo(codec="h264", width=640, fps=29.97002997002997, hdr=True, written_by="a camera"),
        face=FaceInfo(found=0.1 + 0.2, n_faces=2),
        notes=("one", "two: a longer note – with a dash"),
    )


def full_truth(times_s: np.ndarray) -> Truth:
    """A truth with something in every field."""
    rng = np.random.default_rng(1)
    bvp, resp, hr_bpm, spo2, rr_track_brpm = rng.normal(size=(5, len(times_s)))
    return Truth(
        times_s=times_s,
        bvp=bvp,
        resp=resp,
        hr_bpm=hr_bpm,
        beats_s=np.array([3.7, 4.6]),
        rr_brpm=1 / 7,
        spo2_percent=97.123456789,
        pulsed=False,
        settings={"tone": 1, "amplitude": 1 / 3, "photo": None},
        spo2=spo2,
        rr_track_brpm=rr_track_brpm,
    )
