"""What decides how a network is trained, and everything that follows from its numbers alone.

A recipe says what is trained, on what, for how long. Its hash goes into the card of the weights, so that two files
can be told apart by how they were made; an ablation is `dataclasses.replace` of a recipe.
Source: sim-to-real study, section 5.3 (AdamW, warm-up 50, cosine, clip 1, curriculum); our choice: the rest.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from importlib import import_module
from typing import Any

from rppg_core.errors import UsageError
from rppg_core.models.base import TASKS
from rppg_core.roster import get_network, list_networks

ADDED_LATER = {"added_later": True}  # a field that leaves the hash as it was while it has its default


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what a training run ends with, the machine's rounding apart."""

    method: str  # name of a network in the roster
    variant: str = ""  # a key of its ABLATIONS; "" is the method itself
    config: Any = None  # frozen dataclass of the method; None is its small(), a dict what to change of that
    steps: int = 3000
    seed: int = 0  # of weights, order and samples

    # samples
    traces: int = 16  # samples of the fast simulator in a batch
    clips: int = 0  # samples of rendered, encoded clips in a batch; the study has a fifth
    n_frames: int = 256  # 8.5 s at 30 Hz; 17 s and more for breathing
    labels: tuple[str, ...] = TASKS  # what the simulator may label
    domains: bool = field(
        default=False, metadata=ADDED_LATER
    )  # traces and clips of six domains, each labelled as its original is
    skin_weight: bool = True  # cells are means over skin
    motion: bool = True  # heads move
    harshness: float = 4.0  # of motion and noise at difficulty 1, against everyday clips; 1 is everyday
    n_clips: int = 240  # rendered before the first step
    clip_s: float = 20.0  # length of each
    clip_px: int = 160  # side of its picture; the face is 72 wide
    easy: float = 0.2  # share of the steps at difficulty 0: motion and noise only
    hard: float = 0.5  # share of the steps after which difficulty is 1

    # optimisation
    lr: float = 2e-3
    weight_decay: float = 0.01
    warmup: int = 50  # steps
    clip_norm: float = 1.0
    ema_decay: float = 0.995  # of the averaged weights; less in the first steps
    loss_weights: dict[str, float] = field(default_factory=dict)  # term -> weight; 1 where not named

    # what is watched
    validate_every: int = 250  # steps
    validation_samples: int = 96

    def __post_init__(self):
        for name, low in (("steps", 1), ("n_frames", 8), ("validate_every", 1), ("validation_samples", 1)):
            if getattr(self, name) < low:
                raise UsageError(
                    f"{name} is {getattr(self, name)}", wanted=f"{low} or more", do="change the recipe"
                )
        if self.traces < 0 or self.clips < 0 or self.traces + self.clips < 1:
            raise UsageError(
                f"a batch of {self.traces} traces and {self.clips} clips",
                wanted="at least one sample",
                do="change the recipe",
            )
        unknown = sorted(set(self.labels) - set(TASKS))
        if unknown:
            raise UsageError(
                f"unknown label {unknown[0]!r}", wanted=f"some of {', '.join(TASKS)}", do="change the recipe"
            )


@dataclass(frozen=True)
class Ablation:
    """A change of a recipe that shows what something in it is for.

    Args:
        changes: fields of the recipe; "config" holds changes of the network's config.
        task: the one task that is learned; "" where a part is taken out or made another size.
        protocol: which protocol compares it with the whole network: "mssdg" or "photo".
        also_full: protocol photo trains ablations for few steps; this one at full length too.
    """

    changes: Mapping[str, Any]
    task: str = ""
    protocol: str = "mssdg"
    also_full: bool = False


def get_ablations(method: str, protocol: str | None = None) -> dict[str, Ablation]:
    """The ablations that a network declares, by name.

    Args:
        method: a network.
        protocol: only those of this one; None is all.

    Raises:
        UnknownMethodError: no such network.
    """
    declared = import_module(get_network(method).recipe).ABLATIONS
    return {name: one for name, one in declared.items() if protocol in (None, one.protocol)}


def get_recipe(method: str, variant: str = "") -> Recipe:
    """The committed recipe of a method, or of one of its ablations.

    Args:
        method: name of a network.
        variant: name of an ablation; "" is the method itself.

    Raises:
        UsageError: the method is not trained, or has no such ablation.
    """
    if method not in list_networks():
        raise UsageError(
            f"no recipe for {method!r}",
            wanted=f"one of {', '.join(list_networks())}",
            do="name a method that is trained",
        )
    recipe: Recipe = import_module(get_network(method).recipe).RECIPE
    if not variant:
        return recipe
    known = get_ablations(method)
    if variant not in known:
        raise UsageError(
            f"no ablation {variant!r} of {method}",
            wanted=f"one of {', '.join(known) or 'none'}",
            do="leave it out",
        )
    return replace(recipe, variant=variant, **known[variant].changes)


def difficulty(recipe: Recipe, step: int) -> float:
    """How hard the samples of a step are: 0 for the first `easy` of the steps, then a ramp to 1 at `hard`."""
    done = step / recipe.steps
    if done >= recipe.hard:
        return 1.0
    return max(0.0, (done - recipe.easy) / max(recipe.hard - recipe.easy, 1e-9))


def lr_factor(recipe: Recipe, step: int) -> float:
    """Learning rate of a step / `lr`: a linear rise, then half a cosine that ends at 0 after the last step."""
    warmup = min(recipe.warmup, recipe.steps // 2)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(recipe.steps - warmup, 1)))


def recipe_dict(recipe: Recipe) -> dict[str, Any]:
    """JSON-ready numbers of a recipe, the method's config among them."""
    return json.loads(json.dumps(asdict(recipe), sort_keys=True))


def recipe_hash(recipe: Recipe) -> str:
    """Twelve hex digits that differ when any number but the seed does: repetitions share them."""
    later = {one.name: one.default for one in fields(recipe) if one.metadata.get("added_later")}
    numbers = {
        name: value
        for name, value in recipe_dict(recipe).items()
        if name != "seed" and not (name in later and getattr(recipe, name) == later[name])
    }
    return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()[:12]
