"""TAST-Net: SpO2 from a magnified face, by convolutions and attention side by side.

It answers one question: can two branches, one for what is near and one for what is far in a clip, read oxygen from
the colours of a face? Qi et al. 2026, "TAST-Net", received 2025-06-12.
`config` holds the sizes and switches, `pictures` what the network sees, `branches` both branches, `fusion` how they
become one percentage, `loss` error and trend, `model` the network; magnification itself is `video.magnify`.

What differs from the paper (parts of its text were available; no code is public):
    From the paper: an aligned face, a mask of the face's outline, magnification by 120 between 0.4 and 4 Hz, a 3-D
    CNN and a ViViT that are fused, a squared error and a correlation.
    In both `paper()` and `small()`, because nothing is public:
    - Sizes, the factorised form of ViViT, the gate of the fusion, the bounded output, and the weights of the loss.
    - What the correlation runs over: `trend` has both readings.
    - The mask is one ellipse for all clips. A mask that follows landmarks moves in the band that is magnified.
    - Red, green and blue are magnified alike, their residual as well, and divided by one constant. The ratio of the
      colours is the signal: no colour is scaled by itself.
    Only in `small()` (our choice):
    - 16 pixels and 10 s, the plain pictures beside the magnified ones, so that both level and change are seen.
    - It is trained on simulated faces drawn from 36 cells, and on rendered ones.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rppg_core.roster import Network

if TYPE_CHECKING:
    from rppg_core.models.tastnet.config import TastNetConfig
    from rppg_core.models.tastnet.model import TastNet

__all__ = ["ABOUT", "TastNet", "TastNetConfig"]

ABOUT = Network(
    model="rppg_core.models.tastnet.model:TastNet",
    recipe="rppg_core.models.tastnet.recipe",
    needs=frozenset({"rgb", "crop128_raw"}),
    tasks=frozenset({"spo2"}),
    paper="Qi et al. 2026, TAST-Net",
    weights="none yet: train your own",
    ready=False,
    packages=("torch", "safetensors", "transformers"),
    extra="language",
)


def __getattr__(name: str) -> Any:
    """The network and its config, imported with torch when first used."""
    if name in __all__:
        return getattr(import_module(f"{__name__}.model"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
