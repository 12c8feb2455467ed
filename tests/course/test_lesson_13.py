"""Lesson 13: what the prose says is what the cells print, and what it cites stands in the package.

Tests marked `printed` read the stored outputs, which come with the trained weights.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("nbformat")
pytest.importorskip("torch")

from rppg_core.course.answers import physvlm as answers
from rppg_core.course.drawings import find_narrow_picture, physvlm
from rppg_core.course.network_figures import half_height
from rppg_core.models.physvlm import muting, prompts
from rppg_core.models.physvlm.config import PhysVLMConfig
from rppg_core.models.physvlm.recipe import ABLATIONS, RECIPE
from rppg_core.models.physvlm.teacher import TeacherConfig
from rppg_core.models.weights import checkpoint_path
from tests.course.lesson_cells import code_of, numbers_of, printed_by, prose_of, read

NAME = "13_physvlm"
READY = all(checkpoint_path(name).is_file() for name in ("physvlm", "physvlm_teacher"))
printed = pytest.mark.skipif(not READY, reason="NOT RUN: PhysVLM or its teacher has no weights yet")


# What the cells print ------------------------------------------------------------------------------------------


@printed
def test_splitting_and_joining_lose_nothing():
    assert numbers_of(NAME, r"largest error after splitting and joining ([\de.+-]+)")[0] < 1e-12
    whole, halves = numbers_of(NAME, r"energy of the signal ([\d.]+), of both halves ([\d.]+)")
    assert whole == halves


@printed
def test_octaves_that_the_cells_list_are_those_of_the_prose():
    for k, (low, high) in enumerate(muting.octave_edges_hz(PhysVLMConfig.small()), start=1):
        assert f"octave {k}: {low:.2f} to {high:.2f} Hz" in printed_by(NAME)


@printed
def test_solo_of_the_right_octave_is_enough_and_without_it_the_rate_is_gone():
    """A spectrum has a point every 3 per minute."""
    for bpm, right, wrong in ((84, "solo 3", "solo 2"), (132, "solo 2", "solo 3")):
        whole, alone, other = (
            numbers_of(NAME, rf"heart rate {bpm}: .*\b{mix} (\d+)")[0] for mix in ("all", right, wrong)
        )
        assert abs(whole - bpm) <= 3 and abs(alone - bpm) <= 3
        assert abs(other - bpm) > 6
    assert abs(numbers_of(NAME, r"heart rate 84: .*\bmute 3 (\d+)")[0] - 84) > 6


@printed
def test_longer_filters_leak_less_in_the_middle_of_an_octave_and_none_cuts_at_an_edge():
    middle, edge = np.array(
        [numbers_of(NAME, rf"{name}: at 80 ([\d.]+), at 111 ([\d.]+)") for name in ("haar", "db4", "coif6")]
    ).T
    assert list(middle) == sorted(middle) and middle[0] < 0.6 and middle[1] > 0.8
    assert (abs(edge - 0.5) < 0.1).all()


@printed
def test_attention_ignores_a_weaker_lamp_and_follows_a_stronger_one():
    found = {
        lamp: numbers_of(NAME, rf"lamp / pulse {lamp}: aligned to (\d+) .* living cells ([\d.]+)")
        for lamp in (0.4, 0.8, 1.4)
    }
    for lamp in (0.4, 0.8):
        assert abs(found[lamp][0] - 72) <= 2 and found[lamp][1] > 2
    assert abs(found[1.4][0] - 114) <= 2 and found[1.4][1] < 0.5


@printed
def test_attention_of_the_trained_network_has_rates_of_its_tasks():
    for name in ("still", "hand"):
        pulse, breath = numbers_of(NAME, rf"{name} +aligned to (\d+) .* and (\d+) for breath")
        assert pulse > 45 > breath


@printed
def test_posterior_follows_the_rate_better_than_a_constant():
    error, constant = numbers_of(NAME, r"error ([\d.]+) bpm; a constant, the mean of all 14, ([\d.]+) bpm")
    assert error < constant / 2


@printed
def test_small_shares_lie_near_the_true_rate_more_than_elsewhere():
    near, double, half = (
        numbers_of(NAME, rf"within 15 of {place}: ([\d.]+)")[0]
        for place in ("the true rate", "its double", "its half")
    )
    assert near > 0.5 > double + half


@printed
def test_line_about_seventy_fits_a_face_of_about_seventy_and_has_no_unknown_word():
    assert abs(numbers_of(NAME, r"fits best at (\d+) bpm; unknown words: none")[0] - 70) <= 10


@printed
def test_probe_beats_the_mean():
    assert numbers_of(NAME, r"line [\d.]+ bpm, mean [\d.]+ bpm: ([\d.]+) times better")[0] > 1.5


@printed
def test_right_pairs_of_waves_cost_next_to_nothing():
    right = [numbers_of(NAME, rf"(?m)^{name} ([\d.]+)$")[0] for name in ("apart", "heart of 60")]
    assert max(right) < 0.1


@printed
def test_bands_of_newborns_find_fast_breath_and_those_of_adults_slow_one():
    slow, slow_newborn, fast, fast_newborn = numbers_of(
        NAME, r"15 breaths: adults ([\d.]+), newborns ([\d.]+); 45: ([\d.]+), ([\d.]+)"
    )
    assert slow < slow_newborn and fast_newborn < fast
    assert slow_newborn >= 9 and fast >= 3, "15 and 45 lie that far outside"


@printed
def test_tables_are_measured():
    """The numbers of a trial must not be shipped."""
    assert "placeholder" not in answers.PARTS_DATA


# What the package holds ----------------------------------------------------------------------------------------


def test_tables_have_three_seeds_of_every_variant_beside_pos_and_a_constant():
    assert {len(seeds) for seeds in answers.PARTS_TABLE.values()} == {3}
    assert set(answers.PARTS_BESIDE) == {"pos", "constant"}
    rows = [*(row for seeds in answers.PARTS_TABLE.values() for row in seeds), *answers.PARTS_BESIDE.values()]
    assert {len(row) for row in rows} == {3} and np.isfinite(rows).all()


def test_variants_of_the_table_are_those_of_the_recipe():
    """The wavelets are compared in the lesson itself."""
    said = {name.replace("-", " ") for name in ABLATIONS} - {"haar", "learned wavelet"}
    assert {name.replace(",", "") for name in answers.PARTS_TABLE} == said | {"whole"}
    assert ABLATIONS["few-labels"].changes["labelled"] == 0.1, "a tenth of the people"


def test_sizes_in_the_prose_are_those_of_the_network_and_its_teacher():
    config, prose = PhysVLMConfig.small(), prose_of(NAME)
    assert config.window == 512 and f"{len(prompts.HR_BPM)} such sentences" in prose
    assert f"a row of {TeacherConfig.small().embedding} numbers" in prose
    assert config.resp_dilations[-1] == 16 and "dilations, up to 16" in prose
    assert (config.wavelet, config.levels) == ("db4", 5) and "over five octaves" in prose
    assert config.rr_band_hz == (0.1, 0.7), "from 6 to 42 a minute, as a question says"
    assert RECIPE.teacher == "physvlm_teacher"


def test_words_that_the_prose_lists_are_known_and_the_unknown_one_is_not():
    (listed,) = re.findall(r"numbers in words, \*(.+?)\* and a few more", prose_of(NAME))
    assert {word.lower() for word in re.findall(r"\w+", listed)} <= set(prompts.vocabulary())
    assert "*Slow* is an unknown word" in prose_of(NAME) and "slow" not in prompts.vocabulary()
    (line,) = re.findall(r'^line = "(.+)"$', "\n".join(code_of(NAME)), re.M)
    assert line == prompts.rate_text(70, "") and set(line.split()) <= set(prompts.vocabulary())


def test_every_loss_that_the_recipe_weighs_is_named():
    assert {"opinion", "embedding", "alike"} <= set(RECIPE.loss_weights)
    assert all(f"*{name}*" in prose_of(NAME) for name in ("opinion", "embedding"))
    assert "*alike*" in prose_of(NAME).lower()


def test_finished_outputs_come_with_the_weights():
    """A lesson is rendered once, with the weights that ship."""
    assert any(cell.get("outputs") for cell in read(NAME).cells) == READY


# The drawing ---------------------------------------------------------------------------------------------------


def test_wide_and_narrow_drawing_have_every_box_once_and_no_two_overlap():
    wide = physvlm.idea_picture(finding="What is seen", note="made by hand")
    for figure, boxes in ((wide, physvlm.BOXES), (physvlm.narrow_picture(), physvlm.NARROW)):
        words = [(note.text, note.x, note.y) for note in figure.layout.annotations]
        assert all(words.count((box.words, box.x, box.y)) == 1 for box in boxes.values())
        (left, right), (bottom, top) = figure.layout.xaxis.range, figure.layout.yaxis.range
        sides = [
            (b.x - b.width / 2, b.x + b.width / 2, b.y - half_height(b), b.y + half_height(b))
            for b in boxes.values()
        ]
        for k, (x0, x1, y0, y1) in enumerate(sides):
            assert left <= x0 < x1 <= right and bottom <= y0 < y1 <= top
            for u0, u1, v0, v1 in sides[k + 1 :]:
                assert u0 >= x1 or u1 <= x0 or v0 >= y1 or v1 <= y0


def test_narrow_page_finds_the_drawing_of_this_network():
    assert find_narrow_picture({box.words for box in physvlm.BOXES.values()}) == physvlm.narrow_picture()


def test_flows_go_to_the_right_and_on_a_narrow_page_down():
    for start, end in physvlm.FLOWS:
        one, other = physvlm.BOXES[start], physvlm.BOXES[end]
        assert one.x + one.width / 2 < other.x - other.width / 2
        one, other = physvlm.NARROW[start], physvlm.NARROW[end]
        assert one.y - half_height(one) > other.y + half_height(other)
