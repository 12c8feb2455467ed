"""The training recipe of TraceNet, and its ablations."""

from __future__ import annotations

from rppg_core.models.recipe import Ablation, Recipe

RECIPE = Recipe(
    method="tracenet",
    steps=2400,
    traces=13,
    clips=3,
    n_clips=160,
    easy=0.1,
    labels=("bvp", "hr"),
    loss_weights={"rate": 0.25},
)
ABLATIONS = {
    "no-projections": Ablation({"config": {"projections": ()}}, protocol="photo", choice=True),
    "pos-alone": Ablation({"config": {"projections": ("pos",)}}, protocol="photo", choice=True),
    "long-projections": Ablation({"config": {"projection_s": 3.2}}, protocol="photo", choice=True),
    "no-motion": Ablation({"motion": False}, protocol="photo"),
    # also at full length, because it is as good after a short training
    "zscore": Ablation({"config": {"scaling": "zscore"}}, protocol="photo", also_full=True),
    "raw-pixels": Ablation({"config": {"scaling": "raw"}}, protocol="photo"),
    "no-skin-weight": Ablation({"skin_weight": False}, protocol="photo"),
}
