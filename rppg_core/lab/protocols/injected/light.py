"""How much motion and light change the colour of skin, in the clips of a folder and in the simulator's draws.

A network learns from the simulator what to cancel. Where recorded faces lie outside its draws, it has not learned it.
Axis letters: T time, N cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rppg_core.lab.protocols.table import text_table
from rppg_core.lab.simulate.settings import random_settings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.lab.training.sources import harder
from rppg_core.models.recipe import Recipe
from rppg_core.signals.filters import bandpass
from rppg_core.types import FS, FaceClip
from rppg_core.video.prepare import resample, unscaled_projections

BAND_HZ = (0.7, 3.0)
SHORTEST_S = 5.0
N_DRAWN, SEED, DRAWN_S = 120, 80_000, 12.0
NO_PULSE_PERCENT = 1e-3  # a draw keeps its heart, so that its head moves with it, but none of it is seen
QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class LightSpread:
    """Standard deviations of the relative change in BAND_HZ. Unit: %."""

    first: float  # of the skin's mean colour, along its first principal direction
    second: float  # along the second
    pos: float  # of POS of the skin's mean: what algebra leaves
    cells: float  # of POS of the cells, root mean square over the skin


NAMES = {
    "first": "skin, first direction",
    "second": "skin, second direction",
    "pos": "skin, after POS",
    "cells": "cells, after POS",
}


@dataclass(frozen=True)
class LightMatch:
    """Clips of a folder beside draws."""

    recorded: Sequence[LightSpread] = ()
    drawn: Sequence[LightSpread] = ()

    def text(self) -> str:
        """Quantiles of both, and the share of recorded clips within the central 90 % of the draws."""
        lines = []
        for words, own, drawn in self._known():
            low, high = np.quantile(drawn, [0.05, 0.95])
            within = f"{np.mean((own >= low) & (own <= high)):.0%}"
            lines.append(
                [words, *(_three(np.quantile(values, QUANTILES)) for values in (own, drawn)), within]
            )
        header = [
            "%, in 0.7 to 3 Hz; 10 / 50 / 90 %",
            "these clips",
            "drawn for training",
            "within 90 % of draws",
        ]
        return text_table(header, lines)

    def to_dict(self) -> list[dict[str, object]]:
        """Sorted values by quantity, for the figure."""
        return [
            {"quantity": words, "recorded": np.sort(own), "drawn": np.sort(drawn)}
            for words, own, drawn in self._known()
        ]

    def _known(self) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Every quantity that is known of some clip, with its recorded and its drawn values."""
        for name, words in NAMES.items():
            own, drawn = (
                np.array([getattr(one, name) for one in many]) for many in (self.recorded, self.drawn)
            )
            if np.isfinite(own).any():
                yield words, own[np.isfinite(own)], drawn


def light_spread(clip: FaceClip) -> LightSpread | None:
    """How much the colour of the skin changes; None for a clip without SHORTEST_S of valid samples.

    Args:
        clip: native or at 30 Hz; where its cells are missing or copies of its regions, `cells` is NaN.
    """
    even = resample(clip, FS) if clip.fs != FS else clip
    if even.valid.sum() < SHORTEST_S * FS:
        return None
    skin = even.roi("skin")[even.valid]
    change = _in_band(skin / skin.mean(axis=0) - 1)
    spreads = np.linalg.svd(change - change.mean(axis=0), compute_uv=False) / np.sqrt(len(change))
    cells = float("nan")
    if (
        even.stmap is not None
        and even.stmap_weight is not None
        and np.ptp(even.stmap[even.valid], axis=1).any()
    ):
        weight = even.stmap_weight
        left = _after_pos(even.stmap[even.valid])
        cells = float(np.sqrt((left**2 * weight).sum() / max(weight.sum(), 1e-9) / len(left)))
    pos = float(_after_pos(skin[:, None]).std())
    return LightSpread(*(100 * value for value in (float(spreads[0]), float(spreads[1]), pos, cells)))


def drawn_spreads(n: int = N_DRAWN) -> list[LightSpread]:
    """The same of faces as drawn for the last steps of a training, without their pulse."""
    found = []
    for k in range(n):
        rng = np.random.default_rng([SEED, k])
        settings = harder(
            random_settings(rng, pulsed=True, seconds=DRAWN_S), rng, Recipe(method="").harshness
        )
        settings = replace(settings, amplitude_percent=NO_PULSE_PERCENT)
        found.append(light_spread(simulate_traces(settings)[0]))
    return [one for one in found if one is not None]


def _after_pos(cells: Float[np.ndarray, "time cell 3"]) -> Float[np.ndarray, "time cell"]:
    """POS of every cell, unscaled, in BAND_HZ."""
    return _in_band(unscaled_projections(cells, FS, ["pos"])[..., 0])


def _in_band(values: Float[np.ndarray, "time ..."]) -> Float[np.ndarray, "time ..."]:
    return bandpass(values, FS, low_hz=BAND_HZ[0], high_hz=BAND_HZ[1])


def _three(values: np.ndarray) -> str:
    return " / ".join(f"{value:.2f}" for value in values)
