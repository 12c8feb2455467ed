"""The discrete wavelet transform as strided convolutions, with exact reconstruction for any length.

A level splits a signal into an approximation (its lower octaves) and details (its highest octave), each at half the
rate. Filters are orthonormal, so that the inverse is the transpose. Circular at the ends: callers that do not
want the end of a signal to reach its start pad it first (`pad_symmetric`).
Axis letters: B batch, C channels, T time.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from rppg_core.errors import UsageError

# Low-pass synthesis filters to the precision of a double. Source: Daubechies 1992, "Ten Lectures on Wavelets",
# chapters 6 (db, sym) and 8 (coif); a test compares them with PyWavelets.
# fmt: off
FILTERS: dict[str, tuple[float, ...]] = {
    "haar": (
        0.70710678118654757, 0.70710678118654757,
    ),
    "sym3": (
        0.33267055295095688, 0.80689150931333875, 0.45987750211933132, -0.13501102001039084,
        -0.085441273882241486, 0.035226291882100656,
    ),
    "db4": (
        0.23037781330889651, 0.71484657055291567, 0.63088076792985892, -0.027983769416859854,
        -0.18703481171909309, 0.030841381835560764, 0.032883011666885197, -0.010597401785069032,
    ),
    "coif6": (
        5.0775487836340565e-05, -8.1170026267848408e-05, -0.00062461304392568361, 0.0010916247123259031,
        0.0035390198715409982, -0.0070294063910027287, -0.012231577790037914, 0.029645772891323842,
        0.028786114346665569, -0.099673002046011761, -0.048764072175673877, 0.42581954501283853,
        0.76840325757989247, 0.44040119112685278, -0.058108917972614797, -0.11226080796481724,
        0.041852490676136271, 0.038881326251510757, -0.022950153279849065, -0.012650067908732352,
        0.0095910901759040535, 0.0038576582705936867, -0.0030739395072085594, -0.0011574350134273348,
        0.00076985473075072669, 0.00032522235901024082, -0.00015457719927979951, -7.5280043069359654e-05,
        2.4736559328723228e-05, 1.3139851354021442e-05, -2.9243855597575229e-06, -1.6596192951024209e-06,
        2.255997852816182e-07, 1.3503244993561446e-07, -8.4871433962624369e-09, -5.3090884171968937e-09,
    ),
}
# fmt: on


def decompose(
    x: Float[Tensor, "*batch time"], wavelet: str | Tensor, levels: int
) -> tuple[Float[Tensor, "*batch coarse"], list[Tensor]]:
    """Approximation and details of a signal, level by level.

    Args:
        x: its length must be a multiple of 2 ** levels.
        wavelet: a key of FILTERS, or a low-pass synthesis filter.
        levels: number of octaves that are split off.

    Returns:
        The approximation, and the details from the highest octave to the lowest.

    Raises:
        UsageError: an unknown wavelet, or a length that does not fit the levels.
    """
    if levels < 1 or x.shape[-1] % 2**levels:
        raise UsageError(
            f"{x.shape[-1]} samples and {levels} levels",
            wanted=f"one level or more, and a multiple of {2 ** max(levels, 1)} samples",
            do="pad the signal with pad_symmetric(x, ..., multiple=2 ** levels)",
        )
    low, high = filters(wavelet, x)
    details = []
    for _ in range(levels):
        details.append(_down(x, high))
        x = _down(x, low)
    return x, details


def compose(
    coarse: Float[Tensor, "*batch coarse"], details: list[Tensor], wavelet: str | Tensor
) -> Float[Tensor, "*batch time"]:
    """The signal whose approximation and details these are; the inverse of `decompose`."""
    low, high = filters(wavelet, coarse)
    for detail in reversed(details):
        coarse = _up(coarse, low) + _up(detail, high)
    return coarse


def pad_symmetric(
    x: Float[Tensor, "*batch time"], by: int, *, multiple: int = 1
) -> Float[Tensor, "*batch longer"]:
    """A signal mirrored at both ends; crop `by` samples from the start to come back to it.

    Args:
        x: of any length; one that is shorter than `by` is mirrored several times.
        by: number of samples added at the start, and at least as many at the end.
        multiple: the total is filled up to a multiple of this.
    """
    n = x.shape[-1]
    total = n + 2 * by
    total += -total % multiple
    turn = (torch.arange(total, device=x.device) - by) % (2 * n)  # one way and back
    return x[..., torch.where(turn < n, turn, 2 * n - 1 - turn)]


def filters(wavelet: str | Tensor, like: Tensor) -> tuple[Float[Tensor, " tap"], Float[Tensor, " tap"]]:
    """Low-pass and high-pass synthesis filter of a wavelet, with the type and on the device of a tensor.

    Args:
        wavelet: a key of FILTERS, or the low-pass filter itself.
        like: the tensor.

    Raises:
        UsageError: an unknown wavelet.
    """
    if isinstance(wavelet, Tensor):
        low = wavelet.to(like)
    elif wavelet in FILTERS:
        low = torch.tensor(FILTERS[wavelet], dtype=like.dtype, device=like.device)
    else:
        raise UsageError(
            f"wavelet {wavelet!r}"[:80], wanted=f"one of {', '.join(FILTERS)}", do="choose one of them"
        )
    signs = torch.ones_like(low)
    signs[1::2] = -1
    return low, low.flip(0) * signs  # quadrature mirror


def _down(x: Tensor, taps: Tensor) -> Tensor:
    """Correlation with a filter at every second sample, circular."""
    n, length = x.shape[-1], len(taps)
    around = torch.arange(n + length - 2, device=x.device) % n
    flat = x[..., around].reshape(-1, 1, n + length - 2)
    return functional.conv1d(flat, taps[None, None], stride=2).reshape(*x.shape[:-1], n // 2)


def _up(x: Tensor, taps: Tensor) -> Tensor:
    """The transpose of `_down`."""
    n, length = 2 * x.shape[-1], len(taps)
    spread = functional.conv_transpose1d(x.reshape(-1, 1, n // 2), taps[None, None], stride=2)[:, 0]
    around = torch.arange(n + length - 2, device=x.device) % n
    joined = torch.zeros(len(spread), n, dtype=x.dtype, device=x.device).index_add(1, around, spread)
    return joined.reshape(*x.shape[:-1], n)
