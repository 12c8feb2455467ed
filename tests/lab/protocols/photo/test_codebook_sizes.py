"""The table on codebooks of other sizes: what is trained, what is scored, and what the report says."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from rppg_core.lab.protocols.photo import codebook_sizes as sizes  # noqa: E402
from rppg_core.lab.protocols.photo.codebook_sizes import SIZES, Size  # noqa: E402
from rppg_core.lab.protocols.photo.codebook_training import simulated_ppg  # noqa: E402
from rppg_core.lab.simulate.settings import SimulationSettings  # noqa: E402
from rppg_core.lab.simulate.traces import simulate_traces  # noqa: E402
from rppg_core.lab.training.ppg import read_waves  # noqa: E402
from rppg_core.models.codephys import CodePhysConfig  # noqa: E402

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
