"""Clips of the benchmark in windows: read and joined as a network does it, and scored against their truth."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rppg_core.lab.protocols.photo.windows import clip_windows, joined_windows, r_beside, r_of_waves  # noqa: E402
from rppg_core.lab.simulate.settings import SimulationSettings  # noqa: E402
from rppg_core.lab.simulate.traces import simulate_traces  # noqa: E402
from rppg_core.models.base import run_clip  # noqa: E402
from rppg_core.models.tracenet import TraceNet, TraceNetConfig  # noqa: E402
from rppg_core.video.prepare import resample  # noqa: E402


@pytest.fixture(scope="module")
def known():
    return [
        simulate_traces(SimulationSettings(seconds=8, hr_bpm=60 + 10 * seed, seed=seed)) for seed in range(3)
    ]


@pytest.fixture(scope="module")
def read(known):
    torch.manual_seed(0)
    model = TraceNet(TraceNetConfig.tiny()).eval()
    return model, [clip_windows(model, *one) for one in known]


def test_windows_are_read_and_joined_as_the_network_does_it(read, known):
    model, (one, *_) = read
    with torch.inference_mode():
        mine = joined_windows(model(one.inputs)["bvp"], one.places)
    whole = run_clip(model, resample(known[0][0])).bvp
    assert np.corrcoef(whole.samples[whole.valid], mine)[0, 1] > 0.999


def test_the_stretch_begins_where_its_truth_says(read):
    for one in read[1]:
        n = one.places[-1].stop
        read_s = one.truth.settings["start_s"] + np.arange(n) / 30
        true = np.interp(read_s, one.truth.times_s, one.truth.bvp)
        assert r_of_waves([true], [one.truth])[0] > 0.99
        assert r_of_waves([np.roll(true, 15)], [one.truth])[0] < 0.9  # half a second late


def test_pos_and_a_sine_stand_beside(known):
    found = r_beside(known)
    assert [len(row) for row in found.values()] == [3, 3]
    assert (
        min(found["pos"]) > 0.8 and max(np.abs(found[next(name for name in found if "sine" in name)])) < 0.8
    )
