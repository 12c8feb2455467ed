"""Voices on clips with known rates, and the counts of what they say."""

from __future__ import annotations

from dataclasses import dataclass, fields
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rppg_core.lab.protocols import voices
from rppg_core.lab.protocols.voices import (
    Span,
    Voice,
    constant_voice,
    shown_right_criterion,
    tally,
    voices_on_clip,
)
from rppg_core.types import Reading, Vitals
from rppg_core.video.prepare import cut
from tests.lab.protocols.trace_folder import easy_clip


def voice(rate=70.0, *, shown=True, half=2.0, name="pos") -> Voice:
    value, low, high = (rate, rate - half, rate + half) if shown else (None, None, None)
    return Voice(name, rate, Span(0.0, 30.0, value, 0.9, low, high, ""))


def test_counts_separate_right_shown_wrong_and_held():
    pairs = [
        (voice(70.0), 71.0),  # right, shown, held
        (voice(70.0), 74.0),  # right, shown, outside the interval
        (voice(70.0), 80.0),  # wrong
        (voice(70.0, shown=False), 71.0),  # right, not shown
        (voice(70.0, shown=False), 90.0),
        (voice(70.0), float("nan")),  # no reference
    ]
    found = tally(pairs)
    assert (found.n, found.right, found.shown, found.wrong, found.held) == (5, 3, 3, 1, 1)
    assert found.width_bpm == pytest.approx(4.0)
    assert found.cells() == ["5", "60 %", "60 %", "1 of 3", "33 %", "4.0"]


def test_the_constant_has_no_interval_and_says_nothing_without_a_value():
    found = tally([(constant_voice(70.0), 71.0), (constant_voice(float("nan")), 71.0)])
    assert (found.n, found.shown, found.right, found.held_share) == (2, 1, 1, "")


def test_every_method_and_the_consensus_find_the_rate_of_an_easy_clip():
    clip, truth = easy_clip(84.0, seconds=20)
    heard = voices_on_clip(clip, ["pos", "green"])
    assert [v.name for v in heard.voices] == ["pos", "green", "consensus"]
    true_bpm = float(truth.hr_bpm.mean())
    assert [v.rate_bpm for v in heard.voices] == pytest.approx([true_bpm] * 3, abs=2)
    assert {"pos", "chrom"} <= set(heard.agree) & set(heard.waves)


def test_the_rate_of_a_refused_consensus_is_that_of_the_agreeing_methods(monkeypatch):
    clip, truth = easy_clip(84.0, seconds=20)
    report = voices.Analysis.report

    def refused(self, names):
        found = report(self, names)
        hr = Reading(None, "bpm", 0.1, None, "not sure")
        vitals = type(found.consensus.vitals)(**{**found.consensus.vitals.__dict__, "hr": hr})
        consensus = type(found.consensus)(vitals, "", found.consensus.agree)
        return type(found)(**{**found.__dict__, "consensus": consensus})

    monkeypatch.setattr(voices.Analysis, "report", refused)
    consensus = voices_on_clip(clip, ["pos"]).voices[-1]
    assert not consensus.shown and consensus.whole.note == "not sure"
    assert consensus.rate_bpm == pytest.approx(float(truth.hr_bpm.mean()), abs=2)


def test_a_clip_that_cannot_be_analysed_has_refusals_with_their_cause():
    clip, _ = easy_clip(seconds=6)
    heard = voices_on_clip(cut(clip, slice(0, 60)), ["pos"])
    assert [v.shown for v in heard.voices] == [False, False]
    assert "frames" in heard.voices[0].whole.note
    assert np.isnan(heard.voices[0].rate_bpm) and not heard.waves


@dataclass(frozen=True)
class Tracked(Vitals):
    """Vitals with the heart rate of every window."""

    hr_track: tuple[Any, ...] = ()


def test_spans_are_the_windows_of_a_track_where_the_vitals_have_one():
    reading = Reading(70.0, "bpm", 0.9, (68.0, 72.0))
    readings = {f.name: reading for f in fields(Vitals) if f.name not in ("hr_track", "hr_seconds")}
    entry = SimpleNamespace(start_s=5.0, end_s=15.0, reading=reading)
    found = voices._voice("pos", 70.0, Tracked(**readings, hr_track=(entry,)), 0.0, 30.0)
    assert found.spans == (Span(5.0, 15.0, 70.0, 0.9, 68.0, 72.0, ""),)
    assert voices._voice("pos", 70.0, Vitals(**readings), 0.0, 30.0).spans == (found.whole,)


@pytest.mark.parametrize(
    ("right", "wrong", "holds"), [(0, 0, True), (19, 1, True), (3, 1, True), (16, 4, False)]
)
def test_the_criterion_allows_for_chance_only(right, wrong, holds):
    pairs = [(voice(70.0), 70.0)] * right + [(voice(70.0), 90.0)] * wrong
    assert shown_right_criterion(tally(pairs)).holds is holds
