"""The Vision Aggregator: three maps of the encoder, from early to late, as one sequence of tokens.

Axis letters: B batch, T time, P token, C channels, D width of the language model.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rppg_core.models.physllm.tokens import resize_tokens


class VisionAggregator(nn.Module):
    """Idea: the deepest map asks, the two earlier ones answer.

    Parts: `project`, one projection a map; `cross` and `self_attention`, in a narrower space (`down`, `up`); gates
    `g1` and `g2` per channel; g2 is zero at first, so that training starts from the deepest map alone.

    F_visual = F_3 + g2 (F_cross + g1 F_self), F_cross = CrossAttn(Q = F_3, K = V = [F_1, F_2]), F_self =
    SelfAttn(F_cross).

    Shapes: maps (B, C, T_k), one per depth -> (B, P, D).

    Source: PhysLLM (paper); gates per channel and a bottleneck of at most 384 from the released code. Our choice: g1
    starts at one; with both at zero nothing but g2 would learn for a step, and then nothing but g1.
    """

    def __init__(
        self, channels: Sequence[int], width: int, *, tokens: int = 32, heads: int = 4, narrow: int = 64
    ):
        super().__init__()
        self.tokens = tokens
        self.project = nn.ModuleList(
            nn.Sequential(nn.Linear(c, narrow), nn.GELU(), nn.Linear(narrow, width)) for c in channels
        )
        self.down, self.up = nn.Linear(width, narrow), nn.Linear(narrow, width)
        self.cross = nn.MultiheadAttention(narrow, heads, batch_first=True)
        self.self_attention = nn.MultiheadAttention(narrow, heads, batch_first=True)
        self.g1, self.g2 = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, maps: Sequence[Tensor]) -> Float[Tensor, "batch token width"]:
        *shallow, deep = (
            project(resize_tokens(x.transpose(1, 2), self.tokens))
            for project, x in zip(self.project, maps, strict=True)
        )
        bank = self.down(torch.cat(shallow, dim=1))
        crossed = self.cross(self.down(deep), bank, bank, need_weights=False)[0]
        own = self.self_attention(crossed, crossed, crossed, need_weights=False)[0]
        return deep + self.g2 * (self.up(crossed) + self.g1 * self.up(own))
