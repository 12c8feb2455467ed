"""Sizes and inputs of PhysMLE, and a switch for every part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from rppg_core.errors import UsageError
from rppg_core.models.base import check_choices, check_sizes
from rppg_core.signals.checks import check_count, check_number, check_positive
from rppg_core.video.prepare import check_projections

# Switches of the losses that need no label or link one task to another
PRIORS = ("spatial", "temporal", "diversity", "prior_hr", "prior_rr", "prior_spo2")


@dataclass(frozen=True, kw_only=True)
class PhysMLEConfig:
    """Configuration of a PhysMLE. The defaults are `small()`, which ships; `paper()` has the paper's sizes."""

    window: int = 512  # samples at 30 Hz, 17 s; paper 256
    # "cells": both bands of the map, all cells filtered alike and weighted by their signal, then a single row (our
    # choice, as in tracenet). "image": raw map, each row stretched to 0..1, resized and read as an image (paper).
    stem: Literal["cells", "image"] = "cells"
    # read beside both bands in stem "cells", keys of `prepare.PROJECTIONS`; () reads the bands alone
    projections: tuple[str, ...] = ("pos", "chrom", "pbv")
    rows: int = 64  # of that image; the paper resizes its 25 blocks to it
    cell_channels: int = 20  # features of each cell, in stem "cells"
    widths: tuple[int, ...] = (40, 48, 56, 64)  # channels of each stage; paper 64, 128, 256, 512
    blocks: int = 1  # residual blocks per stage; paper 2
    kernel: tuple[int, int] = (1, 7)  # rows, time; paper 3, 3
    strides: tuple[int, ...] = (1, 1, 1, 1)  # of each stage, in rows and time; paper 1, 2, 2, 2
    dilations: tuple[int, ...] = (1, 4, 8, 2)  # in time, of each stage's convolutions; paper 1
    trunk: Literal["trainable", "frozen"] = "trainable"  # paper: ImageNet weights, frozen

    experts: int = 3  # per convolution; 0 leaves the trunk alone
    rank: int = 4  # paper 16, of another factorisation (nn.experts)
    alpha: float = 8.0  # scale of an expert = alpha / rank; paper 32
    router: bool = True  # False: every expert has gate 1
    task_gates: bool = True  # False: every task reads the same features

    # "spectrum": the expected rate of a learned waveform's spectrum (our choice); "pooled": linear in means (paper)
    rates: Literal["spectrum", "pooled"] = "spectrum"
    rr_window: int = 510  # shortest window for a breathing rate, 17 s; the paper uses 8.5 s

    twins: float = 0.25  # share of a training batch that gets a second, altered view; paper 1
    spatial: bool = True  # L_sp: rows of one face agree
    temporal: bool = True  # L_tc: rates of both views agree
    diversity: bool = True  # L_m: experts differ
    prior_hr: bool = True  # HB: the waveform beats at the heart rate
    prior_rr: bool = True  # BR: the waveform's size and level breathe at the breathing rate
    prior_spo2: bool = True  # Asp: scaled features give scaled saturation

    def __post_init__(self):
        check_sizes(
            self,
            ("window", "rows", "cell_channels", "blocks", "rank", "rr_window"),
            ("widths", "strides", "dilations", "kernel"),
        )
        check_choices(
            self, stem=("cells", "image"), trunk=("trainable", "frozen"), rates=("spectrum", "pooled")
        )
        check_projections(self.projections, least=0)
        check_count(self.experts, "experts")
        check_positive(self.alpha, "alpha", "any unit")
        check_number(self.twins, "twins", 0, 1)
        stages = {len(self.widths), len(self.strides), len(self.dilations)}
        if len(stages) > 1 or len(self.kernel) != 2 or not all(side % 2 for side in self.kernel):
            raise UsageError(
                f"widths {self.widths}, strides {self.strides}, dilations {self.dilations}, kernel {self.kernel}",
                wanted="one width, stride and dilation per stage, and an odd kernel (rows, time)",
                do="give all three the same length",
            )
        if self.window % self.time_stride:
            raise UsageError(
                f"window is {self.window}",
                wanted=f"a multiple of {self.time_stride}, the total stride",
                do="choose another window, or smaller strides",
            )

    @classmethod
    def tiny(cls) -> PhysMLEConfig:
        """For tests and lessons."""
        return cls(
            window=64,
            cell_channels=6,
            widths=(8, 12),
            strides=(1, 1),
            dilations=(1, 2),
            rank=2,
            alpha=4.0,
            experts=2,
            rr_window=64,
        )

    @classmethod
    def small(cls) -> PhysMLEConfig:
        """The version that ships."""
        return cls()

    @classmethod
    def paper(cls) -> PhysMLEConfig:
        """Sizes of the released code, with every loss that the paper describes."""
        return cls(
            window=256, stem="image", projections=(), widths=(64, 128, 256, 512), blocks=2, kernel=(3, 3),
            strides=(1, 2, 2, 2), dilations=(1, 1, 1, 1), trunk="frozen", rank=16, alpha=32.0, rates="pooled",
            rr_window=256, twins=1.0,
        )  # fmt: skip

    def as_released(self) -> PhysMLEConfig:
        """As the released script trains: it calls backward on the supervised losses only."""
        return self.without_priors()

    def without_priors(self) -> PhysMLEConfig:
        """No consistency, diversity or prior loss."""
        return replace(self, **dict.fromkeys(PRIORS, False))

    @property
    def time_stride(self) -> int:
        """Samples of the map per sample of the trunk's last features; the stem halves the rate."""
        product = 2
        for stride in self.strides:
            product *= stride
        return product
