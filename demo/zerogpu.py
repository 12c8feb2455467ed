"""One function that runs on a GPU on a ZeroGPU Space; anywhere else nothing changes.

Import this before anything that imports torch, which the package `spaces` (present on Spaces only) patches. There, a
decorated function runs in a separate process: arguments and results are copied, and its side effects are lost.
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

GPU_S = 30  # GPU time charged at most to a visitor's daily quota for one call

P = ParamSpec("P")
R = TypeVar("R")


def on_gpu(function: Callable[P, R]) -> Callable[P, R]:
    """The function itself; on a Space with ZeroGPU, it has a GPU while it runs.

    Args:
        function: its arguments and result can be pickled.
    """
    return function if spaces is None else spaces.GPU(duration=GPU_S)(function)


@on_gpu
def run_method(name: str, clip: FaceClip) -> MethodOutput:
    """The output of a method, with networks on the GPU. ZeroGPU stops a Space in which no function requests a GPU.

    Args:
        name: a name from `rppg methods`.
        clip: evenly sampled.
    """
    method = get_method(name)
    if spaces is not None and isinstance(method, NeuralMethod):
        method.model.to("cuda")
    return method.estimate(clip)


class Lent:
    """A network that runs on a GPU assigned for each clip."""

    def __init__(self, name: str):
        own = get_method(name)
        self.name, self.needs, self.weights, self.paper = name, own.needs, own.weights, own.paper

    def estimate(self, clip: FaceClip) -> MethodOutput:
        """Raw pulse of an evenly sampled clip."""
        return run_method(self.name, clip)


def lent(names: Sequence[str]) -> dict[str, Method]:
    """The networks among these methods, to run on an assigned GPU; empty without ZeroGPU."""
    return {} if spaces is None else {name: Lent(name) for name in names if name in list_networks()}
