"""SpO2 of generated fingers: what follows it wins, splits leak nothing, and what cannot be read is left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from rppg_core.figures.held_out import agreement_figure  # noqa: E402
from rppg_core.lab.protocols.finger.__main__ import main  # noqa: E402
from rppg_core.lab.protocols.finger.folds import (  # noqa: E402
    ALL,
    BLOCK_S,
    BLOCKS,
    GAP_S,
    HALVES,
    SUBJECTS,
    finger_folds,
)
from rppg_core.lab.protocols.finger.table import (  # noqa: E402
    HEAD,
    HEAD_LEVEL,
    HEAD_SHUFFLED,
    FingerRow,
    agreement_entries,
    finger_rows,
    finger_sentence,
    finger_text,
)
from rppg_core.lab.protocols.finger.windows import WINDOW_S, narrow_pulses, read_windows  # noqa: E402
from rppg_core.oximetry import OximetryDataError  # noqa: E402

FPS = 30
METADATA = "Label,Description\nSpO2 1,first\nSpO2 2,second\n"


def saturation(seconds: int, seed: int) -> np.ndarray:
    """SpO2 of each second that goes up and down, so that time alone says little."""
    rng = np.random.default_rng(seed)
    knots = np.arange(0, seconds + 25, 25)
    return np.interp(np.arange(seconds), knots, rng.uniform(75, 99, len(knots))).round(1)


def write_finger(
    folder: Path, name: str = "Left_1", *, ratio_follows: bool = True, level_follows: bool = False,
    seconds: int = 360, seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """A finger whose red pulse, or whose red level, follows SpO2; returns SpO2 of each second, and the frames."""
    rng = np.random.default_rng(seed)
    spo2 = saturation(seconds, int(name.split("_")[1]))  # both hands have that of the subject
    t_s = np.arange(seconds * FPS) / FPS
    now = np.interp(t_s, np.arange(seconds) + 0.5, spo2)
    beat = 2 * np.pi * 1.1 * t_s
    wave = (np.sin(beat) + 0.3 * np.sin(2 * beat))[:, None]
    ratio = (125 - now) / 43 if ratio_follows else np.full(len(t_s), 0.8)
    pulse = np.stack([0.015 * ratio, np.full(len(t_s), 0.02), np.full(len(t_s), 0.015)], axis=1)
    knots_s = np.arange(0, seconds + 20, 20)
    drift = np.interp(t_s, knots_s, rng.uniform(-4, 4, len(knots_s)))
    level = np.array([120.0, 60.0, 40.0]) + np.outer(now - 87 if level_follows else drift, [0.8, 0.1, 0.1])
    frames = level * (1 - pulse * wave) + 0.01 * rng.standard_normal((len(t_s), 3))
    write_frames(folder, name, frames)
    write_reference(folder, name.split("_")[1], [[str(x), str(x)] for x in spo2])
    (folder / "data_gt_metadata.csv").write_text(METADATA, encoding="utf-8")
    return spo2, frames


def write_frames(folder: Path, name: str, frames: np.ndarray) -> None:
    path = folder / f"data_ppg-csv_{name}.csv"
    np.savetxt(path, frames, delimiter=",", header="R,G,B", comments="", fmt="%.5f")


def write_reference(folder: Path, subject: str, cells: list[list[str]]) -> None:
    clock = [f"{9 + s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(len(cells))]
    rows = [",".join([time, *two]) for time, two in zip(clock, cells, strict=True)]
    (folder / f"data_gt_{subject}.csv").write_text("\n".join(["Time,SpO2 1,SpO2 2", *rows]) + "\n")


def of(rows: list[FingerRow], split: str, recording: str = "1 left hand") -> list[FingerRow]:
    return [row for row in rows if (row.recording, row.split) == (recording, split)]


def best(rows: list[FingerRow]) -> str:
    return min(rows, key=lambda row: row.a_rms).estimator


# What wins -------------------------------------------------------------------------------------------------------


def test_a_ratio_that_follows_spo2_beats_every_control_in_every_split(tmp_path):
    write_finger(tmp_path)
    rows = finger_rows(read_windows(tmp_path)[0], seeds=0)
    for split in (BLOCKS, *HALVES):
        mine = of(rows, split)
        error = {row.estimator: row.a_rms for row in mine}
        assert not next(row for row in mine if row.estimator == best(mine)).control
        assert max(error["R/B, std"], error["R/G, lock-in"]) < 0.5 * error["constant"]
        assert error["B/G, std"] > 0.7 * error["constant"]  # neither changes
        assert "Better than time alone, DC and all other controls" in finger_sentence(mine)


def test_a_level_that_follows_spo2_wins_and_no_ratio_is_claimed(tmp_path):
    write_finger(tmp_path, ratio_follows=False, level_follows=True)
    rows = finger_rows(read_windows(tmp_path)[0], seeds=0)
    for split in (BLOCKS, *HALVES):
        sentence = finger_sentence(of(rows, split))
        assert sentence.startswith("DC ")
        assert "Why: the level of the light follows SpO2 without any pulse" in sentence
        assert "No ratio and no network beats time alone, DC and its other controls" in sentence


def a_row(name: str, error: float) -> FingerRow:
    true = np.linspace(80, 99, 20)
    return FingerRow("1 left hand", BLOCKS, name, true, (true + error * (-1) ** np.arange(20))[None])


def test_a_network_has_to_beat_its_own_controls_too():
    plain = [a_row("constant", 9), a_row("time alone, line", 8), a_row("DC red", 5), a_row("R/B, std", 6)]
    beaten = finger_sentence([*plain, a_row(HEAD, 3), a_row(HEAD_SHUFFLED, 4), a_row(HEAD_LEVEL, 2)])
    assert "No ratio and no network" in beaten
    assert "trend head, has 3.00 against 2.00 of trend head, no pulse" in beaten
    proven = finger_sentence([*plain, a_row(HEAD, 3), a_row(HEAD_SHUFFLED, 4), a_row(HEAD_LEVEL, 5)])
    assert "trend head (3.00 against 4.00 of trend head, shuffled frames)" in proven
    assert "R/B" not in proven


@pytest.mark.parametrize(
    ("name", "why"), [("time alone, cubic", "function of time"), ("constant", "nothing that was fitted")]
)
def test_the_reason_follows_the_control_that_wins(name, why):
    others = [a_row(x, 9) for x in ("constant", "time alone, cubic", "DC red", "R/B, std") if x != name]
    assert why in finger_sentence([a_row(name, 1), *others])


# Splits ----------------------------------------------------------------------------------------------------------


def distances_s(fit_start_s: np.ndarray, first_s: float, last_s: float) -> np.ndarray:
    """From windows of a fit to a stretch that tests; negative if they overlap."""
    return np.maximum(first_s - (fit_start_s + WINDOW_S), fit_start_s - last_s)


def test_no_window_of_a_fit_is_within_20_s_of_a_block_that_tests(tmp_path):
    write_finger(tmp_path)
    windows, _ = read_windows(tmp_path)
    folds = finger_folds(windows)
    assert [fold.split for fold in folds] == [BLOCKS, BLOCKS, *HALVES]
    for fold in folds:
        tested = windows.start_s[fold.test]
        blocks = {(s // BLOCK_S * BLOCK_S, s // BLOCK_S * BLOCK_S + BLOCK_S) for s in tested}
        if fold.split != BLOCKS:
            blocks = {(tested.min(), tested.max() + WINDOW_S)}
        assert all((distances_s(windows.start_s[fold.fit], *block) >= GAP_S).all() for block in blocks)
    first, second = folds[:2]
    assert not (first.test & second.test).any()
    assert (first.test | second.test).sum() > 0.8 * len(windows.start_s)


def test_both_hands_of_a_subject_test_together(tmp_path):
    for name in ("Left_1", "Right_1", "Left_2"):
        write_finger(tmp_path, name, seconds=130)
    windows, _ = read_windows(tmp_path)
    folds = [fold for fold in finger_folds(windows) if fold.split == SUBJECTS]
    assert len(folds) == 2
    for fold in folds:
        assert fold.recording == ALL
        assert not set(windows.subject[fold.fit]) & set(windows.subject[fold.test])


# Folders ---------------------------------------------------------------------------------------------------------


def test_several_recordings_are_judged_alone_and_together(tmp_path):
    for name in ("Left_1", "Right_1", "Left_2"):
        write_finger(tmp_path, name, seconds=240, seed=len(name) + int(name[-1]))
    rows = finger_rows(read_windows(tmp_path)[0], seeds=0)
    for split in (BLOCKS, *HALVES):
        alone = [of(rows, split, name)[0] for name in ("1 left hand", "1 right hand", "2 left hand")]
        assert len(of(rows, split, ALL)[0].true) == sum(len(row.true) for row in alone)
    assert not best(of(rows, SUBJECTS, ALL)).startswith(("constant", "time", "DC"))
    assert finger_text(rows).count("is nearest") == 3 * 3 + 3 + 1


def test_windows_without_reference_light_or_pulse_are_left_out_and_counted(tmp_path):
    spo2, frames = write_finger(tmp_path)
    cells = [["", ""] if 100 <= s < 140 else [str(x), "" if s % 3 else "0"] for s, x in enumerate(spo2)]
    write_reference(tmp_path, "1", cells)
    frames[200 * FPS : 230 * FPS, 1] = 255
    frames[300 * FPS : 330 * FPS] = 100
    write_frames(tmp_path, "Left_1", frames)
    windows, (line,) = read_windows(tmp_path)
    assert "7 without a reference" in line  # windows with 6 s or more of the 40 s without a cell
    assert not ((windows.start_s >= 200) & (windows.start_s <= 220)).any()
    assert not ((windows.start_s >= 300) & (windows.start_s <= 320)).any()
    assert np.isfinite(np.concatenate(list(windows.features.values()), axis=1)).all()
    assert np.isfinite(windows.spo2_percent).all()
    assert finger_rows(windows, seeds=0)


def test_a_dark_channel_takes_its_ratios_away_and_no_others(tmp_path):
    _, frames = write_finger(tmp_path)
    frames[:, 2] *= 0.01
    write_frames(tmp_path, "Left_1", frames)
    windows, (line,) = read_windows(tmp_path)
    assert "cannot be read here: R/B, std, B/G, std, R/B, lock-in, B/G, lock-in, all ratios" in line
    mine = of(finger_rows(windows, seeds=0), BLOCKS)
    assert {"R/G, std", "R/G, lock-in"} <= {row.estimator for row in mine}
    assert "R/B, std" not in {row.estimator for row in mine}


def test_white_noise_has_no_pulse():
    rng = np.random.default_rng(0)
    noise = 100 + rng.standard_normal((60, 300, 3))
    assert np.mean([np.isfinite(narrow_pulses(x)[0]).all() for x in noise]) < 0.1
    assert np.isnan(narrow_pulses(np.full((300, 3), 100.0))[0]).all()


def test_a_folder_without_usable_windows_says_why(tmp_path):
    write_finger(tmp_path, seconds=30)
    write_frames(tmp_path, "Left_1", np.full((900, 3), 90.0))
    with pytest.raises(OximetryDataError, match="0 of 5 windows"):
        read_windows(tmp_path)
    write_frames(tmp_path, "Left_1", np.full((90, 3), 90.0))
    with pytest.raises(OximetryDataError, match="too short for a window"):
        read_windows(tmp_path)


# The command -----------------------------------------------------------------------------------------------------


def test_the_command_prints_every_estimator_and_ends_with_0(tmp_path, capsys):
    write_finger(tmp_path, seconds=180)
    assert main(["--data", str(tmp_path), "--seeds", "2", "--steps", "1"]) == 0
    text = capsys.readouterr().out
    names = ("constant (control)", "time alone, cubic (control)", "DC of three colours (control)", "R/G, std",
             "R/B, lock-in", "all ratios", "trend head ", "frames (control)", "no pulse (control)")  # fmt: skip
    assert all(name in text for name in names)
    assert text.count("is nearest: A_rms") == 3


def test_a_recording_too_short_for_a_split_is_no_error(tmp_path, capsys):
    write_finger(tmp_path, seconds=40)
    assert main(["--data", str(tmp_path), "--seeds", "0"]) == 0
    assert "Too few windows for a split" in capsys.readouterr().out


def test_a_missing_folder_is_named(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--data", str(tmp_path / "nowhere")])
    assert "nowhere" in capsys.readouterr().err


def test_agreement_is_drawn_in_percent_beside_the_level(tmp_path):
    write_finger(tmp_path, seconds=200)
    entries = agreement_entries(of(finger_rows(read_windows(tmp_path)[0], seeds=0), BLOCKS))
    fig = agreement_figure(entries, beside=["DC red"], point="window")
    assert [trace.name for trace in fig.data] == ["DC red", "all ratios"]
    assert "(% SpO2)" in fig.layout.yaxis.title.text and "one point per window" in fig.layout.title.text


def test_a_real_desaturation_is_followed_by_the_level_and_not_by_a_ratio(recordings):
    rows = finger_rows(read_windows(recordings / "finger_oximetry")[0], seeds=0)
    for split in (BLOCKS, *HALVES):
        mine = [row for row in rows if row.split == split and row.recording != ALL]
        error = {row.estimator: row.a_rms for row in mine}
        assert best(mine).startswith("DC")
        assert error["DC red"] < 0.7 * error["constant"] < min(error["R/G, std"], error["R/B, lock-in"])
        assert "No ratio and no network" in finger_sentence(mine)
