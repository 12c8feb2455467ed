"""The path of a rate through windows, on shares with a known course."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rppg_core.signals.rate_track import candidate_rates, follow, line_shares
from rppg_core.types import HR_BAND_HZ

FREQS_HZ = np.arange(0, 8, 0.25 / 60)
RATES_BPM = 60 * candidate_rates(HR_BAND_HZ)
TIMES_S = 5.0 * np.arange(7)


def power(*lines, floor=0.0, width_hz=0.05):
    """One window: lines of (bpm, power) with the width of a 10 s Hann window, on noise that falls with frequency."""
    total = floor / np.maximum(FREQS_HZ, 0.1) ** 2
    for bpm, size in lines:
        total = total + size * np.exp(-0.5 * ((FREQS_HZ - bpm / 60) / width_hz) ** 2)
    return total


def found_bpm(windows):
    return RATES_BPM[follow(line_shares(np.stack(windows), FREQS_HZ, HR_BAND_HZ), TIMES_S[: len(windows)])]


def test_candidates_are_whole_beats_per_minute_inside_the_band():
    np.testing.assert_allclose(RATES_BPM, np.arange(39, 241))


def test_a_steady_rate_is_found_in_every_window():
    np.testing.assert_allclose(found_bpm([power((72, 1.0))] * 7), 72, atol=1)


@pytest.mark.parametrize("ends_bpm", [(120, 75), (74, 110)])
@pytest.mark.parametrize("width_hz", [0.05, 0.08])
def test_a_rate_that_changes_is_followed_to_its_ends(ends_bpm, width_hz):
    """A cost for every change would draw the first and the last window towards the middle."""
    rates = np.linspace(*ends_bpm, 7)
    windows = [power((bpm, 1.0), floor=0.1, width_hz=width_hz) for bpm in rates]
    np.testing.assert_allclose(found_bpm(windows), rates, atol=1.5)


def test_one_window_with_a_stronger_line_elsewhere_does_not_draw_the_path_away():
    windows = [power((72, 1.0))] * 7
    windows[3] = power((72, 1.0), (150, 1.0))
    np.testing.assert_allclose(found_bpm(windows), 72, atol=1)


def test_slow_noise_does_not_hide_a_fast_heart():
    """Without the factor the noise at 45 bpm, with twice the power, would win."""
    np.testing.assert_allclose(found_bpm([power((45, 2.0), (130, 1.0))] * 4), 130, atol=1)


def test_a_harmonic_keeps_the_path_off_half_of_the_rate():
    np.testing.assert_allclose(found_bpm([power((80, 1.0), (160, 0.3))] * 4), 80, atol=1)


def test_a_pause_lets_the_rate_change():
    shares = line_shares(np.stack([power((70, 1.0)), power((110, 1.0))]), FREQS_HZ, HR_BAND_HZ)
    near, far = (RATES_BPM[follow(shares, np.array([0.0, gap_s]))] for gap_s in (5.0, 60.0))
    np.testing.assert_allclose(far, [70, 110], atol=1)
    assert len(near) == 2


@given(st.floats(45, 115), st.floats(1e-6, 1e6))
def test_scale_does_not_matter(bpm, scale):
    one = found_bpm([power((bpm, 1.0), floor=0.01)] * 3)
    np.testing.assert_array_equal(found_bpm([scale * power((bpm, 1.0), floor=0.01)] * 3), one)
    assert one[0] == pytest.approx(bpm, abs=1)


def test_a_window_without_power_has_no_shares():
    assert (line_shares(np.zeros((2, len(FREQS_HZ))), FREQS_HZ, HR_BAND_HZ) == 0).all()
