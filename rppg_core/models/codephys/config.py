"""Sizes of CodePhys, and a switch for every part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rppg_core.errors import UsageError
from rppg_core.models.base import check_choices, check_names, check_sizes
from rppg_core.signals.checks import check_count
from rppg_core.video.prepare import check_projections

READINGS = (
    "distribution",
    "feature",
    "relation",
)  # of the soft feature distillation, which the abstract leaves open


@dataclass(frozen=True, kw_only=True)
class CodePhysConfig:
    """Configuration of a CodePhys. The defaults are `small()`, which ships; `paper()` has sizes of its relatives."""

    window: int = 256  # samples at 30 Hz, 8.5 s; paper() 160
    compression: int = 4  # samples per code, 133 ms
    codes: int = 128  # items of the codebook; paper() 256
    code_width: int = 64  # numbers of each; paper() 128
    widths: tuple[int, int] = (
        32,
        64,
    )  # of the PPG autoencoder, before and after compression; paper() 64, 128
    kernel: int = 15  # of the convolutions that compress: half a second
    warm_up: int = 200  # steps as a plain autoencoder, before the codebook is placed on its features
    reseed_every: int = 200  # steps; items that were not used for as long move to where features are; 0 never
    reseed_until: int = 600  # last step at which they do
    quantised: bool = (
        True  # False: the decoder is trained on features and reads queries, to price the codebook
    )

    # "cells": colours and projections of the face map (our choice, as in tracenet); "crops": pixels (paper)
    encoder: Literal["cells", "crops"] = "cells"
    projections: tuple[str, ...] = ("pos", "chrom", "pbv")  # read beside the colours of each cell
    cell_channels: int = 24  # features of each cell
    channels: int = 48  # features of the trunk
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1)  # of the trunk's blocks
    crop_widths: tuple[int, ...] = (16, 32, 48)  # of the encoder "crops"; paper() 32, 64, 64
    attention: bool = True  # False: cells are averaged by their share of skin alone
    # the attention also reads strength, roughness and coherence of each cell in this window (our choice)
    cell_evidence: bool = True

    distillation: tuple[str, ...] = ("distribution", "feature")  # () for none
    token_shift: int = 0  # codes by which a label may lag behind the face; a simulated one does not

    def __post_init__(self):
        check_sizes(
            self,
            ("window", "compression", "codes", "code_width", "kernel", "cell_channels", "channels"),
            ("widths", "dilations", "crop_widths"),
        )
        check_choices(self, encoder=("cells", "crops"))
        check_names(self, distillation=READINGS)
        check_projections(self.projections)
        for name in ("warm_up", "reseed_every", "reseed_until", "token_shift"):
            check_count(getattr(self, name), name)
        if self.compression & (self.compression - 1) or self.window % self.compression or not self.kernel % 2:
            raise UsageError(
                f"compression {self.compression}, window {self.window}, kernel {self.kernel}",
                wanted="a power of two that divides the window, and an odd kernel",
                do="change them",
            )

    @classmethod
    def tiny(cls) -> CodePhysConfig:
        """For tests and lessons."""
        return cls(
            window=64, codes=16, code_width=8, widths=(8, 8), kernel=7, warm_up=0, cell_channels=6,
            channels=12, dilations=(1, 2), crop_widths=(4, 8),
        )  # fmt: skip

    @classmethod
    def small(cls) -> CodePhysConfig:
        """The version that ships."""
        return cls()

    @classmethod
    def paper(cls) -> CodePhysConfig:
        """Pixels, and sizes of the paper's relatives: the paper's own are not public."""
        return cls(
            window=160, codes=256, code_width=128, widths=(64, 128), encoder="crops",
            crop_widths=(32, 64, 64), cell_evidence=False,
        )  # fmt: skip

    @property
    def needs(self) -> frozenset[str]:
        """Fields of a clip that a network with this config reads."""
        return frozenset({"rgb", "stmap"} if self.encoder == "cells" else {"rgb", "stmap", "crop72"})

    @property
    def halvings(self) -> int:
        """How often time is halved between samples and codes."""
        return self.compression.bit_length() - 1
