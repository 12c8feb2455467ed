"""The stages of a recipe: the parts that each one trains or freezes, and the weights it starts from.

A frozen part has no gradient, so the optimizer skips it (weight decay included) and its averaged weights do
not change. It stays in evaluation mode, so that norms keep their statistics and dropout is off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from rppg_core.errors import ModelFileError, UsageError
from rppg_core.models.base import ModelCard, RppgModel
from rppg_core.models.recipe import Recipe, Stage, list_stages
from rppg_core.models.weights import find_weights, load_card, load_model


class Stages:
    """The stages of one run, applied to its network.

    Args:
        recipe: with stages or without.
        network: receives the weights of the first stage if that stage starts from a file.

    Raises:
        UsageError: a stage names parts that the network does not have.
        ModelFileError: a stage starts from a file that is missing, damaged, made for another method, or has
            other tensor sizes. All files are read together, before the first step of the run.
    """

    def __init__(self, recipe: Recipe, network: RppgModel):
        self.all = list_stages(recipe)
        self.network, self.parts = network, TrainedParts(network)
        for stage in self.all:
            self.parts.check(stage)
        self._starts = [_read_start(stage, network) if stage.start else None for stage in self.all]
        if self._starts[0]:
            self.load(0, network)

    def load(self, stage: int, before: RppgModel) -> None:
        """Load the initial weights of a stage into the network: from its file, or from `before`."""
        self.network.load_state_dict(self._starts[stage] or before.state_dict())

    def freeze(self, stage: int) -> None:
        """Freeze everything that a stage does not train."""
        self.parts.train_only(self.all[stage].train)


class TrainedParts:
    """Freezes and thaws the parts of one network.

    Args:
        network: the network; weights without a gradient at construction stay frozen in every stage.

    A module with both trained and frozen parts is itself in training mode, because its `forward` may behave
    differently there; `restore` undoes what it writes into its own frozen buffers.
    """

    def __init__(self, network: nn.Module):
        self.network = network
        weights = network.named_parameters(remove_duplicate=False)
        self._trainable = [name for name, weight in weights if weight.requires_grad]
        self._still: list[nn.Module] = []
        self._kept: dict[str, Tensor] = {}

    def check(self, stage: Stage) -> None:
        """Check that a stage names existing parts of the network that hold weights.

        Raises:
            UsageError: an unknown name, or nothing to train.
        """
        every = [
            *self.network.named_modules(),
            *self.network.named_parameters(),
            *self.network.named_buffers(),
        ]
        known = {name for name, _ in every}
        unknown = [name for name in stage.train if not name or name not in known]
        if unknown:
            raise UsageError(
                f"stage {stage.name!r} trains {unknown[0]!r}, which the network does not have",
                wanted=f"names such as {', '.join(name for name, _ in self.network.named_children())}",
                do="change `train` of the stage",
            )
        if not any(is_within(name, stage.train) for name in self._trainable):
            raise UsageError(
                f"stage {stage.name!r} trains {', '.join(stage.train)}, which holds no weights",
                wanted="a part with weights",
                do="change `train` of the stage",
            )

    def train_only(self, names: Sequence[str]) -> None:
        """Freeze everything outside these parts; () freezes nothing.

        Args:
            names: dotted names, as in `named_modules` and `named_parameters`. A weight that several parts
                share is frozen unless all of them are named.
        """
        for name in sorted(self._trainable, key=lambda name: not is_within(name, names)):
            self.network.get_parameter(name).requires_grad_(is_within(name, names))
        modules = list(self.network.named_modules(remove_duplicate=False))
        mixed = (
            {name for name, _ in modules if any(is_within(part, [name]) for part in names)}
            if names
            else set()
        )
        self._still = [module for name, module in modules if not is_within(name, names) and name not in mixed]
        self._kept = {
            name: buffer.clone()
            for name, buffer in self.network.named_buffers()
            if not is_within(name, names) and name.rpartition(".")[0] in mixed
        }

    def hold(self) -> None:
        """Put the frozen parts into evaluation mode, after the network was put into training mode."""
        for module in self._still:
            module.eval()

    def restore(self) -> None:
        """Undo what a training step wrote into frozen buffers."""
        with torch.no_grad():
            for name, kept in self._kept.items():
                self.network.get_buffer(name).copy_(kept)


def is_within(name: str, parts: Iterable[str]) -> bool:
    """Whether a dotted name is one of these parts or inside one; "" (the network) and () include all."""
    parts = tuple(parts)
    return not parts or any(not part or name == part or name.startswith(f"{part}.") for part in parts)


def load_origin_cards(recipe: Recipe) -> dict[str, ModelCard]:
    """The cards of the weights that a training builds on: initial weights and teacher, as the recipe names them.

    Raises:
        ModelFileError: a weights file is missing or damaged.
    """
    cards = {
        stage.start: load_card(recipe.method, stage.start) for stage in list_stages(recipe) if stage.start
    }
    if recipe.teacher:
        cards[recipe.teacher] = load_card(*find_weights(recipe.teacher))
    return cards


def _read_start(stage: Stage, network: RppgModel) -> dict[str, Tensor]:
    """The weights in a stage's file, whose sizes must match the network."""
    found = load_model(network.name, stage.start).state_dict()
    wanted = network.state_dict()
    if {name: x.shape for name, x in found.items()} != {name: x.shape for name, x in wanted.items()}:
        raise ModelFileError(
            f"the weights in {stage.start!r}, from which stage {stage.name!r} starts, have other sizes",
            wanted="weights of the recipe's config",
            do="change `start` of the stage, or the config",
        )
    return found
