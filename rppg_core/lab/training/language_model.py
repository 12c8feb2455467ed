"""The small language model of PhysLLM: a tokenizer and a causal model, trained from scratch on cues that we generate.

    python -m rppg_core.lab.training.language_model FOLDER

The corpus holds what cues can say, of clips that do not exist: random measurements of a scene, random rough pulses
with the statistics that belong to them, and the task. So the model learns the words, and how the numbers hang
together: which rate belongs to a lag, which words to bright light. It has seen no face and no label.
Axis letters: B batch, N token.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rppg_core.models.physllm.context import QUANTITIES
from rppg_core.models.physllm.cues import context_cue, statistics_cue, task_cue
from rppg_core.types import FS, HR_BAND_HZ, Progress

END = "<end>"  # between texts, and the padding
UNKNOWN = 0.15  # share of the measurements of a scene that are missing


@dataclass(frozen=True, kw_only=True)
class LanguageRecipe:
    """Everything that determines the bundled language model."""

    seed: int = 0
    words: int = 1024  # vocabulary
    width: int = 128
    layers: int = 4
    heads: int = 4
    inside: int = 352  # width of the feed-forward layers
    steps: int = 600
    batch: int = 16
    n_tokens: int = 192
    lr: float = 3e-3
    tokenizer_texts: int = 2000  # that the vocabulary is taken from


def texts(rng: np.random.Generator) -> Iterator[str]:
    """An endless corpus: the cues of clips that do not exist, in any order."""
    while True:
        cues = [task_cue(), context_cue(random_context(rng)), statistics_cue(rough_pulse(rng))]
        yield " ".join(cues[k].text for k in rng.permutation(3))


def random_context(rng: np.random.Generator) -> np.ndarray:
    """Measurements of a scene, each grade as likely as the others, some of them missing."""
    values = []
    for quantity in QUANTITIES:
        bounds = np.array(quantity.bounds, float)
        reach = np.ptp(bounds) / 2 if len(bounds) > 1 else abs(bounds[0])
        edges = [bounds[0] - reach, *bounds, bounds[-1] + reach]
        grade = rng.integers(len(edges) - 1)
        values.append(rng.uniform(edges[grade], edges[grade + 1]))
    return np.where(rng.uniform(size=len(values)) < UNKNOWN, np.nan, values).astype(np.float32)


def rough_pulse(rng: np.random.Generator, n: int = 256) -> np.ndarray:
    """A pulse with a second harmonic, a slow wave and noise, as an encoder may give it."""
    t, hz = np.arange(n) / FS, rng.uniform(*HR_BAND_HZ)
    phase = 2 * np.pi * (hz * t + rng.uniform()) + 0.3 * np.cumsum(rng.standard_normal(n)) / FS
    wave = np.sin(phase) + rng.uniform(0, 0.5) * np.sin(2 * phase + rng.uniform(0, 6))
    wave += rng.uniform(0, 1) * np.sin(2 * np.pi * (rng.uniform(0.1, 0.5) * t + rng.uniform()))
    return wave + rng.uniform(0, 1.5) * rng.standard_normal(n)


def train_tokenizer(recipe: LanguageRecipe) -> Any:
    """Byte pairs of the corpus; digits stand alone, and any text can be written."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=recipe.words,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    corpus = texts(np.random.default_rng([recipe.seed, 1]))
    tokenizer.train_from_iterator((next(corpus) for _ in range(recipe.tokenizer_texts)), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, pad_token=END)


def train_language_model(
    recipe: LanguageRecipe, *, progress: Progress | None = None
) -> tuple[Any, Any, dict[str, float]]:
    """Train it.

    Returns:
        The model, its tokenizer, and its loss in nats per token: of the last steps, on texts of another seed, and of
        the frequencies of the tokens alone.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = train_tokenizer(recipe)
    torch.manual_seed(recipe.seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=recipe.width, num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads, intermediate_size=recipe.inside, max_position_embeddings=1024,
            tie_word_embeddings=True, bos_token_id=0, eos_token_id=0, pad_token_id=0,
        )
    )  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.lr, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.lr, total_steps=recipe.steps, pct_start=0.1
    )
    batches, losses = _batches(tokenizer, recipe, stream=2), []
    for step in range(recipe.steps):
        loss = _loss(model, next(batches))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
        if progress is not None and step % 10 == 0:
            progress(
                f"language model: step {step} of {recipe.steps}, loss {losses[-1]:.2f}", step / recipe.steps
            )
    with torch.inference_mode():
        held_out = [next(_batches(tokenizer, recipe, stream=3)) for _ in range(4)]
        unseen = float(np.mean([float(_loss(model.eval(), batch)) for batch in held_out]))
    shares = np.bincount(torch.cat(held_out).flatten().numpy()) / torch.cat(held_out).numel()
    shares = shares[shares > 0]
    return model, tokenizer, {
        "last 50 steps": float(np.mean(losses[-50:])),
        "held out": unseen,
        "frequencies alone": float(-(shares * np.log(shares)).sum()),
    }  # fmt: skip


def _batches(tokenizer: Any, recipe: LanguageRecipe, *, stream: int) -> Iterator[Tensor]:
    """Stretches of the corpus, (B, N)."""
    corpus, ids = texts(np.random.default_rng([recipe.seed, stream])), []
    size = recipe.batch * recipe.n_tokens
    while True:
        while len(ids) < size:
            ids += [*tokenizer.encode(next(corpus)), 0]
        yield torch.tensor(ids[:size]).reshape(recipe.batch, recipe.n_tokens)
        ids = ids[size:]


def _loss(model: Any, batch: Tensor) -> Tensor:
    """Cross-entropy of each next token."""
    return model(input_ids=batch, labels=batch).loss


def main(argv: list[str] | None = None) -> int:
    """Train, print what was reached, and save in half precision."""
    parser = argparse.ArgumentParser(
        description="Train the small language model of PhysLLM (3 minutes on one core)."
    )
    parser.add_argument("folder", type=Path, help="where save_pretrained writes it")
    parser.add_argument("--steps", type=int, default=LanguageRecipe.steps)
    parser.add_argument("--seed", type=int, default=LanguageRecipe.seed)
    asked = parser.parse_args(argv)
    recipe = LanguageRecipe(steps=asked.steps, seed=asked.seed)

    def tell(stage: str, fraction: float) -> None:
        print(f"{fraction:4.0%}  {stage}", file=sys.stderr)

    model, tokenizer, losses = train_language_model(recipe, progress=tell)
    model.half().save_pretrained(asked.folder)
    (asked.folder / "model.safetensors").chmod(
        0o644
    )  # safetensors makes files that only their owner can read
    tokenizer.save_pretrained(asked.folder)
    card = card_text(recipe, sum(p.numel() for p in model.parameters()), len(tokenizer), losses)
    asked.folder.with_name(f"{asked.folder.name}.md").write_text(card, encoding="utf-8")
    print(card)
    return 0


def card_text(recipe: LanguageRecipe, n_weights: int, n_words: int, losses: Mapping[str, float]) -> str:
    """What the model is, as markdown."""
    lines = [
        "# Language model of PhysLLM",
        "",
        f"A causal model of {n_weights} weights and {n_words} words, trained from scratch on generated cues.",
        "It has seen no face, no label and no other text, and can say nothing but such cues. Saved by",
        "`save_pretrained` in half precision; `make language-model` makes it again.",
        "",
        "| loss, nats per token | |",
        "|---|---|",
        *(f"| {name} | {value:.3f} |" for name, value in losses.items()),
        "",
        "| recipe | value |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in asdict(recipe).items()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
