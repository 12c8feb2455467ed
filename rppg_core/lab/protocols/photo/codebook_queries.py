"""What the parts of CodePhys add on video: the encoder of faces, whole and without each of its parts.

Every variant is trained behind one of two frozen autoencoders, with a codebook or without, on the same batches in
the same order. The correlation of its pulse with the true one on photo-v2 stands beside that of POS and of a sine of
one rate. The price of the codebook is how much higher r is without it. There is one autoencoder of each kind: seeds
are of the encoder of faces, and intervals are over clips.
Source: our choice of variants; the paper's ablations are known by name only.
Axis letters: B batch, T time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from rppg_core.errors import UsageError
from rppg_core.lab.protocols.differences import difference_text
from rppg_core.lab.protocols.photo.codebook_training import train_stage
from rppg_core.lab.protocols.photo.windows import ClipWindows, joined_windows, r_of_waves
from rppg_core.lab.protocols.table import text_table
from rppg_core.lab.training.batches import StepDataset
from rppg_core.lab.training.mixture import SIMULATED, shares_from_recipe
from rppg_core.models.base import Batch
from rppg_core.models.codephys import CodePhys, CodePhysConfig
from rppg_core.models.recipe import Recipe, get_ablations, get_recipe
from rppg_core.types import Progress

WHOLE, NO_CODEBOOK = "whole", "no-codebook"
SEEDS, ENCODER_STEPS = 3, 700
FEWER = {"traces": 5, "clips": 1, "pulse_free": 2}  # samples in a batch, in all half of the recipe's
AHEAD = ("signal_encoder", "codebook", "decoder", "plugin", "plugin_trust")  # parts trained before

Scores = Mapping[str, Float[np.ndarray, "seed clip"]]  # variant -> r


def query_variants(config: CodePhysConfig) -> dict[str, CodePhysConfig]:
    """The network as it is, and without each part, or with another form of it, on the same samples."""
    declared = get_ablations("codephys", "photo")
    changed = {
        name: one.changes["config"] for name, one in declared.items() if set(one.changes) == {"config"}
    }
    return {WHOLE: config} | {name: replace(config, **changes) for name, changes in changed.items()}


def queries_recipe(config: CodePhysConfig, steps: int, *, variant: str = WHOLE, seed: int = 0) -> Recipe:
    """The recipe at full difficulty, with fewer samples in a batch and whole maps as on photo-v2, of one variant."""
    return replace(
        get_recipe("codephys"), config=config, n_frames=config.window, easy=0.0, hard=0.0, variant=variant,
        steps=steps, stages=(), seed=seed, flat_maps=0.0, **FEWER,
    )  # fmt: skip


def query_batches(config: CodePhysConfig, steps: int, runs: Path, progress: Progress) -> list[Batch]:
    """Batches of the recipe at full difficulty, with fewer samples in each.

    Args:
        config: of the whole network.
        steps: number of batches; each takes 0.9 MB.
        runs: folder for rendered clips.
        progress: called with a stage and a fraction.

    Returns:
        Batches with inputs in half precision.
    """
    recipe = queries_recipe(config, steps)
    shares = shares_from_recipe(recipe, [SIMULATED], clips=runs / "clips", progress=progress)
    dataset, found = StepDataset(recipe, shares), []
    for step in range(steps):
        batch = dataset.mixed(step)
        found.append(replace(batch, inputs={name: x.half() for name, x in batch.inputs.items()}))
        progress(f"batch {step + 1} of {steps}", step / steps)
    return found


def train_queries(
    config: CodePhysConfig, autoencoder: CodePhys, batches: Sequence[Batch], *, seed: int
) -> CodePhys:
    """Train the encoder of faces behind a frozen autoencoder.

    Args:
        config: of the variant.
        autoencoder: a network whose autoencoder was trained with the same sizes, and with or without a codebook as
            in `config`.
        batches: of `query_batches`, one for each step, in an order that depends on the seed alone.
        seed: also of the weights; those of a variant that lacks a part are other ones.

    Returns:
        The network, as for use.

    Raises:
        UsageError: an autoencoder with a codebook for a network without, or the other way round.
    """
    if autoencoder.config.quantised != config.quantised:
        raise UsageError(
            f"an autoencoder with quantised={autoencoder.config.quantised}",
            wanted=f"one with quantised={config.quantised}",
            do="train it with the config of the variant",
        )
    torch.manual_seed(seed)
    model = CodePhys(config)
    for name in AHEAD:
        getattr(model, name).load_state_dict(getattr(autoencoder, name).state_dict())
    order = iter(torch.randperm(len(batches), generator=torch.Generator().manual_seed(seed)).tolist())

    def next_batch() -> Batch:
        batch = batches[next(order)]
        return replace(batch, inputs={name: x.float() for name, x in batch.inputs.items()})

    train_stage(model, "video", len(batches), next_batch)
    return model


def score_queries(model: CodePhys, clips: Sequence[ClipWindows]) -> Float[np.ndarray, " clip"]:
    """Correlation of the pulse with the true one, for every clip."""
    with torch.inference_mode():
        waves = [joined_windows(model(clip.inputs)["bvp"], clip.places) for clip in clips]
    return r_of_waves(waves, [clip.truth for clip in clips])


def queries_text(scores: Scores, beside: Mapping[str, Float[np.ndarray, " clip"]]) -> str:
    """The table.

    Args:
        scores: of every variant; WHOLE is among them.
        beside: r of every clip of what does not learn.
    """
    whole = scores[WHOLE].mean(axis=0)
    rows = [
        [name, " ".join(f"{one.mean():.3f}" for one in r), difference_text(r.mean(axis=0) - whole)]
        for name, r in scores.items()
    ]
    rows += [[name, f"{r.mean():.3f}", difference_text(r - whole)] for name, r in beside.items()]
    table = text_table(("variant", "r of each seed", "minus whole, 95 %"), rows)
    if NO_CODEBOOK not in scores:
        return table
    price = difference_text(scores[NO_CODEBOOK].mean(axis=0) - whole)
    return f"{table}\n\nprice of the codebook, in r: {price}"
