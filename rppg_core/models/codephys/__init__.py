"""CodePhys: a codebook of clean PPG is learned first; queries from a face then select its items.

It answers one question: is a pulse cleaner if it is rebuilt from items of clean PPG alone? Chu et al. 2025,
"CodePhys: Robust Video-based Remote Physiological Measurement through Latent Codebook Querying",
https://arxiv.org/abs/2502.07526.
`config` holds the sizes and switches, `autoencoder` the way from samples to codes and back, `codebook` the items,
`attention` the block of spatial attention, `encoder` the two encoders of faces, `distillation` the readings of the
soft feature distillation, `trust` the evidence, `model` the network, `plugin` the codebook behind another method.

What differs from the paper (only its abstract and summaries of it were available; no code is public):
    From the abstract: two stages, an autoencoder of PPG alone with a codebook learned by gradient, nearest items in
    place of features, an encoder with spatial attention, soft feature distillation, and use behind other methods.
    In both `paper()` and `small()`, our choice where nothing is public:
    - All sizes, loss weights and the schedule; what CodeTalker, a relative by one of the authors, uses is taken over
      where it fits.
    - The block of attention is a mask over the face with a fixed budget. "Soft feature distillation" has three
      readings; two are used, and nobody knows which is the authors'.
    - Guards against collapse: k-means as a start, and unused items move to features.
    - The label may lag by some codes (`token_shift`), since contact PPG arrives later than the pulse in the face; by
      none in `small()`, because simulated labels do not.
    Only in `small()`:
    - A fifth of each batch has no pulse, and the shares of items are trained to be even there. Without these
      samples the distance of a query does not separate a pulse from a wall. A network on crops has none, because
      traces hold no pictures.
    - The encoder reads the 36 cells of the face map and their projections. The attention also reads the strength
      and roughness of each cell over the window, and its correlation with the other cells.
    - In half of the simulated traces the pulse reaches a part of the face only, so that the attention has something
      to find.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rppg_core.roster import Network

if TYPE_CHECKING:
    from rppg_core.models.codephys.config import CodePhysConfig
    from rppg_core.models.codephys.model import CodePhys

__all__ = ["ABOUT", "CodePhys", "CodePhysConfig"]

ABOUT = Network(
    model="rppg_core.models.codephys.model:CodePhys",
    recipe="rppg_core.models.codephys.recipe",
    needs=frozenset({"rgb", "stmap"}),
    tasks=frozenset({"bvp"}),
    paper="Chu et al. 2025, CodePhys",
    cleaner="rppg_core.models.codephys.plugin:clean_bvp",
    times_pos=250.0,
)


def __getattr__(name: str) -> Any:
    """The network and its config, imported with torch when first used."""
    if name in __all__:
        return getattr(import_module(f"{__name__}.model"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
