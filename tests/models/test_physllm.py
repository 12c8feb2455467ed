"""PhysLLM as a whole: what acts on the pulse, what is frozen, what texts change, and what can be looked at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from rppg_core.errors import ModelFileError, UsageError  # noqa: E402
from rppg_core.lab.simulate.faces import simulate_clip  # noqa: E402
from rppg_core.lab.simulate.settings import SimulationSettings  # noqa: E402
from rppg_core.lab.simulate.traces import simulate_traces  # noqa: E402
from rppg_core.models.base import Batch, ModelCard, run_clip  # noqa: E402
from rppg_core.models.physllm.config import PhysLLMConfig  # noqa: E402
from rppg_core.models.physllm.cues import CUES, statistics_from_wave  # noqa: E402
from rppg_core.models.physllm.explain import read_clip  # noqa: E402
from rppg_core.models.physllm.model import PhysLLM  # noqa: E402
from rppg_core.models.weights import load_model, save_model  # noqa: E402
from rppg_core.video.prepare import cut, resample  # noqa: E402
from tests.models.physllm_language import save_tiny_language_model  # noqa: E402

N = 64


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_language_model(tmp_path_factory.mktemp("language") / "tiny")


@pytest.fixture(scope="module")
def clip():
    return resample(simulate_traces(SimulationSettings(seconds=12, hr_bpm=75, seed=5))[0])


def model_of(folder, **changes) -> PhysLLM:
    torch.manual_seed(0)
    return PhysLLM(replace(PhysLLMConfig.tiny(), language_model=str(folder), **changes)).eval()


def inputs_of(
    model: PhysLLM, clip, n: int = N, starts: tuple[int, ...] = (0, 100)
) -> dict[str, torch.Tensor]:
    rows = [model.inputs_from_clip(cut(clip, slice(k, k + n)), model.config) for k in starts]
    return {
        name: torch.from_numpy(np.stack([row[name] for row in rows]).astype(np.float32)) for name in rows[0]
    }


@pytest.mark.parametrize("cue", CUES)
def test_each_cue_changes_the_pulse(folder, clip, cue):
    model = model_of(folder)
    inputs = inputs_of(model, clip)
    with torch.no_grad():
        before = model(inputs)["bvp"]
        with model.edited({cue: ""}):
            assert not torch.allclose(model(inputs)["bvp"], before)
        with model.edited({cue: "Something else is said here."}):
            assert not torch.allclose(model(inputs)["bvp"], before)
        assert torch.equal(model(inputs)["bvp"], before)


@pytest.mark.parametrize("language", ["pretrained", "random", "none"])
@pytest.mark.parametrize("head", ["patches", "flat"])
def test_nothing_goes_past_the_language_model(folder, clip, language, head):
    """Hidden states replaced by zeros leave no pulse."""
    model = model_of(folder, language=language, head=head)
    model.reader.forward = torch.zeros_like  # type: ignore[method-assign]
    with torch.no_grad():
        waves = model(inputs_of(model, clip))["bvp"]
    flat = model.head(torch.zeros(2, 64, 32), N)
    steady = model.read(inputs_of(model, clip)).steady
    correlated = [
        abs(float(np.corrcoef(w, s)[0, 1])) if w.std() > 1e-6 else 0.0
        for w, s in zip(waves, steady.detach(), strict=True)
    ]
    assert flat.shape == (2, N) and max(correlated) < 0.3


def test_permuting_the_batch_permutes_the_pulses(folder, clip):
    model = model_of(folder)
    inputs = inputs_of(model, clip, starts=(0, 40, 80, 120))
    order = torch.tensor([2, 0, 3, 1])
    with torch.no_grad():
        moved = model({name: x[order] for name, x in inputs.items()})["bvp"]
        assert torch.allclose(model(inputs)["bvp"][order], moved, atol=1e-5)


@pytest.mark.parametrize("n", [60, 64, 100, 157])
@pytest.mark.parametrize("head", ["patches", "flat"])
def test_any_length_of_window_works(folder, clip, n, head):
    model = model_of(folder, head=head)
    with torch.no_grad():
        assert model(inputs_of(model, clip, n))["bvp"].shape == (2, n)


@pytest.mark.parametrize(
    "change",
    [
        {"stationary": False},
        {"aggregator": False},
        {"guidance": False},
        {"cues": ()},
        {"cues": ("task",)},
        {"language": "random"},
        {"language": "none"},
        {"residual": True},
        {"released_statistics": True},
    ],
    ids=str,
)
def test_every_part_has_a_switch_that_changes_the_pulse(folder, clip, change):
    """With the same weights, as far as both have them."""
    model, whole = model_of(folder, **change), model_of(folder)
    theirs = whole.state_dict()
    shared = {
        name: theirs[name]
        for name, x in model.state_dict().items()
        if name in theirs and x.shape == theirs[name].shape
    }
    model.load_state_dict(shared, strict=False)
    with torch.no_grad():
        assert not torch.allclose(model(inputs_of(model, clip))["bvp"], whole(inputs_of(whole, clip))["bvp"])


def test_switches_of_what_is_learned_leave_nothing_to_learn(folder):
    assert not list(model_of(folder, rank=0).language.parameters())
    assert not model_of(folder, prompts=False).prompts.weights.requires_grad


def batch_of(inputs: dict[str, torch.Tensor]) -> Batch:
    n = len(inputs["context"])
    yes, no = torch.ones(n, dtype=torch.bool), torch.zeros(n, dtype=torch.bool)
    return Batch(inputs, {"bvp": torch.randn(n, N), "hr": torch.full((n,), 75.0)}, {"bvp": yes, "hr": no})


def test_a_stage_that_trains_the_encoder_alone_skips_the_language_model(folder, clip):
    model = model_of(folder).train()
    inputs = inputs_of(model, clip)
    for name, part in model.named_children():
        part.requires_grad_(name == "encoder")
    model.reader.forward = None  # type: ignore[assignment]
    assert torch.equal(model(inputs)["bvp"], model.encoder(inputs)[1])


def test_the_frozen_encoder_gets_no_gradient_and_the_rest_does(folder, clip):
    model = model_of(folder).train()
    model.encoder.requires_grad_(False)
    inputs = inputs_of(model, clip)
    for _ in range(2):  # what stands behind a zero learns from the second step on
        model.zero_grad()
        torch.stack([*model.loss(model(inputs), batch_of(inputs)).values()]).sum().backward()
        torch.optim.SGD(model.parameters(), lr=0.1).step()
    lacking = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert lacking and all(name.startswith("encoder.") for name in lacking)
    assert all(p.grad is None for name, p in model.named_parameters() if name.startswith("encoder."))


def test_weights_come_back_without_the_language_model_inside(folder, clip, tmp_path):
    model = model_of(folder)
    path = save_model(tmp_path / "w.safetensors", model, ModelCard(method="physllm", paper="", inputs=()))
    loaded = load_model("physllm", path)
    assert path.stat().st_size < 4 * sum(p.numel() for p in model.parameters()) + 20_000
    with torch.no_grad():
        theirs = loaded(inputs_of(model, clip))["bvp"]  # pyright: ignore[reportCallIssue]
        assert torch.allclose(theirs, model(inputs_of(model, clip))["bvp"], atol=0.05, rtol=0.05)


def test_weights_of_another_language_model_are_refused(folder, tmp_path):
    model = model_of(folder)
    other = save_tiny_language_model(tmp_path / "other", seed=3)
    config = replace(model.config, language_model=str(other))
    with pytest.raises(ModelFileError, match="trained with"):
        PhysLLM(config)


def test_prompt_of_every_window_can_be_recomputed(folder, clip):
    model = model_of(folder)
    windows = read_clip(model, clip)
    assert windows[0].start_s == pytest.approx(clip.times_s[0]) and len(windows) > 5
    for window in windows:
        by_name = {cue.name: cue for cue in window.cues}
        assert set(by_name) == set(CUES)
        again = statistics_from_wave(window.base, 30.0)
        assert again == pytest.approx(dict(by_name["statistics"].numbers), rel=1e-2)
        assert sum(cue.weight for cue in window.cues) == pytest.approx(1, abs=1e-5)
        for cue in window.cues:
            assert (
                cue.attention.shape == (len(window.patch_words), len(cue.words))
                and (cue.attention >= 0).all()
            )


def test_words_read_back_as_the_text_of_the_cue(folder, clip):
    cue = read_clip(model_of(folder), clip)[0].cues[0]
    assert "".join(cue.words).replace("␣", "").replace(" ", "") == cue.text.replace(" ", "")


def test_waveform_joins_as_for_every_network(folder, clip):
    found = run_clip(model_of(folder), clip)
    assert found.bvp is not None and len(found.bvp.samples) == len(clip.times_s) and found.bvp.valid.all()


@pytest.mark.parametrize("crop_px", [72, 128])
def test_encoder_on_crops_reads_pixels_in_place_of_cells(folder, crop_px):
    clip, _ = simulate_clip(
        SimulationSettings(seconds=3, size=160),
        needs=frozenset({"rgb", f"crop{crop_px}{'_raw' * (crop_px == 128)}"}),
    )
    model = model_of(folder, encoder="crops", crop_px=crop_px)
    even = cut(resample(clip), slice(0, N))
    inputs = {
        k: torch.from_numpy(np.asarray(x, np.float32))[None]
        for k, x in model.inputs_from_clip(even, model.config).items()
    }
    assert inputs["frames"].shape == (1, N, crop_px, crop_px, 3)
    with torch.no_grad():
        maps, base = model.encoder(inputs)
        assert [x.shape[2] for x in maps] == [N, N // 2, N // 4] and base.shape == (1, N)
        assert model(inputs)["bvp"].shape == (1, N)
    assert "stmap" not in model.config.needs and any("crop" in need for need in model.config.needs)


def test_needs_of_the_config_are_those_of_the_network(folder):
    assert model_of(folder).config.needs == PhysLLM.needs


@pytest.mark.parametrize("change", [{"cues": ("words",)}, {"patch": 7}, {"narrow": 15}, {"wavelet": "db9"}])
def test_a_config_that_cannot_be_built_says_what_is_wanted(change):
    with pytest.raises(UsageError):
        replace(PhysLLMConfig.tiny(), **change)


def test_recipe_trains_through_both_stages_and_its_weights_load(folder, tmp_path):
    pytest.importorskip("accelerate")
    from rppg_core.lab.training.loop import RunOptions, train
    from rppg_core.models.recipe import get_recipe, with_steps

    config = replace(PhysLLMConfig.tiny(), language_model=str(folder))
    recipe = replace(with_steps(get_recipe("physllm"), 6), traces=3, clips=0, n_frames=N, config=config)
    recipe = replace(recipe, validation_samples=2)
    result = train(recipe, RunOptions(runs=tmp_path, device="cpu", workers=0, save_every=3))
    assert result.weights is not None and np.isfinite(result.loss)
    loaded = load_model("physllm", result.weights)
    assert isinstance(loaded, PhysLLM) and loaded.config.language_hash
    assert any(pair[1].weight.any() for pair in loaded.language.adapters.values())  # pyright: ignore
