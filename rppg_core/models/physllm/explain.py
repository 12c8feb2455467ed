"""What PhysLLM gives its language model for one face, and what that looks at: the contents of `rppg prompt`.

Axis letters: T time, P patch of the wave, K prompt token, N word of a cue, V words of the vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from rppg_core.json_form import plain
from rppg_core.models.base import MIN_SEGMENT_S
from rppg_core.models.physllm.guidance import TextPrototypeGuidance
from rppg_core.models.physllm.language_model import MOST_TOKENS, LanguageModel
from rppg_core.models.physllm.model import PhysLLM, Reading
from rppg_core.signals.filters import segments
from rppg_core.types import FS, FaceClip
from rppg_core.video.prepare import cut, overlapping_windows

NEAREST = 3  # words per patch and per prototype
# Mean of 1 - r between the waveforms of two seeds of the training, one and the same clip: the row "another seed" of
# `make language-table`.
SEED_CHANGE = 0.0056


@dataclass(frozen=True)
class ReadCue:
    """One cue of one window, as the language model got it."""

    name: str
    text: str
    words: tuple[str, ...]  # its tokens, as text
    numbers: Mapping[str, float]  # that the text was made from
    weight: float  # its share in the size of the prompt tokens, 0 to 1
    attention: Float[
        np.ndarray, "patch word"
    ]  # of each patch of the pulse to each word, through the prompt tokens
    spelled: tuple[
        str, ...
    ] = ()  # words of the text that the vocabulary lacks: the model reads them in pieces
    cut: int = 0  # tokens at the end of the text that it does not read

    def to_dict(self) -> dict[str, Any]:
        """Text, number of tokens, weight and numbers."""
        return {"text": self.text, "tokens": len(self.words), "weight": self.weight, "numbers": self.numbers}


@dataclass(frozen=True)
class ReadPrototype:
    """One text prototype: the words or pieces, of three letters or more, that it mixes most, and its attention."""

    words: tuple[str, ...]
    attention: Float[np.ndarray, " patch"]


@dataclass(frozen=True)
class ReadWindow:
    """Everything about one window of a clip."""

    start_s: float
    end_s: float
    base: Float[np.ndarray, " time"]  # the encoder's rough pulse: the statistics cue is made from it
    bvp: Float[np.ndarray, " time"]  # what the language model wrote
    cues: tuple[ReadCue, ...]
    prototypes: tuple[ReadPrototype, ...]
    patch_words: tuple[tuple[str, ...], ...]  # nearest words of the vocabulary to each patch
    shuffled_words: tuple[tuple[str, ...], ...]  # the same with the words dealt to each other's places


def read_clip(model: PhysLLM, clip: FaceClip) -> list[ReadWindow]:
    """The prompt and its reading for every window of an evenly sampled clip, the windows of `run_clip`.

    Args:
        model: in evaluation mode.
        clip: at 30 Hz, with what the network needs.
    """
    return [read_window(model, window) for window in cut_windows(clip, model.window)]


def cut_windows(clip: FaceClip, length: int) -> Iterator[FaceClip]:
    """The windows in which `run_clip` reads an evenly sampled clip; they overlap by half.

    Args:
        clip: at 30 Hz.
        length: of a window. Unit: samples. A shorter segment is one window; below 2 s it is skipped.
    """
    for segment in segments(clip.valid):
        n = segment.stop - segment.start
        if n >= MIN_SEGMENT_S * FS:
            for window in overlapping_windows(n, length):
                yield cut(clip, slice(segment.start + window.start, segment.start + window.stop))


def read_window(model: PhysLLM, clip: FaceClip) -> ReadWindow:
    """The prompt and its reading for a clip of one window."""
    arrays = model.inputs_from_clip(clip, model.config)
    device = model.language.words.device
    inputs = {
        name: torch.from_numpy(np.asarray(x, np.float32))[None].to(device) for name, x in arrays.items()
    }
    with torch.inference_mode():
        reading = model.read(inputs)
        prototypes = _read_prototypes(model, reading)
        return ReadWindow(
            start_s=float(clip.times_s[0]),
            end_s=float(clip.times_s[-1] + 1 / FS),
            base=_numbers(reading.base[0]),
            bvp=_numbers(reading.bvp[0]),
            cues=_read_cues(model, reading),
            prototypes=prototypes,
            patch_words=nearest_words(model.language, reading.signal[0]),
            shuffled_words=nearest_words(model.language, reading.signal[0], shuffled=True),
        )


def change_between(before: Float[np.ndarray, " time"], after: Float[np.ndarray, " time"]) -> float:
    """How far a waveform has moved: 1 - r, as for SEED_CHANGE.

    Args:
        before: any scale.
        after: on the same times.

    Returns:
        0 for the same shape, 1 for unrelated ones, 2 for an inverted one; NaN if one of them is constant.
    """
    x, y = (np.asarray(wave, float) - np.mean(wave) for wave in (before, after))
    size = float(np.sqrt((x @ x) * (y @ y)))
    return max(0.0, 1 - float(x @ y) / size) if size > 0 else float("nan")


def spelled_words(language: LanguageModel, text: str) -> tuple[str, ...]:
    """The words of a text that are no tokens of the vocabulary, each once, in order."""
    found = {}
    for match in re.finditer(r"[^\W\d_]+", text):
        space = " " if text[: match.start()].endswith(" ") else ""  # a token holds the space before it
        if len(language.tokenizer.encode(space + match[0], add_special_tokens=False)) > 1:
            found[match[0]] = None
    return tuple(found)


def nearest_words(
    language: LanguageModel, tokens: Float[Tensor, "patch width"], *, shuffled: bool = False
) -> tuple[tuple[str, ...], ...]:
    """The words, of three letters or more, whose embeddings point most nearly in the direction of each token.

    Args:
        language: with the vocabulary.
        tokens: of a signal.
        shuffled: deal the words that are nearest anywhere to each other's places: what nearness alone would say. (Of
            all words most are pieces, which are never nearest; they would look less telling for that alone.)
    """
    rows, words = list(language.whole_words), list(language.whole_words.values())
    table = torch.nn.functional.normalize(language.words[rows], dim=1)
    near = (torch.nn.functional.normalize(tokens, dim=1) @ table.T).topk(NEAREST, dim=1).indices
    names = {k: k for k in near.unique().tolist()}
    if shuffled:
        order = np.random.default_rng(0).permutation(list(names)).tolist()
        names = dict(zip(order, order[1:] + order[:1], strict=True))  # each takes the place of another
    return tuple(tuple(words[names[k]] for k in row) for row in near.tolist())


def prompt_dict(windows: Sequence[ReadWindow]) -> dict[str, Any]:
    """The JSON object of `rppg prompt`.

    Returns:
        cues: name -> text, tokens (their number), weight and numbers, of the window in the middle of the clip.
        prototypes: words of each, its attention to each patch of that window and the patch it attends to most; those
            that attend most to one patch come first.
        windows: of each its times, rough pulse, pulse, cues and words.
    """
    middle = windows[len(windows) // 2]
    order = sorted(middle.prototypes, key=lambda one: -float(one.attention.max()))
    return plain(
        {
            "window_s": [middle.start_s, middle.end_s],
            "cues": {cue.name: cue.to_dict() for cue in middle.cues},
            "prototypes": [
                {
                    "words": one.words,
                    "strongest_patch": int(one.attention.argmax()),
                    "attention": one.attention,
                }
                for one in order
            ],
            "windows": [
                {
                    "start_s": window.start_s,
                    "end_s": window.end_s,
                    "base": window.base,
                    "bvp": window.bvp,
                    "cues": {cue.name: cue.to_dict() for cue in window.cues},
                    "patch_words": window.patch_words,
                    "shuffled_words": window.shuffled_words,
                }
                for window in windows
            ],
        }
    )


def _read_cues(model: PhysLLM, reading: Reading) -> tuple[ReadCue, ...]:
    if reading.cue_shares is None:
        return ()
    n_patches, n_prompt = reading.signal.shape[1], reading.cue_shares.shape[2]
    patches = slice(-n_patches, None)
    if model.order[0] == "signal":
        patches = slice(n_prompt, n_prompt + n_patches)
    to_prompt = model.reader.attention(reading.tokens)[0, patches, :n_prompt]  # (P, K)
    found = []
    for cue, share, attention in zip(
        reading.cues[0], reading.cue_shares[0], reading.cue_attention, strict=True
    ):
        ids, real = model.language.tokenize([cue.text])
        n = int(real.sum())
        whole = len(model.language.tokenizer.encode(cue.text, add_special_tokens=False))
        through = (to_prompt * share) @ attention[0, :, :n]  # (P, N)
        found.append(
            ReadCue(
                name=cue.name,
                text=cue.text,
                words=tuple(model.language.written(int(k)) for k in ids[0, :n]),
                numbers=dict(cue.numbers),
                weight=float(share.mean()),
                attention=_numbers(through),
                spelled=spelled_words(model.language, cue.text),
                cut=max(0, whole - MOST_TOKENS),
            )
        )
    return tuple(found)


def _read_prototypes(model: PhysLLM, reading: Reading) -> tuple[ReadPrototype, ...]:
    if reading.prototype_attention is None or not isinstance(model.guidance, TextPrototypeGuidance):
        return ()
    words = model.language.whole_words  # a prototype mixes pieces and bytes as well, which nobody can read
    mixture = model.guidance.prototypes.mixture.weight[:, list(words)]  # (K, V)
    most = mixture.topk(NEAREST, dim=1).indices
    names = list(words.values())
    return tuple(
        ReadPrototype(tuple(names[k] for k in row), _numbers(attention))
        for row, attention in zip(most, reading.prototype_attention[0], strict=True)
    )


def _numbers(x: Tensor) -> np.ndarray:
    return x.double().cpu().numpy()
