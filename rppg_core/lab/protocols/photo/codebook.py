"""How many items, and how much time in each: the codebook of CodePhys in other sizes, by `make codebook-table`.

Each size is trained on the same simulated PPG, and the encoder behind POS and CHROM (the plug-in) on the same traces.
What it rebuilds of PPG that it never saw, how much of the codebook it uses, and what it does to POS and CHROM on
photo-v2 stand in one table, beside the same network without a codebook and a sine of one rate.
Source: our choice of sizes; the paper's are not public.
Axis letters: B batch, T time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from rppg_core.lab import RUNS
from rppg_core.lab.datasets.clip_file import KnownClip
from rppg_core.lab.protocols.own_weights import CLEANED
from rppg_core.lab.protocols.photo.clips import N_PULSE, photo_clips
from rppg_core.lab.protocols.photo.scores import CONSTANT_BPM, constant_wave, difference_text
from rppg_core.lab.protocols.photo.versions import CURRENT
from rppg_core.lab.protocols.table import text_table
from rppg_core.lab.protocols.waveform_scores import waveform_scores
from rppg_core.lab.simulate.physiology import simulate_waves
from rppg_core.lab.simulate.settings import random_settings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.lab.training.briefly import train_briefly
from rppg_core.lab.training.ppg import Waves, read_waves
from rppg_core.lab.training.stages import TrainedParts
from rppg_core.metrics import pearson_r
from rppg_core.models.base import TASKS, Batch
from rppg_core.models.codephys import CodePhys, CodePhysConfig
from rppg_core.models.codephys.codebook import perplexity
from rppg_core.models.codephys.plugin import clean_bvp
from rppg_core.models.recipe import get_recipe
from rppg_core.nn.layers import standardise
from rppg_core.roster import get_method
from rppg_core.types import FS, Bvp, Progress, Truth
from rppg_core.video.prepare import resample

SEED = 6_000_000  # of the people here; no benchmark and no training draws these
N_PPG, N_HELD, N_ROUGH, BATCH = 3000, 300, 1200, 16
STEPS = (600, 300)  # of the autoencoder, and of the plug-in
SECONDS = 9.5  # simulated for a window


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


def simulated_ppg(n: int, window: int, *, first: int = SEED) -> Float[Tensor, "batch time"]:
    """Windows of clean PPG of different people."""
    times_s = np.arange(window) / FS
    found = []
    for k in range(n):
        rng = np.random.default_rng(first + k)
        person = random_settings(rng, pulsed=True, seconds=SECONDS).person
        found.append(simulate_waves(person, times_s, rng).bvp)
    return torch.from_numpy(np.stack(found).astype(np.float32))


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


def train_size(
    size: Size,
    config: CodePhysConfig,
    ppg: Float[Tensor, "batch time"],
    rough: tuple[Float[Tensor, "sample time method"], Float[Tensor, "sample time"]],
    *,
    steps: tuple[int, int] = STEPS,
) -> CodePhys:
    """Autoencoder on PPG, then the plug-in on rough waves, by the stages of the recipe."""
    torch.manual_seed(0)
    model = CodePhys(
        replace(config, codes=size.codes, compression=size.compression, quantised=size.quantised)
    )
    waves, true = rough
    cells = torch.cat([torch.zeros(*waves.shape[:2], 3), waves], dim=2)[
        :, :, None
    ]  # (B, T, 1, 3 and methods)
    stages = {stage.name: stage.train for stage in get_recipe("codephys").stages}
    _train(model, stages["codebook"], {}, ppg, steps[0])
    _train(model, stages["plugin"], {"stmap": cells, "weight": torch.ones(len(cells), 1)}, true, steps[1])
    return model.requires_grad_(False).eval()


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


def report_text(scores: Sequence[SizeScores], clips: Sequence[Rough]) -> str:
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


def _train(
    model: CodePhys,
    names: Sequence[str],
    inputs: Mapping[str, Tensor],
    true: Float[Tensor, "sample time"],
    steps: int,
) -> None:
    """Some steps on some parts of the network."""
    recipe = replace(get_recipe("codephys"), steps=steps, stages=())
    parts = TrainedParts(model)
    parts.train_only(names)
    known, unknown = torch.ones(BATCH, dtype=torch.bool), torch.zeros(BATCH, dtype=torch.bool)
    mask = {task: known if task == "bvp" else unknown for task in TASKS}

    def loss() -> Tensor:
        rows = torch.randint(len(true), (BATCH,))
        targets = {task: torch.zeros(BATCH) for task in TASKS} | {"bvp": true[rows]}
        batch = Batch({name: x[rows] for name, x in inputs.items()}, targets, mask)
        model.train()
        parts.hold()
        terms = model.loss(model(batch.inputs), batch)
        weighted = [recipe.loss_weights.get(name, 1.0) * term for name, term in terms.items()]
        return torch.stack(weighted).sum()

    train_briefly([weight for weight in model.parameters() if weight.requires_grad], recipe, loss)
    parts.train_only(())


def main(argv: Sequence[str] | None = None) -> int:
    """Simulate, train all sizes, print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--ppg", nargs="*", default=[], metavar="TABLE|DIR", help="recorded PPG, read and not learned"
    )
    parser.add_argument("--runs", type=Path, default=RUNS)
    asked = parser.parse_args(argv)

    def tell(stage: str, fraction: float) -> None:
        print(f"\r{stage}", end="", file=sys.stderr, flush=True)

    config = CodePhysConfig.small()
    kinds = {"simulated": simulated_ppg(N_HELD, config.window, first=SEED + N_PPG)}
    if asked.ppg:
        kinds["recorded"] = recorded_windows(read_waves(asked.ppg, config.window, fs=FS), config.window)
    ppg, rough = simulated_ppg(N_PPG, config.window), rough_windows(N_ROUGH, config.window, tell)
    clips = rough_clips(photo_clips(CURRENT, tell, asked.runs, wanted=range(N_PULSE)))
    scores = []
    for size in SIZES:
        tell(f"{size}: training", 0.0)
        scores.append(score_size(size, train_size(size, config, ppg, rough), kinds, clips))
    print(report_text(scores, clips))
    return 0


if __name__ == "__main__":
    sys.exit(main())
