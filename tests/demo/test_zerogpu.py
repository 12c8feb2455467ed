"""The GPU of a ZeroGPU Space, with a stand-in for the package that only Spaces have."""

import importlib
import pickle
import sys
from types import ModuleType

import numpy as np
import pytest

from demo import inference, zerogpu
from rppg_core.lab.simulate.faces import SimulationSettings, simulate_clip
from rppg_core.roster import get_method
from rppg_core.video.prepare import resample


@pytest.fixture
def on_a_space(monkeypatch):
    """`demo.zerogpu` as it is imported on a ZeroGPU Space; the stand-in lists what asked for a GPU."""
    spaces = ModuleType("spaces")
    spaces.asked = []

    def gpu(duration):
        return lambda function: spaces.asked.append((function.__name__, duration)) or function

    spaces.GPU = gpu
    monkeypatch.setitem(sys.modules, "spaces", spaces)
    importlib.reload(zerogpu)
    yield spaces
    monkeypatch.undo()
    importlib.reload(zerogpu)


def test_function_stays_itself_without_a_space():
    assert zerogpu.on_gpu(len) is len


def test_one_function_asks_for_a_gpu_as_soon_as_the_app_is_imported(on_a_space):
    assert on_a_space.asked == [("run_method", zerogpu.GPU_S)]


def test_networks_run_where_the_gpu_is_lent_and_nowhere_else(on_a_space, monkeypatch):
    asked = []
    monkeypatch.setattr(
        zerogpu, "run_method", lambda name, clip: asked.append(name) or get_method("pos").estimate(clip)
    )
    clip, _ = simulate_clip(SimulationSettings(seconds=8), needs=frozenset({"rgb", "stmap", "still"}))
    with monkeypatch.context() as patch:
        patch.setattr(inference, "lent", zerogpu.lent)
        *_, report = inference.grow_report(clip, ["pos", "tracenet"])
    assert set(report.estimates) == {"pos", "tracenet"}
    assert asked == ["tracenet"]


def test_nothing_is_lent_without_a_space():
    assert zerogpu.lent(["pos", "tracenet"]) == {}


def test_output_is_the_methods_own_and_survives_the_way_to_another_process():
    clip = resample(simulate_clip(SimulationSettings(seconds=6), needs=frozenset({"rgb"}))[0], 30.0)
    there = pickle.loads(pickle.dumps(clip))
    output = pickle.loads(pickle.dumps(zerogpu.run_method("pos", there)))
    np.testing.assert_array_equal(output.bvp.samples, get_method("pos").estimate(clip).bvp.samples)
