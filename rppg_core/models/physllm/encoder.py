"""The encoders of PhysLLM: a rough pulse and three maps, from early to late, of cells or of pixels.

Axis letters: B batch, T time, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from rppg_core.models.physllm.config import PhysLLMConfig
from rppg_core.models.physnet import PhysNet
from rppg_core.models.physnet.model import relative_differences
from rppg_core.models.tracenet import TraceNet
from rppg_core.types import FaceClip

LEVELS = 256 * 255.0  # of a raw crop, for the range 0 to 1


class CellsEncoder(nn.Module):
    """TraceNet on colours and projections of 36 cells; its maps are features of the trunk. Our choice.

    Shapes: stmap and weight, as in tracenet -> maps 3 x (B, C, T), bvp (B, T).
    """

    def __init__(self, config: PhysLLMConfig):
        super().__init__()
        self.network = TraceNet(config.cells)
        self.channels = (config.cells.channels,) * 3

    @staticmethod
    def inputs_from_clip(clip: FaceClip, config: PhysLLMConfig) -> dict[str, np.ndarray]:
        """What TraceNet reads."""
        return TraceNet.inputs_from_clip(clip, config.cells)

    def forward(self, inputs: Mapping[str, Tensor]) -> tuple[list[Tensor], Float[Tensor, "batch time"]]:
        features = self.network.features(inputs)[1:]
        last = len(features)
        maps = [features[-(-last * k // 3) - 1] for k in (1, 2, 3)]
        return maps, self.network.head(features[-1])[:, 0]


class CropsEncoder(nn.Module):
    """PhysNet on crops of the face; its maps are means over space after the blocks 3, 5 and 7 (paper).

    Shapes: frames (B, T, H, W, 3 colours) -> maps (B, C, T), (B, C, T / 2), (B, C, T / 4), bvp (B, T).
    """

    def __init__(self, config: PhysLLMConfig):
        super().__init__()
        self.network = PhysNet(config.crops)
        self.channels = (config.crops.widths[-1],) * 3

    @staticmethod
    def inputs_from_clip(clip: FaceClip, config: PhysLLMConfig) -> dict[str, np.ndarray]:
        """Relative differences of 72 x 72 pixels, or 128 x 128 pixels as they are, from 0 to 1."""
        if config.crop_px == 72:
            return {"frames": relative_differences(clip.need("crop72"))}
        return {"frames": (clip.need("crop128_raw") / LEVELS).astype(np.float32)}

    def forward(self, inputs: Mapping[str, Tensor]) -> tuple[list[Tensor], Float[Tensor, "batch time"]]:
        maps, bvp = self.network.maps_and_wave(inputs["frames"])
        return [torch.mean(x, dim=(3, 4)) for x in maps], bvp
