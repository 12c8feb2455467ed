"""Which sources a batch is mixed of, from a recipe and the names a user gives.

Floor 6. "simulated" is the simulator in the recipe's own proportions; anything else is a folder of stored clips.
Sources share a batch evenly when several are named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rppg_core.errors import UsageError
from rppg_core.training.batches import Share
from rppg_core.training.clips import ClipSource, render_clips
from rppg_core.training.recipes import Recipe
from rppg_core.training.sources import TraceSource
from rppg_core.weights import model_class

SIMULATED = "simulated"


def shares_of(
    recipe: Recipe,
    names: Sequence[str],
    *,
    clips: Path,
    held_out: bool = False,
    progress: Callable[[str, float], None] | None = None,
) -> list[Share]:
    """The sources of a batch with their sizes.

    Args:
        recipe: with its config.
        names: "simulated", or folders of stored clips.
        clips: folder for rendered clips; they are made here when the recipe wants some.
        held_out: the samples for validation instead of those for training.
        progress: told while clips are rendered.

    Returns:
        Shares in the order of the names, `traces + clips` samples in all.

    Raises:
        UsageError: no name, more names than samples, or a folder without stored clips.
    """
    size = recipe.traces + recipe.clips
    if not 1 <= len(names) <= size:
        raise UsageError(
            f"{len(names)} sources for a batch of {size}",
            wanted=f"1 to {size} of them",
            do="name fewer or more",
        )
    model = model_class(recipe.method)
    prepare = partial(model.inputs_of, config=recipe.config)
    stored = partial(
        ClipSource, seed=recipe.seed, prepare=prepare, n_frames=recipe.n_frames, held_out=held_out
    )
    shares = []
    for k, name in enumerate(names):
        part = size // len(names) + (k < size % len(names))
        if name != SIMULATED:
            shares.append(Share(stored(folder=Path(name)), part))
            continue
        n_clips = round(part * recipe.clips / size)
        traces = TraceSource(
            seed=recipe.seed, prepare=prepare, n_frames=recipe.n_frames, labels=frozenset(recipe.labels),
            skin_weight=recipe.skin_weight, motion=recipe.motion, held_out=held_out,
        )  # fmt: skip
        shares.append(Share(traces, part - n_clips))
        if n_clips:
            folder = render_clips(recipe, model.needs | {"rgb"}, clips, progress=progress)
            shares.append(Share(stored(folder=folder, labels=frozenset(recipe.labels)), n_clips))
    return [share for share in shares if share.size]


def words_of(recipe: Recipe, names: Sequence[str]) -> str:
    """The data in words, for the card."""
    size, parts = recipe.traces + recipe.clips, []
    for name in names:
        if name != SIMULATED:
            parts.append("clips of a folder of recordings")
            continue
        parts.append(f"simulated traces, {recipe.steps} steps of {size // len(names)} fresh samples")
        if recipe.clips:
            parts.append(
                f"{recipe.clips / size:.0%} of them windows of {recipe.n_clips} rendered, encoded clips"
            )
    return "; ".join(parts)
