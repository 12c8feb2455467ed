"""Heartbeat, breathing and the resulting blood volume pulse, with known beat times.

This is the first stage of the simulator. A heart-rate process (mean, breathing, 0.1 Hz and slow drift) is
integrated to beat times. Every beat adds one pulse of fixed duration to the decaying tails of the pulses
before it, so the wave is continuous and its upstroke lasts equally long at any rate. Breathing changes the
rate (RIFV, also called RSA), the pulse amplitude (RIAV) and the baseline (RIIV), each of which can be
switched off. Oxygen saturation is an independent process, with slow dips on request.

What differs from published practice: simulators usually map one pulse template onto each interval (McSharry's
phase model, neurokit2). Stretching a pulse to its interval moves the points that detectors find by part of
the interval change and so biases RMSSD; here a pulse starts at its onset and does not depend on the next one.
Axis letters: T time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy import ndimage

GRID_HZ = 250.0  # rate of the grid on which rates are integrated
TEMPLATE_HZ = 1000.0  # rate of the stored pulse shape
SMOOTH_S = 0.025  # skin far from an artery shows a smoother pulse than a finger
FOOT_S = 3 * SMOOTH_S  # the smoothed foot begins this long before the onset
TAIL_S = 2.5  # a pulse has decayed after this time
POINTS_PER_PERIOD = 32  # of the fastest noise, which is drawn coarsely and interpolated to save time
LEAD_S = 6.0  # the process also runs this long before and after the clip


@dataclass(frozen=True, kw_only=True)
class Physiology:
    """One person's heart and breath. Brackets hold the ranges of random draws."""

    hr_bpm: float = 72.0  # mean over the clip [40-185]
    rr_brpm: float = 15.0  # mean breathing rate [6-30]
    rsa: float = 0.03  # RIFV: relative swing of the rate with the breath, 0 is off [0-0.07]
    riav: float = 0.1  # RIAV: relative swing of the pulse amplitude with the breath, 0 is off [0-0.25]
    riiv: float = 0.4  # RIIV: swing of the baseline, in standard deviations of the pulse, 0 is off [0-1.2]
    mayer: float = 0.012  # relative swing of the rate around 0.1 Hz [0-0.025]
    drift: float = 0.01  # relative swing of the rate below 0.05 Hz
    jitter: float = 0.004  # standard deviation of each interval's independent random part / the interval
    ectopic: float = 0.0  # probability that a beat comes early, followed by a compensatory pause
    rise_s: float = 0.15  # upstroke of a pulse, onset to systolic peak; at most 0.4 mean intervals [0.12-0.2]
    decay_s: float = 0.28  # time constant of the diastolic decay [0.2-0.4]
    dicrotic: float = 0.16  # height of the dicrotic wave, systolic peak = 1 [0-0.35]
    smoothness: float = 0.0  # share of the fundamental that comes from a sinusoidal pulse, 0 is none [0-0.6]
    spo2_percent: float = 98.0  # mean over the clip [85-100]
    spo2_swing: float = 0.0  # standard deviation of the slow change of SpO2, percentage points [0-5]


@dataclass(frozen=True)
class Waves:
    """Physiology at the times of the frames."""

    bvp: Float[np.ndarray, " time"]  # without respiration baseline, zero mean, unit std
    baseline: Float[np.ndarray, " time"]  # RIIV, in standard deviations of bvp
    resp: Float[np.ndarray, " time"]  # rises with inhalation, within about -1..1
    hr_bpm: Float[np.ndarray, " time"]  # of the interval around each time
    beats_s: Float[np.ndarray, " beat"]  # onsets within the clip
    spo2: Float[np.ndarray, " time"]  # %, at most 100
    rr_brpm: Float[np.ndarray, " time"]  # instantaneous


