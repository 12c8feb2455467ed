"""The training recipe of TAST-Net, and ablations of its parts."""

from __future__ import annotations

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
ABLATIONS = {
    "every-camera": Ablation({"oxygen": "every camera"}),
    "shortcut": Ablation({"oxygen": "shortcut"}),
    "cnn-only": Ablation({"config": {"branches": ("cnn",)}}),
    "vivit-only": Ablation({"config": {"branches": ("vivit",)}}),
    "no-trend": Ablation({"config": {"trend_weight": 0.0}}),
    "trend-over-time": Ablation({"config": {"trend": "time"}}),
    "raw-only": Ablation({"config": {"streams": ("raw",)}}),
    "magnified-only": Ablation({"config": {"streams": ("magnified",)}}),
    "no-mask": Ablation({"config": {"mask": False}}),
    "concatenated": Ablation({"config": {"fusion": "concatenated"}}),
    "crossed": Ablation({"config": {"fusion": "crossed"}}),
    **{f"factor-{n}": Ablation({"config": {"factor": float(n)}}) for n in (10, 30, 60)},
}
