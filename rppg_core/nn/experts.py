"""Low-rank experts around a convolution, and the router that sets the strength of each.

An expert is what LoRA adds to a frozen layer: a low-rank change of its weights. Here there are several, each
multiplied by its own gate. Source: Hu et al. 2021 (LoRA), https://arxiv.org/abs/2106.09685; Wang et al. 2025
(PhysMLE), https://arxiv.org/abs/2405.06201.
Axis letters: B batch, E expert, C channels, H rows of the map, T time.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from rppg_core.signals.checks import check_count

MOST = 2.0  # upper limit of a gate; a gate of 1 passes an expert unchanged


class Router(nn.Module):
    """The strength of each expert at every channel and position: dense gates in (0, 2), no softmax, no top-k.

    Source: PhysMLE, released code: 1x1 convolution, norm, activation, 1x1 convolution, dropout, sigmoid, times 2, for
    each expert. Our choice: group norm (a sample never depends on its batch), no norm before the sigmoid.

    Shapes: (B, C, H, T) -> (B, E, C, H, T).
    """

    def __init__(self, channels: int, experts: int, *, dropout: float = 0.1):
        super().__init__()
        self.experts = experts
        self.read = nn.Conv2d(channels, experts * channels, 1)
        self.norm = nn.GroupNorm(experts, experts * channels)
        self.decide = nn.Conv2d(experts * channels, experts * channels, 1, groups=experts)
        self.dropout = nn.Dropout2d(dropout)

    def forward(
        self, query: Float[Tensor, "batch channel row time"]
    ) -> Float[Tensor, "batch expert channel row time"]:
        x = self.decide(functional.gelu(self.norm(self.read(query))))
        return MOST * torch.sigmoid(self.dropout(x)).unflatten(1, (self.experts, -1))


class ExpertActivity(NamedTuple):
    """Gates and contributions of the experts of one convolution for a batch."""

    gates: Float[Tensor, "batch expert channel row time"]  # 0 to MOST
    added: Float[Tensor, "batch expert channel row time"]  # to the convolution's output, after the gates
    trunk: Float[Tensor, "batch channel row time"]  # that output without the experts


class LowRankExperts(nn.Module):
    """A convolution and its experts: y = W * x + sum over experts of gate * (scale B A) * x.

    A and B factor a change, of rank r, of the convolution's weight matrix, (channels out) x (channels in * kernel),
    so that an expert is two thin convolutions and never a full one. B starts at zero, so that the network starts as
    its trunk alone. (The released code factors the same change after moving the kernel's axes to both sides, which
    gives rank k r for k x k kernels where this has r.)

    Args:
        conv: the trunk's convolution.
        experts: number of experts; 0 leaves the trunk alone.
        rank: rank of each expert.
        alpha: scale of an expert = alpha / rank.
        router: False passes every expert unchanged.

    Shapes: (B, C, H, T) and the query (B, C', H', T') -> (B, C', H', T'), and the contribution of each expert.
    """

    def __init__(self, conv: nn.Conv2d, *, experts: int, rank: int, alpha: float, router: bool = True):
        super().__init__()
        rank, experts = check_count(rank, "rank", 1), check_count(experts, "experts")
        self.conv, self.experts, self.rank, self.scale = conv, experts, rank, alpha / rank
        if not experts:
            return
        self.shrink = nn.Conv2d(
            conv.in_channels,
            experts * rank,
            _pair(conv.kernel_size),
            stride=_pair(conv.stride),
            padding=_pair(conv.padding),
            dilation=_pair(conv.dilation),
            bias=False,
        )
        nn.init.kaiming_uniform_(self.shrink.weight, a=math.sqrt(5))
        self.widen = nn.Parameter(torch.zeros(experts, conv.out_channels, rank))
        self.router = Router(conv.out_channels, experts) if router else None

    def forward(
        self, x: Float[Tensor, "batch inside row time"], query: Float[Tensor, "batch channel row2 time2"]
    ) -> tuple[Float[Tensor, "batch channel row2 time2"], ExpertActivity | None]:
        y = self.conv(x)
        if not self.experts:
            return y, None
        thin = self.shrink(x).unflatten(1, (self.experts, self.rank))  # (B, E, r, H, T)
        whole = self.scale * torch.einsum("ecr,berht->becht", self.widen, thin)
        gates = torch.ones_like(whole) if self.router is None else self.router(query)
        added = gates * whole
        return y + added.sum(dim=1), ExpertActivity(gates, added, y)

    def change(self, expert: int) -> Float[Tensor, "out inside_kernel"]:
        """The change of the weight matrix made by one expert."""
        thin = self.shrink.weight.unflatten(0, (self.experts, self.rank))[expert].flatten(1)
        return self.scale * self.widen[expert] @ thin

    def overlap(self) -> Float[Tensor, ""]:
        """How much the experts overlap: mean squared cosine of their changes, 0 without overlap.

        || D_j D_k^T ||^2 / (|| D_j ||^2 || D_k ||^2), mean over pairs j < k, by Gram matrices of size rank.

        Source: our choice, in place of the released penalty (a norm after one power step against 1 - I).
        """
        thin = self.shrink.weight.unflatten(0, (self.experts, self.rank)).flatten(2)  # A (E, r, n)
        wide = torch.einsum("ecr,ecs->ers", self.widen, self.widen)  # B^T B
        inner = torch.einsum("ern,fsn->efrs", thin, thin)  # A_j A_k^T
        norms = torch.einsum("ers,esr->e", wide, inner.diagonal(dim1=0, dim2=1).permute(2, 0, 1))
        cross = torch.einsum("epr,efrs,fsq,efpq->ef", wide, inner, wide, inner)
        pairs = torch.triu(torch.ones_like(cross), diagonal=1)
        alike = cross / (norms[:, None] * norms[None, :]).clamp_min(1e-12)
        return (alike * pairs).sum() / pairs.sum().clamp_min(1)


class TaskGate(nn.Module):
    """The selection of the trunk's features for a task: gates in (0, 2) on the features, computed from the query.

    Source: PhysMLE, released code: the same structure as the router, one per task.

    Shapes: query (B, C, H, T) -> (B, C, H, T).
    """

    def __init__(self, channels: int):
        super().__init__()
        self.router = Router(channels, 1)

    def forward(
        self, query: Float[Tensor, "batch channel row time"]
    ) -> Float[Tensor, "batch channel row time"]:
        return self.router(query)[:, 0]


def _pair(value: int | str | tuple[int, ...]) -> tuple[int, int]:
    """A convolution parameter for rows and time, as a pair."""
    assert isinstance(value, tuple) and len(value) == 2
    return value[0], value[1]
