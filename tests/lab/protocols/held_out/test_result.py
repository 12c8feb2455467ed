from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from rppg_core.lab.protocols.held_out import numbers as dataset_numbers
from rppg_core.lab.protocols.held_out.numbers import Constant
from rppg_core.lab.protocols.held_out.result import DatasetResult
from rppg_core.lab.protocols.held_out.scores import StretchRow
from rppg_core.lab.protocols.held_out.trained import Trained
from rppg_core.lab.protocols.table import Criterion

ERRORS = {"pos": 3.0, "tracenet": 1.0}


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(dataset_numbers, "N_RESAMPLES", 5)


def marked_rows(target: str, n_people: int = 4) -> list[StretchRow]:
    """Each method is off by its own error, everywhere."""
    return [
        StretchRow(
            method=method, seed=0, steps=1000 if method == "tracenet" else 0, split=target, dataset=target,
            subject=f"s{who}", clip=f"{target}/s{who}", unit=unit, start_s=0.0,
            seconds=20.0 if unit == "video" else 10.0, hr_true_bpm=60.0 + 10 * who, hr_from="hr label",
            hr_bpm=60.0 + 10 * who + error, hr_shown=who > 0, confidence=0.9, r=0.8, macc=0.7,
            snr_db=2.0, rr_true_brpm=15.0, rr_brpm=16.0, condition={"motion": "none" if who % 2 else "large"},
        )
        for method, error in ERRORS.items() for unit in ("video", "window") for who in range(n_people)
    ]  # fmt: skip


@pytest.fixture
def result() -> DatasetResult:
    targets = ("pure-like", "v4v-like")
    return DatasetResult(
        protocol="mssdg",
        about="two domains.",
        window_s=10.0,
        rows=[row for target in targets for row in marked_rows(target)],
        constants={name: Constant(75.0, 15.0, 97.0, "mean of the training labels") for name in targets},
        trained=[Trained(name, "tracenet", 0, 1000, 20, 90.0) for name in targets],
    )


def test_every_target_has_every_method_and_the_constant_per_window_and_per_video(result):
    found = {(cell["target"], cell["unit"], cell["method"]) for cell in result.cells}
    assert found == {
        (target, unit, method)
        for target in ("pure-like", "v4v-like", "all")
        for unit in ("window", "video")
        for method in ("pos", "tracenet", "constant")
    }


def test_cells_hold_the_error_of_each_method(result):
    for method, error in ERRORS.items():
        assert result.cell(method, "video", "v4v-like")["hr"]["mae"] == pytest.approx(error)
    assert result.cell("constant", "video")["hr"]["mae"] == pytest.approx(10.0)  # 15, 5, 5, 15
    assert result.cell("pos", "window")["shown"]["coverage"] == 0.75


def test_text_prints_the_table_with_steps_seeds_and_cost(result):
    text = result.text()
    line = next(
        line for line in text.splitlines() if line.startswith("pure-like  tracenet") and "1000" in line
    )
    assert line.split() == ["pure-like", "tracenet", "0", "1000", "20", "1.5", "1.00"]
    assert "2 trainings" in text and "3.0" in text
    assert "mean of the training labels, 75.0 bpm" in text
    assert "motion large" in text
    assert "RR shown" in text


def test_overview_has_a_line_a_target_and_method(result):
    part = result.text().split("at a glance")[1].split("\n\n")[0]
    lines = [line.split() for line in part.splitlines()[3:]]
    assert ["pure-like", "tracenet", "1.00", "1.00", "1.00", "100", "1.00"] in lines
    assert ["v4v-like", "constant", "10.00", "10.00", "50", "0.00"] in lines  # no r
    assert len(lines) == 9


def test_one_target_is_not_named_in_every_line(result):
    alone = replace(result, rows=marked_rows("pure-like"))
    assert any(line.startswith("pos ") for line in alone.text().splitlines())
    assert {cell["target"] for cell in alone.cells} == {"pure-like"}


