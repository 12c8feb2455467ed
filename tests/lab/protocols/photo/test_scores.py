"""What a method scores on a clip, and how scores are summed up."""

from dataclasses import dataclass

import numpy as np
import pytest
from lab.protocols.photo.photo_rows import both, row

from rppg_core.classical import CLASSICAL
from rppg_core.lab.protocols.photo.scores import CONSTANT, CONSTANT_BPM, constant_rows, score, summary
from rppg_core.types import Bvp, FaceClip, MethodOutput

pytestmark = pytest.mark.usefixtures("few_resamples")


@dataclass(frozen=True)
class Silent:
    """A method that regresses rates and has no waveform."""

    name: str = "silent"
    needs: frozenset[str] = frozenset({"rgb"})
    weights: str = "none needed"
    paper: str = ""

    def estimate(self, clip: FaceClip) -> MethodOutput:
        return MethodOutput(direct={"hr": 80.0, "spo2": 95.0})


@dataclass(frozen=True)
class UpsideDown(Silent):
    """POS turned over: the same rate, another waveform."""

    def estimate(self, clip: FaceClip) -> MethodOutput:
        bvp = CLASSICAL["pos"].estimate(clip).bvp
        assert bvp is not None
        return MethodOutput(bvp=Bvp(-bvp.samples, bvp.fs, bvp.t0_s, bvp.valid))


def test_scores_come_from_the_waveform_and_tell_it_from_its_mirror_image(made):
    methods = {"pos": CLASSICAL["pos"], "mirror": UpsideDown(), "silent": Silent()}
    rows = score(methods, made)
    assert [r.method for r in rows] == ["pos", "mirror", "silent"] * 2
    for pos, mirror, silent in (rows[:3], rows[3:]):
        assert pos.r > 0.85 and mirror.r < pos.r - 0.1
        assert pos.hr_error_bpm < 3 and mirror.hr_bpm == pytest.approx(pos.hr_bpm)
        assert pos.snr_db > 0 and pos.snr_db == pytest.approx(mirror.snr_db)
        assert np.isnan([silent.r, silent.hr_bpm, silent.snr_db]).all() and not silent.hr_shown
        assert (silent.direct_hr_bpm, silent.direct_spo2_percent) == (80.0, 95.0)
        assert pos.motion_percent == mirror.motion_percent > 0


def test_ratio_and_gain_are_paired_with_pos_clip_by_clip():
    found = summary(both(better=0.1), "tracenet")
    assert found["r_gain"]["mean"] == pytest.approx(0.1)
    assert found["r_gain"]["high"] - found["r_gain"]["low"] < 1e-9  # the same gain on every clip: no doubt
    assert found["r"]["high"] - found["r"]["low"] > 0.01
    assert found["ratio"]["mean"] == pytest.approx((1 - 0.795) / (1 - 0.695))
    assert summary(both(better=0.1), "pos")["ratio"] is None


def test_breathing_is_averaged_over_the_long_clips_that_show_it():
    rows = [row(clip=k, seconds=40.0, rr_brpm=16.0 if k < 3 else float("nan")) for k in range(4)]
    found = summary([*rows, row(clip=9)], "pos")
    assert (found["n"], found["n_breath"]) == (1, 4)
    assert found["rr_shown"]["mean"] == 0.75 and found["rr_mae_brpm"]["mean"] == pytest.approx(1.0)


def test_constant_predictor_stands_beside_every_method_once_a_clip():
    rows = constant_rows(both(0.1))
    assert len(rows) == 40 and {r.method for r in rows} == {CONSTANT}
    assert rows[0].hr_error_bpm == pytest.approx(CONSTANT_BPM - 80)
