"""A network behind another method: what it reads, what it leaves, and that it is no second opinion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rppg_core.analysis.pipeline import analyze  # noqa: E402
from rppg_core.classical import CLASSICAL  # noqa: E402
from rppg_core.errors import UnknownMethodError, UsageError  # noqa: E402
from rppg_core.lab.simulate.settings import SimulationSettings  # noqa: E402
from rppg_core.lab.simulate.traces import simulate_traces  # noqa: E402
from rppg_core.models.base import ModelCard, unit_wave  # noqa: E402
from rppg_core.models.codephys import CodePhys, CodePhysConfig  # noqa: E402
from rppg_core.models.codephys.plugin import clean_bvp  # noqa: E402
from rppg_core.models.neural_method import neural_method  # noqa: E402
from rppg_core.models.plugged import PluggedMethod  # noqa: E402
from rppg_core.models.weights import save_model  # noqa: E402
from rppg_core.roster import get_method, resolve  # noqa: E402
from rppg_core.types import Bvp  # noqa: E402
from rppg_core.video.prepare import overlap_add, overlapping_windows, resample  # noqa: E402

CONFIG = CodePhysConfig.tiny()


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    model = CodePhys(CONFIG)
    torch.nn.init.normal_(model.codebook.items, std=0.5)
    path = tmp_path_factory.mktemp("weights") / "codephys.safetensors"
    return save_model(path, model, ModelCard(method="codephys", paper="none", inputs=()))


@pytest.fixture(scope="module")
def clip():
    return simulate_traces(SimulationSettings(seconds=14, hr_bpm=75, seed=5))[0]


def test_name_of_both_is_known_where_the_second_cleans_waveforms():
    assert resolve("POS+CodePhys", own={"codephys": "mine"}) == ["pos+codephys"]
    with pytest.raises(UnknownMethodError, match=r"'tracenet' cleans no waveforms.*METHOD\+codephys"):
        resolve("pos+tracenet")
    with pytest.raises(UnknownMethodError, match="did you mean 'pos'"):
        resolve("poss+codephys", own={"codephys": "mine"})


def test_cleaner_without_weights_says_how_to_give_them(monkeypatch):
    monkeypatch.setattr("rppg_core.roster.list_ready_methods", lambda: ["pos"])
    with pytest.raises(UsageError, match=r"comes without weights.*--weights codephys=FILE"):
        resolve("pos+codephys")


def test_it_reads_what_the_first_reads_and_says_what_the_second_makes_of_it(clip, weights):
    cleaner = neural_method("codephys", weights)
    method = get_method("pos+codephys", {"codephys": cleaner})
    assert isinstance(method, PluggedMethod)
    assert method.name == "pos+codephys" and method.needs == CLASSICAL["pos"].needs
    even = resample(clip)
    found, rough = method.estimate(even), CLASSICAL["pos"].estimate(even).bvp
    model, n = cleaner.model, len(even.times_s)
    assert isinstance(model, CodePhys) and found.bvp is not None and rough is not None
    windows = overlapping_windows(n, CONFIG.window)
    with torch.inference_mode():
        waves = [
            model.plug(torch.from_numpy(rough.samples[w].astype(np.float32))[None]).bvp[0] for w in windows
        ]
    expected = overlap_add([unit_wave(wave.double().numpy()) for wave in waves], windows, n)
    np.testing.assert_array_equal(found.bvp.samples, expected)
    assert set(found.evidence) == set(CodePhys.evidence)


def test_gaps_stay_gaps_and_short_stretches_stay_without_a_wave(weights):
    model = neural_method("codephys", weights).model
    assert isinstance(model, CodePhys)
    valid = np.ones(400, bool)
    valid[[200, 230]] = False
    found = clean_bvp(model, Bvp(np.random.default_rng(0).normal(size=400), 30.0, 2.0, valid))
    assert found.bvp is not None and found.bvp.t0_s == 2.0
    assert np.flatnonzero(~found.bvp.valid).tolist() == list(range(200, 231))
    assert not found.bvp.samples[200:231].any()
    assert found.inside["windows_s"].min() == 2.0
    with pytest.raises(ValueError, match="25"):
        clean_bvp(model, Bvp(np.zeros(100), 25.0, 0.0, np.ones(100, bool)))


def test_scale_and_offset_of_the_first_do_not_matter(weights):
    model = neural_method("codephys", weights).model
    assert isinstance(model, CodePhys)
    bvp = Bvp(np.random.default_rng(0).normal(size=128), 30.0, 0.0, np.ones(128, bool))
    same = clean_bvp(model, replace(bvp, samples=40 * bvp.samples + 7)).bvp
    found = clean_bvp(model, bvp).bvp
    assert same is not None and found is not None
    np.testing.assert_allclose(same.samples, found.samples, atol=1e-3)


def test_it_has_its_own_reading_and_no_voice_in_the_consensus(clip, weights):
    given = {"codephys": weights}
    alone = analyze(clip, ["pos"], weights=given)
    both = analyze(clip, ["pos", "pos+codephys"], weights=given)
    only = analyze(clip, ["pos+codephys"], weights=given)
    assert set(both.estimates) == {"pos", "pos+codephys"}
    assert both.consensus.vitals.hr == alone.consensus.vitals.hr == only.consensus.vitals.hr
    assert "1 of 1 methods agree" in both.consensus.verdict and "4 of 4" in only.consensus.verdict
    rough, cleaned = (both.estimates[name].bvp for name in ("pos", "pos+codephys"))
    assert rough is not None and cleaned is not None and not np.allclose(rough.samples, cleaned.samples)
    assert both.estimates["pos+codephys"].vitals.hr == only.estimates["pos+codephys"].vitals.hr
