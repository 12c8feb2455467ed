"""The network of PhysNet: an encoder over space and time, a decoder over time, one number per frame.

Source: Yu et al. 2019, https://arxiv.org/abs/1905.02419, the encoder-decoder with 3-D convolutions; sizes as in
rPPG-Toolbox (PhysNet_padding_Encoder_Decoder_MAX), whose checkpoints it takes. The code is our own.
Axis letters: B batch, C channels, T time, H height, W width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float, UInt16
from torch import Tensor, nn

from rppg_core.errors import UsageError
from rppg_core.models.base import Batch, RppgModel, check_choices, check_sizes
from rppg_core.nn.losses import negative_pearson
from rppg_core.signals.filters import detrend
from rppg_core.types import FS, FaceClip

LABELS = ("diff", "raw")  # what weights were trained on: the derivative of the pulse, or the pulse itself


@dataclass(frozen=True, kw_only=True)
class PhysNetConfig:
    """Sizes of the network, and the meaning of its output. The defaults are those of the published weights."""

    window: int = 128  # samples at 30 Hz, 4.3 s; paper 32 to 256
    widths: tuple[int, ...] = (16, 32, 64)  # channels of the first, the second and all later blocks
    # "diff": labels were differences between frames ("DiffNormalized"), so the output is the derivative of the pulse;
    # "raw": labels were the pulse itself, standardised or not
    labels: Literal["diff", "raw"] = "diff"

    def __post_init__(self):
        check_sizes(self, ("window",), ("widths",))
        if len(self.widths) != 3:
            raise UsageError(f"widths are {self.widths}", wanted="three numbers", do="check widths")
        check_choices(self, labels=LABELS)

    @classmethod
    def tiny(cls) -> PhysNetConfig:
        return cls(widths=(4, 8, 16))

    @classmethod
    def small(cls) -> PhysNetConfig:
        return cls()


class PhysNet(RppgModel):
    """Idea: let convolutions over space and time find the pulse in the pixels, without regions or colour algebra.

    Parts, named by the keys of published checkpoints:
        ConvBlock1 to ConvBlock9: convolution, batch norm and ReLU over space and time, with max pooling in between.
        upsample, upsample2: back to the frame rate.
        ConvBlock10: mean over space, then one number per frame.
    Shapes: frames (B, T, 72, 72, 3 colours), relative differences -> bvp (B, T), a derivative with labels "diff".
    Left out: the paper's variants with 2-D convolutions and LSTM.
    """

    name: ClassVar[str] = "physnet"
    paper: ClassVar[str] = "Yu et al. 2019, PhysNet"
    needs: ClassVar[frozenset[str]] = frozenset({"rgb", "crop72"})
    tasks: ClassVar[frozenset[str]] = frozenset({"bvp"})

    def __init__(self, config: PhysNetConfig):
        super().__init__(config)
        first, second, wide = config.widths
        self.ConvBlock1 = _block(3, first, (1, 5, 5))
        self.ConvBlock2 = _block(first, second, (3, 3, 3))
        self.ConvBlock3 = _block(second, wide, (3, 3, 3))
        self.ConvBlock4 = _block(wide, wide, (3, 3, 3))
        self.ConvBlock5 = _block(wide, wide, (3, 3, 3))
        self.ConvBlock6 = _block(wide, wide, (3, 3, 3))
        self.ConvBlock7 = _block(wide, wide, (3, 3, 3))
        self.ConvBlock8 = _block(wide, wide, (3, 3, 3))
        self.ConvBlock9 = _block(wide, wide, (3, 3, 3))
        self.upsample = _doubling(wide)
        self.upsample2 = _doubling(wide)
        self.ConvBlock10 = nn.Conv3d(wide, 1, 1)

    @classmethod
    def inputs_from_clip(cls, clip: FaceClip, config: PhysNetConfig) -> dict[str, np.ndarray]:
        return {"frames": relative_differences(clip.need("crop72"))}

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"bvp": self.maps_and_wave(inputs["frames"])[1]}

    def maps_and_wave(
        self, frames: Float[Tensor, "batch time height width 3"]
    ) -> tuple[list[Tensor], Float[Tensor, "batch time"]]:
        """The features after the blocks 3, 5 and 7, and the waveform."""
        n = frames.shape[1]
        x = self.ConvBlock1(frames.permute(0, 4, 1, 2, 3))  # (B, C, T, 72, 72)
        early = self.ConvBlock3(self.ConvBlock2(_halve(x, time=False)))  # (B, C, T, 36, 36)
        middle = self.ConvBlock5(self.ConvBlock4(_halve(early)))  # (B, C, T/2, 18, 18)
        late = self.ConvBlock7(self.ConvBlock6(_halve(middle)))  # (B, C, T/4, 9, 9)
        x = self.ConvBlock9(self.ConvBlock8(_halve(late, time=False)))  # (B, C, T/4, 4, 4)
        x = self.upsample2(self.upsample(x))
        x = nn.AdaptiveAvgPool3d((n, 1, 1))(x)  # (B, C, T, 1, 1), also where 4 does not divide T
        return [early, middle, late], self.ConvBlock10(x)[:, 0, :, 0, 0]

    def finish(self, task: str, wave: np.ndarray) -> np.ndarray:
        """The pulse: with labels "diff", the integral of the joined derivative without its drift.

        Read as a pulse, a derivative stresses the second harmonic, and its rate comes out doubled.
        """
        if self.config.labels == "raw":
            return wave
        return detrend(np.cumsum(wave) - wave, FS)  # sample t: sum of the differences before it

    def loss(self, outputs: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        target = batch.targets["bvp"]
        if self.config.labels == "diff":
            target = torch.diff(target, append=target[:, -1:])
        return {"waveform": negative_pearson(outputs["bvp"], target, batch.mask["bvp"])}


def relative_differences(
    crops: UInt16[np.ndarray, "time height width 3"],
) -> Float[np.ndarray, "time height width 3"]:
    """Relative change from each frame to the next, with one scale.

    Args:
        crops: colours, 0 where the face was lost or the picture is black. Unit: any.

    Returns:
        (x[t+1] - x[t]) / (x[t+1] + x[t]), divided by the standard deviation of all its values; 0 in the last frame.

    Source: Chen & McDuff 2018 (DeepPhys), https://arxiv.org/abs/1805.07888; "DiffNormalized" in rPPG-Toolbox.
    """
    values = crops.astype(np.float32)
    changes = np.zeros_like(values)
    total = values[1:] + values[:-1]
    np.divide(values[1:] - values[:-1], total, out=changes[:-1], where=total > 0)
    return changes / np.float32(max(float(changes[:-1].std()), 1e-9))


def _block(channels_in: int, channels: int, kernel: tuple[int, int, int]) -> nn.Sequential:
    """Convolution that keeps the size, batch norm, ReLU."""
    pad = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    return nn.Sequential(
        nn.Conv3d(channels_in, channels, kernel, padding=pad), nn.BatchNorm3d(channels), nn.ReLU()
    )


def _doubling(channels: int) -> nn.Sequential:
    """Transposed convolution that doubles the number of samples, batch norm, ELU."""
    return nn.Sequential(
        nn.ConvTranspose3d(channels, channels, (4, 1, 1), stride=(2, 1, 1), padding=(1, 0, 0)),
        nn.BatchNorm3d(channels),
        nn.ELU(),
    )


def _halve(x: Float[Tensor, "batch channel time height width"], *, time: bool = True) -> Tensor:
    """Max pooling over pairs of pixels, and over pairs of samples."""
    return nn.functional.max_pool3d(x, (2 if time else 1, 2, 2))
