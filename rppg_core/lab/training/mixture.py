"""Choose the sources of a batch from a recipe and the names given by the user.

"simulated" is the simulator in the proportions set by the recipe. Any other name is a folder of stored clips,
written by `rppg dataset extract` or by `save_clip`. If several sources are named, they have equal shares of a
batch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from rppg_core.analysis.pipeline import CROPS
from rppg_core.errors import UsageError
from rppg_core.lab.datasets.extracted import MANIFEST, ExtractedClip, read_manifest
from rppg_core.lab.datasets.scale import extract_dataset
from rppg_core.lab.datasets.simulated import DOMAINS
from rppg_core.lab.training.batches import Share
from rppg_core.lab.training.clips import ClipSource, clip_files, render_clips
from rppg_core.lab.training.dataset_clips import ExtractedSource, clips_for
from rppg_core.lab.training.sources import Prepare, TraceSource
from rppg_core.lab.training.teacher import prepare_for_both, teacher_needs
from rppg_core.models.base import TASKS
from rppg_core.models.recipe import Recipe
from rppg_core.models.weights import model_class

SIMULATED = "simulated"
PULSE_FREE_STREAM = 99  # of people without a pulse; domains have the first numbers
CLIPS_SEED = 1  # seed of the people in the rendered domain clips; protocol mssdg uses seed 0


def shares_from_recipe(
    recipe: Recipe,
    names: Sequence[str],
    *,
    clips: Path,
    held_out: bool = False,
    progress: Callable[[str, float], None] | None = None,
) -> list[Share]:
    """The sources of a batch and their sizes.

    Args:
        recipe: a recipe with its config.
        names: "simulated", or folders of stored clips, with or without a manifest.
        clips: folder for rendered clips; clips that the recipe requires are rendered into it.
        held_out: True gives samples for validation instead of training.
        progress: called while clips are rendered.

    Returns:
        Shares in the order of the names, `traces + clips` samples in all.

    Raises:
        UsageError: no name, more names than samples, or a folder without stored clips.
    """
    sizes = _batch_sizes(recipe, len(names))
    size = sum(sizes)
    stored = partial(
        ClipSource,
        seed=recipe.seed,
        prepare=_prepare(recipe),
        n_frames=recipe.n_frames,
        held_out=held_out,
        labelled=1.0 if held_out else recipe.labelled,
    )
    shares = []
    for name, part in zip(names, sizes, strict=True):
        if name != SIMULATED and (Path(name) / MANIFEST).is_file():
            found = read_manifest(name)
            group = ", ".join(sorted({clip.dataset for clip in found})) or name
            shares.append(_extracted(recipe, found, part, group, held_out=held_out))
            continue
        if name != SIMULATED:
            clip_files(Path(name), held_out)  # raises here, not in a worker process
            shares.append(Share(stored(folder=Path(name)), part))
            continue
        if recipe.domains:
            shares += _domains(recipe, part, clips, held_out=held_out, progress=progress)
            continue
        n_clips = round(part * recipe.clips / size)
        shares.append(Share(_traces(recipe, held_out=held_out), part - n_clips))
        if n_clips:
            folder = render_clips(recipe, _needs(recipe), clips, progress=progress)
            shares.append(
                Share(stored(folder=folder, labels=frozenset(recipe.labels), kind="rendered"), n_clips)
            )
    shares += _pulse_free(recipe, held_out=held_out)
    return [share for share in shares if share.size]


def shares_of_clips(
    recipe: Recipe, groups: Mapping[str, Sequence[ExtractedClip]], *, held_out: bool = False
) -> list[Share]:
    """Use groups of extracted clips, such as domains, as the sources of a batch.

    Args:
        recipe: a recipe with its config; its `traces + clips` samples are divided evenly.
        groups: name -> clips.
        held_out: True gives every eighth person of each group, for validation, instead of the others.

    Returns:
        One share per group, in the order of the groups.

    Raises:
        UsageError: no group, more groups than samples, or a group with fewer than two clips.
    """
    sizes = _batch_sizes(recipe, len(groups))
    shares = [
        _extracted(recipe, clips, part, name, held_out=held_out)
        for (name, clips), part in zip(groups.items(), sizes, strict=True)
    ]
    return [*shares, *_pulse_free(recipe, held_out=held_out)]


def describe_data(recipe: Recipe, shares: Sequence[Share]) -> str:
    """A description of the training data, for the card."""
    parts = " and ".join(f"{share.size} {share.source.name}" for share in shares)
    taught = f", taught by {recipe.teacher}" if recipe.teacher else ""
    return f"{recipe.steps} steps of {parts}{taught}"


def _domains(
    recipe: Recipe,
    size: int,
    clips: Path,
    *,
    held_out: bool,
    progress: Callable[[str, float], None] | None,
) -> list[Share]:
    """Traces for each simulated domain, with its own labels, and windows of rendered clips of all domains."""
    n_clips = round(size * recipe.clips / (recipe.traces + recipe.clips))
    traces = [
        _traces(
            recipe,
            labels=domain.labels,
            stream=k + 1,
            name=f"traces labelled as {domain.name}",
            held_out=held_out,
        )
        for k, domain in enumerate(DOMAINS)
    ]
    shares = [
        Share(source, part) for source, part in zip(traces, _split(size - n_clips, len(DOMAINS)), strict=True)
    ]
    if not n_clips:
        return shares
    needs = _needs(recipe)
    each = recipe.n_clips // len(DOMAINS)
    folder = clips / f"domains-{each}x{recipe.clip_s:g}s-seed{CLIPS_SEED}-{'-'.join(sorted(needs))}"
    records = [
        record
        for domain in DOMAINS
        for record in domain.records(each, seconds=recipe.clip_s, seed=CLIPS_SEED)
    ]
    extract_dataset(records, folder, needs=needs, workers=os.cpu_count() or 1, progress=progress)
    stored = _extracted(recipe, read_manifest(folder), n_clips, "six simulated domains", held_out=held_out)
    return [*shares, stored]


def _traces(
    recipe: Recipe,
    *,
    held_out: bool,
    labels: Sequence[str] = TASKS,
    stream: int = 0,
    name: str = "simulated traces",
    pulsed: bool = True,
) -> TraceSource:
    """A source of simulated traces with the settings of the recipe."""
    return TraceSource(
        seed=recipe.seed,
        prepare=_prepare(recipe),
        n_frames=recipe.n_frames,
        labels=frozenset(recipe.labels) & frozenset(labels),
        skin_weight=recipe.skin_weight,
        motion=recipe.motion,
        harshness=recipe.harshness,
        held_out=held_out,
        stream=stream,
        name=name,
        pulsed=pulsed,
        partial_pulse=recipe.partial_pulse if pulsed and not held_out else 0.0,
        labelled=1.0 if held_out else recipe.labelled,
        flat_maps=0.0 if held_out else recipe.flat_maps,
        oxygen=recipe.oxygen,
    )


def _pulse_free(recipe: Recipe, *, held_out: bool) -> list[Share]:
    """People without a pulse beside every other source, if the recipe asks for them; none for validation.

    Raises:
        UsageError: the network reads pictures, which traces do not hold.
    """
    if not recipe.pulse_free or held_out:
        return []
    pictures = sorted(_needs(recipe) & CROPS)
    if pictures and not model_class(recipe.method).draws_cells:
        raise UsageError(
            f"a config that reads {pictures[0]}, and {recipe.pulse_free} samples without a pulse",
            wanted="a network that reads no pictures: simulated traces hold none",
            do="set pulse_free=0 in the recipe; its evidence is then not trained",
        )
    source = _traces(
        recipe, held_out=False, stream=PULSE_FREE_STREAM, name="traces without a pulse", pulsed=False
    )
    return [Share(source, recipe.pulse_free)]


def _batch_sizes(recipe: Recipe, n: int) -> list[int]:
    """Number of samples of a batch for each of n sources."""
    size = recipe.traces + recipe.clips
    if not 1 <= n <= size:
        raise UsageError(
            f"{n} sources for a batch of {size}", wanted=f"1 to {size} of them", do="name fewer or more"
        )
    return _split(size, n)


def _split(size: int, n: int) -> list[int]:
    """Divide `size` into n nearly equal parts."""
    return [size // n + (k < size % n) for k in range(n)]


def _prepare(recipe: Recipe) -> Prepare:
    return prepare_for_both(model_class(recipe.method), recipe.config, recipe.teacher)


def _needs(recipe: Recipe) -> frozenset[str]:
    """Fields that a rendered clip must hold: those that the network and its teacher read."""
    own = getattr(recipe.config, "needs", model_class(recipe.method).needs)
    return own | teacher_needs(recipe.teacher) | {"rgb"}


def _extracted(
    recipe: Recipe, clips: Sequence[ExtractedClip], size: int, group: str, *, held_out: bool
) -> Share:
    chosen = clips_for(clips, recipe.n_frames, group, held_out=held_out)
    prepare = _prepare(recipe)
    labels = frozenset(recipe.labels)
    speeds = (1.0, 1.0) if held_out else recipe.speeds
    share = 1.0 if held_out else recipe.labelled
    source = ExtractedSource(
        chosen, group, recipe.seed, prepare, recipe.n_frames, held_out, labels, speeds, share
    )
    return Share(source, size)
