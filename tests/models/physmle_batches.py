"""Small PhysMLE networks, with experts that add something, and batches for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from nn.expert_order import give_voice  # noqa: E402

from rppg_core.lab.training.sources import Sample as Window  # noqa: E402
from rppg_core.lab.training.sources import collate  # noqa: E402
from rppg_core.models.base import Batch  # noqa: E402
from rppg_core.models.physmle import PhysMLE, PhysMLEConfig  # noqa: E402

N_FRAMES = 64
TINY = PhysMLEConfig.tiny()
# The paper's arrangement (picture, halving stages, pooled heads, frozen trunk) in a small size.
PICTURE = replace(
    PhysMLEConfig.paper(),
    window=N_FRAMES,
    rows=16,
    widths=(8, 12),
    blocks=1,
    strides=(1, 2),
    dilations=(1, 1),
    rank=2,
    alpha=4.0,
    rr_window=N_FRAMES,
)


def batch_of(windows, config=TINY, *, without: str = "") -> Batch:
    """All labels but one."""
    return collate(
        [
            Window(PhysMLE.inputs_from_clip(clip, config), {k: v for k, v in targets.items() if k != without})
            for clip, targets in windows
        ],
        N_FRAMES,
    )


def voiced(config=TINY, seed: int = 0) -> PhysMLE:
    """A network whose experts add something to the trunk."""
    torch.manual_seed(seed)
    model = PhysMLE(config)
    for layer in model.layers if config.experts else []:
        give_voice(layer, seed)
    return model


def loss_of(model: PhysMLE, batch: Batch) -> dict[str, torch.Tensor]:
    torch.manual_seed(4)  # dropout, second views
    return model.train().loss(model(batch.inputs), batch)


def moved(part: torch.nn.Module) -> bool:
    """Some parameter got a gradient that is not zero."""
    return any(p.grad is not None and bool(p.grad.any()) for p in part.parameters())