def test_trained_network_must_beat_the_constant(result):
    (criterion,) = result.criteria()
    assert criterion.holds
    worse = [replace(row, hr_bpm=row.hr_bpm + 40) if row.method == "tracenet" else row for row in result.rows]
    (criterion,) = replace(result, rows=worse).criteria()
    assert not criterion.holds
    assert criterion.measured == "41.00 bpm"


def test_further_seeds_of_one_target_do_not_weigh_in_the_tables_of_all(result):
    more = [replace(row, seed=1, hr_bpm=row.hr_bpm + 4) for row in marked_rows("pure-like") if row.steps]
    uneven = replace(result, rows=[*result.rows, *more])
    assert uneven.cell("tracenet", "video")["hr"]["mae"] == pytest.approx(ERRORS["tracenet"])
    assert "networks are those of seed 0, which every target has" in uneven.text()
    assert "which every target has" not in result.text()
    (entry,) = [e for e in uneven.seeds if e["number"] == "hr_video"]
    assert (entry["target"], entry["method"], entry["values"]) == ("pure-like", "tracenet", [1.0, 5.0])
    assert (entry["pos"], entry["constant"]) == (3.0, 10.0)
    assert not result.seeds


def test_seeds_that_every_target_has_count_side_by_side(result):
    more = [replace(row, seed=1, hr_bpm=row.hr_bpm + 4) for row in result.rows if row.steps]
    even = replace(result, rows=[*result.rows, *more])
    assert even.cell("tracenet", "video")["hr"]["mae"] == pytest.approx(3.0)


def test_promises_of_a_protocol_are_made_of_its_result(result):
    promised = replace(result, promises=lambda r: [Criterion("targets", str(len(r.targets)), "2", True)])
    assert [c.name for c in promised.criteria()] == ["HR MAE of tracenet per video", "targets"]


def test_result_is_ready_for_json_and_holds_what_a_page_draws(result):
    found = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert {entry["method"] for entry in found["bland_altman"]} == set(ERRORS)
    assert [level["condition"] for level in found["error_by_condition"]] == ["target"] * 2 + ["motion"] * 2
    assert found["trained"][0]["cpu_s"] == 90.0
    assert "path" not in json.dumps(found)


def test_method_without_a_waveform_leaves_its_cells_empty(result):
    silent = [
        replace(
            row,
            hr_bpm=np.nan,
            hr_shown=False,
            r=np.nan,
            macc=np.nan,
            snr_db=np.nan,
            rr_brpm=np.nan,
            direct_hr_bpm=row.hr_true_bpm + 2.0,
        )
        if row.method == "tracenet"
        else row
        for row in result.rows
    ]
    quiet = replace(result, rows=silent)
    assert "HR regressed" in quiet.text()
    (criterion,) = quiet.criteria()
    assert criterion.measured == "2.00 bpm"


def test_network_that_gives_saturation_alone_is_judged_by_it_beside_the_constant(result):
    """True 90 to 99 %: off by 1 always, so the bias is 1 and the limits are no wider; the constant is 97."""
    rows = [
        replace(
            row,
            spo2_true_percent=90.0 + 3 * int(row.subject[1:]),
            **({"direct_spo2_percent": 91.0 + 3 * int(row.subject[1:]), "hr_bpm": np.nan, "r": np.nan}
               if row.method == "tracenet" else {}),
        )
        for row in result.rows
    ]  # fmt: skip
    told = replace(result, rows=rows)
    (criterion,) = told.criteria()
    assert (criterion.measured, criterion.holds) == ("1.00 %", True)
    found = {entry["method"]: entry for entry in told.to_dict()["bland_altman_spo2"]}
    assert set(found) == {"tracenet", "constant"}
    assert (found["tracenet"]["bias"], found["tracenet"]["upper"]) == pytest.approx((1, 1))
    assert "95 % limits %" in told.text()
    assert "95 % limits %" not in result.text()
