"""Lesson 03: the student acts early and in every part, and what the prose says of numbers is what the cells print."""

from __future__ import annotations

import json
import re
import statistics

import pytest

pytest.importorskip("nbformat")

from tests.course.lesson_cells import END, cells_of, numbers_of, printed_by, prose_of, sections_of, table_of

NAME = "03_faces_to_maps"


def test_every_part_has_a_line_of_the_students_own_and_the_first_comes_early():
    assert not [title for title, code in sections_of(NAME) if title not in END and "mine = None" not in code]
    first = next(k for k, cell in enumerate(cells_of(NAME)) if "mine = None" in cell.source)
    assert first <= 5


def test_lesson_stays_short():
    cells = cells_of(NAME)
    assert len(cells) < 100
    assert statistics.median(len(c.source.splitlines()) for c in cells if c.cell_type == "code") <= 6


def test_white_light_cancels_for_a_still_and_a_moving_head():
    table = table_of(NAME, "still, trees")
    for scene in ("still, trees", "moving, trees"):
        assert table[scene]["green"] < 0.2
        assert table[scene]["POS"] > 0.8
    assert table["moving head"]["POS"] > table["moving head"]["green"] + 0.2


def test_light_of_another_colour_leaves_only_pbv_and_two_lights_leave_little():
    table = table_of(NAME, "still, trees")
    screen, both = table["still, screen"], table["screen + trees"]
    assert screen["PBV"] > 0.9 > screen["CHROM"] > screen["POS"]
    assert max(both.values()) < 0.6  # as its description says


def test_words_about_the_table_hold_its_numbers():
    table = table_of(NAME, "still, trees")
    (alt,) = [
        output["data"]["text/plain"]
        for cell in cells_of(NAME)
        for output in cell.get("outputs", [])
        if "A table of r" in json.dumps(output.get("data", {}).get("text/plain", ""))
    ]
    trees = table["still, trees"]
    assert f"green falls to {trees['green']:.2f}, POS keeps {trees['POS']:.2f}" in alt


def test_light_of_the_ride_is_twenty_to_forty_times_the_pulse():
    from rppg_core.course.answers import all_answers

    assert 20 < all_answers()["light_over_pulse"].value() < 40
    assert "more than twenty times" in prose_of(NAME)


def test_a_hand_costs_the_cells_that_it_touches_and_no_others():
    pattern = r"{} r of POS in the \d+ cells that it touches ([\d.]+), in \d+ others ([\d.]+)"
    free, free_others = numbers_of(NAME, pattern.format("without a hand"))
    hidden, hidden_others = numbers_of(NAME, pattern.format(r"with a hand +"))
    assert free - hidden > 0.2
    assert abs(free_others - hidden_others) < 0.05


def test_raw_map_is_spread_between_cells_as_the_text_says():
    whole, over_time = numbers_of(NAME, r"all of the map ([\d.]+), cells over time ([\d.]+)")
    assert f"Most of the spread, {whole:.3f}, is between cells" in prose_of(NAME)
    assert whole / over_time == pytest.approx(20, abs=1), "twenty times smaller"


def test_smoothing_helps_a_moving_head_only_when_it_is_short():
    rows = re.findall(r"smoothing ([\d.]+) s.*'none': '([\d.]+) %', 'medium': '([\d.]+) %'", printed_by(NAME))
    still, moving = ({float(row[0]): float(row[k]) for row in rows} for k in (1, 2))
    assert list(still.values()) == sorted(still.values(), reverse=True)
    assert moving[0.05] < moving[0.01] < moving[0.1] < moving[0.4]


def test_z_score_costs_most_where_the_pulse_is_cleanest():
    rows = re.findall(
        r"movement \w+ *: one scale r ([\d.]+), a z-score for each cell ([\d.]+)", printed_by(NAME)
    )
    lost = [float(one) - float(each) for one, each in rows]
    assert len(lost) == 3
    assert lost == sorted(lost, reverse=True)


def test_sixteen_pixels_of_a_moving_head_hold_more_noise_than_pulse():
    still, moving, pulse = numbers_of(
        NAME, r"16 pixels: still ([\d.]+) %, moving ([\d.]+) %; the pulse has ([\d.]+) %"
    )
    assert still < pulse < moving
