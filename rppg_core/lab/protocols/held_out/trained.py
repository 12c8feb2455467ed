"""A finished training with its cost, and the table of all trainings of a protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rppg_core.lab.protocols.held_out.scores import StretchRow
from rppg_core.lab.protocols.table import text_table


@dataclass(frozen=True)
class Trained:
    """One finished training."""

    split: str
    method: str
    seed: int
    steps: int
    n_clips: int  # in its training set, including those held out for monitoring
    cpu_s: float  # of training and of reading its samples
    variant: str = ""  # of the recipe; "" is the method itself
    n_parameters: int = 0

    @property
    def title(self) -> str:
        """As `scores.ScoredMethod.title`, in the rows."""
        return f"{self.method} {self.variant}".rstrip()


def training_table(trained: Sequence[Trained], rows: Sequence[StretchRow]) -> str:
    """One line per network, variant and split, with all seeds, and a line with the sum.

    Args:
        trained: all trainings.
        rows: rows of the trained networks, from any table.
    """
    groups: dict[tuple[str, str, int], list[Trained]] = {}
    for training in trained:
        groups.setdefault((training.split, training.title, training.steps), []).append(training)
    errors = _errors(rows)
    lines = [
        [
            f"{split}  {title}",
            ", ".join(str(one.seed) for one in found),
            str(steps),
            str(found[0].n_clips),
            ", ".join(f"{one.cpu_s / 60:.1f}" for one in found),
            ", ".join(errors.get((split, title, steps, one.seed), "-") for one in found),
        ]
        for (split, title, steps), found in groups.items()
    ]
    total = sum(training.cpu_s for training in trained) / 60
    lines.append([f"{len(trained)} trainings", "", "", "", f"{total:.1f} in all", ""])
    header = [
        "tested on  network",
        "seeds",
        "steps",
        "training clips",
        "CPU-minutes",
        "HR MAE bpm, per video",
    ]
    return text_table(header, lines)


def _errors(rows: Sequence[StretchRow]) -> dict[tuple[str, str, int, int], str]:
    """Split, title, steps and seed -> HR MAE of the waveform per video, as printed."""
    found: dict[tuple[str, str, int, int], list[float]] = {}
    for row in rows:
        error = abs(row.hr_bpm - row.hr_true_bpm)
        if row.unit == "video" and np.isfinite(error):
            found.setdefault((row.split, row.method, row.steps, row.seed), []).append(error)
    return {key: f"{np.mean(values):.2f}" for key, values in found.items()}
