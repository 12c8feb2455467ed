"""Lesson 12: what the prose says is what the cells print, and what it cites stands in the package."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("nbformat")

from rppg_core.course.answers import physllm as answers
from tests.course.lesson_cells import numbers_of, printed_by, prose_of

NAME = "12_physllm"


def test_neither_branch_removes_the_drift_and_the_second_one_harms_a_clean_pulse():
    pattern = r" +before ([\d.]+) +b = 0: ([\d.]+) +0.5: ([\d.]+) +1: ([\d.]+)"
    drift, clean = (numbers_of(NAME, name + pattern) for name in ("with drift", "pulse"))
    assert max(drift[1:]) <= drift[0]
    assert clean[0] == 1 and clean[3] < 0.9


def test_average_over_the_batch_depends_on_the_order_and_that_over_time_does_not():
    (batch,), (time,) = (
        numbers_of(NAME, rf"average over {axis} +another order changes the waves by ([\d.]+)")
        for axis in ("the batch", "time")
    )
    assert batch > 0.1 and time == 0


def test_gates_at_zero_wait_as_the_prose_says():
    printed = printed_by(NAME)
    assert "g1 starts at 0; step 1 moves ['g2']" in printed
    assert "g1 starts at 0; step 2 moves ['g2', 'g1', 'cross']" in printed
    assert "g1 starts at 1; step 2 moves ['g2', 'g1', 'cross', 'self']" in printed


def test_texts_behind_the_signal_change_nothing():
    before, behind = (
        numbers_of(NAME, rf"other texts {place} the signal change its hidden states by ([\d.]+)")[0]
        for place in ("before", "behind")
    )
    assert before > 0 and behind == 0


def test_released_lags_begin_at_zero_and_its_neighbours():
    lags = numbers_of(NAME, r"lags of the released code: \[(\d+), (\d+), (\d+)")
    assert set(lags) == {0, 1, 255}


def test_table_has_three_seeds_of_every_reader_and_the_encoder_and_a_constant_beside_it():
    cells = [seeds for row in answers.LANGUAGE_TABLE.values() for seeds in row.values()]
    assert len(answers.LANGUAGE_TABLE) == 3
    assert all(set(row) == {"all", "none", "shuffled"} for row in answers.LANGUAGE_TABLE.values())
    assert {len(seeds) for seeds in cells} == {3}
    assert np.isfinite([*np.ravel(cells), *answers.TABLE_BESIDE.values()]).all()
    assert {"encoder alone", "pos", "constant"} == set(answers.TABLE_BESIDE)


def test_table_is_measured():
    """The numbers of a trial must not be shipped."""
    assert "temporary" not in answers.TABLE_DATA


def test_vocabulary_that_the_exercise_cites_is_that_of_the_bundled_model():
    pytest.importorskip("transformers")
    from rppg_core.models.physllm.language_model import load_language_model

    body, _ = load_language_model("bundled")
    assert body.get_input_embeddings().weight.shape[0] == answers.WORDS
    assert f"{answers.WORDS} words" in prose_of(NAME)
