"""Lesson 11: what the prose says is what the cells print, and what it cites stands in the package."""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("nbformat")

from rppg_core.course.answers import codephys as answers
from rppg_core.models.codephys import CodePhysConfig
from tests.course.lesson_cells import numbers_of, printed_by, prose_of, table_of

NAME = "11_codephys"
LASTS = (2, 4, 8, 16)


def test_hardly_anything_of_a_clean_pulse_is_lost():
    items, _ = numbers_of(NAME, r"from items ([\d.]+), from the features ([\d.]+)")
    assert items > 0.97


def test_losses_move_what_the_prose_says():
    printed = printed_by(NAME)
    assert re.search(r"codebook loss +moves items\n", printed)
    assert re.search(r"commitment loss +moves features\n", printed)
    assert re.search(r"what the decoder reads +moves features\n", printed)


def test_longer_pieces_cost_detail_and_gain_against_noise():
    found = [
        numbers_of(NAME, rf"\b{lasts} samples in an item: clean ([\d.]+), noisy ([\d.]+)") for lasts in LASTS
    ]
    clean, noisy = zip(*found, strict=True)
    assert list(clean) == sorted(clean, reverse=True)
    assert list(noisy) == sorted(noisy)
    assert noisy[0] > numbers_of(NAME, r"r of the noisy wave ([\d.]+)")[0]


def test_relation_overlooks_a_turn_and_a_factor_and_the_other_readings_do_not():
    table = table_of(NAME, "turned in space")
    for row in ("turned in space", "twice as large"):
        assert table[row]["relation"] == 0
        assert min(table[row]["distribution"], table[row]["feature"]) > 0.1
    assert abs(table["turned in space"]["r when decoded"]) < 0.7
    assert (
        min(table["late by one code"][reading] for reading in ("distribution", "feature", "relation")) > 0.2
    )


def test_loss_at_the_best_lag_forgives_a_code():
    strict, lenient = (
        numbers_of(NAME, rf"lags of up to {shift} allowed: loss ([\d.]+)")[0] for shift in (0, 1)
    )
    assert strict > 1 and lenient == 0


def test_lamp_comes_out_as_a_pulse_of_the_lamp():
    assert numbers_of(NAME, r"a lamp that flickers at 110: r with what comes out ([\d.]+)")[0] > 0.9


def test_wave_made_of_noise_looks_like_ppg_and_the_noise_does_not():
    ppg, noise, rebuilt, lot = (
        numbers_of(NAME, rf"{name} +r with its own copy in items ([\d.]+)")[0]
        for name in ("PPG", "noise", "noise, rebuilt", "codes drawn by lot")
    )
    assert noise < 0.6
    assert min(ppg, rebuilt, lot) > 0.85
    assert numbers_of(NAME, r"from noise with 40 true pulses: ([\d.]+)")[0] < 0.4


def test_distance_tells_walls_and_noise_from_faces_and_no_rate_is_shown_for_a_wall():
    for kind in ("photo", "wall", "noise", "flicker"):
        assert numbers_of(NAME, rf"AUROC .*\b{kind} ([\d.]+)")[0] > 0.8
    shown = re.findall(r"^wall +\S+ +shown: (\w+)", printed_by(NAME), re.M)
    assert shown == ["None"] * 3


def test_tables_have_every_size_and_three_seeds_of_every_variant_beside_constants():
    assert {len(row) for row in (*answers.SIZES_TABLE.values(), *answers.SIZES_BESIDE.values())} == {5}
    assert set(answers.SIZES_BESIDE) == {"itself", "constant"}
    assert {len(seeds) for seeds in answers.QUERIES_TABLE.values()} == {3}
    assert set(answers.QUERIES_BESIDE) == {"pos", "constant"}
    numbers = [*answers.QUERIES_TABLE.values(), *([value] * 3 for value in answers.QUERIES_BESIDE.values())]
    assert np.isfinite(numbers).all()


def test_variants_of_the_table_are_those_of_the_recipe():
    from rppg_core.models.codephys.recipe import PARTS

    assert set(answers.QUERIES_TABLE) == {"whole"} | {name.replace("-", " ") for name in PARTS}


def test_tables_are_measured():
    """The numbers of a trial must not be shipped."""
    assert "placeholder" not in answers.SIZES_DATA + answers.QUERIES_DATA


def test_prose_is_checked_against_the_weights_that_ship():
    """Sentences that were written before the training are marked until somebody has compared them with it."""
    assert "(CHECK)" not in prose_of(NAME)


def test_sizes_in_the_prose_are_those_of_the_network():
    config = CodePhysConfig.small()
    assert f"nearest of {config.codes} items, which are rows of {config.code_width} numbers" in prose_of(NAME)
    assert config.compression == 4 and config.window == 256
