"""Weights files of the user's as methods with names of their own, for protocols that compare networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rppg_core.errors import UsageError
from rppg_core.models.plugged import PluggedMethod
from rppg_core.roster import BEHIND, get_method, get_network
from rppg_core.types import Method

CLEANED = ("pos", "chrom")  # methods behind which a network that cleans waveforms gets rows of its own


@dataclass(frozen=True)
class OwnNetwork:
    """A trained network under the name of its row."""

    name: str  # method, ablation, steps and seed
    method: Method
    skin_weight: bool  # whether its maps are means weighted by skin


def load_networks(paths: Sequence[str | Path]) -> list[OwnNetwork]:
    """Networks from their files, each named after its card; one that cleans waveforms also behind CLEANED.

    Raises:
        ModelFileError: not a weights file of this project.
        UsageError: two files with the same card.
    """
    from rppg_core.models.neural_method import neural_method
    from rppg_core.models.weights import load_card

    found: dict[str, OwnNetwork] = {}
    for path in paths:
        card = load_card("", path)
        words = filter(None, [card.method, str(card.recipe.get("variant", ""))])
        name = f"{' '.join(words)}, {card.steps} steps, seed {card.seed}"
        if name in found:
            raise UsageError(
                f"{str(path)!r} is another {name}",
                wanted="files of different method, ablation, steps or seed",
                do="name one of them",
            )
        network = neural_method(card.method, path)
        skin_weight = bool(card.recipe.get("skin_weight", True))
        found[name] = OwnNetwork(name, network, skin_weight)
        for base in CLEANED if get_network(card.method).cleaner else ():
            plugged = f"{base}{BEHIND}{name}"
            found[plugged] = OwnNetwork(plugged, PluggedMethod(get_method(base), network), True)
    return list(found.values())
