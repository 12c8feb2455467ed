"""The training recipe of PhysVLM, and its ablations; that of its teacher is `teacher_recipe`."""

from __future__ import annotations

from rppg_core.models.recipe import Ablation, Recipe

RECIPE = Recipe(
    method="physvlm",
    steps=2400,
    traces=12,  # two per domain
    clips=3,
    n_frames=512,  # 17 s, for breathing
    domains=True,
    n_clips=144,  # 24 per domain
    easy=0.1,
    labels=("bvp", "resp", "hr", "rr"),
    teacher="physvlm_teacher",
    loss_weights={
        "rate": 0.1,
        "breathing": 0.5,
        "breathing_rate": 0.05,
        "hr_lines": 0.05,
        "rr_lines": 0.05,
        "consistency": 0.1,
        "opinion": 0.5,
        "embedding": 0.25,
        "alike": 0.25,
    },
)
ABLATIONS = {
    "no-teacher": Ablation({"config": {"distillation": False}, "teacher": ""}),
    "no-wavelets": Ablation({"config": {"wavelet_block": False}}),
    "no-attention": Ablation({"config": {"attention": False}}),
    "no-consistency": Ablation({"config": {"consistency": False}}),
    "few-labels": Ablation({"labelled": 0.1}),
    "few-labels-no-teacher": Ablation({"labelled": 0.1, "config": {"distillation": False}, "teacher": ""}),
    "haar": Ablation({"config": {"wavelet": "haar"}}, protocol="photo"),
    "learned-wavelet": Ablation({"config": {"learned_filters": True}}, protocol="photo"),
}
