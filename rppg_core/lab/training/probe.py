"""Whether a teacher knows what it is to teach: the heart rate, read by a straight line from its embedding.

A teacher that gives no embedding, such as one whose waveform is copied, is not asked.
Source: our choice, after the gates of transfer learning (Alain & Bengio 2017, linear probes).
Axis letters: B batch, D embedding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from rppg_core.errors import UsageError
from rppg_core.lab.training.batches import StepDataset, map_batch
from rppg_core.lab.training.mixture import SIMULATED, shares_from_recipe
from rppg_core.lab.training.teacher import Teacher
from rppg_core.lab.training.validation import held_out_batches
from rppg_core.models.base import Batch
from rppg_core.models.recipe import Recipe

ENOUGH = 3.0  # times better than the mean
RIDGE = 0.1  # of the mean variance of an embedding's numbers; with less, the line fits noise
FEWEST = 8  # samples on either side
BATCHES = 48  # of training samples, on which the line is fitted
JUDGED = 2  # held-out samples for each with which the training validates
FEWEST_JUDGED = 96  # of these, before they are doubled


@dataclass(frozen=True)
class Probe:
    """Mean absolute errors on held-out samples. Unit: bpm."""

    line: float  # of the straight line from the embedding
    mean: float  # of the mean heart rate of the samples that the line was fitted on

    @property
    def times(self) -> float:
        """How many times better the line is."""
        return self.mean / max(self.line, 1e-9)

    def words(self) -> str:
        """The outcome in one line."""
        return (
            f"teacher: heart rate by a line from its embedding within {self.line:.1f} bpm, by the mean within "
            f"{self.mean:.1f}: {self.times:.1f} times better"
        )


def everyday(recipe: Recipe) -> Recipe:
    """The recipe of the samples on which a teacher is probed: as hard as everyday clips, and all with their labels.

    In the hardest samples of a training hardly anybody finds a pulse, so they do not show what it knows. Simulated
    traces take the place of clips: these would have to be rendered, and the few people of a dataset have too few
    heart rates for a line.
    """
    return replace(
        recipe,
        harshness=1.0,
        labelled=1.0,
        traces=recipe.traces + recipe.clips,
        clips=0,
        steps=recipe.steps if recipe.stages else max(recipe.steps, BATCHES),
        validation_samples=max(recipe.validation_samples, FEWEST_JUDGED),
    )


def probe_before(teacher: Teacher, training: Recipe, *, device: torch.device) -> Probe | None:
    """Probe a teacher before a training with it: on everyday samples of its last steps, and on held-out ones.

    Args:
        teacher: of the training.
        training: its recipe, with a config.
        device: of the teacher.

    Raises:
        UsageError: it has nothing to teach.
    """
    recipe = everyday(training)
    shares = partial(shares_from_recipe, recipe, [SIMULATED], clips=Path())  # traces alone: no clip is read
    dataset, last = StepDataset(recipe, shares(held_out=False)), recipe.steps - 1
    fitted = (dataset.mixed(last - k) for k in range(min(BATCHES, recipe.steps)))

    def judged() -> Iterator[Batch]:
        held_out = shares(held_out=True)
        yield from held_out_batches(held_out, JUDGED * recipe.validation_samples, recipe.n_frames)

    return probe_teacher(
        teacher, *((map_batch(b, lambda x: x.to(device)) for b in each) for each in (fitted, judged()))
    )


def probe_teacher(teacher: Teacher, fitted: Iterable[Batch], held_out: Iterable[Batch]) -> Probe | None:
    """Fit a line on some samples and judge it on others; None for a teacher without an embedding.

    Args:
        teacher: gives "embedding" (B, D), or not.
        fitted: samples for the line.
        held_out: samples of other people.

    Raises:
        UsageError: the line is less than ENOUGH times better than the mean: the teacher has nothing to teach; or too
            few samples have a heart rate.
    """
    found = _embedded(teacher, fitted)
    new = None if found is None else _embedded(teacher, held_out)
    if found is None or new is None:
        return None
    (x, rates), (new_x, new_rates) = found, new
    if min(len(x), len(new_x)) < FEWEST:
        raise UsageError(
            f"{len(x)} samples with a heart rate to judge the teacher by, and {len(new_x)} held out",
            wanted=f"at least {FEWEST} of both",
            do="train on clips with more labels, or leave the teacher out",
        )
    centre, usual = x.mean(axis=0), rates.mean()
    spread = (x - centre).T @ (x - centre)
    least = RIDGE * np.trace(spread) / len(spread) * np.eye(len(spread))
    slope = np.linalg.solve(spread + least, (x - centre).T @ (rates - usual))
    errors = np.abs((new_x - centre) @ slope + usual - new_rates)
    probe = Probe(float(errors.mean()), float(np.abs(new_rates - usual).mean()))
    if probe.times < ENOUGH:
        raise UsageError(
            probe.words(),
            wanted=f"at least {ENOUGH:g} times",
            do="train the teacher for longer, or leave it out",
        )
    return probe


def _embedded(
    teacher: Teacher, batches: Iterable[Batch]
) -> tuple[Float[np.ndarray, "sample embedding"], Float[np.ndarray, " sample"]] | None:
    """Embeddings and heart rates of the samples that have one."""
    embeddings, rates = [], []
    for batch in batches:
        taught = teacher.teach(batch)
        assert taught.teacher is not None, "it has just taught"
        if "embedding" not in taught.teacher:
            return None
        labelled = batch.mask["hr"]
        embeddings.append(taught.teacher["embedding"][labelled].double().cpu().numpy())
        rates.append(batch.targets["hr"][labelled].double().cpu().numpy())
    return np.concatenate(embeddings), np.concatenate(rates)
