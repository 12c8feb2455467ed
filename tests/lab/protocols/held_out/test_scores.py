from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from lab.protocols.held_out.stored_clips import MemoryClip, traces, unlabelled

from rppg_core import metrics
from rppg_core.lab.protocols.held_out import scores as dataset_scores
from rppg_core.lab.protocols.held_out.scores import ScoredMethod, known_from_truth, score_clip
from rppg_core.types import Bvp, FaceClip, MethodOutput

FS = 30.0


@pytest.fixture(scope="module")
def easy():
    return MemoryClip("a", "s1", "one", traces(72.0), {"light": "dim"})


@pytest.fixture(scope="module")
def rows(easy):
    return score_clip(easy, [ScoredMethod("pos"), ScoredMethod("green")], split="fold 1")


def test_clip_gives_a_row_a_window_and_one_for_the_video(rows):
    mine = [row for row in rows if row.method == "pos"]
    assert [row.unit for row in mine] == ["video", "window", "window", "window"]
    assert [row.start_s for row in mine] == [0.0, 0.0, 5.0, 10.0]
    assert {row.seconds for row in mine if row.unit == "window"} == {10.0}
    assert {(row.split, row.subject, row.condition["light"]) for row in mine} == {("fold 1", "s1", "dim")}


def test_rates_of_an_easy_clip_are_right_and_shown(rows):
    for row in rows:
        assert row.hr_bpm == pytest.approx(row.hr_true_bpm, abs=2.5), row  # a window's rate varies by 2 bpm
        assert row.hr_shown
        assert row.r > 0.8  # 1 % pulse, 0.5 grey levels of noise
        assert row.snr_db > 0


def test_true_rate_of_a_window_is_the_mean_of_the_label_inside(easy, rows):
    _, truth = easy.load()
    second = next(row for row in rows if row.unit == "window" and row.start_s == 5.0)
    assert second.hr_true_bpm == pytest.approx(truth.hr_bpm[150:450].mean(), abs=1e-9)
    assert second.hr_from == "hr label"


def test_waveform_numbers_are_those_of_metrics(easy, rows):
    clip, truth = easy.load()
    window = next(row for row in rows if row.unit == "window" and row.method == "pos" and row.start_s == 5.0)
    bvp = ScoredMethod("pos").method().estimate(clip).bvp.samples[150:450]
    label = truth.bvp[150:450]
    assert window.r == pytest.approx(metrics.waveform_r(label - label.mean(), bvp, FS), abs=1e-9)
    assert window.snr_db == pytest.approx(metrics.snr_db(window.hr_true_bpm, bvp, FS), abs=1e-9)


def test_without_a_rate_label_the_waveform_label_gives_the_true_rate():
    _, truth = traces(90.0)
    known = known_from_truth(unlabelled(truth, "hr_bpm"), slice(0, 600), FS)
    assert known.hr_from == "bvp label"
    assert known.hr_true_bpm == pytest.approx(truth.hr_bpm.mean(), abs=1.0)


def test_a_rate_label_that_covers_little_of_a_window_does_not_count():
    _, truth = traces(90.0)
    hr_bpm = truth.hr_bpm.copy()
    hr_bpm[100:300] = np.nan
    assert known_from_truth(replace(truth, hr_bpm=hr_bpm), slice(0, 300), FS).hr_from == "bvp label"
    assert known_from_truth(replace(truth, hr_bpm=hr_bpm), slice(0, 600), FS).hr_from == "hr label"


def test_without_labels_nothing_is_true():
    _, truth = traces()
    nothing = unlabelled(truth, "hr_bpm", "bvp", "resp", "rr_brpm", "spo2_percent")
    known = known_from_truth(nothing, slice(0, 600), FS)
    assert known.hr_from == ""
    assert np.isnan([known.hr_true_bpm, known.rr_true_brpm, known.spo2_true_percent]).all()


def test_breathing_is_asked_of_17_s_and_more(easy):
    _, truth = easy.load()
    assert np.isnan(known_from_truth(truth, slice(0, 500), FS).rr_true_brpm)
    assert known_from_truth(truth, slice(0, 510), FS).rr_true_brpm == truth.rr_brpm


def test_breathing_wave_gives_the_true_rate_where_none_is_labelled():
    _, truth = traces(seconds=30.0, rr_brpm=15.0)
    known = known_from_truth(unlabelled(truth, "rr_brpm"), slice(0, 900), FS)
    assert known.rr_true_brpm == pytest.approx(truth.rr_brpm, abs=1.5)  # 30 s resolve 2 breaths/min


def test_lost_face_leaves_a_row_without_a_rate(easy):
    clip, truth = easy.load()
    valid = clip.valid.copy()
    valid[:300] = False
    rgb = np.where(valid[:, None, None], clip.rgb, np.nan)
    lost = replace(easy, made=(replace(clip, valid=valid, rgb=rgb), truth))
    first = next(row for row in score_clip(lost, [ScoredMethod("pos")]) if row.unit == "window")
    assert np.isnan([first.hr_bpm, first.r, first.snr_db]).all()
    assert not first.hr_shown
    assert np.isfinite(first.hr_true_bpm)


@dataclass(frozen=True)
class Regressor:
    """A network of rates that says how long a clip it was given."""

    name: str = "regressor"
    needs: frozenset[str] = frozenset({"rgb"})
    weights: str = "made up"
    paper: str = "none"

    def estimate(self, clip: FaceClip) -> MethodOutput:
        n = len(clip.times_s)
        wave = Bvp(np.sin(2 * np.pi * 1.2 * np.arange(n) / FS), FS, float(clip.times_s[0]), np.ones(n, bool))
        return MethodOutput(bvp=wave, direct={"hr": n / FS, "spo2": 97.0})


def test_regressed_rates_are_asked_anew_in_every_window(easy, monkeypatch, tmp_path):
    monkeypatch.setattr(ScoredMethod, "method", lambda voice: Regressor())
    rows = score_clip(easy, [ScoredMethod("regressor", weights=tmp_path)])
    assert {row.unit: row.direct_hr_bpm for row in rows} == {"video": 20.0, "window": 10.0}
    assert {row.direct_spo2_percent for row in rows} == {97.0}
    assert np.isnan([row.direct_rr_brpm for row in rows]).all()


def test_network_without_weights_of_its_own_is_refused(easy):
    with pytest.raises(ValueError, match="tracenet has no weights"):
        score_clip(easy, [ScoredMethod("tracenet")])


def test_windows_are_as_long_as_asked(easy):
    rows = score_clip(easy, [ScoredMethod("pos")], window_s=dataset_scores.RR_WINDOW_S)
    windows = [row for row in rows if row.unit == "window"]
    assert [row.seconds for row in windows] == [17.0, 17.0]
    assert all(np.isfinite(row.rr_true_brpm) for row in windows)
