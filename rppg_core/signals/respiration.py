"""Breathing rate from its modulations of the pulse: baseline, amplitude and rate, fused into one spectrum.

When a person breathes in, the veins of the skin fill less (baseline, RIIV), beats become smaller (amplitude, RIAV)
and faster (rate, RIFV). Any of the three may be missing in a person, so their spectra are added, each weighted by
how well a single line explains it. `confidence` is the calibrated probability that the rate is within 2 breaths/min.

    baseline   log red minus log green of the skin: brightness, and with it most of motion and light, cancels.
               Methods such as POS keep little of it, so it is read from the skin's colour where available
    amplitude  size of each beat relative to the average beat
    rate       intervals between beats; a spectral tilt suppresses the 0.1 Hz (Mayer) wave of the heart rate
    motion     not a source: if the head moves at the estimated rate, the baseline is not used

Paper: Karlen et al. 2013, "Multiparameter respiratory rate estimation from the photoplethysmogram"
(https://doi.org/10.1109/TBME.2013.2246160).
What differs from the paper: spectra are fused, not the three rates; weighting by concentration replaces the rule
that discards rates that differ, and a calibrated confidence replaces the standard deviation of the three rates;
unevenly spaced beats enter the spectrum directly (Lomb) instead of being interpolated to 4 Hz.
Axis letters: K beat or sample, F frequency.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rppg_core.signals.beats import find_beats
from rppg_core.signals.checks import check_bvp, check_kind, check_pair, check_samples
from rppg_core.signals.spectrum import Spectrum, peak_hz, window_slices
from rppg_core.types import RR_BAND_HZ, Beats, Bvp

RESPIRATION_FILE = Path(__file__).with_name("respiration.json")
MIN_RR_S = 10.0  # usable face
WINDOW_S = 30.0
WITHIN_BRPM = 2.0
GRID_HZ = 0.0025  # 0.15 breaths/min
MAYER_HZ = 0.16  # rate modulation below it is attenuated, 4th order
NYQUIST_SHARE = 0.9  # of half the heart rate: one beat is one sample of amplitude and rate
SAME_IN_MOTION = 0.5  # at this share of the head's motion or above, motion could explain the baseline
_FEWEST = 8  # samples of a modulation in a window


@dataclass(frozen=True)
class Respiration:
    """A breathing rate and its confidence."""

    rr_brpm: float  # NaN when no rate could be estimated
    confidence: float = 0.0  # probability that the rate is within 2 breaths/min
    half_width_brpm: float = float("nan")  # half of the central 95 % interval
    note: str = ""
    features: Float[np.ndarray, " feature"] | None = None  # from which the confidence was computed
    # share of each modulation's power that lies at the rate: baseline, amplitude, rate, waveform, motion
    shares: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class RespirationCalibration:
    """Weights over `Respiration.features`: log odds of being right, log of the half width."""

    confidence: tuple[float, ...]
    log_half_width: tuple[float, ...]


def respiration_rate(
    bvp: Bvp,
    *,
    beats: Beats | None = None,
    skin: Float[np.ndarray, "time 3"] | None = None,
    motion: Float[np.ndarray, " time"] | None = None,
    resp: Bvp | None = None,
    band_hz: tuple[float, float] = RR_BAND_HZ,
) -> Respiration:
    """Breathing rate of a clip from the modulations of its pulse.

    Args:
        bvp: blood volume pulse, raw.
        beats: its beats; None detects them.
        skin: mean colour of the skin at the samples of `bvp`, NaN in gaps; None reads the baseline from `bvp`.
        motion: height of the face in the picture at the samples of `bvp`, any unit, NaN in gaps.
        resp: a respiration waveform of the method; if given, it sets the rate, and the others only affect confidence,
            unless the head moves at that rate.
        band_hz: search band for breathing. Unit: Hz.

    Returns:
        Rate with confidence; `rr_brpm` is NaN, with a note, where the face is visible for under 10 s or
        no breathing is found.

    Source: Karlen et al. 2013; the module docstring lists what differs.
    """
    band_hz = check_pair(band_hz)
    skin, motion = _checked(bvp, beats, skin, motion, resp)
    usable_s = float(bvp.valid.sum()) / bvp.fs
    if usable_s < MIN_RR_S - 0.05:  # the message has one decimal, so the check does too
        return Respiration(float("nan"), note=f"{usable_s:.1f} s of face; at least {MIN_RR_S:.0f} s needed")
    beats = find_beats(bvp.samples, bvp.fs, valid=bvp.valid) if beats is None else beats
    spectra = _spectra(bvp, beats, skin, resp, band_hz)
    if not spectra:
        return Respiration(float("nan"), note="too few beats and no skin colour to read breathing from")
    half_hz = 1.25 / min(WINDOW_S, len(bvp.samples) / bvp.fs)
    fused = _fused(spectra, half_hz)
    rate_hz = _rate_hz(fused)
    if not np.isfinite(rate_hz):
        return Respiration(float("nan"), note="no breathing line in the skin's colour or the beats")
    note = ""
    moving = _motion_share(motion, bvp.fs, band_hz, rate_hz, half_hz)
    if moving >= SAME_IN_MOTION:
        note = f"the head moves {60 * rate_hz:.0f} times a minute, so the skin's baseline does not count"
        spectra = {name: s for name, s in spectra.items() if name in ("amplitude", "rate")}
        fused = _fused(spectra, half_hz) if spectra else None
        rate_hz = _rate_hz(fused) if fused is not None else float("nan")
        if fused is None or not np.isfinite(rate_hz):
            return Respiration(float("nan"), note=note, shares={"motion": moving})
    shares = {name: _share(spectrum, rate_hz, half_hz) for name, spectrum in spectra.items()}
    features = _features(spectra, fused, rate_hz, half_hz, usable_s, beats)
    fitted = respiration_calibration()
    return Respiration(
        rr_brpm=60 * rate_hz,
        confidence=float(1 / (1 + np.exp(-np.clip(np.dot(fitted.confidence, features), -30, 30)))),
        half_width_brpm=float(np.exp(np.clip(np.dot(fitted.log_half_width, features), -2, 3))),
        note=note,
        features=features,
        shares={**shares, **({"motion": moving} if motion is not None else {})},
    )


def modulation_rates(
    bvp: Bvp,
    *,
    skin: Float[np.ndarray, "time 3"] | None = None,
    motion: Float[np.ndarray, " time"] | None = None,
    resp: Bvp | None = None,
    band_hz: tuple[float, float] = RR_BAND_HZ,
) -> dict[str, float]:
    """The strongest rate of every modulation alone, neither fused nor judged; for comparisons of sources.

    Args:
        bvp: as in `respiration_rate`.
        skin: likewise.
        motion: likewise.
        resp: likewise.
        band_hz: search band for breathing. Unit: Hz.

    Returns:
        "baseline", "amplitude", "rate", "waveform" and "motion", as far as they can be read. Unit: breaths/min.
    """
    band_hz = check_pair(band_hz)
    skin, motion = _checked(bvp, None, skin, motion, resp)
    found: dict[str, Spectrum | None] = {}
    found |= _spectra(bvp, find_beats(bvp.samples, bvp.fs, valid=bvp.valid), skin, resp, band_hz)
    if motion is not None:
        found["motion"] = _lomb(*_thinned(motion, bvp.fs), len(motion) / bvp.fs, band_hz)
    rates_hz = {name: _rate_hz(spectrum) for name, spectrum in found.items() if spectrum is not None}
    return {name: 60 * rate_hz for name, rate_hz in rates_hz.items() if np.isfinite(rate_hz)}


@cache
def respiration_calibration() -> RespirationCalibration:
    """The shipped calibration, from respiration.json beside this file."""
    stored = json.loads(RESPIRATION_FILE.read_text())
    return RespirationCalibration(tuple(stored["confidence"]), tuple(stored["log_half_width"]))


def _checked(
    bvp: Bvp,
    beats: Beats | None,
    skin: np.ndarray | None,
    motion: np.ndarray | None,
    resp: Bvp | None,
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Skin and motion as arrays, once everything is of its kind."""
    check_bvp(bvp)
    if beats is not None:
        check_kind(beats, Beats, "beats", do="find them with find_beats(bvp, fs), or leave them out")
    if resp is not None:
        check_bvp(resp)
    return (
        None if skin is None else check_samples(skin, "skin", ndim=2, finite=False),
        None if motion is None else check_samples(motion, "motion", finite=False),
    )


