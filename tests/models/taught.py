"""What teachers say, for networks that have one: random, in the shapes of their answers."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from rppg_core.models.physvlm import PhysVLMConfig


def teacher_of(name: str, n: int) -> dict[str, Tensor] | None:
    """Answers of a network's teacher for n samples, for its tiny() config; None for one without a teacher."""
    if name != "physvlm":
        return None
    width, maker = PhysVLMConfig.tiny().embedding, torch.Generator().manual_seed(2)

    def units(*shape: int) -> Tensor:
        return functional.normalize(torch.randn(*shape, width, generator=maker), dim=-1)

    texts = {f"{task}_texts": units(5).expand(n, -1, -1) for task in ("hr", "rr")}
    return {"embedding": units(n), "scale": torch.full((n,), 10.0), **texts}
