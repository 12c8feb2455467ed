"""What a waveform shares with the light on the background, and the colour of what swings with it."""

import numpy as np
import pytest

from rppg_core.signals.light import SharedLight, chroma, light_from_colours, swings
from rppg_core.signals.windows import window_spectra
from rppg_core.types import FS
from tests.signals.waves import wave

BLOOD = np.array([0.33, 0.77, 0.53])


def light(hr_bpm, *, on_wall, on_skin=0.01, noise=0.0005, seed=0, seconds=20):
    """Colours that swing at one rate on the skin and, by the same cause, on the wall."""
    n = int(seconds * FS)
    rng = np.random.default_rng(seed)
    swing = np.sin(2 * np.pi * hr_bpm / 60 * np.arange(n) / FS)[:, None]
    skin, wall = (
        120 * (1 + size * swing + noise * rng.standard_normal((n, 3))) for size in (on_skin, on_wall)
    )
    return light_from_colours(skin, wall, np.ones(n, bool), FS)


def test_light_on_skin_and_wall_is_explained_and_a_pulse_before_a_quiet_wall_is_not():
    spectra = window_spectra(wave(66, noise=0.1))
    assert SharedLight(spectra, light(66, on_wall=0.01), 1.1).explained() > 0.9
    assert SharedLight(spectra, light(66, on_wall=0.0), 1.1).explained() < 0.1


@pytest.mark.parametrize("seed", range(5))
def test_noise_on_the_wall_as_strong_as_the_pulse_explains_little(seed):
    """Independent noise has power at the rate, but no fixed phase to the skin."""
    spectra = window_spectra(wave(66, noise=0.1, seconds=30))
    loud = light(66, on_wall=0.0, noise=0.01, seed=seed, seconds=30)
    assert SharedLight(spectra, loud, 1.1).explained() < 0.5


def test_light_that_swings_weakly_on_the_wall_explains_part():
    spectra = window_spectra(wave(66, noise=0.1))
    assert 0.2 < SharedLight(spectra, light(66, on_wall=0.0015), 1.1).explained() < 0.45


def test_light_on_a_wall_behind_the_face_may_be_half_as_strong_as_on_the_face():
    spectra = window_spectra(wave(66, noise=0.1, seconds=30))
    assert SharedLight(spectra, light(66, on_wall=0.005, seconds=30), 1.1).explained() > 0.7


@pytest.mark.parametrize(("colour", "low", "high"), [(np.ones(3), 0, 0.06), (BLOOD, 0.3, 0.4)])
def test_light_swings_grey_and_blood_swings_in_colour(colour, low, high):
    pulse = wave(66, noise=0.1, seconds=30)
    noise = np.random.default_rng(1).standard_normal((len(pulse.samples), 3))
    skin = 120 * (1 + 0.01 * wave(66, seconds=30).samples[:, None] * colour + 0.001 * noise)
    spectra = window_spectra(pulse)
    found = light_from_colours(skin, None, pulse.valid, FS)
    assert low <= chroma(swings(spectra, found, spectra.track_hz).sum(axis=0)) <= high


def test_a_swing_of_nothing_has_no_chroma():
    assert chroma(np.zeros(3, complex)) == 0
