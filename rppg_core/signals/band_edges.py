"""Whether a spectral line inside the heart-rate band comes from a heart whose rate lies outside the band.

`vitals` applies this to every rate, of a method or of the consensus. A heart at 36 bpm has lines at 36, 72, 108 and
144; in a band that starts at 39 bpm, 72 is the strongest, and all methods report it. A heart at 72 bpm has no line
at 36 or 108. A heart at 250 bpm leaves only noise and weak sidebands inside the band, and a stronger line above it.
The panel's spectra reach from 0 to 8 Hz and distinguish these cases. The result is a refusal, never a number.

Removing the trend (`filters.detrend`) leaves 0.89 of a line's amplitude at 36 bpm and 0.53 at 25 bpm; the thresholds
apply to the lines after that. Axis letters: W window, F frequency.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from rppg_core.signals.calibration import SAME_IN_CONTROL
from rppg_core.signals.light import Light, SharedLight
from rppg_core.signals.quality import Panel
from rppg_core.signals.windows import WindowSpectra

Side = Literal["below", "above"]

# Two lines of a slow heart, at 0.5 and 1.5 times the rate read from the spectrum. The first two thresholds apply to
# geometric means over both lines; the comments give medians of simulated hearts below the band and inside it.
SLOW_STRENGTH = 0.2  # power relative to the line at the rate; 0.5 below the band, 0.02 inside
SLOW_CONTRAST = 3.0  # power relative to the gaps halfway to the next lines; 25 below the band, 0.6 inside
# Each line must reach these: breathing at half the heart rate has the first line and hardly the second.
LEAST_STRENGTH = 0.05
LEAST_CONTRAST = 1.5
# Infants' hearts reach 300 bpm. Cameras and codecs add lines at 5 to 8 Hz (6.25 Hz is every fourth frame
# at 25 frames per second), stronger than the pulse of some real faces.
FASTEST_HZ = 5.0
# Of the power above the lower edge; in clips without a pulse, the strongest line above the band has at most 0.19.
FAST_SHARE = 0.2


def outside_band(spectra: WindowSpectra, rate_hz: float, *, panel: Panel | None) -> Side | None:
    """On which side of the band the heart rate may lie when the rate read inside it is not the heart's.

    Args:
        spectra: of the method that gave the rate; used only if there is no panel.
        rate_hz: the rate read inside the band. Unit: Hz.
        panel: the fixed panel; at least half of its methods must agree.

    Returns:
        "below" when half the rate lies below the band and there are lines at 0.5 and 1.5 times the rate; "above" when
        the strongest line above the band is stronger than the one at the rate; the side of the rate itself, where its
        crest lies beyond an edge; None otherwise.

    Source: our choice. A real pulse at `rate_hz` has lines at its multiples and none halfway between; breathing at
    half the rate is a single line, and its modulation of the pulse's amplitude (0.25 deep is 1.6 % of the power)
    hardly shows at 1.5 times the rate.
    """
    members = [spectra] if panel is None else list(panel.skin.values())
    light = None if panel is None else panel.light
    needed = (len(members) + 1) // 2
    if side := beyond_edge(rate_hz, spectra.band_hz):
        return side
    slow = rate_hz / 2 < spectra.band_hz[0]
    if slow and sum(_halfway_lines(skin, rate_hz) for skin in members) >= needed:
        return "below"
    if sum(_stronger_above(skin, light, rate_hz) for skin in members) >= needed:
        return "above"
    return None


def beyond_edge(rate_hz: float, band_hz: tuple[float, float]) -> Side | None:
    """The side of the band on which a rate itself lies; None inside. The crest of a line may lie beyond the edge."""
    low_hz, high_hz = band_hz
    return "below" if rate_hz < low_hz else "above" if rate_hz > high_hz else None


def _halfway_lines(spectra: WindowSpectra, rate_hz: float) -> bool:
    """Whether there are clear lines at 0.5 and 1.5 times the rate, to within half a line's width."""
    places_hz = (0.5 * rate_hz, 1.5 * rate_hz)
    if any(abs(_crest_hz(spectra, at_hz) - at_hz) > spectra.half_width_hz / 2 for at_hz in places_hz):
        return False
    lines = np.array([_line(spectra, at_hz) for at_hz in places_hz])
    strengths = lines / max(_line(spectra, rate_hz), 1e-300)
    gaps = np.array([_gaps(spectra, at_hz, rate_hz / 4) for at_hz in places_hz])
    contrasts = lines / np.maximum(gaps, 1e-300)
    return bool(
        min(strengths) >= LEAST_STRENGTH
        and min(contrasts) >= LEAST_CONTRAST
        and np.prod(strengths) >= SLOW_STRENGTH**2
        and np.prod(contrasts) >= SLOW_CONTRAST**2
    )


def _stronger_above(skin: WindowSpectra, light: Light | None, rate_hz: float) -> bool:
    """Whether the strongest line above the band is a crest, exceeds the line at the rate, and is not due to light."""
    low_hz, high_hz = skin.band_hz
    above = np.flatnonzero((skin.freqs_hz > high_hz) & (skin.freqs_hz <= FASTEST_HZ))
    if len(above) < 3:
        return False
    top = int(above[np.argmax(skin.power.mean(axis=0)[above])])
    top_hz = float(skin.freqs_hz[top])
    # at the edge is the skirt of a line inside; at twice the rate is its harmonic, which may be stronger
    if top in (above[0], above[-1]) or abs(top_hz - 2 * rate_hz) <= skin.half_width_hz:
        return False
    line = _line(skin, top_hz)
    if line <= _line(skin, rate_hz) or line < FAST_SHARE * _power_above(skin, low_hz):
        return False
    if light is None or light.background is None:
        return True
    return SharedLight(skin, light, top_hz).explained() < SAME_IN_CONTROL


def _line(spectra: WindowSpectra, at_hz: float) -> float:
    """Power at a frequency, inside or outside the band, mean over windows."""
    return _between(spectra, at_hz - spectra.half_width_hz, at_hz + spectra.half_width_hz)


def _gaps(spectra: WindowSpectra, at_hz: float, away_hz: float) -> float:
    """Power on both sides of a line, halfway to its neighbours, in two strips with the combined width of the line."""
    half_hz = spectra.half_width_hz / 2
    return sum(
        _between(spectra, gap_hz - half_hz, gap_hz + half_hz) for gap_hz in (at_hz - away_hz, at_hz + away_hz)
    )


def _power_above(spectra: WindowSpectra, low_hz: float) -> float:
    return _between(spectra, low_hz, np.inf)


def _between(spectra: WindowSpectra, low_hz: float, high_hz: float) -> float:
    return float(spectra.between(low_hz, high_hz).mean())


def _crest_hz(spectra: WindowSpectra, at_hz: float) -> float:
    """The strongest frequency near the given one."""
    near = np.abs(spectra.freqs_hz - at_hz) <= 1.5 * spectra.half_width_hz
    if not near.any():
        return float("nan")
    return float(spectra.freqs_hz[near][np.argmax(spectra.power.mean(axis=0)[near])])
