"""The network of PhysMLE: one trunk with experts, four tasks, and labels that are mostly missing.

The docstring of the package (`__init__`) lists what differs from the paper.
Axis letters: B batch, T time, N cell, C channels, H rows, E expert, K rate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from rppg_core.models.base import Batch, RppgModel
from rppg_core.models.physmle import priors
from rppg_core.models.physmle.config import PhysMLEConfig
from rppg_core.models.physmle.heads import BvpDecoder, PooledHead, SpectralHead
from rppg_core.models.physmle.trunk import Stage, Stem
from rppg_core.nn.experts import ExpertActivity, LowRankExperts, TaskGate
from rppg_core.nn.losses import negative_pearson, phased_in, rate_distribution, smooth_l1
from rppg_core.types import FS, FaceClip, STMap
from rppg_core.video.prepare import projections, stmap_band

GATED = ("hr", "spo2", "rr")  # tasks with their own gate; the pulse shares that of the heart rate
USUAL = {"hr": 75.0, "spo2": 97.0, "rr": 16.0}  # where pooled heads start
GRIDS = {
    "hr": (40.0, 185.0, 1.0),
    "rr": (5.0, 36.0, 0.5),
}  # rate grids of the spectral heads: low, high, step, per minute
SPREADS = {"hr": 3.0, "rr": 1.0}  # standard deviation of the target over those rates
PER_TEN = 10.0  # errors of rates and percentages are divided by ten, as in the released code


class PhysMLE(RppgModel):
    """Idea: one frozen or shared trunk, low-rank experts mixed by a router for each face, one gate per task.

    Parts:
        stem: Stem, from the map to features; its output is the query of all routers.
        stages: Stages of ExpertBlocks, each convolution inside LowRankExperts with its Router.
        gates: TaskGates for heart rate, SpO2 and breathing rate; the pulse shares that of the heart rate.
        heads: SpectralHead or PooledHead for the rates, PooledHead for SpO2.
        decoder: BvpDecoder, for the pulse.
    Shapes: stmap (B, T, N, 6 and the projections), weight (B, N) -> bvp (B, T), hr, rr, spo2 (B,); rr only for
    windows of at least `rr_window` samples.
    In evaluation also the activity of the experts: `router_gates` (B, layer, E), means of the gates; `expert_share`
    (B, layer, E), share of each expert in what all add; `expert_size` (B, layer), size of that sum relative to the
    trunk's own output; `task_experts` (B, task, E), shares in the last layer after each task's gate, in the order of
    GATED.
    Left out: the ViT backbone; a breathing waveform, which the paper does not have either.
    """

    name: ClassVar[str] = "physmle"
    paper: ClassVar[str] = "Wang et al. 2025, PhysMLE"
    needs: ClassVar[frozenset[str]] = frozenset({"rgb", "stmap"})
    tasks: ClassVar[frozenset[str]] = frozenset({"bvp", "hr", "rr", "spo2"})

    def __init__(self, config: PhysMLEConfig):
        super().__init__(config)
        widths = config.widths
        self.stem = Stem(config)
        inside = (widths[0], *widths[:-1])
        self.stages = nn.ModuleList(
            Stage(a, b, stride, dilation, config)
            for a, b, stride, dilation in zip(inside, widths, config.strides, config.dilations, strict=True)
        )
        self.norm = nn.GroupNorm(1, widths[-1])
        self.gates = nn.ModuleDict(
            {task: TaskGate(widths[-1]) for task in GATED} if config.task_gates else {}
        )
        spectral = config.rates == "spectrum"
        self.heads = nn.ModuleDict(
            {
                task: SpectralHead(widths[-1], *GRIDS[task])
                if spectral and task in GRIDS
                else PooledHead(widths[-1], USUAL[task], spread=spectral)
                for task in GATED
            }
        )
        self.decoder = BvpDecoder(widths[-1], (config.time_stride - 1).bit_length())
        if config.trunk == "frozen":
            frozen = [self.stem, *(layer.conv for layer in self.layers)]
            for part in frozen:
                part.requires_grad_(False)

    @property
    def layers(self) -> list[LowRankExperts]:
        """The convolutions with experts, from input to output."""
        return [part for part in self.stages.modules() if isinstance(part, LowRankExperts)]

    @property
    def layer_names(self) -> list[str]:
        """Names of `layers`, in the same order."""
        counts = [2 * len(stage.blocks) for stage in self.stages]  # pyright: ignore[reportArgumentType]
        return [f"stage {k + 1}, layer {j + 1}" for k, n in enumerate(counts) for j in range(n)]

    @classmethod
    def inputs_from_clip(cls, clip: FaceClip, config: PhysMLEConfig) -> dict[str, np.ndarray]:
        cells, weight = clip.need("stmap"), clip.need("stmap_weight")
        if config.stem == "image":
            low, high = cells.min(axis=0), cells.max(axis=0)
            stmap = (cells - low) / np.maximum(high - low, 1e-6)
        else:
            both = STMap(cells, clip.fs or FS, weight)
            read = [stmap_band(both, "pulse"), stmap_band(both, "slow")]
            read += [projections(both, names=config.projections)] if config.projections else []
            stmap = np.concatenate(read, axis=2)
        return {"stmap": stmap.astype(np.float32), "weight": weight.astype(np.float32)}

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Any]:
        stmap, weight = inputs["stmap"], inputs["weight"]
        B, T = stmap.shape[:2]
        n_twins = self._n_twins(B) if self.training else 0
        if n_twins:
            twin, twin_weight = priors.make_twin(stmap[:n_twins], weight[:n_twins])
            stmap, weight = torch.cat([stmap, twin]), torch.cat([weight, twin_weight])
        spare = -T % self.config.time_stride
        stmap = torch.cat([stmap, stmap[:, -1:].expand(-1, spare, -1, -1)], dim=1)

        x, rows = self.stem(stmap, weight)
        query, activity, maps = x, [], [rows]
        for stage in self.stages:
            x, query, added = stage(x, query)
            activity += added
            maps.append(x.transpose(1, 2))
        x = self.norm(x)
        taken = {task: gate(query) for task, gate in self.gates.items()}  # (B, C, H, T) each
        answers = self._answers(x, taken, T)
        if not self.training:
            return {**answers, **_expert_activity([v for v in activity if v is not None], taken)}
        answers["maps"] = [m for m in maps if m.shape[1] > 1]
        if n_twins:
            answers = _split_twins(answers, B)
        return answers

    def _answers(self, x: Tensor, taken: Mapping[str, Tensor], T: int) -> dict[str, Any]:
        """Output of every task from its own gated features."""
        features = {task: taken[task] * x if task in taken else x for task in GATED}
        fs = FS / self.config.time_stride
        answers: dict[str, Any] = {"bvp": self.decoder(features["hr"])[:, :T]}
        for task, head in self.heads.items():
            if task == "rr" and self.config.rr_window > T:
                continue  # too few breaths
            if isinstance(head, SpectralHead):
                log_share = head(features[task], fs)
                answers[task] = head.rate(log_share)
                if self.training:
                    answers[f"{task}_log_share"] = log_share
            else:
                answers[task] = head(features[task])
        if self.training:
            answers["spo2_pooled"] = self.heads["spo2"].pool(features["spo2"])  # pyright: ignore[reportCallIssue]
        return answers

    def loss(self, outputs: Mapping[str, Any], batch: Batch) -> dict[str, Tensor]:
        targets, mask, slow = batch.targets, batch.mask, phased_in(batch.done)
        terms = {"waveform": negative_pearson(outputs["bvp"], targets["bvp"], mask["bvp"])}
        for task in GATED:
            if task in outputs:
                error = smooth_l1(outputs[task], targets[task], mask[task]) / PER_TEN
                terms[task] = error if task == "spo2" else slow * error
            if f"{task}_log_share" in outputs:
                head = self.heads[task]
                terms[f"{task}_spectrum"] = rate_distribution(
                    outputs[f"{task}_log_share"],
                    head.rates,  # pyright: ignore[reportArgumentType]
                    targets[task],
                    mask[task],
                    spread=SPREADS[task],
                )
        return terms | {name: slow * term for name, term in self._priors(outputs, batch).items()}

    def _priors(self, outputs: Mapping[str, Any], batch: Batch) -> dict[str, Tensor]:
        """The terms that need no label or link one task to another, if they are switched on."""
        config, targets, mask, bvp = self.config, batch.targets, batch.mask, outputs["bvp"]
        terms = {}
        if config.spatial and outputs.get("maps"):
            terms["spatial"] = torch.stack([priors.spatial_consistency(m) for m in outputs["maps"]]).mean()
        if config.temporal and "twins" in outputs:
            twins = outputs["twins"]
            pairs = [priors.temporal_consistency(outputs[t][: len(twins[t])], twins[t]) for t in twins]
            terms["temporal"] = torch.stack(pairs).mean()
        if config.diversity and config.experts > 1:
            terms["diversity"] = torch.stack([layer.overlap() for layer in self.layers]).mean()
        if config.prior_hr:
            terms["prior_hr"] = priors.heart_prior(bvp, targets["hr"], mask["hr"], FS)
        if config.prior_rr and "rr" in outputs:
            terms["prior_rr"] = priors.breath_prior(bvp, outputs["rr"], targets["rr"], mask, FS)
        if config.prior_spo2:
            head, pooled = self.heads["spo2"], outputs["spo2_pooled"]
            assert isinstance(head, PooledHead)
            terms["prior_spo2"] = priors.oxygen_prior(head.line, pooled, targets["spo2"], mask["spo2"])
        return terms

    def _n_twins(self, n_samples: int) -> int:
        """Number of samples that get a second view: 0 unless a loss uses it."""
        asked = self.config.spatial or self.config.temporal
        return min(n_samples, math.ceil(self.config.twins * n_samples)) if asked else 0


def _split_twins(answers: Mapping[str, Any], n: int) -> dict[str, Any]:
    """Outputs for the first n samples; those for second views under "twins"; maps of both together."""
    split = {name: value if name == "maps" else value[:n] for name, value in answers.items()}
    split["twins"] = {task: answers[task][n:] for task in GATED if task in answers}
    return split


def _expert_activity(activity: list[ExpertActivity], taken: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Activity of the experts, averaged over channels, rows and time."""
    if not activity:
        return {}
    last = activity[-1].added  # (B, E, C, H, T)
    tasks = [last * gate[:, None] for gate in taken.values()] or [last]
    return {
        "router_gates": torch.stack([v.gates.mean(dim=(2, 3, 4)) for v in activity], dim=1),
        "expert_share": torch.stack([_share(v.added) for v in activity], dim=1),
        "expert_size": torch.stack([_size(v.added.sum(dim=1)) / _size(v.trunk) for v in activity], dim=1),
        "task_experts": torch.stack([_share(added) for added in tasks], dim=1),
    }


def _size(features: Tensor) -> Tensor:
    """Mean absolute value of each sample's features (B, C, H, T)."""
    return features.abs().mean(dim=(1, 2, 3)).clamp_min(1e-9)


def _share(added: Tensor) -> Tensor:
    """Share of each expert in the size of what all add."""
    size = added.abs().mean(dim=(2, 3, 4))  # (B, E)
    return size / size.sum(dim=1, keepdim=True).clamp_min(1e-9)
