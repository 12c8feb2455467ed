"""TraceNet: a small network over the 36 cells of a face map; the baseline that every larger method has to beat.

It answers one question: what does a network gain over POS if it gets the same cells, the same skin weight and the
same preparation, and is trained only on simulated traces? It is our own design, based on no paper; it follows the
recipe of the sim-to-real study behind the simulator (relative change with one scale per clip, motion in the training
data, skin weights in and out of training). Beside the colours it reads three projections of every cell
(`prepare.projections`): light that all colours share is gone from them before the first convolution.

What differs from published networks on maps (RhythmNet, Dual-GAN): no image backbone; cells keep their place and
their relative strength, are never z-scored, and are read by the same temporal convolutions.
Axis letters: B batch, T time, N cell, C channels.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rppg_core.roster import Network

if TYPE_CHECKING:
    from rppg_core.models.tracenet.model import TraceNet, TraceNetConfig

__all__ = ["ABOUT", "TraceNet", "TraceNetConfig"]

ABOUT = Network(
    model="rppg_core.models.tracenet.model:TraceNet",
    recipe="rppg_core.models.tracenet.recipe",
    needs=frozenset({"rgb", "stmap"}),
    tasks=frozenset({"bvp"}),
    paper="ours: baseline network on the STMap",
)


def __getattr__(name: str) -> Any:
    """The network and its config, imported with torch when first used."""
    if name in __all__:
        return getattr(import_module(f"{__name__}.model"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
