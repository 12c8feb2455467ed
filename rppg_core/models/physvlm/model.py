"""The student of PhysVLM: the network that analyses a clip, taught by a vision-language model that stays at home.

The docstring of the package (`__init__`) lists what differs from the paper.
Axis letters: B batch, T time, N cell, C channels, J octave.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from rppg_core.models.base import Batch, RppgModel
from rppg_core.models.physvlm.alignment import FrequencyAlignedSpatialAttention
from rppg_core.models.physvlm.config import STRIDE, TASKS, PhysVLMConfig
from rppg_core.models.physvlm.consistency import consistency
from rppg_core.models.physvlm.distillation import StudentEmbedding, distillation_terms
from rppg_core.models.physvlm.heads import WaveHead
from rppg_core.models.physvlm.muting import muted_maps, rate_shares
from rppg_core.models.physvlm.wavelet_block import WaveletTemporalBlock
from rppg_core.nn.cells import CellEncoder
from rppg_core.nn.losses import negative_pearson, phased_in, rate_cross_entropy, rate_distribution
from rppg_core.nn.spectrum import power_at, rate_grid, shares_from_power
from rppg_core.types import FS, FaceClip, STMap
from rppg_core.video.prepare import cut, projections, stmap_band

RR_GRID = (4.0, 46.0, 0.5)  # rates of the loss on breathing: low, end, step. Unit: per minute
RR_SPREAD = 1.0  # standard deviation of its target
MUTED = "muted"  # under `inside`
LINE_SPREADS = {"hr": 4.0, "rr": 3.0}  # of the loss on common lines, whose bins are 3.5 per minute apart


class PhysVLM(RppgModel):
    """Idea: a student for pulse and breathing, that splits time into octaves and looks where the rhythm is.

    Parts:
        encoder: CellEncoder, from the map to features of every cell, at half its rate.
        wavelets: WaveletTemporalBlock, octaves with gates for each task.
        attentions: a FrequencyAlignedSpatialAttention for each task.
        heads: a WaveHead for each task.
        embedding: StudentEmbedding, compared with the teacher's; in training alone.
    Shapes: stmap (B, T, N, 6 and the projections), weight (B, N) -> bvp (B, T), resp (B, T).
    In evaluation also `gates` (B, 2, J), the gates of the octaves for pulse and breathing, mean over channels;
    `octaves` (B, J), their shares in the energy;
    `attention` (B, 2, N), for both tasks, with mean 1; `frequency` (B, 2), to which it is aligned, in Hz.
    Left out: rates as outputs of their own; they are read from the waveforms as for every method.
    """

    name: ClassVar[str] = "physvlm"
    paper: ClassVar[str] = "Gao et al. 2026, PhysVLM"
    needs: ClassVar[frozenset[str]] = frozenset({"rgb", "stmap"})
    tasks: ClassVar[frozenset[str]] = frozenset({"bvp", "resp"})

    def __init__(self, config: PhysVLMConfig):
        super().__init__(config)
        inside, fs = config.cell_channels, FS / STRIDE
        self.encoder = CellEncoder(inside, colours=6 + len(config.projections), stride=STRIDE)
        self.wavelets = (
            WaveletTemporalBlock(
                inside,
                config.window // STRIDE,
                wavelet=config.wavelet,
                levels=config.levels,
                learned=config.learned_filters,
            )
            if config.wavelet_block
            else None
        )
        bands = dict(zip(TASKS, (config.band_hz, config.rr_band_hz), strict=True))
        self.attentions = nn.ModuleDict(
            {task: FrequencyAlignedSpatialAttention(task, band, fs) for task, band in bands.items()}
            if config.attention
            else {}
        )
        dilations = dict(zip(TASKS, (config.bvp_dilations, config.resp_dilations), strict=True))
        self.heads = nn.ModuleDict(
            {task: WaveHead(inside, config.channels, each) for task, each in dilations.items()}
        )
        self.embedding = (
            StudentEmbedding(2 * config.channels, config.embedding) if config.distillation else None
        )

    @classmethod
    def inputs_from_clip(cls, clip: FaceClip, config: PhysVLMConfig) -> dict[str, np.ndarray]:
        both = STMap(clip.need("stmap"), clip.fs or FS, clip.need("stmap_weight"))
        read = [stmap_band(both, "pulse"), stmap_band(both, "slow")]
        read += [projections(both, names=config.projections)] if config.projections else []
        return {
            "stmap": np.concatenate(read, axis=2).astype(np.float32),
            "weight": both.weight.astype(np.float32),
        }

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Any]:
        stmap, weight = inputs["stmap"], inputs["weight"]
        T = stmap.shape[1]
        stmap = torch.cat([stmap, stmap[:, -1:].expand(-1, -T % STRIDE, -1, -1)], dim=1)
        cells = self.encoder(stmap, weight)  # (B, N, C, T / STRIDE)
        split: dict[str, Tensor] = dict.fromkeys(TASKS, cells)
        gates: dict[str, Tensor] = {}
        energies = cells.new_zeros(0)
        if self.wavelets is not None:
            split, gates, energies = self.wavelets(cells, weight)
        aligned = {task: attention(split[task], weight) for task, attention in self.attentions.items()}
        waves, features = {}, []
        for task, head in self.heads.items():
            waves[task], each = head(aligned[task].features if aligned else split[task], weight)
            features.append(each)
        answers: dict[str, Any] = {"bvp": waves["hr"][:, :T], "resp": waves["rr"][:, :T]}
        if self.training:
            answers |= {f"{task}_lines": one.lines for task, one in aligned.items()}
            if self.embedding is not None:
                answers["student"] = self.embedding(torch.cat(features, dim=1), FS / STRIDE)
            return answers
        if gates:
            answers["gates"] = torch.stack([gates[task].mean(dim=1) for task in TASKS], dim=1)
            answers["octaves"] = energies
        if aligned:
            answers["attention"] = torch.stack([aligned[task].attention for task in TASKS], dim=1)
            answers["frequency"] = torch.stack([aligned[task].frequency for task in TASKS], dim=1)
        return answers

    def beside(self, clip: FaceClip) -> dict[str, np.ndarray]:
        """Spectra of the pulse in the middle window, as it is and without each octave of the map."""
        n, length = len(clip.times_s), min(len(clip.times_s), self.window)
        if (
            self.wavelets is None or not self.attentions or 2 * length < self.window
        ):  # its octaves would be longer
            return {}
        start = (n - length) // 2
        read = self.inputs_from_clip(cut(clip, slice(start, start + length)), self.config)
        device = next(self.parameters()).device
        stmap, weight = (torch.from_numpy(read[name]).to(device) for name in ("stmap", "weight"))
        with torch.inference_mode():
            maps = muted_maps(stmap, self.config, self.wavelets.filter)
            bvp = self({"stmap": maps, "weight": weight.expand(len(maps), -1)})["bvp"]
            return {MUTED: rate_shares(bvp).double().cpu().numpy()}

    def loss(self, outputs: Mapping[str, Any], batch: Batch) -> dict[str, Tensor]:
        config, targets, mask, late = self.config, batch.targets, batch.mask, phased_in(batch.done)
        bvp, resp = outputs["bvp"], outputs["resp"]
        rated = {
            rate: mask[rate] if config.rates_alone else mask[rate] & mask[wave]
            for rate, wave in (("hr", "bvp"), ("rr", "resp"))
        }
        terms = {
            "waveform": negative_pearson(bvp, targets["bvp"], mask["bvp"]),
            "breathing": negative_pearson(resp, targets["resp"], mask["resp"]),
            "rate": rate_cross_entropy(bvp, targets["hr"], rated["hr"], fs=FS),
            "breathing_rate": breathing_rate_cross_entropy(resp, targets["rr"], rated["rr"]),
        }
        for task, spread in LINE_SPREADS.items():
            if task in self.attentions:
                attention = self.attentions[task]
                assert isinstance(attention, FrequencyAlignedSpatialAttention)
                rates = 60 * attention.band(-(-bvp.shape[1] // STRIDE), bvp.device)
                terms[f"{task}_lines"] = rate_distribution(
                    outputs[f"{task}_lines"], rates, targets[task], mask[task], spread=spread
                )
        if config.consistency:
            terms["consistency"] = late * consistency(
                bvp, resp, fs=FS, band_hz=config.band_hz, rr_band_hz=config.rr_band_hz
            )
        if config.learned_filters and self.wavelets is not None:
            terms["off_wavelet"] = self.wavelets.off_wavelet()
        student, teacher = outputs.get("student"), batch.teacher
        if student is not None and teacher is None:
            terms["embedding"] = 0 * student.sum()  # so that its weights have a gradient, as all others do
        elif student is not None and teacher is not None:
            terms |= {name: late * value for name, value in distillation_terms(student, teacher).items()}
        return terms


def breathing_rate_cross_entropy(resp: Tensor, rr: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy between the spectrum of a breathing waveform and a Gaussian around the true rate."""
    rates = rate_grid(*RR_GRID, device=resp.device)
    log_share = shares_from_power(power_at(resp, rates, FS)).clamp_min(1e-6).log()
    return rate_distribution(log_share, rates, rr, mask, spread=RR_SPREAD)
