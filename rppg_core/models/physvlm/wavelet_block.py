"""The Wavelet Temporal Block: features split into octaves of time, each with a gate and a threshold for every task.

Axis letters: B batch, N cell, C channels, T time, P wavelet coefficient, J octave (from the highest to the lowest).
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from rppg_core.models.physvlm.config import TASKS
from rppg_core.nn.wavelets import FILTERS, compose, decompose, pad_symmetric

HIDDEN = 16  # between the energies of octaves and the gates
GAUSS_MEAN = 0.7979  # mean absolute value of a Gaussian of standard deviation 1
PAD = 32  # samples mirrored at each end, so that the end of a window does not reach its start


class WaveletTemporalBlock(nn.Module):
    """Idea: noise that has an octave to itself is cut there, and each task chooses its own octaves.

    Parts:
        gates: for each task, from the energies of all octaves to a gate for each, 0 to 1.
        cut: for each task and octave, the size below which coefficients are noise, relative to their mean size.
        mixes: for each task, one convolution with a single tap.
        taps: the low-pass filter, if it is learned.
    Shapes: features (B, N, C, T), weight (B, N) -> for each task features (B, N, C, T) and gates (B, C, J); energies
    (B, J) with sum 1.
    Source: the abstract names a multiscale time-frequency decomposition and an adaptive filter. Our choice: the
    discrete transform (Daubechies 1992) with soft thresholds (Donoho 1995); how large noise is comes from the mean
    size in the octave, over all cells; the result is added with a small gain, which is learned.
    """

    analysis: Tensor
    synthesis: Tensor
    octave: Tensor

    def __init__(self, channels: int, length: int, *, wavelet: str, levels: int, learned: bool = False):
        super().__init__()
        self.length, self.wavelet, self.levels = length, wavelet, levels
        self.taps = nn.Parameter(torch.tensor(FILTERS[wavelet])) if learned else None
        J = levels + 1
        self.gates = nn.ModuleDict(
            {
                task: nn.Sequential(nn.Linear(J, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, J), nn.Sigmoid())
                for task in TASKS
            }
        )
        self.cut = nn.Parameter(torch.full((len(TASKS), J), -2.0))
        self.gain = nn.Parameter(torch.full((len(TASKS),), 0.1))
        self.mixes = nn.ModuleDict({task: nn.Linear(channels, channels) for task in TASKS})
        if not learned:
            analysis, synthesis = transform_matrices(wavelet, length, levels)
            self.register_buffer("analysis", analysis, persistent=False)
            self.register_buffer("synthesis", synthesis, persistent=False)
        self.register_buffer("octave", octave_of_coefficients(length, levels), persistent=False)

    def forward(
        self, features: Float[Tensor, "batch cell channel time"], weight: Float[Tensor, "batch cell"]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor], Float[Tensor, "batch octave"]]:
        """Features and gates by task, and the share of each octave in the energy of the features."""
        analysis, synthesis, octave = self._transform(features.shape[3])
        coefficients = features @ analysis  # (B, N, C, P)
        energy, size = octave_sizes(coefficients, weight, octave, self.levels + 1)
        found, gates = {}, {}
        for k, task in enumerate(TASKS):
            gates[task] = self.gates[task](energy)  # (B, C, J)
            noise = functional.softplus(self.cut[k]) * size / GAUSS_MEAN  # (B, C, J)
            kept = shrink(coefficients, noise[:, None][..., octave])
            filtered = (kept * gates[task][:, None][..., octave]) @ synthesis
            mixed = self.mixes[task](filtered.transpose(2, 3)).transpose(2, 3)
            found[task] = features + self.gain[k] * mixed
        count = torch.bincount(octave, minlength=self.levels + 1)  # the energies are means over them
        shares = energy.exp().mean(dim=1) * count
        return found, gates, shares / shares.sum(dim=1, keepdim=True)

    @property
    def filter(self) -> str | Tensor:
        """The name of the wavelet, or the learned low-pass filter."""
        return self.wavelet if self.taps is None else self.taps

    def off_wavelet(self) -> Float[Tensor, ""]:
        """How far learned taps are from an orthonormal wavelet; 0 for fixed ones.

        Source: Daubechies 1992, section 5.1: the sum is sqrt 2, and shifts by two samples are orthonormal.
        """
        if self.taps is None:
            return self.cut.new_zeros(())
        n = len(self.taps)
        shifted = torch.stack([self.taps[2 * k :] @ self.taps[: n - 2 * k] for k in range(n // 2)])
        wanted = torch.zeros_like(shifted)
        wanted[0] = 1.0
        return (self.taps.sum() - 2**0.5).square() + (shifted - wanted).square().sum()

    def _transform(self, length: int) -> tuple[Tensor, Tensor, Tensor]:
        """Analysis, synthesis and octaves for a signal of this length; those of whole windows are kept."""
        if self.taps is None and length == self.length:
            return self.analysis, self.synthesis, self.octave
        analysis, synthesis = transform_matrices(self.filter, length, self.levels)
        octave = octave_of_coefficients(length, self.levels)
        return analysis.to(self.cut), synthesis.to(self.cut), octave.to(self.octave)


def octave_sizes(
    coefficients: Float[Tensor, "batch cell channel coefficient"],
    weight: Float[Tensor, "batch cell"],
    octave: Int[Tensor, " coefficient"],
    n: int,
) -> tuple[Float[Tensor, "batch channel octave"], Float[Tensor, "batch channel octave"]]:
    """Logarithm of the mean energy in each of n octaves, and the mean size there without gradient; over the skin."""
    share = weight / weight.sum(dim=1, keepdim=True).clamp_min(1e-6)
    count = torch.bincount(octave, minlength=n).to(coefficients)
    means = []
    for values in (coefficients.square(), coefficients.detach().abs()):
        over_skin = torch.einsum("bncp,bn->bcp", values, share)
        summed = over_skin.new_zeros(*over_skin.shape[:2], n).index_add(2, octave, over_skin)
        means.append(summed / count)
    return (means[0] + 1e-6).log(), means[1]


def shrink(values: Float[Tensor, "*batch"], least: Float[Tensor, "#*batch"]) -> Float[Tensor, "*batch"]:
    """Sizes reduced by `least`, and 0 where they are below it. Source: Donoho 1995 (soft thresholds)."""
    return values.sign() * functional.relu(values.abs() - least)


def transform_matrices(
    wavelet: str | Tensor, length: int, levels: int
) -> tuple[Float[Tensor, "time coefficient"], Float[Tensor, "coefficient time"]]:
    """Analysis and synthesis of a signal of fixed length, mirrored at its ends, as matrices.

    With them a transform is one product of matrices.

    Args:
        wavelet: a key of FILTERS, or a low-pass filter.
        length: T, samples of the signal.
        levels: octaves that are split off.
    """
    like = wavelet if isinstance(wavelet, Tensor) else torch.zeros(())
    padded = pad_symmetric(torch.eye(length).to(like), PAD, multiple=2**levels)
    coarse, details = decompose(padded, wavelet, levels)
    sizes = [x.shape[1] for x in (*details, coarse)]
    parts = list(torch.eye(sum(sizes)).to(like).split(sizes, dim=1))
    back = compose(parts[-1], parts[:-1], wavelet)[:, PAD : PAD + length]
    return torch.cat([*details, coarse], dim=1), back


def octave_of_coefficients(length: int, levels: int) -> Int[Tensor, " coefficient"]:
    """Number of the octave of every coefficient; 0 is the highest, `levels` what is left below all."""
    n = length + 2 * PAD
    n += -n % 2**levels
    sizes = [n >> (level + 1) for level in range(levels)]
    return torch.repeat_interleave(torch.arange(levels + 1), torch.tensor([*sizes, sizes[-1]]))
