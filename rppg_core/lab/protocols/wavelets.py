"""How much of a tone stays in its own octave, by `make wavelet-table`: the fixed wavelets and learned filters.

PhysVLM mutes and keeps octaves of time; what a wavelet lets into other octaves is not reached by that. Every number
is the share of the energy of a pure tone that lies in the octave of its frequency, mean over its phases, at the
length and the rate that the Wavelet Temporal Block of small() reads. No data enter.
Source: Daubechies 1992 for the wavelets; our choice: tones of breath and pulse, two of them near the edge of an
octave, where every wavelet leaks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from rppg_core.errors import ModelFileError, RppgError, UsageError
from rppg_core.lab.protocols.table import text_table
from rppg_core.models.physvlm import PhysVLM, PhysVLMConfig
from rppg_core.models.physvlm.config import STRIDE
from rppg_core.models.physvlm.muting import octave_edges_hz
from rppg_core.models.physvlm.wavelet_block import octave_of_coefficients, transform_matrices
from rppg_core.models.weights import load_card, load_model
from rppg_core.nn.wavelets import FILTERS
from rppg_core.types import FS

TONES_HZ = (0.3, 0.8, 1.2, 1.6, 2.5)
PHASES = 16


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--weights", nargs="*", default=[], metavar="FILE", help="PhysVLM with learned filters"
    )
    asked = parser.parse_args(argv)
    try:
        learned = learned_filters(asked.weights)
    except RppgError as error:
        parser.error(str(error))
    config = PhysVLMConfig.small()
    rows = [
        [name, *(f"{share:.2f}" for share in own_octave_shares(wavelet, config))]
        for name, wavelet in ({name: name for name in FILTERS} | learned).items()
    ]
    length, fs = config.window // STRIDE, FS / STRIDE
    print(
        f"Share of a tone's energy in its own octave, {length} samples at {fs:g} Hz, {config.levels} levels"
    )
    print(text_table(["wavelet", *(f"{hz:g} Hz" for hz in TONES_HZ)], rows))
    return 0


def own_octave_shares(wavelet: str | Tensor, config: PhysVLMConfig) -> list[float]:
    """Share of each of TONES_HZ in its own octave.

    Args:
        wavelet: a key of FILTERS, or a low-pass filter.
        config: sets length and levels.
    """
    length, fs = config.window // STRIDE, FS / STRIDE
    analysis, _ = transform_matrices(wavelet, length, config.levels)
    octave = octave_of_coefficients(length, config.levels)
    edges = octave_edges_hz(config)
    shares = []
    for hz in TONES_HZ:
        energy = (tone(hz, length, fs).to(analysis) @ analysis).square().sum(dim=0)
        own = next(k for k, (low, high) in enumerate(edges) if low <= hz < high)
        shares.append(float(energy[octave == own].sum() / energy.sum()))
    return shares


def tone(hz: float, length: int, fs: float) -> Float[Tensor, "phase time"]:
    """A sine at PHASES phases."""
    turns = torch.arange(PHASES)[:, None] / PHASES + hz * torch.arange(length) / fs
    return torch.sin(2 * torch.pi * turns)


def learned_filters(paths: Sequence[str | Path]) -> dict[str, Tensor]:
    """Low-pass filters by their names in the table.

    Raises:
        ModelFileError: not weights of a PhysVLM with learned filters.
        UsageError: two files with the same steps and seed.
    """
    found: dict[str, Tensor] = {}
    for path in paths:
        name, taps = learned_filter(path)
        if name in found:
            raise UsageError(
                f"{str(path)!r} is another {name!r}", wanted="other steps or seeds", do="name one of them"
            )
        found[name] = taps
    return found


def learned_filter(path: str | Path) -> tuple[str, Tensor]:
    """The low-pass filter of a PhysVLM, and its name in the table.

    Raises:
        ModelFileError: not weights of a PhysVLM with learned filters.
    """
    model = load_model("physvlm", path)
    if not isinstance(model, PhysVLM) or model.wavelets is None or model.wavelets.taps is None:
        raise ModelFileError(
            f"{str(path)!r} has no learned filter",
            wanted="weights of the ablation learned-wavelet",
            do="train them with: rppg train physvlm --ablation learned-wavelet",
        )
    card = load_card("physvlm", path)
    return f"learned, {card.steps} steps, seed {card.seed}", model.wavelets.taps.detach()


if __name__ == "__main__":
    sys.exit(main())
