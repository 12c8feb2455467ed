"""How far a heart rate can be trusted: which methods see it, when, and what else could have caused it.

A clean waveform proves nothing: the output of a learned decoder is clean even for a wall. Evidence on a track:
    contrast    how far the panel's lines at the rate stand out of the noise beside them (best half of the panel),
    votes       share of the panel, weighted by SNR, whose strongest line of each window is at the rate,
    apart       how far the noise of the face's regions is independent, and
    together    how far their pulses are in step at the rate nevertheless: a heart reaches all of the skin at once,
    snr_db      power of the method's own waveform at the rate and at twice the rate relative to the rest of the band,
    chroma      how much of the skin's swing in step with the waveform is one of colour: light changes brightness,
    explained   how much of the waveform at the rate moves in step with the light on the background,
    seconds     duration of usable face.
A window is judged by the evidence around it, but gains little contrast from it, because the pulse may be gone for a
while, as when somebody holds a picture before the camera. `calibration` turns all of it into a probability. The panel
(POS, CHROM, PBV, LGI) is the same for every method, so a reading does not depend on which other methods run.
Axis letters: T time; W window, F frequency, C colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rppg_core.signals.checks import check_kind, check_number
from rppg_core.signals.light import Light, SharedLight, chroma, swings
from rppg_core.signals.rate_track import candidate_rates, follow
from rppg_core.signals.regions import InStep
from rppg_core.signals.windows import WindowSpectra

AGREE_HZ = 5 / 60
REACH_S = 8.0  # a window's evidence fades to 1/e at this distance from it
UNKNOWN_CHROMA = 1.0  # where the colours of the skin are not known, nothing says that it is light
# The most contrast that a window gains from those around it. Our choice: right windows of people seldom lie further
# below those around them, and windows in a pause of the pulse nearly always do.
LIFT = 0.5
LEAP_HZ = 10 / 60  # evidence does not pass a larger change of the rate between two windows
VOTE_SNR_DB = (-15.0, 10.0)  # a vote counts in proportion to amplitude over noise within this range

Weights = Float[np.ndarray, " window"]


@dataclass(frozen=True)
class Panel:
    """The fixed panel of classical methods on the skin, and POS on each of the face's regions."""

    skin: Mapping[str, WindowSpectra]
    light: Light | None = None
    regions: tuple[WindowSpectra, ...] = ()


@dataclass(frozen=True)
class RateEvidence:
    """The inputs of `calibration`; they do not include the method's name."""

    contrast: float
    votes: float
    apart: float
    together: float
    snr_db: float
    chroma: float
    explained: float
    seconds: float
    swing_bpm: float  # standard deviation of the track around its mean
    rate_s: float  # the rate is the mean over this long
    unseen: float  # share of the clip's windows that this mean leaves out
    rate_bpm: float


def joint_track(voices: Mapping[str, WindowSpectra]) -> Float[np.ndarray, " window"]:
    """The rate that runs through the windows of several methods together. Unit: Hz.

    Args:
        voices: spectra of the methods; the windows are those of the first.
    """
    first = next(iter(voices.values()))
    same = [spectra.at(first.spans_s) for spectra in voices.values()]
    shares = np.mean([spectra.shares for spectra in same], axis=0)
    track_hz = candidate_rates(first.band_hz)[follow(shares, first.middles_s)]
    return np.median([spectra.refined(track_hz) for spectra in same], axis=0)


def nearby(spectra: WindowSpectra, track_hz: Float[np.ndarray, " window"], k: int) -> Weights:
    """Weights of all windows in the judgement of window k: near in time, and joined to it by an unbroken track.

    Source: our choice: on moving faces this shows more of the right windows than each by itself, and no more of
    the wrong ones.
    """
    weights = np.exp(-np.abs(spectra.middles_s - spectra.middles_s[k]) / REACH_S)
    stretch = np.cumsum(np.concatenate([[False], np.abs(np.diff(track_hz)) > LEAP_HZ]))
    return np.where(stretch == stretch[k], weights, 0.0)


