"""Lesson 14: what the prose says is what the cells print, and what it cites stands in the package.

Tests marked `printed` read the stored outputs, which come with the trained weights.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("nbformat")
pytest.importorskip("torch")

from rppg_core.course.answers import tastnet as answers
from rppg_core.lab.protocols import oxygen
from rppg_core.lab.simulate import skin
from rppg_core.models.tastnet.config import TastNetConfig
from rppg_core.models.tastnet.loss import SPREAD
from rppg_core.models.tastnet.pictures import FACE_ASPECT
from rppg_core.models.tastnet.recipe import ABLATIONS, RECIPE
from rppg_core.models.weights import checkpoint_path
from rppg_core.video.clip import SQUARE_WIDTHS
from rppg_core.video.magnify import BAND_HZ, FACTOR
from tests.course.lesson_cells import numbers_of, printed_by, prose_of, read

NAME = "14_tastnet"
READY = checkpoint_path("tastnet").is_file()
printed = pytest.mark.skipif(not READY, reason="NOT RUN: TAST-Net has no weights yet")


# What the cells print ------------------------------------------------------------------------------------------


@printed
def test_one_point_of_spo2_is_a_fiftieth_of_a_grey_level():
    red, point = (numbers_of(NAME, rf"{name} ([\d.]+)")[0] for name in ("red pulse", "one point of SpO2"))
    assert abs(point - 0.02) < 0.005 and red < 0.5
    assert abs(point / red - 1 / 20) < 0.01, "a twentieth of the red pulse"


@printed
def test_straight_line_is_good_enough_and_the_simulator_has_the_slope_of_red_over_green():
    for pair in ("660 / 940 nm", "red / blue", "red / green"):
        assert numbers_of(NAME, rf"{pair} .* misses by ([\d.]+) points")[0] < 0.5
    (slope,) = numbers_of(NAME, r"red / green .* per point of SpO2 ([\d.]+) %")
    assert abs(slope - 100 * oxygen.SLOPE) < 0.5


@printed
def test_white_balance_cancels_exactly_and_the_camera_does_not():
    assert numbers_of(NAME, r"after white balance [\d.]+; difference ([\de.+-]+)")[0] < 1e-9
    low, high = numbers_of(NAME, r"the same R stands for (\d+) to (\d+) %")
    assert high - low >= 10


@printed
def test_both_swings_agree_at_usual_noise_and_lock_in_stays_nearer_beyond_it():
    def at(noise):
        return numbers_of(
            NAME, rf"noise {noise}: standard deviation ([\d.]+), lock-in ([\d.]+) %.* by ([\d.]+)"
        )

    for noise in (0.1, 0.2):
        by_sd, by_lock, scatter = at(noise)
        assert abs(by_sd - 98) < 0.6 and abs(by_lock - 98) < 0.6
        assert scatter > 0.9, "a single window scatters by points"
    by_sd, by_lock, _ = at(0.4)
    assert by_sd - 98 > abs(by_lock - 98), "the standard deviation reads too much"


@printed
def test_magnification_keeps_noise_and_ratio():
    before, after = numbers_of(NAME, r"SNR before (-?[\d.]+) dB, after (-?[\d.]+) dB")
    assert abs(before - after) < 0.05
    one, other = numbers_of(NAME, r"AC of red over AC of green ([\d.]+) ([\d.]+)")
    assert abs(one - other) < 5e-4
    assert "121 times" in figure_titles()


@printed
def test_pulse_all_over_the_picture_does_not_grow_without_the_residual():
    small, whole = numbers_of(
        NAME, r"a small spot grows (\d+) times, one that fills the picture ([\d.]+) times"
    )
    assert small > 50 and abs(whole - 1) < 0.5


@printed
def test_mask_that_moves_by_a_tenth_of_a_pixel_outweighs_a_point_of_spo2():
    moved, point = numbers_of(NAME, r"moved by 0.1 pixels: ([\d.]+); one point of SpO2: ([\d.]+)")
    assert moved > 2 * point


@printed
def test_change_of_a_pixel_stays_nearer_in_convolutions():
    near, far = (
        numbers_of(NAME, rf"{name}: ([\d.]+) of the change")[0] for name in ("convolutions", "attention")
    )
    assert near > far


@printed
def test_trend_is_blind_for_labels_that_do_not_change():
    assert numbers_of(NAME, r"labels that do not change: trend over time ([\d.]+)")[0] == 0


@printed
def test_small_network_of_the_tone_has_the_smaller_error_and_both_beat_the_constant():
    error = {}
    for kind in ("one camera", "tone of the skin"):
        error[kind], constant = numbers_of(NAME, rf"{kind} +network RMSE ([\d.]+),.* constant ([\d.]+)")
        assert error[kind] < 0.7 * constant
    assert error["tone of the skin"] < error["one camera"]


@printed
def test_line_of_the_ratio_beats_the_small_network_where_there_is_one_camera():
    network, ratio = numbers_of(NAME, r"one camera +network RMSE ([\d.]+),.* red over green ([\d.]+),")
    assert ratio < network


@printed
def test_constant_is_below_the_limit_on_healthy_people_and_above_it_on_all():
    usual, wide = (
        numbers_of(NAME, rf"{name} +constant: RMSE ([\d.]+), r nan")[0] for name in ("at rest", "to 100 %")
    )
    assert usual < 2 and wide > 4
    low, high = numbers_of(NAME, r"at rest +constant: .* tenths from ([\d.]+) to ([\d.]+)")
    assert high > 3 * low


@printed
def test_reported_limits_and_errors_agree():
    for name, (*_, reported) in answers.REPORTED.items():
        assert abs(numbers_of(NAME, rf"{name} +bias² .* its root ([\d.]+)")[0] - reported) < 0.02


@printed
def test_ratio_follows_oxygen_for_one_camera_and_the_level_of_the_colours_in_the_shortcut_set():
    def of(kind, name):
        return numbers_of(NAME, rf"(?m)^{kind} +RMSE .*\b{name} ([\d.]+)")[0]

    one, every, shortcut = numbers_of(
        NAME, r"level of the colours: r one camera (-?[\d.]+) every camera (-?[\d.]+) shortcut (-?[\d.]+)"
    )
    assert shortcut > 0.5 > 2 * max(abs(one), abs(every))
    assert of("one camera", "red over green") < 0.5 * of("one camera", "constant")
    assert of("every camera", "red over green") > 1.5 * of("one camera", "red over green")


@printed
def test_face_and_clock_beat_physics_on_new_people_and_two_readings_help_the_constant_as_much():
    leaky, physics = numbers_of(NAME, r"leaky: time ([\d.]+); new people, red over green ([\d.]+)")
    assert leaky < physics
    constant, ratio = numbers_of(NAME, r"after two readings: constant ([\d.]+) .*red over green ([\d.]+)")
    assert abs(constant - ratio) < 1.0


@printed
def test_audits_tell_the_two_small_networks_apart():
    def of(name):
        return numbers_of(
            NAME,
            rf"{name} +RMSE ([\d.]+), no pulse ([\d.]+), shuffled ([\d.]+), white balance ([\d.]+); "
            r"red pulse larger: ([+-][\d.]+)",
        )

    error, silent, _, balanced, moved = of("small, one camera")
    assert silent > 2 * error and balanced < 1.5 * error and moved < -1.5
    error, silent, shuffled, _, moved = of("small, tone of the skin")
    assert abs(silent - error) < 0.5 and abs(shuffled - error) < 0.5 and abs(moved) < 0.5


@printed
def test_dark_skin_has_the_largest_error():
    scatter = numbers_of(NAME, "scatter by tone" + r" ([\d.]+)" * 6)
    assert np.argmax(scatter) == 5 and scatter[5] > 1.5 * scatter[0]


@printed
def test_tables_are_measured():
    """Numbers that nobody has measured must not be shipped."""
    assert np.isfinite(list(answers.PARTS_TABLE.values())).all()
    assert np.isfinite(list(answers.PARTS_BESIDE.values())).all()
    assert "no numbers" not in answers.PARTS_DATA


def figure_titles() -> str:
    outputs = [output for cell in read(NAME).cells for output in cell.get("outputs", [])]
    plots = [output.get("data", {}).get("application/vnd.plotly.v1+json") for output in outputs]
    return " ".join(plot["layout"]["title"]["text"].replace("<br>", " ") for plot in plots if plot)


# What the package holds ----------------------------------------------------------------------------------------


def test_extinction_is_that_of_the_skin_of_the_simulator():
    """Bands are means of the table from which the simulator takes the colour of blood."""
    bands = {"red": (600, 660), "green": (520, 580), "blue": (460, 500)}
    for name, (low, high) in bands.items():
        inside = (low <= skin._NM) & (high >= skin._NM)
        means = skin._HBO2[inside].mean(), skin._HB[inside].mean()
        np.testing.assert_allclose(answers.EXTINCTION[name], means, rtol=1e-3)
    np.testing.assert_allclose(answers.EXTINCTION["660 nm"], (skin._HBO2[26], skin._HB[26]), rtol=0.02)


def test_reported_errors_follow_from_the_reported_limits():
    for bias, lower, upper, reported in answers.REPORTED.values():
        assert abs(np.hypot(bias, (upper - lower) / 2 / 1.96) - reported) < 0.02
    assert answers.RMSE_AND_R[0] == answers.REPORTED["VIPL-HR"][3]
    assert all(f"{row[3]} " in prose_of(NAME) for row in answers.REPORTED.values())


def test_tables_have_three_seeds_of_variants_of_the_recipe():
    known = {name.replace("-", " ") for name in ABLATIONS}
    assert set(answers.PARTS_TABLE) - {"whole"} <= known
    assert {len(seeds) for seeds in answers.PARTS_TABLE.values()} == {3}
    assert {len(row) for seeds in answers.PARTS_TABLE.values() for row in seeds} == {2}
    assert set(answers.PARTS_BESIDE) == {"red over green", "constant"}


def test_sizes_in_the_prose_are_those_of_the_package():
    small, paper, prose = TastNetConfig.small(), TastNetConfig.paper(), prose_of(NAME)
    assert (small.window, small.samples, small.side) == (300, 128, 16) and small.slots == 32
    assert (paper.side, paper.tubelet_px, paper.samples) == (128, 16, 128)
    assert "features for the same 32 slots" in prose and "`small()` has 16 pixels, 10 s" in prose
    assert "in spreads of 4 points" in prose and SPREAD == 4
    assert "0.7 and 0.3" in prose and small.trend_weight == 0.3 and small.trend == "people"
    assert (FACTOR, BAND_HZ) == (120, (0.4, 4.0)) and "0.4 to 4 Hz, factor 120" in prose
    assert (FACE_ASPECT, SQUARE_WIDTHS) == (1.3, 1.5) and "1.3 times as high as wide" in prose
    assert RECIPE.pulse_free == 1 and "part of the training has no pulse" in prose


def test_people_in_the_prose_are_those_of_the_table_of_oxygen():
    prose = prose_of(NAME)
    assert oxygen.PEOPLE == ("one camera", "every camera", "shortcut")
    assert oxygen.TRACE_NOISE == (0.1, 0.2) and "0.1 to 0.2 grey levels" in prose
    assert oxygen.SPO2_PERCENT == (80.0, 100.0) and "SpO2 from 80 to 100 %" in prose
    assert oxygen.SLOPE == 0.05 and "5 % per point" in prose


def test_finished_outputs_come_with_the_weights():
    """A lesson is rendered once, with the weights that ship."""
    assert bool(printed_by(NAME)) == READY


def test_every_part_of_the_network_has_a_toy():
    code = "\n".join(cell.source for cell in read(NAME).cells if cell.cell_type == "code")
    toys = set(re.findall(r"^def (toy_\w+)", code, re.M))
    assert toys >= {
        "toy_magnify",
        "toy_mask",
        "toy_block",
        "toy_slots",
        "toy_fusion",
        "toy_head",
        "toy_trend",
    }
