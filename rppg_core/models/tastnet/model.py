"""The network of TAST-Net: two branches that see the same magnified face, and one percentage.

The docstring of the package (`__init__`) lists what differs from the paper.
Axis letters: B batch, T time, H height, W width, L slot, S second.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

from rppg_core.models.base import Batch, RppgModel
from rppg_core.models.tastnet.branches import GlobalBranch, LocalBranch
from rppg_core.models.tastnet.config import POOLED, TastNetConfig
from rppg_core.models.tastnet.fusion import Fusion, SaturationHead
from rppg_core.models.tastnet.loss import squared_error, trend_over_people, trend_over_time
from rppg_core.models.tastnet.pictures import face_pictures
from rppg_core.types import FaceClip

__all__ = ["TastNet", "TastNetConfig"]


class TastNet(RppgModel):
    """Idea: magnify the colours of a face, and let convolutions and attention read oxygen from them together.

    Parts:
        local: LocalBranch, 3-D convolutions with ResidualBlock3d.
        overall: GlobalBranch, a factorised ViViT.
        fusion: Fusion of both, one feature per slot of time.
        head: SaturationHead, from mean features to a percentage.
    Shapes: frames (B, T, H, W, 3 colours of each stream) -> spo2 (B,), and spo2_course (B, S), one for each second.
    Left out: a pulse waveform, which the paper does not have; whether there is a pulse at all is asked elsewhere.
    """

    name: ClassVar[str] = "tastnet"
    paper: ClassVar[str] = "Qi et al. 2026, TAST-Net"
    needs: ClassVar[frozenset[str]] = frozenset({"rgb", "crop128_raw"})
    tasks: ClassVar[frozenset[str]] = frozenset({"spo2"})
    draws_cells: ClassVar[bool] = True
    per_window: ClassVar[tuple[str, ...]] = ("spo2_course",)

    def __init__(self, config: TastNetConfig):
        super().__init__(config)
        made = {"cnn": LocalBranch, "vivit": GlobalBranch}
        branches = {name: made[name](config) for name in config.branches}
        self.branches = nn.ModuleDict(branches)
        self.fusion = Fusion({name: part.width for name, part in branches.items()}, config)
        self.head = SaturationHead(config)

    @classmethod
    def inputs_from_clip(cls, clip: FaceClip, config: TastNetConfig) -> dict[str, np.ndarray]:
        return {"frames": face_pictures(clip, config)}

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        frames = inputs["frames"].permute(0, 4, 1, 2, 3)
        fused = self.fusion({name: part(frames) for name, part in self.branches.items()})
        n_seconds = max(1, round(fused.shape[1] * POOLED / self.config.fs))
        seconds = functional.adaptive_avg_pool1d(fused.transpose(1, 2), n_seconds)
        return {
            "spo2": self.head(fused.mean(dim=1)),
            "spo2_course": self.head(seconds.transpose(1, 2)),
        }

    def loss(self, outputs: Mapping[str, Any], batch: Batch) -> dict[str, Tensor]:
        config, true, mask = self.config, batch.targets["spo2"], batch.mask["spo2"]
        found, course = outputs["spo2"], outputs["spo2_course"]
        error = squared_error(found, true, mask)
        steady = squared_error(course.mean(dim=1), true, mask)
        if config.trend == "people":
            trend = trend_over_people(found, true, mask)
        else:
            known = functional.adaptive_avg_pool1d(batch.targets["spo2_course"][:, None], config.seconds)[
                :, 0
            ]
            trend = trend_over_time(course, known, batch.mask["spo2_course"])
        share = config.trend_weight
        return {"error": (1 - share) * error, "course": (1 - share) * steady, "trend": share * trend}
