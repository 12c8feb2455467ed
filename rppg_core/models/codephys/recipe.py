"""The training recipe of CodePhys, and its ablations."""

from __future__ import annotations

from rppg_core.models.recipe import Ablation, Recipe, Stage

RECIPE = Recipe(
    method="codephys",
    steps=4200,
    traces=10,
    clips=3,
    n_clips=160,
    pulse_free=3,  # a fifth of a batch
    partial=0.5,  # so that the attention has to find where the pulse is
    easy=0.3,  # until the codebook is made; it does not look at faces
    hard=0.45,
    labels=("bvp", "hr"),
    loss_weights={
        "ppg_shape": 0.5,
        "ppg_commitment": 0.25,
        **{f"{kind}_rate": 0.1 for kind in ("video", "plugin")},
        **{f"{kind}_commitment": 0.25 for kind in ("video", "plugin")},
    },
    stages=(
        Stage(name="codebook", steps=1200, train=("signal_encoder", "codebook", "decoder")),
        Stage(name="video", steps=2400, train=("encoder", "trust")),
        Stage(name="plugin", steps=600, train=("plugin", "plugin_trust")),
    ),
)
CROPS = {
    "config": {"encoder": "crops", "cell_evidence": False, "window": 128},
    "n_frames": 128,
    "traces": 0,  # they hold no pictures, so that no sample is without a pulse, and the evidence is not trained
    "clips": 4,
    "pulse_free": 0,
    "partial": 0.0,
    "steps": 1720,
    "stages": (
        Stage(name="codebook", steps=1200, train=("signal_encoder", "codebook", "decoder")),
        Stage(name="video", steps=520, train=("encoder",)),
    ),
}  # as in paper(), for about as many CPU-minutes as RECIPE
ABLATIONS = {
    "no-codebook": Ablation({"config": {"quantised": False}}, protocol="photo"),
    "no-attention": Ablation({"config": {"attention": False}}, protocol="photo"),
    "no-distillation": Ablation({"config": {"distillation": ()}}, protocol="photo"),
    "distribution": Ablation({"config": {"distillation": ("distribution",)}}, protocol="photo"),
    "feature": Ablation({"config": {"distillation": ("feature",)}}, protocol="photo"),
    "relation": Ablation({"config": {"distillation": ("relation",)}}, protocol="photo"),
    "crops": Ablation(CROPS, protocol="photo"),
}
