"""The table on what the parts of CodePhys add on video: its variants, their trainings, and what the report says."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from rppg_core.errors import UsageError  # noqa: E402
from rppg_core.lab.protocols.photo import codebook_queries as queries  # noqa: E402
from rppg_core.lab.protocols.photo.codebook_training import simulated_ppg, train_autoencoder  # noqa: E402
from rppg_core.lab.protocols.photo.windows import clip_windows, r_beside, r_of_waves  # noqa: E402
from rppg_core.lab.simulate.settings import SimulationSettings  # noqa: E402
from rppg_core.lab.simulate.traces import simulate_traces  # noqa: E402
from rppg_core.models.base import run_clip  # noqa: E402
from rppg_core.models.codephys import CodePhys, CodePhysConfig  # noqa: E402
from rppg_core.models.codephys.recipe import PARTS  # noqa: E402
from rppg_core.video.prepare import resample  # noqa: E402

TINY = CodePhysConfig.tiny()


@pytest.fixture(scope="module")
def autoencoder():
    return train_autoencoder(TINY, simulated_ppg(24, TINY.window), steps=20)


@pytest.fixture(scope="module")
def batches(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queries, "FEWER", {"traces": 3, "clips": 0, "pulse_free": 1})
        return queries.query_batches(TINY, 4, folder, lambda stage, fraction: None)


@pytest.fixture(scope="module")
def known():
    settings = [SimulationSettings(seconds=8, hr_bpm=60 + 10 * seed, seed=seed) for seed in range(4)]
    return [simulate_traces(one) for one in settings]


def test_variants_differ_from_the_whole_in_what_the_recipe_declares():
    asked = queries.query_variants(TINY)
    assert set(asked) == {queries.WHOLE, *PARTS} and queries.NO_CODEBOOK in asked
    for name, config in asked.items():
        changed = {key for key, value in asdict(config).items() if value != asdict(TINY)[key]}
        assert changed == set(PARTS.get(name, {})), name


def test_batches_hold_people_with_and_without_a_pulse_in_half_precision(batches):
    assert len(batches) == 4
    for batch in batches:
        assert (
            sum(float(bvp.std()) == 0 for bvp in batch.targets["bvp"]) == 1 and len(batch.targets["bvp"]) == 4
        )
        assert all(x.dtype == torch.float16 for x in batch.inputs.values())


def test_encoder_learns_behind_an_autoencoder_that_stays_as_it_is(autoencoder, batches):
    torch.manual_seed(0)
    start = CodePhys(TINY)
    first, again, other = (queries.train_queries(TINY, autoencoder, batches, seed=seed) for seed in (0, 0, 1))
    for part in queries.AHEAD:
        before, after = (getattr(model, part).state_dict() for model in (autoencoder, first))
        assert all(torch.equal(before[name], after[name]) for name in before), part
    trained = [
        torch.nn.utils.parameters_to_vector(one.encoder.parameters()) for one in (start, first, again, other)
    ]
    assert torch.equal(trained[1], trained[2])
    assert not torch.equal(trained[1], trained[0]) and not torch.equal(trained[1], trained[3])
    assert not first.training


def test_variants_of_one_seed_see_the_batches_in_the_same_order(autoencoder, batches, monkeypatch):
    orders = []

    def watch(model, name, steps, next_batch):
        orders.append([float(next_batch().targets["hr"].sum()) for _ in range(steps)])

    monkeypatch.setattr(queries, "train_stage", watch)
    for change in ({}, {"attention": False}):
        queries.train_queries(replace(TINY, **change), autoencoder, batches, seed=3)
    assert orders[0] == orders[1] and len(set(orders[0])) == 4


def test_encoder_and_autoencoder_have_a_codebook_both_or_neither(autoencoder, batches):
    with pytest.raises(UsageError, match="quantised=True; wanted: one with quantised=False"):
        queries.train_queries(replace(TINY, quantised=False), autoencoder, batches, seed=0)


def test_scores_are_those_of_the_whole_network_on_each_clip(autoencoder, known):
    windows = [clip_windows(autoencoder, *one) for one in known]
    waves = [run_clip(autoencoder, resample(clip)).bvp for clip, _ in known]
    whole = r_of_waves([wave.samples[wave.valid] for wave in waves], [one.truth for one in windows])
    assert queries.score_queries(autoencoder, windows) == pytest.approx(whole, abs=0.02)


def test_report_has_every_seed_the_price_of_the_codebook_and_what_does_not_learn(known):
    r = np.array([0.5, 0.7, 0.6, 0.8])
    scores = {queries.WHOLE: np.stack([r, r]), queries.NO_CODEBOOK: np.stack([r + 0.01, r + 0.03])}
    text = queries.queries_text(scores, r_beside(known))
    assert "0.650 0.650" in text and "0.660 0.680" in text and "sine of" in text
    assert text.splitlines()[-1].startswith("price of the codebook, in r: +0.020")
