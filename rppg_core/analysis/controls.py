"""Run every method once on a clip, and gather what every reading is compared with: the panel, and the background.

The light on the background beside the face is the control: a rate at which skin and background move in step is not
a heart rate. Without a background nothing can be compared, and the calibration asks for more of the other evidence.
Axis letters: T time, R roi.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from rppg_core.classical import CLASSICAL
from rppg_core.models.plugged import PluggedMethod
from rppg_core.roster import PANEL, get_method
from rppg_core.signals.light import light_from_colours
from rppg_core.signals.quality import Panel
from rppg_core.signals.windows import WindowSpectra, window_spectra
from rppg_core.types import FS, Bvp, FaceClip, Method, MethodOutput

POS = CLASSICAL["pos"]


class ControlledRuns:
    """Runs of the methods on one evenly sampled clip, each computed once and shared with the panel."""

    def __init__(self, clip: FaceClip, own: Mapping[str, Method] | None = None):
        self.clip = clip
        self.own = own or {}
        self._runs: dict[str, MethodOutput] = {}

    def by_name(self, name: str) -> MethodOutput:
        """The output of one method, computed at the first call."""
        if name not in self._runs:
            method = self.method(name)
            self._runs[name] = (
                method.clean(self.by_name(method.base.name))
                if isinstance(method, PluggedMethod)
                else method.estimate(self.clip)
            )
        return self._runs[name]

    def method(self, name: str) -> Method:
        """The user's own version of a method, or the roster's."""
        return get_method(name, self.own)

    def panel(self, band_hz: tuple[float, float], part: slice = slice(None)) -> Panel | None:
        """Spectra of the panel, with the light of the clip; None without 5 s of face free of gaps.

        Args:
            band_hz: heart-rate band. Unit: Hz.
            part: of the clip's samples.
        """
        clip, skin = self.clip, {}
        for name in PANEL:
            spectra = spectra_from_bvp(cut_bvp(self.by_name(name).bvp, part), band_hz)
            if spectra is None:
                return None
            skin[name] = spectra
        behind = None if clip.background is None else clip.background[part]
        fs, t0_s = clip.fs or FS, float(clip.times_s[part][0])
        light = light_from_colours(clip.roi("skin")[part], behind, clip.valid[part], fs, t0_s)
        return Panel(skin, light, tuple(self._regions(band_hz, part)))

    def _regions(self, band_hz: tuple[float, float], part: slice) -> Iterator[WindowSpectra]:
        """Spectra of POS on each region, where it is seen for long enough."""
        clip = self.clip
        for name in clip.rois:
            if name == "skin":
                continue
            colours = clip.roi(name)
            seen = clip.valid & np.isfinite(colours).all(axis=1)
            alone = replace(clip, rois=("skin",), rgb=colours[:, None], valid=seen)
            spectra = spectra_from_bvp(cut_bvp(POS.estimate(alone).bvp, part), band_hz)
            if spectra is not None:
                yield spectra


def spectra_from_bvp(bvp: Bvp | None, band_hz: tuple[float, float]) -> WindowSpectra | None:
    """Window spectra of a waveform; None where it is missing or too short."""
    return None if bvp is None else window_spectra(bvp, band_hz)


def cut_bvp(bvp: Bvp | None, part: slice) -> Bvp | None:
    """A stretch of a waveform; None of none."""
    if bvp is None:
        return None
    return Bvp(bvp.samples[part], bvp.fs, bvp.t0_s + (part.start or 0) / bvp.fs, bvp.valid[part])
