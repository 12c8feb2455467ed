"""Motion, light and camera."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.lab.simulate.head import Motion
from rppg_core.lab.simulate.scene import (
    Camera,
    Sensor,
    Warp,
    flicker,
    frame_times,
    light_drift,
    shown_frames,
    tone_curve,
)

TIMES_S = np.arange(0, 60, 1 / 30)


def test_light_drift_has_the_requested_strength_and_more_power_at_low_frequency():
    drift = light_drift(TIMES_S, np.random.default_rng(0), strength=0.01)
    assert drift.std() == pytest.approx(0.01, rel=0.05)
    power = np.abs(np.fft.rfft(drift)) ** 2
    freqs_hz = np.fft.rfftfreq(len(drift), 1 / 30)
    assert (
        power[(freqs_hz > 0.03) & (freqs_hz < 0.5)].mean() > 5 * power[(freqs_hz > 1) & (freqs_hz < 3)].mean()
    )


def test_flicker_has_the_requested_rate_and_amplitude():
    wave = flicker(TIMES_S, np.random.default_rng(0), hz=1.1, percent=1.0)
    assert wave.max() == pytest.approx(0.01, rel=0.02)
    assert np.argmax(np.abs(np.fft.rfft(wave))) / 60 == pytest.approx(1.1, abs=0.02)


def test_tone_curve_is_srgb_by_default_and_continuous_for_every_gamma():
    light = np.array([0.002, 0.0031308, 0.2, 0.5, 1.0])
    srgb = 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.allclose(tone_curve(light, 1 / 2.4), srgb, atol=0.15)
    for gamma in (0.38, 0.55, 0.8, 0.94, 0.96, 1.0):
        curve = tone_curve(np.linspace(0, 1, 20001), gamma)
        assert (np.diff(curve) > 0).all() and np.diff(curve, 2).max() < 1e-3  # rising, and nowhere a jump
        assert curve[-1] == pytest.approx(255)


def test_camera_noise_has_the_requested_strength_at_middle_grey():
    sensor = Sensor(Camera(noise=2.0), 64 * 64 * 3, np.random.default_rng(0))
    frame = sensor.expose(np.full((64, 64, 3), 0.214, np.float32), np.random.default_rng(1))
    assert frame.astype(float).std() == pytest.approx(2.0, rel=0.05)


def test_bright_pixels_carry_more_noise_in_linear_light():
    camera = Camera(noise=2.0, gamma=0.8)
    sensor = Sensor(camera, 64 * 64 * 3, np.random.default_rng(0))
    spread = []
    for light in (0.3, 0.8):
        frame = sensor.expose(np.full((64, 64, 3), light, np.float32), np.random.default_rng(1)).astype(float)
        slope = tone_curve(np.array([light + 0.01]), 0.8) - tone_curve(np.array([light - 0.01]), 0.8)
        spread.append(frame.std() / slope[0])
    assert spread[1] > 1.2 * spread[0]


def test_frame_times_keep_their_rate_under_jitter_and_lose_dropped_frames():
    even = frame_times(Camera(fps=25.0), 8.0, np.random.default_rng(0))
    assert np.allclose(even, np.arange(200) / 25)
    uneven = frame_times(Camera(fps=25.0, time_jitter=0.1, dropped=0.05), 80.0, np.random.default_rng(0))
    assert 1850 < len(uneven) < 1950
    assert (np.diff(uneven) > 0).all()
    assert np.median(np.diff(uneven)) == pytest.approx(1 / 25, rel=0.02)
    assert np.diff(uneven).max() < 2.9 / 25  # never two dropped in a row


def test_duplicates_show_the_frame_before_and_never_come_in_threes():
    assert np.array_equal(shown_frames(Camera(), 50, np.random.default_rng(0)), np.arange(50))
    shown = shown_frames(Camera(duplicated=0.1), 5000, np.random.default_rng(0))
    late = np.arange(5000) - shown
    assert set(late) == {0, 1} and 0.07 < late.mean() < 0.11
    assert late[0] == 0 and np.unique(shown, return_counts=True)[1].max() == 2


def test_warp_moves_the_head_where_it_says_and_leaves_the_rest():
    y, x = np.mgrid[:128, :128] + 0.5
    head = ((np.hypot(x - 64, y - 64)) < 40).astype(np.float32)
    spot = np.exp(-0.5 * ((x - 70) ** 2 + (y - 50) ** 2) / 9)
    picture = np.repeat((spot + (x < 5))[..., None], 3, 2).astype(np.float32)
    warp = Warp(head, np.array([64.0, 64.0]), 50.0)
    motion = Motion(np.array([[0.1, -0.05]]), np.array([0.1]), np.array([1.03]))
    moved = warp.apply(picture, motion, 0)[..., 0]
    where = warp.points(np.array([[70.0, 50.0]]), motion, 0)[0]
    weight = moved * head
    centroid = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()
    assert np.allclose(centroid, where, atol=0.1)
    assert np.array_equal(moved[:, :20], picture[:, :20, 0])
