"""Breathing rates of simulated pulses whose breathing is known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rppg_core.classical import pos
from rppg_core.lab.simulate.physiology import Physiology, simulate_waves
from rppg_core.lab.simulate.skin import PULSE_COLOUR
from rppg_core.signals.respiration import (
    RESPIRATION_FILE,
    Respiration,
    respiration_calibration,
    respiration_rate,
)
from rppg_core.types import NEONATAL_RR_BAND_HZ, Bvp, RgbTrace

FS = 30.0
SHOW_FROM = 0.8


def recording(
    seconds: float = 30.0, seed: int = 0, noise: float = 5e-4, nod: np.ndarray | float = 0.0, **person
) -> tuple[Bvp, np.ndarray]:
    """A pulse read by POS, and the skin it was read from; one modulation at a time unless asked for."""
    rng = np.random.default_rng(seed)
    settings = {"hr_bpm": 72, "rr_brpm": 15, "rsa": 0.0, "riav": 0.0, "riiv": 0.0, "mayer": 0.005} | person
    times_s = np.arange(round(seconds * FS)) / FS
    waves = simulate_waves(Physiology(**settings), times_s, rng)
    pulse = 0.009 * (waves.bvp + waves.baseline)[:, None] * np.array(PULSE_COLOUR)
    relative = (1 - pulse) * (1 + np.reshape(nod, (-1, 1))) + noise * rng.standard_normal((len(times_s), 3))
    skin = np.array([150.0, 110.0, 90.0]) * relative
    return whole(pos(RgbTrace(skin, FS))), skin


def read(made: tuple[Bvp, np.ndarray]) -> Respiration:
    return respiration_rate(made[0], skin=made[1])


def whole(samples: np.ndarray, fs: float = FS) -> Bvp:
    return Bvp(samples, fs, 0.0, np.ones(len(samples), bool))


@pytest.mark.parametrize("rr_brpm", [9.0, 14.0, 20.0, 27.0])
@pytest.mark.parametrize("only", [{"riiv": 0.6}, {"riav": 0.2}, {"rsa": 0.04}])
def test_each_modulation_alone_tells_the_rate(only, rr_brpm):
    bvp, skin = recording(rr_brpm=rr_brpm, hr_bpm=85, **only)
    found = respiration_rate(bvp, skin=skin)
    assert found.rr_brpm == pytest.approx(rr_brpm, abs=2)


def test_modulations_that_agree_give_more_confidence_than_one():
    alone = read(recording(rsa=0.02))
    together = read(recording(rsa=0.02, riav=0.15, riiv=0.5))
    assert together.confidence > alone.confidence
    assert together.half_width_brpm < alone.half_width_brpm


def test_rate_is_shown_for_70_percent_and_right_for_90_percent_of_those():
    shown, right = [], []
    for seed in range(60):
        rng = np.random.default_rng([seed, 7])
        present = rng.permutation(3) < rng.integers(1, 4)
        rr_brpm = rng.uniform(8, 26)
        bvp, skin = recording(
            seed=seed,
            hr_bpm=rng.uniform(50, 100),
            rr_brpm=rr_brpm,
            noise=np.exp(rng.uniform(-8, -6.2)),
            riiv=present[0] * rng.uniform(0.2, 1.2),
            riav=present[1] * rng.uniform(0.08, 0.25),
            rsa=present[2] * rng.uniform(0.015, 0.06),
            mayer=0.012,
        )
        found = respiration_rate(bvp, skin=skin)
        shown.append(found.confidence >= SHOW_FROM)
        right.append(abs(found.rr_brpm - rr_brpm) <= 2)
    assert np.mean(shown) >= 0.7
    assert np.mean(np.array(right)[shown]) >= 0.9


def test_without_any_modulation_few_rates_are_shown():
    found = [read(recording(seed=seed, hr_bpm=60 + seed)) for seed in range(20)]
    assert np.mean([f.confidence >= SHOW_FROM for f in found]) <= 0.15


def test_ten_seconds_are_needed():
    bvp, skin = recording(seconds=9, riiv=0.6)
    found = respiration_rate(bvp, skin=skin)
    assert np.isnan(found.rr_brpm)
    assert "9.0 s of face; at least 10 s needed" in found.note
    assert np.isfinite(read(recording(seconds=10, riiv=0.6)).rr_brpm)


def test_the_baseline_is_read_from_the_skin_where_pos_has_lost_it():
    bvp, skin = recording(riiv=0.8, rr_brpm=13)
    assert respiration_rate(bvp, skin=skin).confidence > respiration_rate(bvp).confidence


def test_brightness_that_swings_at_another_rate_does_not_count():
    swing = 0.01 * np.sin(2 * np.pi * 0.35 * np.arange(900) / FS)
    bvp, skin = recording(rr_brpm=13, riiv=0.6, riav=0.1, nod=swing)
    assert respiration_rate(bvp, skin=skin).rr_brpm == pytest.approx(13, abs=2)


def test_a_nodding_head_is_told_apart_from_breathing():
    nodding = np.sin(2 * np.pi * 0.3 * np.arange(900) / FS)
    bvp, skin = recording(rsa=0.0)
    tinted = skin * (1 + 0.004 * nodding[:, None] * np.array([1.0, 0.2, 0.1]))
    blind = respiration_rate(bvp, skin=tinted)
    seeing = respiration_rate(bvp, skin=tinted, motion=0.01 * nodding)
    assert blind.rr_brpm == pytest.approx(18, abs=1)
    assert seeing.confidence < min(SHOW_FROM, blind.confidence)
    assert "the head moves 18 times a minute" in seeing.note


def test_breathing_that_also_moves_the_head_is_still_read_from_the_beats():
    bvp, skin = recording(rsa=0.05, riav=0.2, rr_brpm=18)
    found = respiration_rate(bvp, skin=skin, motion=np.sin(2 * np.pi * 0.3 * np.arange(900) / FS))
    assert found.rr_brpm == pytest.approx(18, abs=1)
    assert found.confidence >= SHOW_FROM
    assert found.shares["motion"] > 0.5


def test_a_respiration_waveform_of_the_method_gives_the_rate():
    bvp, skin = recording(rr_brpm=20, riiv=0.3)
    resp = whole(np.sin(2 * np.pi * (12 / 60) * np.arange(900) / FS))
    assert respiration_rate(bvp, skin=skin, resp=resp).rr_brpm == pytest.approx(12, abs=0.5)


def test_gaps_are_left_out():
    bvp, skin = recording(seconds=40, riiv=0.6, rsa=0.03, rr_brpm=16)
    valid = np.ones(1200, bool)
    valid[500:590] = False
    gappy = Bvp(np.where(valid, bvp.samples, 0.0), FS, 0.0, valid)
    found = respiration_rate(gappy, skin=np.where(valid[:, None], skin, np.nan))
    assert found.rr_brpm == pytest.approx(16, abs=1)


def test_a_newborn_band_finds_a_newborn_rate():
    bvp, skin = recording(hr_bpm=150, rr_brpm=45, riiv=0.8)
    found = respiration_rate(bvp, skin=skin, band_hz=NEONATAL_RR_BAND_HZ)
    assert found.rr_brpm == pytest.approx(45, abs=3)  # the simulated rate wanders by 5 %


@pytest.mark.parametrize("skin", [None, np.full((900, 3), 120.0), np.zeros((900, 3))])
def test_a_constant_has_no_breathing(skin):
    found = respiration_rate(whole(np.zeros(900)), skin=skin)
    assert np.isnan(found.rr_brpm)
    assert found.note


def test_a_long_clip_whose_rate_wanders_is_read_in_windows():
    bvp, skin = recording(seconds=90, rr_brpm=17, riiv=0.6, rsa=0.03)
    assert respiration_rate(bvp, skin=skin).rr_brpm == pytest.approx(17, abs=1)


def test_stored_calibration_fits_the_features():
    found = read(recording(riiv=0.6))
    stored = respiration_calibration()
    assert found.features is not None
    assert len(stored.confidence) == len(stored.log_half_width) == len(found.features)
    assert {"simulator_version", "first_seed", "clips"} <= set(json.loads(RESPIRATION_FILE.read_text()))
    assert isinstance(found, Respiration)
