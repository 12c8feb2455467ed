"""Twenty photo-injected clips through the real tracker and through simulated boxes: both give the same map and pulse.

What keeps the maps' pulse band apart is the noise of both trackers' looks, not the simulation: against exact points
(same frames) its r, weighted by skin, has median 0.97 with the real tracker and 0.94 with the simulated one (0.3 % of
a face width), whose product 0.91 is what the two have with each other; two simulated ones, of other seeds, have 0.89.
Cells of an edge with about 2 % of skin are a matter of chance: below it, `fill_empty_cells` gives them the colour of
the whole skin. One clip in twenty has such a cell; its plain r is 0.97, and 0.998 weighted by skin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from jaxtyping import Float

from rppg_core.classical import CLASSICAL
from rppg_core.lab.simulate.faces import SimulationSettings, simulate_video
from rppg_core.metrics import waveform_r
from rppg_core.types import FaceClip, STMap, Truth
from rppg_core.video.clip import extract
from rppg_core.video.face import FaceTracker
from rppg_core.video.prepare import resample, stmap_band

CLIPS, FS = 20, 30.0
NEEDS = frozenset({"rgb", "stmap"})


@dataclass(frozen=True)
class Match:
    """How well one clip's two extractions agree."""

    plain: float  # r of the maps, all cells and times
    skin: float  # the same, each cell weighted by its share of skin
    band: float  # r of the maps' pulse band, weighted by skin
    mean: float  # r of the pulse band's mean over the skin, three colours
    pos_real: float  # r of POS with the true pulse
    pos_known: float


@pytest.fixture(scope="module")
def matches(face_models) -> list[Match]:
    return [
        match(
            SimulationSettings(
                seconds=5, size=160, tone=k % 6, motion="small", seed=40_000 + k, hr_bpm=55.0 + 3 * k
            )
        )
        for k in range(CLIPS)
    ]


def match(settings: SimulationSettings) -> Match:
    """Both extractions of the same frames, compared."""
    video = simulate_video(settings)
    frames = list(video.frames)
    clips = [resample(extract(frames, tracker, NEEDS), FS) for tracker in (FaceTracker(), video.tracker)]
    real, known = (STMap(clip.need("stmap"), FS, clip.need("stmap_weight")) for clip in clips)
    weight = np.sqrt(real.weight * known.weight)[None, :, None]
    bands = [stmap_band(stmap, "pulse") for stmap in (real, known)]
    means = [(band * weight).sum(axis=1) / weight.sum() for band in bands]
    return Match(
        correlation(real.samples, known.samples, np.ones((1, 1, 1))),
        correlation(real.samples, known.samples, weight),
        correlation(*bands, weight),
        correlation(*means, np.ones((1, 1))),
        *(pos_r(clip, video.truth) for clip in clips),
    )


def correlation(
    x: Float[np.ndarray, "time ..."], y: Float[np.ndarray, "time ..."], weight: np.ndarray
) -> float:
    """Weighted Pearson correlation over everything."""
    weight = np.broadcast_to(weight / np.broadcast_to(weight, x.shape).sum(), x.shape)
    x, y = x - (weight * x).sum(), y - (weight * y).sum()
    return float((weight * x * y).sum() / np.sqrt((weight * x * x).sum() * (weight * y * y).sum()))


def pos_r(clip: FaceClip, truth: Truth) -> float:
    bvp = CLASSICAL["pos"].estimate(clip).bvp
    assert bvp is not None
    return waveform_r(np.interp(clip.times_s, truth.times_s, truth.bvp), bvp.samples, FS)


def spread(values: np.ndarray) -> str:
    """The distribution, for the message of a failed assertion."""
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
    return f"10/50/90 % {low:.4f}/{middle:.4f}/{high:.4f}, lowest {np.sort(values)[:3].round(4)} of {len(values)}"


def column(matches: list[Match], name: str) -> Float[np.ndarray, " clip"]:
    return np.array([getattr(one, name) for one in matches])


def test_maps_of_real_and_simulated_tracker_agree_with_r_of_98_percent(matches):
    skin = column(matches, "skin")
    assert (skin >= 0.98).all(), spread(skin)


def test_maps_agree_without_a_weight_but_for_a_chance_cell_at_the_edge(matches):
    plain = column(matches, "plain")
    assert (plain >= 0.98).sum() >= 18 and (plain >= 0.95).all(), spread(plain)
    assert np.median(plain) >= 0.995, spread(plain)


def test_pulse_band_agrees_more_over_the_whole_skin_than_cell_by_cell(matches):
    """Lowest of 60 clips: 0.93 over the skin, 0.78 in cells; the docstring of this file says what limits them."""
    mean, band = column(matches, "mean"), column(matches, "band")
    assert (mean >= 0.92).all() and np.median(mean) >= 0.965, spread(mean)
    assert (band >= 0.72).all() and np.median(band) >= 0.87, spread(band)


def test_pos_follows_the_pulse_as_well_through_either_tracker(matches):
    real, known = column(matches, "pos_real"), column(matches, "pos_known")
    assert np.abs(real - known).max() <= 0.03, spread(real - known)
    assert np.median(real) >= 0.98 and np.median(known) >= 0.98, (spread(real), spread(known))
    assert real.min() >= 0.75, spread(real)  # five seconds of the slowest heart
