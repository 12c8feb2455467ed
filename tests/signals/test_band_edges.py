import numpy as np
import pytest

from rppg_core import analyze
from rppg_core.analysis.controls import ControlledRuns
from rppg_core.lab.simulate import settings as simulator
from rppg_core.lab.simulate.physiology import Physiology, simulate_waves
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.signals.band_edges import outside_band
from rppg_core.signals.light import light_from_colours
from rppg_core.signals.quality import Panel
from rppg_core.signals.windows import window_spectra
from rppg_core.types import FS, HR_BAND_HZ, NEONATAL_HR_BAND_HZ, Bvp
from rppg_core.video.prepare import resample

NARROW_HZ = (0.9, 2.0)  # 54-120 bpm
QUIET = {"amplitude_percent": 0.7, "motion": "small"}


def side_on_a_face(hr_bpm, *, band_hz=HR_BAND_HZ, seed=0, seconds=30.0, **settings):
    """What is said of POS's rate on a simulated face, and that rate in bpm."""
    clip, _ = simulate_traces(
        SimulationSettings(hr_bpm=hr_bpm, seconds=seconds, seed=seed, **{**QUIET, **settings})
    )
    panel = ControlledRuns(resample(clip, FS)).panel(band_hz)
    pos = panel.skin["pos"]
    return outside_band(pos, pos.rate_hz, panel=panel), 60 * pos.rate_hz


def side_of_waves(samples, *, band_hz=HR_BAND_HZ, rate_bpm=None):
    spectra = window_spectra(as_bvp(samples), band_hz)
    rate_hz = spectra.rate_hz if rate_bpm is None else rate_bpm / 60
    return outside_band(spectra, rate_hz, panel=None)


def as_bvp(samples):
    return Bvp(samples, FS, 0.0, np.ones(len(samples), bool))


def tones(*rates_and_sizes, noise=0.05, seconds=30, seed=0):
    times_s = np.arange(int(seconds * FS)) / FS
    wave = sum(size * np.sin(2 * np.pi * bpm / 60 * times_s + bpm) for bpm, size in rates_and_sizes)
    return wave + noise * np.random.default_rng(seed).standard_normal(len(times_s))


@pytest.fixture
def any_rate(monkeypatch):
    """Let the simulator make hearts outside of what it usually draws."""
    monkeypatch.setitem(simulator.RANGES, "hr_bpm", (20, 300))


@pytest.mark.usefixtures("any_rate")
@pytest.mark.parametrize("fps", [24, 25, 30, 60])
@pytest.mark.parametrize("hr_bpm", [26, 29, 32, 36, 38])
def test_heart_below_the_band_is_not_taken_for_its_second_harmonic(hr_bpm, fps):
    side, rate_bpm = side_on_a_face(hr_bpm, fps=fps, seed=hr_bpm)
    itself = hr_bpm == 38 and rate_bpm == pytest.approx(
        38, abs=1
    )  # so near the edge that its own crest may be found
    assert itself or rate_bpm == pytest.approx(2 * hr_bpm, abs=2)  # what would be shown
    assert side == "below"


@pytest.mark.usefixtures("any_rate")
@pytest.mark.parametrize("fps", [24, 25, 30])
@pytest.mark.parametrize("hr_bpm", [37, 38, 38.5, 242])
def test_no_reading_lies_beyond_an_edge_of_the_band(hr_bpm, fps):
    settings = SimulationSettings(hr_bpm=hr_bpm, seconds=30, seed=38, **{**QUIET, "fps": fps})
    found = analyze(simulate_traces(settings)[0], methods=["pos"])
    vitals = found.consensus.vitals
    for reading in (vitals.hr, *(window.reading for window in vitals.hr_track)):
        if reading.value is None:
            assert reading.interval is None
        else:
            assert 39 <= reading.interval[0] <= reading.value <= reading.interval[1] <= 240


@pytest.mark.usefixtures("any_rate")
@pytest.mark.parametrize("hr_bpm", [246, 255, 265, 280])
def test_stronger_line_above_the_band_is_seen(hr_bpm):
    assert side_on_a_face(hr_bpm, seed=hr_bpm)[0] == "above"


