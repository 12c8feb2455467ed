"""The table on language: what is encoded once, what is shuffled, and what the report says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from rppg_core.lab.protocols.photo import language, windows  # noqa: E402
from rppg_core.lab.protocols.photo.language import GIVEN, LANGUAGES, Variant  # noqa: E402
from rppg_core.lab.simulate.settings import SimulationSettings  # noqa: E402
from rppg_core.lab.simulate.traces import simulate_traces  # noqa: E402
from rppg_core.lab.training.batches import Share  # noqa: E402
from rppg_core.lab.training.mixture import prepare_for_both  # noqa: E402
from rppg_core.lab.training.sources import TraceSource  # noqa: E402
from rppg_core.models.physllm.config import PhysLLMConfig  # noqa: E402
from rppg_core.models.physllm.model import PhysLLM  # noqa: E402
from rppg_core.models.recipe import get_recipe  # noqa: E402

TINY = PhysLLMConfig.tiny()
STEPS = 3


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return PhysLLM(TINY).eval()


@pytest.fixture(scope="module")
def training(model):
    recipe = replace(get_recipe("physllm"), config=TINY, n_frames=64)
    source = TraceSource(
        seed=0, prepare=prepare_for_both(PhysLLM, TINY, ""), n_frames=64, labels=frozenset({"bvp"})
    )
    return language.training_windows(model, recipe, [Share(source, 4)], 4, lambda stage, fraction: None)


@pytest.fixture(scope="module")
def known():
    return [
        simulate_traces(SimulationSettings(seconds=8, hr_bpm=60 + 10 * seed, motion="small", seed=seed))
        for seed in range(6)
    ]


@pytest.fixture(scope="module")
def clips(model, known):
    return [language.held_clip(model, clip, truth) for clip, truth in known]


def test_every_language_meets_every_way_to_give_cues_with_every_seed():
    asked = language.variants()
    assert len(asked) == len(set(asked)) == 3 * 3 * 3


def test_encoded_windows_read_as_the_network_reads_them(model, clips):
    clip, _ = simulate_traces(SimulationSettings(seconds=8, hr_bpm=60, motion="small", seed=0))
    from rppg_core.models.base import run_clip
    from rppg_core.video.prepare import resample

    whole = run_clip(model, resample(clip)).bvp.samples
    mine = language.wave_of_clip(model, clips[0], clips[0])
    assert np.corrcoef(whole[: len(mine)], mine)[0, 1] > 0.99  # maps are kept in half precision


def test_cues_of_another_clip_change_the_waveform_and_nothing_else_is_taken(model, clips):
    own = language.wave_of_clip(model, clips[0], clips[0])
    other = language.wave_of_clip(model, clips[0], clips[3])
    assert not np.allclose(own, other)
    texts = [cue.text for cue in model.write_cues(clips[3].windows.base[:1], clips[3].windows.context[:1])[0]]
    with model.edited(dict(zip(model.config.cues, texts, strict=True))), torch.inference_mode():
        edited = language.read_windows(model, clips[0].windows.rows(slice(0, 1)))
        told = language.read_windows(
            model, clips[0].windows.rows(slice(0, 1)), clips[3].windows.rows(slice(0, 1))
        )
    assert torch.allclose(edited, told, atol=1e-6)


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("name", LANGUAGES)
def test_reader_trains_and_the_encoder_does_not(training, name, given):
    windows, bvp = training
    reader = language.train_reader(Variant(name, given, 0), TINY, windows, bvp, steps=STEPS)
    assert reader.config.language == name and bool(reader.config.cues) == (given != "none")
    torch.manual_seed(0)
    fresh = PhysLLM(reader.config)
    moved = {
        key.split(".")[0]
        for (key, a), b in zip(reader.named_parameters(), fresh.parameters(), strict=True)
        if not torch.equal(a, b)
    }
    assert {"head", "patches", "guidance"} <= moved and "encoder" not in moved


def test_report_has_a_row_for_every_reader_and_compares_cues_with_seeds(training, clips):
    windows, bvp = training
    scores = []
    for variant in (
        Variant("pretrained", "all", 0),
        Variant("pretrained", "all", 1),
        Variant("none", "none", 0),
    ):
        reader = language.train_reader(variant, TINY, windows, bvp, steps=STEPS)
        scores.append(language.score_reader(variant, reader, clips))
    base = language.r_of_clips([language.wave_of_base(clip) for clip in clips], clips)
    text = language.report_text(scores, {language.ENCODER: base}, clips)
    assert "encoder alone" in text and "another seed" in text and "without statistics" in text
    assert set(scores[0].without) == set(TINY.cues) and not scores[2].without
    assert all(value > 0 for value in scores[0].moved.values())


def test_pos_and_a_constant_stand_beside_the_readers(known):
    found = windows.r_beside(known)
    assert list(found) == ["pos", "sine of 97.5 bpm"]
    assert all(len(r) == len(known) for r in found.values())
    assert np.mean(found["pos"]) > np.mean(found["sine of 97.5 bpm"]) + 0.2


def test_encoder_stands_beside_tracenet_and_pos(model, known):
    told = []
    text = language.encoder_text(model, known[:3], lambda stage, fraction: told.append(stage))
    assert "3 clips of photo-v2" in text and "minus tracenet" in text and len(told) == 3
    rows = [line.split("  ")[0] for line in text.splitlines()[2:6]]
    assert rows == ["this network", "its encoder", "tracenet", "pos"]
    whole, base = (
        language.r_of_clips([wave(held)], [held])[0]
        for held in [language.held_clip(model, *known[0])]
        for wave in (lambda h: language.wave_of_clip(model, h, h), language.wave_of_base)
    )
    alone = language.encoder_text(model, known[:1], lambda stage, fraction: None)
    assert f"this network minus its encoder: {whole - base:+.3f}" in alone
    assert f"share of the wavelet branch: {model.stationary.share.item():.2f}" in alone


def test_encoder_on_crops_gets_the_map_of_tracenet_too(monkeypatch, tmp_path, capsys):
    wanted = []
    crops = PhysLLM(replace(TINY, encoder="crops"))
    monkeypatch.setattr(language, "load_model", lambda name, path: crops)
    monkeypatch.setattr(
        language, "stream_clips", lambda version, numbers, needs, runs: wanted.append(needs) or []
    )
    monkeypatch.setattr(language, "encoder_text", lambda model, known, progress: "the table")
    assert language.main(["--encoder", str(tmp_path / "mine.safetensors")]) == 0
    assert capsys.readouterr().out == "\rthe table\n"
    assert wanted[0] >= {"stmap", "crop72"}


def test_weights_that_are_not_there_are_said_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit):
        language.main(["--encoder", str(tmp_path / "none.safetensors")])
    assert "no weights at" in capsys.readouterr().err.splitlines()[-1]
