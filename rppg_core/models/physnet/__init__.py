"""PhysNet (Yu et al. 2019, https://arxiv.org/abs/1905.02419): 3-D convolutions from pixels of a face to the pulse.

It answers one question: what does a published network with published weights say about the same clip? This package
has no weights for it and does not train it; the user brings a checkpoint of rPPG-Toolbox
(https://github.com/ubicomplab/rPPG-Toolbox), which `checkpoint.py` reads:
`rppg analyze me.mp4 --methods physnet --weights physnet=FILE`. The code is our own.

What differs from the paper:
    - input: relative differences of 72x72 frames, as in the configurations of rPPG-Toolbox; paper 128x128 frames.
    - output: where the labels were derivatives of the pulse, the joined output is integrated.
    - windows overlap by half; the released code puts windows end to end.
Axis letters: B batch, C channels, T time, H height, W width.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rppg_core.roster import Network

if TYPE_CHECKING:
    from rppg_core.models.physnet.model import PhysNet, PhysNetConfig

__all__ = ["ABOUT", "PhysNet", "PhysNetConfig"]

ABOUT = Network(
    model="rppg_core.models.physnet.model:PhysNet",
    reader="rppg_core.models.physnet.checkpoint:read_checkpoint",
    needs=frozenset({"rgb", "crop72"}),
    tasks=frozenset({"bvp"}),
    paper="Yu et al. 2019, PhysNet",
    weights="your own",
    ready=False,
)


def __getattr__(name: str) -> Any:
    """The network and its config, imported with torch when first used."""
    if name in __all__:
        return getattr(import_module(f"{__name__}.model"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
