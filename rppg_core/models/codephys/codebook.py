"""The codebook: items of clean PPG, the nearest of which replaces each query, learned by gradient.

Vector quantisation by van den Oord et al. 2017 (VQ-VAE), https://arxiv.org/abs/1711.00937. Our choice against
collapse: items start as the k-means of the features of a plain autoencoder, and unused items move to features.
Axis letters: B batch, N code in time, D width, K item.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from scipy.cluster.vq import kmeans2
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Query:
    """The nearest items of a codebook for a sequence of features."""

    features: Float[Tensor, "batch width code"]
    found: Float[
        Tensor, "batch width code"
    ]  # nearest items; straight-through: the gradient goes to the features
    items: Float[Tensor, "batch width code"]  # the same items; the gradient goes to the codebook
    codes: Int[Tensor, "batch code"]  # which items these are
    distances: Float[Tensor, "batch code item"]  # squared, to every item

    def codebook_loss(self) -> Float[Tensor, " batch"]:
        """Moves the items to the features. Source: VQ-VAE, eq. (3), second term."""
        return (self.items - self.features.detach()).square().mean(dim=(1, 2))

    def commitment_loss(self) -> Float[Tensor, " batch"]:
        """Moves the features to the items. Source: VQ-VAE, eq. (3), third term."""
        return (self.features - self.items.detach()).square().mean(dim=(1, 2))


class Codebook(nn.Module):
    """K items of D numbers. Features are replaced by the nearest of them.

    Args:
        codes: K.
        width: D.
        warm_up: training steps in which features pass unchanged; after them the items are placed by k-means. 0: the
            items replace features from the start.
        reseed_every: training steps after which items that were never the nearest move to a feature; 0 never.
        reseed_until: last training step at which they do, so that the averaged weights can follow.

    Shapes: (B, D, N) -> Query. While it is frozen, nothing in it changes.
    Source: the paper says that items are learned by gradient descent (as generative latent optimisation does);
    the guards are our choice.
    """

    steps: Tensor
    last_used: Tensor

    def __init__(
        self, codes: int, width: int, *, warm_up: int = 0, reseed_every: int = 0, reseed_until: int = 0
    ):
        super().__init__()
        self.warm_up, self.reseed_every, self.reseed_until = warm_up, reseed_every, reseed_until
        self.items = nn.Parameter(torch.empty(codes, width).uniform_(-1 / codes, 1 / codes))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.register_buffer("last_used", torch.zeros(codes, dtype=torch.long))

    def forward(self, features: Float[Tensor, "batch width code"]) -> Query:
        if not (self.training and self.items.requires_grad):
            return self.query(features)
        if self.warm_up and self.steps == self.warm_up:
            self._place(features)
        query = self.query(features, unchanged=bool(self.steps < self.warm_up))
        self._count(query)
        return query

    def query(self, features: Float[Tensor, "batch width code"], *, unchanged: bool = False) -> Query:
        """The nearest items; `unchanged` leaves the features in their place, and both losses at 0."""
        distances = squared_distances(features.transpose(1, 2), self.items.detach())
        codes = distances.argmin(dim=2)
        if unchanged:
            return Query(features, features, features, codes, distances)
        items = self.look_up(codes)
        return Query(features, features + (items - features).detach(), items, codes, distances)

    def look_up(self, codes: Int[Tensor, "batch code"]) -> Float[Tensor, "batch width code"]:
        """The items with these numbers."""
        return self.items[codes].transpose(1, 2)

    def log_shares(self, distances: Float[Tensor, "batch code item"]) -> Float[Tensor, "batch code item"]:
        """Soft assignment: the nearer an item, the larger its share, on the scale of the distance between items.

        Source: our choice of scale: with it, features of clean PPG share themselves among few items.
        """
        return torch.log_softmax(-distances / self.spacing(), dim=2)

    def spacing(self) -> Float[Tensor, ""]:
        """Mean squared distance of an item to the nearest other one; without gradient."""
        items = self.items.detach()
        apart = squared_distances(items[None], items)[0]
        apart.fill_diagonal_(torch.inf)
        return apart.min(dim=1).values.mean().clamp_min(1e-9)

    @torch.no_grad()
    def _place(self, features: Tensor) -> None:
        """Put the items on the k-means of features."""
        found = features.transpose(1, 2).reshape(-1, features.shape[1]).double().cpu().numpy()
        seed = int(torch.randint(2**31, ()))
        places, _ = kmeans2(found, len(self.items), minit="++", rng=seed, missing="warn")
        self.items.copy_(torch.from_numpy(places))
        self._share()
        self.last_used.fill_(self.steps)

    @torch.no_grad()
    def _count(self, query: Query) -> None:
        """Note which items were used, and move those that were not for long."""
        self.steps += 1
        self.last_used[query.codes.unique()] = self.steps
        if not (self.warm_up <= self.steps <= self.reseed_until) or self.steps % max(self.reseed_every, 1):
            return
        idle = torch.nonzero(self.steps - self.last_used >= self.reseed_every)[:, 0]
        found = query.features.transpose(1, 2).reshape(-1, query.features.shape[1])
        self.items[idle] = found[torch.randint(len(found), (len(idle),), device=found.device)]
        self.last_used[idle] = self.steps
        self._share()

    def _share(self) -> None:
        """Give every process of a training the items of the first."""
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.broadcast(self.items.data, 0)


def squared_distances(
    features: Float[Tensor, "batch code width"], items: Float[Tensor, "item width"]
) -> Float[Tensor, "batch code item"]:
    """Squared distance of every feature to every item."""
    cross = features @ items.T
    size = features.square().sum(dim=2, keepdim=True) + items.square().sum(dim=1)
    return (size - 2 * cross).clamp_min(0)


def perplexity(codes: Int[Tensor, ...], n_items: int) -> float:
    """Number of items that would be in use if all were used equally often: e to the entropy of their use."""
    share = functional.one_hot(codes.flatten(), n_items).double().mean(dim=0)
    return float(torch.exp(-(share * share.clamp_min(1e-12).log()).sum()))