def _spectra(
    bvp: Bvp, beats: Beats, skin: np.ndarray | None, resp: Bvp | None, band_hz: tuple[float, float]
) -> dict[str, Spectrum]:
    """Power spectrum of each available modulation, normalised to a sum of 1 inside the band."""
    spectra = {}
    n = len(bvp.samples)
    if skin is not None:
        tint = np.log(np.maximum(skin[:, 0], 1.0)) - np.log(np.maximum(skin[:, 1], 1.0))
    else:
        tint = np.where(bvp.valid, bvp.samples, np.nan)
    spectra["baseline"] = _lomb(*_thinned(tint, bvp.fs), n / bvp.fs, band_hz)
    if resp is not None:
        wave = np.where(resp.valid, resp.samples, np.nan)
        spectra["waveform"] = _lomb(*_thinned(wave, resp.fs), n / bvp.fs, band_hz)
    if len(beats.times_s) >= _FEWEST:
        usual = np.median(beats.heights)
        heights = np.where(np.abs(beats.heights - usual) < 0.6 * usual, beats.heights, np.nan)
        middle_s = 0.5 * (beats.times_s[1:] + beats.times_s[:-1])
        # one beat is one sample: half the heart rate is the Nyquist limit
        top_hz = NYQUIST_SHARE / (2 * np.median(np.diff(beats.times_s)))
        spectra["amplitude"] = _lomb(beats.times_s, heights, n / bvp.fs, band_hz, top_hz=top_hz)
        spectra["rate"] = _lomb(middle_s, beats.ibi_s, n / bvp.fs, band_hz, top_hz=top_hz, mayer_hz=MAYER_HZ)
    return {name: spectrum for name, spectrum in spectra.items() if spectrum is not None}


