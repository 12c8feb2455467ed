import numpy as np
import pytest

from rppg_core.analysis.heart_rate import cap
from rppg_core.analysis.vitals import Context, vitals_from_bvp
from rppg_core.lab.simulate.physiology import Physiology, simulate_waves
from rppg_core.signals.light import light_from_colours
from rppg_core.signals.quality import Panel
from rppg_core.signals.windows import window_spectra
from rppg_core.types import NEONATAL_HR_BAND_HZ, Bvp

FS = 30.0


def beating(seconds, hr_bpm=72.0, seed=0, noise=0.15, **person):
    rng = np.random.default_rng(seed)
    times_s = np.arange(int(seconds * FS)) / FS
    waves = simulate_waves(Physiology(hr_bpm=hr_bpm, **person), times_s, rng)
    samples = waves.bvp + noise * rng.standard_normal(len(times_s))
    return Bvp(samples, FS, 0.0, np.ones(len(times_s), bool)), waves


def quiet(seconds, seed=9, scale=0.01):
    samples = scale * np.random.default_rng(seed).standard_normal(int(seconds * FS))
    return Bvp(samples, FS, 0.0, np.ones(len(samples), bool))


def judge(bvp, *, lit=None, **more):
    """The vitals of a waveform that a panel of four sees, before a quiet wall or one that swings with `lit`."""
    seconds = len(bvp.samples) / FS
    noise = 0.0005 * np.random.default_rng(9).standard_normal((len(bvp.samples), 3))
    wall = 100 * (1 + noise + (0.0 if lit is None else 0.01 * lit.samples[:, None]))
    skin = 100 * (1 - 0.01 * bvp.samples[:, None] * np.array([0.33, 0.77, 0.53]))
    band_hz = more.pop("band_hz", (0.65, 4.0))
    context = Context(
        seconds, float(bvp.valid.sum()) / FS, 1 / FS, more.pop("jitter_s", 0.0), band_hz=band_hz
    )
    light = light_from_colours(skin, wall, bvp.valid, FS)
    panel = Panel(dict.fromkeys("abcd", window_spectra(bvp, band_hz)), light)
    return vitals_from_bvp(bvp, context=context, panel=panel, **more)


def test_good_pulse_gets_rate_variability_and_interval():
    bvp, waves = beating(60)
    found = judge(bvp).vitals
    assert found.hr.value == pytest.approx(float(np.mean(waves.hr_bpm)), abs=1.5)
    assert found.hr.interval[0] < found.hr.value < found.hr.interval[1]
    truth_ms = 1e3 * np.sqrt(np.mean(np.diff(np.diff(waves.beats_s)) ** 2))
    assert found.rmssd.value == pytest.approx(truth_ms, abs=10)
    assert found.lf_hf.value is not None


@pytest.mark.parametrize(
    ("seconds", "refused"), [(8, {"rr", "rmssd", "lf_hf"}), (15, {"rmssd", "lf_hf"}), (40, {"lf_hf"})]
)
def test_every_vital_has_its_own_minimum_length(seconds, refused):
    found = judge(beating(seconds)[0]).vitals
    assert found.hr.value is not None
    for name in ("rmssd", "lf_hf", "rr"):
        reading = getattr(found, name)
        if name in refused:
            assert reading.refused
            assert "s of " in reading.note


def test_noise_gets_no_number_at_all():
    found = judge(quiet(20, seed=1, scale=1.0)).vitals
    for name in ("hr", "rr", "sdnn", "rmssd", "pnn50", "lf_hf", "spo2"):
        assert getattr(found, name).refused, name


def test_same_rate_on_the_background_is_refused_as_light():
    bvp, _ = beating(20)
    found = judge(bvp, lit=bvp).vitals
    assert found.hr.refused
    assert "light or camera" in found.hr.note


def test_evidence_lowers_confidence_and_never_raises_it():
    bvp, _ = beating(20)
    plain = judge(bvp).vitals.hr
    assert judge(bvp, evidence={"code_distance": 0.3}).vitals.hr.refused
    assert judge(bvp, evidence={"code_distance": 1.0}).vitals.hr == plain


@pytest.mark.parametrize(
    ("score", "confidence"), [(0.5, 0.5), (0.95, 0.9), (7.0, 0.9), (-3.0, 0.0), (float("nan"), 0.0)]
)
def test_cap_is_a_probability_and_what_is_no_number_counts_as_nothing(score, confidence):
    assert cap(0.9, {"one": 1.0, "other": score}) == confidence
    assert cap(0.9, {"other": score, "one": 1.0}) == confidence
    assert cap(0.9, {}) == cap(0.9, None) == 0.9


def test_evidence_caps_breathing_too():
    bvp, _ = beating(60)
    assert judge(bvp).vitals.rr.confidence > 0.9
    assert judge(bvp, evidence={"code_distance": 0.85}).vitals.rr.confidence == 0.85


def test_spo2_is_never_calibrated_and_needs_a_pulse():
    bvp, _ = beating(20)
    spo2 = judge(bvp, direct={"spo2": 97.0}).vitals.spo2
    assert (spo2.value, spo2.confidence, spo2.note) == (97.0, 0.5, "not calibrated")
    noise = quiet(20, seed=1, scale=1.0)
    assert judge(noise, direct={"spo2": 97.0}).vitals.spo2.refused


def test_method_without_a_waveform_gets_no_heart_rate():
    context = Context(20.0, 20.0, 1 / FS, 0.0)
    found = vitals_from_bvp(None, context=context).vitals
    assert "no waveform" in found.hr.note


def test_frame_times_that_jitter_make_variability_too_coarse():
    bvp, _ = beating(60)
    assert judge(bvp, jitter_s=0.05).vitals.rmssd.refused
    assert "coarse" in judge(bvp, jitter_s=0.05).vitals.rmssd.note


def test_newborn_band_finds_a_newborn_rate():
    bvp, waves = beating(20, hr_bpm=140)
    found = judge(bvp, band_hz=NEONATAL_HR_BAND_HZ).vitals
    assert found.hr.value == pytest.approx(float(np.mean(waves.hr_bpm)), abs=3)


@pytest.mark.parametrize(
    ("hr_bpm", "band_hz", "words"),
    [
        (36, (0.65, 4.0), "may lie below 39 bpm"),
        (255, (0.65, 4.0), "may lie above 240 bpm"),
        (60, NEONATAL_HR_BAND_HZ, "may lie below 78 bpm"),
        (48, (0.9, 2.0), "may lie below 54 bpm"),
    ],
)
def test_heart_outside_the_band_is_refused_with_the_side(hr_bpm, band_hz, words):
    found = judge(beating(30, hr_bpm=hr_bpm)[0], band_hz=band_hz).vitals
    assert words in found.hr.note
    assert found.hr.value is None and found.hr.confidence <= 0.05
    assert found.rmssd.refused and found.rr.refused


@pytest.mark.parametrize("hr_bpm", [41, 48, 60, 76, 120, 180, 230])
def test_heart_inside_the_band_is_not_refused_for_its_edges(hr_bpm):
    bvp, waves = beating(30, hr_bpm=hr_bpm, rsa=0.01, mayer=0.005)
    assert judge(bvp).vitals.hr.value == pytest.approx(float(np.mean(waves.hr_bpm)), abs=3)
