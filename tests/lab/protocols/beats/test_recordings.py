"""Contact recordings: real ones against their own reference, and files that are not what they should be."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.errors import UsageError
from rppg_core.lab.protocols.beats.recordings import (
    RecordingError,
    contact_rows,
    ecg_beats_s,
    evaluate_recordings,
    finger_rows,
    read_columns,
    read_intervals_ms,
)
from rppg_core.lab.simulate.physiology import Physiology, simulate_waves


def ecg(beats_s: np.ndarray, fs: float, seconds: float) -> np.ndarray:
    """Narrow QRS, broad T wave."""
    times_s = np.arange(round(fs * seconds)) / fs
    since = times_s[:, None] - beats_s
    spike = np.exp(-0.5 * (since / 0.015) ** 2) - 0.4 * np.exp(-0.5 * ((since - 0.03) / 0.015) ** 2)
    return (spike + 0.25 * np.exp(-0.5 * ((since - 0.25) / 0.05) ** 2)).sum(axis=1)


@pytest.mark.parametrize("fs", [30.0, 60.0, 250.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_ecg_beats_are_found_at_any_rate_and_polarity(fs, sign):
    beats_s = np.cumsum(np.random.default_rng(0).uniform(0.6, 1.0, 30))
    found_s = ecg_beats_s(sign * ecg(beats_s, fs, 25), fs)
    inside = beats_s[beats_s < 24.8]
    assert len(found_s) == len(inside)
    assert np.abs(found_s - inside - np.median(found_s - inside)).max() < 0.04


def test_contact_ppg_agrees_with_its_own_ecg_within_2_bpm(recordings):
    rows = contact_rows(recordings / "contact_vitals" / "sample_vitals_1.csv")
    assert rows[0].vital == "HR"
    assert abs(rows[0].error) <= 2
    assert rows[0].reference == pytest.approx(
        75, abs=2
    )  # beats of the clip itself, not its longer average of 78


def test_finger_on_a_lens_gives_the_heart_rate_within_1_bpm_and_a_flagged_rmssd(recordings):
    folder = recordings / "finger_hrv"
    rows = {row.vital: row for row in finger_rows(folder / "01_PPG.csv", folder / "01_RR.txt")}
    assert abs(rows["HR"].error) <= 1
    assert rows["RMSSD"].reference == pytest.approx(127, abs=0.5)
    assert "too coarse" in rows["RMSSD"].note  # frame times scatter by 20 ms


def test_every_recording_is_read(recordings):
    rows, oxygen = evaluate_recordings(recordings)
    assert {row.recording for row in rows} == {"sample_vitals_1", "01_PPG"}
    assert all(row.holds for row in rows)
    assert any(row.predictor == "DC red alone" for row in oxygen)


def test_recordings_written_by_hand_are_read_back(tmp_path):
    times_s = np.sort(np.arange(1800) / 30 + np.random.default_rng(0).normal(0, 0.002, 1800))
    waves = simulate_waves(Physiology(hr_bpm=64), times_s, np.random.default_rng(1))
    folder = tmp_path / "finger_hrv"
    folder.mkdir()
    lines = [f"{1e3 * t:.1f},{250 - v:.4f},0,0" for t, v in zip(times_s, waves.bvp, strict=True)]
    (folder / "a_PPG.csv").write_text("time,R,G,B\n" + "\n".join(lines))
    (folder / "a_RR.txt").write_text(" ".join(f"{1e3 * ibi:.0f}" for ibi in np.diff(waves.beats_s)))
    rows, oxygen = evaluate_recordings(tmp_path)
    assert not oxygen
    assert abs(rows[0].error) <= 1
    assert abs(rows[1].error) <= 5  # ms of RMSSD


def test_a_folder_without_recordings_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="contact_vitals, finger_hrv or finger_oximetry"):
        evaluate_recordings(tmp_path)


@pytest.mark.parametrize(
    "content",
    ["", "ppg\n1\n2\n", "ppg,ecg\n1,x\n", "ppg,ecg\n1\n", "\x00\x01", "ppg,ecg\n" + 400 * "1,nan\n"],
)
def test_a_broken_file_is_named(tmp_path, content):
    (tmp_path / "contact_vitals").mkdir()
    (tmp_path / "contact_vitals" / "bad.csv").write_text(content)
    with pytest.raises(RecordingError, match=r"bad\.csv"):
        evaluate_recordings(tmp_path)


def test_missing_reference_intervals_are_named(tmp_path):
    (tmp_path / "finger_hrv").mkdir()
    rows = "".join(f"{33 * k},{250 + k % 7},0,0\n" for k in range(400))
    (tmp_path / "finger_hrv" / "b_PPG.csv").write_text("time,R,G,B\n" + rows)
    with pytest.raises(RecordingError, match=r"b_RR\.txt"):
        evaluate_recordings(tmp_path)


def contact(folder, text, name="a.csv"):
    (folder / "contact_vitals").mkdir(exist_ok=True)
    path = folder / "contact_vitals" / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


ROWS = "ppg,ecg\n" + "".join(f"{np.sin(k / 4):.4f},{k % 25 == 0:.1f}\n" for k in range(400))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(",", ";").replace(".", ",").encode("utf-16"),
        lambda text: text.replace(",", "\t").replace("\n", "\r\n").encode(),
        lambda text: "# a sensor\n" + text.replace("ppg,ecg", '"ppg","ecg"'),
    ],
)
def test_recording_in_another_dialect_gives_the_same(tmp_path, change):
    before = read_columns(contact(tmp_path, ROWS), ("ppg", "ecg"))
    after = read_columns(contact(tmp_path, change(ROWS)), ("ppg", "ecg"))
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values)


def test_missing_sample_of_a_recording_is_named_by_its_line(tmp_path):
    path = contact(tmp_path, ROWS.replace("\n", "\nNA,0\n", 1))
    with pytest.raises(RecordingError, match="line 2, column ppg: 'NA' is not a value"):
        read_columns(path, ("ppg", "ecg"))


def test_hidden_files_are_no_recordings(tmp_path):
    contact(tmp_path, b"\x00\x05\x16\x07", "._a.csv")
    (tmp_path / "finger_hrv").mkdir()
    (tmp_path / "finger_hrv" / "._a_PPG.csv").write_bytes(b"\x00\x05\x16\x07")
    with pytest.raises(UsageError, match="no recording in"):
        evaluate_recordings(tmp_path)


@pytest.mark.parametrize(
    "text, words",
    [
        ("0.81 0.79 0.83", "the median interval is 0.81; wanted: intervals in ms"),
        ("812 NA 835", "1 of 3 intervals have no value"),
        ("812,5\n790,25\n", "can be a decimal sign or separate two numbers"),
        ("812 long 835", "line 1: 'long' is not a number"),
    ],
)
def test_intervals_that_are_not_in_ms_are_named(tmp_path, text, words):
    path = tmp_path / "a_RR.txt"
    path.write_text(text)
    with pytest.raises(RecordingError, match=words):
        read_intervals_ms(path)
