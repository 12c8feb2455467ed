"""One network per split, method, variant and seed, trained on the split's training clips and nothing else.

Each training has its own folder below `runs`, named after the split, a fingerprint of its clips and the hash of its
recipe: a stopped run continues, a finished one is kept, and other clips or settings use another folder.
Trainings run in parallel processes, one core each. Recipes are those of `rppg train` with steps, seed and
sources replaced: stored clips only, equally many from each source domain in every batch, played slower or faster (a
few people have few heart rates), no curriculum, and a moving average of the weights over the same share of the
steps. No checkpoint is selected: the last weights are used, and the clips held out for monitoring come from the
sources, never from the target.
Source: Wang et al. 2025, PhysMLE (a mini-batch of two per source domain and step).
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rppg_core.errors import RppgError
from rppg_core.lab.datasets.extracted import ExtractedClip
from rppg_core.lab.protocols.held_out.scores import ScoredMethod
from rppg_core.lab.protocols.held_out.splits import Split, by_domain
from rppg_core.lab.protocols.held_out.trained import Trained
from rppg_core.lab.workers import WorkerPool
from rppg_core.types import Progress

if TYPE_CHECKING:
    from rppg_core.models.recipe import Recipe

BATCH = 10  # samples per step: two from each of five source domains
WATCHED = 48  # held-out samples of the sources, validated once, after the last step
POLL_S = 1.0  # interval at which the progress of the trainings is read from their logs


class StoppedError(RppgError):
    """A training was stopped; its progress is kept."""

    exit_code = 130


@dataclass(frozen=True)
class Task:
    """One training."""

    split: str
    recipe: Recipe  # settled
    groups: Mapping[str, Sequence[ExtractedClip]]  # source domain -> its clips
    runs: Path  # folder in which the training creates its own

    @property
    def folder(self) -> Path:
        from rppg_core.lab.training.loop import run_name

        return self.runs / run_name(self.recipe)

    @property
    def weights(self) -> Path:
        return self.folder / f"{self.recipe.method}.safetensors"

    @property
    def scored_method(self) -> ScoredMethod:
        recipe = self.recipe
        return ScoredMethod(recipe.method, recipe.seed, self.weights, recipe.variant, recipe.steps)


def list_tasks(
    split: Split[ExtractedClip],
    method: str,
    *,
    steps: int,
    seeds: Iterable[int],
    runs: Path,
    variant: str = "",
    speeds: tuple[float, float] | None = None,
) -> list[Task]:
    """The trainings of one network on one split.

    Args:
        split: with training clips.
        method: a network.
        steps: number of steps of every training.
        seeds: one training per seed.
        runs: folder of all runs.
        variant: name of one of its ablations.
        speeds: lowest and highest speed at which clips are played; None: DATASET_SPEEDS.

    Raises:
        UsageError: the network has no recipe or no such variant, `steps` is below 1, or its teacher or initial
            weights may have seen the test clips.
    """
    from rppg_core.lab.protocols.held_out.unseen import require_unseen
    from rppg_core.models.recipe import recipe_hash

    groups, tasks = by_domain(split.train), []
    place = runs / f"{'-'.join(split.name.split())}-{fingerprint(split.train)}"
    for seed in seeds:
        recipe = split_recipe(
            method, steps=steps, seed=seed, n_groups=len(groups), variant=variant, speeds=speeds
        )
        require_unseen(recipe, split)
        folder = place / f"{steps}-steps-{recipe_hash(recipe)[:6]}"
        tasks.append(Task(split.name, recipe, groups, folder))
    return tasks


def split_recipe(
    method: str,
    *,
    steps: int,
    seed: int,
    n_groups: int,
    variant: str = "",
    speeds: tuple[float, float] | None = None,
) -> Recipe:
    """A method's recipe, or that of one of its variants, changed to use only stored clips."""
    from rppg_core.lab.training.loop import settled
    from rppg_core.models.recipe import DATASET_SPEEDS, get_recipe, with_steps

    whole = get_recipe(method, variant)
    return settled(replace(
        with_steps(whole, steps), seed=seed, traces=0, clips=max(BATCH, n_groups), domains=False, easy=0.0, hard=0.0,
        speeds=DATASET_SPEEDS if speeds is None else speeds,
        ema_decay=whole.ema_decay ** max(1.0, whole.steps / max(steps, 1)), validate_every=steps,
        validation_samples=WATCHED,
    ))  # fmt: skip


