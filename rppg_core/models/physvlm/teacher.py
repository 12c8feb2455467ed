"""The teacher: a vision-language model that compares a face map with sentences about rhythm.

It is trained before the student, on simulated maps, and frozen then; nothing of it runs when a clip is analysed.
Axis letters: B batch, T time, N cell, D embedding, M text, F rate of a scalogram, S side of the picture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from rppg_core.errors import ModelFileError
from rppg_core.models.base import Batch, RppgModel, check_sizes
from rppg_core.models.physvlm.config import PhysVLMConfig
from rppg_core.models.physvlm.prompts import RATES, RATIOS, rate_prompts, ratio_prompts, vocabulary
from rppg_core.nn.losses import masked_mean, rate_distribution
from rppg_core.types import FS, FaceClip, STMap
from rppg_core.video.prepare import projections, stmap_band

MINI = "mini"
SPECIAL = (
    "<pad>",
    "<start>",
    "<unknown>",
    "<end>",
)  # tokens beside words; CLIP takes another meaning from an end of 2
IMAGE_MEAN = (
    0.48145466,
    0.4578275,
    0.40821073,
)  # of CLIP's images; source: Radford et al. 2021, released code
IMAGE_STD = (0.26862954, 0.26130258, 0.27577711)
REACH = 3.0  # standard deviations of a map between grey and black or white
RANGE_HZ, N_RATES = (0.08, 4.0), 32  # of a scalogram, evenly spaced in their logarithm
SLOW_HZ = 0.62  # below, a scalogram shows the slow band
SHARPNESS = 10.0  # rate of a filter / standard deviation of its Gaussian
USUAL_BPM, LINE_BPM = 90.0, 30.0  # heart rate where the straight line gives 0, and what 1 is worth
SPREADS = {"hr": 5.0, "rr": 2.5}  # standard deviation of a label over the rates. Unit: per minute


@dataclass(frozen=True, kw_only=True)
class TeacherConfig:
    """Configuration of the teacher. The defaults are `small()`."""

    window: int = 512  # samples at 30 Hz, as the student's
    body: str = MINI  # "mini", trained here, or the name or folder of a CLIP model, which stays as it is
    image: int = 96  # side of the square picture that a map becomes
    patch: int = 16
    width: int = 128  # of the image tower
    layers: int = 4
    text_width: int = 64
    text_layers: int = 2
    heads: int = 4
    embedding: int = 128

    def __post_init__(self):
        sizes = (
            "window",
            "image",
            "patch",
            "width",
            "layers",
            "text_width",
            "text_layers",
            "heads",
            "embedding",
        )
        check_sizes(self, sizes, ())

    @classmethod
    def tiny(cls) -> TeacherConfig:
        """For tests."""
        return cls(
            window=128, image=48, width=16, layers=1, text_width=16, text_layers=1, heads=2, embedding=16
        )

    @classmethod
    def small(cls) -> TeacherConfig:
        """The version that ships."""
        return cls()


class VisionLanguageTeacher(RppgModel):
    """Idea: a picture of the map and a sentence about its rhythm get the same embedding.

    Parts:
        body: the two towers of a CLIP, random at first and trained here. One that is loaded by name is frozen, and
            no part of the weights.
        line: reads the heart rate off the embedding in training, so that the embedding keeps it as a straight line.
        adapter: a linear map of image embeddings behind a loaded body, the identity at first.
    Shapes: stmap (B, T, N, 3) -> embedding (B, D), hr_texts and rr_texts (B, M, D), hr and rr (B,); all embeddings
    have norm 1.
    In training also the logits of images against texts, and of pairs of halves against ratios.
    Source: Radford et al. 2021 (CLIP), https://arxiv.org/abs/2103.00020; ratios of halves: VL-phys. Labels are
    soft over neighbouring rates (our choice).
    """

    name: ClassVar[str] = "physvlm_teacher"
    paper: ClassVar[str] = "Gao et al. 2026, PhysVLM: its teacher"
    needs: ClassVar[frozenset[str]] = frozenset({"rgb", "stmap"})
    tasks: ClassVar[frozenset[str]] = frozenset({"hr", "rr"})

    def __init__(self, config: TeacherConfig):
        super().__init__(config)
        own = config.body == MINI
        body, self._tokenizer = mini_clip(config) if own else load_clip(config.body, config.embedding)
        # in a tuple, where torch does not look for parts
        self._body: tuple[Any] = (body if own else body.requires_grad_(False).eval(),)
        self.own = body if own else None
        self.adapter = None if own else nn.Linear(config.embedding, config.embedding)
        if self.adapter is not None:
            nn.init.eye_(self.adapter.weight)
            nn.init.zeros_(self.adapter.bias)
        self.line = nn.Linear(config.embedding, 1)
        self._ids: dict[tuple[str, ...], dict[str, Tensor]] = {}

    @property
    def body(self) -> Any:
        """The CLIP."""
        return self._body[0]

    @classmethod
    def inputs_from_clip(cls, clip: FaceClip, config: TeacherConfig) -> dict[str, np.ndarray]:
        both = STMap(clip.need("stmap"), clip.fs or FS, clip.need("stmap_weight"))
        slow = stmap_band(both, "slow")[..., 1:2]
        stmap = np.concatenate([projections(both, names=("pos", "chrom")), slow], axis=2)
        return {"stmap": (stmap * (both.weight[:, None] > 0)).astype(np.float32)}

    @classmethod
    def inputs_from_student(
        cls, inputs: Mapping[str, np.ndarray], student: Any, config: TeacherConfig
    ) -> dict[str, np.ndarray] | None:
        if not isinstance(student, PhysVLMConfig) or not {"pos", "chrom"} <= {*student.projections}:
            return None
        slow_green, first = 4, 6  # behind the pulse band of three colours
        read = [first + student.projections.index(name) for name in ("pos", "chrom")]
        return {"stmap": inputs["stmap"][..., [*read, slow_green]] * (inputs["weight"][:, None] > 0)}

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Any]:
        stmap = inputs["stmap"]
        embedding = self.embed_maps(stmap)
        wording = int(torch.randint(4, ())) if self.training else 0
        texts = {task: self.embed_texts(rate_prompts(task, wording)) for task in RATES}
        logits = {task: self.scale * embedding @ texts[task].T for task in RATES}
        if self.training:
            halves, which = ratio_halves(stmap)
            ratios = self.scale * self.embed_maps(halves) @ self.embed_texts(ratio_prompts()).T
            return {**logits, "ratios": ratios, "ratio": which, "line": self.line(embedding)[:, 0]}
        shared = {f"{task}_texts": x.expand(len(embedding), -1, -1) for task, x in texts.items()}
        rates = {task: expected_rate(logits[task], task) for task in RATES}
        return {"embedding": embedding, "scale": self.scale.expand(len(embedding)), **shared, **rates}

    def loss(self, outputs: Mapping[str, Any], batch: Batch) -> dict[str, Tensor]:
        known, targets = batch.mask, batch.targets
        still = known["bvp"] & (targets["bvp"].std(dim=1) == 0)
        terms = {}
        for task, rates in RATES.items():
            log_share = outputs[task].log_softmax(dim=1)
            grid = torch.tensor(rates, device=log_share.device, dtype=log_share.dtype)
            mask = known[task] & ~still if task == "hr" else known[task]
            terms[task] = rate_distribution(
                log_share[:, : len(rates)], grid, targets[task], mask, spread=SPREADS[task]
            )
        beats = known["hr"] & ~still
        terms["line"] = masked_mean((outputs["line"] - (targets["hr"] - USUAL_BPM) / LINE_BPM).abs(), beats)
        terms["nothing"] = masked_mean(-outputs["hr"].log_softmax(dim=1)[:, -1], still)
        terms["ratio"] = functional.cross_entropy(outputs["ratios"], outputs["ratio"])
        return terms

    @property
    def scale(self) -> Tensor:
        """Factor of similarities before the softmax; CLIP limits it to 100."""
        return self.body.logit_scale.exp().clamp_max(100.0)

    def embed_maps(self, stmap: Float[Tensor, "batch time cell 3"]) -> Float[Tensor, "batch embedding"]:
        """Embeddings of maps."""
        found = self.body.get_image_features(pixel_values=self.picture(stmap)).pooler_output
        return functional.normalize(found if self.adapter is None else self.adapter(found), dim=1)

    def embed_texts(self, texts: Sequence[str]) -> Float[Tensor, "text embedding"]:
        """Embeddings of texts. Words that the tokenizer does not know count as one unknown word."""
        key = tuple(texts)
        if key not in self._ids:
            self._ids[key] = dict(self._tokenizer(list(key), padding=True, return_tensors="pt"))
        device = next(self.body.parameters()).device
        ids = {name: self._ids[key][name].to(device) for name in ("input_ids", "attention_mask")}
        return functional.normalize(self.body.get_text_features(**ids).pooler_output, dim=1)

    def embed_places(
        self, stmap: Float[Tensor, "batch time cell 3"]
    ) -> Float[Tensor, "batch row column embedding"]:
        """Embeddings of the patches of scalograms: the last layer's tokens, projected as the whole picture is."""
        vision = self.body.vision_model(pixel_values=self.picture(stmap))
        tokens = vision.last_hidden_state[:, 1:]
        found = self.body.visual_projection(self.body.vision_model.post_layernorm(tokens))
        found = functional.normalize(found if self.adapter is None else self.adapter(found), dim=2)
        side = round(found.shape[1] ** 0.5)
        return found.unflatten(1, (side, side))

    def picture(self, stmap: Float[Tensor, "batch time cell 3"]) -> Float[Tensor, "batch 3 side side2"]:
        """A map as the picture that the model reads: `scalogram` in the colours and the size of CLIP's images."""
        size = self.body.config.vision_config.image_size
        strength = scalogram(stmap, columns=size)
        if strength.shape[2] != size:
            strength = functional.interpolate(strength, (size, size), mode="bilinear")
        grey = 0.5 + strength.clamp(-REACH, REACH) / (2 * REACH)
        mean, std = (grey.new_tensor(x)[:, None, None] for x in (IMAGE_MEAN, IMAGE_STD))
        return (grey - mean) / std

    def _apply(self, fn: Any, recurse: bool = True) -> VisionLanguageTeacher:
        """Move or convert a loaded body together with the rest."""
        super()._apply(fn, recurse)
        if self.own is None:
            self.body._apply(fn, recurse)
        return self


