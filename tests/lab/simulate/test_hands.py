"""Hands before the face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rppg_core.lab.simulate.faces import SimulationSettings, simulate_clip, simulate_video
from rppg_core.lab.simulate.hands import gestures

TIMES_S = np.arange(0, 60, 1 / 30)


def test_a_hand_comes_up_and_goes_down_again():
    assert gestures(TIMES_S, np.random.default_rng(0), per_min=0.0) is None
    shares = []
    for seed in range(20):
        hand = gestures(TIMES_S, np.random.default_rng(seed), per_min=6.0)
        if hand is None:
            continue
        up = hand.place[:, 1] < 1.2
        shares.append(up.mean())
        speed = np.hypot(*np.diff(hand.place, axis=0).T) * 30
        assert speed.max() < 25  # face widths a second: fast, but no jump
    assert len(shares) > 15 and 0.05 < np.mean(shares) < 0.4


def test_a_hand_hides_what_is_behind_it_and_nothing_else():
    hand = gestures(TIMES_S, np.random.default_rng(1), per_min=10.0)
    assert hand is not None
    down, right = np.meshgrid(np.linspace(-1, 1, 60), np.linspace(-1, 1, 60), indexing="ij")
    highest = int(np.argmin(hand.place[:, 1]))
    share = hand.cover(right, down, highest)
    assert share is not None and share.max() > 0.99 and share.min() < 1e-6
    assert hand.cover(right, down, int(np.argmax(hand.place[:, 1]))) is None


def test_hands_and_walls_change_the_picture_only_where_they_are():
    plain = SimulationSettings(seconds=6, motion="none", noise=0.0, illumination=0.0, seed=2)
    still = simulate_video(plain).frames.rgb(0).astype(float)
    wall = simulate_video(replace(plain, backdrop="wall")).frames.rgb(0).astype(float)
    changed = np.abs(wall - still).max(axis=2) > 2
    assert changed[:40, :40].mean() > 0.9 and changed[100:150, 100:150].mean() < 0.02
    frames = simulate_video(replace(plain, gestures=60.0)).frames
    covered = np.stack(
        [np.abs(frames.rgb(k).astype(float) - still).max(axis=2) > 8 for k in range(0, 180, 6)]
    )
    assert covered.any() and (~covered.any(axis=(1, 2))).any()  # in some frames, not in all
    clip, _ = simulate_clip(replace(plain, gestures=60.0))
    quiet, _ = simulate_clip(plain)
    assert clip.roi("skin")[:, 1].std() > 1.4 * quiet.roi("skin")[:, 1].std()