def simulate_waves(
    person: Physiology, times_s: Float[np.ndarray, " time"], rng: np.random.Generator
) -> Waves:
    """Beats and breaths of one person, and the pulse at the given times.

    Args:
        person: rates and strengths.
        times_s: increasing; unevenly spaced times are fine. Unit: s.
        rng: source of everything random.

    Returns:
        The waves at `times_s` and the beat onsets between the first and the last of them.

    Source: our choice: integral pulse frequency modulation (Rompelman et al. 1977) for the beats; a linear
    superposition of fixed pulses for the wave. Breathing modulations: Charlton et al. 2018.
    """
    grid_s = np.arange(times_s[0] - LEAD_S, times_s[-1] + LEAD_S, 1 / GRID_HZ)
    inside = (grid_s >= times_s[0]) & (grid_s <= times_s[-1])
    resp, depth, breath_hz = _breath(person.rr_brpm, grid_s, inside, rng)
    modulation = (
        person.rsa * resp
        + person.mayer * np.sqrt(2) * band_noise(grid_s, 0.07, 0.13, rng)
        + person.drift * band_noise(grid_s, 0.005, 0.05, rng)
    )
    rate_hz = person.hr_bpm / 60 * (1 + modulation - modulation[inside].mean())
    beats_s, strength = _beats(person, grid_s, rate_hz, rng)
    strength = strength * (1 - person.riav * np.interp(beats_s, grid_s, resp))

    wave = _superpose(times_s + foot_s(person), beats_s, strength, pulse_template(person))
    ibi_s = np.diff(beats_s)
    return Waves(
        bvp=(wave - wave.mean()) / wave.std(),
        baseline=-person.riiv
        * np.interp(times_s, grid_s, ndimage.gaussian_filter1d(resp * depth, 0.1 * GRID_HZ)),
        resp=np.interp(times_s, grid_s, resp),
        hr_bpm=np.interp(times_s, (beats_s[1:] + beats_s[:-1]) / 2, 60 / ibi_s),
        beats_s=beats_s[(beats_s >= times_s[0]) & (beats_s <= times_s[-1])],
        spo2=_saturation(person, grid_s, inside, times_s, rng),
        rr_brpm=np.interp(times_s, grid_s, 60 * breath_hz),
    )


def foot_s(person: Physiology) -> float:
    """Time from the start of a pulse's template to its onset."""
    if not person.smoothness:
        return FOOT_S
    plain = _ejection(replace(person, smoothness=0.0), FOOT_S)
    return max(FOOT_S, 30 / person.hr_bpm - _fundamental(plain, FOOT_S, person.hr_bpm)[1])


def pulse_template(person: Physiology) -> Float[np.ndarray, " sample"]:
    """One pulse at TEMPLATE_HZ, starting `foot_s` before its onset: an ejection mixed with a sinusoidal pulse.

    The sinusoidal pulse is a raised cosine one mean interval long, so that at an even rate these pulses sum
    to a sinusoid, in phase with the fundamental of the ejections. A share s scales the ratio of every
    harmonic to the fundamental by 1 - s.
    """
    foot = foot_s(person)
    pulse = _ejection(person, foot)
    if not person.smoothness:
        return pulse
    strength, centre_s = _fundamental(pulse, foot, person.hr_bpm)
    interval_s = 60 / person.hr_bpm
    t = np.arange(len(pulse)) / TEMPLATE_HZ - foot
    round_ = 0.5 + 0.5 * np.cos(2 * np.pi * np.clip((t - centre_s) / interval_s, -0.5, 0.5))
    round_ *= strength / (interval_s / 4)  # a raised cosine's fundamental is a quarter of its length
    return (1 - person.smoothness) * pulse + person.smoothness * round_


def band_noise(
    times_s: Float[np.ndarray, " time"],
    low_hz: float,
    high_hz: float,
    rng: np.random.Generator,
    power: float = 0.0,
) -> Float[np.ndarray, " time"]:
    """Gaussian noise between two frequencies, zero mean and unit standard deviation.

    Args:
        times_s: evenly spaced. Unit: s.
        low_hz: lower edge. Unit: Hz.
        high_hz: upper edge. Unit: Hz.
        rng: source of randomness.
        power: the power spectrum falls as 1 / f ** power.

    Returns:
        Noise. The spectrum has at least one line, so a short clip gets a slow wave, never zeros.
    """
    span_s = float(times_s[-1] - times_s[0])
    step_s = max(span_s / max(len(times_s) - 1, 1), 1 / (POINTS_PER_PERIOD * high_hz))
    coarse_s = times_s[0] + np.arange(int(span_s / step_s) + 2) * step_s
    n_fft = int(2 ** np.ceil(np.log2(max(len(coarse_s) * 1.25, 2 / (low_hz * step_s)))))
    freqs_hz = np.fft.rfftfreq(n_fft, step_s)
    keep = (freqs_hz >= low_hz) & (freqs_hz <= high_hz)
    lines = rng.standard_normal((2, int(keep.sum())))
    spectrum = np.zeros(len(freqs_hz), complex)
    spectrum[keep] = (lines[0] + 1j * lines[1]) * freqs_hz[keep] ** (-power / 2)
    noise = np.interp(times_s, coarse_s, np.fft.irfft(spectrum, n_fft)[: len(coarse_s)])
    noise -= noise.mean()
    return noise / max(noise.std(), 1e-12)


