"""Ablations and the seesaw out of rows whose errors are known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from rppg_core.json_form import plain
from rppg_core.lab.protocols.held_out.part_tables import Parts
from rppg_core.lab.protocols.held_out.scores import StretchRow
from rppg_core.lab.protocols.held_out.seed_spread import (
    DIRECT_RR,
    HR_WINDOW,
    WAVE_R,
    Spread,
    spread_from_rows,
    value_from_rows,
)
from rppg_core.lab.protocols.held_out.trained import Trained

# HR error (bpm) and r of the waveform of each variant's two seeds
VARIANTS = {
    "": ((2.0, 3.0), (0.8, 0.9)),
    "no-experts": ((5.0, 7.0), (0.6, 0.6)),
    "only-bvp": ((3.0, 2.0), (0.9, 0.7)),
    "only-rr": ((40.0, 40.0), (0.0, 0.0)),
}


def row(method: str, unit: str, seed: int, **numbers) -> StretchRow:
    return StretchRow(
        method=method,
        seed=seed,
        steps=240 * method.startswith("physmle"),
        split="v4v-like",
        dataset="v4v-like",
        subject="s1",
        clip="1",
        unit=unit,
        start_s=0.0,
        seconds=20.0,
        hr_true_bpm=70.0,
        hr_from="hr label",
        rr_true_brpm=15.0,
        **numbers,
    )


@pytest.fixture
def parts() -> Parts:
    rows = [
        row(name, unit, 0, hr_bpm=70.0 + error, r=r, rr_brpm=16.5)
        for name, error, r in (("pos", 6.0, 0.5), ("constant", 9.0, np.nan))
        for unit in ("window", "video")
    ]
    for variant, (errors, rs) in VARIANTS.items():
        for seed in range(2):
            breath = {"": 17.0, "only-rr": 18.0 + seed}.get(variant, np.nan)
            rows += [
                row(
                    f"physmle {variant}".rstrip(),
                    unit,
                    seed,
                    hr_bpm=70.0 - errors[seed],
                    r=rs[seed],
                    direct_rr_brpm=breath,
                )
                for unit in ("window", "video")
            ]
    trained = [
        Trained("v4v-like", "physmle", seed, 240, 120, 60.0, v, 1000) for v in VARIANTS for seed in range(2)
    ]
    return Parts("physmle", "v4v-like", frozenset({"hr", "rr"}), rows, trained, "pos")


def test_spread_over_seeds_is_mean_and_sample_deviation():
    spread = Spread({0: 2.0, 1: 4.0})
    assert (spread.mean, spread.sd) == (3.0, pytest.approx(2**0.5))
    assert np.isnan(Spread({0: 2.0}).sd) and Spread({0: 2.0}).words() == "2.00"


def test_difference_pairs_the_seeds():
    minus = Spread({0: 5.0, 1: 7.0, 2: 1.0}).minus(Spread({1: 3.0, 0: 2.0}))
    assert minus is not None and minus.values == {0: 3.0, 1: 4.0}
    assert Spread({0: 1.0}).minus(Spread({1: 1.0})) is None


def test_numbers_are_of_one_unit_and_absent_ones_are_nan(parts):
    mine = [r for r in parts.rows if r.method == "physmle no-experts"]
    assert value_from_rows([r for r in mine if r.seed == 1], HR_WINDOW) == 7.0
    assert spread_from_rows(mine, DIRECT_RR) is None
    assert np.isnan(value_from_rows([r for r in mine if r.unit == "video"], WAVE_R))


def test_methods_that_regress_nothing_stand_beside_with_their_waveform(parts):
    assert parts.to_dict()["beside"]["pos"]["direct_rr"] == 1.5
    assert parts.to_dict()["beside"]["constant"]["hr_window"] == 9.0


def test_ablation_says_how_much_worse_the_network_is_without_a_part(parts):
    whole, without, *others = parts.ablations
    assert (whole["variant"], whole["minus_whole"], whole["n_parameters"]) == ("whole", None, 1000)
    assert without["minus_whole"]["values"] == [3.0, 4.0]
    assert "+3.50 ± 0.71" in parts.text()
    assert all(entry["hr_window"] is None for entry in others)  # not trained here


def test_seesaw_has_every_task_and_counts_seeds_on_which_all_tasks_help(parts):
    found = {entry["number"]: entry for entry in parts.seesaw}
    assert [entry["task"] for entry in parts.seesaw] == ["bvp", "bvp", "hr", "rr", "spo2"]
    assert found["hr_window"]["difference"]["values"] == [-1.0, 1.0]  # less error is better
    assert found["r"]["difference"]["values"] == pytest.approx([-0.1, 0.2])  # more r is better
    assert (found["hr_window"]["better"], found["r"]["better"], found["direct_rr"]["better"]) == (1, 1, 2)
    assert found["direct_hr"]["single"] is None


def test_tables_say_where_the_truth_is_from(parts):
    truths = {entry["number"]: entry["truth"] for entry in parts.seesaw}
    assert truths["hr_window"] == "label" and truths["direct_spo2"] == "not labelled"
    told = replace(parts, rows=[replace(r, spo2_true_percent=97.0) for r in parts.rows])
    assert told.seesaw[-1]["truth"] == "simulator"
    assert "SpO2 against the simulator's own truth" in told.text()


def test_columns_that_no_variant_fills_are_left_out(parts):
    assert "RR regressed" in parts.text() and "leakage" not in parts.text()
    leaks = {"physmle": 0.05, "physmle no-experts": 0.2}
    told = replace(parts, rows=[replace(r, leak=leaks.get(r.method, np.nan)) for r in parts.rows])
    head, _, whole, without, *_ = told.text().splitlines()[1:]
    assert "leakage" in head and "0.05" in whole and "0.20" in without
    assert "SpO2 regressed" not in head


def test_parts_are_ready_for_json(parts):
    found = json.loads(json.dumps(plain(parts.to_dict()), allow_nan=False))
    assert (found["network"], found["target"], found["steps"]) == ("physmle", "v4v-like", 240)
