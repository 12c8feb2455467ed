"""The training recipe of the teacher of PhysVLM, and CLIP itself in its place."""

from __future__ import annotations

from rppg_core.models.recipe import Ablation, Recipe

RECIPE = Recipe(
    method="physvlm_teacher",
    steps=3000,
    traces=14,
    pulse_free=2,
    n_frames=512,
    easy=0.3,
    hard=0.7,
    labels=("bvp", "hr", "rr"),
    lr=1e-3,
    warmup=200,
)
ABLATIONS = {
    "clip": Ablation({"config": {"body": "openai/clip-vit-base-patch32", "embedding": 512}, "steps": 300})
}
