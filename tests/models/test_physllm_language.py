"""The language model: loaded, frozen, adapted, recognised again; and the texts that it reads."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from rppg_core.errors import ModelFileError  # noqa: E402
from rppg_core.models.physllm.cues import statistics_cue, statistics_from_wave, task_cue  # noqa: E402
from rppg_core.models.physllm.language_model import (  # noqa: E402
    AttentionLayer,
    LanguageModel,
    fingerprint,
    load_language_model,
)
from tests.models.physllm_language import save_tiny_language_model  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_language_model(tmp_path_factory.mktemp("language") / "tiny")


def language(folder, **changes) -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(*load_language_model(str(folder)), rank=2, alpha=4.0, **changes)


def learned(model: LanguageModel) -> LanguageModel:
    """With changes that are not zero, as after training."""
    torch.manual_seed(1)
    for weight in model.adapters.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return model


TOKENS = torch.randn(2, 7, 32, generator=torch.Generator().manual_seed(0))


def test_weights_hold_the_low_rank_changes_alone(folder):
    model = language(folder)
    assert len(model.state_dict()) == 2 * 2 * 2  # layers, projections, matrices
    assert sum(p.numel() for p in model.parameters()) == 2 * 2 * 2 * 2 * 32
    assert not any(p.requires_grad for p in model.body.parameters())


def test_new_changes_change_nothing(folder):
    with torch.no_grad():
        plain = load_language_model(str(folder))[0](inputs_embeds=TOKENS).last_hidden_state
        assert torch.allclose(language(folder).eval()(TOKENS), plain, atol=1e-6)


def test_use_without_peft_equals_peft(folder):
    pytest.importorskip("peft")
    trained = learned(language(folder, dropout=0.0)).train()
    loss = trained(TOKENS).square().sum()
    loss.backward()
    assert all(p.grad is not None and p.grad.any() for p in trained.adapters.parameters())
    assert not any(p.grad is not None for name, p in trained.body.named_parameters() if "lora" not in name)
    used = learned(language(folder)).eval()
    with torch.no_grad():
        assert torch.allclose(used(TOKENS), trained.eval()(TOKENS), atol=1e-5)


def test_changes_that_are_trained_on_are_used_and_not_those_of_before(folder):
    model = language(folder).eval()
    with torch.no_grad():
        before = model(TOKENS)
        learned(model)
        assert not torch.allclose(model(TOKENS), before)


def test_copies_are_independent(folder):
    model = learned(language(folder)).eval()
    with torch.no_grad():
        before = model(TOKENS)
        other = copy.deepcopy(model)
        for weight in other.adapters.parameters():
            weight.zero_()
        assert not torch.allclose(other(TOKENS), before)
        assert torch.equal(model(TOKENS), before)


def test_hidden_states_look_back_only(folder):
    model = language(folder).eval()
    later = TOKENS.clone()
    later[:, 4:] += 1
    with torch.no_grad():
        assert torch.allclose(model(TOKENS)[:, :4], model(later)[:, :4], atol=1e-5)
        attention = model.attention(TOKENS)
    assert torch.allclose(attention.sum(dim=2), torch.ones(2, 7), atol=1e-5)
    assert not attention.triu(1).any()


def test_control_layer_looks_back_only_too():
    layer, later = AttentionLayer(32).eval(), TOKENS.clone()
    later[:, 4:] += 1
    assert torch.allclose(layer(TOKENS)[:, :4], layer(later)[:, :4], atol=1e-5)
    assert not layer.attention(TOKENS).triu(1).any()


def test_fingerprint_is_that_of_the_folder_whatever_is_learned_on_top(folder, tmp_path):
    known = fingerprint(language(folder))
    used = learned(language(folder)).eval()
    with torch.no_grad():
        used(TOKENS)
    assert fingerprint(used) == known
    assert fingerprint(language(save_tiny_language_model(tmp_path, seed=1))) != known


def test_random_weights_are_the_same_every_time_and_not_the_models_own(folder):
    first, second = (load_language_model(str(folder), random=True)[0] for _ in range(2))
    own = load_language_model(str(folder))[0]
    name, values = next(iter(first.named_parameters()))
    assert torch.equal(values, dict(second.named_parameters())[name])
    assert not torch.equal(values, dict(own.named_parameters())[name])


def test_texts_are_padded_and_masked(folder):
    words, real = language(folder).embed(["The pulse", "The pulse estimate lies between"])
    assert words.shape[:2] == real.shape and real[0].sum() < real[1].sum() == real.shape[1]


def test_a_name_that_cannot_be_loaded_says_so_at_once():
    with pytest.raises(ModelFileError, match="no language model 'nobody/nothing'"):
        load_language_model("nobody/nothing")


def test_a_folder_without_a_model_says_so(tmp_path):
    with pytest.raises(ModelFileError, match=r"wanted.*config.json"):
        load_language_model(str(tmp_path))


def test_a_tokenizer_with_more_words_than_the_table_is_refused(folder, tmp_path):
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path)
    small = LlamaConfig(
        vocab_size=50, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    LlamaForCausalLM(small).save_pretrained(tmp_path)
    with pytest.raises(ModelFileError, match="50 rows"):
        load_language_model(str(tmp_path))


@given(st.integers(40, 185), st.integers(0, 100))
@settings(max_examples=30, deadline=None)
def test_strongest_lag_is_the_period_of_the_pulse(bpm, seed):
    t = np.arange(256) / 30
    wave = np.sin(2 * np.pi * bpm / 60 * t + seed) + 0.1 * np.random.default_rng(seed).standard_normal(256)
    lags = [value for name, value in statistics_from_wave(wave, 30.0).items() if name.startswith("lag")]
    period = 1800 / bpm
    multiple = max(1, round(lags[0] / period))
    assert abs(lags[0] - multiple * period) < 1.5


def test_every_number_in_the_statistics_is_in_its_text_to_three_digits():
    wave = 7 * np.sin(np.arange(256) / 4) + np.random.default_rng(0).standard_normal(256) + 100
    cue = statistics_cue(wave)
    for name, value in cue.numbers.items():
        shown = (
            f"{abs(value):.3g}"
            if name == "rise"
            else f"{value:.0f} frames"
            if "lag" in name
            else f"{value:.3g}"
        )
        assert shown in cue.text


def test_released_lags_are_zero_and_its_neighbours():
    wave = np.sin(2 * np.pi * 1.2 * np.arange(128) / 30)
    lags = statistics_from_wave(wave, 30.0, released=True)
    assert lags["lag_1_frames"] == 0 and {1, 127} & {lags["lag_2_frames"], lags["lag_3_frames"]}


def test_task_says_what_differs_between_recordings():
    assert all(word in task_cue().text for word in ("skin", "age", "gender", "light"))
