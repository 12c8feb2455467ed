"""The language model of PhysLLM: its corpus, its tokenizer, and that the bundled one is what the recipe makes."""

from __future__ import annotations

import re
from dataclasses import asdict

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from rppg_core.lab.training.language_model import (  # noqa: E402
    LanguageRecipe,
    main,
    random_context,
    rough_pulse,
    texts,
)
from rppg_core.models.physllm.cues import context_cue, statistics_cue, task_cue  # noqa: E402
from rppg_core.models.physllm.language_model import (  # noqa: E402
    BUNDLED,
    BUNDLED_FOLDER,
    LanguageModel,
    load_language_model,
)


@pytest.fixture(scope="module")
def bundled() -> LanguageModel:
    return LanguageModel(*load_language_model(BUNDLED)).eval()


def cues(seed: int) -> list[str]:
    rng = np.random.default_rng([seed, 9])
    made = [task_cue(), context_cue(random_context(rng)), statistics_cue(rough_pulse(rng))]
    return [cue.text for cue in made]


def loss(model: LanguageModel, text: str) -> float:
    """Cross-entropy of each token after the first, in nats."""
    ids = model.tokenize([text])[0]
    hidden = model(model.body.get_input_embeddings()(ids))
    return float(torch.nn.functional.cross_entropy((hidden @ model.words.T)[0, :-1], ids[0, 1:]))


def test_corpus_holds_all_three_cues_and_depends_on_its_seed():
    first, again, other = (next(texts(np.random.default_rng(seed))) for seed in (0, 0, 1))
    assert first == again != other
    assert task_cue().text in first and "pulse estimate lies between" in first


@pytest.mark.parametrize("seed", range(5))
def test_tokens_of_any_text_read_back_as_the_text(bundled, seed):
    for text in (*cues(seed), "Ünïcode, 12.5 % — and words nobody generated?"):
        assert bundled.tokenizer.decode(bundled.tokenize([text])[0][0]) == text


def test_digits_stand_alone(bundled):
    ids = bundled.tokenize(["137 per minute"])[0][0]
    assert [bundled.tokenizer.decode([k]) for k in ids[:3]] == ["1", "3", "7"]


def test_bundled_model_has_learned_the_cues_and_not_other_words(bundled):
    with torch.no_grad():
        known = np.mean([loss(bundled, text) for seed in range(5) for text in cues(seed)])
        shuffled = np.mean([
            loss(bundled, " ".join(np.random.default_rng(seed).permutation(text.split())))
            for seed in range(5) for text in cues(seed)
        ])  # fmt: skip
    assert known < 1.5 < shuffled


def test_bundled_model_knows_which_rate_belongs_to_a_lag(bundled):
    """It was only told by examples that 25 frames at 30 Hz are 72 per minute."""
    words = "The pulse estimate lies between -1.9 and 1.8 standard deviations, its median is 0.07, and it ends higher"
    with torch.no_grad():
        right, wrong = (
            loss(
                bundled,
                f"{words} than it begins, by 0.5. It repeats itself after {lag} frames, {rate} per minute.",
            )
            for lag, rate in ((25, "72"), (25, "138"))
        )
    assert right < wrong


def test_card_names_the_committed_recipe(bundled):
    card = BUNDLED_FOLDER.with_name(f"{BUNDLED_FOLDER.name}.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\w+) \| ([\d.]+) \|$", card, re.M))
    assert rows == {name: str(value) for name, value in asdict(LanguageRecipe()).items()}
    size = sum(p.numel() for p in bundled.body.parameters())
    assert f"{size} weights and {len(bundled.tokenizer)} words" in card


def test_command_saves_a_folder_that_loads(tmp_path, capsys):
    assert main([str(tmp_path / "model"), "--steps", "2"]) == 0
    assert capsys.readouterr().out.strip() == (tmp_path / "model.md").read_text(encoding="utf-8").strip()
    body, tokenizer = load_language_model(str(tmp_path / "model"))
    assert len(tokenizer) <= body.get_input_embeddings().weight.shape[0]
