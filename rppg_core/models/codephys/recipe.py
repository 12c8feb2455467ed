"""The training recipe of CodePhys, and its ablations."""

from __future__ import annotations

from typing import Any

from rppg_core.models.recipe import Ablation, Recipe, Stage

RECIPE = Recipe(
    method="codephys",
    steps=4400,
    traces=10,
    clips=3,
    n_clips=160,
    pulse_free=3,  # a fifth of a batch
    partial_pulse=0.5,  # so that the attention has to find where the pulse is
    flat_maps=0.25,  # else slow hearts in tables of colours are read too fast
    easy=0.3,  # until the codebook is made; it does not look at faces
    hard=0.45,
    labels=("bvp", "hr"),
    loss_weights={
        "ppg_shape": 0.5,
        "ppg_commitment": 0.25,
        **{f"{kind}_rate": 0.1 for kind in ("video", "plugin")},
        **{f"{kind}_commitment": 0.25 for kind in ("video", "plugin")},
        "video_silence": 0.3,  # more of it draws weak pulses to where no pulse is
        "plugin_silence": 0.2,
    },
    stages=(
        Stage(name="codebook", steps=1200, train=("signal_encoder", "codebook", "decoder")),
        Stage(name="video", steps=2400, train=("encoder",)),
        Stage(name="plugin", steps=600, train=("plugin",)),
        Stage(name="evidence", steps=200, train=("trust", "plugin_trust")),
    ),
)
CROPS = {
    "config": {"encoder": "crops", "cell_evidence": False, "window": 128},
    "n_frames": 128,
    "traces": 0,  # they hold no pictures, so that no sample is without a pulse, and the evidence is not trained
    "clips": 4,
    "pulse_free": 0,
    "partial_pulse": 0.0,
    "flat_maps": 0.0,
    "steps": 1720,
    "easy": 0.76,  # of the steps: a fifth of those with faces, as in the recipe of PhysNet on crops
    "hard": 0.85,
    "stages": (
        Stage(name="codebook", steps=1200, train=("signal_encoder", "codebook", "decoder")),
        Stage(name="video", steps=520, train=("encoder",)),
    ),
}  # pixels with the sizes of small(); encoder and batch are others, so it is no ablation of one part
PARTS: dict[str, dict[str, Any]] = {
    "no-codebook": {"quantised": False},
    "no-attention": {"attention": False},
    "no-distillation": {"distillation": ()},
    "distribution": {"distillation": ("distribution",)},
    "feature": {"distillation": ("feature",)},
    "relation": {"distillation": ("relation",)},
}  # changes to the config; `make codebook-table` compares them
ABLATIONS = {
    **{name: Ablation({"config": changes}, protocol="photo", short=False) for name, changes in PARTS.items()},
    "crops": Ablation(CROPS, protocol="photo", also_full=True, short=False),
}
