"""The network of PhysLLM: a rough pulse, features of the face and three texts, read by a language model.

The docstring of the package (`__init__`) lists what differs from the paper.
Axis letters: B batch, T time, P token, D width of the language model, N word, K rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from rppg_core.errors import ModelFileError
from rppg_core.models.base import Batch, RppgModel
from rppg_core.models.physllm.aggregator import VisionAggregator
from rppg_core.models.physllm.config import PhysLLMConfig
from rppg_core.models.physllm.context import context_from_clip
from rppg_core.models.physllm.cues import CUES, Cue, context_cue, statistics_cue, task_cue
from rppg_core.models.physllm.encoder import CellsEncoder, CropsEncoder
from rppg_core.models.physllm.guidance import TextPrototypeGuidance
from rppg_core.models.physllm.language_model import (
    AttentionLayer,
    LanguageModel,
    fingerprint,
    load_language_model,
)
from rppg_core.models.physllm.prompts import AdaptivePromptLearning
from rppg_core.models.physllm.stationary import DualDomainStationary
from rppg_core.models.physllm.tokens import FlatHead, PatchHead, SignalPatches
from rppg_core.nn.layers import standardise
from rppg_core.nn.losses import negative_pearson, rate_cross_entropy
from rppg_core.nn.spectrum import power_at, rate_grid, shares_from_power
from rppg_core.types import FS, HR_BAND_HZ, FaceClip

SPECTRUM_STEP_BPM = 1.0  # between the rates of the spectra that are kept
ENCODERS = {"cells": CellsEncoder, "crops": CropsEncoder}


@dataclass(frozen=True)
class Reading:
    """Everything that one pass of the network makes, from the encoder to the pulse."""

    base: Float[Tensor, "batch time"]  # the encoder's rough pulse
    steady: Float[Tensor, "batch time"]  # after the Dual-Domain Stationary algorithm
    cues: Sequence[Sequence[Cue]]  # of each sample
    cue_attention: Sequence[Tensor]  # of the prompt tokens to the words of each cue, (B, prompt, N)
    cue_shares: Float[Tensor, "batch cue prompt"] | None  # of each cue in the size of each prompt token
    prototype_attention: Float[Tensor, "batch prototype patch"] | None  # to the signal's patches
    signal: Float[Tensor, "batch patch width"]  # the tokens of the signal
    tokens: Float[Tensor, "batch token width"]  # all that the language model reads
    hidden: Float[Tensor, "batch token width"]  # what it makes of it
    bvp: Float[Tensor, "batch time"]


class PhysLLM(RppgModel):
    """Idea: a rough pulse becomes tokens of a language model, which also reads text about the face, and rewrites it.

    Parts:
        encoder: CellsEncoder or CropsEncoder, for the rough pulse and three maps.
        stationary: DualDomainStationary, puts the rough pulse and its octaves on one scale.
        patches: SignalPatches, from the wave to tokens.
        aggregator: VisionAggregator, from the maps to tokens.
        guidance: TextPrototypeGuidance, pulls both towards words.
        prompts: AdaptivePromptLearning, from the words of the cues to tokens.
        language: LanguageModel, frozen but for low-rank changes, or an AttentionLayer in its place.
        head: PatchHead or FlatHead, from hidden states to the pulse.
    Shapes: inputs of the encoder and context (B, quantity) -> bvp (B, T).
    The language model reads [cues | vision | signal], and the pulse is read from the last of these, so that the
    others act only through its attention. No residual goes past it. (Paper: [cues | signal | vision], read from the
    last two.)
    """

    name: ClassVar[str] = "physllm"
    paper: ClassVar[str] = "Xie et al. 2025, PhysLLM"
    needs: ClassVar[frozenset[str]] = frozenset({"rgb", "stmap", "scene", "landmarks"})
    tasks: ClassVar[frozenset[str]] = frozenset({"bvp"})

    def __init__(self, config: PhysLLMConfig):
        body, tokenizer = load_language_model(config.language_model, random=config.language == "random")
        rank = config.rank if config.language != "none" else 0
        vocabulary = LanguageModel(body, tokenizer, rank=rank, alpha=config.alpha)
        known = fingerprint(vocabulary)
        if config.language_hash not in ("", known):
            raise ModelFileError(
                f"the language model {config.language_model!r} has the hash {known}",
                wanted=f"{config.language_hash}, the one that the weights were trained with",
                do="give that model, or train anew with `rppg train physllm --language-model`",
            )
        super().__init__(replace(config, language_hash=known))
        # a part that is switched off is an nn.Identity, so that the stages of a recipe can name it
        D, sizes = vocabulary.width, {"heads": config.heads, "narrow": config.narrow}
        self.edits: Mapping[str, str] = {}  # cue -> text that replaces its own; "" switches it off
        self.encoder = ENCODERS[config.encoder](config)
        self.stationary = DualDomainStationary(
            wavelet=config.wavelet, levels=config.levels, decay=config.decay
        )
        self.patches = SignalPatches(config.patch, D)
        self.aggregator = (
            VisionAggregator(self.encoder.channels, D, tokens=config.tokens, **sizes)
            if config.aggregator
            else nn.Identity()
        )
        self.guidance = (
            TextPrototypeGuidance(len(vocabulary.words), D, prototypes=config.tokens, **sizes)
            if config.guidance
            else nn.Identity()
        )
        self.prompts = (
            AdaptivePromptLearning(len(config.cues), D, tokens=config.tokens, learned=config.prompts, **sizes)
            if config.cues
            else nn.Identity()
        )
        self.language = vocabulary
        self.instead = AttentionLayer(D) if config.language == "none" else nn.Identity()
        self.head = (
            PatchHead(config.patch, D)
            if config.head == "patches"
            else FlatHead(2 * config.tokens, min(config.flat_channels, D), config.window)
        )

    @property
    def reader(self) -> LanguageModel | AttentionLayer:
        """What reads the tokens: the language model, or the layer in its place."""
        return self.instead if isinstance(self.instead, AttentionLayer) else self.language

    @property
    def order(self) -> tuple[str, str]:
        """Of the tokens after the cues: a model that looks back must see a patch's features before it writes it."""
        return ("signal", "vision") if self.config.head == "flat" else ("vision", "signal")

    @classmethod
    def inputs_from_clip(cls, clip: FaceClip, config: PhysLLMConfig) -> dict[str, np.ndarray]:
        read = ENCODERS[config.encoder].inputs_from_clip(clip, config)
        return {**read, "context": context_from_clip(clip)}

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The pulse, "bvp" (B, T).

        In evaluation also "rough_power" and "pulse_power" (B, K), spectra of the rough pulse and of the pulse at
        "rates_bpm" (B, K), and, with cues, "cue_shares" (B, cue), the share of each in the size of the prompt tokens.
        """
        if self.training and not any(weight.requires_grad for weight in self.head.parameters()):
            return {"bvp": self.encoder(inputs)[1]}  # the stage that trains the encoder alone
        reading = self.read(inputs)
        if self.training:
            return {"bvp": reading.bvp}
        inside = _spectra(reading.base, reading.bvp)
        if reading.cue_shares is not None:
            inside["cue_shares"] = reading.cue_shares.mean(dim=2)
        return {"bvp": reading.bvp, **inside}

    def read(self, inputs: Mapping[str, Tensor]) -> Reading:
        """The pulse, and everything on the way to it."""
        maps, base = self.encoder(inputs)
        return self.read_features(maps, base, self.write_cues(base, inputs["context"]))

    def read_features(
        self, maps: Sequence[Tensor], base: Float[Tensor, "batch time"], cues: Sequence[Sequence[Cue]]
    ) -> Reading:
        """The pulse from what the encoder found, and from given cues of each sample, in the order of CUES."""
        size, mean = base.std(dim=1, keepdim=True), base.mean(dim=1, keepdim=True)
        steady = standardise(self.stationary(base)) if self.config.stationary else standardise(base)
        seen = {"signal": self.patches(steady)}
        seen |= {"vision": self.aggregator(maps)} if self.config.aggregator else {}
        attention = None
        if isinstance(self.guidance, TextPrototypeGuidance):
            prototypes = self.guidance.prototypes(self.language.words)
            guided = {name: self.guidance.guided(tokens, prototypes) for name, tokens in seen.items()}
            seen, attention = {name: tokens for name, (tokens, _) in guided.items()}, guided["signal"][1]
        prompt, cue_attention, cue_shares = self._prompt(cues)
        order = [seen[name] for name in self.order if name in seen]
        tokens = torch.cat([*prompt, *map(self._as_words, order)], dim=1)
        hidden = self.reader(tokens)
        wave = self.head(hidden, base.shape[1])
        wave = wave + steady if self.config.residual else wave
        return Reading(
            base,
            steady,
            cues,
            cue_attention,
            cue_shares,
            attention,
            seen["signal"],
            tokens,
            hidden,
            size * wave + mean,
        )

    def loss(self, outputs: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        target, labelled = batch.targets["bvp"], batch.mask["bvp"]
        return {
            # the paper's mean squared error of standardised waves is 2 (1 - r)
            "waveform": negative_pearson(outputs["bvp"], target, labelled),
            "rate": rate_cross_entropy(
                outputs["bvp"], batch.targets["hr"], labelled & batch.mask["hr"], fs=FS
            ),
        }

    @contextmanager
    def edited(self, texts: Mapping[str, str]) -> Iterator[PhysLLM]:
        """The same network with other texts of cues: words of a user, of a vision-language model, of another face.

        Args:
            texts: cue -> its text; "" switches it off.
        """
        before, self.edits = self.edits, dict(texts)
        try:
            yield self
        finally:
            self.edits = before

    def write_cues(
        self, base: Float[Tensor, "batch time"], context: Float[Tensor, "batch quantity"]
    ) -> list[list[Cue]]:
        """The cues of each sample, in the order of CUES."""
        return [self._cues_of(wave, numbers) for wave, numbers in zip(base, context, strict=True)]

    def _cues_of(self, wave: Tensor, numbers: Tensor) -> list[Cue]:
        """The cues of one sample, in the order of CUES."""
        config = self.config
        made = []
        for name in (name for name in CUES if name in config.cues):
            if name in self.edits:
                made.append(Cue(name, self.edits[name]))
            elif name == "task":
                made.append(task_cue())
            elif name == "context":
                made.append(context_cue(numbers.cpu().numpy()))
            else:
                made.append(statistics_cue(wave.detach().cpu().numpy(), released=config.released_statistics))
        return made

    def _prompt(self, cues: Sequence[Sequence[Cue]]) -> tuple[list[Tensor], Sequence[Tensor], Tensor | None]:
        """The tokens of the prompt, none without cues; attention to the words of each cue; shares of the cues."""
        if not self.config.cues:
            return [], [], None
        texts = [[cue.text for cue in of_one_kind] for of_one_kind in zip(*cues, strict=True)]
        words, real = zip(*map(self.language.embed, texts), strict=True)
        parts, attention = self.prompts(words, real)  # (B, cue, K, D)
        size = parts.abs().mean(dim=3)
        return (
            [self._as_words(parts.sum(dim=1))],
            attention,
            size / size.sum(dim=1, keepdim=True).clamp_min(1e-9),
        )

    def _as_words(self, tokens: Tensor) -> Tensor:
        """Tokens on the scale of the embedding table, so that what the language model adds is not lost beside them.

        Source: our choice; the paper does not say.
        """
        usual = self.language.words.norm(dim=1).mean()
        return tokens * (usual / tokens.norm(dim=2).mean(dim=1).clamp_min(1e-6)[:, None, None])


def _spectra(
    rough: Float[Tensor, "batch time"], pulse: Float[Tensor, "batch time"]
) -> dict[str, Float[Tensor, "batch rate"]]:
    """Rates of the heart-rate band (bpm), and the power of each wave there, as shares that add up to 1."""
    rates = rate_grid(60 * HR_BAND_HZ[0], 60 * HR_BAND_HZ[1], SPECTRUM_STEP_BPM, rough.device)
    before, after = (shares_from_power(power_at(wave, rates, FS)) for wave in (rough, pulse))
    return {"rates_bpm": rates.expand_as(before), "rough_power": before, "pulse_power": after}
