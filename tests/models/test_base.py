"""One way from clip to waveform for every network: segments, windows, numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rppg_core.models.base import RppgModel, check_model  # noqa: E402
from rppg_core.models.neural_method import NeuralMethod  # noqa: E402
from rppg_core.roster import Network  # noqa: E402
from rppg_core.types import FaceClip  # noqa: E402
from rppg_core.video.prepare import cut, overlapping_windows  # noqa: E402


@dataclass(frozen=True)
class EchoConfig:
    window: int = 90


class Echo(RppgModel):
    """Gives minus green of the skin back, and its mean level as a heart rate."""

    name, paper = "echo", "none"
    needs, tasks = frozenset({"rgb"}), frozenset({"bvp", "hr"})

    @classmethod
    def inputs_from_clip(cls, clip, config):
        return {"green": clip.roi("skin")[:, 1].astype(np.float32)}

    def forward(self, inputs):
        return {"bvp": -inputs["green"], "hr": inputs["green"].mean(dim=1)}

    def loss(self, outputs, batch):
        return {}


class Open(Echo):
    """Echo that also tells a breathing rate where it sees a whole window, and what it saw on the way."""

    tasks = frozenset({"bvp", "hr", "rr"})

    def forward(self, inputs):
        green = inputs["green"]
        told = {"rr": green.amax(dim=1)} if green.shape[1] >= 90 else {}
        return {**super().forward(inputs), **told, "ends": green[:, [0, -1]]}


def clip_of(green: np.ndarray, valid: np.ndarray | None = None, fs: float | None = 30.0) -> FaceClip:
    n = len(green)
    valid = np.ones(n, bool) if valid is None else valid
    rgb = np.repeat(np.where(valid, green, np.nan)[:, None, None], 4, axis=1).repeat(3, axis=2)
    return FaceClip(times_s=np.arange(n) / 30.0, valid=valid, rgb=rgb, fs=fs)


def about(cls) -> Network:
    """What the roster would say of a network."""
    return Network(model="", recipe="", needs=cls.needs, tasks=cls.tasks, paper=cls.paper)


@pytest.fixture
def method():
    return NeuralMethod("echo", about(Echo), lambda: Echo(EchoConfig()))


def test_windows_join_to_one_waveform_of_the_whole_clip(method):
    green = 100 + np.sin(2 * np.pi * 1.2 * np.arange(400) / 30)
    output = method.estimate(clip_of(green))
    assert output.bvp.valid.all()
    assert np.corrcoef(output.bvp.samples, -green)[0, 1] > 0.99
    assert output.direct["hr"] == pytest.approx(100, abs=1)


def test_a_gap_splits_the_clip_and_short_pieces_are_left_out(method):
    valid = np.ones(400, bool)
    valid[200:220] = False
    valid[250:270] = False  # leaves one second between the gaps
    output = method.estimate(clip_of(np.random.default_rng(0).normal(100, 1, 400), valid))
    assert output.bvp.valid[:200].all() and output.bvp.valid[270:].all()
    assert not output.bvp.valid[200:270].any()
    assert (output.bvp.samples[200:270] == 0).all()


@pytest.fixture
def open_method():
    return NeuralMethod("open", about(Open), lambda: Open(EchoConfig()))


def test_rates_and_what_is_seen_inside_are_means_over_the_windows(open_method):
    green = np.arange(200.0)
    windows = overlapping_windows(200, 90)
    assert len(windows) > 2
    output = open_method.estimate(clip_of(green))
    assert output.direct == pytest.approx(
        {
            "hr": np.mean([green[w].mean() for w in windows]),
            "rr": np.mean([green[w][-1] for w in windows]),
        }
    )
    assert set(output.inside) == {"ends"}  # never among the rates
    np.testing.assert_allclose(output.inside["ends"], np.mean([green[w][[0, -1]] for w in windows], axis=0))


def test_what_follows_time_is_kept_for_every_window_with_its_place():
    class Kept(Open):
        per_window = ("ends",)

    green, valid = np.arange(400.0), np.ones(400, bool)
    valid[210:220] = False
    found = NeuralMethod("kept", about(Kept), lambda: Kept(EchoConfig())).estimate(clip_of(green, valid))
    starts, stops = (30 * found.inside["windows_s"].T).round().astype(int)
    expected = [*overlapping_windows(210, 90), *overlapping_windows(180, 90)]
    assert (starts - np.where(starts >= 220, 220, 0)).tolist() == [w.start for w in expected]
    np.testing.assert_array_equal(found.inside["ends"], np.stack([green[starts], green[stops - 1]], axis=1))


def test_shorter_windows_are_filled_up():
    class Kept(Echo):
        per_window = ("seen",)

        def forward(self, inputs):
            return {**super().forward(inputs), "seen": inputs["green"]}

    valid = np.ones(300, bool)
    valid[200:205] = False
    found = NeuralMethod("kept", about(Kept), lambda: Kept(EchoConfig(window=200))).estimate(
        clip_of(np.arange(300.0), valid)
    )
    seen = found.inside["seen"]
    assert seen.shape == (2, 200) and np.isnan(seen[1, 95:]).all()
    np.testing.assert_array_equal(seen[1, :95], np.arange(205.0, 300.0))


def test_stretches_count_by_their_length_and_those_without_an_answer_not_at_all(open_method):
    green, valid = np.where(np.arange(300) < 200, 100.0, 40.0), np.ones(300, bool)
    valid[200:220] = False  # then 80 frames, less than a window
    output = open_method.estimate(clip_of(green, valid))
    assert output.direct["hr"] == pytest.approx((200 * 100 + 80 * 40) / 280)
    assert output.direct["rr"] == 100
    np.testing.assert_allclose(output.inside["ends"], [(200 * 100 + 80 * 40) / 280] * 2)


def test_network_that_tells_nothing_of_itself_leaves_inside_empty(method):
    assert method.estimate(clip_of(np.full(200, 100.0))).inside == {}


def test_uneven_clips_are_refused(method):
    with pytest.raises(ValueError, match="resample"):
        method.estimate(clip_of(np.ones(200), fs=None))


def test_cut_takes_the_same_stretch_of_every_field():
    clip = replace(clip_of(np.arange(300.0)), stmap=np.arange(300.0)[:, None, None] * np.ones((1, 36, 3)))
    part = cut(clip, slice(50, 80))
    assert len(part.times_s) == 30 and part.stmap[0, 0, 0] == 50 and part.rgb[0, 0, 0] == 50


def test_unknown_tasks_are_named():
    model = Echo(EchoConfig())
    assert check_model(model) == 0
    model.tasks = frozenset({"bvp", "mood"})
    with pytest.raises(TypeError, match="mood"):
        check_model(model)
