"""When each beat arrived and how much the intervals varied: beat times, IBI and HRV from a waveform.

`find_beats` turns a raw blood volume pulse into beat times that are far finer than a frame, and `hrv` turns those
into SDNN, RMSSD, pNN50 and LF/HF. Both report the timing error that noise causes, because at camera quality it is as
large as the variability itself: it adds to RMSSD in quadrature, so that without a correction RMSSD is too high.

The fiducial point of a beat was chosen by experiment (simulated beats, 30 fps, 60 s, 50-100 bpm, white noise; rms
error of one beat time, ms, after the best band-pass for each point):

    in-band SNR        none    15 dB    10 dB
    steepest rise       0.8     18.8     31.7
    crossing tangents   1.4     14.8     25.5
    peak                2.4     16.9     32.3
    average beat        1.3      8.4     15.8     (used here: shift of each beat relative to the clip's average beat)

Sources: Task Force of ESC and NASPE 1996 (definitions, https://doi.org/10.1161/01.CIR.93.5.1043); Peralta et al.
2019 (fiducial points of the pulse, https://doi.org/10.1088/1361-6579/ab009b); the alignment, its error and the
correction are our choice. Axis letters: K beat, U time within a beat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rppg_core.signals.checks import (
    check_kind,
    check_number,
    check_positive,
    check_rate,
    check_samples,
    check_valid,
)
from rppg_core.signals.filters import bandpass, finely_sampled, segments
from rppg_core.signals.spectrum import heart_rate_from_bvp
from rppg_core.types import Beats

MIN_HRV_S = 20.0  # usable face for SDNN, RMSSD, pNN50
MIN_LF_HF_S = 55.0  # usable face for LF/HF: two periods of the slowest wave, 0.04 Hz
LF_BAND_HZ = (0.04, 0.15)
HF_BAND_HZ = (0.15, 0.4)
BEAT_BAND_HZ = (0.5, 8.0)  # keeps the upstroke; 4 Hz costs 0.3 ms without noise, 12 Hz gains nothing at 15 dB
GRID_HZ = 120.0  # sampling of one beat; finer changes beat times by less than 0.1 ms
COARSE_MS = (
    26.0  # RMSSD noise, per root second of mean interval, above which RMSSD is too coarse: 13 dB in band
)
_HALF_S = 0.35  # half the window in which a beat is compared with the average beat
_FEWEST = 4  # beats needed for an average beat
_LOST_S = 5.0  # of the usable seconds may be lost to beats cut off at the ends and a few atypical beats


@dataclass(frozen=True)
class HRV:
    """Heart-rate variability of one clip; NaN where there were too few intervals."""

    sdnn_ms: float
    rmssd_ms: float
    pnn50_percent: float
    lf_hf: float
    n_intervals: int  # plausible intervals
    rmssd_noise_ms: float  # added by noise alone, in quadrature; the measured part has been subtracted
    rmssd_error_ms: float  # half width of the central 95 % of rmssd_ms
    coarse: bool  # the noise is too large for the corrected value to be trusted


def find_beats(
    bvp: Float[np.ndarray, " time"],
    fs: float,
    *,
    hr_bpm: float | None = None,
    valid: Bool[np.ndarray, " time"] | None = None,
) -> Beats:
    """Beat times from a raw blood volume pulse, by alignment with the clip's own average beat.

    Args:
        bvp: blood volume pulse, raw, rising with blood volume, any amplitude.
        fs: sampling rate. Unit: Hz.
        hr_bpm: mean heart rate; rates between 0.6 and 1.6 times this are tracked. Unit: beats per minute. None
            uses the strongest spectral line of the longest piece without gaps.
        valid: False where the waveform is missing; no interval crosses such a gap.

    Returns:
        Time of the steepest rise of each beat from the first sample on, intervals (NaN across gaps, next to beats
        of atypical shape or size, and where they differ by over 25 % from the median of their neighbours), the
        standard error of one beat time, and the size of each beat. No beats if fewer than four are found.

    Source: our choice, see the table in the module docstring; Cramer-Rao bound for the error.
    """
    bvp, fs = check_samples(bvp, "bvp", least=0), check_rate(fs)
    hr_bpm = hr_bpm if hr_bpm is None else check_positive(hr_bpm, "hr_bpm", "beats per minute")
    valid = check_valid(valid, len(bvp))
    pieces = [piece for piece in segments(valid) if piece.stop - piece.start >= 2 * fs]
    if hr_bpm is None and pieces:
        hr_bpm = heart_rate_from_bvp(bvp[max(pieces, key=lambda piece: piece.stop - piece.start)], fs)
    if not pieces or hr_bpm is None or not np.isfinite(hr_bpm):
        return Beats(np.zeros(0), np.zeros(0))
    high_hz = min(BEAT_BAND_HZ[1], 0.45 * fs)
    wave = np.zeros(len(bvp))
    rough, part = [], []
    for number, piece in enumerate(pieces):
        wave[piece] = bandpass(bvp[piece], fs, low_hz=BEAT_BAND_HZ[0], high_hz=high_hz)
        rough.append(piece.start / fs + _rough_beats(bvp[piece], fs, hr_bpm))
        part.append(np.full(len(rough[-1]), number))
    aligner = _Aligner(wave, fs, period_s=60 / hr_bpm, high_hz=high_hz)
    rising_s, part_of = aligner.rising(np.concatenate(rough)), np.concatenate(part)
    inside = aligner.fits(rising_s, valid)
    if inside.sum() < _FEWEST:
        return Beats(np.zeros(0), np.zeros(0))
    times_s, likeness = aligner.align(rising_s[inside])
    heights, error_s = aligner.heights(times_s)
    order = np.argsort(times_s)
    apart_s = np.diff(times_s[order], prepend=-np.inf)
    order = order[apart_s > 0.4 * 60 / hr_bpm]  # two crests may converge on the same beat
    size = heights[order] / np.median(heights)
    alike = (likeness[order] > 0.6) & (size > 0.4) & (size < 2.0)
    ibi_s = _plausible(times_s[order], part_of[inside][order], alike)
    return Beats(times_s[order], ibi_s, error_s, heights[order])


def hrv(beats: Beats, *, frame_noise_ms: float = 0.0) -> HRV:
    """Time- and frequency-domain measures of variability, corrected for noise in the beat times.

    A beat time that is wrong by e (standard error) adds 6 e^2 to the mean squared successive difference, 2 e^2 to
    the variance of the intervals, and 4 m e^2 (1 - cos 2 pi f m) to their spectrum (m mean interval).

    Args:
        beats: from `find_beats`; nothing is corrected if `timing_error_s` is NaN (known, not detected, beats).
        frame_noise_ms: RMSSD noise of frame times that may be inaccurate, from `hrv_noise_floor_ms`. Affects the
            flag and the error, never the correction, because the recorded times may be right. Unit: ms.

    Returns:
        SDNN, RMSSD (ms), pNN50 (%), LF/HF; NaN where the plausible intervals cover less than MIN_HRV_S or
        MIN_LF_HF_S, minus 5 s for beats cut off at the ends. pNN50 is not corrected.

    Source: Task Force 1996, tables 1 and 2; our choice: the correction and its error.
    """
    check_kind(beats, Beats, "beats", do="find them with find_beats(bvp, fs)")
    check_number(frame_noise_ms, "frame_noise_ms", 0)
    ibi_ms = 1e3 * beats.ibi_s
    good = np.isfinite(ibi_ms)
    error_ms = 0.0 if np.isnan(beats.timing_error_s) else 1e3 * beats.timing_error_s
    noise_ms = float(np.sqrt(6) * error_ms)
    doubt_ms = float(np.hypot(noise_ms, frame_noise_ms))
    covered_s = float(np.sum(ibi_ms[good])) / 1e3
    steps_ms = np.diff(ibi_ms)
    steps_ms = steps_ms[np.isfinite(steps_ms)]
    if covered_s < MIN_HRV_S - _LOST_S or len(steps_ms) < 8:
        nan = float("nan")
        return HRV(nan, nan, nan, nan, int(good.sum()), doubt_ms, nan, True)
    sdnn_ms = float(np.sqrt(max(0.0, float(np.var(ibi_ms[good], ddof=1)) - 2 * error_ms**2)))
    rmssd_ms = float(np.sqrt(max(0.0, float(np.mean(steps_ms**2)) - noise_ms**2)))
    return HRV(
        sdnn_ms=sdnn_ms,
        rmssd_ms=rmssd_ms,
        pnn50_percent=float(100 * np.mean(np.abs(steps_ms) > 50)),
        lf_hf=_lf_hf(beats, error_ms / 1e3) if covered_s >= MIN_LF_HF_S - _LOST_S else float("nan"),
        n_intervals=int(good.sum()),
        rmssd_noise_ms=doubt_ms,
        rmssd_error_ms=_rmssd_error_ms(rmssd_ms, noise_ms, frame_noise_ms, len(steps_ms)),
        coarse=bool(doubt_ms > COARSE_MS * np.sqrt(covered_s / good.sum())),
    )


def hrv_noise_floor_ms(fs: float, jitter_s: float, snr_db: float, *, hr_bpm: float = 60.0) -> float:
    """RMSSD that a heart without any variability would show.

    Args:
        fs: frame rate. Unit: Hz.
        jitter_s: scatter (standard deviation) of the frame times about the true ones. Unit: s.
        snr_db: power of the pulse in 0.65-4 Hz over that of the noise there; inf leaves the effect of jitter alone.
        hr_bpm: heart rate; each beat is one pulse, so faster hearts give better times from more noise.

    Returns:
        Expected noise in RMSSD, which adds to the true value in quadrature. Unit: ms.

    Source: our choice, fitted to `find_beats` on simulated beats: 21.3 ms at 15 dB and 60 bpm, halved for each
    further 6 dB; jitter averages out over 0.17 s of frames (measured at 15, 30 and 60 Hz, 5-20 ms).
    """
    check_rate(fs)
    check_number(jitter_s, "jitter_s", 0)
    check_number(snr_db, "snr_db")
    check_positive(hr_bpm, "hr_bpm", "beats per minute")
    white_ms = 21.3 * np.sqrt(60 / hr_bpm) * 10 ** ((15 - snr_db) / 20)
    jitter_ms = np.sqrt(6) * 1e3 * jitter_s / np.sqrt(0.17 * fs)
    return float(np.hypot(white_ms, jitter_ms))


class _Aligner:
    """Shifts each beat relative to the average beat until the two agree."""

    def __init__(self, wave: np.ndarray, fs: float, *, period_s: float, high_hz: float):
        self.fs = fs
        self.fine = finely_sampled(wave, 8)  # linear interpolation errs by 0.5 % at 8 Hz, 0.01 % at 1 Hz
        self.bandwidth_hz = high_hz - BEAT_BAND_HZ[0]
        half = round(min(_HALF_S, 0.55 * period_s) * GRID_HZ)
        self.reach = round(min(0.12, 0.25 * period_s) * GRID_HZ)
        self.offsets_s = np.arange(-half, half + 1) / GRID_HZ
        self.search_s = np.arange(-half - self.reach, half + self.reach + 1) / GRID_HZ
        self.rise_s = (
            np.arange(round(-0.5 * period_s * GRID_HZ), round(0.15 * period_s * GRID_HZ) + 1) / GRID_HZ
        )
        # a beat may lie on any linear trend
        self.line = np.linalg.qr(np.stack([np.ones(2 * half + 1), self.offsets_s], axis=1))[0]

    def rising(self, rough_s: np.ndarray) -> np.ndarray:
        """Rough beat times, all shifted by the same amount to the steepest rise of their average."""
        if not len(rough_s):
            return rough_s
        mean_rise = self._sample(rough_s, self.rise_s).mean(axis=0)
        return rough_s + self.rise_s[np.argmax(np.gradient(mean_rise))]

    def fits(self, times_s: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Which beats have valid samples throughout their search window."""
        first = np.floor((times_s + self.search_s[0]) * self.fs).astype(int)
        last = np.ceil((times_s + self.search_s[-1]) * self.fs).astype(int)
        count = np.concatenate([[0], np.cumsum(valid)])
        n = len(valid)
        whole = (first >= 0) & (last < n)
        seen = count[np.clip(last + 1, 0, n)] - count[np.clip(first, 0, n)]
        return whole & (seen == last + 1 - first)

    def align(self, times_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Beat times, and the correlation of each beat with the average."""
        likeness = np.ones(len(times_s))
        for _ in range(3):
            windows = np.lib.stride_tricks.sliding_window_view(
                self._sample(times_s, self.search_s), len(self.offsets_s), axis=1
            )  # (K, lag, U)
            shape = self._flatten(windows[:, self.reach].mean(axis=0))
            shape /= np.linalg.norm(shape) + 1e-300
            power = np.sum(windows**2, axis=-1) - np.sum((windows @ self.line) ** 2, axis=-1)
            match = (windows @ shape) / np.sqrt(np.maximum(power, 1e-300))
            shift, likeness = _vertex(match)
            shift_s = (shift - self.reach) / GRID_HZ
            times_s = times_s + shift_s - np.median(shift_s)
        return times_s, likeness

    def heights(self, times_s: np.ndarray) -> tuple[np.ndarray, float]:
        """Size of each beat, and the standard error of a beat time (Cramer-Rao).

        The error is noise (the residual after scaling the average beat to each beat) over slope.
        """
        beats = self._flatten(self._sample(times_s, self.offsets_s))
        shape = beats.mean(axis=0)
        shape /= np.linalg.norm(shape) + 1e-300
        heights = beats @ shape
        rest = beats - heights[:, None] * shape
        slope = np.gradient(shape) * GRID_HZ
        known = np.column_stack([self.line, shape])
        slope = slope - known @ np.linalg.lstsq(known, slope, rcond=None)[0]
        freedom = 2 * self.bandwidth_hz * len(self.offsets_s) / GRID_HZ  # independent samples in a window
        noise_power = np.median(np.mean(rest**2, axis=1)) * freedom / max(freedom - 4, 1.0)
        density = noise_power / (2 * self.bandwidth_hz)
        information = np.median(heights) ** 2 * np.sum(slope**2) / GRID_HZ
        return heights, float(np.sqrt(density / (information + 1e-300)))

    def _sample(self, times_s: np.ndarray, offsets_s: np.ndarray) -> np.ndarray:
        at = (times_s[:, None] + offsets_s) * self.fs
        return np.interp(at, *self.fine)

    def _flatten(self, beats: np.ndarray) -> np.ndarray:
        return beats - (beats @ self.line) @ self.line.T


def _rough_beats(bvp: np.ndarray, fs: float, hr_bpm: float) -> np.ndarray:
    """Crests of the fundamental wave: one per beat, within a third of a beat of the pulse's peak."""
    rate_hz = hr_bpm / 60
    wave = bandpass(bvp, fs, low_hz=0.5 * rate_hz, high_hz=1.7 * rate_hz)
    crest = 1 + np.flatnonzero((wave[1:-1] > wave[:-2]) & (wave[1:-1] >= wave[2:]) & (wave[1:-1] > 0))
    return crest / fs


def _vertex(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Column of the maximum of each row, refined by a parabola, and its height."""
    k = np.clip(np.argmax(rows, axis=1), 1, rows.shape[1] - 2)
    at = np.arange(len(rows))
    left, top, right = rows[at, k - 1], rows[at, k], rows[at, k + 1]
    curvature = np.minimum(left - 2 * top + right, -1e-12)
    return k + np.clip(0.5 * (left - right) / curvature, -1, 1), top


def _plausible(times_s: np.ndarray, part_of: np.ndarray, alike: np.ndarray) -> np.ndarray:
    """Intervals between beats, NaN where they cannot be trusted."""
    ibi_s = np.diff(times_s)
    beyond = np.full(5, np.nan)  # not the last interval repeated: a false one would become its own neighbour
    padded = np.concatenate([beyond, ibi_s, beyond])
    usual_s = np.nanmedian(np.lib.stride_tricks.sliding_window_view(padded, 11), axis=1)
    good = (np.diff(part_of) == 0) & alike[1:] & alike[:-1] & (np.abs(ibi_s - usual_s) <= 0.25 * usual_s)
    return np.where(good, ibi_s, np.nan)


def _rmssd_error_ms(rmssd_ms: float, noise_ms: float, frame_noise_ms: float, n: int) -> float:
    """Half width of the central 95 % of the corrected RMSSD.

    The sum of chance (neighbouring steps share errors: with R true and F noise, var(mean d^2) = 1.94 (4 R^2 F^2 +
    2 F^4) / n), 15 % of the noise that was subtracted, the noise of frame times that was not, and 3 ms for the error
    of the method without any noise.
    """
    chance = 1.94 * (4 * rmssd_ms**2 * noise_ms**2 + 2 * noise_ms**4) / n
    square_error = np.sqrt(chance + (0.3 * noise_ms**2) ** 2) + frame_noise_ms**2
    return float(np.hypot(np.sqrt(rmssd_ms**2 + 1.96 * square_error) - rmssd_ms, 3.0))


def _lf_hf(beats: Beats, error_s: float) -> float:
    """Ratio of low- to high-frequency power of the intervals (Lomb spectrum, Hann window, line removed)."""
    good = np.isfinite(beats.ibi_s)
    at_s = 0.5 * (beats.times_s[1:] + beats.times_s[:-1])[good]
    ibi_s = beats.ibi_s[good]
    ibi_s = ibi_s - np.polyval(np.polyfit(at_s - at_s[0], ibi_s, 1), at_s - at_s[0])
    span_s, mean_s = at_s[-1] - at_s[0], float(np.mean(beats.ibi_s[good]))
    window = np.sin(np.pi * np.clip((at_s - at_s[0]) / span_s, 0.0, 1.0)) ** 2
    freqs_hz = np.arange(LF_BAND_HZ[0], HF_BAND_HZ[1], 0.25 / span_s)
    wave = np.exp(-2j * np.pi * np.outer(freqs_hz, at_s))
    density = 2 * mean_s * np.abs(wave @ (window * ibi_s)) ** 2 / np.sum(window**2)
    density = density - 4 * mean_s * error_s**2 * (1 - np.cos(2 * np.pi * freqs_hz * mean_s))
    low = freqs_hz < LF_BAND_HZ[1]
    lf, hf = float(np.sum(density[low])), float(np.sum(density[~low]))
    return lf / hf if lf > 0 and hf > 0 else float("nan")
