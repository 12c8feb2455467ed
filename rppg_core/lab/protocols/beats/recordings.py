"""Contact recordings that protocol `vitals` reads: heart rates and RMSSD against their own reference.

There are three layouts, each in a subfolder of the folder given by the user; a missing subfolder is skipped.
The notes in the rows state the limits of each recording.
    contact_vitals/*.csv   columns ppg and ecg, one row per video frame at 30 Hz (layout of the vitallens client)
    finger_hrv/*_PPG.csv   columns time (ms, uneven), R, G, B of a finger on a lens; *_RR.txt holds the intervals
                           between beats in ms (layout of Welltory's PPG dataset)
    finger_oximetry/       see `rppg_core.oximetry.evaluate_oximetry`
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from rppg_core.data_files import data_files
from rppg_core.errors import RppgError, UsageError
from rppg_core.oximetry import OximetryRow, evaluate_oximetry
from rppg_core.signals.beats import find_beats, hrv, hrv_noise_floor_ms
from rppg_core.signals.filters import bandpass
from rppg_core.signals.spectrum import heart_rate_from_bvp, window_slices
from rppg_core.tables.table import read_number_rows, read_table
from rppg_core.tables.text import TableError
from rppg_core.types import Beats

CONTACT_FS = 30.0
FINGER_FS = 30.0  # even rate to which the uneven frames are resampled
WINDOW_S = 10.0
FEWEST_ROWS = 300  # 10 s
SHORTEST_MS, LONGEST_MS = 200.0, 3000.0  # allowed median interval between beats: 300 to 20 bpm
BESIDE = "the file belongs beside the recording"


@dataclass(frozen=True)
class RecordingRow:
    """One number of one recording beside its reference."""

    recording: str
    vital: str
    estimated: float
    reference: float
    unit: str
    tolerance: float | None  # None: printed, but no criterion
    note: str = ""

    @property
    def error(self) -> float:
        return self.estimated - self.reference

    @property
    def holds(self) -> bool:
        return self.tolerance is None or abs(self.error) <= self.tolerance


class RecordingError(RppgError):
    """A contact recording cannot be read; the message names the file."""


def evaluate_recordings(folder: Path | str) -> tuple[list[RecordingRow], list[OximetryRow]]:
    """Evaluate every contact recording below a folder.

    Args:
        folder: contains contact_vitals, finger_hrv or finger_oximetry, or several of these.

    Returns:
        Rows of pulse recordings, and the oximetry rows with their controls.

    Raises:
        UsageError: the folder contains none of the three.
        RecordingError: a file cannot be read.
    """
    folder = Path(folder)
    rows: list[RecordingRow] = []
    for path in data_files(folder / "contact_vitals", "*.csv"):
        rows += contact_rows(path)
    for path in data_files(folder / "finger_hrv", "*_PPG.csv"):
        rows += finger_rows(path, path.with_name(path.name.replace("_PPG.csv", "_RR.txt")))
    oximetry = folder / "finger_oximetry"
    oxygen = evaluate_oximetry(oximetry) if oximetry.is_dir() else []
    if not rows and not oxygen:
        raise UsageError(
            f"no recording in {folder}",
            wanted="a folder that holds contact_vitals, finger_hrv or finger_oximetry",
            do="name it with --data, or leave --data out",
        )
    return rows, oxygen


def contact_rows(path: Path) -> list[RecordingRow]:
    """Heart rate and intervals of a contact PPG against the simultaneous ECG."""
    columns = read_columns(path, ("ppg", "ecg"))
    ecg_s = ecg_beats_s(columns["ecg"], CONTACT_FS)
    hr_bpm = heart_rate_from_bvp(columns["ppg"], CONTACT_FS)
    beats = find_beats(columns["ppg"], CONTACT_FS, hr_bpm=hr_bpm)
    name = path.stem
    return [
        RecordingRow(name, "HR", hr_bpm, float(60 / np.mean(np.diff(ecg_s))), "bpm", 2.0, "spectrum, ECG peaks"),
        RecordingRow(name, "mean IBI", float(1e3 * np.nanmean(beats.ibi_s)), float(1e3 * np.mean(np.diff(ecg_s))),
                     "ms", None, f"{len(beats.times_s)} beats; ECG sampled at 30 Hz: too short for HRV"),
    ]  # fmt: skip


def finger_rows(path: Path, intervals_path: Path) -> list[RecordingRow]:
    """Heart rate (mean of 10 s windows) and RMSSD of a finger on a lens against reference intervals."""
    columns = read_columns(path, ("time", "R"))
    reference_ms = read_intervals_ms(intervals_path)
    frames_s = columns["time"] / 1e3
    times_s = np.arange(frames_s[0], frames_s[-1], 1 / FINGER_FS)
    bvp = -np.interp(times_s, frames_s, columns["R"])  # more blood makes the finger darker
    windows = window_slices(len(bvp), FINGER_FS, window_s=WINDOW_S)
    hr_bpm = float(np.mean([heart_rate_from_bvp(bvp[window], FINGER_FS) for window in windows]))
    beats = find_beats(bvp, FINGER_FS, hr_bpm=hr_bpm)
    jitter_s = float(np.std(np.diff(frames_s)) / np.sqrt(2))
    floor_ms = hrv_noise_floor_ms(FINGER_FS, jitter_s, float("inf"))
    found = hrv(beats, frame_noise_ms=floor_ms)
    known = hrv(Beats(np.concatenate([[0.0], np.cumsum(reference_ms) / 1e3]), reference_ms / 1e3))
    note = f"noise {found.rmssd_noise_ms:.0f} ms" + (", flagged as too coarse" if found.coarse else "")
    return [
        RecordingRow(
            path.stem, "HR", hr_bpm, float(6e4 / reference_ms.mean()), "bpm", 1.0, "mean of 10 s windows"
        ),
        RecordingRow(path.stem, "RMSSD", found.rmssd_ms, known.rmssd_ms, "ms", None, note),
        RecordingRow(path.stem, "SDNN", found.sdnn_ms, known.sdnn_ms, "ms", None, note),
    ]


def ecg_beats_s(ecg: Float[np.ndarray, " time"], fs: float) -> Float[np.ndarray, " beat"]:
    """Times of the QRS complexes: the steepest swings, at least 0.3 s apart.

    Args:
        ecg: any amplitude and polarity, 25 Hz or more.
        fs: sampling rate. Unit: Hz.

    Returns:
        Times since the first sample, centred on the swing. Unit: s.

    Source: Pan & Tompkins 1985 (slope, then a threshold); our choice: maxima, within 0.3 s, of the slope
    averaged over 0.1 s, above 0.2 of the median maximum of 1 s windows: at 30 Hz a complex between two
    samples looks small.
    """
    steep = np.abs(np.diff(bandpass(ecg, fs, low_hz=1.0, high_hz=0.5 * fs)))
    swing = ndimage.uniform_filter1d(steep, max(1, round(0.1 * fs)))
    second = round(fs)
    usual = np.median([swing[k : k + second].max() for k in range(0, len(swing) - second + 1, second)])
    top = ndimage.maximum_filter1d(swing, 2 * round(0.3 * fs) + 1)
    found = []
    for k in np.flatnonzero((swing == top) & (swing > 0.2 * usual)):
        near = np.arange(max(0, k - 1), min(len(steep), k + 2))
        found.append((np.sum(near * steep[near]) / np.sum(steep[near]) + 0.5) / fs)
    return np.array(found)


def read_intervals_ms(path: Path) -> Float[np.ndarray, " interval"]:
    """Read reference intervals between beats from a text file. Unit: ms.

    Raises:
        RecordingError: the file is missing, holds text that is not a number, or its intervals are
            implausible.
    """
    wanted = "intervals in ms, such as 812 790 835"
    try:
        intervals_ms = np.concatenate(read_number_rows(path, example="812 790 835"))
    except TableError as error:
        raise RecordingError(error.got, wanted=error.wanted, do=f"{error.do}; {BESIDE}") from error
    if not np.isfinite(intervals_ms).all():
        raise RecordingError(
            f"{path}: {np.isnan(intervals_ms).sum()} of {len(intervals_ms)} intervals have no value",
            wanted=wanted,
            do="remove them, or take the recording out of the folder",
        )
    middle = float(np.median(intervals_ms))
    if not SHORTEST_MS <= middle <= LONGEST_MS:
        raise RecordingError(
            f"{path}: the median interval is {middle:.4g}", wanted=wanted, do="write the intervals in ms"
        )
    return intervals_ms


def read_columns(path: Path, names: tuple[str, ...]) -> dict[str, Float[np.ndarray, " row"]]:
    """Read named columns of a table as numbers, with at least FEWEST_ROWS rows.

    Raises:
        RecordingError: a column or a number is missing, or the file is too short.
    """
    example = "\n".join([",".join(names), ",".join(f"0.{k + 1}" for k in range(len(names)))])
    do = "repair it, or take it out of the folder"
    try:
        table = read_table(path, header=True, example=example)
        columns = {name: table.complete(name) for name in names}
    except TableError as error:
        raise RecordingError(
            error.got, wanted=error.wanted, do=f"{error.do}, or take it out of the folder"
        ) from error
    if len(table) < FEWEST_ROWS:
        wanted = f"{FEWEST_ROWS} rows or more of numbers in the columns {', '.join(names)}"
        raise RecordingError(f"{path}: {len(table)} rows", wanted=wanted, do=do)
    return columns
