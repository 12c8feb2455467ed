"""CodePhys: only codes reach the pulse, and each stage trains the parts that it names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402

from rppg_core.figures.codes import WALL, has_codes  # noqa: E402
from rppg_core.lab.simulate.settings import SimulationSettings  # noqa: E402
from rppg_core.lab.simulate.traces import simulate_traces  # noqa: E402
from rppg_core.models.base import TASKS, Batch, run_clip, unit_wave  # noqa: E402
from rppg_core.models.codephys import CodePhys, CodePhysConfig  # noqa: E402
from rppg_core.models.codephys.model import disturbed, rough_wave, stretched  # noqa: E402
from rppg_core.models.recipe import get_ablations, get_recipe  # noqa: E402
from rppg_core.video.prepare import cut, overlap_add, overlapping_windows, resample  # noqa: E402

TINY = CodePhysConfig.tiny()
N = 64


@pytest.fixture(scope="module")
def clip():
    return resample(simulate_traces(SimulationSettings(seconds=12, hr_bpm=75, seed=5))[0])


def made(config: CodePhysConfig = TINY) -> CodePhys:
    """Random weights, in which the items of the codebook lie among the queries."""
    torch.manual_seed(0)
    model = CodePhys(config)
    torch.nn.init.normal_(model.codebook.items, std=0.5)
    return model


def inputs_of(clip, n: int = N, config: CodePhysConfig = TINY) -> dict[str, Tensor]:
    read = CodePhys.inputs_from_clip(cut(clip, slice(0, n)), config)
    return {name: torch.from_numpy(x)[None] for name, x in read.items()}


def batch_of(clip, flat: tuple[bool, ...] = (False, False, True)) -> Batch:
    """The first window of a clip as several samples, some of them known to have no pulse."""
    inputs = {name: x.repeat(len(flat), *[1] * (x.ndim - 1)) for name, x in inputs_of(clip).items()}
    wave = torch.sin(2 * torch.pi * 1.25 * torch.arange(N) / 30)
    targets = {task: torch.zeros(len(flat)) for task in TASKS}
    targets["bvp"] = torch.stack([0 * wave if none else wave for none in flat])
    targets["hr"] = torch.full((len(flat),), 75.0)
    mask = {task: torch.zeros(len(flat), dtype=torch.bool) for task in TASKS}
    mask |= {"bvp": torch.ones(len(flat), dtype=torch.bool), "hr": ~torch.tensor(flat)}
    return Batch(inputs, targets, mask)


# Codes and nothing else ----------------------------------------------------------------------------------------


def test_pulse_is_rebuilt_exactly_from_the_codes_in_a_report(clip):
    model = made().eval()
    found = run_clip(model, clip)
    windows = overlapping_windows(len(clip.times_s), N)
    assert found.inside["codes"].shape == (len(windows), N // TINY.compression)
    np.testing.assert_allclose(
        found.inside["windows_s"], np.array([(w.start, w.stop) for w in windows]) / 30, atol=1e-6
    )
    with torch.inference_mode():
        codes = torch.from_numpy(found.inside["codes"]).long()
        said = [model.decode_codes(window[None], N)[0].double().numpy() for window in codes]
    rebuilt = overlap_add([unit_wave(wave) for wave in said], windows, len(clip.times_s))
    assert found.bvp is not None
    np.testing.assert_array_equal(found.bvp.samples, rebuilt)


def test_what_does_not_change_a_code_does_not_change_the_pulse(clip):
    model, inputs = made().eval(), inputs_of(clip)
    nudged = {**inputs, "stmap": inputs["stmap"] * (1 + 1e-6)}
    one, two = model(inputs), model(nudged)
    assert torch.equal(one["codes"], two["codes"]) and not torch.equal(one["closeness"], two["closeness"])
    assert torch.equal(one["bvp"], two["bvp"])
    without = made(replace(TINY, quantised=False)).eval()
    assert not torch.equal(without(inputs)["bvp"], without(nudged)["bvp"])


def test_report_holds_the_closeness_of_a_wall(clip):
    model = made().eval()
    found = run_clip(model, clip).inside
    assert found["wall_closeness"].shape == found["closeness"].shape
    assert not np.allclose(found["wall_closeness"], found["closeness"])
    assert clip.background is not None
    wall = replace(clip, stmap=np.repeat(clip.background[:, None], 36, axis=1))
    np.testing.assert_allclose(run_clip(model, wall).inside["closeness"], found["wall_closeness"], atol=1e-5)
    assert "wall_closeness" not in run_clip(model, replace(clip, background=None)).inside


def test_report_holds_what_the_figure_needs(clip):
    inside = run_clip(made().eval(), clip).inside
    assert has_codes(inside) and WALL in inside


def test_report_holds_the_pulse_before_and_after_the_codebook(clip):
    found = run_clip(made().eval(), clip)
    first = found.inside["after"][0]
    np.testing.assert_allclose([first.mean(), first.std()], [0, 1], atol=1e-3)
    assert not np.allclose(found.inside["before"], found.inside["after"])
    without = run_clip(made(replace(TINY, quantised=False)).eval(), clip)
    np.testing.assert_allclose(without.inside["before"], without.inside["after"], atol=1e-5)


@pytest.mark.parametrize("n", [61, 64, 90])
def test_output_is_as_long_as_the_input(clip, n):
    model = made().eval()
    answers = model(inputs_of(clip, n))
    assert answers["bvp"].shape == (1, n) and answers["codes"].shape == (1, -(-n // TINY.compression))
    assert model.plug(torch.randn(2, n)).bvp.shape == (2, n)


def test_switch_selects_the_encoder_of_pixels(clip):
    config = replace(TINY, encoder="crops")
    assert config.needs == {"rgb", "stmap", "crop72"} and TINY.needs == CodePhys.needs
    model = made(config).eval()
    frames = torch.randn(1, 61, 72, 72, 3)
    answers = model({**inputs_of(clip, 61), "frames": frames})
    assert answers["bvp"].shape == (1, 61) and answers["codes"].shape == (1, 16)


def test_cells_without_skin_have_no_effect(clip):
    model, inputs = made().eval(), inputs_of(clip)
    weight = inputs["weight"].clone()
    weight[:, :9] = 0
    loud = inputs["stmap"].clone()
    loud[:, :, :9] = 3 * torch.randn(1, N, 9, loud.shape[3])
    quiet, loud_ = (model({"stmap": x, "weight": weight})["bvp"] for x in (inputs["stmap"], loud))
    assert torch.equal(quiet, loud_)


# Stages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_each_stage_has_terms_for_what_it_trains_and_gradients_nowhere_else(clip, stage):
    from rppg_core.lab.training.stages import TrainedParts

    model, batch = made(), batch_of(clip)
    named = get_recipe("codephys").stages[stage]
    parts = TrainedParts(model)
    parts.train_only(named.train)
    model.train()
    parts.hold()
    terms = model.loss(model(batch.inputs), batch)
    kinds = (("ppg",), ("video",), ("plugin",), ("video_trust", "plugin_trust"))[stage]
    assert terms and all(name.startswith(kinds) for name in terms)
    torch.stack(list(terms.values())).sum().backward()
    moved = {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None}
    assert moved == set(named.train)


def test_loss_weights_of_the_recipe_name_terms_of_the_loss(clip):
    model, batch = made().train(), batch_of(clip)
    terms = model.loss(model(batch.inputs), batch)
    assert set(get_recipe("codephys").loss_weights) <= set(terms)


def test_pulse_free_samples_enter_the_silence_and_no_waveform_term(clip):
    model = made().train()
    none = batch_of(clip, (True, True))
    terms = model.loss(model(none.inputs), none)
    for name in ("video_waveform", "video_rate", "video_distillation", "ppg_samples"):
        assert terms[name] == 0
    assert terms["video_silence"] > 0 and terms["video_trust"] > 0
    one = batch_of(clip, (False, False))
    assert model.loss(model(one.inputs), one)["video_silence"] == 0


def test_codebook_is_learned_from_ppg_alone(clip):
    torch.manual_seed(1)
    model, batch = made(replace(TINY, widths=(16, 32))), batch_of(clip, (False, False, False))
    for part in (model.encoder, model.plugin, model.trust, model.plugin_trust):
        part.requires_grad_(False)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=5e-3)
    losses = []
    for _ in range(60):
        terms = model.loss(model.train()(batch.inputs), batch)
        losses.append(float(terms["ppg_shape"].detach()))
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
    assert np.mean(losses[-5:]) < 0.2 < losses[0]


@pytest.mark.parametrize("name", sorted(get_ablations("codephys")))
def test_every_ablation_of_the_recipe_runs(clip, name):
    config = replace(TINY, **get_recipe("codephys", name).config)
    model, batch = made(config).train(), batch_of(clip)
    if config.encoder == "crops":
        batch.inputs["frames"] = torch.randn(3, N, 72, 72, 3, generator=torch.Generator().manual_seed(0))
    terms = model.loss(model(batch.inputs), batch)
    assert all(torch.isfinite(term) for term in terms.values())
    assert ("video_distillation" in terms) == bool(config.distillation)
    assert (terms["video_commitment"] > 0) == config.quantised


# What it is shown ----------------------------------------------------------------------------------------------


def test_rough_wave_is_a_projection_averaged_over_the_skin(clip):
    inputs = inputs_of(clip)
    share = inputs["weight"] / inputs["weight"].sum()
    means = torch.einsum("btnp,bn->btp", inputs["stmap"][..., 3:], share)[0]
    matched = set()
    for _ in range(40):
        wave = rough_wave(inputs)[0]
        k = int((means - wave[:, None]).abs().amax(dim=0).argmin())
        torch.testing.assert_close(means[:, k], wave)
        matched.add(k)
    assert matched == set(range(means.shape[1]))


def test_copies_are_slower_and_standardised_and_only_the_encoder_sees_disturbance():
    torch.manual_seed(0)
    times_s = torch.arange(256) / 30
    wave = torch.sin(2 * torch.pi * 2 * times_s).repeat(16, 1)
    copies = stretched(wave)
    peaks_hz = torch.fft.rfft(copies).abs().argmax(dim=1) * 30 / 256
    assert (peaks_hz <= 2.06).all() and (peaks_hz > 1.3).all() and len(set(peaks_hz.tolist())) > 3
    torch.testing.assert_close(copies.mean(dim=1), torch.zeros(16), atol=1e-4, rtol=0)
    torch.testing.assert_close(copies.std(dim=1), torch.ones(16), atol=0.01, rtol=0)
    assert 0.01 < (disturbed(copies) - copies).std() < 0.4


def test_sizes_of_the_paper_can_be_built():
    model = CodePhys(CodePhysConfig.paper())
    assert model.config.encoder == "crops" and model.codebook.items.shape == (256, 128)
