"""The Dual-Domain Stationary algorithm: a rough pulse on one scale, in time and in octaves.

Axis letters: B batch, T time.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from rppg_core.nn.layers import standardise
from rppg_core.nn.wavelets import FILTERS, compose, decompose, pad_symmetric

FORGOTTEN = 1e-8  # share of a sample that its moving average may leave out


class DualDomainStationary(nn.Module):
    """Idea: a moving average of the standardised wave, mixed with the same average of each of its wavelet bands.

    Parts: `mix`, the one weight; its sigmoid b is the share of the wavelet branch (`share`).

    z = (1 - b) z_time + b z_frequency. In the time branch the wave is standardised and averaged with exponential
    weights. In the frequency branch each band of the wavelet transform is, so that all bands come out equally
    strong, those that hold nothing but noise included. Mean and size belong to the whole window: a drift within it,
    or a change of scale, stays.

    Shapes: (B, T) -> (B, T), any T.

    Source: PhysLLM, section on the algorithm (paper); wavelet, levels and decay from the released code. Our choice: b
    is a sigmoid, because the released b may leave [0, 1]; averages run over time (in most released files they
    run over the batch); ends are mirrored by the length of the filter, because at three levels a band of 128 samples
    is shorter than the filter.
    """

    def __init__(self, *, wavelet: str = "coif6", levels: int = 3, decay: float = 0.8):
        super().__init__()
        self.wavelet, self.levels, self.decay = wavelet, levels, decay
        self.mix = nn.Parameter(torch.zeros(()))

    @property
    def share(self) -> Tensor:
        """Share b of the wavelet branch, 0 to 1."""
        return torch.sigmoid(self.mix)

    def forward(self, wave: Float[Tensor, "batch time"]) -> Float[Tensor, "batch time"]:
        return (1 - self.share) * self.time_branch(wave) + self.share * self.frequency_branch(wave)

    def time_branch(self, wave: Float[Tensor, "batch time"]) -> Float[Tensor, "batch time"]:
        """The standardised wave, averaged over time."""
        return moving_average(standardise(wave), self.decay)

    def frequency_branch(self, wave: Float[Tensor, "batch time"]) -> Float[Tensor, "batch time"]:
        """The sum of all bands, each standardised and averaged over time."""
        margin = len(FILTERS[self.wavelet])
        padded = pad_symmetric(wave, margin, multiple=2**self.levels)
        coarse, details = decompose(padded, self.wavelet, self.levels)
        coarse, *details = (moving_average(standardise(band), self.decay) for band in (coarse, *details))
        return compose(coarse, details, self.wavelet)[:, margin : margin + wave.shape[1]]


def moving_average(x: Float[Tensor, "batch time"], decay: float) -> Float[Tensor, "batch time"]:
    """z[0] = x[0], z[i] = decay x[i] + (1 - decay) z[i - 1], as one causal convolution.

    Args:
        x: any length.
        decay: weight of the newest sample, above 0 and at most 1.
    """
    taps = 1 if decay >= 1 else math.ceil(math.log(FORGOTTEN) / math.log(1 - decay))
    kernel = decay * (1 - decay) ** torch.arange(taps - 1, -1, -1, dtype=x.dtype, device=x.device)
    before = x[:, :1].expand(-1, taps - 1)  # as if the first sample had always been there
    return functional.conv1d(torch.cat([before, x], dim=1)[:, None], kernel[None, None])[:, 0]
