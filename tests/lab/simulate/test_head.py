"""How a head moves."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.lab.simulate.head import MOTION, head_motion, nods

TIMES_S = np.arange(0, 60, 1 / 30)


def test_motion_levels_grow_and_none_is_still():
    size = {
        level: np.mean(
            [head_motion(level, TIMES_S, np.random.default_rng(s)).shift[:, 0].std() for s in range(5)]
        )
        for level in MOTION
    }
    assert size["none"] == 0
    assert 0.003 < size["small"] < 0.008 < size["medium"] < 0.03 < size["large"]


def test_large_motion_stays_within_the_picture():
    for seed in range(10):
        shift = head_motion("large", TIMES_S, np.random.default_rng(seed)).shift
        assert np.hypot(*shift.T).max() <= 0.13


def test_glances_hold_still_between_smooth_moves_to_new_poses():
    motion = head_motion("glances", TIMES_S, np.random.default_rng(3))
    path = np.stack([np.convolve(s, np.ones(7) / 7, "valid") for s in motion.shift.T])  # without the tremor
    moving = np.hypot(*np.diff(path)) * 30 > 0.015  # face widths a second
    moves = (np.diff(moving.astype(int)) == 1).sum()
    assert 12 <= moves <= 46  # a move takes 0.3-0.9 s, a hold 0.5-3 s
    assert 0.1 < moving.mean() < 0.55
    assert 0.01 < motion.shift[:, 0].std() < 0.05 and 0.005 < motion.roll.std() < 0.06
    assert np.hypot(*motion.shift.T).max() <= 0.13


def test_scale_multiplies_small_motion():
    one, half = (
        head_motion(level, TIMES_S, np.random.default_rng(1), scale=scale)
        for level, scale in (("small", 1.0), ("small", 0.5))
    )
    assert np.allclose(half.shift, one.shift / 2, atol=5e-4)  # the soft limit bends large shifts a little
    assert np.allclose(half.zoom - 1, (one.zoom - 1) / 2)


def test_a_knocked_head_swings_back_at_its_own_rate():
    peaks_hz, spreads = [], []
    for seed in range(12):
        motion = head_motion("swings", TIMES_S, np.random.default_rng(seed))
        across = motion.shift[:, 0]
        spreads.append(across.std())
        power = np.abs(np.fft.rfft(np.diff(across) * np.hanning(len(across) - 1)))
        peaks_hz.append(np.argmax(power) / 60)
        assert np.hypot(*motion.shift.T).max() <= 0.13
    assert np.mean(spreads) == pytest.approx(0.015, rel=0.25)
    assert min(peaks_hz) > 0.3 and max(peaks_hz) < 2.4 and np.ptp(peaks_hz) > 0.5


def test_nods_come_as_often_as_asked_and_the_head_comes_up_again():
    assert not nods(TIMES_S, np.random.default_rng(0), per_min=0.0).any()
    counts = []
    for seed in range(20):
        down = nods(TIMES_S, np.random.default_rng(seed), per_min=4.0)
        assert down.min() >= 0 and down.max() < 0.3
        nodding = down > 1e-3
        counts.append((np.diff(nodding.astype(int)) == 1).sum())
        assert 0.02 < nodding.mean() < 0.6
    assert 4 < np.mean(counts) < 16  # a nod has one to four dips, of which some are counted as one
