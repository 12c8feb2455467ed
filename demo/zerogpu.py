"""One function that borrows a GPU on a ZeroGPU Space; anywhere else nothing changes.

To be imported before anything that imports torch, which the package `spaces` (present on Spaces only) prepares.
There, a decorated function runs in a process of its own: arguments and results are copied, what it changes is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from rppg_core.roster import get_method
from rppg_core.types import FaceClip, MethodOutput

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
def output_of(name: str, clip: FaceClip) -> MethodOutput:
    """A neural method's output; ZeroGPU stops a Space in which no function asks for a GPU.

    Args:
        name: a name out of `rppg methods`.
        clip: evenly sampled.
    """
    return get_method(name).estimate(clip)
