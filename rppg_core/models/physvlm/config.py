"""Sizes of PhysVLM, and a switch for every part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from rppg_core.errors import UsageError
from rppg_core.models.base import check_choices, check_sizes
from rppg_core.nn.wavelets import FILTERS
from rppg_core.signals.checks import check_count, check_pair
from rppg_core.types import NEONATAL_HR_BAND_HZ, NEONATAL_RR_BAND_HZ
from rppg_core.video.prepare import check_projections

TASKS = ("hr", "rr")  # pulse and breathing, in the order of all outputs that hold both
STRIDE = 2  # samples of the map that become one: features come at 15 Hz


@dataclass(frozen=True, kw_only=True)
class PhysVLMConfig:
    """Configuration of a PhysVLM. The defaults are `small()`, which ships; no sizes of the paper are public."""

    window: int = 512  # samples at 30 Hz, 17 s: several breaths
    projections: tuple[str, ...] = ("pos", "chrom", "pbv")  # read beside both bands of each cell
    cell_channels: int = 16  # features of each cell
    channels: int = 48  # features of the trunks
    bvp_dilations: tuple[int, ...] = (1, 2, 4, 8, 1)  # of the blocks of each trunk, at 15 Hz
    resp_dilations: tuple[int, ...] = (1, 4, 16)
    embedding: int = 128  # of the teacher, and of the student beside it
    band_hz: tuple[float, float] = (0.66, 3.0)  # of the heart
    rr_band_hz: tuple[float, float] = (0.1, 0.7)  # of breathing

    wavelet_block: bool = True  # False: no Wavelet Temporal Block
    wavelet: Literal["haar", "db4"] = "db4"
    learned_filters: bool = False  # True: `wavelet` is only the start of filters that are trained
    levels: int = 5  # octaves that are split off: at 15 Hz down to 0.23 Hz
    attention: bool = True  # False: no Frequency-Aligned Spatial Attention
    consistency: bool = True  # False: no term between the tasks
    distillation: bool = True  # False: the teacher is not listened to
    rates_alone: bool = True  # a rate trains its waveform also where the waveform has no label

    def __post_init__(self):
        check_sizes(
            self,
            ("window", "cell_channels", "channels", "embedding"),
            ("bvp_dilations", "resp_dilations"),
        )
        check_choices(self, wavelet=("haar", "db4"))
        check_projections(self.projections, least=0)
        check_pair(self.band_hz)
        check_pair(self.rr_band_hz)
        check_count(self.levels, "levels", least=1)
        most = most_levels(self.window // STRIDE, len(FILTERS[self.wavelet]))
        if self.window % STRIDE or self.levels > most:
            raise UsageError(
                f"{self.levels} levels and a window of {self.window}",
                wanted=f"an even window, and at most {most} levels for it",
                do="choose fewer levels or a longer window",
            )

    @classmethod
    def tiny(cls) -> PhysVLMConfig:
        """For tests and lessons."""
        return cls(
            window=128, cell_channels=4, channels=8, bvp_dilations=(1, 2), resp_dilations=(1, 4), embedding=16,
            levels=3,
        )  # fmt: skip

    @classmethod
    def small(cls) -> PhysVLMConfig:
        """The version that ships."""
        return cls()

    def neonatal(self) -> PhysVLMConfig:
        """With the bands of newborns."""
        return replace(self, band_hz=NEONATAL_HR_BAND_HZ, rr_band_hz=NEONATAL_RR_BAND_HZ)


def most_levels(n: int, taps: int) -> int:
    """Number of octaves that can be split off before the signal is shorter than the filter.

    Args:
        n: samples of the signal.
        taps: of the filter.

    Source: PyWavelets, `dwt_max_level`.
    """
    return max(0, (n // (taps - 1)).bit_length() - 1)
