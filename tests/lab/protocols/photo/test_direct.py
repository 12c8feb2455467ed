"""Networks of papers in the photo protocol: against our own, and the rates that they regress."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lab.protocols.photo.photo_rows import both, row

from rppg_core.lab.protocols.photo.direct import breath_criterion, direct_lines, ratio_guesses
from rppg_core.lab.protocols.photo.protocol import PhotoResult
from rppg_core.lab.protocols.photo.scores import PhotoRow, skin_ratios
from rppg_core.lab.protocols.photo.versions import CURRENT
from rppg_core.types import FaceClip

pytestmark = pytest.mark.usefixtures("few_resamples")


def research(gain: float = 0.0, rr_error: float | None = None, **direct) -> list[PhotoRow]:
    """POS, tracenet far better than it, and physmle as good as tracenet but for `gain` and a little luck by clip."""
    luck = np.random.default_rng(0).normal(0, 0.02, 40)
    rows = both(0.2)
    rows += [replace(r, method="physmle", r=r.r + gain + luck[k], **direct) for k, r in enumerate(rows[40:])]
    for k in range(8):  # long clips
        for name in ("pos", "tracenet", "physmle"):
            told = 15.0 + rr_error if name == "physmle" and rr_error is not None else float("nan")
            rows.append(row(name, 100 + k, seconds=40.0, rr_brpm=16.0, direct_rr_brpm=told))
    return rows


def criteria_of(rows: list[PhotoRow]) -> dict[str, bool]:
    return {c.name: c.holds for c in PhotoResult(1, rows).criteria()}


@pytest.mark.parametrize(("gain", "holds"), [(0.05, True), (0.0, True), (-0.02, True), (-0.04, False)])
def test_network_of_a_paper_may_not_be_surely_worse_than_our_own(gain, holds):
    """The interval of the difference over 40 clips is about 0.006 wide on either side."""
    assert criteria_of(research(gain))["r of physmle against tracenet"] is holds


def test_our_own_network_is_not_held_against_itself_nor_anything_against_one_that_is_absent():
    assert not [name for name in criteria_of(research()) if name.startswith("r of tracenet")]
    alone = [r for r in research() if r.method != "tracenet"]
    assert not [name for name in criteria_of(alone) if name.startswith("r of")]


def test_other_weights_of_our_own_network_count_as_ours_and_those_of_a_paper_as_its():
    renamed = {"physmle": "physmle, 9 steps, seed 1", "tracenet": "tracenet"}
    rows = [replace(r, method=renamed.get(r.method, r.method)) for r in research()]
    rows += [replace(r, method="tracenet no-motion, 9 steps, seed 0") for r in rows if r.method == "tracenet"]
    held = [name for name in criteria_of(rows) if name.startswith("r of")]
    assert held == ["r of physmle, 9 steps, seed 1 against tracenet"]


@pytest.mark.parametrize(("error", "holds"), [(1.0, True), (-2.4, True), (2.6, False)])
def test_breathing_that_a_network_regresses_must_be_near_on_the_long_clips(error, holds):
    criterion = breath_criterion(research(rr_error=error), "physmle")
    assert criterion is not None and criterion.holds is holds


def test_breathing_must_be_told_of_every_long_clip_and_no_network_must_tell_it():
    rows = research(rr_error=0.5)
    assert criteria_of(rows)["RR MAE that physmle regresses"]
    silent = [
        replace(r, direct_rr_brpm=float("nan")) if r.clip == CURRENT.first_seed + 103 else r for r in rows
    ]
    criterion = breath_criterion(silent, "physmle")
    assert criterion is not None and not criterion.holds and "7 of 8" in criterion.measured
    assert breath_criterion(research(), "physmle") is None


def by_source(rows: list[PhotoRow], rate: str) -> dict:
    return {line.source: line for line in direct_lines(rows) if line.rate.startswith(rate)}


def test_regressed_rates_stand_beside_waveforms_and_the_constant_on_the_same_clips():
    found = by_source(research(direct_hr_bpm=82.0, rr_error=-1.5), "HR bpm, 20 s")
    assert {source: line.mae["mean"] for source, line in found.items()} == pytest.approx(
        {
            "physmle, regressed": 2.0,
            "physmle, waveform": 0.0,
            "pos, waveform": 10.0,
            "constant 97.5": 17.5,
        }
    )
    assert {line.n for line in found.values()} == {40}
    assert found["physmle, regressed"].gain["mean"] == pytest.approx(15.5)
    found = by_source(research(rr_error=-1.5), "RR")
    assert {source: (line.n, line.mae["mean"]) for source, line in found.items()} == {
        "physmle, regressed": (8, 1.5),
        "physmle, waveform": (8, 1.0),
        "pos, waveform": (8, 1.0),
        "constant 17": (8, 2.0),
    }


def oxygen(n: int = 60, noise: float = 0.0) -> list[PhotoRow]:
    """A network that always says 95 %, on clips whose ratio tells SpO2 as far as noise lets it."""
    rng = np.random.default_rng(1)
    return [
        row(
            "physmle",
            k,
            spo2_true_percent=spo2,
            direct_spo2_percent=95.0,
            red_over_blue=(110 - spo2) / 25 + noise * rng.normal(),
            red_over_green=rng.normal(),
        )
        for k, spo2 in enumerate(rng.uniform(88, 100, n))
    ]


def test_ratio_of_ratios_that_tells_oxygen_beats_the_constant_and_one_that_does_not_is_no_better():
    found = by_source(oxygen(noise=0.02), "SpO2")
    told, blind = (
        next(line for source, line in found.items() if colour in source) for colour in ("blue", "green")
    )
    assert told.mae["mean"] < 0.8 and told.gain["low"] > 1.5
    assert blind.mae["mean"] > 2.5 and blind.gain["low"] < 0
    assert found["constant 94"].gain is None and found["physmle, regressed"].n == 60


def test_line_of_a_ratio_is_never_fitted_to_a_clip_that_it_is_judged_on():
    rows = oxygen()
    before = ratio_guesses(rows, "red_over_blue")
    assert before[:, 0] == pytest.approx(before[:, 1])  # an exact line, found in both halves
    for k in (0, 1, 7):
        lied = [replace(r, spo2_true_percent=60.0) if r.clip == CURRENT.first_seed + k else r for r in rows]
        after = ratio_guesses(lied, "red_over_blue")
        assert after[k, 0] == pytest.approx(before[k, 0])
        assert np.mean(np.abs(after[:, 0] - before[:, 0]) > 1e-3) == pytest.approx(0.5)


def test_clips_without_a_ratio_and_too_few_for_a_line_give_no_guess():
    rows = oxygen()
    one_blank = [replace(rows[0], red_over_blue=float("nan")), *rows[1:]]
    assert np.isnan(ratio_guesses(one_blank, "red_over_blue")[:, 0]).sum() == 1
    assert np.isnan(ratio_guesses(rows[:4], "red_over_blue")[:, 0]).all()
    assert not [source for source in by_source(rows[:4], "SpO2") if source.startswith("ratio")]


def test_ratio_is_that_of_the_pulses_in_the_longest_stretch_of_skin():
    times_s = np.arange(1200) / 30
    wave = np.sin(2 * np.pi * 1.1 * times_s)[:, None]
    colour = np.array([180.0, 120.0, 90.0]) * (1 - np.array([0.006, 0.02, 0.015]) * wave)
    colour[:300, 0] *= 1 - 0.05 * wave[:300, 0]  # before a gap, and shorter
    valid = np.ones(1200, bool)
    valid[300:390] = False
    rgb = np.repeat(np.where(valid[:, None], colour, np.nan)[:, None], 4, axis=1)
    found = skin_ratios(FaceClip(times_s=times_s, valid=valid, rgb=rgb))
    assert found == pytest.approx((0.006 / 0.015, 0.006 / 0.02), rel=0.01)
    short = FaceClip(times_s=times_s[:300], valid=np.ones(300, bool), rgb=rgb[:300])
    assert np.isnan(skin_ratios(short)).all()


def test_protocol_without_networks_has_no_table_of_regressed_rates():
    result = PhotoResult(1, [row(clip=k) for k in range(9)])
    assert result.direct == [] and "regress" not in result.text()
