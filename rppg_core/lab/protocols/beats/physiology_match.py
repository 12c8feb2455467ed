"""Simulated pulses and intervals compared with recorded ones: does the simulator cover recorded people?

This is a part of protocol `vitals`. Recorded pulses are contact PPG (`contact_vitals`); recorded intervals are the
reference beats of `finger_hrv`. For each recording, people are drawn as in training (`random_settings`); those
nearest in heart rate are kept and set exactly to the recorded rate, and the same code analyses both. Few
people were recorded: a value outside the simulated range shows a gap, but a value inside it does not validate
the distribution.
Axis letters: T time, K window, F frequency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rppg_core.data_files import data_files
from rppg_core.lab.protocols.beats.recordings import CONTACT_FS, WINDOW_S, read_columns, read_intervals_ms
from rppg_core.lab.protocols.table import text_table
from rppg_core.lab.simulate.physiology import Physiology, simulate_waves
from rppg_core.lab.simulate.settings import random_settings
from rppg_core.signals.spectrum import heart_rate_from_bvp, power_spectrum, window_slices

DRAWS = 200  # simulated windows, and simulated series of intervals
POOL = 2000  # number of people drawn, from whom those nearest in heart rate are kept
SEED = 70_000  # below 100 000, separate from both calibrations
HARMONICS = (2, 3)
HIGHEST_MULTIPLE = 5.0  # of the heart rate, in the spectrum
FLOOR_DB = -60.0
BREATH_HZ = (0.12, 0.4)  # band in which breathing modulates the intervals
SLOW_HZ = (0.04, 0.12)  # band in which blood pressure does
TACHOGRAM_HZ = 4.0
PIECE_S = 40.0  # segment of the averaged interval spectrum, and shortest recording


@dataclass(frozen=True)
class Spread:
    """A distribution in three numbers."""

    low: float  # 10 %
    middle: float  # 50 %
    high: float  # 90 %

    @classmethod
    def from_values(cls, values: Float[np.ndarray, " value"]) -> Spread:
        """The spread of some values."""
        return cls(*np.quantile(values, [0.1, 0.5, 0.9]).tolist())

    def words(self) -> str:
        """The three numbers, for a table."""
        return " / ".join(f"{value:.3f}" for value in (self.low, self.middle, self.high))


@dataclass(frozen=True)
class MatchRow:
    """One property of recorded and simulated physiology."""

    quantity: str
    recorded: Spread
    simulated: Spread
    below: float  # share of the simulated values that lie below the recorded median
    n_recorded: int
    n_simulated: int

    @property
    def covered(self) -> bool:
        """The recorded median lies within the simulated 10-90 %."""
        return self.simulated.low <= self.recorded.middle <= self.simulated.high


@dataclass(frozen=True)
class Curve:
    """A recorded spectrum, and the 10, 50 and 90 % quantiles of simulated ones at each frequency."""

    x: list[float]
    recorded: list[float]
    low: list[float]
    middle: list[float]
    high: list[float]


@dataclass(frozen=True)
class PhysiologyMatch:
    """Pulse shape and intervals; parts without a recording are empty or None."""

    harmonics: list[MatchRow]
    intervals: list[MatchRow]
    spectrum: Curve | None  # dB below the fundamental over multiples of the heart rate
    modulation: Curve | None  # amplitude of the intervals' modulation, share of the mean interval, over Hz

    def text(self) -> str:
        """The table, and a sentence for each property that is not covered."""
        rows = [*self.harmonics, *self.intervals]
        cells = [
            [
                row.quantity,
                str(row.n_recorded),
                row.recorded.words(),
                str(row.n_simulated),
                row.simulated.words(),
                f"{100 * row.below:.0f} %",
                "yes" if row.covered else "NO",
            ]
            for row in rows
        ]
        header = ["10 / 50 / 90 %", "n", "recorded", "n", "simulated", "simulated below", "covered"]
        outside = [
            f"Not covered: {row.quantity}, recorded {row.recorded.middle:.3f}, simulated {row.simulated.low:.3f} "
            f"to {row.simulated.high:.3f} ({100 * row.below:.0f} % of draws lie below)"
            for row in rows
            if not row.covered
        ]
        return "\n".join([text_table(header, cells), *outside])

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        found: dict[str, Any] = asdict(self) | {"breath_hz": list(BREATH_HZ)}
        for part in ("harmonics", "intervals"):
            for plain, row in zip(found[part], getattr(self, part), strict=True):
                plain["covered"] = row.covered
        return found


def match_recordings(folder: Path | str, *, draws: int = DRAWS) -> PhysiologyMatch | None:
    """Compare simulated physiology with the recordings in a folder.

    Args:
        folder: contains contact_vitals or finger_hrv, or both.
        draws: simulated windows, and simulated series of intervals.

    Returns:
        The comparison; None if the folder contains neither, or only intervals shorter than PIECE_S.

    Raises:
        RecordingError: a file cannot be read.
    """
    folder = Path(folder)
    pulses = [read_columns(path, ("ppg",))["ppg"] for path in data_files(folder / "contact_vitals", "*.csv")]
    series = [read_intervals_ms(path) / 1e3 for path in data_files(folder / "finger_hrv", "*_RR.txt")]
    series = [ibi_s for ibi_s in series if ibi_s.sum() >= PIECE_S]
    if not pulses and not series:
        return None
    harmonics, spectrum = match_pulses(pulses, CONTACT_FS, draws=draws) if pulses else ([], None)
    intervals, modulation = match_intervals(series, draws=draws) if series else ([], None)
    return PhysiologyMatch(harmonics, intervals, spectrum, modulation)


def match_pulses(
    pulses: Sequence[Float[np.ndarray, " time"]], fs: float, *, draws: int = DRAWS
) -> tuple[list[MatchRow], Curve]:
    """Compare harmonics and spectrum of recorded pulses with simulated ones at the same heart rates.

    Args:
        pulses: recordings of WINDOW_S or more; larger values mean more blood.
        fs: sampling rate of all recordings. Unit: Hz.
        draws: number of simulated windows, divided among the recorded ones.

    Returns:
        One row per harmonic, over windows of WINDOW_S that overlap by half, and the mean spectrum.
    """
    windows = [pulse[part] for pulse in pulses for part in window_slices(len(pulse), fs, window_s=WINDOW_S)]
    rates_bpm = [heart_rate_from_bvp(window, fs) for window in windows]
    times_s = np.arange(round(WINDOW_S * fs)) / fs
    people = [random_people(rate, -(-draws // len(windows))) for rate in rates_bpm]
    simulated = [
        simulate_waves(person, times_s, np.random.default_rng([SEED, 1, k])).bvp
        for k, person in enumerate(person for group in people for person in group)
    ]
    recorded_ratios = np.array([harmonic_ratios(window, fs) for window in windows])
    simulated_ratios = np.array([harmonic_ratios(window, fs) for window in simulated])
    rows = [
        match_row(f"harmonic {number} : fundamental", recorded_ratios[:, k], simulated_ratios[:, k])
        for k, number in enumerate(HARMONICS)
    ]
    highest = min(HIGHEST_MULTIPLE, 0.45 * fs * 60 / max(rates_bpm))
    multiples = np.arange(0.5, highest + 1e-9, 0.02)
    recorded_power = np.mean([relative_power(window, fs, multiples) for window in windows], axis=0)
    simulated_power = [relative_power(window, fs, multiples) for window in simulated]
    return rows, _curve(multiples, decibels(recorded_power), decibels(np.array(simulated_power)))


def match_intervals(
    series: Sequence[Float[np.ndarray, " interval"]], *, draws: int = DRAWS
) -> tuple[list[MatchRow], Curve]:
    """Compare the modulation of recorded intervals with simulated ones of the same mean rate and duration.

    Args:
        series: intervals between beats of each recording, with a sum of PIECE_S or more. Unit: s.
        draws: number of simulated series, divided among the recorded ones.

    Returns:
        Rows for breathing (RSA), the slow band and the total scatter; and the amplitude over frequency.
    """
    simulated = []
    for ibi_s in series:
        times_s = np.arange(0, ibi_s.sum(), 0.1)
        for person in random_people(60 / ibi_s.mean(), -(-draws // len(series))):
            rng = np.random.default_rng([SEED, 2, len(simulated)])
            simulated.append(np.diff(simulate_waves(person, times_s, rng).beats_s))
    groups = [list(series), simulated]
    rows = []
    for name, band in (("breathing 0.12-0.4 Hz", BREATH_HZ), ("slow 0.04-0.12 Hz", SLOW_HZ)):
        swings = [np.array([interval_swing(ibi_s, *band) for ibi_s in group]) for group in groups]
        rows.append(match_row(f"interval swing, {name}", *swings))
    scatter = [np.array([ibi_s.std() / ibi_s.mean() for ibi_s in group]) for group in groups]
    rows.append(match_row("SDNN : mean interval", *scatter))
    freqs_hz = np.arange(0.025, 0.45, 0.005)
    curves = [np.array([swing_spectrum(ibi_s, freqs_hz) for ibi_s in group]) for group in groups]
    return rows, _curve(freqs_hz, curves[0].mean(axis=0), curves[1])


def random_people(hr_bpm: float, n: int) -> list[Physiology]:
    """The n of POOL random draws that are nearest to a heart rate, set exactly to it.

    The nearest draws are used because heart rate and RSA are not independent in the draws.
    """
    apart = [abs(np.log(person.hr_bpm / hr_bpm)) for person in _pool()]
    return [replace(_pool()[k], hr_bpm=hr_bpm) for k in np.argsort(apart, kind="stable")[:n]]


def harmonic_ratios(bvp: Float[np.ndarray, " time"], fs: float) -> list[float]:
    """Amplitudes of the harmonics in HARMONICS / that of the fundamental, each within a quarter of the heart rate."""
    rate_hz = heart_rate_from_bvp(bvp, fs) / 60
    spectrum = power_spectrum(bvp, fs, max_hz=fs / 2)
    lines = [
        np.sqrt(spectrum.band((k - 0.25) * rate_hz, (k + 0.25) * rate_hz).power.sum())
        for k in (1, *HARMONICS)
    ]
    return [float(line / lines[0]) for line in lines[1:]]


def relative_power(
    bvp: Float[np.ndarray, " time"], fs: float, multiples: Float[np.ndarray, " freq"]
) -> Float[np.ndarray, " freq"]:
    """Power at multiples of the heart rate / the highest power near the heart rate."""
    rate_hz = heart_rate_from_bvp(bvp, fs) / 60
    spectrum = power_spectrum(bvp, fs, max_hz=fs / 2)
    top = spectrum.band(0.75 * rate_hz, 1.25 * rate_hz).power.max()
    return np.interp(multiples * rate_hz, spectrum.freqs_hz, spectrum.power / top)


def decibels(power: Float[np.ndarray, ...]) -> Float[np.ndarray, ...]:
    """Level of a relative power, at least FLOOR_DB."""
    return 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))


def interval_swing(ibi_s: Float[np.ndarray, " interval"], low_hz: float, high_hz: float) -> float:
    """Amplitude of the intervals' modulation in a band / the mean interval.

    Args:
        ibi_s: intervals between successive beats, with a sum of PIECE_S or more. Unit: s.
        low_hz: lower edge of the band. Unit: Hz.
        high_hz: upper edge of the band. Unit: Hz.

    Returns:
        Amplitude of the sinusoid that has the band's power; 0.05 is +-5 %.

    Source: Task Force 1996 (spectrum of the interpolated tachogram); our choice: Welch's method, segments of
    PIECE_S.
    """
    freqs_hz, density = _welch(ibi_s, "density")
    inside = (freqs_hz >= low_hz) & (freqs_hz <= high_hz)
    return float(np.sqrt(2 * density[inside].sum() * (freqs_hz[1] - freqs_hz[0])))


def swing_spectrum(
    ibi_s: Float[np.ndarray, " interval"], at_hz: Float[np.ndarray, " freq"]
) -> Float[np.ndarray, " freq"]:
    """Amplitude that a sinusoidal modulation would have at each frequency / the mean interval."""
    freqs_hz, power = _welch(ibi_s, "spectrum")
    return np.interp(at_hz, freqs_hz, np.sqrt(2 * power))


def match_row(
    quantity: str, recorded: Float[np.ndarray, " window"], simulated: Float[np.ndarray, " draw"]
) -> MatchRow:
    """Compare two distributions, and locate the recorded median in the simulated one."""
    below = float(np.mean(simulated < np.median(recorded)))
    return MatchRow(
        quantity,
        Spread.from_values(recorded),
        Spread.from_values(simulated),
        below,
        len(recorded),
        len(simulated),
    )


@cache
def _pool() -> tuple[Physiology, ...]:
    rng = np.random.default_rng([SEED, 0])
    return tuple(random_settings(rng, pulsed=True).person for _ in range(POOL))


def _welch(ibi_s: np.ndarray, scaling: str) -> tuple[np.ndarray, np.ndarray]:
    """Averaged spectrum of the intervals / their mean, at the times of the beats that end them."""
    from scipy.interpolate import CubicSpline
    from scipy.signal import welch  # slow to import (a second of CPU), so only on use

    ends_s = np.cumsum(ibi_s)
    grid_s = np.arange(ends_s[0], ends_s[-1], 1 / TACHOGRAM_HZ)
    tachogram = CubicSpline(ends_s, ibi_s / ibi_s.mean())(grid_s)
    piece = min(len(grid_s), round(PIECE_S * TACHOGRAM_HZ))
    return welch(tachogram, TACHOGRAM_HZ, nperseg=piece, nfft=4 * piece, scaling=scaling)


def _curve(x: np.ndarray, recorded: np.ndarray, simulated: np.ndarray) -> Curve:
    low, middle, high = np.quantile(simulated, [0.1, 0.5, 0.9], axis=0)
    return Curve(*(np.round(values, 5).tolist() for values in (x, recorded, low, middle, high)))
