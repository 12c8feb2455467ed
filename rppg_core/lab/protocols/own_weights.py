"""A weights file of the user's as a method with a name of its own, for protocols that set networks side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rppg_core.types import Method


@dataclass(frozen=True)
class OwnNetwork:
    """A trained network under the name of its row."""

    name: str  # method, ablation, steps and seed
    method: Method
    skin_weight: bool  # whether its maps are means weighted by skin


def load_network(path: str | Path) -> OwnNetwork:
    """A network from its file; its card says the rest.

    Raises:
        ModelFileError: not a weights file of this project.
    """
    from rppg_core.models.neural_method import neural_method
    from rppg_core.models.weights import load_card

    card = load_card("", path)
    words = filter(None, [card.method, str(card.recipe.get("variant", ""))])
    name = f"{' '.join(words)}, {card.steps} steps, seed {card.seed}"
    return OwnNetwork(name, neural_method(card.method, path), bool(card.recipe.get("skin_weight", True)))