def _breath(
    rr_brpm: float, grid_s: np.ndarray, inside: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Breathing waveform (inhalation shorter than exhalation), and the slowly varying depth and rate of breathing."""
    wander = 0.05 * band_noise(grid_s, 0.01, 0.08, rng)
    rate_hz = rr_brpm / 60 * (1 + wander - wander[inside].mean())
    phase = np.cumsum(rate_hz) / GRID_HZ + rng.uniform()
    depth = np.exp(0.12 * band_noise(grid_s, 0.01, 0.1, rng))
    angle = 2 * np.pi * phase
    return depth * np.sin(angle + 0.3 * np.sin(angle)), depth, rate_hz


def _beats(
    person: Physiology, grid_s: np.ndarray, rate_hz: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Onset times where the integrated rate passes each threshold, and the strength of each beat's pulse."""
    phase = np.cumsum(rate_hz) / GRID_HZ
    n = int(phase[-1])
    thresholds = rng.uniform() + np.cumsum(1 + person.jitter * rng.standard_normal(n))
    early = rng.uniform(size=n) < person.ectopic
    early[1:] &= ~early[:-1]
    thresholds = thresholds - 0.3 * early  # the next beat stays where it was: the compensatory pause
    thresholds = thresholds[thresholds < phase[-1]]
    return np.interp(thresholds, phase, grid_s), np.where(early[: len(thresholds)], 0.6, 1.0)


def _ejection(person: Physiology, foot: float) -> Float[np.ndarray, " sample"]:
    """A half-cosine rise and a decay with a dicrotic wave, smoothed; it starts `foot` before the onset."""
    t = np.arange(int(TAIL_S * TEMPLATE_HZ)) / TEMPLATE_HZ - foot
    rise_s = min(person.rise_s, 0.4 * 60 / person.hr_bpm)  # ejection is shorter at a high heart rate
    up = 0.5 - 0.5 * np.cos(np.pi * np.clip(t / rise_s, 0, 1))
    after = np.maximum(t - rise_s, 0)
    down = np.exp(-after / person.decay_s) * (1 + 0.5 * after / person.decay_s)
    wave = person.dicrotic * np.exp(-0.5 * ((after - 0.2) / 0.055) ** 2) * (after > 0)
    fade = 0.5 + 0.5 * np.cos(np.pi * np.clip((t - 0.6 * TAIL_S) / (0.4 * TAIL_S), 0, 1))
    return ndimage.gaussian_filter1d((up * down + wave) * fade, SMOOTH_S * TEMPLATE_HZ, mode="nearest")


def _fundamental(pulse: np.ndarray, foot: float, hr_bpm: float) -> tuple[float, float]:
    """Strength of a pulse's fundamental (integral, s), and the time from the onset to the fundamental's maximum."""
    turns = hr_bpm / 60 * (np.arange(len(pulse)) / TEMPLATE_HZ - foot)
    line = complex((pulse * np.exp(-2j * np.pi * turns)).sum()) / TEMPLATE_HZ
    return abs(line), -float(np.angle(line)) / (2 * np.pi) * 60 / hr_bpm


def _saturation(
    person: Physiology, grid_s: np.ndarray, inside: np.ndarray, times_s: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """SpO2 with slow changes around its mean: a desaturation takes tens of seconds."""
    if not person.spo2_swing:
        return np.full(len(times_s), person.spo2_percent)
    slow = band_noise(grid_s, 0.008, 0.04, rng, power=1)
    slow = (slow - slow[inside].mean()) / max(slow[inside].std(), 1e-9)
    track = person.spo2_percent + person.spo2_swing * slow
    return np.clip(np.interp(times_s, grid_s, track), 50, 100)


def _superpose(
    times_s: np.ndarray, beats_s: np.ndarray, strength: np.ndarray, template: np.ndarray
) -> Float[np.ndarray, " time"]:
    """Sum of all pulses that are present at each time."""
    template_s = np.arange(len(template)) / TEMPLATE_HZ
    latest = np.searchsorted(beats_s, times_s, side="right") - 1
    wave = np.zeros(len(times_s))
    for back in range(int(np.ceil(TAIL_S / np.diff(beats_s).min())) + 1):
        beat = np.maximum(latest - back, 0)
        since = times_s - beats_s[beat]
        wave += np.where(latest >= back, strength[beat] * np.interp(since, template_s, template, right=0), 0)
    return wave
