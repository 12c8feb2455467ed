"""How each method is trained: one frozen recipe a method, and everything that follows from its numbers alone.

Floor 6. A recipe says what is trained, on what, for how long. Its hash goes into the card of the weights, so that
two files can be told apart by how they were made; an ablation is `dataclasses.replace` of a recipe.
Source: sim-to-real study, section 5.3 (AdamW, warm-up 50, cosine, clip 1, curriculum); our choice: the rest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rppg_core.errors import UsageError
from rppg_core.models.physmle.config import PRIORS
from rppg_core.models.recipe import Recipe

RECIPES: dict[str, Recipe] = {
    "tracenet": Recipe(
        method="tracenet",
        steps=2400,
        traces=13,
        clips=3,
        n_clips=160,
        easy=0.1,
        labels=("bvp", "hr"),
        loss_weights={"rate": 0.25},
    ),
    "physmle": Recipe(
        method="physmle",
        steps=2400,
        traces=12,  # two a domain
        clips=3,
        n_frames=512,  # 17 s, for breathing
        domains=True,
        n_clips=144,  # 24 a domain
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
    ),
}
# What a method is compared with to show what its parts are for: changes of its recipe, "config" of its config.
ABLATIONS: dict[str, dict[str, dict[str, Any]]] = {
    "tracenet": {
        "no-motion": {"motion": False},
        "zscore": {"config": {"scaling": "zscore"}},
        "raw-pixels": {"config": {"scaling": "raw"}},
        "no-skin-weight": {"skin_weight": False},
    },
    "physmle": {
        "no-experts": {"config": {"experts": 0}},
        "no-router": {"config": {"router": False}},
        "no-priors": {"config": dict.fromkeys(PRIORS, False)},
        "one-expert": {"config": {"experts": 1}},
        "rank-1": {"config": {"rank": 1, "alpha": 2.0}},
        "rank-16": {"config": {"rank": 16, "alpha": 32.0}},
        "only-bvp": {"labels": ("bvp",)},
        "only-hr": {"labels": ("hr",)},
        "only-rr": {"labels": ("rr",)},
        "only-spo2": {"labels": ("spo2",)},
    },
}


def get_recipe(method: str, variant: str = "") -> Recipe:
    """The committed recipe of a method, or of one of its ablations.

    Args:
        method: a key of RECIPES.
        variant: a key of ABLATIONS[method]; "" is the method itself.

    Raises:
        UsageError: the method is not trained, or has no such ablation.
    """
    if method not in RECIPES:
        raise UsageError(
            f"no recipe for {method!r}",
            wanted=f"one of {', '.join(RECIPES)}",
            do="name a method that is trained",
        )
    if not variant:
        return RECIPES[method]
    known = ABLATIONS.get(method, {})
    if variant not in known:
        raise UsageError(
            f"no ablation {variant!r} of {method}",
            wanted=f"one of {', '.join(known) or 'none'}",
            do="leave it out",
        )
    return replace(RECIPES[method], variant=variant, **known[variant])
