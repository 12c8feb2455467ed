"""TAST-Net without space: both branches over time alone, for mean colours of a finger on a lens.

It answers one question: what do the parts of TAST-Net read from colours when there is no picture? It is trained on
windows of fingers by `lab.training.trend`, beside controls without a pulse, and comes without weights.

What differs from the network for faces (all of it our choice, the paper has no such form):
    - Convolutions run over time, tokens are slots of time, and nothing is aligned or masked.
    - SpO2 is the mean of the training plus its spread times the output, so that it starts as the constant and follows
      any range of SpO2.
    - Every second has a label of its own, where the network for faces compares the mean of its seconds with that of
      the window.
As there, red, green and blue are magnified alike and divided by one constant: no colour is scaled by itself.
Axis letters: B batch, T time, C channel, L slot, D width of a token, S second.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from rppg_core.models.tastnet.branches import vivit_layers
from rppg_core.models.tastnet.config import POOLED, TastNetConfig
from rppg_core.models.tastnet.fusion import Fusion, SaturationHead
from rppg_core.models.tastnet.loss import squared_error, trend_over_people, trend_over_time
from rppg_core.models.tastnet.pictures import LEVELS, at_network_rate
from rppg_core.types import FS
from rppg_core.video.magnify import band_of_frames

# sizes of the picture in it are not used
TREND = TastNetConfig(
    cnn_channels=(16, 24, 32), width=32, spatial_layers=1, temporal_layers=1, fused=32, head="linear"
)


def trend_input(
    colours: Float[np.ndarray, "time 3"], config: TastNetConfig = TREND
) -> Float[np.ndarray, "fewer colour"]:
    """What `TrendHead` reads from a window of mean colours.

    Args:
        colours: `config.window` samples at 30 Hz. Unit: grey levels.
        config: streams, factor and number of samples.

    Returns:
        float32 at `config.fs`, 3 colours for each stream; 255 grey levels are 1.
    """
    raw = colours / LEVELS
    found = {"raw": raw, "magnified": raw + config.factor * band_of_frames(raw, FS)}
    read = np.concatenate([found[name] for name in config.streams], axis=1)
    return at_network_rate(read, config).astype(np.float32)


class TrendHead(nn.Module):
    """Idea: convolutions for what is near in time, attention for what is far, and one SpO2 for each second.

    Parts:
        local: residual 1-D convolutions.
        tokens, moments, over_time: slots of time that attend to each other, as in GlobalBranch.
        fusion: Fusion of both, one feature per slot.
        head: SaturationHead.
    Shapes: (B, T, 3 colours of each stream) -> spo2 (B,), and spo2_course (B, S).
    Left out: places. A mean colour has none.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, config: TastNetConfig = TREND):
        super().__init__()
        assert config.head == "linear", "the output is in units of the spread of the labels"
        self.config = config
        first, second, third = config.cnn_channels
        colours = 3 * len(config.streams)
        self.local = nn.Sequential(
            nn.Conv1d(colours, first, 5, padding=2),
            _Residual(first, first),
            nn.AvgPool1d(2),
            _Residual(first, second),
            nn.AvgPool1d(2),
            _Residual(second, third),
        )
        for part in self.local.modules():
            if isinstance(part, nn.Conv1d):
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
        self.tokens = nn.Conv1d(colours, config.width, POOLED, stride=POOLED)
        self.moments = nn.Parameter(0.02 * torch.randn(1, config.slots, config.width))
        self.over_time = vivit_layers(config, config.temporal_layers)
        self.norm = nn.LayerNorm(config.width)
        self.fusion = Fusion({"cnn": third, "vivit": config.width}, config)
        self.head = SaturationHead(config)
        last = self.head.layers[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.bias)
        self.register_buffer("centre", torch.tensor(97.0))
        self.register_buffer("spread", torch.tensor(1.0))

    def use_labels(self, spo2_percent: Float[Tensor, " batch"]) -> None:
        """Count outputs from the mean of these labels, in their standard deviation."""
        self.centre.copy_(spo2_percent.mean())
        self.spread.copy_(spo2_percent.std().clamp_min(0.1))

    def forward(self, colours: Float[Tensor, "batch time colour"]) -> dict[str, Tensor]:
        x = colours.transpose(1, 2)  # (B, C, T)
        slots = self.tokens(x).transpose(1, 2)  # (B, L, D)
        slots = slots + self.moments[:, : slots.shape[1]]
        for layer in self.over_time:
            slots = layer(slots)
        fused = self.fusion({"cnn": self.local(x).transpose(1, 2), "vivit": self.norm(slots)})
        n_seconds = max(1, round(fused.shape[1] * POOLED / self.config.fs))
        seconds = functional.adaptive_avg_pool1d(fused.transpose(1, 2), n_seconds)
        return {
            "spo2": self.centre + self.spread * self.head(fused.mean(dim=1)),
            "spo2_course": self.centre + self.spread * self.head(seconds.transpose(1, 2)),
        }

    def loss(
        self,
        outputs: Mapping[str, Tensor],
        spo2_percent: Float[Tensor, " batch"],
        course: Float[Tensor, "batch second"],
    ) -> Float[Tensor, ""]:
        """Squared error of window and seconds, and the trend that the config names.

        Args:
            outputs: of `forward`.
            spo2_percent: of each window.
            course: of each of its seconds; NaN where there is none.
        """
        config, known = self.config, torch.isfinite(course)
        filled = torch.where(known, course, spo2_percent[:, None])
        all_known = torch.ones_like(spo2_percent, dtype=torch.bool)
        error = squared_error(outputs["spo2"], spo2_percent, all_known)
        seconds = squared_error(outputs["spo2_course"].flatten(), filled.flatten(), known.flatten())
        if config.trend == "people":  # here: the windows of one finger
            trend = trend_over_people(outputs["spo2"], spo2_percent, all_known)
        else:
            trend = trend_over_time(outputs["spo2_course"], filled, known.all(dim=1))
        share = config.trend_weight
        return (1 - share) * (error + seconds) + share * trend


class _Residual(nn.Module):
    """ResidualBlock3d over time alone."""

    def __init__(self, channels: int, out: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(channels, out, 3, padding=1, bias=False),
            nn.GroupNorm(1, out),
            nn.ReLU(),
            nn.Conv1d(out, out, 3, padding=1, bias=False),
            nn.GroupNorm(1, out),
        )
        self.round = nn.Conv1d(channels, out, 1, bias=False) if channels != out else nn.Identity()

    def forward(self, x: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch out time"]:
        return torch.relu(self.layers(x) + self.round(x))
