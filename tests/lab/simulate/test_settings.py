"""What a clip may be: draws that cover their ranges, and settings that are refused."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from rppg_core.errors import UsageError
from rppg_core.lab.simulate.head import MOTION
from rppg_core.lab.simulate.settings import KINDS, SimulationSettings, random_settings


@cache
def drawn(seed: int, difficulty: float) -> SimulationSettings:
    return random_settings(np.random.default_rng(seed), difficulty=difficulty)


def test_random_settings_cover_the_range_and_are_reproducible():
    draws = [drawn(s, 1.0) for s in range(300)]
    assert draws[5] == random_settings(np.random.default_rng(5))
    assert {d.kind for d in draws} == set(KINDS)
    assert {d.tone for d in draws} == set(range(6))
    rates = [d.hr_bpm for d in draws]
    assert min(rates) < 50 and max(rates) > 165
    assert all(d.pulsed for d in (random_settings(np.random.default_rng(s), pulsed=True) for s in range(20)))
    assert not any(
        d.pulsed for d in (random_settings(np.random.default_rng(s), pulsed=False) for s in range(20))
    )


def test_random_settings_never_draw_the_motion_of_the_benchmarks():
    draws = {drawn(s, 1.0).motion for s in range(200)}
    assert draws == set(MOTION) - {"glances", "swings"}


def test_difficulty_zero_leaves_motion_and_sensor_noise_and_the_same_person():
    for seed in range(60):
        easy, hard = (
            random_settings(np.random.default_rng(seed), pulsed=True, difficulty=d) for d in (0.0, 1.0)
        )
        assert easy.person == hard.person and easy.motion == hard.motion and easy.tone == hard.tone
        off = [
            easy.illumination,
            easy.talking,
            easy.light_steps,
            easy.screen,
            easy.auto_exposure,
            easy.dropped,
        ]
        off += [easy.duplicated, easy.time_jitter, easy.colour_matrix_spread, easy.white_balance_spread]
        assert not any(off) and easy.codec == "" and easy.exposure == 1
        assert easy.noise > 0


def test_hard_things_come_in_with_difficulty():
    def shares(difficulty):
        draws = [drawn(s, difficulty) for s in range(600)]
        return np.mean([[d.codec != "", d.talking > 0, d.screen > 0, d.dropped > 0] for d in draws], axis=0)

    assert np.allclose(shares(1.0), [0.2, 0.15, 0.2, 0.25], atol=0.05)
    assert np.allclose(shares(0.5), shares(1.0) / 2, atol=0.05)


@pytest.mark.parametrize(
    ("name", "value"), [("kind", "cat"), ("tone", 6), ("motion", "wild"), ("hr_bpm", 400.0), ("seconds", 0.1)]
)
def test_impossible_settings_name_what_is_possible(name, value):
    with pytest.raises(UsageError) as caught:
        SimulationSettings(**{name: value})
    assert name in str(caught.value) and caught.value.wanted
