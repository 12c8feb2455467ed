import dataclasses
import json

import numpy as np
import pytest

from rppg_core.analysis import clip_source
from rppg_core.analysis.pipeline import Analysis, analyze, check_clip, collect_needs
from rppg_core.classical import CLASSICAL as CLASSICAL_METHODS
from rppg_core.errors import (
    ClipTooShortError,
    FaceTooSmallError,
    FrameRateError,
    UnknownMethodError,
    UsageError,
    VideoError,
)
from rppg_core.lab.simulate.faces import SimulationSettings, simulate_clip
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.roster import CLASSICAL, PANEL, list_ready_methods
from rppg_core.types import MethodOutput
from tests.report_factory import make_report


@pytest.fixture(scope="module")
def pulsed():
    settings = SimulationSettings(seconds=20.0, hr_bpm=88.0, amplitude_percent=0.7, tone=1, seed=11)
    return simulate_clip(settings, needs=collect_needs(list_ready_methods()))


@pytest.fixture(scope="module")
def report(pulsed):
    return analyze(pulsed[0])


@pytest.fixture(scope="module")
def company(pulsed):
    return analyze(pulsed[0], "all")


def without_seconds(report):
    return json.dumps({k: v for k, v in report.to_dict().items() if k != "seconds"})


def test_all_classical_methods_find_the_rate(report, pulsed):
    truth_bpm = float(np.mean(pulsed[1].hr_bpm))
    assert list(report.estimates) == list(CLASSICAL)
    for name, estimate in report.estimates.items():
        assert estimate.vitals.hr.value == pytest.approx(truth_bpm, abs=3), name
    assert report.consensus.vitals.hr.value == pytest.approx(truth_bpm, abs=2)
    assert "bpm" in report.consensus.verdict


def test_interval_lies_around_the_value_and_confidence_is_a_probability(report):
    for estimate in report.estimates.values():
        hr = estimate.vitals.hr
        assert hr.interval[0] < hr.value < hr.interval[1]
        assert 0.8 <= hr.confidence <= 1


@pytest.mark.parametrize("name", list_ready_methods())
def test_reading_is_identical_alone_and_in_company(company, pulsed, name):
    alone = analyze(pulsed[0], [name])
    assert alone.estimates[name].vitals == company.estimates[name].vitals


def test_same_clip_gives_the_same_report_twice(report, pulsed):
    assert without_seconds(analyze(pulsed[0])) == without_seconds(report)


def test_report_is_plain_json_with_the_promised_keys(report):
    stored = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert set(stored) >= {"video", "face", "consensus", "estimates", "seconds"}
    pos = stored["estimates"]["pos"]
    assert set(pos["vitals"]["hr"]) == {"value", "unit", "confidence", "interval", "note"}
    assert len(pos["bvp"]["samples"]) == 600
    assert pos["weights"] == "none needed"


@pytest.mark.parametrize(("hr_bpm", "stored"), [(72.0, {"hr": 71.5, "rr": 15.0}), (None, {})])
def test_rates_that_a_network_regresses_are_stored_only_beside_a_pulse(hr_bpm, stored):
    report = make_report({"physmle": hr_bpm})
    (estimate,) = report.estimates.values()
    told = dataclasses.replace(
        report, estimates={"physmle": dataclasses.replace(estimate, direct={"hr": 71.5, "rr": 15.0})}
    )
    assert told.to_dict()["estimates"]["physmle"]["direct"] == stored


@pytest.mark.parametrize("kind", ["photo", "wall", "noise", "flicker", "shuffled", "moving background"])
def test_clip_without_a_pulse_gets_no_heart_rate_and_a_reason(kind):
    clip, _ = simulate_clip(SimulationSettings(kind=kind, seconds=15.0, seed=4))
    report = analyze(clip)
    hr = report.consensus.vitals.hr
    assert hr.value is None
    assert hr.note
    assert report.consensus.verdict.startswith("No reliable heart rate")
    assert report.consensus.vitals.rr.refused and report.consensus.vitals.rmssd.refused


def test_light_flicker_is_named_as_light():
    settings = SimulationSettings(kind="flicker", seconds=15.0, seed=4, flicker_percent=2.0, flicker_hz=1.1)
    green = analyze(simulate_clip(settings)[0], ["green"]).estimates["green"].vitals.hr
    assert green.refused
    assert "light or camera" in green.note


def test_panel_speaks_in_the_consensus_of_a_single_method(pulsed):
    alone = analyze(pulsed[0], ["pbv"])
    assert set(PANEL) <= set(alone.consensus.agree)
    assert list(alone.estimates) == ["pbv"]


def test_face_that_fills_the_picture_has_nothing_to_be_compared_with(pulsed):
    clip = dataclasses.replace(pulsed[0], background=None)
    report = analyze(clip)
    assert report.estimates["pos"].control == "none"
    assert report.consensus.vitals.hr.value is not None


def shortened(clip, n, step=1):
    fields = ("times_s", "valid", "rgb", "background", "boxes", "stmap", "landmarks")
    return dataclasses.replace(clip, **{f: getattr(clip, f)[:n:step] for f in fields})


def test_clip_of_three_seconds_is_refused_with_its_length(pulsed):
    with pytest.raises(ClipTooShortError, match=r"90 frames \(3\.00 s at 30 fps\).*at least 5 s"):
        analyze(shortened(pulsed[0], 90))


