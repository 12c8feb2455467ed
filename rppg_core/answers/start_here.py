"""Known answers of 00, start here."""

from __future__ import annotations

from rppg_core.answers import Answer
from rppg_core.types import HR_BAND_HZ

ANSWERS = {
    "lowest_rate": Answer(
        value=lambda: 60 * HR_BAND_HZ[0], within=0.5, unit="bpm",
        hint="a rate in Hz is a number of beats a second, and a minute has 60 of these",
        traps=((HR_BAND_HZ[0], "that is the lower edge in Hz, not in beats per minute"),),
    ),
}  # fmt: skip
