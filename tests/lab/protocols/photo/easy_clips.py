"""Clips of the benchmark, cut short and with little in the way of their pulse."""

from dataclasses import replace

import pytest

from rppg_core.lab.protocols.kept_clips import KEPT
from rppg_core.lab.protocols.photo.clips import settings_from_number
from rppg_core.lab.protocols.photo.versions import PHOTO_V1
from rppg_core.lab.simulate.faces import simulate_clip


def easy(index: int, seconds: float = 8.0):
    """A clip of the benchmark, cut short and with little in the way of its pulse."""
    return replace(
        settings_from_number(PHOTO_V1, index),
        seconds=seconds,
        motion_scale=0.3,
        noise=1.5,
        screen=0.0,
        light_steps=0.0,
        amplitude_percent=0.7,
        tone=1,
        exposure=1.0,
        riiv=0.2,
        hr_bpm=66.0 + index,
    )


@pytest.fixture(scope="session")
def made():
    """Two short clips as a pass over crops gives them."""
    return [simulate_clip(easy(index), KEPT | {"crop36"}) for index in (2, 5)]
