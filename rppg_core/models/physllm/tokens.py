"""Waves and maps as tokens of the language model's width, and tokens as a wave again.

Axis letters: B batch, T time, P patch, C channels, D width of the language model.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class SignalPatches(nn.Module):
    """Overlapping patches of a wave, each one token.

    Source: PhysLLM, released code: right-replicated by the hop, patches of two hops, a circular convolution over
    three patches, dropout 0.1.

    Shapes: (B, T) -> (B, P, D), P = ceil(T / hop).
    """

    def __init__(self, patch: int, width: int, *, dropout: float = 0.1):
        super().__init__()
        self.patch, self.hop = patch, patch // 2
        self.embed = nn.Conv1d(patch, width, 3, padding=1, padding_mode="circular", bias=False)
        self.dropout = nn.Dropout(dropout)

    def cut(self, wave: Float[Tensor, "batch time"]) -> Float[Tensor, "batch patch sample"]:
        """The patches themselves."""
        T = wave.shape[1]
        longer = wave[:, -1:].expand(-1, self.hop + -T % self.hop)
        return torch.cat([wave, longer], dim=1).unfold(1, self.patch, self.hop)

    def forward(self, wave: Float[Tensor, "batch time"]) -> Float[Tensor, "batch patch width"]:
        return self.dropout(self.embed(self.cut(wave).transpose(1, 2)).transpose(1, 2))


class PatchHead(nn.Module):
    """Every token of the signal writes its own patch; neighbours overlap by half and fade into each other.

    Our choice in `small()`: the paper's head (`FlatHead`) learns each of the T outputs from all tokens, with a
    weight of its own for each.

    Shapes: hidden (B, tokens, D), the last of which are the P signal tokens -> (B, T).
    """

    def __init__(self, patch: int, width: int):
        super().__init__()
        self.patch, self.hop = patch, patch // 2
        self.norm = nn.LayerNorm(width)
        self.write = nn.Linear(width, patch)

    def forward(self, hidden: Float[Tensor, "batch token width"], n: int) -> Float[Tensor, "batch time"]:
        P = math.ceil(n / self.hop)
        patches = self.write(self.norm(hidden[:, -P:]))  # (B, P, patch)
        fade = torch.hann_window(self.patch, periodic=True, device=hidden.device, dtype=hidden.dtype)
        shape = (1, (P + 1) * self.hop)

        def joined(x: Tensor) -> Tensor:
            return functional.fold(
                (x * fade).transpose(1, 2), shape, kernel_size=(1, self.patch), stride=(1, self.hop)
            )[:, 0, 0]

        return (joined(patches) / joined(torch.ones_like(patches)).clamp_min(1e-2))[:, :n]


class FlatHead(nn.Module):
    """All tokens of signal and vision, cut to their first channels, flattened, and one linear layer.

    Source: PhysLLM, released code (the last 64 positions, 128 channels, dropout 0.1).

    Shapes: hidden (B, at least `tokens`, D) -> (B, T); fewer tokens and other numbers of samples are interpolated.
    """

    def __init__(self, tokens: int, channels: int, n: int):
        super().__init__()
        self.tokens, self.channels = tokens, channels
        self.dropout = nn.Dropout(0.1)
        self.write = nn.Linear(tokens * channels, n)

    def forward(self, hidden: Float[Tensor, "batch token width"], n: int) -> Float[Tensor, "batch time"]:
        x = hidden[:, -self.tokens :, : self.channels]
        x = resize_tokens(x, self.tokens)
        wave = self.write(self.dropout(x.flatten(1)))
        return resize_tokens(wave[..., None], n)[..., 0]


def resize_tokens(x: Float[Tensor, "batch token channel"], n: int) -> Float[Tensor, "batch token2 channel"]:
    """Tokens interpolated linearly to another number of them."""
    if x.shape[1] == n:
        return x
    return functional.interpolate(x.transpose(1, 2), size=n, mode="linear").transpose(1, 2)
