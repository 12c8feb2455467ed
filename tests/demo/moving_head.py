"""A head that moves: its report, its truth and its video."""

import pytest

from rppg_core.analysis.pipeline import analyze
from rppg_core.lab.simulate.faces import SimulationSettings, simulate_clip, simulate_video

NEEDS = frozenset({"rgb", "still"})
MOVING = SimulationSettings(seconds=8, hr_bpm=72, size=320, motion="medium", amplitude_percent=0.8, seed=3)


@pytest.fixture(scope="session")
def moving():
    """Report, truth and video of a head that moves."""
    clip, truth = simulate_clip(MOVING, NEEDS)
    return analyze(clip, ["green", "pos"]), truth, simulate_video(MOVING)
