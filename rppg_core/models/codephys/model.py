"""The network of CodePhys: queries from a face to a codebook of clean PPG, and a frozen decoder.

The docstring of the package (`__init__`) lists what differs from the paper.
Axis letters: B batch, T time, N code in time, D width, K item.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from rppg_core.models.base import Batch, RppgModel, run_segment
from rppg_core.models.codephys.autoencoder import SignalDecoder, SignalEncoder
from rppg_core.models.codephys.codebook import Codebook, Query
from rppg_core.models.codephys.config import CodePhysConfig
from rppg_core.models.codephys.distillation import soft_feature_distillation
from rppg_core.models.codephys.encoder import ENCODERS
from rppg_core.models.codephys.trust import QueryTrust, closeness, relative_entropy
from rppg_core.models.physnet.model import relative_differences
from rppg_core.models.tracenet import TraceNet, TraceNetConfig
from rppg_core.nn.layers import standardise, weighted_mean
from rppg_core.nn.losses import masked_mean, negative_pearson, rate_cross_entropy
from rppg_core.types import FS, FaceClip

WRONG = 1e-3  # weight of a wrong waveform in the evidence, where a right one has 1
COPIES = 4  # of each pulse, differently stretched and disturbed, in a step that trains the autoencoder
SLOWEST = 0.7  # speed of a stretched copy
WALL = "wall_closeness"  # under `inside`
LEARNED = {"video": ("bvp", "bvp_queries"), "plugin": ("bvp_plugged", "bvp_plugin_queries")}
WANDER, NOISE = 0.3, 0.1  # largest disturbance of the autoencoder's input, relative to the pulse


@dataclass(frozen=True)
class Answer:
    """Output of codebook and decoder for one sequence of queries."""

    query: Query
    bvp: Float[Tensor, "batch time"]


class CodePhys(RppgModel):
    """Idea: rebuild the pulse of a face from items of clean PPG alone, so that noise cannot reach the output.

    Parts:
        signal_encoder, codebook, decoder: SignalEncoder, Codebook, SignalDecoder, the autoencoder of PPG (stage I).
        encoder: SpatialAwareEncoder or SpatialAwareCropEncoder, from a face to queries (stage II).
        plugin: another SignalEncoder, from the waveform of any method to queries.
        trust, plugin_trust: QueryTrust, for either of them.
    Shapes: stmap (B, T, N, 3 colours and the projections), weight (B, N) -> bvp (B, T).
    No path goes round the codebook: the pulse is the decoder's reading of its items.
    """

    name: ClassVar[str] = "codephys"
    paper: ClassVar[str] = "Chu et al. 2025, CodePhys"
    needs: ClassVar[frozenset[str]] = frozenset({"rgb", "stmap"})
    tasks: ClassVar[frozenset[str]] = frozenset({"bvp"})
    evidence: ClassVar[tuple[str, ...]] = ("near", "decided")
    per_window: ClassVar[tuple[str, ...]] = ("codes", "closeness", "before", "after", WALL)

    def __init__(self, config: CodePhysConfig):
        super().__init__(config)
        self.signal_encoder = SignalEncoder(config)
        self.codebook = Codebook(
            config.codes,
            config.code_width,
            warm_up=config.warm_up,
            reseed_every=config.reseed_every,
            reseed_until=config.reseed_until,
        )
        self.decoder = SignalDecoder(config)
        self.encoder = ENCODERS[config.encoder](config)
        self.plugin = SignalEncoder(config)
        self.trust, self.plugin_trust = QueryTrust(), QueryTrust()

    @classmethod
    def inputs_from_clip(cls, clip: FaceClip, config: CodePhysConfig) -> dict[str, np.ndarray]:
        read = TraceNet.inputs_from_clip(clip, TraceNetConfig(projections=config.projections))
        if config.encoder == "cells":
            return read
        return {**read, "frames": relative_differences(clip.need("crop72"))}

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The pulse, "bvp" (B, T), and the evidence "near" and "decided" (B,).

        In evaluation also "codes" (B, N), the nearest items, "closeness" (B, N), how near they are, "mask" (B, P),
        the mean of the attention over time, and "before" and "after" (B, T), standardised: the decoder's output for
        the queries themselves and for their items. In training, waveform and queries of every part that is trained,
        by the names in LEARNED.
        """
        if self.training:
            return self._learn(inputs)
        queries, mask = self.encoder(inputs)
        answer = self.answer(queries, inputs["stmap"].shape[1])
        return {
            "bvp": answer.bvp,
            **self.trust_in(answer.query, self.trust),
            "codes": answer.query.codes,
            "closeness": closeness(answer.query.distances, self.codebook.spacing()),
            "mask": mask.mean(dim=2),
            "after": standardise(answer.bvp),
            "before": standardise(self.decoder(queries)[:, : answer.bvp.shape[1]]),
        }

    def beside(self, clip: FaceClip) -> dict[str, np.ndarray]:
        """Closeness for a wall: the background of the clip in every cell, in place of the face."""
        if clip.background is None or self.config.encoder != "cells":
            return {}
        wall = np.repeat(clip.background[:, None], clip.need("stmap").shape[1], axis=1)
        return {WALL: run_segment(self, replace(clip, stmap=wall))["closeness"]}

    def answer(self, queries: Float[Tensor, "batch width code"], length: int) -> Answer:
        """The items nearest to queries, and the pulse of `length` samples that the decoder reads in them."""
        query = self.codebook.query(queries)
        read = query.found if self.training else query.items  # the same numbers, but for the last digit
        return Answer(query, self.decoder(read if self.config.quantised else queries)[:, :length])

    def decode_codes(self, codes: Tensor, length: int) -> Float[Tensor, "batch time"]:
        """The pulse of a sequence of codes (B, N)."""
        return self.decoder(self.codebook.look_up(codes))[:, :length]

    def plug(self, wave: Float[Tensor, "batch time"]) -> Answer:
        """The waveform of another method, rebuilt from items."""
        return self.answer(self.plugin(standardise(wave)), wave.shape[1])

    def trust_in(self, query: Query, trust: QueryTrust) -> dict[str, Float[Tensor, " batch"]]:
        """The evidence of a query."""
        return trust(query.distances, self.codebook.log_shares(query.distances), self.codebook.spacing())

    def loss(self, outputs: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        known = batch.mask["bvp"]
        pulsed = known & (batch.targets["bvp"].std(dim=1) > 0)  # a known pulse that is flat is none
        wave = standardise(batch.targets["bvp"])
        terms = self._ppg_terms(wave[pulsed]) if _learns(self.signal_encoder) else {}
        for kind, trust in (("video", self.trust), ("plugin", self.plugin_trust)):
            if LEARNED[kind][0] in outputs:
                bvp, queries = (outputs[name] for name in LEARNED[kind])
                found = self._query_terms(bvp, queries, wave, pulsed, batch) if bvp.requires_grad else {}
                if _learns(trust):
                    found["trust"] = self._trust_term(bvp, queries, wave, pulsed, known & ~pulsed, trust)
                terms |= {f"{kind}_{name}": term for name, term in found.items()}
        if "video_waveform" in terms and self.config.distillation:
            terms["video_distillation"] = self._distilled(outputs[LEARNED["video"][1]], wave, pulsed)
        return terms

    def _learn(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """In training: waveform and queries of the parts that learn, or whose evidence does."""
        queries = {}
        if _learns(self.encoder) or _learns(self.trust):
            queries["video"] = self.encoder(inputs)[0]
        if _learns(self.plugin) or _learns(self.plugin_trust):
            queries["plugin"] = self.plugin(standardise(rough_wave(inputs)))
        made = {}
        for kind, asked in queries.items():
            bvp = self.answer(asked, inputs["stmap"].shape[1]).bvp
            made |= dict(zip(LEARNED[kind], (bvp, asked), strict=True))
        return made

    def _ppg_terms(self, wave: Float[Tensor, "batch time"]) -> dict[str, Tensor]:
        """Stage I: the autoencoder on clean PPG; samples without a pulse do not enter the codebook."""
        if not len(wave):
            nothing = 0 * self.codebook.items.sum()
            return dict.fromkeys(("ppg_samples", "ppg_shape", "ppg_codebook", "ppg_commitment"), nothing)
        quantised = self.config.quantised
        clean = stretched(wave.repeat(COPIES, 1))
        query = self.codebook(self.signal_encoder(disturbed(clean)))
        rebuilt = self.decoder(query.found if quantised else query.features)[:, : wave.shape[1]]
        every = torch.ones(len(clean), dtype=torch.bool, device=wave.device)
        return {
            "ppg_samples": (rebuilt - clean).abs().mean(),
            "ppg_shape": negative_pearson(rebuilt, clean, every),
            "ppg_codebook": query.codebook_loss().mean(),
            "ppg_commitment": quantised * query.commitment_loss().mean(),
        }

    def _query_terms(
        self,
        bvp: Float[Tensor, "batch time"],
        queries: Float[Tensor, "batch width code"],
        wave: Float[Tensor, "batch time"],
        pulsed: Bool[Tensor, " batch"],
        batch: Batch,
    ) -> dict[str, Tensor]:
        """Stage II: queries that give the pulse, and shares of items that are even where there is none."""
        query, free = self.codebook.query(queries), batch.mask["bvp"] & ~pulsed
        entropy = relative_entropy(self.codebook.log_shares(query.distances)).mean(dim=1)
        return {
            "waveform": negative_pearson(bvp, wave, pulsed),
            "rate": rate_cross_entropy(bvp, batch.targets["hr"], pulsed & batch.mask["hr"], fs=FS),
            "commitment": self.config.quantised * masked_mean(query.commitment_loss(), pulsed),
            # in this direction the divergence from even shares is bounded; in the other one it drowned all other
            # terms, and drew weak pulses to where no pulse is
            "silence": masked_mean(1 - entropy, free),
        }

    def _trust_term(
        self,
        bvp: Float[Tensor, "batch time"],
        queries: Float[Tensor, "batch width code"],
        wave: Float[Tensor, "batch time"],
        pulsed: Bool[Tensor, " batch"],
        free: Bool[Tensor, " batch"],
        trust: QueryTrust,
    ) -> Tensor:
        """The last stage: what right queries look like, beside those of samples without a pulse."""
        query = self.codebook.query(queries.detach())
        logits = trust.logits(
            query.distances, self.codebook.log_shares(query.distances), self.codebook.spacing()
        )
        r = (standardise(bvp.detach()) * wave).mean(dim=1)
        return trust.loss(logits, r.clamp_min(WRONG) * pulsed, free)

    def _distilled(
        self,
        queries: Float[Tensor, "batch width code"],
        wave: Float[Tensor, "batch time"],
        pulsed: Bool[Tensor, " batch"],
    ) -> Tensor:
        """Stage II: soft feature distillation from the PPG encoder."""
        with torch.no_grad():
            features = self.signal_encoder(wave)
        distilled = soft_feature_distillation(
            queries, features, self.codebook, readings=self.config.distillation, shift=self.config.token_shift
        )
        return masked_mean(distilled, pulsed)


def rough_wave(inputs: Mapping[str, Tensor]) -> Float[Tensor, "batch time"]:
    """A random projection of each sample, averaged over the skin: the waveform of a classical method."""
    pulses = inputs["stmap"][..., 3:]
    mean = weighted_mean(pulses, inputs["weight"])  # (B, T, projections)
    chosen = torch.randint(mean.shape[2], (len(mean),), device=mean.device)
    return mean[torch.arange(len(mean), device=mean.device), :, chosen]


def stretched(wave: Float[Tensor, "batch time"]) -> Float[Tensor, "batch time"]:
    """Each wave at a random speed, from SLOWEST to 1, and from a random start; standardised again."""
    B, T = wave.shape
    speed = torch.empty(B, 1, device=wave.device).uniform_(SLOWEST, 1)
    start = torch.rand(B, 1, device=wave.device) * (1 - speed)
    at = 2 * (start + speed * torch.linspace(0, 1, T, device=wave.device)) - 1  # (B, T), -1 to 1
    grid = torch.stack([at, torch.zeros_like(at)], dim=2)[:, None]
    read = functional.grid_sample(wave[:, None, None], grid, mode="bicubic", align_corners=True)
    return standardise(read[:, 0, 0])


def disturbed(wave: Float[Tensor, "batch time"]) -> Float[Tensor, "batch time"]:
    """Each wave with baseline wander and noise, like that of a sensor."""
    B, T = wave.shape
    size = torch.rand(4, B, 1, device=wave.device)
    turns = 2 * torch.pi * (2 * size[0] * torch.linspace(0, 1, T, device=wave.device) + size[1])
    return wave + WANDER * size[2] * torch.sin(turns) + NOISE * size[3] * torch.randn_like(wave)


def _learns(part: nn.Module) -> bool:
    """Whether anything in a part is trained now."""
    return any(weight.requires_grad for weight in part.parameters())
