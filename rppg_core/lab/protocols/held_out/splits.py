"""Splits into training and test sets: subject-disjoint folds, cross-dataset, leave one domain out.

These are pure functions of anything that has a `dataset` and a `subject`. A person is identified by both,
since two datasets may each have a "subject1". Windows of one person are never on both sides, which the
contiguous slices of some released code do not guarantee.
Source: Wang et al. 2025, PhysMLE (one of six datasets left out); our choice: folds of equal numbers of clips.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

import numpy as np

from rppg_core.errors import UsageError


@runtime_checkable
class Named(Protocol):
    """The fields that a split uses."""

    @property
    def dataset(self) -> str: ...

    @property
    def subject(self) -> str: ...


Clip = TypeVar("Clip", bound=Named)


@dataclass(frozen=True)
class Split(Generic[Clip]):
    """One training set and one test set; `test` is scored once, by models trained on `train`."""

    name: str
    train: tuple[Clip, ...]
    test: tuple[Clip, ...]


def person_from_clip(clip: Named) -> tuple[str, str]:
    """The person in a clip, as dataset and subject."""
    return clip.dataset, clip.subject


def subject_folds(clips: Sequence[Clip], n_folds: int = 5, *, seed: int = 0) -> list[Split[Clip]]:
    """Folds in which each clip is tested once and nobody is on both sides.

    Args:
        clips: clips of one or several datasets.
        n_folds: number of folds, 2 or more.
        seed: shuffles the order in which people with equally many clips are assigned.

    Returns:
        Splits "fold 1", "fold 2", ...; their test sets have similar numbers of clips.

    Raises:
        UsageError: fewer people than folds.
    """
    people = _grouped(clips, person_from_clip)
    if not 2 <= n_folds <= len(people):
        raise UsageError(
            f"{n_folds} folds of {len(people)} people",
            wanted=f"2 to {max(len(people), 2)} folds",
            do="ask for fewer folds, or name a folder with more people",
        )
    order = np.random.default_rng(seed).permutation(len(people))
    names = [list(people)[k] for k in order]
    folds: list[set[Hashable]] = [set() for _ in range(n_folds)]
    sizes = [0] * n_folds
    for name in sorted(names, key=lambda name: -len(people[name])):  # stable: ties stay shuffled
        smallest = sizes.index(min(sizes))
        folds[smallest].add(name)
        sizes[smallest] += len(people[name])
    return [
        _split(f"fold {k + 1}", clips, lambda clip, held=held: person_from_clip(clip) in held)
        for k, held in enumerate(folds)
    ]


def cross_dataset(train: Sequence[Clip], test: Sequence[Clip]) -> Split[Clip]:
    """Train on all clips of some datasets, and test on all clips of others.

    Raises:
        UsageError: one side is empty, or a dataset is on both.
    """
    if not train or not test:
        raise UsageError(
            f"{len(train)} clips to train on and {len(test)} to test on",
            wanted="clips on both sides",
            do="name folders that hold clips",
        )
    shared = sorted({clip.dataset for clip in train} & {clip.dataset for clip in test})
    if shared:
        raise UsageError(
            f"{shared[0]} is on both sides",
            wanted="other datasets to train on than to test on",
            do="leave it out of one side, or ask for subject-disjoint folds of it",
        )
    sources, targets = (list(dict.fromkeys(clip.dataset for clip in side)) for side in (train, test))
    return Split(f"{'+'.join(sources)} to {'+'.join(targets)}", tuple(train), tuple(test))


def leave_one_domain_out(clips: Sequence[Clip]) -> list[Split[Clip]]:
    """One split per dataset, named after it: the dataset is the test set, all others are the training set.

    Raises:
        UsageError: fewer than two datasets.
    """
    domains = _grouped(clips, lambda clip: clip.dataset)
    if len(domains) < 2:
        raise UsageError(
            f"clips of {len(domains)} domain{'s' if len(domains) != 1 else ''}",
            wanted="two domains or more",
            do="give the clips of more datasets",
        )
    return [_split(str(name), clips, lambda clip, name=name: clip.dataset == name) for name in domains]


def by_domain(clips: Sequence[Clip]) -> dict[str, tuple[Clip, ...]]:
    """The clips of each dataset, in the order in which the datasets first occur."""
    return {str(name): tuple(found) for name, found in _grouped(clips, lambda clip: clip.dataset).items()}


def _grouped(clips: Sequence[Clip], key: Callable[[Clip], Hashable]) -> dict[Hashable, list[Clip]]:
    groups: dict[Hashable, list[Clip]] = {}
    for clip in clips:
        groups.setdefault(key(clip), []).append(clip)
    return groups


def _split(name: str, clips: Sequence[Clip], is_held_out: Callable[[Clip], bool]) -> Split[Clip]:
    return Split(
        name,
        tuple(clip for clip in clips if not is_held_out(clip)),
        tuple(clip for clip in clips if is_held_out(clip)),
    )