def test_time_lapse_is_refused_with_its_rate(pulsed):
    with pytest.raises(FrameRateError, match=r"5\.0 frames a second"):
        analyze(shortened(pulsed[0], 600, 6))


def test_ten_frames_a_second_are_enough_whatever_rounding_does_to_their_times(pulsed):
    slow = shortened(pulsed[0], 600, 3)
    check_clip(dataclasses.replace(slow, times_s=np.arange(len(slow.times_s)) * 0.1000001))


def test_tiny_face_is_refused_with_its_width(pulsed):
    small = dataclasses.replace(pulsed[0], face=dataclasses.replace(pulsed[0].face, width_px=40.0))
    with pytest.raises(FaceTooSmallError, match="40 pixels wide"):
        check_clip(small)


def test_unknown_method_error_lists_names(pulsed):
    with pytest.raises(UnknownMethodError, match="green, ica, chrom"):
        analyze(pulsed[0], ["poss"])


def test_network_without_weights_is_refused_before_the_video_is_read():
    with pytest.raises(UsageError, match="--weights physnet=FILE"):
        analyze("no such file.mp4", ["physnet"])


def test_unknown_region_is_a_usage_error():
    with pytest.raises(UsageError, match="region"):
        analyze("clip.mp4", region="nose")


def test_frames_with_their_times_are_analysed_like_a_file():
    rng = np.random.default_rng(0)
    times_s = np.arange(300) / 30
    pulse = 0.01 * np.sin(2 * np.pi * 1.4 * times_s)
    colour = np.array([160.0, 120.0, 100.0]) * (1 - pulse[:, None] * [0.4, 1.0, 0.5])
    frames = np.clip(colour[:, None, None] + rng.normal(0, 1, (300, 32, 32, 3)), 0, 255).astype(np.uint8)
    report = analyze((frames, times_s), region="whole")
    assert report.consensus.vitals.hr.value == pytest.approx(84, abs=1.5)
    assert report.estimates["pos"].control == "none"


@pytest.mark.parametrize("times_s", [[0.0, 0.1], [0.0, 0.2, 0.1], [0.0, 0.1, np.nan]])
def test_frames_need_one_time_each_in_order(times_s):
    with pytest.raises(UsageError, match="one time per frame, in seconds"):
        analyze((np.zeros((3, 8, 8, 3), np.uint8), np.array(times_s)), region="whole")


def test_bad_file_is_named_before_the_face_models_are_looked_for(monkeypatch, tmp_path):
    monkeypatch.setattr(clip_source, "FaceTracker", lambda: pytest.fail("looked for the models first"))
    with pytest.raises(VideoError, match="no file"):
        analyze(tmp_path / "missing.mp4")


def test_no_frames_at_all_are_a_clip_too_short():
    with pytest.raises(ClipTooShortError, match="0 frames"):
        analyze((np.zeros((0, 8, 8, 3), np.uint8), np.zeros(0)), region="whole")


def test_progress_names_the_methods(pulsed):
    seen = []
    analyze(pulsed[0], ["pos", "green"], progress=lambda stage, part: seen.append((stage, part)))
    assert [stage for stage, _ in seen] == ["pos (1 of 2)", "green (2 of 2)"]
    assert all(0 <= part <= 1 for _, part in seen)


def test_method_that_is_not_in_the_roster_is_judged_like_one_that_is(report, pulsed):
    stranger = dataclasses.replace(CLASSICAL_METHODS["pos"], name="pos of another seed")
    judged = Analysis(pulsed[0]).judge(stranger)
    assert judged.method == "pos of another seed"
    assert judged.vitals == report.estimates["pos"].vitals


class Oximeter:
    """A method that gives a number and no waveform."""

    name, weights, paper, needs = "oximeter", "none", "", frozenset({"rgb"})

    @staticmethod
    def estimate(clip):
        return MethodOutput(direct={"spo2": 96.0})


def test_saturation_without_a_waveform_is_shown_where_the_panel_finds_a_pulse(pulsed):
    vitals = Analysis(pulsed[0]).judge(Oximeter()).vitals
    assert (vitals.spo2.value, vitals.spo2.confidence, vitals.spo2.note) == (96.0, 0.5, "not calibrated")
    assert vitals.hr.value is None
    assert "no waveform" in vitals.hr.note


@pytest.mark.parametrize("kind", ["wall", "photo", "noise"])
def test_saturation_without_a_waveform_is_refused_where_the_panel_finds_none(kind):
    clip, _ = simulate_traces(SimulationSettings(kind=kind, seconds=15.0, seed=3))
    assert Analysis(clip).judge(Oximeter()).vitals.spo2.value is None


def test_heart_below_the_band_is_refused_by_every_method_and_the_consensus():
    settings = SimulationSettings(hr_bpm=36, seconds=30, amplitude_percent=0.7, motion="small", seed=2)
    found = analyze(simulate_traces(settings)[0])
    assert "may lie below 39 bpm" in found.consensus.vitals.hr.note
    assert "may lie below 39 bpm" in found.consensus.verdict
    assert all(e.vitals.hr.refused for e in found.estimates.values())
    assert all("may lie below 39 bpm" in found.estimates[name].vitals.hr.note for name in PANEL)
