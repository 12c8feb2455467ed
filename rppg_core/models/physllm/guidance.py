"""Text Prototype Guidance: tokens of signal and vision, pulled towards words of the language model.

Axis letters: B batch, P token, V words of the vocabulary, K prototypes, D width of the language model.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from rppg_core.models.physllm.tokens import resize_tokens


class TextPrototypes(nn.Module):
    """A few prototypes, each a learned mixture of all words of the vocabulary: E' = A E.

    Source: PhysLLM (paper: "linear probing" over the vocabulary); 32 prototypes from the released code.

    Shapes: words (V, D) -> (K, D).
    """

    def __init__(self, words: int, prototypes: int = 32):
        super().__init__()
        self.mixture = nn.Linear(words, prototypes)

    def forward(self, words: Float[Tensor, "word width"]) -> Float[Tensor, "prototype width"]:
        return self.mixture(words.T).T


class TextPrototypeGuidance(nn.Module):
    """Idea: prototypes, each with one token added, read all tokens; what they find becomes the sequence.

    Parts: `prototypes` (TextPrototypes); in a narrower space (`down`, `up`): `self_attention` over the tokens,
    `cross` with the prototypes as queries, `feed`. The same block serves signal and vision.

    X' = LN(X + SelfAttn(X)); Q = E' + X'; Y = LN(Q + CrossAttn(Q, X, X)); LN(Y + FFN(Y)).

    Shapes: tokens (B, P, D), words (V, D) -> (B, P, D), and with `attention` the weights (B, K, P).

    Source: PhysLLM (paper: order of the three steps); norms after each and the bottleneck from the released code. Our
    choice: tokens are resized to the number of prototypes and back, so that any length of clip works.
    """

    def __init__(self, words: int, width: int, *, prototypes: int = 32, heads: int = 4, narrow: int = 64):
        super().__init__()
        self.prototypes = TextPrototypes(words, prototypes)
        self.down, self.up = nn.Linear(width, narrow), nn.Linear(narrow, width)
        self.self_attention = nn.MultiheadAttention(narrow, heads, batch_first=True)
        self.cross = nn.MultiheadAttention(narrow, heads, batch_first=True)
        self.feed = nn.Sequential(nn.Linear(narrow, 2 * narrow), nn.GELU(), nn.Linear(2 * narrow, narrow))
        self.norms = nn.ModuleList(nn.LayerNorm(narrow) for _ in range(3))

    def forward(
        self, tokens: Float[Tensor, "batch token width"], words: Float[Tensor, "word width"]
    ) -> Float[Tensor, "batch token width"]:
        return self.guided(tokens, self.prototypes(words))[0]

    def guided(
        self, tokens: Float[Tensor, "batch token width"], prototypes: Float[Tensor, "prototype width"]
    ) -> tuple[Float[Tensor, "batch token width"], Float[Tensor, "batch prototype token"]]:
        """The tokens, and how much each prototype attends to each of them."""
        x = self.down(tokens)
        own = self.norms[0](x + self.self_attention(x, x, x, need_weights=False)[0])
        query = self.down(prototypes) + resize_tokens(own, len(prototypes))
        found, weights = self.cross(query, x, x)
        y = self.norms[1](query + found)
        y = self.norms[2](y + self.feed(y))
        return self.up(resize_tokens(y, tokens.shape[1])), weights
