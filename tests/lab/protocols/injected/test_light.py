"""How much motion and light change the skin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rppg_core.lab.protocols.face_clips import read_clip
from rppg_core.lab.protocols.injected.light import NAMES, LightMatch, LightSpread, drawn_spreads, light_spread
from rppg_core.types import FaceClip

FS, N = 30.0, 450
TIMES_S = np.arange(N) / FS


def clip(change: np.ndarray, *, apart: float = 0.1) -> FaceClip:
    """A face whose colours all change by `change` (T, 3); cells differ in brightness by up to `apart`."""
    colours = np.array([150.0, 110.0, 90.0]) * (1 + change)
    return FaceClip(
        times_s=TIMES_S,
        valid=np.ones(N, bool),
        rgb=np.repeat(colours[:, None], 4, axis=1),
        stmap=colours[:, None] * np.linspace(1, 1 + apart, 36)[:, None],
        stmap_weight=np.ones(36),
        fs=FS,
    )


def wave(percent: float) -> np.ndarray:
    """A sinusoid at 1.5 Hz of this standard deviation."""
    return percent / 100 * np.sqrt(2) * np.sin(2 * np.pi * 1.5 * TIMES_S)


def test_grey_light_has_one_direction_and_nothing_is_left_after_pos():
    found = light_spread(clip(np.repeat(wave(1.0)[:, None], 3, axis=1)))
    assert found.first == pytest.approx(np.sqrt(3), rel=0.05)  # over three colours
    assert found.second < 0.02 and found.pos < 0.05 and found.cells < 0.15


def test_a_change_of_colour_stays_after_pos():
    change = np.stack([0 * TIMES_S, wave(1.0), 0 * TIMES_S], axis=1)
    found = light_spread(clip(change))
    assert found.first == pytest.approx(1.0, rel=0.05) and found.pos > 0.5
    assert found.cells == pytest.approx(found.pos, rel=0.15)  # the same in all cells


def test_slow_light_does_not_count_and_short_clips_have_no_spread():
    slow = 0.05 * np.sin(2 * np.pi * 0.1 * TIMES_S)
    assert light_spread(clip(np.repeat(slow[:, None], 3, axis=1))).first < 0.3
    short = replace(clip(np.zeros((N, 3))), valid=TIMES_S < 4)
    assert light_spread(short) is None


def test_a_clip_of_regions_has_no_cells():
    found = light_spread(replace(clip(np.zeros((N, 3))), stmap=None, stmap_weight=None))
    assert np.isnan(found.cells) and np.isfinite(found.pos)
    drawn = drawn_spreads(4)
    rows = LightMatch([found], drawn).to_dict()
    assert [row["quantity"] for row in rows] == list(NAMES.values())[:3]
    assert "cells" not in LightMatch([found], drawn).text().split("\n", 1)[1]


def test_cells_that_are_copies_of_a_region_are_no_cells():
    copies = light_spread(clip(np.repeat(wave(1.0)[:, None], 3, axis=1), apart=0.0))
    assert np.isnan(copies.cells)


def test_draws_move_and_are_the_same_every_time():
    one, again = drawn_spreads(6), drawn_spreads(6)
    assert one == again
    assert min(spread.first for spread in one) > 0.01 and len({spread.first for spread in one}) == 6


def test_draws_cover_recorded_heads(recordings):
    clips = []
    for path in sorted(recordings.rglob("*.npz")):
        with np.load(path) as stored:
            if {"rgb", "stmap", "boxes"} <= set(stored.files):
                clips.append(path)
    if not clips:
        pytest.skip("NOT RUN: no stored clip of a head among the real recordings")
    found = [light_spread(read_clip(path, frozenset({"rgb", "stmap"}))) for path in clips]
    rows = LightMatch([one for one in found if one is not None], drawn_spreads()).to_dict()
    for row in rows:
        low, high = np.quantile(row["drawn"], [0.05, 0.95])
        inside = np.mean((row["recorded"] >= low) & (row["recorded"] <= high))
        assert inside >= 0.75, row["quantity"]


def test_the_table_tells_what_share_of_the_clips_the_draws_cover():
    drawn = [LightSpread(first, 0.1, 0.1, 0.1) for first in np.linspace(0.5, 1.5, 101)]
    match = LightMatch([LightSpread(first, 0.1, 0.1, 0.1) for first in (0.1, 1.0, 1.2, 9.0)], drawn)
    assert "0.50" not in match.text().splitlines()[2].split("  ")[0]
    line = next(line for line in match.text().splitlines() if line.startswith("skin, first"))
    assert line.rstrip().endswith("50%")
