"""PhysVLM: what it reads, how long its waveforms are, its switches, and what it learns from a teacher."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from rppg_core.models.base import TASKS, Batch, run_clip  # noqa: E402
from rppg_core.models.physvlm import PhysVLM, PhysVLMConfig  # noqa: E402
from rppg_core.models.physvlm.muting import muted_maps, octave_edges_hz  # noqa: E402
from rppg_core.types import NEONATAL_HR_BAND_HZ  # noqa: E402
from rppg_core.video.prepare import cut, resample  # noqa: E402
from tests.models.taught import teacher_of  # noqa: E402

TINY = PhysVLMConfig.tiny()
SWITCHES = {
    "whole": {}, "no wavelets": {"wavelet_block": False}, "no attention": {"attention": False},
    "no consistency": {"consistency": False}, "no teacher": {"distillation": False},
    "learned": {"learned_filters": True}, "haar": {"wavelet": "haar"},
}  # fmt: skip


def inputs(n: int = TINY.window, b: int = 2) -> dict[str, torch.Tensor]:
    maker = torch.Generator().manual_seed(0)
    return {"stmap": torch.randn(b, n, 36, 9, generator=maker), "weight": torch.rand(b, 36, generator=maker)}


def batch(teacher=None, done: float = 1.0) -> Batch:
    rates = {"hr": torch.tensor([70.0, 110.0]), "rr": torch.tensor([12.0, 20.0]), "spo2": torch.zeros(2)}
    waves = {task: torch.randn(2, TINY.window) for task in ("bvp", "resp")}
    known = {task: torch.ones(2, dtype=torch.bool) for task in TASKS}
    return Batch(inputs(), rates | waves, known, done, teacher)


@pytest.mark.parametrize("changes", SWITCHES.values(), ids=SWITCHES)
def test_every_switch_gives_both_waveforms_and_trains(changes):
    torch.manual_seed(0)
    model = PhysVLM(replace(TINY, **changes)).train()
    made = batch()
    terms = model.loss(model(made.inputs), made)
    sum(terms.values()).backward()
    assert all(p.grad is not None for p in model.parameters())
    found = model.eval()(made.inputs)
    assert found["bvp"].shape == found["resp"].shape == (2, TINY.window)
    assert ("gates" in found) == model.config.wavelet_block
    assert ("attention" in found) == model.config.attention


@pytest.mark.parametrize("n", [60, 61, 90, 127, 128])
def test_waveforms_are_as_long_as_the_map_whatever_its_length(n):
    model = PhysVLM(TINY).eval()
    found = model(inputs(n))
    assert found["bvp"].shape == found["resp"].shape == (2, n)


def test_a_sample_does_not_depend_on_its_batch():
    torch.manual_seed(0)
    model, both = PhysVLM(TINY).eval(), inputs()
    alone = model({name: x[:1] for name, x in both.items()})
    torch.testing.assert_close(alone["bvp"], model(both)["bvp"][:1], atol=1e-5, rtol=1e-4)


def test_a_clip_gets_pulse_and_breath_and_the_report_keeps_gates_and_attention(windows):
    clip, _ = windows[0]
    torch.manual_seed(0)
    found = run_clip(PhysVLM(TINY).eval(), resample(clip))
    assert found.bvp is not None and found.resp is not None
    assert found.inside["gates"].shape == (2, TINY.levels + 1)
    assert found.inside["attention"].shape == (2, 36)
    assert found.inside["frequency"].shape == (2,)
    assert found.inside["octaves"].sum() == pytest.approx(1)
    spectra = found.inside["muted"]
    assert spectra.shape[0] == TINY.levels + 2
    assert not torch.allclose(*torch.from_numpy(spectra[:2]))


def test_teacher_is_heard_in_training_more_and_more_and_never_at_use():
    torch.manual_seed(0)
    taught = teacher_of("physvlm", 2)
    model = PhysVLM(TINY).train()
    outputs = model(inputs())
    late, early, alone = (
        model.loss(outputs, one) for one in (batch(taught), batch(taught, done=0.02), batch())
    )
    assert set(late) - set(alone) == {"opinion", "alike"} and alone["embedding"] == 0
    assert 0 < early["embedding"] < 0.2 * late["embedding"]
    assert "student" not in model.eval()(inputs())


@pytest.mark.parametrize(("hz", "octave"), [(0.1, 5), (0.33, 4), (0.66, 3), (1.3, 2), (2.6, 1), (5.3, 0)])
def test_a_muted_octave_takes_a_tone_inside_it_and_leaves_the_others(hz, octave):
    tone = torch.sin(2 * torch.pi * hz * torch.arange(512) / 30)[:, None, None].expand(-1, 3, 2)
    maps = muted_maps(tone, PhysVLMConfig.small(), "db4")
    left = maps[1:].square().mean(dim=(1, 2, 3)) / tone.square().mean()
    assert left.argmin() == octave and left[octave] < 0.3
    low, high = octave_edges_hz(PhysVLMConfig.small())[octave]
    assert low < hz < high
    torch.testing.assert_close(maps[0], tone)


def test_a_clip_too_short_for_the_octaves_is_left_alone(windows):
    clip, _ = windows[0]
    short = cut(resample(clip), slice(0, 70))
    assert PhysVLM(PhysVLMConfig.small()).beside(short) == {}


def test_preset_for_newborns_looks_for_their_rates():
    model = PhysVLM(TINY.neonatal())
    assert model.attentions["hr"].band_hz == NEONATAL_HR_BAND_HZ


def test_shipped_sizes_are_below_three_megabytes():
    n = sum(p.numel() for p in PhysVLM(PhysVLMConfig.small()).parameters())
    assert 2 * n < 3e6  # half precision
    assert PhysVLMConfig.small().window / 30 > 17