def shortened_steps(method: str) -> int:
    """A third of the number of steps in a method's recipe."""
    from rppg_core.models.recipe import get_recipe

    return max(1, get_recipe(method).steps // 3)


def fingerprint(clips: Sequence[ExtractedClip]) -> str:
    """Eight hex digits that change with the set of clips and their contents."""
    about = []
    for clip in clips:
        with zipfile.ZipFile(clip.path) as stored:  # the zip directory: names and checksums
            about.append(
                [clip.dataset, clip.subject, clip.clip, [(i.filename, i.CRC) for i in stored.infolist()]]
            )
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:8]


def train_all(tasks: Sequence[Task], *, workers: int = 2, progress: Progress | None = None) -> list[Trained]:
    """Run every training that is not finished yet.

    Args:
        tasks: trainings, in the order in which they start.
        workers: processes, one core each.
        progress: called with the number of completed steps, out of all.

    Returns:
        The finished trainings, in order, including those that were kept from earlier runs.

    Raises:
        StoppedError: a training was stopped; the same call continues it.
        RppgError: a training failed.
    """
    total = sum(task.recipe.steps for task in tasks)
    probe_teachers([task.recipe for task in tasks if not is_finished(task)], progress)
    # if this block exits early, the trainings save their progress
    with WorkerPool(min(workers, max(1, len(tasks)))) as pool:
        futures = [pool.submit(train_one, task) for task in tasks]
        waiting = set(futures)
        while waiting:
            done, waiting = wait(waiting, timeout=POLL_S)
            for future in done:
                future.result()  # re-raises an exception of the worker
            if progress is not None:
                steps = sum(steps_done(task) for task in tasks)
                finished = len(tasks) - len(waiting)
                progress(
                    f"training: step {steps} of {total}, {finished} of {len(tasks)} networks", steps / total
                )
        return [future.result() for future in futures]


def probe_teachers(recipes: Sequence[Recipe], progress: Progress | None = None) -> None:
    """Probe every teacher of these trainings once.

    Raises:
        UsageError: one has nothing to teach.
    """
    import torch

    from rppg_core.lab.training.probe import probe_before
    from rppg_core.lab.training.teacher import Teacher

    tell, device = progress or (lambda stage, fraction: None), torch.device("cpu")
    for which, recipe in {recipe.teacher: recipe for recipe in recipes if recipe.teacher}.items():
        tell("asking the teacher", 0.0)
        probe = probe_before(Teacher(which, device), recipe, device=device)
        if probe is not None:
            tell(probe.words(), 0.0)


def train_one(task: Task) -> Trained:
    """Run one training on one core, unless it is already finished."""
    from rppg_core.lab.training.loop import RunOptions, train
    from rppg_core.lab.training.mixture import shares_of_clips
    from rppg_core.lab.training.record import RunFolder
    from rppg_core.models.base import check_model
    from rppg_core.models.weights import create_model

    recipe, folder = task.recipe, RunFolder(task.folder)
    if not is_finished(task):
        resume = folder.checkpoint() is not None
        shares = partial(shares_of_clips, groups=task.groups)
        options = RunOptions(runs=task.runs, resume=resume, device="cpu", workers=0, probed=True)
        result = train(recipe, options, sources=list(task.groups), shares=shares)
        if result.weights is None:
            raise StoppedError(
                f"the training of {task.scored_method.title} for {task.split} was stopped at step {result.step}",
                wanted=f"{recipe.steps} steps",
                do="run the same command again to continue it",
            )
    cpu_s = max((row.get("cpu_seconds", 0.0) for row in folder.rows()), default=0.0)
    n_clips = sum(len(clips) for clips in task.groups.values())
    size = check_model(create_model(recipe.method, recipe.config))
    return Trained(task.split, recipe.method, recipe.seed, recipe.steps, n_clips, cpu_s, recipe.variant, size)


def is_finished(task: Task) -> bool:
    """Whether the weights exist and were trained with this recipe."""
    from rppg_core.errors import ModelFileError
    from rppg_core.models.recipe import recipe_hash
    from rppg_core.models.weights import load_card

    try:
        card = load_card(task.recipe.method, task.weights)
    except ModelFileError:
        return False
    return (card.recipe_hash, card.seed) == (recipe_hash(task.recipe), task.recipe.seed)


def steps_done(task: Task) -> int:
    """Number of steps in the log of a training."""
    try:
        with (task.folder / "log.jsonl").open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 4096))
            lines = log.read().decode(errors="replace").splitlines()
    except OSError:
        return 0
    for line in reversed(lines):
        try:
            return int(json.loads(line)["step"])
        except (ValueError, KeyError, TypeError):  # incomplete line at either end
            continue
    return 0
