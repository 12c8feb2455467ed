"""Lesson 04: the student acts in every part, and what the prose says of numbers is what the cells print."""

from __future__ import annotations

import re
import statistics

import pytest

pytest.importorskip("nbformat")

from notebooks import render
from rppg_core.course.answers.parts_of_networks import _face, _network
from rppg_core.course.questions import check
from rppg_core.signals.spectrum import heart_rate_from_bvp
from tests.course.lesson_cells import END, cells_of, numbers_of, printed_by, sections_of, table_of

NAME = "04_parts_of_networks"


def test_every_part_has_a_line_of_the_students_own_and_the_first_comes_early():
    assert not [title for title, code in sections_of(NAME) if title not in END and "mine = None" not in code]
    first = next(k for k, cell in enumerate(cells_of(NAME)) if "mine = None" in cell.source)
    assert first < len(cells_of(NAME)) / 4


def test_lesson_stays_short():
    cells = cells_of(NAME)
    assert len(cells) < 90
    assert statistics.median(len(c.source.splitlines()) for c in cells if c.cell_type == "code") <= 8


def test_text_stands_between_code_cells():
    kinds = "".join(cell.cell_type[0] for cell in cells_of(NAME))
    assert "ccc" not in kinds


def test_descriptions_of_figures_are_whole():
    outputs = [output for cell in cells_of(NAME) for output in cell.get("outputs", [])]
    figures = [o["data"][render.PLOTLY_MIME] for o in outputs if render.PLOTLY_MIME in o.get("data", {})]
    words = [render.find_alt(figure) for figure in figures]
    assert len(words) > 5
    assert all(said.endswith(".") and "..." not in said for said in words)


def test_small_convolution_stays_behind_projections_unless_it_reads_them():
    table = table_of(NAME, "convolution")
    fixed, network, both = (table[row] for row in ("best fixed sum", "convolution", "conv. + projections"))
    assert network["trees"] == pytest.approx(0.8, abs=0.04), "as in colours_and_a_convolution"
    for scene in ("trees", "screen"):
        assert network[scene] < table["25-sample sum"][scene] < table["PBV"][scene] - 0.03, (
            "GELUs are no help"
        )
    assert fixed["trees"] + 0.3 < network["trees"] < table["POS"]["trees"] - 0.1
    assert network["screen"] < table["PBV"]["screen"] - 0.3
    assert network["screen"] - fixed["screen"] < 0.15, "hardly better than the fixed sum"
    assert min(both.values()) > 0.9
    assert min(table["PBV"].values()) > 0.9, "PBV alone does as well"
    assert max(table["sine, 75 bpm"].values()) < 0.3


def test_weights_of_pbv_sum_to_zero_only_in_white_light():
    tinted, white = (
        [abs(float(found)) for found in re.findall(rf"lamps {lamps}, .*sum ([-+.\d]+)", printed_by(NAME))]
        for lamps in ("0.2", "0.0")
    )
    assert len(tinted) == len(white) == 3
    assert min(tinted) > max(white)


def test_living_face_taken_for_the_photo_is_named(capsys):
    pytest.importorskip("torch")
    from rppg_core.models.base import run_clip

    living, _ = _face(360, seed=3, tone=3)
    check("rate_of_a_photo", heart_rate_from_bvp(run_clip(_network(), living).bvp.samples, 30.0))
    assert "living face" in capsys.readouterr().out


def test_one_head_turns_from_covered_cells_and_the_other_towards_them():
    falls, faces, factor = numbers_of(NAME, r"head 1: trust falls in (\d+) of (\d+) faces, factor ([\d.]+)")
    assert falls > 0.8 * faces
    assert factor < 1
    falls, faces, factor = numbers_of(NAME, r"head 2: trust falls in (\d+) of (\d+) faces, factor ([\d.]+)")
    assert falls < 0.5 * faces
    assert factor > 1


def test_trust_is_worth_little():
    for scene, worth in {"hands": 0.0, "restless": 0.02}.items():
        learned, plain = numbers_of(NAME, rf"{scene} +median r: trust ([\d.]+), share of skin alone ([\d.]+)")
        assert learned - plain == pytest.approx(worth, abs=0.004)


def test_overlap_helps_near_the_joins_only():
    near, far = numbers_of(NAME, r"side by side +error near the joins ([\d.]+), elsewhere ([\d.]+)")
    joined_near, joined_far = numbers_of(
        NAME, r"overlap-add +error near the joins ([\d.]+), elsewhere ([\d.]+)"
    )
    assert near - joined_near > 0.04
    assert abs(far - joined_far) < 0.03


def test_zeros_as_labels_are_worse_than_a_constant_and_a_mask_is_not():
    constant, whole = numbers_of(NAME, r"a constant: error ([\d.]+) bpm; +all 60 labels: ([\d.]+) bpm")
    (masked,) = numbers_of(NAME, r"masked +error +([\d.]+) bpm")
    zeros, median = numbers_of(NAME, r"zeros as labels +error +([\d.]+) bpm, median estimate +([-\d.]+) bpm")
    assert whole < constant < zeros
    assert abs(masked - whole) < 0.5, "twenty labels serve as well as sixty"
    assert abs(median) < 5


def test_network_leads_where_the_text_says_so():
    table = table_of(NAME, "strong motion")
    assert table["easy"]["POS"] >= table["easy"]["tracenet"]
    for scene in ("dark, dim light", "motion and dim"):
        assert all(table[scene][name] < table["easy"][name] - 0.2 for name in ("tracenet", "POS", "PBV"))
    assert max(table["dark, dim light"][name] for name in ("POS", "PBV")) < 0.6, "most of the pulse is lost"
    for scene in ("strong motion", "dark, dim light", "motion and dim"):
        row = table[scene]
        assert row["tracenet"] > max(row["POS"], row["PBV"], row["sine, 75 bpm"])
