"""What the audits of SpO2 change in a clip, and what they leave."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.analysis.oxygen_audits import (
    AS_IT_IS,
    AUDITS,
    WARMER,
    audit_saturation,
    stronger_red_pulse,
    without_pulse,
)
from rppg_core.oximetry import ratio_of_ratios
from rppg_core.signals.filters import bandpass
from rppg_core.types import FS, FaceClip, MethodOutput, RgbTrace

N = 900
LEVEL = np.array([150.0, 100.0, 80.0])
PULSE = np.array([0.3, 0.8, 0.5])


@pytest.fixture(scope="module")
def clip() -> FaceClip:
    """A face that pulses at 75 a minute and drifts, in every field that audits may change."""
    t = np.arange(N) / FS
    seen = LEVEL + PULSE * np.sin(2 * np.pi * 1.25 * t)[:, None] + 3 * (t / t[-1])[:, None]
    crop = np.repeat(np.repeat(seen[:, None, None], 128, axis=1), 128, axis=2)
    return FaceClip(
        times_s=t, valid=np.ones(N, bool), rgb=np.repeat(seen[:, None], 4, axis=1), fs=FS,
        stmap=np.repeat(seen[:, None], 36, axis=1), stmap_weight=np.ones(36),
        crop128_raw=np.rint(256 * crop).astype(np.uint16),
    )  # fmt: skip


def fields_of(clip: FaceClip) -> dict[str, np.ndarray]:
    """Mean colours of each field. Unit: grey levels."""
    assert clip.stmap is not None and clip.crop128_raw is not None
    return {
        "rgb": clip.rgb[:, 0], "stmap": clip.stmap[:, 7], "crop128_raw": clip.crop128_raw[:, 64, 64] / 256.0
    }  # fmt: skip


def pulse_of(colours: np.ndarray) -> np.ndarray:
    """Standard deviation of each colour in the band of heart rates."""
    return bandpass(colours, FS, low_hz=0.9, high_hz=2.0)[90:-90].std(axis=0)


@pytest.mark.parametrize("name", AUDITS)
def test_every_field_changes_alike(clip, name):
    rgb, *others = fields_of(AUDITS[name](clip)).values()
    for other in others:
        np.testing.assert_allclose(other, rgb, atol=0.01)  # a crop has steps of 1/256


def test_without_pulse_the_level_and_its_drift_stay(clip):
    for name, found in fields_of(without_pulse(clip)).items():
        before = fields_of(clip)[name]
        assert (pulse_of(found) < 0.02 * pulse_of(before)).all()
        np.testing.assert_allclose(found.mean(axis=0), before.mean(axis=0), atol=0.05)
        assert np.ptp(found[:, 1]) == pytest.approx(3, abs=0.3)  # ends of the filter


def test_red_grows_alone(clip):
    before = pulse_of(clip.rgb[:, 0])
    np.testing.assert_allclose(
        pulse_of(stronger_red_pulse(clip, 1.2).rgb[:, 0]) / before, [1.2, 1, 1], atol=0.01
    )


def test_shuffled_frames_are_the_same_frames(clip):
    found = AUDITS["shuffled frames"](clip)
    np.testing.assert_array_equal(np.sort(found.rgb[:, 0, 1]), np.sort(clip.rgb[:, 0, 1]))
    assert (found.rgb != clip.rgb).any()
    np.testing.assert_array_equal(found.times_s, clip.times_s)


def test_white_balance_changes_the_level_and_no_ratio_of_ratios(clip):
    found = AUDITS["warmer white balance"](clip)
    np.testing.assert_allclose(found.rgb[:, 0].mean(axis=0) / clip.rgb[:, 0].mean(axis=0), WARMER, rtol=1e-6)
    before, after = (ratio_of_ratios(RgbTrace(one.rgb[:, 0], FS)).red_over_blue for one in (clip, found))
    np.testing.assert_allclose(after, before, rtol=1e-6)


class RatioOximeter:
    """Reads SpO2 off the ratio of red over green in the crops, as a straight line."""

    name, needs, weights, paper = "ratio", frozenset({"rgb", "crop128_raw"}), "none", ""

    def estimate(self, clip: FaceClip) -> MethodOutput:
        colours = clip.need("crop128_raw").mean(axis=(1, 2)) / 256.0
        red, green, _ = pulse_of(colours) / colours.mean(axis=0)
        return MethodOutput(direct={"spo2": 110 - 25 * red / max(green, 1e-4)})


def test_an_oximeter_of_ratios_passes_the_audits(clip):
    found = audit_saturation(RatioOximeter(), clip)
    assert list(found) == [AS_IT_IS, *AUDITS]
    ratio = (110 - found[AS_IT_IS]) / 25
    assert found["red pulse 20 % larger"] == pytest.approx(110 - 25 * 1.2 * ratio, abs=0.2)
    assert found["warmer white balance"] == pytest.approx(found[AS_IT_IS], abs=0.1)


def test_a_method_without_saturation_is_audited_as_unknown(clip):
    class Silent(RatioOximeter):
        def estimate(self, clip: FaceClip) -> MethodOutput:
            return MethodOutput()

    assert np.isnan(list(audit_saturation(Silent(), clip).values())).all()
