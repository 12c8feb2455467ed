"""Fit confidence and intervals on the simulator; `make calibrate` rewrites signals/calibration.json with this.

Clips are drawn with seeds and motion separate from every benchmark, half of them without a pulse. Every
method on every clip is one example; each clip adds a further example, a clean waveform at a random rate.
Rendering takes most of the time, so a folder keeps the clips for the next fit, under keys made like those of
photo-v1. One logistic regression gives the probability of being within 5 bpm, one linear quantile regression
gives the half width of the 95 % interval; the name of the method is not an input.
Source: our choice.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from rppg_core.analysis.controls import ControlledRuns, spectra_from_bvp
from rppg_core.analysis.pipeline import collect_needs
from rppg_core.lab import RUNS
from rppg_core.lab.datasets.clip_file import load_clip, made_folder
from rppg_core.lab.protocols.kept_clips import KEPT, kept_clip
from rppg_core.lab.simulate.settings import SIMULATOR_VERSION, SimulationSettings, random_settings
from rppg_core.lab.workers import WorkerPool
from rppg_core.roster import list_methods
from rppg_core.signals.calibration import (
    CALIBRATION_FILE,
    SAME_IN_CONTROL,
    Calibration,
    confidence_features,
    width_features,
)
from rppg_core.signals.quality import RateEvidence, rate_evidence
from rppg_core.types import FS, HR_BAND_HZ, Bvp, FaceClip, Truth
from rppg_core.video.prepare import resample

SEED = 1_000_000  # benchmarks use seeds below 500 000, and mssdg those from 2**41 on
N_CLIPS = 300
WITHIN_BPM = 5.0
WEIGHT_DECAY = 1e-3
FOLDER = RUNS / "calibration"


def examples_of_clip(seed: int, folder: Path | None = None) -> list[tuple[RateEvidence, float]]:
    """Evidence from every method on one random clip, with the error of its rate (inf without a pulse)."""
    rng = np.random.default_rng(seed)
    seconds = float(np.exp(rng.uniform(np.log(8), np.log(40))))
    methods = list_methods()
    settings = random_settings(rng, pulsed=seed % 2 == 0, seconds=seconds)
    clip, truth = drawn_clip(seed, settings, collect_needs(methods) - {"still"}, folder)
    runs = ControlledRuns(resample(clip, FS))
    panel = runs.panel(HR_BAND_HZ)
    rows = []
    for name in methods:
        run = runs.by_name(name)
        skin, control = (
            spectra_from_bvp(run.skin.bvp, HR_BAND_HZ),
            spectra_from_bvp(run.control.bvp, HR_BAND_HZ),
        )
        if skin is None:
            continue
        error = abs(60 * skin.rate_hz - float(np.mean(truth.hr_bpm))) if truth.pulsed else np.inf
        rows.append((rate_evidence(skin, skin.rate_hz, panel=panel, control=control), error))
    wrong, other = (spectra_from_bvp(clean_wrong_pulse(runs.clip, rng), HR_BAND_HZ) for _ in range(2))
    if wrong is not None and panel is not None:
        error = abs(60 * wrong.rate_hz - float(np.mean(truth.hr_bpm))) if truth.pulsed else np.inf
        rows.append((rate_evidence(wrong, wrong.rate_hz, panel=panel, control=other), error))
    return rows


def drawn_clip(
    seed: int, settings: SimulationSettings, needs: frozenset[str], folder: Path | None
) -> tuple[FaceClip, Truth]:
    """Render a clip and run the face pass, or read it from a folder; clips with crops are not kept."""
    from rppg_core.lab.simulate.faces import simulate_clip

    if folder is None or not needs <= KEPT:
        return simulate_clip(settings, needs)
    stem = "-".join([str(seed), *sorted(needs)])
    about = [asdict(settings), sorted(needs)]
    return load_clip(kept_clip(made_folder(folder), stem, about, lambda: simulate_clip(settings, needs)))


def clean_wrong_pulse(clip: FaceClip, rng: np.random.Generator) -> Bvp:
    """A clean pulse at a random rate unrelated to the clip, as a learned decoder may give for a wall.

    Each clip adds one such example, with another one as its control: without them, a high SNR alone would
    suffice for confidence in a rate that the panel does not support.
    """
    rate_hz = rng.uniform(0.7, 3.5)
    beat = np.sin(2 * np.pi * (rate_hz * clip.times_s + rng.uniform()))
    noise = np.exp(rng.uniform(np.log(0.02), np.log(1.0))) * rng.standard_normal(len(beat))
    return Bvp(np.where(clip.valid, beat + noise, 0.0), FS, float(clip.times_s[0]), clip.valid)


def fit_confidence(
    features: Float[np.ndarray, "example feature"], right: Bool[np.ndarray, " example"]
) -> Float[np.ndarray, " feature"]:
    """Logistic regression by Newton steps, with a little weight decay."""
    weights = np.zeros(features.shape[1])
    decay = WEIGHT_DECAY * len(features) * np.eye(features.shape[1])
    decay[0, 0] = 0
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(features @ weights, -30, 30)))
        gradient = features.T @ (p - right) + decay @ weights
        hessian = (features * (p * (1 - p))[:, None]).T @ features + decay + 1e-9 * np.eye(len(weights))
        step = np.linalg.solve(hessian, gradient)
        weights = weights - step
        if np.abs(step).max() < 1e-8:
            break
    return weights


def fit_width(
    features: Float[np.ndarray, "example feature"],
    errors_bpm: Float[np.ndarray, " example"],
    *,
    level: float = 0.95,
) -> Float[np.ndarray, " feature"]:
    """Linear quantile regression of log |error| (pinball loss), solved exactly as a linear programme."""
    from scipy.optimize import linprog

    n, k = features.shape
    target = np.log(np.maximum(errors_bpm, 0.02))
    # target = features w + above - below;  minimise level * above + (1 - level) * below
    cost = np.concatenate([np.zeros(k), np.full(n, level), np.full(n, 1 - level)])
    equal = np.hstack([features, np.eye(n), -np.eye(n)])
    bounds = [(None, None)] * k + [(0, None)] * (2 * n)
    solved = linprog(cost, A_eq=equal, b_eq=target, bounds=bounds, method="highs")
    return solved.x[:k]


def fit(examples: list[tuple[RateEvidence, float]]) -> Calibration:
    """Fit both regressions; the width only to examples that would be shown."""
    errors = np.array([error for _, error in examples])
    features = np.stack([confidence_features(e) for e, _ in examples])
    ours = np.array([e.control < SAME_IN_CONTROL for e, _ in examples])
    confidence = fit_confidence(features[ours], (errors <= WITHIN_BPM)[ours])
    shown = ours & (features @ confidence > np.log(0.8 / 0.2)) & (errors <= 3 * WITHIN_BPM)
    widths = np.stack([width_features(e) for e, _ in examples])
    width = fit_width(widths[shown], errors[shown])
    return Calibration(tuple(float(w) for w in confidence), tuple(float(w) for w in width))


def gather(
    n_clips: int = N_CLIPS,
    *,
    folder: Path | None = FOLDER,
    workers: int = 2,
    progress: Callable[[str, float], None] | None = None,
) -> list[tuple[RateEvidence, float]]:
    """Examples from n_clips random clips, computed in worker processes; `folder` keeps the clips."""
    examples, one = [], partial(examples_of_clip, folder=folder)
    with WorkerPool(workers) as pool:
        for k, rows in enumerate(pool.map(one, range(SEED, SEED + n_clips))):
            examples += rows
            if progress is not None:
                progress(f"clip {k + 1} of {n_clips}", (k + 1) / n_clips)
    return examples


def main() -> None:
    """Gather, fit, report and store."""
    import sys

    def progress(stage: str, fraction: float) -> None:
        print(f"\r{stage} ({fraction:.0%})", end="", file=sys.stderr, flush=True)

    examples = gather(progress=progress)
    fitted = fit(examples)
    p = np.array([fitted.probability(e) for e, _ in examples])
    right = np.array([error <= WITHIN_BPM for _, error in examples])
    print(
        f"\n{len(examples)} examples; shown {np.mean(p >= 0.8):.1%}, of these right {right[p >= 0.8].mean():.1%}"
    )
    stored = {
        "confidence": [round(w, 4) for w in fitted.confidence],
        "log_half_width": [round(w, 4) for w in fitted.log_half_width],
        "simulator_version": SIMULATOR_VERSION,
        "first_seed": SEED,
        "clips": N_CLIPS,
        "methods": list_methods(),
    }
    CALIBRATION_FILE.write_text(json.dumps(stored, indent=1) + "\n")
    print(f"wrote {CALIBRATION_FILE}")


if __name__ == "__main__":
    main()
