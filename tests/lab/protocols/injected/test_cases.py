"""What is done with a clip: the same person in every strength, the clip as it is, its background."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.lab.datasets.clip_file import save_clip
from rppg_core.lab.protocols.injected.cases import (
    AS_IT_IS,
    BACKGROUND,
    CALM,
    MOVING,
    PUT_IN,
    STRENGTHS_PERCENT,
    UNKNOWN,
    InjectedRow,
    run_file,
)
from rppg_core.lab.protocols.voices import constant_voice
from rppg_core.lab.simulate.injection import COURSES
from tests.lab.protocols.trace_folder import easy_clip, write_traces


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> list[InjectedRow]:
    """Every case on one face without a pulse of its own."""
    path = tmp_path_factory.mktemp("faces") / "ann.npz"
    save_clip(path, *easy_clip(kind="photo", seconds=15.0))
    return run_file(path, ["pos"], 1, 30.0)[0]


def test_every_strength_and_course_is_there_once_beside_the_clip_and_its_background(rows):
    own = [(row.kind, row.amplitude_percent, row.course) for row in rows if row.voice.name == "pos"]
    put_in = {(PUT_IN, strength, course) for strength in STRENGTHS_PERCENT for course in COURSES}
    assert len(own) == len(set(own))
    assert set(own) == put_in | {(AS_IT_IS, 0.0, ""), (BACKGROUND, 0.0, "")}


def test_strong_pulses_are_found_with_their_rate_and_waveform(rows):
    strong = [row for row in rows if row.amplitude_percent == 1.0 and row.course == "steady"]
    assert [row.voice.name for row in strong] == ["pos", "consensus"]
    for row in strong:
        assert row.voice.rate_bpm == pytest.approx(row.true_bpm, abs=3)
    assert strong[0].r > 0.9 and np.isnan(strong[1].r)


def test_light_is_that_of_the_clip_before_the_pulse_was_put_in(rows):
    spreads = {row.light_percent for row in rows}
    assert len(spreads) == 1 and 0 < spreads.pop() < 1
    assert {row.light for row in rows} == {CALM}


def test_strengths_differ_in_nothing_but_strength(rows):
    for course in COURSES:
        rates = {row.true_bpm for row in rows if row.course == course}
        assert len(rates) == 1


def test_a_face_without_a_pulse_has_no_truth_and_shows_nothing(rows):
    plain = [row for row in rows if row.kind != PUT_IN]
    assert all(np.isnan(row.true_bpm) and np.isnan(row.r) for row in plain)
    assert not any(row.voice.shown for row in plain if row.voice.name == "consensus")


def test_traces_without_a_background_have_no_such_row_and_an_unknown_motion(tmp_path):
    path = write_traces(tmp_path / "ann.csv", easy_clip(seconds=6)[0])
    found, _ = run_file(path, ["pos"], 1, 30.0)
    assert {row.kind for row in found} == {PUT_IN, AS_IT_IS}
    assert {row.motion for row in found} == {UNKNOWN}


@pytest.mark.parametrize(("percent", "motion"), [(5.0, CALM), (5.1, MOVING), (float("nan"), UNKNOWN)])
def test_heads_move_from_five_percent_of_their_width_a_second(percent, motion):
    row = InjectedRow("a", 0.0, PUT_IN, 0.5, "steady", 0, percent, constant_voice(70.0), 70.0, 0.5)
    assert row.motion == motion
