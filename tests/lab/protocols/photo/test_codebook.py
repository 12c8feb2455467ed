"""The tables on the codebook: what is trained, what is scored, and what the reports say."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from rppg_core.lab.protocols.photo import codebook_queries as queries  # noqa: E402
from rppg_core.lab.protocols.photo import codebook_sizes as sizes  # noqa: E402
from rppg_core.lab.protocols.photo.codebook_sizes import SIZES, Size  # noqa: E402
from rppg_core.lab.protocols.photo.codebook_training import simulated_ppg  # noqa: E402
from rppg_core.lab.protocols.photo.windows import clip_windows, joined_windows, r_beside, r_of_waves  # noqa: E402
from rppg_core.lab.simulate.settings import SimulationSettings  # noqa: E402
from rppg_core.lab.simulate.traces import simulate_traces  # noqa: E402
from rppg_core.lab.training.ppg import read_waves  # noqa: E402
from rppg_core.models.base import run_clip  # noqa: E402
from rppg_core.models.codephys import CodePhys, CodePhysConfig  # noqa: E402
from rppg_core.video.prepare import resample  # noqa: E402

TINY = CodePhysConfig.tiny()
SIZE = Size(codes=16, compression=4)


@pytest.fixture(scope="module")
def ppg():
    return simulated_ppg(24, TINY.window)


@pytest.fixture(scope="module")
def rough():
    return sizes.rough_windows(6, TINY.window, lambda stage, fraction: None)


@pytest.fixture(scope="module")
def known():
    settings = [SimulationSettings(seconds=8, hr_bpm=60 + 10 * seed, seed=seed) for seed in range(4)]
    return [simulate_traces(one) for one in settings]


@pytest.fixture(scope="module")
def clips(known):
    return sizes.rough_clips(known)


@pytest.fixture(scope="module")
def batches(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queries, "FEWER", {"traces": 3, "clips": 0, "pulse_free": 1})
        return queries.query_batches(TINY, 4, folder, lambda stage, fraction: None)


@pytest.fixture(scope="module")
def model(ppg, rough):
    return sizes.train_size(SIZE, TINY, ppg, rough, steps=(40, 10))


def test_each_size_differs_from_the_shipped_one_in_one_thing():
    whole, *others = SIZES
    assert whole == Size(CodePhysConfig.small().codes, CodePhysConfig.small().compression)
    assert all(sum(a != b for a, b in zip(one, whole, strict=True)) == 1 for one in others)
    assert len(set(SIZES)) == len(SIZES)


def test_pulses_are_of_other_people_each_time_and_rough_waves_follow_the_true_ones(ppg, rough):
    assert ppg.shape == (24, TINY.window) and len({tuple(x) for x in ppg.round(decimals=4).tolist()}) == 24
    waves, true = rough
    assert waves.shape == (6, TINY.window, 2) and true.shape == (6, TINY.window)
    r = [np.corrcoef(wave[:, 0], bvp)[0, 1] for wave, bvp in zip(waves, true, strict=True)]
    assert np.median(r) > 0.3


def test_training_teaches_the_autoencoder_and_leaves_no_gradient_behind(model, ppg, rough):
    untrained = sizes.train_size(SIZE, TINY, ppg, rough, steps=(1, 1))
    held = {"simulated": simulated_ppg(8, TINY.window, first=99)}
    better, worse = (sizes.score_size(SIZE, one, held, []).rebuilt["simulated"] for one in (model, untrained))
    assert better > worse + 0.1
    assert not any(p.requires_grad for p in model.parameters())


def test_report_stands_beside_the_methods_themselves_and_a_sine(model, ppg, clips, tmp_path):
    (tmp_path / "a.csv").write_text("ppg\n" + "\n".join(f"{np.sin(k / 4):.4f}" for k in range(200)))
    waves = read_waves([str(tmp_path)], TINY.window, fs=30.0)
    kinds = {"simulated": ppg, "recorded": sizes.recorded_windows(waves, TINY.window)}
    score = sizes.score_size(SIZE, model, kinds, clips)
    assert set(score.cleaned) == {"pos", "chrom"} and len(score.cleaned["pos"]) == 4
    assert 1 <= score.used["simulated"] <= 16
    text = sizes.sizes_text([score], clips)
    for word in ("items", "r, recorded", "in use, simulated", "pos on photo-v2", "sine of"):
        assert word in text


def test_windows_of_a_clip_are_read_and_joined_as_the_network_does_it(model, known):
    clip, truth = known[0]
    read = clip_windows(model, clip, truth)
    with torch.inference_mode():
        mine = joined_windows(model(read.inputs)["bvp"], read.places)
    whole = run_clip(model, resample(clip)).bvp
    assert np.corrcoef(whole.samples[whole.valid], mine)[0, 1] > 0.999
    read_s = read.truth.settings["start_s"] + np.arange(len(mine)) / 30
    true = np.interp(read_s, truth.times_s, truth.bvp)
    assert r_of_waves([true], [read.truth])[0] > 0.99  # the stretch begins where its truth says


def test_variants_of_the_encoder_differ_in_what_the_recipe_declares():
    asked = queries.query_variants(TINY)
    assert asked[queries.WHOLE] == TINY and not asked[queries.NO_CODEBOOK].quantised
    assert len(set(asked.values())) == len(asked) >= 7


def test_encoder_learns_behind_an_autoencoder_that_stays_as_it_is(model, batches):
    assert len(batches) == 4 and len(batches[0].targets["bvp"]) == 4
    assert sum(float(bvp.std()) == 0 for bvp in batches[0].targets["bvp"]) == 1  # no pulse
    torch.manual_seed(0)
    start = CodePhys(TINY)
    first, again, other = (queries.train_queries(TINY, model, batches, seed=seed) for seed in (0, 0, 1))
    for name, weight in first.named_parameters():
        if name.startswith(queries.AUTOENCODER):
            assert torch.equal(weight, model.get_parameter(name)), name
    trained = [
        torch.nn.utils.parameters_to_vector(one.encoder.parameters()) for one in (start, first, again, other)
    ]
    assert torch.equal(trained[1], trained[2])
    assert not torch.equal(trained[1], trained[0]) and not torch.equal(trained[1], trained[3])


def test_queries_are_reported_beside_the_whole_network_and_what_does_not_learn(model, known):
    windows = [clip_windows(model, *one) for one in known]
    r = queries.score_queries(model, windows)
    assert r.shape == (4,) and np.all(np.abs(r) <= 1)
    scores = {queries.WHOLE: np.stack([r, r]), queries.NO_CODEBOOK: np.stack([r + 0.01, r + 0.03])}
    text = queries.queries_text(scores, r_beside(known))
    assert f"{r.mean():.3f} {r.mean():.3f}" in text and "sine of" in text
    assert text.splitlines()[-1].startswith("price of the codebook, in r: +0.020")
