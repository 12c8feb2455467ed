"""Scores of protocol `photo`: one row per clip and method, and the numbers computed from the rows.

Rates and refusals come from `pipeline` and `vitals`, as in a report; r and SNR are against the truth. Every mean
has its 95 % interval: bootstrap over clips, Wilson's interval for shares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rppg_core.analysis.controls import spectra_from_bvp
from rppg_core.analysis.pipeline import Analysis
from rppg_core.errors import ClipTooShortError
from rppg_core.lab.datasets.clip_file import KnownClip
from rppg_core.lab.protocols.photo.clips import PULSE_S
from rppg_core.lab.protocols.photo.draws import HR_BPM, RR_BRPM
from rppg_core.lab.protocols.waveform_scores import waveform_scores
from rppg_core.metrics import bootstrap_ci, wilson_interval
from rppg_core.oximetry import ratio_of_ratios
from rppg_core.signals.filters import longest_segment
from rppg_core.types import FS, HR_BAND_HZ, Bvp, FaceClip, Method, RgbTrace, Truth
from rppg_core.video.prepare import resample

BAR = "pos"  # every method is compared with it on the same clips
CONSTANT_BPM, CONSTANT_BRPM = sum(HR_BPM) / 2, sum(RR_BRPM) / 2
CONSTANT = f"constant {CONSTANT_BPM:g} bpm, {CONSTANT_BRPM:g} brpm"
WITHIN_BPM, WITHIN_BRPM = 5.0, 2.0
N_RESAMPLES = 1000


@dataclass(frozen=True)
class PhotoRow:
    """One method on one clip; NaN where it does not give a number."""

    method: str
    clip: int  # seed, the same for all methods
    seconds: float
    amplitude_percent: float
    tone: int
    motion_percent: float  # measured on the clip: percent of the face width per second
    r: float
    snr_db: float
    hr_bpm: float  # of the waveform, shown or not
    hr_true_bpm: float
    hr_shown: bool
    confidence: float
    rr_brpm: float  # NaN when refused
    rr_true_brpm: float
    direct_hr_bpm: float  # what a network regresses itself
    direct_rr_brpm: float
    direct_spo2_percent: float
    spo2_true_percent: float
    red_over_blue: float = float("nan")  # ratio of ratios of the skin's colour, the same for all methods
    red_over_green: float = float("nan")

    @property
    def hr_error_bpm(self) -> float:
        return abs(self.hr_bpm - self.hr_true_bpm)

    @property
    def rr_error_brpm(self) -> float:
        return abs(self.rr_brpm - self.rr_true_brpm)

    @property
    def breath(self) -> bool:
        """Whether this is one of the long clips, which are used for breathing only."""
        return self.seconds > PULSE_S


def score(methods: Mapping[str, Method], clips: Iterable[KnownClip]) -> list[PhotoRow]:
    """Every method on every clip.

    Args:
        methods: name in the table -> method; the names distinguish several versions of one method. The paired
            comparison needs POS among them, as "pos".
        clips: native clips with their truth, with the fields that the methods need.

    Returns:
        One row per clip and method.
    """
    rows = []
    for clip, truth in clips:
        analysis = Analysis(clip)
        red_over_blue, red_over_green = skin_ratios(clip)
        for name, method in methods.items():
            estimate = analysis.judge(method)
            similarity, ratio_db = waveform_scores(estimate.bvp, truth)
            spectra = spectra_from_bvp(estimate.bvp, HR_BAND_HZ)
            hr, rr = estimate.vitals.hr, estimate.vitals.rr
            direct = {key: float(estimate.direct.get(key, np.nan)) for key in ("hr", "rr", "spo2")}
            rows.append(PhotoRow(
                method=name, clip=int(truth.settings["seed"]), seconds=float(truth.settings["seconds"]),
                amplitude_percent=float(truth.settings["amplitude_percent"]), tone=int(truth.settings["tone"]),
                motion_percent=clip.face.motion_percent, r=similarity, snr_db=ratio_db,
                hr_bpm=np.nan if spectra is None else 60 * spectra.rate_hz,
                hr_true_bpm=float(np.mean(truth.hr_bpm)), hr_shown=not hr.refused, confidence=hr.confidence,
                rr_brpm=np.nan if rr.value is None else rr.value, rr_true_brpm=truth.rr_brpm,
                direct_hr_bpm=direct["hr"], direct_rr_brpm=direct["rr"], direct_spo2_percent=direct["spo2"],
                spo2_true_percent=truth.spo2_percent, red_over_blue=red_over_blue, red_over_green=red_over_green,
            ))  # fmt: skip
    return rows


def constant_rows(rows: Sequence[PhotoRow]) -> list[PhotoRow]:
    """Rows of the constant predictor, which sees no clip, for every clip."""
    nothing = dict.fromkeys(
        ("r", "snr_db", "direct_hr_bpm", "direct_rr_brpm", "direct_spo2_percent"), float("nan")
    )
    said = {"hr_bpm": CONSTANT_BPM, "rr_brpm": CONSTANT_BRPM, "hr_shown": True, "confidence": 0.0}
    clips = {row.clip: row for row in rows}.values()
    return [PhotoRow(**{**asdict(row), **nothing, **said, "method": CONSTANT}) for row in clips]


def summary(rows: Sequence[PhotoRow], method: str) -> dict[str, Any]:
    """Numbers of one method over a group of clips, paired with those of POS on the same clips.

    Each number is {"mean", "low", "high"} (95 % interval), or None if there are no values: n; r; ratio
    (of the means of 1 - r); r_gain (r minus that of POS); snr_db; hr_mae_bpm; within_5_bpm and shown (0..1);
    n_breath; rr_shown (0..1); rr_mae_brpm (where shown); rr_within_2_brpm (of those shown).
    """
    mine = [row for row in rows if row.method == method]
    pulse, breath = [row for row in mine if not row.breath], [row for row in mine if row.breath]
    bar = {row.clip: row.r for row in rows if row.method == BAR}
    pairs = np.array([(row.r, bar[row.clip]) for row in pulse if np.isfinite(row.r) and row.clip in bar])
    shown = [row for row in breath if np.isfinite(row.rr_brpm)]
    errors = np.array([row.hr_error_bpm for row in pulse])
    paired = len(pairs) > 0 and method != BAR
    return {
        "n": len(pulse),
        "r": mean_ci([row.r for row in pulse]),
        "ratio": _ci(1 - pairs, lambda v: v[:, 0].mean() / max(v[:, 1].mean(), 1e-9)) if paired else None,
        "r_gain": mean_ci(pairs[:, 0] - pairs[:, 1]) if paired else None,
        "snr_db": mean_ci([row.snr_db for row in pulse]),
        "hr_mae_bpm": mean_ci(errors),
        "within_5_bpm": share_ci(errors <= WITHIN_BPM) if np.isfinite(errors).any() else None,
        "shown": share_ci(np.array([row.hr_shown for row in pulse])),
        "n_breath": len(breath),
        "rr_shown": share_ci(np.isfinite([row.rr_brpm for row in breath])),
        "rr_mae_brpm": mean_ci([row.rr_error_brpm for row in shown]),
        "rr_within_2_brpm": share_ci(np.array([row.rr_error_brpm for row in shown]) <= WITHIN_BRPM),
    }


def paired_gain(rows: Sequence[PhotoRow], method: str, other: str) -> dict[str, float] | None:
    """Mean of r minus that of another method on the same pulse clips, with its interval; None without pairs."""
    r = {(row.method, row.clip): row.r for row in rows if not row.breath}
    mine = [(clip, value) for (name, clip), value in r.items() if name == method]
    return mean_ci([value - r.get((other, clip), np.nan) for clip, value in mine])


def skin_ratios(clip: FaceClip) -> tuple[float, float]:
    """Ratio of ratios of the skin's colour, red over blue and over green: medians over the longest stretch of face.

    NaN if no stretch is as long as one and a half windows.
    """
    even = resample(clip, FS)
    try:
        windows = ratio_of_ratios(RgbTrace(even.roi("skin")[longest_segment(even.valid)], FS))
    except ClipTooShortError:
        return float("nan"), float("nan")
    found = (windows.red_over_blue, windows.red_over_green)
    blue, green = (
        np.median(ratio[np.isfinite(ratio)]) if np.isfinite(ratio).any() else np.nan for ratio in found
    )
    return float(blue), float(green)


def mean_ci(values: Sequence[float] | np.ndarray) -> dict[str, float] | None:
    """Mean of the finite values with its bootstrap interval; None if there are none."""
    finite = np.array([value for value in values if np.isfinite(value)])
    return _ci(finite, np.mean) if len(finite) else None


def constant_wave(truth: Truth) -> Bvp:
    """The waveform of the constant predictor: one and the same sine for every clip."""
    times_s = np.arange(truth.times_s[0], truth.times_s[-1], 1 / FS)
    sine = np.sin(2 * np.pi * CONSTANT_BPM / 60 * times_s)
    return Bvp(sine, FS, float(times_s[0]), np.ones(len(sine), bool))


def _ci(values: np.ndarray, statistic: Callable[[np.ndarray], Any]) -> dict[str, float]:
    low, high = bootstrap_ci(values, statistic, seed=0, n_resamples=N_RESAMPLES)
    return {"mean": float(statistic(values)), "low": low, "high": high}


def share_ci(right: np.ndarray) -> dict[str, float] | None:
    """A share with Wilson's interval, which the bootstrap gets wrong near 0 and 1."""
    if not len(right):
        return None
    low, high = wilson_interval(int(np.sum(right)), len(right))
    return {"mean": float(np.mean(right)), "low": low, "high": high}
