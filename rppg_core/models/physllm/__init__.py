"""PhysLLM: a rough pulse, features of the face and text about both, read by a frozen language model.

It answers one question: does a language model, told in words what is measured of a face, clean a pulse better than
the network that it starts from? Xie et al. 2025, "PhysLLM: Harnessing Large Language Models for Cross-Modal Remote
Physiological Sensing", https://arxiv.org/abs/2505.03621.
`config` holds the sizes and switches, `encoder` the two encoders, `stationary` the Dual-Domain Stationary algorithm,
`aggregator` the Vision Aggregator, `guidance` the Text Prototype Guidance, `prompts` the Adaptive Prompt Learning,
`cues` and `context` the texts (`vision_language` another author of the context), `language_model` the language model
and its low-rank changes, `tokens` the way from waves to tokens and back, `model` the network, `explain` what it was
given and what it looked at.

What differs from the paper (read in its accepted version and the released code, which differ from each other):
    `paper()` keeps the sizes, the encoder on crops, the language model and the flat head.
    In both `paper()` and `small()`:
    - The cues reach the language model. In every released path that makes a waveform they do not.
    - The moving average of the stationary algorithm runs over time; in most released files it runs over the batch.
      Its mixing weight is a sigmoid, and ends of a clip are mirrored.
    - The language model keeps its own depth; the released code appends random layers to most of them.
    - Prompt weights and prototypes are shared by all samples; only attention adapts to the face.
    - Tokens are scaled to the usual length of a word embedding.
    - The environmental context is measured, unless a vision-language model is asked for it. It is made from the
      clip alone.
    - Lags of the statistics are peaks within the heart-rate band; the first three released ones are lag 0 and its
      neighbours.
    Only in `small()` (our choice):
    - The encoder is tracenet on the 36 cells of the face map and their projections. It is trained in the first stage
      of the recipe, on the same data as everything else, and then frozen.
    - The language model has about a million weights, and was trained on generated cues alone.
    - Each token of the signal writes its own patch of the pulse; vision tokens come before them, because the model
      looks back only.
    - Attention blocks are 64 wide.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rppg_core.roster import Network

if TYPE_CHECKING:
    from rppg_core.models.physllm.config import PhysLLMConfig
    from rppg_core.models.physllm.model import PhysLLM

__all__ = ["ABOUT", "PhysLLM", "PhysLLMConfig"]

ABOUT = Network(
    model="rppg_core.models.physllm.model:PhysLLM",
    recipe="rppg_core.models.physllm.recipe",
    needs=frozenset({"rgb", "stmap", "scene", "landmarks"}),
    tasks=frozenset({"bvp"}),
    paper="Xie et al. 2025, PhysLLM",
    megabytes=6.0,
    times_pos=300.0,
    packages=("torch", "safetensors", "transformers"),
    extra="language",
)


def __getattr__(name: str) -> Any:
    """The network and its config, imported with torch when first used."""
    if name in __all__:
        return getattr(import_module(f"{__name__}.model"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
