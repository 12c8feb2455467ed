"""How many items, and how much time in each: the codebook of CodePhys in other sizes.

Each size is trained on the same simulated PPG, and the encoder behind POS and CHROM (the plug-in) on the same traces.
What it rebuilds of PPG that it never saw, how much of the codebook it uses, and what it does to POS and CHROM on
photo-v2 stand in one table, beside the same network without a codebook and a sine of one rate.
Source: our choice of sizes; the paper's are not public.
Axis letters: B batch, T time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from rppg_core.lab.datasets.clip_file import KnownClip
from rppg_core.lab.protocols.differences import difference_text
from rppg_core.lab.protocols.own_weights import CLEANED
from rppg_core.lab.protocols.photo.codebook_training import (
    SECONDS,
    SEED,
    pulse_batch,
    train_autoencoder,
    train_stage,
)
from rppg_core.lab.protocols.photo.scores import CONSTANT_BPM, constant_wave
from rppg_core.lab.protocols.photo.versions import CURRENT
from rppg_core.lab.protocols.table import text_table
from rppg_core.lab.protocols.waveform_scores import waveform_scores
from rppg_core.lab.simulate.settings import random_settings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.lab.training.ppg import Waves
from rppg_core.metrics import pearson_r
from rppg_core.models.codephys import CodePhys, CodePhysConfig
from rppg_core.models.codephys.codebook import perplexity
from rppg_core.models.codephys.plugin import clean_bvp
from rppg_core.models.recipe import Recipe, get_recipe
from rppg_core.nn.layers import standardise
from rppg_core.roster import get_method
from rppg_core.types import Bvp, Progress, Truth
from rppg_core.video.prepare import resample

SIZE_STEPS = (600, 300)  # of the autoencoder, and of the plug-in


class Size(NamedTuple):
    """One codebook: items, samples in each, and whether it is used at all."""

    codes: int = 128
    compression: int = 4
    quantised: bool = True


SIZES = (
    Size(),
    Size(quantised=False),
    *(Size(codes=codes) for codes in (16, 64, 512)),
    *(Size(compression=compression) for compression in (2, 8, 16)),
)


@dataclass(frozen=True)
class Rough:
    """A clip of the benchmark: what each method behind the plug-in found there, and the truth."""

    waves: Mapping[str, Bvp]
    truth: Truth


@dataclass(frozen=True)
class SizeScores:
    """What one size does."""

    size: Size
    rebuilt: Mapping[str, float]  # kind of PPG -> mean r
    used: Mapping[str, float]  # kind of PPG -> perplexity
    cleaned: Mapping[str, Float[np.ndarray, " clip"]]  # method -> r of every clip behind the plug-in


def rough_windows(
    n: int, window: int, progress: Progress, *, first: int = SEED
) -> tuple[Float[Tensor, "batch time method"], Float[Tensor, "batch time"]]:
    """What the methods behind the plug-in find in simulated traces, and the true pulse."""
    found, targets, k = [], [], 0
    while len(found) < n:
        settings = random_settings(np.random.default_rng(first + k), pulsed=True, seconds=SECONDS)
        clip, truth = simulate_traces(settings)
        even, k = resample(clip), k + 1
        if len(even.valid) < window or not even.valid[:window].all():
            continue
        waves = [get_method(name).estimate(even).bvp for name in CLEANED]
        found.append(np.stack([wave.samples[:window] for wave in waves if wave is not None], axis=1))
        targets.append(np.interp(even.times_s[:window], truth.times_s, truth.bvp))
        progress(f"trace {len(found)} of {n}", len(found) / n)
    return tuple(torch.from_numpy(np.stack(x).astype(np.float32)) for x in (found, targets))  # pyright: ignore[reportReturnType]


def size_recipe(size: Size, config: CodePhysConfig) -> Recipe:
    """The recipe of one size; it reads waves alone, and no maps."""
    name = (
        f"{size.codes}-items-of-{size.compression}" if size.quantised else f"no-items-of-{size.compression}"
    )
    sized = replace(config, **size._asdict())
    return replace(
        get_recipe("codephys"), config=sized, variant=name, steps=sum(SIZE_STEPS), stages=(), flat_maps=0.0
    )


def train_size(
    size: Size,
    config: CodePhysConfig,
    ppg: Float[Tensor, "batch time"],
    rough: tuple[Float[Tensor, "sample time method"], Float[Tensor, "sample time"]],
    *,
    steps: tuple[int, int] = SIZE_STEPS,
) -> CodePhys:
    """Autoencoder on PPG, then the plug-in on rough waves, by the stages of the recipe."""
    model = train_autoencoder(replace(config, **size._asdict()), ppg, steps=steps[0])
    waves, true = rough
    # one cell of three colours, which the plug-in does not read, and what the methods found
    stmap = torch.cat([torch.zeros(*waves.shape[:2], 3), waves], dim=2)[:, :, None]
    weight = torch.ones(len(waves), 1)
    train_stage(model, "plugin", steps[1], lambda: pulse_batch(true, stmap=stmap, weight=weight))
    return model


def score_size(
    size: Size, model: CodePhys, kinds: Mapping[str, Float[Tensor, "batch time"]], clips: Sequence[Rough]
) -> SizeScores:
    """Fidelity and use of a codebook, and what it does behind each method."""
    rebuilt, used = {}, {}
    for kind, windows in kinds.items():
        wanted = standardise(windows)
        with torch.inference_mode():
            answer = model.answer(model.signal_encoder(wanted), wanted.shape[1])
        pairs = zip(answer.bvp.double().numpy(), wanted.double().numpy(), strict=True)
        rebuilt[kind] = float(np.mean([pearson_r(ours, theirs) for ours, theirs in pairs]))
        used[kind] = perplexity(answer.query.codes, size.codes)
    cleaned = {
        name: np.array(
            [waveform_scores(clean_bvp(model, clip.waves[name]).bvp, clip.truth)[0] for clip in clips]
        )
        for name in CLEANED
    }
    return SizeScores(size, rebuilt, used, cleaned)


def rough_clips(known: Sequence[KnownClip]) -> list[Rough]:
    """What the methods behind the plug-in find in each clip."""
    found = []
    for clip, truth in known:
        even = resample(clip)
        waves = {name: get_method(name).estimate(even).bvp for name in CLEANED}
        found.append(Rough({name: wave for name, wave in waves.items() if wave is not None}, truth))
    return found


def recorded_windows(waves: Waves, window: int) -> Float[Tensor, "batch sample"]:
    """Windows, half overlapping, of recorded PPG."""
    starts = [(wave, start) for wave in waves for start in range(0, len(wave) - window + 1, window // 2)]
    return torch.from_numpy(
        np.stack([wave[start : start + window] for wave, start in starts]).astype(np.float32)
    )


def sizes_text(scores: Sequence[SizeScores], clips: Sequence[Rough]) -> str:
    """The table."""
    before = {
        name: np.array([waveform_scores(clip.waves[name], clip.truth)[0] for clip in clips])
        for name in CLEANED
    }
    sine = [waveform_scores(constant_wave(clip.truth), clip.truth)[0] for clip in clips]
    kinds = list(scores[0].rebuilt)
    heads = ["items", "samples", *(f"r, {kind}" for kind in kinds), *(f"in use, {kind}" for kind in kinds)]
    rows = [["", "", *[""] * 2 * len(kinds), *(f"{np.mean(before[name]):.3f}" for name in CLEANED)]]
    for one in scores:
        codes, compression, quantised = one.size
        used = [f"{one.used[kind]:.0f}" if quantised else "" for kind in kinds]
        behind = [f"{np.mean(r):.3f}, {difference_text(r - before[name])}" for name, r in one.cleaned.items()]
        rebuilt = [f"{one.rebuilt[kind]:.3f}" for kind in kinds]
        rows.append([str(codes) if quantised else "no codebook", str(compression), *rebuilt, *used, *behind])
    blank = [""] * (1 + 2 * len(kinds))
    rows.append([f"sine of {CONSTANT_BPM:g} bpm", *blank, *[f"{np.mean(sine):.3f}"] * len(CLEANED)])
    return text_table((*heads, *(f"{name} on {CURRENT.name}, minus itself" for name in CLEANED)), rows)
