"""The light on the skin and on the background beside it: what a waveform shares with it is not blood.

A shared cause keeps its phase: independent noise has power at any rate, but moves in step with nothing. And light
changes the brightness of the skin, blood its colour. Source: our choice. Axis letters: T time; W window, F frequency.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex, Float

from rppg_core.signals.checks import check_kind, check_samples
from rppg_core.signals.filters import detrend
from rppg_core.signals.projections import relative_change
from rppg_core.signals.spectrum import hann_transform, window_slices
from rppg_core.signals.windows import WINDOW_S, WindowSpectra, long_segments, nearest

COHERENCE_HZ = 0.15  # half of the strip in which phases are compared
BY_CHANCE = 0.3  # share of independent noises whose coherence counts
DIMMER = 2.0  # light may fall on a face this many times as strongly as on the wall behind it


@dataclass(frozen=True)
class Light:
    """Relative colour of the skin and of the background in the windows of a clip: a shared cause keeps its phase."""

    freqs_hz: Float[np.ndarray, " freq"]
    skin: Complex[np.ndarray, "window freq 3"]
    background: Complex[np.ndarray, "window freq 3"] | None
    spans_s: Float[np.ndarray, "window 2"]


def light_from_colours(
    skin: Float[np.ndarray, "time 3"],
    background: Float[np.ndarray, "time 3"] | None,
    valid: Bool[np.ndarray, " time"],
    fs: float,
    t0_s: float = 0.0,
) -> Light | None:
    """Transforms of both colours, each divided by its mean, in windows of 10 s; None without a long segment.

    Args:
        skin: mean colour of the skin. Unit: grey levels.
        background: mean colour beside the face, where there is one. Unit: grey levels.
        valid: where the skin is known.
        fs: sampling rate. Unit: Hz.
        t0_s: time of the first sample. Unit: s.
    """
    colours = [check_samples(skin, "skin", ndim=2, finite=False)]
    if background is not None:
        wall = check_samples(background, "background", ndim=2, finite=False)
        known = valid & np.isfinite(wall).all(axis=1)
        if long_segments(known, fs):
            colours, valid = [*colours, wall], known
    every = np.concatenate(colours, axis=1)
    transforms, spans = [], []
    freqs_hz = np.zeros(0)
    for segment in long_segments(valid & np.isfinite(every).all(axis=1), fs):
        swing = detrend(relative_change(every[segment]), fs)
        for window in window_slices(len(swing), fs, window_s=WINDOW_S):
            found = [hann_transform(swing[window, k], fs) for k in range(every.shape[1])]
            freqs_hz = found[0][0]
            transforms.append(np.stack([transform for _, transform in found], axis=1))
            start_s = t0_s + (segment.start + window.start) / fs
            spans.append((start_s, start_s + (window.stop - window.start) / fs))
    if not transforms:
        return None
    both = np.stack(transforms)
    return Light(freqs_hz, both[..., :3], both[..., 3:] if len(colours) == 2 else None, np.array(spans))


def chroma(swing: Complex[np.ndarray, " 3"]) -> float:
    """How much of a swing of three relative colours is a change of colour, in units of its change of brightness.

    0 where all three swing alike, as in light; about 0.3 and more in blood.
    """
    brightness = swing.mean()
    colour = float(np.linalg.norm(swing - brightness))
    return colour / max(float(np.sqrt(3) * abs(brightness)), 1e-300) if colour > 0 else 0.0


def swings(
    spectra: WindowSpectra, light: Light, track_hz: Float[np.ndarray, " window"]
) -> Complex[np.ndarray, "window 3"]:
    """What of each colour of the skin moves in step with the waveform, at the rate, in each window."""
    found = np.zeros((len(track_hz), 3), complex)
    for k, place in enumerate(nearest(light.spans_s, spectra.spans_s)):
        first, last = np.searchsorted(light.freqs_hz, track_hz[k] + np.array([-1, 1]) * spectra.half_width_hz)
        found[k] = spectra.transforms[k, first:last].conj() @ light.skin[place, first:last]
    return found


class SharedLight:
    """How a waveform moves with the light on the background, window by window.

    Args:
        spectra: of a method on the skin.
        light: colours of skin and background in the same clip.
        track_hz: the rate of each window, or one for all. Unit: Hz.

    Source: our choice. Independent noise has power at any rate, but no fixed phase to the skin.
    """

    def __init__(self, spectra: WindowSpectra, light: Light, track_hz: float | Float[np.ndarray, " window"]):
        check_kind(light, Light, "light", do="make it with light_from_colours")
        assert light.background is not None, "a background to compare with"
        n = len(spectra.spans_s)
        track_hz = np.broadcast_to(track_hz, n)
        self.window_s = spectra.window_s
        self.cross, self.own = np.zeros((n, 3), complex), np.zeros(n)
        self.behind, self.skin = np.zeros((n, 3)), np.zeros((n, 3))
        for k, place in enumerate(nearest(light.spans_s, spectra.spans_s)):
            first, last = np.searchsorted(spectra.freqs_hz, track_hz[k] + np.array([-1, 1]) * COHERENCE_HZ)
            wave, wall = spectra.transforms[k, first:last], light.background[place, first:last]
            self.cross[k] = wave.conj() @ wall
            self.own[k] = np.sum(np.abs(wave) ** 2)
            self.behind[k] = np.sum(np.abs(wall) ** 2, axis=0)
            self.skin[k] = np.sum(np.abs(light.skin[place, first:last]) ** 2, axis=0)

    def explained(self, weights: Float[np.ndarray, " window"] | None = None) -> float:
        """How much of the waveform at its rate the light could explain, 0..1.

        Coherence with the most coherent channel of the background beyond what BY_CHANCE of independent noises
        reach, times the ratio of the light's swing there to that on the skin, where it is smaller than DIMMER
        allows. Light that flickers gives nearly 1; a wall whose noise happens to peak at the same rate nearly 0.
        """
        weights = np.ones(len(self.own)) if weights is None else weights
        own, behind = weights @ self.own, weights @ self.behind
        coherence = np.abs(weights @ self.cross) ** 2 / np.maximum(own * behind, 1e-300)
        # a Hann window of T seconds holds 2 COHERENCE_HZ T / 1.5 independent values, half of its neighbour's are new
        values = max(2 * COHERENCE_HZ * self.window_s / 1.5 * (1 + weights.sum()) / 2, 1.5)
        chance = 1 - BY_CHANCE ** (1 / (values - 1))
        size = np.minimum(1.0, DIMMER * np.sqrt(behind / max(float(np.max(weights @ self.skin)), 1e-300)))
        return float(np.max(np.clip((coherence - chance) / (1 - chance), 0, 1) * size))
