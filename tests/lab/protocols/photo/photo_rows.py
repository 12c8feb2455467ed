"""Scores of the photo protocol as they would stand in its table, made up."""

from __future__ import annotations

from dataclasses import replace

from rppg_core.lab.protocols.photo.scores import PhotoRow
from rppg_core.lab.protocols.photo.versions import CURRENT


def row(method="pos", clip=0, r=0.7, hr=80.0, **more) -> PhotoRow:
    fields = {
        "seconds": 20.0,
        "amplitude_percent": 0.35,
        "tone": clip % 6,
        "motion_percent": float(clip % 9),
        "snr_db": 1.0,
        "hr_true_bpm": 80.0,
        "hr_shown": True,
        "confidence": 0.9,
        "rr_brpm": float("nan"),
        "rr_true_brpm": 15.0,
        "direct_hr_bpm": float("nan"),
        "direct_rr_brpm": float("nan"),
        "direct_spo2_percent": float("nan"),
        "spo2_true_percent": 96.0,
        **more,
    }
    return PhotoRow(method=method, clip=CURRENT.first_seed + clip, r=r, hr_bpm=hr, **fields)


def both(better: float, hr: float = 80.0, bar_hr: float = 90.0) -> list[PhotoRow]:
    """POS with an r of 0.6-0.8, and a network that is better by so much on every clip."""
    bar = [row(clip=k, r=0.6 + 0.01 * (k % 20), hr=bar_hr) for k in range(40)]
    return [*bar, *(replace(b, method="tracenet", r=b.r + better, hr_bpm=hr) for b in bar)]
