"""The language model that reads the pulse: loaded by name or folder, frozen, adapted by low-rank changes.

The bundled one is an ordinary folder of `save_pretrained` beside the weights. Everything else here is for any causal
model of transformers. peft is imported in training only; for use its changes are added to the weights.
Axis letters: B batch, N token, D width, V words of the vocabulary.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from rppg_core.errors import ModelFileError

BUNDLED = "bundled"
BUNDLED_FOLDER = Path(__file__).parents[1] / "checkpoints" / "physllm_language_model"
# Query and value projections, as in peft's defaults for Qwen and Llama, BERT, DistilBERT and GPT-2
ADAPTED = ("q_proj", "v_proj", "query", "value", "q_lin", "v_lin", "c_attn")
MOST_TOKENS = 256  # of one cue
FINGERPRINT_VALUES = 4096  # of each tensor


class LanguageModel(nn.Module):
    """Idea: a frozen causal model reads tokens of any origin; only low-rank changes of its attention are learned.

    Parts: `adapters`, for each query and value projection the two thin matrices of LoRA. The model itself is not
    registered as a part, so that weights hold the changes alone.

    Args:
        body: a model of transformers without its output layer.
        tokenizer: that belongs to it.
        rank: of the changes; 0 for none.
        alpha: scale of a change = alpha / rank.
        dropout: on the input of a change, in training.

    Shapes: tokens (B, N, D) -> hidden states (B, N, D).

    Source: Hu et al. 2021 (LoRA), https://arxiv.org/abs/2106.09685; rank 8, alpha 16, dropout 0.1 from PhysLLM's
    released code.
    """

    def __init__(
        self, body: nn.Module, tokenizer: Any, *, rank: int = 8, alpha: float = 16.0, dropout: float = 0.1
    ):
        super().__init__()
        self._body = (body.eval().requires_grad_(False),)  # in a tuple, where torch does not look for parts
        self.tokenizer, self.rank, self.alpha, self.dropout = tokenizer, rank, alpha, dropout
        self._attached = False  # whether peft applies the changes
        self._seen: list[int] | None = None  # versions of the changes that the weights contain
        self._original: dict[str, Tensor] = {}
        self.adapters = nn.ModuleDict()
        for name in adapted_layers(body) if rank else ():
            self._original[name] = body.get_submodule(name).weight.detach().clone()  # pyright: ignore[reportAttributeAccessIssue, reportCallIssue]
            inside, outside = _sides(body.get_submodule(name))
            thin, wide = nn.Linear(inside, rank, bias=False), nn.Linear(rank, outside, bias=False)
            nn.init.zeros_(wide.weight)
            self.adapters[name.replace(".", "/")] = nn.ModuleList([thin, wide])

    @property
    def body(self) -> Any:
        """The model of transformers."""
        return self._body[0]

    @property
    def words(self) -> Float[Tensor, "word width"]:
        """The embedding table: one row per word of the vocabulary."""
        return self.body.get_input_embeddings().weight

    @property
    def width(self) -> int:
        return self.words.shape[1]

    def written(self, token: int) -> str:
        """A token as text."""
        return self.tokenizer.decode([token]).strip() or "␣"

    @cached_property
    def whole_words(self) -> dict[int, str]:
        """The tokens that are words of three letters or more, decoded once."""
        every = ((k, self.written(k)) for k in range(len(self.tokenizer)))
        return {k: word for k, word in every if word.isalpha() and len(word) > 2}

    def forward(self, tokens: Float[Tensor, "batch token width"]) -> Float[Tensor, "batch token width"]:
        self._merge()
        return self.body(inputs_embeds=tokens, use_cache=False).last_hidden_state

    def attention(self, tokens: Float[Tensor, "batch token width"]) -> Float[Tensor, "batch token token2"]:
        """How much each position attends to each position before it: mean over layers and heads."""
        self._merge()
        read = self.body(inputs_embeds=tokens, use_cache=False, output_attentions=True)
        return torch.stack(read.attentions).mean(dim=(0, 2))

    def embed(
        self, texts: Sequence[str]
    ) -> tuple[Float[Tensor, "batch token width"], Bool[Tensor, "batch token"]]:
        """Word embeddings of texts, padded to the longest, and which of them are words."""
        ids, real = self.tokenize(texts)
        return self.body.get_input_embeddings()(ids), real

    def tokenize(
        self, texts: Sequence[str]
    ) -> tuple[Int[Tensor, "batch token"], Bool[Tensor, "batch token"]]:
        """Numbers of the words of texts, padded to the longest, and which of them are words."""
        rows = [self.tokenizer.encode(text, add_special_tokens=False)[:MOST_TOKENS] for text in texts]
        n = max(1, *map(len, rows))
        device = self.words.device
        ids = torch.tensor([row + [0] * (n - len(row)) for row in rows], device=device)
        real = torch.tensor([[k < len(row) for k in range(n)] for row in rows], device=device)
        return ids, real

    def train(self, mode: bool = True) -> LanguageModel:
        """In training peft applies the changes, with dropout; for use they are added to the weights."""
        super().train(mode)
        if mode and self.adapters:
            self._attach()
        self.body.train(
            mode and self._attached
        )  # the changes have a dropout; a frozen model must not use its own
        return self

    def _attach(self) -> None:
        """Let peft apply the changes; its two matrices are those of `adapters`."""
        if self._attached:
            return
        from peft import LoraConfig, inject_adapter_in_model

        self._set_weights(0.0)
        names = [name for name, _ in self._changed()]
        config = LoraConfig(r=self.rank, lora_dropout=self.dropout, target_modules=names)
        config.lora_alpha = self.alpha  # pyright: ignore[reportAttributeAccessIssue] (any number works)
        inject_adapter_in_model(config, self.body)
        for name, (thin, wide) in self._changed():
            layer = self.body.get_submodule(name)
            layer.lora_A["default"], layer.lora_B["default"] = thin, wide
        self._attached = True

    def _merge(self) -> None:
        """Add the changes to the weights, if they have changed since the last time and peft does not apply them."""
        seen = [weight._version for weight in self.adapters.parameters()]
        if not self._attached and seen != self._seen:
            self._set_weights(self.alpha / max(self.rank, 1))
            self._seen = seen

    @torch.no_grad()
    def _set_weights(self, scale: float) -> None:
        """Original weights plus the changes times `scale`."""
        for name, (thin, wide) in self._changed():
            layer, change = self.body.get_submodule(name), scale * wide.weight @ thin.weight
            layer.weight.copy_(self._original[name] + (change if isinstance(layer, nn.Linear) else change.T))

    def _changed(self) -> list[tuple[str, Any]]:
        """Name of each changed layer of the model, and the two matrices of its change."""
        return [(name.replace("/", "."), pair) for name, pair in self.adapters.items()]

    def _apply(self, fn: Any, recurse: bool = True) -> LanguageModel:
        """Move or convert the frozen model together with the changes."""
        super()._apply(fn, recurse)
        self.body._apply(fn, recurse)
        return self


class AttentionLayer(nn.Module):
    """One trainable causal attention layer in place of a language model: what capacity alone can do.

    Source: our choice, the control for the question whether language helps.

    Shapes: tokens (B, N, D) -> (B, N, D).
    """

    def __init__(self, width: int, heads: int = 4):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Float[Tensor, "batch token width"]) -> Float[Tensor, "batch token width"]:
        return self.norm(self.layer(tokens, src_mask=self._mask(tokens), is_causal=True))

    def attention(self, tokens: Float[Tensor, "batch token width"]) -> Float[Tensor, "batch token token2"]:
        """How much each position attends to each position before it: mean over heads."""
        x = self.layer.norm1(tokens)
        return self.layer.self_attn(x, x, x, attn_mask=self._mask(tokens))[1]

    @staticmethod
    def _mask(tokens: Tensor) -> Tensor:
        return nn.Transformer.generate_square_subsequent_mask(tokens.shape[1], device=tokens.device)


def adapted_layers(body: nn.Module) -> list[str]:
    """Names of the query and value projections of a model.

    Raises:
        ModelFileError: it has none that is known.
    """
    names = [name for name, _ in body.named_modules() if name.rsplit(".", 1)[-1] in ADAPTED]
    if not names:
        raise ModelFileError(
            f"a language model of type {type(body).__name__} without known query and value projections",
            wanted=f"layers named {', '.join(ADAPTED)}",
            do="choose another model, or train with rank=0",
        )
    return names


def load_language_model(name: str, *, random: bool = False) -> tuple[nn.Module, Any]:
    """A causal model without its output layer, and its tokenizer.

    Args:
        name: "bundled", a folder of `save_pretrained`, or a name on the Hugging Face hub.
        random: random weights instead of its own, the same every time.

    Returns:
        The model in single precision on the CPU, and the tokenizer.

    Raises:
        ModelFileError: nothing of that name can be loaded, or tokenizer and embedding table do not fit.
    """
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    place = str(BUNDLED_FOLDER) if name == BUNDLED else name
    try:
        with _quiet():
            tokenizer = AutoTokenizer.from_pretrained(place)
            if random:
                with torch.random.fork_rng():
                    torch.manual_seed(0)
                    config = AutoConfig.from_pretrained(place, attn_implementation="eager")
                    body = AutoModel.from_config(config)
            else:
                body = AutoModel.from_pretrained(place, attn_implementation="eager", dtype=torch.float32)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise ModelFileError(
            f"no language model {name!r} ({str(error).strip().splitlines()[0][:160]})",
            wanted="a folder with config.json, weights and tokenizer, or a name on the Hugging Face hub",
            do="check the name; a model of the hub is fetched once, with a connection and without HF_HUB_OFFLINE",
        ) from error
    _check_tokenizer(name, body, tokenizer)
    return body.float(), tokenizer


def fingerprint(model: LanguageModel) -> str:
    """Twelve hex digits of a language model: of its words, and of names, shapes and sampled values of its weights."""
    digest = hashlib.sha256(json.dumps(sorted(model.tokenizer.get_vocab().items())).encode())
    for name, used in sorted(model.body.state_dict().items()):
        values: Any = model._original.get(name.removesuffix(".weight"), used)
        every = max(1, values.numel() // FINGERPRINT_VALUES)
        digest.update(f"{name} {tuple(values.shape)}".encode())
        digest.update(values.detach().flatten()[::every].float().cpu().numpy().tobytes())
    return digest.hexdigest()[:12]


def _check_tokenizer(name: str, body: Any, tokenizer: Any) -> None:
    """Check that every number that the tokenizer gives has a row in the embedding table."""
    rows = body.get_input_embeddings().weight.shape[0]
    largest = max(tokenizer.get_vocab().values(), default=-1)
    if largest >= rows:
        raise ModelFileError(
            f"the tokenizer of {name!r} numbers words up to {largest}, its embedding table has {rows} rows",
            wanted="a tokenizer and a model that were saved together",
            do="save both anew; a tokenizer trained from scratch needs a config of type llama, not qwen2",
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars and no advice from transformers while a model is read."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _sides(layer: Any) -> tuple[int, int]:
    """Numbers of inputs and outputs of a projection."""
    outside, inside = layer.weight.shape if isinstance(layer, nn.Linear) else layer.weight.shape[::-1]
    return inside, outside
