"""The training recipe of PhysMLE, and ablations of its parts."""

from __future__ import annotations

from rppg_core.models.physmle.config import PRIORS
from rppg_core.models.recipe import Ablation, Recipe

RECIPE = Recipe(
    method="physmle",
    steps=2400,
    traces=12,  # two per domain
    clips=3,
    n_frames=512,  # 17 s, for breathing
    domains=True,
    n_clips=144,  # 24 per domain
    easy=0.1,
    loss_weights={
        "waveform": 5.0,
        "hr_spectrum": 0.2,
        "rr_spectrum": 0.25,
        "spatial": 0.1,
        "temporal": 0.01,
        "diversity": 0.1,
        "prior_hr": 1.25,
        "prior_rr": 0.02,
        "prior_spo2": 0.02,
    },
)
ABLATIONS = {
    "no-projections": Ablation({"config": {"projections": ()}}, protocol="photo"),
    "no-experts": Ablation({"config": {"experts": 0}}),
    "no-router": Ablation({"config": {"router": False}}),
    "no-priors": Ablation({"config": dict.fromkeys(PRIORS, False)}),
    "one-expert": Ablation({"config": {"experts": 1}}),
    "rank-1": Ablation({"config": {"rank": 1, "alpha": 2.0}}),
    "rank-16": Ablation({"config": {"rank": 16, "alpha": 32.0}}),
    **{f"only-{task}": Ablation({"labels": (task,)}, task=task) for task in ("bvp", "hr", "rr", "spo2")},
}
