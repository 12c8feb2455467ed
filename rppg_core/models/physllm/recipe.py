"""The training recipe of PhysLLM, and its ablations."""

from __future__ import annotations

from rppg_core.models.physnet import PhysNetConfig
from rppg_core.models.recipe import Ablation, Recipe, Stage

READER = ("stationary", "patches", "aggregator", "guidance", "prompts", "language", "instead", "head")

RECIPE = Recipe(
    method="physllm",
    steps=3600,
    traces=13,
    clips=3,
    n_clips=160,
    easy=0.07,
    hard=0.33,  # full difficulty from step 1200 on, as in tracenet's recipe
    labels=("bvp", "hr"),
    loss_weights={"rate": 0.25},
    stages=(
        Stage(name="encoder", steps=2400, train=("encoder",)),  # tracenet's recipe
        Stage(name="language", steps=1200, train=READER),
    ),
)
PIXELS = {
    "config": {"encoder": "crops", "crops": PhysNetConfig(widths=(8, 16, 32), labels="raw"), "window": 128},
    "n_frames": 128,
    "traces": 0,  # they hold no pictures
    "clips": 4,
    "steps": 520,
    "stages": (Stage(name="encoder", steps=520, train=("encoder",)),),
}  # the other encoder alone, for as many CPU-minutes as that of RECIPE
ABLATIONS = {
    "no-stationary": Ablation({"config": {"stationary": False}}, protocol="photo"),
    "no-aggregator": Ablation({"config": {"aggregator": False}}, protocol="photo"),
    "no-guidance": Ablation({"config": {"guidance": False}}, protocol="photo"),
    "fixed-prompts": Ablation({"config": {"prompts": False}}, protocol="photo"),
    "no-cues": Ablation({"config": {"cues": ()}}, protocol="photo"),
    "random-language": Ablation({"config": {"language": "random"}}, protocol="photo"),
    "no-language": Ablation({"config": {"language": "none"}}, protocol="photo"),
    "residual": Ablation({"config": {"residual": True}}, protocol="photo"),
    "pixels": Ablation(PIXELS, protocol="photo"),
}
