"""Sizes of TAST-Net, and a switch for every part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rppg_core.errors import UsageError
from rppg_core.models.base import check_choices, check_names, check_sizes
from rppg_core.signals.checks import check_number
from rppg_core.types import FS
from rppg_core.video.magnify import FACTOR, MOST

STREAMS = ("raw", "magnified")
BRANCHES = ("cnn", "vivit")
POOLED = 4  # samples that the convolutions make one: the rate of the features of both branches


@dataclass(frozen=True, kw_only=True)
class TastNetConfig:
    """Configuration of a TAST-Net. The defaults are `small()`, which ships; `paper()` has the paper's sizes."""

    window: int = 300  # samples at 30 Hz, 10 s; paper: not public
    samples: int = 128  # of the window after magnification: 12.8 Hz; paper: all
    side: int = 16  # pixels of the aligned face; paper 128
    streams: tuple[str, ...] = STREAMS  # what is read, each with three colours; paper: the magnified one
    factor: float = FACTOR
    mask: bool = True  # False: hair, collar and background are read, too

    branches: tuple[str, ...] = BRANCHES
    cnn_channels: tuple[int, int, int] = (16, 32, 48)  # of the three residual blocks; paper 32, 64, 128
    tubelet_px: int = 8  # side of the cubes that become tokens; paper 16. They last POOLED samples
    width: int = 64  # of a token; paper 192
    heads: int = 4
    spatial_layers: int = 2  # of the tokens of one slot of time; the paper's form of ViViT is not public
    temporal_layers: int = 2  # of the slots
    fusion: Literal["gated", "concatenated", "crossed"] = "gated"  # of both branches; not public
    fused: int = 48  # numbers between fusion and output

    # "bounded": between 70 and 100 %. "linear": around the mean of the training, without a bound
    head: Literal["bounded", "linear"] = "bounded"
    # what the correlation in the loss runs over: the windows of a batch, or the seconds of each window
    trend: Literal["people", "time"] = "people"
    trend_weight: float = 0.3  # of the correlation; the squared error has the rest

    def __post_init__(self):
        check_sizes(
            self,
            (
                "window", "samples", "side", "tubelet_px", "width", "heads", "spatial_layers", "temporal_layers",
                "fused",
            ),
            ("cnn_channels",),
        )  # fmt: skip
        check_choices(
            self,
            fusion=("gated", "concatenated", "crossed"),
            head=("bounded", "linear"),
            trend=("people", "time"),
        )
        check_names(self, streams=STREAMS, branches=BRANCHES)
        check_number(self.factor, "factor", 0, MOST)
        check_number(self.trend_weight, "trend_weight", 0, 1)
        if not self.streams or not self.branches or len(self.cnn_channels) != 3:
            raise UsageError(
                f"streams {self.streams}, branches {self.branches}, cnn_channels {self.cnn_channels}",
                wanted="a stream, a branch and three numbers of channels",
                do="name at least one of each",
            )
        if self.side % self.tubelet_px or self.samples % POOLED or self.width % self.heads:
            raise UsageError(
                f"side {self.side}, samples {self.samples} and width {self.width}",
                wanted=f"multiples of {self.tubelet_px} pixels, {POOLED} samples and {self.heads} heads",
                do="change the sizes",
            )
        if not 2 * self.seconds <= self.slots:
            raise UsageError(
                f"{self.samples} samples for {self.window / FS:g} s",
                wanted=f"{2 * POOLED} a second or more",
                do="read more samples or a shorter window",
            )

    @classmethod
    def tiny(cls) -> TastNetConfig:
        """For tests and lessons."""
        return cls(
            window=120, samples=48, cnn_channels=(4, 6, 8), width=8, heads=2, spatial_layers=1, temporal_layers=1,
            fused=8,
        )  # fmt: skip

    @classmethod
    def small(cls) -> TastNetConfig:
        """The version that ships."""
        return cls()

    @classmethod
    def paper(cls) -> TastNetConfig:
        """Sizes as far as they are public or follow from the number of weights that the authors report."""
        return cls(
            window=128, samples=128, side=128, streams=("magnified",), cnn_channels=(32, 64, 128), tubelet_px=16,
            width=192, heads=3, fused=128,
        )  # fmt: skip

    @property
    def fs(self) -> float:
        """Rate of the samples. Unit: Hz."""
        return self.samples * FS / self.window

    @property
    def slots(self) -> int:
        """Moments of the features of both branches."""
        return self.samples // POOLED

    @property
    def seconds(self) -> int:
        """Whole seconds of a window; each has its own output."""
        return max(1, int(self.window // FS))