def scalogram(
    stmap: Float[Tensor, "batch time cell 3"], *, columns: int
) -> Float[Tensor, "batch 3 row column"]:
    """How strong each rate is in three strips: the whole face, its upper and its lower half.

    Args:
        stmap: at 30 Hz, with a pulse in the first two channels and slow changes in the third.
        columns: moments, from left to right.

    Returns:
        Logarithms of power, N_RATES rows for each strip, the fastest rate on top. The colours of the halves are left,
        middle and right; those of the whole face two means over its cells and a median. Rows of the pulse, and those
        of slow changes, have mean 0 and standard deviation 1 over all strips.

    Our choice: in a picture of the map itself, with cells in rows and time in columns, a patch lasts two seconds,
    in which heart rates hardly differ.
    """
    pulse, slow = strips(stmap)
    T = pulse.shape[-1]
    freqs_hz = torch.fft.fftfreq(2 * T, 2 / FS).to(stmap)
    slowest, fastest = (math.log10(x) for x in RANGE_HZ)
    hz = torch.logspace(slowest, fastest, N_RATES).to(stmap)
    filters = torch.exp(-0.5 * (SHARPNESS * (freqs_hz / hz[:, None] - 1)).square()) * (freqs_hz > 0)
    bands = []
    for waves, band in ((slow, hz < SLOW_HZ), (pulse, hz >= SLOW_HZ)):
        spectra = torch.fft.fft(waves - waves.mean(dim=-1, keepdim=True), 2 * T)[:, :, :, None]
        found = torch.fft.ifft(spectra * filters[band])[..., :T]  # (B, strip, colour, F, T)
        power = functional.adaptive_avg_pool1d(found.abs().square().flatten(0, 2), columns)
        rows = (power + 1e-6).log().view(*found.shape[:4], columns)
        spread = rows.std(dim=(1, 2, 3, 4), keepdim=True).clamp_min(1e-3)
        bands.append((rows - rows.mean(dim=(1, 2, 3, 4), keepdim=True)) / spread)
    return torch.cat(bands, dim=3).flip(3).transpose(1, 2).flatten(2, 3)  # (B, colour, strip F, columns)


