"""From evidence to probability: one calibration for all methods.

`confidence` is the probability that a heart rate is within 5 bpm, `half_width_bpm` half of its central 95 %
interval. The numbers are in calibration.json beside this file, with the simulator's version and the seeds of the
fit; `make calibrate` rewrites it. Source: our choice: logistic regression and 95 % quantile regression on the
same evidence, which does not depend on the method's name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rppg_core.signals.quality import RateEvidence
from rppg_core.signals.windows import WINDOW_S

CALIBRATION_FILE = Path(__file__).with_name("calibration.json")
SHOW_FROM = 0.8  # values are shown at this confidence or above
USUAL_SWING_BPM = 1.5  # of the windows of a resting heart
SAME_IN_CONTROL = 0.35  # explained to this share or above, a rate is attributed to light or camera
# Below this, what swings with the waveform is the brightness of the skin: light. Our choice: nearly all clear pulses
# of real people have more, nearly all lights less; the report of `make calibrate` counts what it refuses.
GREY = 0.13


@dataclass(frozen=True)
class Calibration:
    """Weights of the features below."""

    confidence: tuple[float, ...]
    log_half_width: tuple[float, ...]

    def probability(self, evidence: RateEvidence) -> float:
        """Probability that the rate is within 5 bpm of the truth."""
        score = float(np.dot(self.confidence, confidence_features(evidence)))
        return float(1 / (1 + np.exp(-np.clip(score, -30, 30))))

    def half_width_bpm(self, evidence: RateEvidence) -> float:
        """Half of the central 95 % interval. Unit: bpm."""
        return float(np.exp(np.clip(np.dot(self.log_half_width, width_features(evidence)), -2, 3.5)))


def is_light(evidence: RateEvidence) -> bool:
    """Whether the rate is attributed to light or camera, whatever the other evidence says."""
    return evidence.explained >= SAME_IN_CONTROL or evidence.chroma < GREY


def confidence_features(evidence: RateEvidence) -> Float[np.ndarray, " feature"]:
    """1 and the evidence, each bounded so that no single one can decide; votes as half of their log odds.

    The chroma of a rate decides by a limit of its own, GREY, and not here: real faces have less of it than simulated.
    """
    return np.array(
        [
            1.0,
            np.clip(evidence.contrast, -2, 4),
            _log_odds(evidence.votes) / 2,
            evidence.apart,
            evidence.apart * evidence.together,
            np.clip(evidence.snr_db, -15, 10) / 10,
            evidence.explained,
            np.log(np.clip(evidence.seconds, 5, 60) / 20),
        ]
    )


def width_features(evidence: RateEvidence) -> Float[np.ndarray, " feature"]:
    """1, contrast, SNR, logs of: seconds of the mean, rate (fast hearts vary more), its standard error; unseen share.

    Where a mean leaves windows out, the clip's own mean may lie elsewhere.
    """
    return np.array(
        [
            1.0,
            np.clip(evidence.contrast, -2, 6),
            np.clip(evidence.snr_db, -15, 20) / 10,
            np.log(np.clip(evidence.rate_s, 5, 60) / 20),
            np.log(np.clip(evidence.rate_bpm, 40, 240) / 75),
            np.log(np.clip(_swing_of_mean_bpm(evidence), 0.2, 10)),
            evidence.unseen,
        ]
    )


@cache
def calibration() -> Calibration:
    """The shipped calibration."""
    stored = json.loads(CALIBRATION_FILE.read_text())
    return Calibration(tuple(stored["confidence"]), tuple(stored["log_half_width"]))


def _swing_of_mean_bpm(evidence: RateEvidence) -> float:
    """Standard error of the mean rate; the fewer windows, the nearer to the usual swing: one window has none."""
    seen, averaged = (max(1.0, 2 * s / WINDOW_S - 1) for s in (evidence.seconds, evidence.rate_s))
    swing_bpm = np.sqrt(((seen - 1) * evidence.swing_bpm**2 + USUAL_SWING_BPM**2) / seen)
    return float(swing_bpm / np.sqrt(averaged))


def _log_odds(share: float) -> float:
    share = float(np.clip(share, 0.05, 0.95))
    return float(np.log(share / (1 - share)))
