"""PhysMLE: one network for pulse, heart rate, breathing rate and SpO2, with low-rank experts and missing labels.

It answers one question: can one network learn four vital signs from datasets that each label only some of
them, without interference between the tasks? Wang et al. 2025, "PhysMLE: Generalizable and
Priors-Inclusive Multi-task Remote Physiological Measurement", https://arxiv.org/abs/2405.06201 (IEEE TPAMI).
`config` holds the sizes and switches, `trunk` the stem and expert blocks, `heads` the outputs, `priors` the knowledge
besides labels, `model` the network; experts and routers are in `nn.experts`.

What differs from the paper (only its abstract and the released code were available):
    `paper()` keeps the sizes, the image of 64 rows, 3 x 3 kernels, three experts, pooled heads and a frozen trunk.
    In both `paper()` and `small()`:
    - Group norm and GELU replace batch norm and ReLU, before the convolutions, so that a sample never depends on its
      batch. The released gates stay in training mode at test time, so their outputs change with the batch.
    - An expert is a rank-r change of the convolution's weight matrix; the released factors give a 3 x 3 kernel the
      rank 3 r. The down-sampling convolutions, shared by query and trunk, have no norm.
    - All auxiliary losses are differentiable and used in training. The released script calls backward on the
      supervised losses alone and detaches two of the priors: `as_released()` turns all of them off.
    - Labels are masked per sample and per task. Colours are RGB. No ImageNet weights: `trunk="frozen"`
      freezes what the caller has loaded.
    Only in `small()` (our choice):
    - The map is read in both bands (`prepare.stmap_band`), with the projections of each cell beside them, by
      tracenet's cell encoder and attention, 17 s at a time, because 8.5 s hold only two breaths. One row is left
      after the stem, so L_sp acts on the cell encoder alone.
    - The trunk is trained with its experts; nothing is frozen.
    - Rates are read from spectra of learned waveforms; SpO2 is read from means and log variances of features, and
      Asp scales both alike.
    - A quarter of a batch gets a second view, not all of it.
    - The breathing prior counts seconds; the released one counts beats.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rppg_core.roster import Network

if TYPE_CHECKING:
    from rppg_core.models.physmle.model import PhysMLE, PhysMLEConfig

__all__ = ["ABOUT", "PhysMLE", "PhysMLEConfig"]

ABOUT = Network(
    model="rppg_core.models.physmle.model:PhysMLE",
    recipe="rppg_core.models.physmle.recipe",
    needs=frozenset({"rgb", "stmap"}),
    tasks=frozenset({"bvp", "hr", "rr", "spo2"}),
    paper="Wang et al. 2025, PhysMLE",
    shared_parts=frozenset({"Router", "LowRankExperts", "TaskGate"}),
)


def __getattr__(name: str) -> Any:
    """The network and its config, imported with torch when first used."""
    if name in __all__:
        return getattr(import_module(f"{__name__}.model"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
