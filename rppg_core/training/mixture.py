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
from rppg_core.training.clips import ClipSource, clip_files, render_clips
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
            clip_files(Path(name), held_out)  # complains now, not in a worker
            shares.append(Share(stored(folder=Path(name)), part))
            continue
        n_clips = round(part * recipe.clips / size)
        traces = TraceSource(
            seed=recipe.seed, prepare=prepare, n_frames=recipe.n_frames, labels=frozenset(recipe.labels),
            skin_weight=recipe.skin_weight, motion=recipe.motion, harshness=recipe.harshness, held_out=held_out,
        )  # fmt: skip
        shares.append(Share(traces, part - n_clips))
        if n_clips:
            folder = render_clips(recipe, model.needs | {"rgb"}, clips, progress=progress)
            shares.append(
                Share(stored(folder=folder, labels=frozenset(recipe.labels), kind="rendered"), n_clips)
            )
    return [share for share in shares if share.size]


def words_of(recipe: Recipe, shares: Sequence[Share]) -> str:
    """The data in words, for the card."""
    parts = " and ".join(f"{share.size} {share.source.name}" for share in shares)
    return f"{recipe.steps} steps of {parts}"
