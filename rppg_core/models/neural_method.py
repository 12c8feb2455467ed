"""A network as a method like the others: torch and the weights are loaded at the first estimate.

This module does not import torch, so that listing the methods, collecting the needs of a pass and opening the app do
not wait seconds for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from rppg_core.roster import Network, get_network
from rppg_core.types import FaceClip, MethodOutput

if TYPE_CHECKING:
    from rppg_core.models.base import RppgModel


class NeuralMethod:
    """A `Method` that runs a trained network.

    Args:
        name: name in the list of methods.
        network: its needs and its paper.
        load: returns the network with its weights, in evaluation mode.
        weights: origin of the weights, in words, if they are not those that come with the package.
        needs: fields that it reads, if its config makes them others than those of the network as shipped.
    """

    def __init__(
        self,
        name: str,
        network: Network,
        load: Callable[[], RppgModel],
        *,
        weights: str | None = None,
        needs: frozenset[str] | None = None,
    ):
        self.name, self.paper = name, network.paper
        self.needs = network.needs if needs is None else needs
        self.weights = network.weights if weights is None else weights
        self._load = load

    @cached_property
    def model(self) -> RppgModel:
        """The network with its weights, loaded on first use."""
        return self._load().eval()

    def estimate(self, clip: FaceClip) -> MethodOutput:
        """Raw pulse of an evenly sampled clip at 30 Hz."""
        from rppg_core.models.base import run_clip

        return run_clip(self.model, clip)


@lru_cache(maxsize=16)
def neural_method(name: str, path: str | Path | None = None) -> NeuralMethod:
    """A network as a method.

    Args:
        name: name of a network.
        path: file of its weights, as for `load_model`; None means the checkpoint that comes with the package.

    Raises:
        UnknownMethodError: no such network.
        ModelFileError: `path` is not a weights file of this method, and the network has no reader of its own.
    """
    network, load = get_network(name), partial(_load, name, path)
    if path is None or network.reader:
        return NeuralMethod(name, network, load)
    from rppg_core.models.weights import load_card, load_config

    needs = getattr(load_config(name, path), "needs", None)
    return NeuralMethod(name, network, load, weights=load_card(name, path).weights, needs=needs)


def _load(name: str, path: str | Path | None) -> RppgModel:
    from rppg_core.models.weights import load_model

    return load_model(name, path)
