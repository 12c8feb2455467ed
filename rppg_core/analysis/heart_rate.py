"""Heart rate over time: a reading or a refusal for every window of 10 s, and one for the clip from those shown.

Windows overlap by half. Each is judged by the evidence around it, the clip by that of the windows that can be
trusted; a rate that changes is followed. The reading of one method is judged as a consensus of one. Source: our
choice. Axis letters: W window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
from jaxtyping import Float

from rppg_core.signals.band_edges import beyond_edge, outside_band
from rppg_core.signals.calibration import GREY, SAME_IN_CONTROL, SHOW_FROM, calibration
from rppg_core.signals.quality import (
    AGREE_HZ,
    Panel,
    RateEvidence,
    TrackEvidence,
    Weights,
    joint_track,
    nearby,
)
from rppg_core.signals.windows import WindowSpectra
from rppg_core.types import Reading, TrackReading

OUTSIDE_BAND = "the rate may lie"  # first words of a refusal for a heart rate outside the band
# Upper limit for such a refusal. Our choice: fewer than 1 in 100 of the simulated rates refused were right.
OUTSIDE_CONFIDENCE = 0.05
GREY_CONFIDENCE = 0.3  # upper limit where only the brightness of the skin changes
FEWEST, UPPER = (
    2,
    0.25,
)  # methods, and share of the agreeing ones, that have to reach a confidence (our choice)
FEW_CONFIDENCE = 0.5  # upper limit where fewer than half of the leading methods agree


@dataclass(frozen=True)
class HeartRate:
    """The heart rate of a clip and of its windows."""

    hr: Reading
    track: tuple[TrackReading, ...] = ()
    seconds: float = 0.0  # covered by windows with a value
    snr_db: float | None = None  # of the waveform at the rate
    agree: tuple[str, ...] = ()  # methods within 5 bpm of the rate


@dataclass(frozen=True)
class Voice:
    """One method in the judgement: the spectra of its waveform, and the upper limit that its own evidence sets."""

    spectra: WindowSpectra
    limit: float = 1.0


def heart_rate(voices: Mapping[str, Voice], leading: Sequence[str], panel: Panel | None) -> HeartRate:
    """Judge the rate that methods share.

    Args:
        voices: one method, or several, by name.
        leading: those of them whose spectra make the track. At least half of them have to agree with it.
        panel: the fixed panel; one of its methods has no vote on itself.

    Returns:
        The heart rate. A confidence is one that a quarter of the agreeing methods reach on the shared track, and
        two of them at least; of the only one where there is one.
    """
    judge = _Judge(voices, leading, panel)
    readings = [judge.window(k) for k in range(len(judge.track_hz))]
    shown = np.array([reading.value is not None for reading in readings])
    hr = judge.clip(shown.astype(float) if shown.any() else np.ones(len(shown)))
    if hr.value is not None and not shown.any():
        hr = replace(hr, value=None, interval=None, note=_unclear(max(r.confidence for r in readings)))
    spans_s = judge.windows.spans_s
    track = tuple(
        TrackReading(float(start_s), float(end_s), reading)
        for (start_s, end_s), reading in zip(spans_s, readings, strict=True)
    )
    seconds = _covered_s(spans_s[shown]) if hr.value is not None else 0.0
    return HeartRate(hr, track, seconds, judge.snr_db(), judge.agreeing(np.ones(len(shown))))


def cap(confidence: float, evidence: Mapping[str, float] | None) -> float:
    """The confidence, or the smallest evidence where that is lower.

    Args:
        confidence: before the evidence is applied.
        evidence: named scores, 0..1; one that is not finite counts as 0.
    """
    scores = [score if np.isfinite(score) else 0.0 for score in (evidence or {}).values()]
    return min([confidence, *(max(0.0, float(score)) for score in scores)])


class _Judge:
    """All that is known of one track."""

    def __init__(self, voices: Mapping[str, Voice], leading: Sequence[str], panel: Panel | None):
        self.voices, self.leading = voices, leading
        self.windows = voices[leading[0]].spectra
        spectra = {name: voice.spectra.at(self.windows.spans_s) for name, voice in voices.items()}
        self.track_hz = joint_track({name: spectra[name] for name in leading})
        self.known = {
            name: TrackEvidence(one, self.track_hz, panel=panel, without=name)
            for name, one in spectra.items()
        }
        self.agree = {name: np.abs(one.track_hz - self.track_hz) <= AGREE_HZ for name, one in spectra.items()}
        self.side = outside_band(self.windows, float(self.track_hz.mean()), panel=panel)

    def agreeing(self, weights: Weights) -> tuple[str, ...]:
        """The methods that agree with the track in most of the windows."""
        return tuple(name for name, agree in self.agree.items() if 2 * (weights @ agree) >= weights.sum())

    def snr_db(self) -> float:
        """The best SNR of an agreeing method on the track."""
        names = self.agreeing(np.ones(len(self.track_hz))) or tuple(self.leading)
        return max(float(self.known[name].snrs_db.mean()) for name in names)

    def window(self, k: int) -> Reading:
        """The rate in window k, shown or refused by what is around it."""
        found = {name: one.near(k) for name, one in self.known.items()}
        return self._reading(found, self.agreeing(nearby(self.windows, self.track_hz, k)))

    def clip(self, weights: Weights) -> Reading:
        """The rate over some windows, shown or refused."""
        return self._reading(
            {name: one.over(weights) for name, one in self.known.items()}, self.agreeing(weights)
        )

    def _reading(self, found: Mapping[str, RateEvidence], agreeing: Sequence[str]) -> Reading:
        """The reading of the least confident method in the upper quarter of those that agree.

        One alone may err. A fixed number of them will not do, either: the second highest of many is higher by chance
        than that of few, and networks that were trained on the same people err alike.
        """
        sure = {
            name: min(self.voices[name].limit, calibration().probability(found[name])) for name in agreeing
        }
        ranked = sorted(sure, key=sure.__getitem__, reverse=True)
        reached = max(FEWEST, ceil(UPPER * len(ranked)))
        best = ranked[:reached][-1] if ranked else self.leading[0]
        confidence = sure.get(best, 0.0)
        explained = max(one.explained for one in found.values())
        rate_bpm = found[best].rate_bpm
        together = sum(name in agreeing for name in self.leading)
        if explained >= SAME_IN_CONTROL:
            note = f"the background shows the same {rate_bpm:.0f} per minute: light or camera, not blood"
            return _refusal(min(confidence, 1 - explained), note)
        if found[best].chroma < GREY:
            limited = min(confidence, GREY_CONFIDENCE)
            return _refusal(limited, _grey_note(rate_bpm) if confidence >= SHOW_FROM else _unclear(limited))
        band_hz = self.windows.band_hz
        if side := beyond_edge(rate_bpm / 60, band_hz) or self.side:
            return _refusal(min(confidence, OUTSIDE_CONFIDENCE), _outside_note(side, rate_bpm, band_hz))
        if 2 * together < len(self.leading):
            note = f"only {together} of {len(self.leading)} methods agree"
            return _refusal(min(confidence, FEW_CONFIDENCE), note)
        if confidence < SHOW_FROM:
            return _refusal(confidence, _unclear(confidence))
        return self._shown(rate_bpm, confidence, calibration().half_width_bpm(found[best]))

    def _shown(self, rate_bpm: float, confidence: float, half_bpm: float) -> Reading:
        low, high = (60 * edge for edge in self.windows.band_hz)
        interval = (max(low, rate_bpm - half_bpm), min(high, rate_bpm + half_bpm))
        return Reading(rate_bpm, "bpm", confidence=confidence, interval=interval)


def _refusal(confidence: float, note: str) -> Reading:
    return Reading(None, "bpm", confidence=confidence, note=note)


def _unclear(confidence: float) -> str:
    return f"no clear pulse (confidence {confidence:.2f}, {SHOW_FROM:.2f} needed)"


def _grey_note(rate_bpm: float) -> str:
    return f"at {rate_bpm:.0f} per minute the skin changes its brightness, not its colour: light, not blood"


def _outside_note(side: str, rate_bpm: float, band_hz: tuple[float, float]) -> str:
    if side == "below" and not beyond_edge(rate_bpm / 60, band_hz):
        why = f"{rate_bpm:.0f} looks like the second harmonic of {rate_bpm / 2:.0f}"
    else:
        why = "the strongest line is there"
    edge_hz = band_hz[0] if side == "below" else band_hz[1]
    return f"{OUTSIDE_BAND} {side} {60 * edge_hz:.0f} bpm ({why})"


def _covered_s(spans_s: Float[np.ndarray, "window 2"]) -> float:
    """Length of the union of spans. Unit: s."""
    covered, until_s = 0.0, -np.inf
    for start_s, end_s in spans_s[np.argsort(spans_s[:, 0])]:
        covered += max(0.0, end_s - max(start_s, until_s))
        until_s = max(until_s, end_s)
    return float(covered)
