"""What the shipped weights of CodePhys have learned, on simulated clips that no training draws."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rppg_core.lab.protocols.photo.codebook_training import simulated_ppg  # noqa: E402
from rppg_core.lab.simulate.settings import SimulationSettings, random_settings  # noqa: E402
from rppg_core.lab.simulate.traces import simulate_traces  # noqa: E402
from rppg_core.lab.training.sources import harder, part_of_face  # noqa: E402
from rppg_core.metrics import pearson_r  # noqa: E402
from rppg_core.models.base import cut, run_clip  # noqa: E402
from rppg_core.models.codephys.codebook import perplexity  # noqa: E402
from rppg_core.models.weights import load_model  # noqa: E402
from rppg_core.nn.layers import standardise  # noqa: E402
from rppg_core.video.prepare import resample  # noqa: E402

SKIN = 0.2  # share of skin from which a cell counts


@pytest.fixture(scope="module")
def model():
    return load_model("codephys").requires_grad_(False)


def inside_over_outside(model, settings, alive) -> float:
    """Mean of the mask over the cells with a pulse, relative to that over the others; NaN if either are none."""
    clip, _ = simulate_traces(settings, pale=~alive)
    even = resample(clip)
    if len(even.valid) < model.window or not even.valid[: model.window].all():
        return np.nan
    mask = run_clip(model, cut(even, slice(0, model.window))).inside["mask"].reshape(-1, 36).mean(axis=0)
    skin = clip.need("stmap_weight") > SKIN
    both = (alive & skin).any() and (~alive & skin).any()
    return mask[alive & skin].mean() / mask[~alive & skin].mean() if both else np.nan


@pytest.mark.parametrize("harshness", [1.0, 4.0])
def test_attention_looks_where_the_pulse_is(model, harshness):
    ratios = []
    for k in range(24):
        rng = np.random.default_rng([77, k])
        settings = random_settings(rng, pulsed=True, seconds=9.2)
        alive = part_of_face(rng)
        ratios.append(inside_over_outside(model, harder(settings, rng, harshness), alive))
    assert np.nanmedian(ratios) > 1.5


def test_attention_finds_nine_cells_in_a_quiet_clip(model):
    ratios = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        hr_bpm, (row, column) = float(rng.uniform(55, 110)), rng.integers(0, 4, 2)
        alive = np.zeros((6, 6), bool)
        alive[row : row + 3, column : column + 3] = True
        settings = SimulationSettings(
            seconds=9.5, hr_bpm=hr_bpm, tone=seed % 5, seed=seed, motion="small", amplitude_percent=0.5
        )
        ratios.append(inside_over_outside(model, settings, alive.ravel()))
    assert np.nanmedian(ratios) > 1.5


def test_codebook_rebuilds_ppg_and_is_in_use(model):
    wanted = standardise(simulated_ppg(40, model.window))
    answer = model.answer(model.signal_encoder(wanted), model.window)
    r = [pearson_r(*pair) for pair in zip(answer.bvp.double().numpy(), wanted.double().numpy(), strict=True)]
    assert np.mean(r) >= 0.98
    assert perplexity(answer.query.codes, model.config.codes) >= 0.3 * model.config.codes
