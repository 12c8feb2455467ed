"""Sizes of PhysLLM, its language model, and a switch for every part."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from rppg_core.errors import UsageError
from rppg_core.models.base import check_choices, check_names, check_sizes
from rppg_core.models.physllm.cues import CUES
from rppg_core.models.physnet import PhysNetConfig
from rppg_core.models.tracenet import TraceNetConfig
from rppg_core.nn.wavelets import FILTERS
from rppg_core.signals.checks import check_count, check_number


@dataclass(frozen=True, kw_only=True)
class PhysLLMConfig:
    """Configuration of a PhysLLM. The defaults are `small()`, which ships; `paper()` has the paper's sizes."""

    window: int = 256  # samples at 30 Hz, 8.5 s; paper 128
    # "cells": tracenet on colours and projections of the map (our choice); "crops": PhysNet on pixels (paper)
    encoder: Literal["cells", "crops"] = "cells"
    cells: TraceNetConfig = field(default_factory=TraceNetConfig.small)  # of the encoder "cells"
    crops: PhysNetConfig = field(
        default_factory=lambda: PhysNetConfig(labels="raw")
    )  # of the encoder "crops"
    crop_px: Literal[72, 128] = 72  # side of the crops; paper 128

    language_model: str = "bundled"  # or a folder, or a name on the hub; paper DeepSeek-R1-Distill-Qwen-1.5B
    language_hash: str = ""  # fingerprint of the language model that the weights were trained with; "" before
    # "pretrained"; "random": the same model with random weights, frozen; "none": one trainable attention layer
    language: Literal["pretrained", "random", "none"] = "pretrained"
    rank: int = 8  # of the low-rank changes of the language model; 0 leaves it as it is
    alpha: float = 16.0  # scale of a change = alpha / rank

    patch: int = 16  # samples per token of the signal, half overlapping; paper 8
    tokens: int = 32  # of vision, of the prompt, and prototypes
    heads: int = 4  # of every attention; paper 8
    narrow: int = 64  # width of the attention blocks; paper 384
    head: Literal["patches", "flat"] = "patches"  # our choice: each token writes its patch; paper "flat"
    flat_channels: int = 128  # channels that the head "flat" reads

    stationary: bool = True  # Dual-Domain Stationary algorithm
    wavelet: str = "coif6"
    levels: int = 3
    decay: float = 0.8  # of its moving average
    aggregator: bool = True  # False: no vision tokens
    guidance: bool = True  # False: tokens go to the language model as they are
    prompts: bool = True  # False: cues are mixed with equal, fixed weights
    cues: tuple[str, ...] = CUES  # () for none
    released_statistics: bool = False  # lags as in the released code
    residual: bool = False  # True: the steadied wave is added to the output, past the language model

    def __post_init__(self):
        check_sizes(self, ("window", "patch", "tokens", "heads", "narrow", "levels", "flat_channels"), ())
        check_choices(
            self,
            encoder=("cells", "crops"),
            language=("pretrained", "random", "none"),
            head=("patches", "flat"),
            wavelet=tuple(FILTERS),
        )
        if self.crop_px not in (72, 128):
            raise UsageError(f"crop_px is {self.crop_px}", wanted="72 or 128", do="choose one of them")
        check_count(self.rank, "rank")
        check_number(self.decay, "decay", 1e-3, 1)
        check_names(self, cues=CUES)
        if self.patch % 2 or self.narrow % self.heads:
            raise UsageError(
                f"patch {self.patch}, narrow {self.narrow}, heads {self.heads}",
                wanted="an even patch, and a width that the heads divide",
                do="change them",
            )

    @classmethod
    def tiny(cls) -> PhysLLMConfig:
        """For tests and lessons."""
        return cls(
            window=64, cells=TraceNetConfig.tiny(), crops=PhysNetConfig(widths=(4, 8, 16), labels="raw"),
            tokens=8, narrow=16, heads=2, rank=2, alpha=4.0, wavelet="db4", levels=2,
        )  # fmt: skip

    @classmethod
    def small(cls) -> PhysLLMConfig:
        """The version that ships."""
        return cls()

    @classmethod
    def paper(cls) -> PhysLLMConfig:
        """Sizes of the paper and of its released code, with every part that the paper describes."""
        return cls(
            window=128, encoder="crops", crop_px=128, language_model="deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
            patch=8, heads=8, narrow=384, head="flat",
        )  # fmt: skip

    @property
    def needs(self) -> frozenset[str]:
        """Fields of a clip that a network with this config reads."""
        crops = "crop72" if self.crop_px == 72 else "crop128_raw"
        return frozenset({"rgb", "scene", "landmarks", "stmap" if self.encoder == "cells" else crops})

    def as_released(self) -> PhysLLMConfig:
        """As the released code runs: no text reaches the language model."""
        return replace(self, cues=(), released_statistics=True)
