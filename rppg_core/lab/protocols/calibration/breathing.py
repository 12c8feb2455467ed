"""Fit the confidence of breathing rates on the simulator; this rewrites signals/respiration.json.

Examples are simulated skin traces (physiology, light, a nodding head and camera noise, no pictures), analysed
by POS, CHROM or GREEN, with seeds separate from every benchmark. Each modulation is absent in 40 % of the
people. Run as `python -m rppg_core.lab.protocols.calibration.breathing`. Source: our choice.
Axis letters: T time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np

from rppg_core.classical import chrom, green, pos
from rppg_core.lab.protocols.calibration.regressions import fit_confidence, fit_width
from rppg_core.lab.simulate.physiology import Physiology, band_noise, simulate_waves
from rppg_core.lab.simulate.settings import SIMULATOR_VERSION
from rppg_core.lab.simulate.skin import PULSE_COLOUR
from rppg_core.signals.respiration import (
    RESPIRATION_FILE,
    WITHIN_BRPM,
    Respiration,
    RespirationCalibration,
    respiration_rate,
)
from rppg_core.signals.spectrum import heart_rate_from_bvp
from rppg_core.types import FS, Bvp, RgbTrace

SEED = 2_000_000  # heart rates are calibrated on seeds from a million on
N_CLIPS = 4000
SHOWN_FROM = 0.5  # widths are fitted on examples of at least this confidence


def simulated_example(seed: int) -> tuple[Respiration, float] | None:
    """Breathing rate from one random skin trace, and its error in breaths/min; None if no pulse was found."""
    rng = np.random.default_rng(seed)
    person = _person(rng)
    times_s = np.arange(round(FS * rng.choice([10, 15, 20, 30, 30, 30, 45, 60]))) / FS
    waves = simulate_waves(person, times_s, rng)
    nod = band_noise(times_s, 0.15, 1.5, rng, power=1)
    if rng.uniform() < 0.25:  # a nod that could be mistaken for breathing
        nod = nod + rng.uniform(1, 4) * np.sin(2 * np.pi * (rng.uniform(0.1, 0.6) * times_s + rng.uniform()))
    skin = _skin(waves.bvp + waves.baseline, nod, times_s, rng)
    method = (pos, chrom, green)[rng.integers(3)]
    samples = method(RgbTrace(skin, FS))
    if abs(heart_rate_from_bvp(samples, FS) - person.hr_bpm) > 5:  # refused before breathing is estimated
        return None
    found = respiration_rate(
        Bvp(samples, FS, 0.0, np.ones(len(samples), bool)),
        skin=skin,
        motion=0.003 * nod + 0.001 * rng.standard_normal(len(nod)),
    )
    return found, abs(found.rr_brpm - person.rr_brpm)


def fit_respiration(examples: Sequence[tuple[Respiration, float]]) -> RespirationCalibration:
    """Fit both regressions to readings and their errors; the widths only to readings that may be shown."""
    read = [(r.features, error) for r, error in examples if r.features is not None]
    features = np.stack([f for f, _ in read])
    errors = np.array([error for _, error in read])
    confidence = fit_confidence(features, errors <= WITHIN_BRPM)
    likely = features @ confidence > np.log(SHOWN_FROM / (1 - SHOWN_FROM))
    width = fit_width(features[likely], errors[likely])
    return RespirationCalibration(tuple(map(float, confidence)), tuple(map(float, width)))


def calibrate_respiration(
    n_clips: int = N_CLIPS, *, progress: Callable[[str, float], None] | None = None
) -> RespirationCalibration:
    """Simulate, fit and store in RESPIRATION_FILE."""
    examples = []
    for k in range(n_clips):
        example = simulated_example(SEED + k)
        examples += [example] if example is not None else []
        if progress is not None and k % 20 == 0:
            progress(f"breathing {k + 1} of {n_clips}", (k + 1) / n_clips)
    fitted = fit_respiration(examples)
    stored = {
        "confidence": [round(w, 4) for w in fitted.confidence],
        "log_half_width": [round(w, 4) for w in fitted.log_half_width],
        "simulator_version": SIMULATOR_VERSION,
        "first_seed": SEED,
        "clips": n_clips,
    }
    RESPIRATION_FILE.write_text(json.dumps(stored, indent=1) + "\n")
    return fitted


def _person(rng: np.random.Generator) -> Physiology:
    present = rng.uniform(size=3) < 0.6
    return Physiology(
        hr_bpm=rng.uniform(45, 130),
        rr_brpm=rng.uniform(6, 30),
        rsa=present[0] * rng.uniform(0.01, 0.07),
        riav=present[1] * rng.uniform(0.03, 0.25),
        riiv=present[2] * rng.uniform(0.1, 1.2),
        mayer=rng.uniform(0, 0.025),
        drift=rng.uniform(0, 0.02),
        jitter=rng.uniform(0.002, 0.015),
        rise_s=rng.uniform(0.12, 0.2),
    )


def _skin(blood: np.ndarray, nod: np.ndarray, times_s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mean skin colour: pulse in the colour of blood, brightness and tint from light and nod, noise."""
    colour = np.array(PULSE_COLOUR) * np.exp(0.12 * rng.standard_normal(3))
    pulse = _log_uniform(rng, 0.002, 0.01) / PULSE_COLOUR[1] * blood
    light = _log_uniform(rng, 3e-4, 0.01) * band_noise(times_s, 1 / 30, 3.0, rng, power=1)
    light = light + _log_uniform(rng, 1e-4, 0.005) * nod
    drift = _log_uniform(rng, 2e-5, 8e-4) * band_noise(times_s, 1 / 60, 1.0, rng, power=2)
    drift = drift + _log_uniform(rng, 1e-5, 1e-3) * nod
    noise = _log_uniform(rng, 3e-4, 3e-3) * rng.standard_normal((len(times_s), 3))
    tint = rng.standard_normal(3)
    relative = (1 - pulse[:, None] * colour) * (1 + light[:, None] + drift[:, None] * tint) + noise
    return rng.uniform(60, 200) * np.array([1.0, 0.72, 0.58]) * relative


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def main() -> None:
    """Fit, store, and print the path."""
    import sys

    def progress(stage: str, fraction: float) -> None:
        print(f"\r{stage} ({fraction:.0%})", end="", file=sys.stderr, flush=True)

    fitted = calibrate_respiration(progress=progress)
    print(f"\nwrote {RESPIRATION_FILE}: {fitted}")


if __name__ == "__main__":
    main()
