"""Adaptive Prompt Learning: cues of any length as a few tokens, mixed by learned weights.

Axis letters: B batch, N word, K prompt token, D width of the language model.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class AttentiveCompressor(nn.Module):
    """A few learned queries read all words of a cue.

    Parts: `queries`, `sharpness` (logarithm of the inverse temperature), `attention`, `norm`, in a narrower space.

    Shapes: words (B, N, D), which of them are words (B, N) -> (B, K, D), and the attention (B, K, N).

    Source: PhysLLM (paper; the released class is never used). Our choice: padded words are masked; a narrower space,
    because three full-width compressors would hold two thirds of all weights.
    """

    def __init__(self, width: int, *, tokens: int = 32, heads: int = 4, narrow: int = 64):
        super().__init__()
        self.down, self.up = nn.Linear(width, narrow), nn.Linear(narrow, width)
        self.queries = nn.Parameter(torch.randn(tokens, narrow) / narrow**0.5)
        self.sharpness = nn.Parameter(torch.zeros(()))
        self.attention = nn.MultiheadAttention(narrow, heads, batch_first=True)
        self.norm = nn.LayerNorm(narrow)

    def forward(
        self, words: Float[Tensor, "batch word width"], real: Bool[Tensor, "batch word"]
    ) -> tuple[Float[Tensor, "batch token width"], Float[Tensor, "batch token word"]]:
        read = self.down(words)
        queries = (self.queries * self.sharpness.exp()).expand(len(words), -1, -1)
        found, weights = self.attention(queries, read, read, key_padding_mask=~real)
        return self.up(self.norm(found)), weights


class AdaptivePromptLearning(nn.Module):
    """Idea: T_cue = sum over cues of W_k * E_k, with a learned weight for every token and channel of each cue.

    Parts: `compressors`, one AttentiveCompressor a cue, and `weights`, W. Only the attention of the compressors
    adapts to the sample; W does not, whatever the name says.

    Shapes: for each cue words (B, N_k, D) and which are words (B, N_k) -> W_k * E_k (B, cue, K, D), to be added up,
    and the attention of each cue (B, K, N_k).

    Source: PhysLLM (paper). Our choice: W starts at 1 / number of cues and is not normalised; `learned=False` keeps
    it there (ablation).
    """

    def __init__(
        self,
        cues: int,
        width: int,
        *,
        tokens: int = 32,
        heads: int = 4,
        narrow: int = 64,
        learned: bool = True,
    ):
        super().__init__()
        self.compressors = nn.ModuleList(
            AttentiveCompressor(width, tokens=tokens, heads=heads, narrow=narrow) for _ in range(cues)
        )
        weights = torch.full((cues, tokens, width), 1 / cues)
        self.weights = nn.Parameter(weights, requires_grad=learned)

    def forward(
        self,
        words: Sequence[Tensor],
        real: Sequence[Tensor],
    ) -> tuple[Float[Tensor, "batch cue token width"], list[Tensor]]:
        """A cue without any word adds nothing."""
        mixed, attention = [], []
        for compress, weight, one, mask in zip(self.compressors, self.weights, words, real, strict=True):
            given = mask.any(dim=1)  # (B,)
            tokens, seen = compress(one, mask | ~given[:, None])  # an empty cue reads its padding, times zero
            mixed.append(weight * tokens * given[:, None, None])
            attention.append(seen * given[:, None, None])
        return torch.stack(mixed, dim=1), attention
