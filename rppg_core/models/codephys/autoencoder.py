"""The PPG autoencoder: samples of a pulse to features of codes, and back.

Axis letters: B batch, T time, N code in time, D width.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from rppg_core.models.codephys.config import CodePhysConfig
from rppg_core.nn.layers import TemporalBlock

SLOPE = 0.2  # of the rectifiers below zero


class SignalEncoder(nn.Module):
    """Ordinary convolutions lift the wave, large ones compress time, so that a feature sees half a beat.

    Shapes: (B, T) -> (B, D, N = T / compression).
    Source: the paper names the two kinds of convolution; sizes are our choice after CodeTalker.
    """

    def __init__(self, config: CodePhysConfig):
        super().__init__()
        narrow, wide = config.widths
        layers: list[nn.Module] = [nn.Conv1d(1, narrow, 7, padding=3)]
        for _ in range(2):
            layers += [nn.Conv1d(narrow, narrow, 5, padding=2), nn.GroupNorm(1, narrow), nn.LeakyReLU(SLOPE)]
        for k in range(config.halvings):
            before = wide if k else narrow
            layers += [
                nn.Conv1d(before, wide, config.kernel, stride=2, padding=config.kernel // 2),
                nn.LeakyReLU(SLOPE),
            ]
        inner = wide if config.halvings else narrow
        layers += [
            TemporalBlock(inner, 3, 1),
            TemporalBlock(inner, 3, 1),
            nn.Conv1d(inner, config.code_width, 1),
        ]
        self.layers = nn.Sequential(*layers)

    def forward(self, wave: Float[Tensor, "batch time"]) -> Float[Tensor, "batch width code"]:
        return self.layers(wave[:, None])


class SignalDecoder(nn.Module):
    """Items back to samples: every octave of time is interpolated, then smoothed by a large convolution.

    Shapes: (B, D, N) -> (B, T = N * compression).
    """

    def __init__(self, config: CodePhysConfig):
        super().__init__()
        narrow, wide = config.widths
        layers: list[nn.Module] = [
            nn.Conv1d(config.code_width, wide, 3, padding=1),
            TemporalBlock(wide, 3, 1),
            TemporalBlock(wide, 3, 1),
        ]
        for k in range(config.halvings):
            after = narrow if k == config.halvings - 1 else wide
            layers += [
                nn.Upsample(scale_factor=2, mode="linear"),
                nn.Conv1d(wide, after, config.kernel, padding=config.kernel // 2),
                nn.LeakyReLU(SLOPE),
            ]
        layers.append(nn.Conv1d(narrow if config.halvings else wide, 1, 7, padding=3))
        self.layers = nn.Sequential(*layers)

    def forward(self, items: Float[Tensor, "batch width code"]) -> Float[Tensor, "batch time"]:
        return self.layers(items)[:, 0]