class TrackEvidence:
    """All evidence on a track of one method, window by window; `over` sums it up.

    Args:
        spectra: of the method itself.
        track_hz: the rate of each window, or one for all. Unit: Hz.
        panel: the fixed panel; without it, contrast and votes are those of a wall.
        without: the method's name, if it is one of the panel: it has no vote on itself.
    """

    def __init__(
        self,
        spectra: WindowSpectra,
        track_hz: float | Float[np.ndarray, " window"],
        *,
        panel: Panel | None,
        without: str = "",
    ):
        check_kind(spectra, WindowSpectra, "spectra", do="make it with window_spectra(bvp)")
        if panel is not None:
            check_kind(
                panel, Panel, "panel", do="leave it out, or take that of controls.ControlledRuns(clip)"
            )
        if np.ndim(track_hz) == 0:
            check_number(track_hz, "track_hz", 0)
        n = len(spectra.spans_s)
        self.spectra = spectra
        self.track_hz = np.broadcast_to(track_hz, n)
        self.snrs_db = spectra.snrs_db(self.track_hz)
        self.contrasts, self.agreeing, self.voting = np.zeros(n), np.zeros(n), np.zeros(n)
        if panel is not None:
            self._ask(panel, without)
        light = panel.light if panel is not None else None
        self.swings = None if light is None else swings(spectra, light, self.track_hz)
        self.in_step = InStep(spectra, panel.regions if panel is not None else (), self.track_hz)
        self.shared = None
        if light is not None and light.background is not None:
            self.shared = SharedLight(spectra, light, self.track_hz)

    def _ask(self, panel: Panel, without: str) -> None:
        """Contrast at the rate, mean over the better half of the panel; and votes, each weighted by its SNR."""
        contrasts = []
        for name, member in panel.skin.items():
            there = member.at(self.spectra.spans_s)
            contrasts.append(there.contrasts(self.track_hz))
            if name != without:
                votes = 10 ** (np.clip(there.crest_snrs_db, *VOTE_SNR_DB) / 20)
                self.voting = self.voting + votes
                self.agreeing = self.agreeing + votes * (np.abs(there.crests_hz - self.track_hz) <= AGREE_HZ)
        self.contrasts = np.sort(contrasts, axis=0)[-max(1, len(contrasts) // 2) :].mean(axis=0)

    def over(self, weights: Weights | None = None, *, here: int | None = None) -> RateEvidence:
        """The evidence of all windows together.

        Args:
            weights: of the windows; None counts all alike.
            here: the window whose rate is judged; None for the mean rate.
        """
        weights = np.ones(len(self.track_hz)) if weights is None else weights
        share = weights / weights.sum()
        voting = float(weights @ self.voting)
        seconds = float(min(self.spectra.seconds, self.spectra.window_s / 2 * (1 + weights.sum())))
        mean_hz, contrast = float(share @ self.track_hz), float(share @ self.contrasts)
        if here is not None:
            contrast = min(contrast, float(self.contrasts[here]) + LIFT)
        return RateEvidence(
            contrast=contrast,
            votes=float(weights @ self.agreeing) / voting if voting > 0 else 0.0,
            apart=self.in_step.apart(weights),
            together=self.in_step.together(weights),
            snr_db=float(share @ self.snrs_db),
            chroma=UNKNOWN_CHROMA if self.swings is None else chroma(share @ self.swings),
            explained=self.shared.explained(weights) if self.shared else 0.0,
            seconds=seconds,
            swing_bpm=float(60 * np.sqrt(share @ (self.track_hz - mean_hz) ** 2)),
            rate_s=seconds if here is None else self.spectra.window_s,
            unseen=1 - float(weights.mean()) if here is None else 0.0,
            rate_bpm=float(60 * (mean_hz if here is None else self.track_hz[here])),
        )

    def near(self, k: int) -> RateEvidence:
        """The evidence on window k, out of those around it."""
        return self.over(nearby(self.spectra, self.track_hz, k), here=k)
