"""Rate, jitter and missing frames out of frame times, judged against the rate around them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rppg_core.signals.frame_times import evened_bursts, frame_timing, local_intervals_s, slow_parts


def even(fps: float, seconds: float) -> np.ndarray:
    return np.arange(round(fps * seconds)) / fps


@given(st.floats(8, 120), st.integers(6, 60), st.floats(0, 0.1), st.integers(0, 99))
@settings(max_examples=60)
def test_an_even_camera_has_its_rate_and_misses_nothing(fps, seconds, jitter, seed):
    times_s = even(fps, seconds)
    times_s += np.random.default_rng(seed).uniform(-jitter, jitter, len(times_s)) / fps
    timing = frame_timing(np.sort(times_s))
    assert timing.fps == pytest.approx(fps, rel=0.02)
    assert timing.missing == 0
    assert (
        timing.jitter_s * fps < 1.2 * jitter + 0.03
    )  # a difference of two scattered times, and 30 counted a second


def test_lost_frames_are_counted():
    kept = np.ones(600, bool)
    kept[[100, 101, 102, 300, 450, 451]] = False
    timing = frame_timing(even(30, 20)[kept])
    assert timing.missing == 6
    assert timing.fps == pytest.approx(30, rel=0.001)


def test_a_camera_that_slows_down_in_the_dark_misses_nothing():
    times_s = np.concatenate([even(30, 10), 10 + even(15, 10), 20 + even(30, 10)])
    timing = frame_timing(times_s)
    assert timing.missing == 0
    assert timing.fps == pytest.approx(25, rel=0.01)
    assert timing.jitter_s < 0.006  # all of it beside the two changes


@pytest.mark.parametrize("n", [3, 5, 15])
def test_frames_that_come_in_bursts_are_late_and_not_lost(n):
    bursts = np.arange(0, 20, n / 30)
    times_s = np.concatenate([start + 0.002 * np.arange(n) for start in bursts])
    timing = frame_timing(times_s)
    assert timing.missing <= 0.01 * len(times_s)
    assert timing.fps == pytest.approx(30, rel=0.03)
    assert timing.jitter_s > 0.02


@pytest.mark.parametrize("n", [4, 6, 8, 15, 20])
@pytest.mark.parametrize("apart_s", [0.001, 0.01])
def test_bursts_are_spread_over_the_time_that_they_took(n, apart_s):
    taken_s = even(30, 20)
    arrived_s = (np.arange(600) // n + 1) * n / 30 + apart_s * (np.arange(600) % n)
    if apart_s * n > n / 30:
        return
    found = evened_bursts(arrived_s)
    late_s = found - taken_s
    assert np.std(late_s[90:-90]) < 0.02
    assert np.std(late_s) < 0.15  # at the ends there is less to go by


def test_frames_that_only_jitter_keep_their_times():
    times_s = even(30, 20) + np.random.default_rng(0).uniform(0, 0.02, 600)
    assert evened_bursts(times_s) is None
    assert evened_bursts(even(30, 20)) is None
    assert evened_bursts(np.concatenate([even(30, 10), 10 + even(15, 10)])) is None


def test_a_pause_is_missing_frames_and_no_jitter():
    times_s = np.concatenate([even(30, 10), 12 + even(30, 10)])
    timing = frame_timing(times_s)
    assert timing.missing == pytest.approx(60, abs=1)
    assert timing.jitter_s < 0.002


def test_local_intervals_follow_the_rate():
    times_s = np.concatenate([even(30, 10), 10 + even(15, 10)])
    local_s = local_intervals_s(times_s)
    assert local_s[100] == pytest.approx(1 / 30, rel=0.01)
    assert local_s[-50] == pytest.approx(1 / 15, rel=0.01)


def test_parts_that_are_too_slow_are_told_from_gaps():
    times_s = np.concatenate([even(30, 10), 10 + even(4, 10), 20 + even(30, 10)])
    slow = slow_parts(times_s, 10.0)
    assert slow[(times_s > 11) & (times_s < 19)].all()
    assert not slow[(times_s < 9.9) | (times_s > 20.1)].any()
    gap = np.concatenate([even(30, 5), 6 + even(30, 5)])
    assert not slow_parts(gap, 10.0).any()
    assert not slow_parts(even(10, 20) + 0.0005 * (np.arange(200) % 2), 10.0).any()


def test_one_frame_has_no_rate():
    assert frame_timing(np.zeros(1)).fps == 0
