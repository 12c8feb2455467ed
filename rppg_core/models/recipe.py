"""The settings that determine how a network is trained, and everything that follows from them alone.

A recipe defines what is trained, on what data and for how long. Its hash goes into the card of the weights, so that
two files can be distinguished by how they were made; an ablation is `dataclasses.replace` of a recipe. A recipe may
name stages, which train one part of the network after another, and a teacher, whose outputs the loss may use.
Source: sim-to-real study, section 5.3 (AdamW, warm-up 50, cosine, clip 1, curriculum); our choice: the rest.
"""

from __future__ import annotations

import hashlib
import json
import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from importlib import import_module
from itertools import accumulate
from typing import Any

from rppg_core.errors import UsageError
from rppg_core.models.base import TASKS, ModelCard, RppgModel
from rppg_core.roster import get_network, list_teachers, list_trained_networks
from rppg_core.signals.checks import check_count

ADDED_LATER = {"added_later": True}  # a field that does not affect the hash while it has its default value
KINDS = {
    "str": (str, "text"),
    "int": (int, "a whole number"),
    "float": ((int, float), "a number"),
    "bool": (bool, "True or False"),
}  # of a field, by its annotation: what is accepted, and its description
ONLY_IF_NAMED = ("stages", "teacher")  # fields that are left out of the card when they are empty
OXYGEN = ("", "one camera", "every camera", "shortcut")  # people whose SpO2 is drawn evenly
DATASET_SPEEDS = (0.5, 1.5)  # of training on datasets: a heart of 82 is played as one of 41 to 123


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A phase of training in which the same parts are trained and all others are frozen.

    A frozen part does not change by a single bit: it gets no gradient, no weight decay and no averaging, and it is in
    evaluation mode, so that its norms and dropout are fixed. Learning rate, optimizer and average restart with each
    stage; difficulty and `Batch.done` continue over the whole run.

    Args:
        name: shown in the log and the progress line.
        steps: number of steps.
        train: dotted names of modules or weights that are trained, with everything below them; () means all.
        start: a weights file of the same network to start from. "" starts from the averaged weights at the end of the
            previous stage, and in the first stage from random ones.
        loss_weights: term -> weight, where it differs from that of the recipe.
    """

    name: str
    steps: int
    train: tuple[str, ...] = ()
    start: str = ""
    loss_weights: dict[str, float] = field(default_factory=dict)

    def __post_init__(self):
        _check_types(self)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that determines the result of a training run, except for rounding on the machine."""

    method: str  # name of a network in the roster
    variant: str = ""  # a key of its ABLATIONS; "" is the method itself
    config: Any = None  # frozen dataclass of the method; None means its small(), a dict holds changes to that
    steps: int = 3000
    seed: int = 0  # for weights, order and samples

    # samples
    traces: int = 16  # samples of the fast simulator in a batch
    clips: int = 0  # samples of rendered, encoded clips in a batch; a fifth of the batch in the study
    n_frames: int = 256  # 8.5 s at 30 Hz; 17 s and more for breathing
    labels: tuple[str, ...] = TASKS  # tasks that the simulator may label
    domains: bool = field(
        default=False, metadata=ADDED_LATER
    )  # traces and clips from six domains, each with the labels of its original
    labelled: float = field(
        default=1.0, metadata=ADDED_LATER
    )  # share of the people in training whose labels are used; a teacher can help with the others
    oxygen: str = field(
        default="", metadata=ADDED_LATER
    )  # "one camera", "every camera" or "shortcut": people for SpO2 who keep still; "" draws everyday clips
    skin_weight: bool = True  # cells are means over skin pixels
    motion: bool = True  # heads move
    harshness: float = 4.0  # motion and noise at difficulty 1, relative to everyday clips
    pulse_free: int = field(
        default=0, metadata=ADDED_LATER
    )  # further simulated samples in a batch, of people without a pulse; their label is a flat waveform
    partial_pulse: float = field(
        default=0.0, metadata=ADDED_LATER
    )  # share of the traces in which the pulse reaches a part of the face only; none in validation
    flat_maps: float = field(
        default=0.0, metadata=ADDED_LATER
    )  # share of the traces whose map is that of a table of colours: cells repeat the skin; none in validation
    speeds: tuple[float, float] = field(
        default=(1.0, 1.0), metadata=ADDED_LATER
    )  # lowest and highest speed at which clips of a dataset are played; its people have few heart rates
    n_clips: int = 240  # rendered before the first step
    clip_s: float = 20.0  # length of each
    clip_px: int = 160  # side of the picture; the face is 72 pixels wide
    easy: float = 0.2  # share of the steps at difficulty 0: motion and noise only
    hard: float = 0.5  # share of the steps after which difficulty is 1

    # optimisation
    lr: float = 2e-3
    weight_decay: float = 0.01
    warmup: int = 50  # steps
    clip_norm: float = 1.0
    ema_decay: float = 0.995  # decay of the averaged weights; lower in the first steps
    loss_weights: dict[str, float] = field(default_factory=dict)  # term -> weight; 1 if not listed

    # stages of training, and the teacher
    stages: tuple[Stage, ...] = field(
        default=(), metadata=ADDED_LATER
    )  # their steps add up to `steps`; () trains the whole network from random weights
    teacher: str = field(
        default="", metadata=ADDED_LATER
    )  # a network with its shipped weights, or a weights file; its outputs are in Batch.teacher

    # validation
    validate_every: int = 250  # steps
    validation_samples: int = 96

    def __post_init__(self):
        _check_types(self)
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
        if self.oxygen not in OXYGEN:
            raise UsageError(
                f"oxygen is {self.oxygen!r}",
                wanted=f"one of {', '.join(OXYGEN[1:])}, or nothing",
                do="change the recipe",
            )
        check_speeds(self.speeds)
        check_count(self.pulse_free, "pulse_free")
        for name in ("partial_pulse", "flat_maps"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(
                    f"{name} is {getattr(self, name)}", wanted="a share, 0 to 1", do="change the recipe"
                )
        if not 0 < self.labelled <= 1:
            raise UsageError(
                f"labelled is {self.labelled}", wanted="a share above 0, up to 1", do="change the recipe"
            )
        unknown = sorted(set(self.labels) - set(TASKS))
        if unknown:
            raise UsageError(
                f"unknown label {unknown[0]!r}", wanted=f"some of {', '.join(TASKS)}", do="change the recipe"
            )
        _check_stages(self)


@dataclass(frozen=True)
class Ablation:
    """A change of a recipe that shows the effect of one of its parts.

    Args:
        changes: fields of the recipe; "config" holds changes to the network's config.
        task: the only task that is learned; "" if a part is removed or resized.
        protocol: what compares it with the full network: "mssdg", "photo", or "oxygen" (`make oxygen-table`).
        also_full: the photo protocol trains ablations for few steps; True trains this one at full length too.
        choice: True if it is another form of a part, not its absence alone; these are compared with three seeds.
        short: False if the steps of an ablation for photo are too few for it: it has stages that need more.
    """

    changes: Mapping[str, Any]
    task: str = ""
    protocol: str = "mssdg"
    also_full: bool = False
    choice: bool = False
    short: bool = True


def check_speeds(speeds: tuple[float, ...]) -> None:
    """Check the lowest and the highest speed of clips.

    Raises:
        UsageError: they are in the wrong order, or beyond 0.25 and 4.
    """
    if not (len(speeds) == 2 and 0.25 <= speeds[0] <= speeds[1] <= 4):
        raise UsageError(
            f"speeds {speeds}", wanted="the lowest and the highest, between 0.25 and 4", do="change them"
        )


def get_ablations(method: str, protocol: str | None = None) -> dict[str, Ablation]:
    """The ablations that a network declares, by name.

    Args:
        method: name of a network.
        protocol: only the ablations of this protocol; None means all.

    Raises:
        UnknownMethodError: no such network.
    """
    recipe = get_network(method).recipe
    declared = import_module(recipe).ABLATIONS if recipe else {}
    return {name: one for name, one in declared.items() if protocol in (None, one.protocol)}


def get_recipe(method: str, variant: str = "") -> Recipe:
    """The committed recipe of a method, or of one of its ablations.

    Args:
        method: name of a network.
        variant: name of an ablation; "" is the method itself.

    Raises:
        UsageError: the method is not trained, or has no such ablation.
    """
    if method not in (trained := [*list_trained_networks(), *list_teachers()]):
        raise UsageError(
            f"no recipe for {method!r}",
            wanted=f"one of {', '.join(trained)}",
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


def with_steps(recipe: Recipe, steps: int) -> Recipe:
    """The recipe with another number of steps; each stage keeps its share of them.

    Raises:
        UsageError: too few steps for the recipe or one of its stages.
    """
    ends = [round(end * steps / recipe.steps) for end in accumulate(stage.steps for stage in recipe.stages)]
    stages = tuple(
        replace(stage, steps=end - begin)
        for stage, begin, end in zip(recipe.stages, [0, *ends], ends, strict=False)
    )
    return replace(recipe, steps=steps, stages=stages)


def with_config(recipe: Recipe, **changes: Any) -> Recipe:
    """The recipe with other values in the network's config.

    Raises:
        UsageError: the config has no such field.
    """
    from rppg_core.models.weights import config_class, model_class

    known = {one.name for one in fields(config_class(model_class(recipe.method)))}
    for name in changes:
        if name not in known:
            raise UsageError(
                f"{recipe.method} has no {name.replace('_', ' ')}",
                wanted=f"a method whose config has {name}",
                do="leave it out, or train another method",
            )
    if recipe.config is None or isinstance(recipe.config, Mapping):
        return replace(recipe, config={**(recipe.config or {}), **changes})
    return replace(recipe, config=replace(recipe.config, **changes))


def list_stages(recipe: Recipe) -> tuple[Stage, ...]:
    """The stages of a recipe; a recipe without stages counts as a single unnamed stage."""
    return recipe.stages or (Stage(name="", steps=recipe.steps),)


def find_stage(recipe: Recipe, step: int) -> tuple[int, int]:
    """The stage that a step belongs to, and its first step; steps after the last belong to the last stage.

    Args:
        recipe: with or without stages.
        step: counted from 0.

    Returns:
        Index into `list_stages`, and the first step of the stage.
    """
    begins = [0, *accumulate(stage.steps for stage in list_stages(recipe))][:-1]
    number = bisect_right(begins, step) - 1
    return number, begins[number]


def difficulty(recipe: Recipe, step: int) -> float:
    """Difficulty of the samples at a step: 0 for the first `easy` share of the steps, then a ramp to 1 at `hard`."""
    done = step / recipe.steps
    if done >= recipe.hard:
        return 1.0
    return max(0.0, (done - recipe.easy) / max(recipe.hard - recipe.easy, 1e-9))


def lr_factor(recipe: Recipe, step: int) -> float:
    """Learning rate of a step / `lr`: in each stage a linear rise, then half a cosine down to 0 at its end."""
    number, begin = find_stage(recipe, step)
    step, steps = step - begin, list_stages(recipe)[number].steps
    warmup = min(recipe.warmup, steps // 2)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(steps - warmup, 1)))


def recipe_dict(recipe: Recipe) -> dict[str, Any]:
    """JSON-ready fields of a recipe, including the method's config; stages and teacher only if it has any."""
    numbers = json.loads(json.dumps(asdict(recipe), sort_keys=True))
    return {name: value for name, value in numbers.items() if value or name not in ONLY_IF_NAMED}


def card_from_recipe(recipe: Recipe, network: RppgModel | type[RppgModel], **more: Any) -> ModelCard:
    """A card with all that the recipe and the network say of weights.

    Args:
        recipe: a recipe with its config.
        network: whose weights these are.
        more: further fields of the card, such as the data.
    """
    return ModelCard(
        method=recipe.method,
        paper=network.paper,
        inputs=tuple(sorted(network.needs)),
        seed=recipe.seed,
        steps=recipe.steps,
        recipe=recipe_dict(recipe),
        recipe_hash=recipe_hash(recipe),
        **more,
    )


def recipe_hash(recipe: Recipe) -> str:
    """Twelve hex digits that depend on every field except the seed, so that repetitions share them."""
    later = {one.name: one.default for one in fields(recipe) if one.metadata.get("added_later")}
    numbers = {
        name: value
        for name, value in recipe_dict(recipe).items()
        if name != "seed" and not (name in later and getattr(recipe, name) == later[name])
    }
    return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()[:12]


def _check_types(settings: Recipe | Stage) -> None:
    """Check that every text, number and switch is one."""
    for one in fields(settings):
        value, (kind, words) = getattr(settings, one.name), KINDS.get(str(one.type), (object, ""))
        if not isinstance(value, kind) or (isinstance(value, bool) and one.type in ("int", "float")):
            raise UsageError(
                f"{one.name} = {value!r} in a {type(settings).__name__.lower()}",
                wanted=words,
                do="change the recipe",
            )


def _check_stages(recipe: Recipe) -> None:
    """Check that the stages have steps and unique names, and that their steps add up to the run."""
    stages, steps = recipe.stages, recipe.steps
    if not isinstance(stages, (tuple, list)) or not all(isinstance(stage, Stage) for stage in stages):
        raise UsageError(f"stages = {stages!r}", wanted="a tuple of Stage", do="change the recipe")
    names = [stage.name for stage in stages]
    for stage in stages:
        if stage.steps < 1 or not stage.name or names.count(stage.name) > 1:
            raise UsageError(
                f"a stage {stage.name!r} of {stage.steps} steps",
                wanted="a unique name and 1 step or more",
                do="change the stages of the recipe, or train for more steps",
            )
    if stages and (total := sum(stage.steps for stage in stages)) != steps:
        raise UsageError(
            f"stages of {total} steps in a recipe of {steps}",
            wanted=f"stages of {steps} steps in all",
            do="change steps with with_steps(recipe, steps), or the stages",
        )
