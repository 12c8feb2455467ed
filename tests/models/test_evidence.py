"""What a network says of its own doubts: declared by name, averaged like a rate, a cap on every confidence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rppg_core.analysis.pipeline import Analysis  # noqa: E402
from rppg_core.lab.simulate.settings import SimulationSettings  # noqa: E402
from rppg_core.lab.simulate.traces import simulate_traces  # noqa: E402
from rppg_core.models.base import RppgModel, check_model, run_clip  # noqa: E402
from rppg_core.models.neural_method import NeuralMethod  # noqa: E402
from rppg_core.roster import Network  # noqa: E402
from rppg_core.signals.filters import bandpass  # noqa: E402
from rppg_core.types import FaceClip  # noqa: E402
from rppg_core.video.prepare import overlapping_windows  # noqa: E402

RATE_BPM = 75


@dataclass(frozen=True)
class DoubtConfig:
    window: int = 90
    doubts: float | None = None  # None: the level of the window


class Doubting(RppgModel):
    """Gives minus green back, and says how far to trust it."""

    name, paper = "doubting", "none"
    needs, tasks = frozenset({"rgb"}), frozenset({"bvp", "hr"})
    evidence = ("clarity", "stillness")

    @classmethod
    def inputs_from_clip(cls, clip, config):
        return {"green": clip.roi("skin")[:, 1].astype(np.float32)}

    def forward(self, inputs):
        green, doubts = inputs["green"], self.config.doubts
        level = green.mean(dim=1)
        return {
            "bvp": -green,
            "hr": level,
            "clarity": level if doubts is None else torch.full_like(level, 1 - doubts),
            "stillness": torch.ones_like(level),
            "ends": green[:, [0, -1]],
        }

    def loss(self, outputs, batch):
        return {}


class Plain(Doubting):
    """The same answers, and no word of trust."""

    evidence = ()


class Forgetful(Doubting):
    """Declares more than it gives."""

    evidence = ("clarity", "mood")


class Broad(Doubting):
    """Declares what is no single number."""

    evidence = ("ends",)


def clip_of(green: np.ndarray, valid: np.ndarray | None = None) -> FaceClip:
    n = len(green)
    valid = np.ones(n, bool) if valid is None else valid
    rgb = np.repeat(np.where(valid, green, np.nan)[:, None, None], 4, axis=1).repeat(3, axis=2)
    return FaceClip(times_s=np.arange(n) / 30.0, valid=valid, rgb=rgb, fs=30.0)


def test_evidence_is_a_mean_over_windows_and_no_part_of_rates_or_inside():
    green = np.linspace(0, 1, 200)
    output = run_clip(Doubting(DoubtConfig()), clip_of(green))
    windows = overlapping_windows(200, 90)
    assert len(windows) > 2
    assert output.evidence == pytest.approx(
        {"clarity": np.mean([green[w].mean() for w in windows]), "stillness": 1}, abs=1e-6
    )
    assert set(output.direct) == {"hr"} and set(output.inside) == {"ends"}


def test_stretches_count_by_their_length():
    green, valid = np.where(np.arange(300) < 200, 0.9, 0.4), np.ones(300, bool)
    valid[200:220] = False
    output = run_clip(Doubting(DoubtConfig()), clip_of(green, valid))
    assert output.evidence["clarity"] == pytest.approx((200 * 0.9 + 80 * 0.4) / 280, abs=1e-6)


def test_network_that_declares_none_gives_none():
    output = run_clip(Plain(DoubtConfig()), clip_of(np.linspace(0, 1, 200)))
    assert output.evidence == {}
    assert set(output.inside) == {"clarity", "stillness", "ends"}


@pytest.mark.parametrize(("cls", "words"), [(Forgetful, "'mood'.*missing"), (Broad, r"'ends'.*shape \(2,\)")])
def test_declared_evidence_that_is_missing_or_no_number_is_an_error(cls, words):
    with pytest.raises(ValueError, match=words):
        run_clip(cls(DoubtConfig()), clip_of(np.linspace(0, 1, 200)))


def test_clip_without_a_face_needs_no_evidence():
    output = run_clip(Doubting(DoubtConfig()), clip_of(np.full(200, 0.5), np.zeros(200, bool)))
    assert output.evidence == {}


@pytest.mark.parametrize("wrong", [("hr",), "clarity"])
def test_evidence_under_the_name_of_a_task_or_as_a_text_is_refused(wrong):
    model = Doubting(DoubtConfig())
    assert check_model(model) == 0
    model.evidence = wrong
    with pytest.raises(TypeError, match="evidence"):
        check_model(model)


@pytest.fixture(scope="module")
def analysis():
    clip, _ = simulate_traces(
        SimulationSettings(seconds=60, hr_bpm=RATE_BPM, amplitude_percent=1.5, noise=0.2, seed=3)
    )
    return Analysis(clip)


def judged(analysis: Analysis, model: RppgModel):
    about = Network(model="", recipe="", needs=model.needs, tasks=model.tasks, paper=model.paper)
    return analysis.judge(NeuralMethod(model.name, about, lambda: model))


@pytest.mark.parametrize("doubts", [0.0, 0.1, 0.5, 1.0, float("nan"), -7.0, 8.0])
def test_evidence_lowers_confidence_and_never_raises_it(analysis, doubts):
    plain = judged(analysis, Plain(DoubtConfig(doubts=doubts))).vitals
    found = judged(analysis, Doubting(DoubtConfig(doubts=doubts))).vitals
    assert plain.hr.confidence > 0.9 and plain.rr.confidence > 0.9
    trust = np.clip(np.nan_to_num(1 - doubts), 0, 1)
    assert found.hr.confidence == pytest.approx(min(plain.hr.confidence, trust), abs=1e-6)
    assert found.hr.refused == (trust < 0.8)
    for name, reading in plain.readings().items():
        assert getattr(found, name).confidence <= reading.confidence, name
        if trust == 1:
            assert getattr(found, name) == reading, name


def test_breathing_from_a_doubtful_pulse_is_as_doubtful(analysis):
    found = judged(analysis, Doubting(DoubtConfig(doubts=0.15))).vitals
    assert found.hr.confidence == found.rr.confidence == pytest.approx(0.85)


def test_report_keeps_the_evidence_and_its_json_is_as_without(analysis):
    with_doubts = judged(analysis, Doubting(DoubtConfig(doubts=0.0)))
    assert with_doubts.evidence == {"clarity": 1.0, "stillness": 1.0}
    report = analysis.report(["pos"])
    pairs = [
        replace(report, estimates={"one": estimate}).to_dict()["estimates"]["one"]
        for estimate in (with_doubts, judged(analysis, Plain(DoubtConfig(doubts=0.0))))
    ]
    assert pairs[0] == pairs[1]


class Clean(Doubting):
    """A cleaner pulse than any of the panel gives: without the noise far from the heart rate."""

    @classmethod
    def inputs_from_clip(cls, clip, config):
        green = bandpass(clip.roi("skin")[:, 1], 30.0, low_hz=0.9, high_hz=2.8)
        return {"green": green.astype(np.float32)}


class Confident(Clean):
    evidence = ()


class Lost(Clean):
    """The same at a rate that no method reads."""

    @classmethod
    def inputs_from_clip(cls, clip, config):
        return {"green": np.sin(2 * np.pi * 2.5 * clip.times_s).astype(np.float32)}


def consensus(clip: FaceClip, model: RppgModel):
    """Heart rate of the panel together with a network that stands first in every choice."""
    about = Network(model="", recipe="", needs=model.needs, tasks=model.tasks, paper=model.paper)
    method = NeuralMethod("tracenet", about, lambda: model)
    return Analysis(clip, own={"tracenet": method}).report(["tracenet"]).consensus


def test_network_that_doubts_itself_lends_the_consensus_nothing_and_takes_nothing_away(analysis):
    """Without evidence its clean wave is one of the two that carry the consensus; with doubts it is not there."""
    confident = consensus(analysis.clip, Confident(DoubtConfig()))
    doubting = consensus(analysis.clip, Clean(DoubtConfig(doubts=1.0)))
    assert confident.vitals.hr.value == doubting.vitals.hr.value
    alone = analysis.report(["pos"]).consensus
    assert confident.agree == doubting.agree and "tracenet" in doubting.agree
    assert doubting.vitals.hr.value == pytest.approx(alone.vitals.hr.value, abs=0.1)
    assert doubting.vitals.hr.confidence == pytest.approx(alone.vitals.hr.confidence, abs=1e-4)
    assert judged(analysis, Clean(DoubtConfig())).snr_db > analysis.estimate("pos").snr_db
    assert doubting.vitals.hr.confidence < confident.vitals.hr.confidence
    sure = consensus(analysis.clip, Clean(DoubtConfig(doubts=0.0)))
    assert sure == confident


def test_doubts_of_a_network_that_does_not_agree_change_nothing(analysis):
    found = [consensus(analysis.clip, Lost(DoubtConfig(doubts=doubts))) for doubts in (0.0, 1.0)]
    assert "tracenet" not in found[0].agree
    assert found[0] == found[1]