def strips(
    stmap: Float[Tensor, "batch time cell 3"],
) -> tuple[Float[Tensor, "batch strip 3 time2"], Float[Tensor, "batch strip 3 time2"]]:
    """Pulse and slow changes at 15 Hz of the strips of a scalogram, three colours each."""
    cells = functional.avg_pool1d(stmap.flatten(2).transpose(1, 2), 2).unflatten(1, (-1, 3))  # (B, N, 3, T)
    living = (cells != 0).any(dim=(2, 3), keepdim=True)  # cells without skin are 0
    whole = cells.sum(dim=1) / living.sum(dim=1).clamp_min(1)  # (B, 3, T)
    both = torch.stack([cells[:, :, :2].mean(dim=2), cells[:, :, 2]])  # pulse, slow
    middle = both.masked_fill(~living[..., 0], torch.nan).nanmedian(dim=2).values.nan_to_num()  # (2, B, T)
    halves = both.unflatten(2, (2, 3, 3, 2)).mean(dim=(3, 5))  # (2, B, half, colour, T)
    colours = (whole[:, 0], whole[:, 1], middle[0]), (whole[:, 2], whole[:, 2], middle[1])
    pulse, slow = (
        torch.cat([torch.stack(three, dim=1)[:, None], half], dim=1)
        for three, half in zip(colours, halves, strict=True)
    )
    return pulse, slow


