"""The training recipe of TAST-Net, and ablations of its parts."""

from __future__ import annotations

from typing import Any

from rppg_core.models.recipe import Ablation, Recipe

RECIPE = Recipe(
    method="tastnet",
    steps=1600,
    traces=19,
    pulse_free=1,  # with a SpO2 that nobody can see: without a pulse the answer has to be the mean
    n_frames=300,  # 10 s
    labels=("spo2",),
    oxygen="one camera",  # with a camera of its own for everybody there is little to learn: "every-camera" shows it
    harshness=8.0,  # of the noise alone; these people keep still
    easy=0.1,
    hard=0.3,
)
PARTS: dict[str, dict[str, Any]] = {
    "cnn-only": {"branches": ("cnn",)},
    "vivit-only": {"branches": ("vivit",)},
    "no-trend": {"trend_weight": 0.0},
    "trend-over-time": {"trend": "time"},
    "raw-only": {"streams": ("raw",)},
    "magnified-only": {"streams": ("magnified",)},
    "no-mask": {"mask": False},
    "concatenated": {"fusion": "concatenated"},
    "crossed": {"fusion": "crossed"},
    **{f"factor-{n}": {"factor": float(n)} for n in (10, 30, 60)},
}  # changes to the config
ABLATIONS = {
    "every-camera": Ablation({"oxygen": "every camera"}, protocol="oxygen", also_full=True, short=False),
    "shortcut": Ablation({"oxygen": "shortcut"}, protocol="oxygen", also_full=True, short=False),
    **{name: Ablation({"config": changes}, protocol="oxygen") for name, changes in PARTS.items()},
}
