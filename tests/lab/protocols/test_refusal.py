import json
from collections import Counter

import numpy as np
import pytest

from rppg_core.lab.protocols import refusal
from rppg_core.lab.protocols.calibration import draws as calibrate
from rppg_core.lab.protocols.refusal import PULSE_FREE, RefusalResult, RefusalRow, cases, run_refusal
from rppg_core.lab.protocols.table import text_table


def row(voice="consensus", kind="pulse", truth=70.0, value=70.5, half=2.0, **more):
    fields = {
        "amplitude": "0.35" if kind == "pulse" else "",
        "tone": 0,
        "seed": 0,
        "confidence": 0.95,
        **more,
    }
    low, high = (value - half, value + half) if value is not None else (None, None)
    return RefusalRow(
        kind=kind, voice=voice, truth_bpm=truth, value_bpm=value, low_bpm=low, high_bpm=high, **fields
    )


def test_ten_seeds_give_the_promised_clips_with_seeds_apart_from_the_calibration():
    every = cases(10)
    kinds = Counter(case.kind for case in every)
    assert kinds["pulse"] == 240
    assert sum(kinds[kind] for kind in PULSE_FREE) == 200
    seeds = [case.seed for case in every]
    assert len(set(seeds)) == len(seeds)
    assert max(seeds) < calibrate.SEED


def test_criteria_fail_when_numbers_are_wrong():
    rows = [row(value=90.0, half=1.0) for _ in range(10)]
    holds = {c.name: c.holds for c in RefusalResult(1, rows).criteria()}
    assert holds["consensus shown at 0.35 % and above"]
    assert not holds["of these within 3 bpm"]
    assert not holds["intervals contain the truth"]


def test_criteria_fail_when_a_wall_gets_a_number_or_intervals_are_too_wide():
    rows = [row(kind="photo", truth=float("nan")), *[row(half=40.0) for _ in range(20)]]
    holds = {c.name: c.holds for c in RefusalResult(1, rows).criteria()}
    assert not holds["consensus on photo"]
    assert not holds["numbers without a pulse, consensus"]
    assert not holds["intervals contain the truth"]


def test_evidence_of_a_network_is_compared_between_pulsed_and_other_clips():
    told = [row("net", evidence=0.5 + 0.05 * k) for k in range(6)]
    told += [row("net", "wall", value=None, evidence=score) for score in (0.1, 0.2, 0.6, 0.52)]
    result = RefusalResult(1, [*told, row("pos"), row("pos", "wall", value=None)])
    wins = sum(a.evidence > b for a in told[:6] for b in (0.1, 0.2, 0.6, 0.52)) + 0.5  # 0.6 is there twice
    assert result.evidence_auroc("net", "wall") == pytest.approx(wins / 24)
    assert np.isnan(result.evidence_auroc("pos", "wall"))
    (table,) = result.evidence_tables()
    assert "area under the ROC curve" in table and "pos" not in table.splitlines()[1]
    assert RefusalResult(1, [row("pos")]).evidence_tables() == []


def test_protocol_runs_and_reports_as_text_and_json(monkeypatch):
    kinds = {("pulse", "0.7"), ("flicker", "")}
    few = [case for case in cases(1) if (case.kind, case.amplitude) in kinds][:7]  # one flickers
    monkeypatch.setattr(refusal, "cases", lambda seeds: few)
    seen = []
    result = run_refusal(1, ["pos"], workers=1, progress=lambda stage, part: seen.append(part))
    text = result.text()
    assert "constant" in text and "tone 5" in text and "flicker" in text
    json.dumps(result.to_dict(), allow_nan=False)
    assert seen[-1] == pytest.approx(1)
    pulsed = result.select(kind="pulse", voice="consensus", amplitude="0.7")
    assert np.mean([r.shown and r.error_bpm < 3 for r in pulsed]) >= 0.8


def test_table_lines_up():
    assert text_table(["a", "bb"], [["xyz", "1"]]) == "a    bb\n---  --\nxyz   1"
