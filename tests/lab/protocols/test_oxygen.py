"""The table of SpO2 on simulated people: what each estimator can read, and what no split may give away."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.lab.protocols.oxygen import (
    CONTROLS,
    TRACE_NOISE,
    OxygenRow,
    OxygenWindow,
    oxygen_clips,
    oxygen_rows,
    oxygen_text,
    oxygen_windows,
    trace_noise,
    window_features,
)
from rppg_core.types import FS

LEVEL = np.array([150.0, 100.0, 80.0])


def rows_of(people: str, n: int = 16) -> dict[str, OxygenRow]:
    return {row.name: row for row in oxygen_rows(oxygen_windows(list(oxygen_clips(people, n)), {}))}


@pytest.fixture(scope="module")
def one_camera() -> dict[str, OxygenRow]:
    return rows_of("one camera")


@pytest.fixture(scope="module")
def shortcut() -> dict[str, OxygenRow]:
    return rows_of("shortcut")


def test_one_camera_lets_a_ratio_be_read_and_no_control(one_camera):
    lock_in = one_camera["lock-in, red over green"]
    assert lock_in.rmse < 0.75 * one_camera["constant"].rmse
    assert lock_in.r > 0.7
    for name in CONTROLS[1:]:
        assert one_camera[name].rmse > 0.9 * one_camera["constant"].rmse


def test_with_the_shortcut_the_level_of_the_colours_reads_what_no_pulse_says(shortcut):
    level = shortcut["level of the colours"]
    assert level.rmse < 0.75 * shortcut["constant"].rmse
    assert level.rmse < shortcut["lock-in, red over green"].rmse


def test_a_leaky_split_flatters_what_sees_faces(one_camera):
    level = one_camera["level of the colours"]
    assert level.leaky_rmse < 0.6 * level.rmse
    assert one_camera["constant"].leaky_rmse > 0.8 * one_camera["constant"].rmse


def test_traces_are_as_noisy_as_asked():
    noises = [trace_noise(clip) for clip, _ in oxygen_clips("one camera", 4)]
    assert all(0.8 * TRACE_NOISE[0] < noise < 1.2 * TRACE_NOISE[1] for noise in noises)


@pytest.mark.parametrize("red", [0.2, 0.5])
def test_lock_in_is_the_red_pulse_relative_to_green(red):
    t = np.arange(300) / FS
    pulse = 0.004 * np.sin(2 * np.pi * 1.2 * t)
    features = window_features(LEVEL * (1 + pulse[:, None] * [red, 1, 0.6]), 0.0)
    assert features["lock-in, red over green"][0] == pytest.approx(red, rel=0.02)
    assert features["lock-in, red over blue"][0] == pytest.approx(red / 0.6, rel=0.02)
    assert features["ratio of ratios"][0] == pytest.approx(red / 0.6, rel=0.02)
    np.testing.assert_allclose(features["level of the colours"], np.log(LEVEL), rtol=1e-4)


def known_windows(said) -> list[OxygenWindow]:
    """Four people of four windows each; `said` makes what a network says from the truth and the person."""
    rng = np.random.default_rng(0)
    found = []
    for person, mean in enumerate((82.0, 95.0, 85.0, 93.0)):
        for k in range(4):
            spo2 = mean + rng.normal()
            features = {"constant": np.zeros(0)}
            found.append(OxygenWindow(person, 10.0 * k, features, {"net": said(spo2, person)}, spo2))
    return found


def test_a_network_is_judged_on_people_of_the_second_half_alone():
    rows = oxygen_rows(known_windows(lambda spo2, person: spo2 + (50 if person < 2 else 1)))
    net = next(row for row in rows if row.name == "net")
    assert net.rmse == pytest.approx(1)
    assert net.bias == pytest.approx(1)
    assert np.isnan(net.leaky_rmse)


def test_two_readings_take_away_what_is_constant_in_a_person():
    rows = oxygen_rows(known_windows(lambda spo2, person: spo2 + 4 * person))
    net = next(row for row in rows if row.name == "net")
    assert net.rmse > 7
    assert net.two_readings_rmse == pytest.approx(0, abs=1e-9)


def test_table_marks_controls_and_leaves_unknown_cells_empty():
    text = oxygen_text(oxygen_rows(known_windows(lambda spo2, person: spo2)))
    assert "constant (control)" in text
    assert "nan" not in text