def _fused(spectra: Mapping[str, Spectrum], half_hz: float) -> Spectrum:
    """The sum weighted by squared concentration, or the spectrum of the method's own waveform if there is one."""
    if "waveform" in spectra:
        return spectra["waveform"]
    weights = [_share(s, float(s.freqs_hz[np.argmax(s.power)]), half_hz) ** 2 for s in spectra.values()]
    power = np.sum([w * s.power for w, s in zip(weights, spectra.values(), strict=True)], axis=0)
    return Spectrum(next(iter(spectra.values())).freqs_hz, power)


def _rate_hz(fused: Spectrum) -> float:
    return peak_hz(fused, low_hz=float(fused.freqs_hz[0]), high_hz=float(fused.freqs_hz[-1]))


def _features(
    spectra: Mapping[str, Spectrum],
    fused: Spectrum,
    rate_hz: float,
    half_hz: float,
    usable_s: float,
    beats: Beats,
) -> Float[np.ndarray, " feature"]:
    """The inputs of the calibration.

    1; how far the best and the second-best modulation stand out at the rate; clip length; closeness to half the heart
    rate, where beats alias; slowness, where drift and the Mayer wave lie; the strongest competing line.
    """
    gains = sorted((_gain(s, rate_hz, half_hz) for s in spectra.values()), reverse=True)
    best, second = [*gains, 0.0][:2]
    rival = np.abs(fused.freqs_hz - rate_hz) > 1.5 * half_hz
    beat_s = float(np.median(np.diff(beats.times_s))) if len(beats.times_s) > 1 else 1.0
    return np.array(
        [
            1.0,
            best,
            second,
            np.log(np.clip(usable_s, 10, 60) / WINDOW_S),
            max(0.0, 2 * rate_hz * beat_s - 0.6),
            max(0.0, 0.16 - rate_hz) / 0.08,
            fused.power[rival].max(initial=0.0) / fused.power.max(),
        ]
    )


def _gain(spectrum: Spectrum, rate_hz: float, half_hz: float) -> float:
    """Log odds of the power at the rate, minus those of a flat spectrum, -1..4."""
    share = np.clip(_share(spectrum, rate_hz, half_hz), 0.005, 0.98)
    flat = np.clip(np.mean(np.abs(spectrum.freqs_hz - rate_hz) <= half_hz), 0.005, 0.9)
    return float(np.clip(np.log(share / (1 - share)) - np.log(flat / (1 - flat)), -1, 4))


def _motion_share(
    motion: np.ndarray | None, fs: float, band_hz: tuple[float, float], rate_hz: float, half_hz: float
) -> float:
    """Share of the head's motion that lies at the rate, 0..1."""
    if motion is None:
        return 0.0
    spectrum = _lomb(*_thinned(motion, fs), len(motion) / fs, band_hz)
    return _share(spectrum, rate_hz, half_hz) if spectrum is not None else 0.0


def _share(spectrum: Spectrum, rate_hz: float, half_hz: float) -> float:
    return float(spectrum.power[np.abs(spectrum.freqs_hz - rate_hz) <= half_hz].sum())


def _thinned(signal: np.ndarray, fs: float) -> tuple[np.ndarray, np.ndarray]:
    """Times and means of blocks of a quarter second; NaN in a block makes it NaN."""
    block = max(1, round(fs / 4))
    n = len(signal) // block
    return (np.arange(n) + 0.5 - 0.5 / block) * block / fs, signal[: n * block].reshape(n, block).mean(axis=1)


def _lomb(
    times_s: np.ndarray, values: np.ndarray, clip_s: float, band_hz: tuple[float, float], *,
    top_hz: float = np.inf, mayer_hz: float = 0.0,
) -> Spectrum | None:  # fmt: skip
    """Power of unevenly spaced samples in windows of 30 s, each detrended by a straight line and Hann-windowed."""
    freqs_hz = np.arange(band_hz[0], band_hz[1] + GRID_HZ / 2, GRID_HZ)
    good = np.isfinite(values)
    times_s, values = times_s[good], values[good]
    power = np.zeros(len(freqs_hz))
    for window in window_slices(round(clip_s * 100), 100.0, window_s=WINDOW_S):
        start_s, span_s = window.start / 100, (window.stop - window.start) / 100
        inside = (times_s >= start_s) & (times_s <= start_s + span_s)
        if inside.sum() < _FEWEST:
            continue
        at = (times_s[inside] - start_s) / span_s
        x = values[inside] - np.polyval(np.polyfit(at, values[inside], 1), at)
        hann = np.sin(np.pi * at) ** 2
        x = hann * (x - np.sum(hann * x) / hann.sum())
        power += np.abs(np.exp(-2j * np.pi * np.outer(freqs_hz, times_s[inside])) @ x) ** 2 / np.sum(hann**2)
    power[freqs_hz > top_hz] = 0.0
    if mayer_hz:
        power *= freqs_hz**4 / (freqs_hz**4 + mayer_hz**4)
    return Spectrum(freqs_hz, power / power.sum()) if power.sum() > 1e-20 else None
