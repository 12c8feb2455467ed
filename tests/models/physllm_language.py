"""A language model of a few thousand weights in a folder, made by the code that makes the bundled one."""

from __future__ import annotations

from pathlib import Path

from rppg_core.lab.training.language_model import LanguageRecipe, train_language_model

TINY = LanguageRecipe(words=400, width=32, layers=2, heads=2, inside=48, steps=2, batch=2, tokenizer_texts=60)


def save_tiny_language_model(folder: Path, *, seed: int = 0) -> Path:
    """Train for two steps and save, as `save_pretrained` does."""
    from dataclasses import replace

    model, tokenizer, _ = train_language_model(replace(TINY, seed=seed))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