def ratio_halves(
    stmap: Float[Tensor, "batch time cell 3"],
) -> tuple[Float[Tensor, "batch time cell 3"], Tensor]:
    """For each map, a piece of it beside a piece at another speed, and the number of the ratio of these speeds.

    Source: VL-phys, contrastive maps; our choice: both halves are of the same map, and time is interpolated.
    """
    B, T = stmap.shape[:2]
    half = T // 2
    which = torch.randint(len(RATIOS), (B,), device=stmap.device)
    speed = torch.tensor(RATIOS, device=stmap.device)[which][:, None]
    steps = torch.arange(half, device=stmap.device)
    starts = torch.rand(2, B, 1, device=stmap.device)
    left = starts[0] * (T - 1 - half) + steps
    right = starts[1] * (T - 1 - speed * half).clamp_min(0) + speed * steps
    return read_at(stmap, torch.cat([left, right], dim=1)), which


def read_at(
    stmap: Float[Tensor, "batch time cell 3"], places: Float[Tensor, "batch time2"]
) -> Float[Tensor, "batch time2 cell 3"]:
    """Maps at fractional moments, by linear interpolation."""
    before = places.floor().long().clamp(0, stmap.shape[1] - 2)
    rest = (places - before)[:, :, None, None]
    rows = torch.arange(len(stmap), device=stmap.device)[:, None]
    return (1 - rest) * stmap[rows, before] + rest * stmap[rows, before + 1]


def expected_rate(logits: Float[Tensor, "batch text"], task: str) -> Float[Tensor, " batch"]:
    """Mean of the rates of a task's texts, weighted by how well they fit. Unit: per minute."""
    rates = torch.tensor(RATES[task], device=logits.device, dtype=logits.dtype)
    return torch.softmax(logits[:, : len(rates)], dim=1) @ rates


def mini_clip(config: TeacherConfig) -> tuple[Any, Any]:
    """A small CLIP with random weights, and a tokenizer of the words in our texts."""
    from transformers import CLIPConfig, CLIPModel

    tokenizer = tokenizer_of_words()
    text = {
        "vocab_size": len(tokenizer), "hidden_size": config.text_width, "intermediate_size": 2 * config.text_width,
        "num_hidden_layers": config.text_layers, "num_attention_heads": config.heads, "max_position_embeddings": 32,
        "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 3,
    }  # fmt: skip
    vision = {
        "image_size": config.image, "patch_size": config.patch, "hidden_size": config.width,
        "intermediate_size": 2 * config.width, "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
    }  # fmt: skip
    return CLIPModel(
        CLIPConfig(text_config=text, vision_config=vision, projection_dim=config.embedding)
    ), tokenizer


def tokenizer_of_words() -> Any:
    """Whole words, lower case; the words of `vocabulary` and one for all others."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pad, start, unknown, end = SPECIAL
    numbers = {word: k for k, word in enumerate((*SPECIAL, *vocabulary()))}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token=unknown))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", special_tokens=[(start, numbers[start]), (end, numbers[end])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=pad, bos_token=start, eos_token=end, unk_token=unknown
    )


def load_clip(name: str, width: int) -> tuple[Any, Any]:
    """A CLIP model and its tokenizer, by name on the Hugging Face hub or by folder.

    Args:
        name: of the model, or its folder.
        width: that its embeddings must have.

    Raises:
        ModelFileError: nothing of that name can be loaded, or its embeddings have another width.
    """
    from transformers import AutoTokenizer, CLIPModel

    try:
        body, tokenizer = (
            CLIPModel.from_pretrained(name, dtype=torch.float32),
            AutoTokenizer.from_pretrained(name),
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise ModelFileError(
            f"no vision-language model {name!r} ({str(error).strip().splitlines()[0][:160]})",
            wanted="a folder of a CLIP model with its tokenizer, or a name on the Hugging Face hub",
            do="check the name; a model of the hub is fetched once, with a connection and without HF_HUB_OFFLINE",
        ) from error
    if body.config.projection_dim != width:
        raise ModelFileError(
            f"the embeddings of {name!r} have {body.config.projection_dim} numbers",
            wanted=f"{width}, as in the config",
            do=f"set embedding={body.config.projection_dim}",
        )
    return body, tokenizer
