"""Whether a line inside the heart-rate band comes from a heart whose rate lies outside of it.

`vitals` applies this to every rate, of a method or of the consensus. A heart at 36 bpm has lines at 36, 72, 108 and
144; in a band from 39 bpm on, 72 is the strongest of them, and all methods read it. A heart at 72 bpm has no line
at 36 or 108. A heart at 250 bpm leaves only noise and weak sidebands inside the band, and a stronger line above it.
The panel's spectra reach from 0 to 8 Hz and distinguish these cases. The answer is a refusal, never a number.

Removing the trend (`filters.detrend`) leaves 0.89 of a line's amplitude at 36 bpm and 0.53 at 25 bpm; the thresholds
are set for lines after that. Axis letters: W window, F frequency.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from rppg_core.signals.calibration import SAME_IN_CONTROL
from rppg_core.signals.quality import LINE_HALF_WIDTH_HZ, Panel, WindowSpectra

Side = Literal["below", "above"]

# Two lines of a slow heart, at half the rate that was read and at one and a half of it. The first two are geometric
# means over both lines, with medians of simulated hearts below the band and inside it.
SLOW_STRENGTH = 0.2  # power over that of the line that was read; 0.5 below the band, 0.02 inside
SLOW_CONTRAST = 3.0  # power over that in the gaps halfway to the lines around; 25 below the band, 0.6 inside
# Each of the two: breathing at half the heart rate has the first and hardly the second.
LEAST_STRENGTH = 0.05
LEAST_CONTRAST = 1.5
# Infants' hearts reach 300 bpm. Cameras and codecs make lines of their own at 5 to 8 Hz (6.25 Hz is each fourth frame
# of 25 a second), stronger than the pulse of some real faces.
FASTEST_HZ = 5.0
# Of the power from the lower edge on; the strongest line above the band of clips without a pulse has at most 0.19.
FAST_SHARE = 0.2


def outside_band(spectra: WindowSpectra, rate_hz: float, *, panel: Panel | None) -> Side | None:
    """On which side of the band the heart rate may lie, when the rate that was read is not the heart's.

    Args:
        spectra: of the method whose rate it is; they count only where there is no panel.
        rate_hz: the rate that was read, inside the band. Unit: Hz.
        panel: the fixed panel on skin and control; at least half of it has to agree.

    Returns:
        "below" when half the rate lies below the band and has a line, and so has one and a half of it; "above" when
        the strongest line above the band is stronger than the one that was read; None otherwise.

    Source: our choice. A real pulse at `rate_hz` has multiples of it and nothing halfway between them; breathing at
    half the rate is one line, and what it does to the pulse's amplitude (a swing of 0.25 is 1.6 % of the power)
    hardly shows at one and a half.
    """
    pairs = [(spectra, None)] if panel is None else [(panel.skin[n], panel.control[n]) for n in panel.skin]
    needed = (len(pairs) + 1) // 2
    slow = rate_hz / 2 < spectra.band_hz[0]
    if slow and sum(_halfway_lines(skin, rate_hz) for skin, _ in pairs) >= needed:
        return "below"
    if sum(_stronger_above(skin, control, rate_hz) for skin, control in pairs) >= needed:
        return "above"
    return None


def _halfway_lines(spectra: WindowSpectra, rate_hz: float) -> bool:
    """Clear lines at half the rate and at one and a half of it, where they have to be to half a line's width."""
    places_hz = (0.5 * rate_hz, 1.5 * rate_hz)
    if any(abs(_crest_hz(spectra, at_hz) - at_hz) > _half_width_hz(spectra) / 2 for at_hz in places_hz):
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


def _stronger_above(skin: WindowSpectra, control: WindowSpectra | None, rate_hz: float) -> bool:
    """The strongest line above the band is a crest, exceeds the one that was read, and is not the light's."""
    low_hz, high_hz = skin.band_hz
    above = np.flatnonzero((skin.freqs_hz > high_hz) & (skin.freqs_hz <= FASTEST_HZ))
    if len(above) < 3:
        return False
    top = int(above[np.argmax(skin.power.mean(axis=0)[above])])
    top_hz = float(skin.freqs_hz[top])
    # at the edge stands the foot of a line inside; twice the rate is its harmonic, which may be the larger
    if top in (above[0], above[-1]) or abs(top_hz - 2 * rate_hz) <= _half_width_hz(skin):
        return False
    line = _line(skin, top_hz)
    if line <= _line(skin, rate_hz) or line < FAST_SHARE * _from(skin, low_hz):
        return False
    if control is None:
        return True
    on_control = _line(control, top_hz)  # as `quality.explained_by_control`, which ends at the band's edge
    explained = on_control / max(_from(control, low_hz), 1e-300) * min(1.0, on_control / line)
    return explained < SAME_IN_CONTROL


def _line(spectra: WindowSpectra, at_hz: float) -> float:
    """Power at a frequency, in the band or not, mean over windows."""
    return _between(spectra, at_hz - _half_width_hz(spectra), at_hz + _half_width_hz(spectra))


def _gaps(spectra: WindowSpectra, at_hz: float, away_hz: float) -> float:
    """Power on both sides of a line, halfway to its neighbours, in strips that together are as wide as the line."""
    half_hz = _half_width_hz(spectra) / 2
    return sum(
        _between(spectra, gap_hz - half_hz, gap_hz + half_hz) for gap_hz in (at_hz - away_hz, at_hz + away_hz)
    )


def _from(spectra: WindowSpectra, low_hz: float) -> float:
    return _between(spectra, low_hz, np.inf)


def _between(spectra: WindowSpectra, low_hz: float, high_hz: float) -> float:
    inside = (spectra.freqs_hz >= low_hz) & (spectra.freqs_hz <= high_hz)
    return float(spectra.power[:, inside].sum(axis=1).mean())


def _crest_hz(spectra: WindowSpectra, at_hz: float) -> float:
    """The strongest frequency near one."""
    near = np.abs(spectra.freqs_hz - at_hz) <= 1.5 * _half_width_hz(spectra)
    if not near.any():
        return float("nan")
    return float(spectra.freqs_hz[near][np.argmax(spectra.power.mean(axis=0)[near])])


def _half_width_hz(spectra: WindowSpectra) -> float:
    return max(LINE_HALF_WIDTH_HZ, 1.0 / spectra.window_s)
