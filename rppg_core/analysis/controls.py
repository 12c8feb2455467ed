"""Run every method once on the skin and once on its control; the panel uses the same runs.

The control is the background beside the face. Where there is no background, or where a method needs more than
colours, it is the same clip with its blocks shuffled. A rate that appears in both is not a heart rate.
Axis letters: T time, R roi.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from rppg_core.roster import PANEL, get_method
from rppg_core.signals.quality import Panel, WindowSpectra, window_spectra
from rppg_core.types import FS, Bvp, FaceClip, Method, MethodOutput, marked_rows

SHUFFLE_BLOCK_S = 0.5
SHUFFLE_SEED = 20  # fixed: the same file gives the same report
STAYS = frozenset({"times_s", "valid", "background"})  # fields that shuffling leaves in place
ON_BACKGROUND = frozenset({"rgb", "stmap"})  # needs for which the background can replace the skin


@dataclass(frozen=True)
class Run:
    """One method on the skin and on the control."""

    skin: MethodOutput
    control: MethodOutput
    control_kind: str


class ControlledRuns:
    """Runs of the methods on skin and control, each computed once and shared with the panel."""

    def __init__(self, clip: FaceClip, own: Mapping[str, Method] | None = None):
        self.clip = clip
        self.own = own or {}
        self.shuffled = shuffled(clip)
        self.background = background_as_skin(clip) if clip.background is not None else None
        self._runs: dict[str, Run] = {}

    def by_name(self, name: str) -> Run:
        """The runs of one method, computed at the first call."""
        if name not in self._runs:
            self._runs[name] = self.run(self.method(name))
        return self._runs[name]

    def method(self, name: str) -> Method:
        """The user's own version of a method, or the roster's."""
        return self.own[name] if name in self.own else get_method(name)

    def run(self, method: Method) -> Run:
        """The runs of any method, in the roster or not; not cached."""
        on_background = self.background is not None and method.needs <= ON_BACKGROUND
        control = self.background if on_background and self.background is not None else self.shuffled
        kind = "background" if on_background else "shuffled"
        return Run(method.estimate(self.clip), method.estimate(control), kind)

    def panel(self, band_hz: tuple[float, float]) -> Panel | None:
        """Spectra of the panel on skin and control; None without 5 s of face free of gaps."""
        skin, control = {}, {}
        for name in PANEL:
            run = self.by_name(name)
            on_skin, on_control = (
                spectra_from_bvp(run.skin.bvp, band_hz),
                spectra_from_bvp(run.control.bvp, band_hz),
            )
            if on_skin is None or on_control is None:
                return None
            skin[name], control[name] = on_skin, on_control
        return Panel(skin, control, self.by_name(PANEL[0]).control_kind)


def background_as_skin(clip: FaceClip) -> FaceClip:
    """The clip with the background in place of every ROI and every cell."""
    assert clip.background is not None
    wall = clip.background[:, None, :]
    return replace(
        clip,
        rgb=np.repeat(wall, clip.rgb.shape[1], axis=1),
        stmap=None if clip.stmap is None else np.repeat(wall, clip.stmap.shape[1], axis=1),
        valid=clip.valid & np.isfinite(clip.background[:, 0]),
    )


def shuffled(clip: FaceClip) -> FaceClip:
    """The clip with its valid samples shuffled in blocks of half a second: same noise, no pulse."""
    index = np.flatnonzero(clip.valid)
    block = max(1, round(SHUFFLE_BLOCK_S * (clip.fs or FS)))
    blocks = [index[i : i + block] for i in range(0, len(index), block)]
    order = np.random.default_rng(SHUFFLE_SEED).permutation(len(blocks))
    source = np.concatenate([blocks[i] for i in order]) if blocks else index

    def moved(values: np.ndarray | None) -> np.ndarray | None:
        if values is None:
            return None
        out = values.copy()
        out[index] = values[source]
        return out

    names = marked_rows(clip, "frame").keys() - STAYS
    return replace(clip, **{name: moved(getattr(clip, name)) for name in names})


def spectra_from_bvp(bvp: Bvp | None, band_hz: tuple[float, float]) -> WindowSpectra | None:
    """Window spectra of a waveform; None where it is missing or too short."""
    return None if bvp is None else window_spectra(bvp, band_hz)