@pytest.mark.usefixtures("any_rate")
@pytest.mark.parametrize(
    ("hr_bpm", "band_hz", "side"),
    [
        (60, NEONATAL_HR_BAND_HZ, "below"),
        (140, NEONATAL_HR_BAND_HZ, None),
        (232, NEONATAL_HR_BAND_HZ, "above"),
        (48, NARROW_HZ, "below"),
        (75, NARROW_HZ, None),
        (150, NARROW_HZ, "above"),
    ],
)
def test_other_bands_have_the_same_edges(hr_bpm, band_hz, side):
    assert side_on_a_face(hr_bpm, band_hz=band_hz)[0] == side


@pytest.mark.usefixtures("any_rate")
@pytest.mark.parametrize("hr_bpm", [44, 52, 65, 72, 76, 90, 130, 200, 235])
def test_heart_inside_the_band_with_deep_fast_breaths_is_kept(hr_bpm):
    # breathing near half the slower rates, a baseline larger than the pulse, amplitude and rate that swing with it
    side, rate_bpm = side_on_a_face(hr_bpm, rr_brpm=34, riiv=2.0, riav=0.25, seed=hr_bpm)
    assert rate_bpm == pytest.approx(hr_bpm, abs=5)
    assert side is None


def test_no_random_heart_inside_the_band_is_taken_for_another():
    rng = np.random.default_rng(5)
    times_s = np.arange(20 * int(FS)) / FS
    for _ in range(150):
        person = Physiology(
            hr_bpm=rng.uniform(41, 230),
            rr_brpm=rng.uniform(5, 36),
            riav=rng.uniform(0, 0.25),
            decay_s=rng.uniform(0.05, 0.3),
            dicrotic=rng.uniform(0, 0.3),
            rsa=0.02,
        )
        waves = simulate_waves(person, times_s, rng)
        samples = waves.bvp + rng.uniform(0, 2) * waves.baseline + 0.3 * rng.standard_normal(len(times_s))
        assert side_of_waves(samples, rate_bpm=float(np.mean(waves.hr_bpm))) is None, person


def test_breathing_at_half_the_heart_rate_is_no_slow_heart():
    assert side_of_waves(tones((36, 1.0), (72, 1.0), (144, 0.4))) is None
    assert side_of_waves(tones((36, 1.0), (72, 1.0), (108, 0.4), (144, 0.4))) == "below"


def test_slow_line_that_is_not_half_the_rate_is_no_slow_heart():
    assert side_of_waves(tones((31, 1.0), (72, 1.0), (103, 0.4), (144, 0.4)), rate_bpm=72) is None


def test_half_the_rate_inside_the_band_is_left_to_the_strongest_line():
    assert side_of_waves(tones((50, 0.8), (100, 1.0), (150, 0.4)), rate_bpm=100) is None


def test_second_harmonic_above_the_band_may_be_the_larger():
    assert side_of_waves(tones((130, 0.7), (260, 1.0))) is None
    assert side_of_waves(tones((95, 0.7), (260, 1.0))) == "above"


def test_no_heart_beats_as_fast_as_the_lines_that_cameras_make():
    assert side_of_waves(tones((72, 0.5), (375, 1.0))) is None  # 6.25 Hz: each fourth frame of 25 a second


def test_line_above_the_band_that_the_background_shows_is_light():
    wave = tones((72, 0.5), (260, 1.0))
    skin, face = window_spectra(as_bvp(wave)), 100 * (1 + 0.01 * wave[:, None] * np.ones(3))
    lit, quiet = (
        light_from_colours(face, 100 * (1 + 0.01 * wall[:, None] * np.ones(3)), np.ones(len(wave), bool), FS)
        for wall in (tones((260, 1.0)), tones((260, 0.0), seed=1))
    )
    assert outside_band(skin, 1.2, panel=Panel({"a": skin}, lit)) is None
    assert outside_band(skin, 1.2, panel=Panel({"a": skin}, quiet)) == "above"


def test_half_of_the_panel_decides_and_the_method_itself_does_not():
    slow = window_spectra(as_bvp(tones((36, 1.0), (72, 1.0), (108, 0.4))))
    plain = window_spectra(as_bvp(tones((72, 1.0), (144, 0.4), seed=1)))
    one = Panel({"a": slow, "b": plain, "c": plain, "d": plain})
    two = Panel({"a": slow, "b": slow, "c": plain, "d": plain})
    assert outside_band(slow, 1.2, panel=one) is None
    assert outside_band(plain, 1.2, panel=two) == "below"


@pytest.mark.parametrize("seed", range(4))
def test_noise_alone_hints_at_no_rate_outside(seed):
    for k in range(10):
        assert side_of_waves(np.random.default_rng(100 * seed + k).standard_normal(600)) is None
