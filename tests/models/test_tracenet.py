"""TraceNet: what it reads, what it ignores, and that the preparation is the project's own."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rppg_core.errors import UsageError  # noqa: E402
from rppg_core.lab.simulate.settings import SimulationSettings  # noqa: E402
from rppg_core.lab.simulate.traces import simulate_traces  # noqa: E402
from rppg_core.models.tracenet.model import TraceNet, TraceNetConfig, scaled_map  # noqa: E402
from rppg_core.types import STMap  # noqa: E402
from rppg_core.video.prepare import projections, resample, stmap_band  # noqa: E402


@pytest.fixture(scope="module")
def clip():
    return resample(simulate_traces(SimulationSettings(seconds=6))[0])


@pytest.fixture
def model():
    torch.manual_seed(0)
    return TraceNet(TraceNetConfig.tiny()).eval()


def batch_of(clip) -> dict:
    inputs = TraceNet.inputs_from_clip(clip, TraceNetConfig.tiny())
    return {key: torch.from_numpy(x)[None] for key, x in inputs.items()}


def test_it_reads_the_pulse_band_and_the_projections_of_the_shared_preparation(clip):
    stmap = STMap(clip.stmap, 30.0, clip.stmap_weight)
    found = TraceNet.inputs_from_clip(clip, TraceNetConfig())["stmap"]
    np.testing.assert_allclose(found[:, :, :3], stmap_band(stmap, "pulse"), atol=1e-5)
    np.testing.assert_allclose(found[:, :, 3:], projections(stmap), atol=1e-5)
    some = TraceNet.inputs_from_clip(clip, TraceNetConfig(projections=("pbv",)))["stmap"]
    np.testing.assert_array_equal(some, found[:, :, [0, 1, 2, 5]])


@pytest.mark.parametrize("names", [("pos", "pos"), ("ica",), ("pos", "")])
def test_unknown_projections_name_the_known_ones(names):
    with pytest.raises(UsageError, match="pos, chrom, pbv"):
        TraceNetConfig(projections=names)


def test_brighter_exposure_changes_the_input_little_unless_pixels_are_read_raw(clip):
    one = STMap(clip.stmap, 30.0, clip.stmap_weight)
    half = STMap(clip.stmap / 2, 30.0, clip.stmap_weight)

    def change(scaling: str) -> float:
        return float(np.abs(scaled_map(one, scaling) - scaled_map(half, scaling)).mean())

    assert change("band") < 0.05
    assert change("raw") > 0.2


def test_zscores_lose_how_strong_a_cell_is(clip):
    loud = clip.stmap.copy()
    loud[:, 14] = loud[:, 14].mean(axis=0) + 10 * (loud[:, 14] - loud[:, 14].mean(axis=0))

    def ratio(scaling: str) -> float:
        scaled = scaled_map(STMap(loud, 30.0, clip.stmap_weight), scaling)
        return float(scaled[:, 14].std() / scaled[:, 15].std())

    assert ratio("zscore") == pytest.approx(1, rel=0.01) and ratio("band") > 3


def test_waveform_is_as_long_as_the_input_at_any_length(clip, model):
    for n in (60, 64, 131):
        inputs = {"stmap": batch_of(clip)["stmap"][:, :n], "weight": batch_of(clip)["weight"]}
        assert model(inputs)["bvp"].shape == (1, n)


def test_a_sample_does_not_depend_on_its_batch(clip, model):
    one = batch_of(clip)
    other = {"stmap": torch.randn_like(one["stmap"]), "weight": torch.rand_like(one["weight"])}
    both = {key: torch.cat([one[key], other[key]]) for key in one}
    assert torch.allclose(model(both)["bvp"][:1], model(one)["bvp"], atol=1e-5)


def test_cells_without_skin_are_ignored(clip, model):
    inputs = batch_of(clip)
    inputs["weight"] = inputs["weight"].clone()
    inputs["weight"][0, 5] = 0
    changed = dict(inputs, stmap=inputs["stmap"].clone())
    changed["stmap"][0, :, 5] += 3 * torch.randn(inputs["stmap"].shape[1], 6)
    difference = (model(changed)["bvp"] - model(inputs)["bvp"]).std() / model(inputs)["bvp"].std()
    assert difference < 0.05


def test_every_parameter_gets_a_gradient(clip, model):
    model.train()(batch_of(clip))["bvp"].square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
