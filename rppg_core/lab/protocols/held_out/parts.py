"""Ablation trainings of a network: without one of its parts, or with one task alone, for one held-out domain.

Every variant is trained for as many steps as the whole network compared with it, and with the same seeds.
This whole network differs from that of the other tables, which is trained for longer.
Source: Wang et al. 2025, PhysMLE (ablations; the seesaw: one task improves while another degrades); our choice:
fewer steps rather than fewer seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rppg_core.lab.datasets.extracted import ExtractedClip
from rppg_core.lab.protocols.held_out.split_training import Task, list_tasks
from rppg_core.lab.protocols.held_out.splits import Split
from rppg_core.models.recipe import get_ablations

PART_STEPS = 150  # of each of these trainings


def list_parts(network: str) -> tuple[str, ...]:
    """Ablations of a network that remove a part or change its size."""
    return tuple(name for name, one in get_ablations(network, "mssdg").items() if not one.task)


def list_single_task_variants(network: str) -> dict[str, str]:
    """Task -> the ablation that learns only this task."""
    return {one.task: name for name, one in get_ablations(network, "mssdg").items() if one.task}


def list_variants(network: str) -> tuple[str, ...]:
    """Variants of a network, "" (the whole network) first; empty without ablations for this protocol."""
    variants = (*list_parts(network), *list_single_task_variants(network).values())
    return ("", *variants) if variants else ()


def part_tasks(
    split: Split[ExtractedClip],
    network: str,
    *,
    steps: int,
    seeds: Sequence[int],
    runs: Path,
    speeds: tuple[float, float] | None = None,
) -> list[Task]:
    """The trainings of a network's variants, seed by seed."""
    return [
        task
        for variant in list_variants(network)
        for task in list_tasks(
            split, network, steps=steps, seeds=seeds, runs=runs, variant=variant, speeds=speeds
        )
    ]
