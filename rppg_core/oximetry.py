"""Oxygen saturation from colour: the ratio of ratios, always beside the controls that it has to beat.

Blood without oxygen absorbs more red, so when saturation falls, the pulse in red grows relative to that in green or
blue: R = (AC / DC of red) / (AC / DC of the other). A pulse oximeter maps R to a percentage by a curve measured on
desaturated volunteers with its own two narrow light sources. A camera has neither: its R changes with white
balance, gamma, exposure and finger pressure. This module therefore reports every result beside three
controls that carry no information on blood oxygen:
    constant   always the mean of the reference
    time       elapsed time alone: a slow desaturation is nearly a function of time
    DC red     the brightness of red alone: pressure and exposure drift during the experiment
Every result is marked "not calibrated" and has a confidence of at most 0.5.

What differs from the papers: the pulse in red and blue is the part that varies with green, by least squares
(papers: standard deviation or peak to peak, which noise in the weak red pulse inflates). Errors are computed on
one minute at a time, which is left out of the fit together with its neighbouring windows.
Axis letters: T time, W window.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rppg_core.data_files import data_files
from rppg_core.errors import ClipTooShortError, RppgError, UsageError
from rppg_core.metrics import a_rms, mae, pearson_r
from rppg_core.signals.checks import check_kind, check_positive, check_samples, check_trace
from rppg_core.signals.filters import bandpass, moving_average
from rppg_core.tables.cells import CellError, number
from rppg_core.tables.rows import Rows, read_rows
from rppg_core.tables.table import read_table
from rppg_core.tables.text import TableError
from rppg_core.types import HR_BAND_HZ, RgbTrace

NOT_CALIBRATED = "not calibrated"
MAX_CONFIDENCE = 0.5
LEFT_OUT_S = 60.0
MIN_WINDOWS = 12
SPO2_RANGE = (50.0, 100.0)  # %; other values are an oximeter's fault codes
CAMERA_FPS = 30.0  # of the frame means, according to their README; the file has no time column


class OximetryDataError(RppgError):
    """A recording for oximetry is missing or cannot be read; the message names the file."""


@dataclass(frozen=True)
class FingerRecording:
    """A finger on a lens, beside reference oximeters."""

    subject: str
    hand: str
    frames: RgbTrace
    seconds: Float[np.ndarray, " reference"]  # of each reference, from the start of the frames
    spo2_percent: Float[
        np.ndarray, " reference"
    ]  # median of the oximeters; NaN where none has a plausible value

    @property
    def name(self) -> str:
        return f"{self.subject} {self.hand} hand"


@dataclass(frozen=True)
class OximetryWindows:
    """Quantities of each window that follow oxygen saturation, or are mistaken for it."""

    times_s: Float[np.ndarray, " window"]  # centre
    red_over_blue: Float[np.ndarray, " window"]  # ratio of ratios; NaN where green has no pulse
    red_over_green: Float[np.ndarray, " window"]
    dc_red: Float[np.ndarray, " window"]  # grey levels
    window_s: float


@dataclass(frozen=True)
class OximetryRow:
    """How well one quantity predicts SpO2."""

    predictor: str
    control: bool  # carries no information on blood oxygen
    n: int  # windows
    r: float  # correlation of the quantity itself with the reference; NaN for the constant
    mae: float  # percent points of SpO2, on windows left out of the fit
    a_rms: float
    confidence: float  # 0..0.5: relative reduction of the best control's error
    note: str
    recording: str = ""


def ratio_of_ratios(trace: RgbTrace, *, window_s: float = 10.0) -> OximetryWindows:
    """Ratio of ratios in windows that overlap by half.

    Args:
        trace: colour of skin or of a finger on the lens, two windows or more.
        window_s: length of a window. Unit: s.

    Returns:
        One value per window.

    Raises:
        ClipTooShortError: fewer than two windows.

    Source: Scully et al. 2012, IEEE TBME 59(2) (red over blue from a camera); our choice: red over green as well,
    AC by least squares on green (noise in green itself lowers red over green, and cancels in red over blue).
    """
    samples = check_samples(check_trace(trace), "trace.samples", ndim=2)
    length = round(check_positive(window_s, "window_s", "s") * check_positive(trace.fs, "trace.fs"))
    if length < 2:
        raise UsageError(f"window_s is {window_s:g}", wanted="2 samples or more", do="take windows of 10 s")
    n = len(samples)
    if n < 1.5 * length:
        raise ClipTooShortError(
            f"the trace has {n / trace.fs:.0f} s",
            wanted=f"two windows of {window_s:g} s that overlap by half",
            do="give a longer trace",
        )
    low_hz, high_hz = HR_BAND_HZ
    colour = np.asarray(samples, dtype=np.float64)
    trend_free = colour - moving_average(colour, trace.fs, 1.5)
    swing = bandpass(trend_free, trace.fs, low_hz=low_hz, high_hz=high_hz)
    starts = np.arange(0, n - length + 1, max(1, length // 2))
    dc = np.stack([colour[s : s + length].mean(axis=0) for s in starts])  # (W, 3)
    parts = np.stack([swing[s : s + length] for s in starts])  # (W, T, 3)
    along_green = np.einsum("wtc,wt->wc", parts, parts[:, :, 1])  # (W, 3)
    along_green[parts[:, :, 1].std(axis=1) < 1e-9] = np.nan
    red, green, blue = np.divide(along_green, dc, out=np.full_like(dc, np.nan), where=dc > 0).T
    return OximetryWindows(
        times_s=trace.t0_s + (starts + length / 2) / trace.fs,
        red_over_blue=red / np.where(blue == 0, np.nan, blue),
        red_over_green=red / green,
        dc_red=dc[:, 0],
        window_s=window_s,
    )


def oximetry_controls(
    windows: OximetryWindows, reference: Float[np.ndarray, " reference"], *, recording: str = ""
) -> list[OximetryRow]:
    """Every quantity against a reference oximeter: controls first, then the ratios.

    Args:
        windows: from `ratio_of_ratios`.
        reference: SpO2 of each window; NaN where there is none. Unit: %.
        recording: a name for the rows.

    Returns:
        Rows with errors on left-out minutes. A ratio whose `confidence` is 0 is no better than the best control.

    Raises:
        UsageError: the numbers of references and windows differ, or fewer than MIN_WINDOWS have both.
    """
    reference, usable = _usable_windows(windows, reference)
    times_s, truth = windows.times_s[usable], reference[usable]
    clock = (times_s - times_s.mean()) / np.ptp(times_s)
    predictors = {  # name -> (control, the quantity, the features of the linear fit)
        "constant (the mean)": (True, None, np.zeros((len(truth), 0))),
        "time alone (cubic)": (True, clock, np.stack([clock, clock**2, clock**3], axis=1)),
        "DC red alone": (True, windows.dc_red[usable], windows.dc_red[usable, None]),
        "ratio red/blue": (False, windows.red_over_blue[usable], windows.red_over_blue[usable, None]),
        "ratio red/green": (False, windows.red_over_green[usable], windows.red_over_green[usable, None]),
    }
    guesses = {
        name: _left_out_guess(times_s, features, truth, windows.window_s)
        for name, (_, _, features) in predictors.items()
    }
    best_control = min(mae(truth, guesses[name]) for name, (control, _, _) in predictors.items() if control)
    rows = []
    for name, (control, quantity, _) in predictors.items():
        error = mae(truth, guesses[name])
        gain = 0.0 if control or best_control <= 0 else 1 - error / best_control
        rows.append(
            OximetryRow(
                predictor=name,
                control=control,
                n=len(truth),
                r=float("nan") if quantity is None else pearson_r(truth, quantity),
                mae=error,
                a_rms=a_rms(truth, guesses[name]),
                confidence=float(np.clip(gain, 0.0, MAX_CONFIDENCE)),
                note=f"{NOT_CALIBRATED}; {_verdict(control, gain)}",
                recording=recording,
            )
        )
    return rows


def _usable_windows(windows: OximetryWindows, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The reference as an array, and which windows have it and a pulse."""
    check_kind(windows, OximetryWindows, "windows", do="make them with ratio_of_ratios(trace)")
    reference = check_samples(reference, "reference", least=0, finite=False)
    if len(reference) != len(windows.times_s):
        raise UsageError(
            f"{len(windows.times_s)} windows and {len(reference)} references",
            wanted="as many of both",
            do="average the reference over each window, NaN where there is none",
        )
    usable = np.isfinite(reference) & np.isfinite(windows.red_over_blue) & np.isfinite(windows.red_over_green)
    if usable.sum() < MIN_WINDOWS:
        raise UsageError(
            f"{int(usable.sum())} windows with a reference and a pulse",
            wanted=f"at least {MIN_WINDOWS}",
            do="use a longer recording",
        )
    return reference, usable


