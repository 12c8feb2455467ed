"""Ratio of ratios and its controls on traces with a known ratio, and the reader of the recordings' layout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rppg_core.errors import ClipTooShortError, UsageError
from rppg_core.oximetry import (
    MAX_CONFIDENCE,
    OximetryDataError,
    OximetryRow,
    OximetryWindows,
    evaluate_oximetry,
    oximetry_controls,
    ratio_of_ratios,
)
from rppg_core.types import RgbTrace


def finger_trace(
    *, seconds=60.0, fs=30.0, pulsatility=(0.006, 0.02, 0.015), dc=(180.0, 60.0, 40.0), red_noise=0.0, seed=0
) -> RgbTrace:
    """A finger at 66 bpm; each channel pulses by its own share of its own brightness."""
    t_s = np.arange(round(seconds * fs)) / fs
    wave = np.sin(2 * np.pi * 1.1 * t_s)[:, None]
    colour = np.array(dc) * (1 - np.array(pulsatility) * wave)
    colour[:, 0] += red_noise * np.random.default_rng(seed).standard_normal(len(colour))
    return RgbTrace(colour, fs)


def windows_with(ratio: np.ndarray, dc_red: np.ndarray) -> OximetryWindows:
    return OximetryWindows(
        times_s=5.0 + 5.0 * np.arange(len(ratio)),
        red_over_blue=ratio,
        red_over_green=ratio * 0.8,
        dc_red=dc_red,
        window_s=10.0,
    )


def by_name(rows: list[OximetryRow]) -> dict[str, OximetryRow]:
    return {row.predictor: row for row in rows}


# Ratio of ratios -------------------------------------------------------------------------------------------------


def test_ratio_equals_the_ratio_of_pulsatilities():
    windows = ratio_of_ratios(finger_trace())
    np.testing.assert_allclose(windows.red_over_blue, 0.006 / 0.015, rtol=1e-6)
    np.testing.assert_allclose(windows.red_over_green, 0.006 / 0.02, rtol=1e-6)
    np.testing.assert_allclose(windows.dc_red, 180, rtol=1e-3)


def test_windows_overlap_by_half_and_are_named_by_their_centre():
    windows = ratio_of_ratios(replace(finger_trace(seconds=30), t0_s=100.0))
    np.testing.assert_allclose(windows.times_s, [105, 110, 115, 120, 125])


def test_ratio_does_not_depend_on_the_brightness_of_a_channel():
    bright, dim = finger_trace(), finger_trace(dc=(90.0, 60.0, 20.0))
    np.testing.assert_allclose(
        ratio_of_ratios(bright).red_over_blue, ratio_of_ratios(dim).red_over_blue, rtol=1e-6
    )


def test_noise_in_red_widens_the_ratio_but_does_not_lift_it():
    ratios = ratio_of_ratios(finger_trace(seconds=600, red_noise=1.0)).red_over_green
    assert np.median(ratios) == pytest.approx(0.3, abs=0.01)  # the noise is larger than the pulse in red
    assert ratios.std() > 0.02


def test_ratio_without_a_pulse_is_nan():
    windows = ratio_of_ratios(finger_trace(pulsatility=(0, 0, 0)))
    assert np.isnan(windows.red_over_blue).all() and np.isnan(windows.red_over_green).all()


def test_a_short_trace_error_says_how_much_is_needed():
    with pytest.raises(ClipTooShortError, match=r"the trace has 12 s; wanted: two windows of 10 s"):
        ratio_of_ratios(finger_trace(seconds=12))


# Controls --------------------------------------------------------------------------------------------------------


def test_a_ratio_that_tells_spo2_beats_every_control_yet_stays_uncalibrated():
    rng = np.random.default_rng(0)
    spo2 = rng.uniform(75, 100, 80)  # no trend: the clock knows nothing
    rows = by_name(oximetry_controls(windows_with(3 - spo2 / 50, rng.uniform(170, 180, 80)), spo2))
    ratio = rows["ratio red/blue"]
    assert ratio.mae < 0.01 and ratio.r == pytest.approx(-1)
    assert ratio.confidence == MAX_CONFIDENCE
    assert ratio.note == "not calibrated; better than every control"


def test_a_ratio_of_noise_gets_no_confidence():
    rng = np.random.default_rng(1)
    spo2 = rng.uniform(75, 100, 80)
    rows = by_name(oximetry_controls(windows_with(rng.uniform(0.5, 1, 80), rng.uniform(170, 180, 80)), spo2))
    assert rows["ratio red/blue"].confidence < 0.1
    assert rows["ratio red/blue"].mae == pytest.approx(rows["constant (the mean)"].mae, rel=0.1)


def test_brightness_that_drifts_with_the_desaturation_is_exposed_as_the_shortcut():
    spo2 = np.linspace(100, 70, 120)
    ratio = np.random.default_rng(2).uniform(0.5, 1, 120) - 0.002 * spo2
    rows = by_name(oximetry_controls(windows_with(ratio, 100 + spo2), spo2))
    assert rows["DC red alone"].r == pytest.approx(1)
    assert rows["DC red alone"].mae < 0.01 and rows["time alone (cubic)"].mae < 0.5
    assert rows["ratio red/blue"].confidence == 0
    assert rows["ratio red/blue"].note == "not calibrated; no better than the best control"


def test_controls_come_first_and_every_row_is_noted_not_calibrated():
    rng = np.random.default_rng(3)
    spo2 = rng.uniform(75, 100, 60)
    rows = oximetry_controls(windows_with(spo2 / 100, rng.uniform(170, 180, 60)), spo2, recording="me")
    assert [row.control for row in rows] == [True, True, True, False, False]
    assert all(row.note.startswith("not calibrated") and row.recording == "me" for row in rows)
    assert all(row.confidence == 0 for row in rows if row.control)
    assert all(0 <= row.confidence <= MAX_CONFIDENCE for row in rows)
    assert all(row.a_rms >= row.mae > 0 or row.mae < 1e-6 for row in rows)


def test_the_constant_is_the_mean_of_what_was_not_left_out():
    spo2 = np.repeat([80.0, 100.0], 60)
    rows = by_name(oximetry_controls(windows_with(np.linspace(0.5, 1, 120), np.full(120, 175.0)), spo2))
    constant = rows["constant (the mean)"]
    assert np.isnan(constant.r)
    assert constant.mae > 10  # leaving a minute out pulls the mean away from it


def test_windows_without_reference_or_pulse_are_left_out():
    rng = np.random.default_rng(4)
    spo2, ratio = rng.uniform(75, 100, 60), rng.uniform(0.5, 1, 60)
    spo2[3] = np.nan
    ratio[[7, 8]] = np.nan
    assert {row.n for row in oximetry_controls(windows_with(ratio, rng.uniform(170, 180, 60)), spo2)} == {57}


def test_control_errors_name_the_numbers():
    windows = windows_with(np.linspace(0.5, 1, 20), np.full(20, 175.0))
    with pytest.raises(UsageError, match="20 windows and 19 references"):
        oximetry_controls(windows, np.full(19, 97.0))
    with pytest.raises(UsageError, match="0 windows with a reference and a pulse; wanted: at least 12"):
        oximetry_controls(windows, np.full(20, np.nan))


# Recordings ------------------------------------------------------------------------------------------------------

METADATA = """\
\ufeffLabel,Description,Unit
SpO2 1,SpO2 reading from PPG of pulse ox 1 (%),Percentage
SpO2 2,Unfilled signal from pulse ox 2,Unknown
SpO2 3,SpO2 reading from PPG of pulse ox 3 (%),Percentage
Pulse 1,Heart rate (bpm),bpm
"""


def write_recording(folder: Path, *, seconds: int = 120, seed: int = 0) -> np.ndarray:
    """A recording around midnight whose red pulse follows SpO2 exactly; returns SpO2 of each second."""
    spo2 = np.random.default_rng(seed).uniform(80, 99, seconds // 10).repeat(10).round(1)
    lines = ["\ufeffTime,SpO2 1,SpO2 2,SpO2 3,Pulse 1,,"]
    for second, value in enumerate(spo2):
        clock = 86400 - 30 + second
        clock_text = f"{clock // 3600 % 24:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}"
        second_meter = "" if second % 7 == 0 else value  # some cells are blank
        lines.append(f" {clock_text},{value},0,{second_meter},66,,")
    lines.append("Collection Halted,,,,,,")
    (folder / "data_gt_7.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "data_gt_metadata.csv").write_text(METADATA, encoding="utf-8")
    pulsatility = (3 - spo2.repeat(30) / 50) * 0.01
    wave = np.sin(2 * np.pi * 1.1 * np.arange(seconds * 30) / 30)
    frames = np.stack(
        [180 * (1 - pulsatility * wave), 60 * (1 - 0.02 * wave), 40 * (1 - 0.015 * wave)], axis=1
    )
    np.savetxt(
        folder / "data_ppg-csv_Left_7.csv", frames, delimiter=",", header="R,G,B", comments="", fmt="%.6f"
    )
    return spo2


def test_a_folder_of_recordings_is_read_and_evaluated(tmp_path):
    write_recording(tmp_path)
    rows = by_name(evaluate_oximetry(tmp_path))
    assert {row.recording for row in rows.values()} == {"7 left hand"}
    assert rows["ratio red/blue"].n == 23
    assert rows["ratio red/blue"].r < -0.99
    assert rows["ratio red/blue"].mae < 0.5 < rows["constant (the mean)"].mae


def test_recordings_are_evaluated_one_by_one(tmp_path):
    write_recording(tmp_path)
    (tmp_path / "data_ppg-csv_Right_7.csv").write_bytes((tmp_path / "data_ppg-csv_Left_7.csv").read_bytes())
    assert [row.recording for row in evaluate_oximetry(tmp_path)] == ["7 left hand"] * 5 + [
        "7 right hand"
    ] * 5


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("data_gt_metadata.csv", None, "data_gt_metadata.csv: cannot be opened .No such file"),
        ("data_gt_7.csv", None, "data_gt_7.csv: cannot be opened .No such file"),
        ("data_gt_7.csv", "", "data_gt_7.csv: the file is empty"),
        ("data_gt_7.csv", "Time,SpO2 1\n09:00:00,97\n", "data_gt_7.csv: no column 'SpO2 3'"),
        ("data_gt_7.csv", "Time,SpO2 1,SpO2 3\nHalted,,\n", "data_gt_7.csv: no row with a time"),
        ("data_gt_metadata.csv", "Label,Description\nPulse 1,x\n", "metadata.csv: names no SpO2 column"),
        ("data_ppg-csv_Left_7.csv", "R,G\n1,2\n", "Left_7.csv: has the columns R, G; wanted: one column B"),
        ("data_ppg-csv_Left_7.csv", "R,G,B\n1,2,x\n", "Left_7.csv: line 2, column B: 'x' is not a number"),
        ("data_ppg-csv_Left_7.csv", "R,G,B\n1,2,nan\n", "Left_7.csv: line 2, column B: 'nan' is not a value"),
    ],
)
def test_a_broken_recording_is_named(tmp_path, name, text, message):
    write_recording(tmp_path)
    if text is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(OximetryDataError, match=message):
        evaluate_oximetry(tmp_path)


def test_a_file_that_is_not_text_is_named(tmp_path):
    write_recording(tmp_path)
    (tmp_path / "data_gt_7.csv").write_bytes(b"\xff\xfe\x00\x9c")
    with pytest.raises(OximetryDataError, match=r"data_gt_7\.csv"):
        evaluate_oximetry(tmp_path)


def test_a_folder_without_recordings_is_named(tmp_path):
    with pytest.raises(OximetryDataError, match="no file data_ppg-csv_HAND_SUBJECT"):
        evaluate_oximetry(tmp_path)


def test_a_real_desaturation_shows_the_shortcut(recordings):
    rows = by_name(evaluate_oximetry(recordings / "finger_oximetry"))
    assert rows["DC red alone"].r > 0.9  # brightness of red follows the experiment
    assert -0.8 < rows["ratio red/blue"].r < -0.2  # oxygen would make this strongly negative
    assert rows["ratio red/blue"].confidence == 0
    assert rows["DC red alone"].mae < 0.5 * rows["ratio red/blue"].mae
