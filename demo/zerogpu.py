"""One function that borrows a GPU on a ZeroGPU Space; anywhere else nothing changes.

To be imported before anything that imports torch, which the package `spaces` (present on Spaces only) prepares.
There, a decorated function runs in a process of its own: arguments and results are copied, what it changes is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from rppg_core.models.neural_method import NeuralMethod
from rppg_core.roster import get_method, list_networks
from rppg_core.types import FaceClip, Method, MethodOutput

try:
    import spaces  # pyright: ignore[reportMissingImports]
except ImportError:
    spaces = None

GPU_S = 30  # what a visitor's daily share of GPU time is charged at most for one call

P = ParamSpec("P")
R = TypeVar("R")


def on_gpu(function: Callable[P, R]) -> Callable[P, R]:
    """The function itself, with a GPU while it runs where the Space lends one.

    Args:
        function: takes and returns what can be pickled.
    """
    return function if spaces is None else spaces.GPU(duration=GPU_S)(function)


@on_gpu
def run_method(name: str, clip: FaceClip) -> MethodOutput:
    """A method's output, a network's from the GPU; ZeroGPU stops a Space in which no function asks for one.

    Args:
        name: a name out of `rppg methods`.
        clip: evenly sampled.
    """
    method = get_method(name)
    if spaces is not None and isinstance(method, NeuralMethod):
        method.model.to("cuda")
    return method.estimate(clip)


class Lent:
    """A network that estimates on a GPU which is borrowed for each clip."""

    def __init__(self, name: str):
        own = get_method(name)
        self.name, self.needs, self.weights, self.paper = name, own.needs, own.weights, own.paper

    def estimate(self, clip: FaceClip) -> MethodOutput:
        """Raw pulse of an evenly sampled clip."""
        return run_method(self.name, clip)


def lent(names: Sequence[str]) -> dict[str, Method]:
    """The networks among these methods as they run where a GPU is lent; none anywhere else."""
    return {} if spaces is None else {name: Lent(name) for name in names if name in list_networks()}