def evaluate_oximetry(folder: Path | str) -> list[OximetryRow]:
    """Ratios and controls on every recording of a folder, as `read_finger_recordings` reads it.

    Returns:
        Rows of `oximetry_controls`, recording by recording.

    Raises:
        OximetryDataError: a file is missing or cannot be read.
    """
    rows: list[OximetryRow] = []
    for recording in read_finger_recordings(folder):
        windows = ratio_of_ratios(recording.frames)
        reference = _mean_in_windows(recording.seconds, recording.spo2_percent, windows)
        rows += oximetry_controls(windows, reference, recording=recording.name)
    return rows


def read_finger_recordings(folder: Path | str) -> list[FingerRecording]:
    """All recordings of a folder of finger-on-lens oximetry.

    Args:
        folder: holds data_gt_metadata.csv (the meaning of the columns) and, for each subject, data_gt_SUBJECT.csv
            (oximeters, one row per second) and data_ppg-csv_HAND_SUBJECT.csv (mean R, G, B, one row per frame at
            30 Hz), which start at the same time.

    Raises:
        OximetryDataError: a file is missing or cannot be read.

    Source: layout of github.com/ubicomplab/oximetry-phone-cam-data (Hoffman et al. 2022, npj Digital Medicine 5).
    """
    if not isinstance(folder, (str, Path)):
        raise UsageError(
            f"folder {folder!r}"[:80], wanted="a path", do="name the folder that holds the recordings"
        )
    folder = Path(folder)
    frames_files = data_files(folder, "data_ppg-csv_*_*.csv")
    if not frames_files:
        raise OximetryDataError(
            f"{folder}: no file data_ppg-csv_HAND_SUBJECT.csv",
            wanted="mean R, G, B of each frame",
            do="name the folder that holds the recordings",
        )
    oximeters = _filled_oximeters(folder / "data_gt_metadata.csv")
    found = []
    for path in frames_files:
        hand, subject = path.stem.removeprefix("data_ppg-csv_").split("_", maxsplit=1)
        seconds, spo2 = _read_reference(folder / f"data_gt_{subject}.csv", oximeters)
        frames = RgbTrace(_read_frames(path), CAMERA_FPS)
        found.append(FingerRecording(subject, hand.lower(), frames, seconds, spo2))
    return found


