"""What PhysLLM's words changed, what it does not know of them, and which windows are read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from rppg_core.lab.simulate.settings import SimulationSettings  # noqa: E402
from rppg_core.lab.simulate.traces import simulate_traces  # noqa: E402
from rppg_core.models.base import run_clip  # noqa: E402
from rppg_core.models.physllm.config import PhysLLMConfig  # noqa: E402
from rppg_core.models.physllm.explain import (  # noqa: E402
    change_between,
    cut_windows,
    read_window,
    spelled_words,
)
from rppg_core.models.physllm.language_model import MOST_TOKENS  # noqa: E402
from rppg_core.models.physllm.model import PhysLLM  # noqa: E402
from rppg_core.signals.spectrum import heart_rate_from_bvp  # noqa: E402
from rppg_core.video.prepare import resample  # noqa: E402

TIMES_S = np.arange(256) / 30


@pytest.fixture(scope="module")
def clip():
    return resample(simulate_traces(SimulationSettings(seconds=8, hr_bpm=75, seed=5))[0])


@pytest.fixture(scope="module")
def model():
    """A tiny network on the bundled language model."""
    torch.manual_seed(0)
    return PhysLLM(PhysLLMConfig.tiny()).eval()


def test_change_is_one_minus_r_whatever_the_scale():
    wave = np.sin(2 * np.pi * 1.2 * TIMES_S)
    assert change_between(wave, 3 * wave + 5) == pytest.approx(0, abs=1e-12)
    assert change_between(wave, -wave) == pytest.approx(2)
    noise = np.random.default_rng(0).standard_normal(len(wave))
    expected = 1 - np.corrcoef(wave, wave + noise)[0, 1]
    assert change_between(wave, wave + noise) == pytest.approx(expected)


def test_change_to_a_flat_wave_is_not_defined():
    assert np.isnan(change_between(np.sin(TIMES_S), np.zeros(256)))


def test_words_outside_the_vocabulary_are_named_once_and_those_of_the_cues_are_known(model, clip):
    found = spelled_words(model.language, "The zebra is dimly lit; a zebra-like face, 12 pixels wide.")
    assert found[0] == "zebra" and found.count("zebra") == 1
    assert not {"The", "is", "dimly", "lit", "face", "pixels", "wide"} & set(found)
    assert all(
        cue.spelled == () and cue.cut == 0 for cue in read_window(model, next(cut_windows(clip, 64))).cues
    )


def test_tokens_that_are_cut_off_are_counted(model, clip):
    with model.edited({"context": "face " * 300}):
        cue = read_window(model, next(cut_windows(clip, 64))).cues[1]
    assert len(cue.words) == MOST_TOKENS
    assert cue.cut >= 300 - MOST_TOKENS


def test_windows_overlap_by_half_and_short_segments_are_skipped(clip):
    starts_s = [float(window.times_s[0]) for window in cut_windows(clip, 64)]
    assert np.diff(starts_s[:3]) == pytest.approx(32 / 30, abs=1e-3)
    valid = clip.valid.copy()
    valid[50:60] = False  # 1.7 s before the gap
    first = next(cut_windows(replace(clip, valid=valid), 64))
    assert first.times_s[0] == pytest.approx(2, abs=1e-6)


def test_report_keeps_shares_of_the_cues_and_spectra_of_both_pulses(model, clip):
    inside = run_clip(model, clip).inside
    assert inside["cue_shares"].sum() == pytest.approx(1, abs=1e-5)
    assert inside["rough_power"].sum() == pytest.approx(1, abs=1e-5)
    windows = [read_window(model, window) for window in cut_windows(clip, 64)]
    rates = [heart_rate_from_bvp(window.base, 30.0) for window in windows]
    peak_bpm = inside["rates_bpm"][inside["rough_power"].argmax()]
    assert min(rates) - 15 <= peak_bpm <= max(rates) + 15  # a window of 2 s resolves 28 bpm


def test_shuffled_words_are_those_found_each_in_the_place_of_another(model, clip):
    window = read_window(model, next(cut_windows(clip, 64)))
    own, dealt = (
        [word for words in rows for word in words] for rows in (window.patch_words, window.shuffled_words)
    )
    assert {*own} == {*dealt} and all(a != b for a, b in zip(own, dealt, strict=True))
    assert len({*zip(own, dealt, strict=True)}) == len({*own})


def test_training_makes_nothing_but_the_pulse(model, clip):
    arrays = model.inputs_from_clip(next(cut_windows(clip, 64)), model.config)
    inputs = {name: torch.from_numpy(np.asarray(x, np.float32))[None] for name, x in arrays.items()}
    with torch.no_grad():
        assert set(model(inputs)) == {"bvp", "rates_bpm", "rough_power", "pulse_power", "cue_shares"}
        pytest.importorskip("peft")
        assert set(PhysLLM(PhysLLMConfig.tiny()).train()(inputs)) == {"bvp"}
