"""The network and its loss as one module, for training in several processes."""

from __future__ import annotations

from torch import Tensor, nn

from rppg_core.models.base import Batch, RppgModel


class NetworkWithLoss(nn.Module):
    """The forward pass is the loss.

    Across processes, only gradients of weights that the outermost `forward` uses are joined, and some losses use
    weights of their own.
    """

    def __init__(self, network: RppgModel):
        super().__init__()
        self.network = network

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        return self.network.loss(self.network(batch.inputs), batch)
