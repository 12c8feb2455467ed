"""Which time stamps are frame times: faults of files, each with the times that are right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rppg_core.video.clock import ClockSource, FrameClock, capture_rate, playback_speed


def placed(stamps, *, rate: float = 30.0, **source) -> tuple[np.ndarray, np.ndarray, FrameClock]:
    """Times, numbers of the pictures that have them, and the clock."""
    clock = FrameClock(ClockSource(rate, **source))
    pairs = list(clock.timed((None if s is None else float(s), k) for k, s in enumerate(stamps)))
    times_s, numbers = (np.array(values) for values in zip(*pairs, strict=True))
    assert (np.diff(times_s) > 0).all()
    return times_s, numbers, clock


EVEN = np.arange(90) / 30


@given(st.floats(5, 120), st.floats(0, 1e6), st.floats(0, 0.4), st.integers(0, 99))
@settings(max_examples=60)
def test_good_stamps_are_kept_whatever_they_begin_with(fps, start_s, jitter, seed):
    stamps = start_s + (np.arange(60) + np.random.default_rng(seed).uniform(0, jitter, 60)) / fps
    times_s, numbers, clock = placed(stamps, rate=25.0)
    np.testing.assert_allclose(times_s, stamps - stamps[0], atol=1e-6)
    assert len(numbers) == 60
    assert clock.astray == clock.dropped == clock.breaks == clock.reordered == 0


@pytest.mark.parametrize("wrong_s", [0.0, -7.0, 27.0, 1e6, None])
@pytest.mark.parametrize(
    "where", [slice(0, 1), slice(40, 41), slice(40, 43), slice(40, 45), slice(88, 90), slice(89, 90)]
)
def test_a_few_wrong_stamps_move_nothing(wrong_s, where):
    stamps = list(100 + EVEN)
    for k in range(*where.indices(90)):
        stamps[k] = wrong_s
    times_s, numbers, clock = placed(stamps)
    assert len(numbers) == 90
    np.testing.assert_allclose(times_s, EVEN, atol=0.034)
    assert clock.breaks == clock.dropped == 0


@pytest.mark.parametrize("off_s", [0.4, -0.4, 0.9])
def test_a_stamp_that_is_a_little_wrong_costs_no_frame(off_s):
    stamps = EVEN.copy()
    stamps[40] += off_s
    times_s, numbers, _ = placed(stamps)
    assert len(numbers) >= 89
    np.testing.assert_allclose(times_s, EVEN[numbers], atol=0.034)


def test_stamps_in_decoding_order_are_sorted():
    """I P B B: the file stamps pictures as they are stored, the decoder gives them as they are shown."""
    stored = [0, *(k + d for k in range(1, 88, 3) for d in (0, 1, 2))]
    shown = [0, *(k + d for k in range(1, 88, 3) for d in (1, 2, 0))]
    stamps = [stored[k] / 30 for k in shown]
    times_s, numbers, clock = placed(stamps)
    np.testing.assert_allclose(times_s, np.arange(len(shown)) / 30, atol=1e-9)
    assert (numbers == np.arange(len(shown))).all()
    assert clock.reordered > 0 and clock.dropped == 0


def test_pictures_that_share_a_stamp_share_the_time_until_the_next():
    stamps = np.repeat(np.arange(0, 3, 0.1), 3)
    times_s, numbers, _ = placed(stamps)
    assert len(numbers) >= len(stamps) - 3
    assert np.abs(times_s - numbers / 30).max() < 0.1


@pytest.mark.parametrize("later_s", [0.0, 1e-12])
def test_a_picture_that_repeats_a_time_is_left_out(later_s):
    stamps = np.insert(EVEN, 40, EVEN[39] + later_s)
    times_s, numbers, clock = placed(stamps)
    assert (clock.dropped, len(numbers)) == (1, 90)
    np.testing.assert_allclose(times_s, EVEN, atol=1e-9)


def test_a_pause_stays_a_pause():
    stamps = np.concatenate([EVEN, 8 + EVEN])
    times_s, _, clock = placed(stamps)
    np.testing.assert_allclose(times_s, stamps, atol=1e-9)
    assert clock.astray == clock.breaks == 0


@pytest.mark.parametrize("restart_s", [0.0, 500.0, -90.0])
def test_a_second_recording_goes_on_a_second_later(restart_s):
    times_s, numbers, clock = placed(np.concatenate([200 + EVEN, restart_s + EVEN]))
    assert (len(numbers), clock.breaks) == (180, 1)
    np.testing.assert_allclose(times_s[90:], times_s[89] + 1 + EVEN, atol=1e-6)


def test_missing_stamps_are_placed_between_their_neighbours():
    stamps = [None if 30 <= k < 33 or k == 0 else s for k, s in enumerate(EVEN)]
    times_s, _, clock = placed(stamps)
    np.testing.assert_allclose(times_s, EVEN, atol=1e-6)
    assert clock.guessed == 4


def test_a_source_without_stamps_counts_frames_and_ignores_what_was_made_up():
    times_s, _, _ = placed(np.arange(60) / 25, rate=30.0, stamped=False)
    np.testing.assert_allclose(times_s, np.arange(60) / 30)


def test_slow_motion_is_brought_back_to_the_recording():
    times_s, _, _ = placed(np.arange(60) / 30, speed=4.0)
    np.testing.assert_allclose(times_s, np.arange(60) / 120)


@pytest.mark.parametrize(
    ("capture_fps", "playback_fps", "sound", "speed"),
    [
        (240.0, 30.0, False, 8.0),
        (120.0, 30.0, False, 4.0),
        (120.0, 30.0, True, 4.0),
        (60.0, 30.0, False, 2.0),
        (120.0, 25.0, False, 4.8),
        (60.0, 50.0, False, 1.0),
        (31.5, 15.0, False, 1.0),
        (60.0, 30.0, True, 1.0),  # with sound of the same length: a camera that slowed down in the dark
        (30.0, 30.0, True, 1.0),
        (60.0, 59.94, True, 1.0),
        (30.0, 17.0, True, 1.0),
        (30.0, 24.0, False, 1.0),
        (240.0, 239.0, False, 1.0),
        (30.0, 60.0, False, 1.0),
        (2.0, 30.0, False, 1 / 15),
        (2.0, 30.0, True, 1.0),
        (15.0, 30.0, False, 1.0),  # time lapse has no sound
    ],
)
def test_playback_speed_follows_the_capture_rate_that_the_camera_states(
    capture_fps, playback_fps, sound, speed
):
    assert playback_speed(capture_fps, playback_fps, sound=sound) == pytest.approx(speed)


def test_capture_rates_that_make_no_sense_are_none():
    key = "com.android.capture.fps"
    assert capture_rate({key: "120.000000"}) == 120
    assert capture_rate({key: "120,0"}) == 120
    for tags in ({}, {key: "fast"}, {key: "0"}, {key: "nan"}, {key: "-3"}, {key: "1e9"}):
        assert capture_rate(tags) is None