def _verdict(control: bool, gain: float) -> str:
    if control:
        return "a control: carries no information on blood oxygen"
    return "better than every control" if gain > 0 else "no better than the best control"


def _left_out_guess(
    times_s: np.ndarray, features: np.ndarray, truth: np.ndarray, window_s: float
) -> np.ndarray:
    """Least-squares prediction for each minute from the windows that do not overlap it."""
    design = np.concatenate([np.ones((len(truth), 1)), features], axis=1)
    minute = ((times_s - times_s[0]) // LEFT_OUT_S).astype(int)
    guess = np.full(len(truth), truth.mean())
    for k in np.unique(minute):
        left_out = minute == k
        first, last = times_s[left_out][[0, -1]]
        train = (times_s <= first - window_s) | (times_s >= last + window_s)
        if train.any():
            centre = design[train].mean(axis=0)
            centre[0] = 0.0
            solution = np.linalg.lstsq(design[train] - centre, truth[train], rcond=None)[0]
            guess[left_out] = (design[left_out] - centre) @ solution
    return guess


def _mean_in_windows(seconds: np.ndarray, spo2: np.ndarray, windows: OximetryWindows) -> np.ndarray:
    """Reference of each window; NaN where less than half of its seconds have one."""
    out = np.full(len(windows.times_s), np.nan)
    for k, centre in enumerate(windows.times_s):
        inside = spo2[np.abs(seconds + 0.5 - centre) <= windows.window_s / 2]
        inside = inside[np.isfinite(inside)]
        if len(inside) >= windows.window_s / 2:
            out[k] = inside.mean()
    return out


def _filled_oximeters(path: Path) -> list[str]:
    """Column names of the oximeters that recorded a signal, from the table that describes the columns."""
    described = [row for row in _read_cells(path).rows if len(row) > 1 and row[0].startswith("SpO2")]
    names = [row[0] for row in described if not row[1].startswith("Unfilled")]
    if not names:
        raise OximetryDataError(
            f"{path}: names no SpO2 column",
            wanted="rows 'SpO2 1, ...'",
            do="check that this is the right file",
        )
    return names


def _read_reference(path: Path, oximeters: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Seconds from the first row and the median of the oximeters, NaN where none has a plausible value."""
    found = _read_cells(path)
    header, *rows = found.rows
    missing = [name for name in ["Time", *oximeters] if name not in header]
    if missing:
        raise OximetryDataError(
            f"{path}: no column {missing[0]!r}",
            wanted="the columns of data_gt_metadata.csv",
            do="check the file",
        )
    columns = [header.index(name) for name in oximeters]
    clock, values = [], []
    for row in rows:
        seconds = _clock_seconds(row[header.index("Time")])
        if seconds is not None:  # the last row only states that the recording was halted
            clock.append(seconds)
            values.append([_number(row[c], found.decimal) if c < len(row) else np.nan for c in columns])
    if not clock:
        raise OximetryDataError(
            f"{path}: no row with a time", wanted="times as 09:25:02", do="check the file"
        )
    spo2 = np.array(values)
    spo2[~((spo2 >= SPO2_RANGE[0]) & (spo2 <= SPO2_RANGE[1]))] = np.nan
    some = np.isfinite(spo2).any(axis=1)
    median = np.full(len(spo2), np.nan)
    median[some] = np.nanmedian(spo2[some], axis=1)
    return (np.array(clock) - clock[0]) % 86400.0, median


def _read_frames(path: Path) -> np.ndarray:
    try:
        table = read_table(path, header=True, example="R,G,B\n201.5,44.1,9.3")
        return np.stack([table.complete(name) for name in ("R", "G", "B")], axis=1)
    except TableError as error:
        raise OximetryDataError(error.got, wanted=error.wanted, do=error.do) from error


def _read_cells(path: Path) -> Rows:
    """Rows that are not empty; leading and trailing blanks of cells are removed."""
    try:
        return read_rows(path)
    except TableError as error:
        raise OximetryDataError(error.got, wanted=error.wanted, do=error.do) from error


def _clock_seconds(text: str) -> float | None:
    """'09:25:02' in seconds; None for anything else."""
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return None
    return int(parts[0]) * 3600.0 + int(parts[1]) * 60.0 + int(parts[2])


def _number(text: str, decimal: str) -> float:
    try:
        return number(text, decimal)
    except CellError:  # a remark in place of a number
        return float("nan")
