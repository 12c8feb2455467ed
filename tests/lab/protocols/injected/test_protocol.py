"""Tables and criteria of the protocol, and its result on real heads where they are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rppg_core.errors import UsageError
from rppg_core.lab.datasets.clip_file import save_clip
from rppg_core.lab.protocols.injected import protocol
from rppg_core.lab.protocols.injected.cases import AS_IT_IS, BACKGROUND, PUT_IN, InjectedRow
from rppg_core.lab.protocols.injected.light import LightSpread, drawn_spreads
from rppg_core.lab.protocols.injected.protocol import CONSTANT_BPM, InjectedResult, run_injected
from rppg_core.lab.protocols.voices import Span, Voice
from tests.lab.protocols.trace_folder import easy_clip

NAN = float("nan")


def row(
    name="consensus", value: float | None = 70.0, *, true=70.0, kind=PUT_IN, r=NAN, clip="a", **more
) -> InjectedRow:
    low, high = (None, None) if value is None else (value - 2, value + 2)
    voice = Voice(name, value or 70.0, Span(0.0, 30.0, value, 0.9, low, high, ""))
    fields = {"amplitude_percent": 0.5, "course": "steady", "seed": 0, "motion_percent": 1.0} | more
    if kind != PUT_IN:
        true, fields["amplitude_percent"], fields["course"] = NAN, 0.0, ""
    return InjectedRow(clip=clip, start_s=0.0, kind=kind, voice=voice, true_bpm=true, r=r, **fields)


def cells(result: InjectedResult, group: str = "all") -> dict:
    return {(cell["level"], cell["voice"]): cell for cell in result.cells if cell["group"] == group}


def test_the_protocol_runs_on_a_folder_and_reports_as_text_and_json(tmp_path):
    save_clip(tmp_path / "ann.npz", *easy_clip(kind="photo", seconds=15.0))
    seen = []
    result = run_injected(tmp_path, ["chrom"], workers=1, progress=lambda *at: seen.append(at))
    assert seen == [("clip 1 of 1", 1.0)]
    text = result.text()
    for words in (
        "1 %  pos",
        "0.25 %  chrom",
        "calm  consensus",
        "falling  constant",
        "background as skin",
        "own pulse",
    ):
        assert words in text
    found = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert len(found["rows"]) == 11 * 3 and len(found["criteria"]) == 2
    assert cells(result, "strength")["1 %", "pos"]["r"] > cells(result, "strength")["0.25 %", "pos"]["r"]


def test_every_voice_is_compared_with_pos_on_the_same_clips():
    rows = [
        row("pos", r=0.8, clip="a"),
        row("pos", r=0.4, clip="b"),
        row("chrom", r=0.9, clip="a"),
        row(clip="a"),
    ]
    found = cells(InjectedResult(1, 30.0, rows))
    assert found["all", "chrom"]["r_gain"] == pytest.approx(0.1)
    assert found["all", "pos"]["r"] == pytest.approx(0.6)


def test_the_constant_is_the_middle_of_the_drawn_range():
    found = cells(InjectedResult(1, 30.0, [row(true=CONSTANT_BPM + 4), row(true=60.0, clip="b")]))
    counts = found["all", "constant"]["counts"]
    assert (counts.n, counts.right, counts.shown, counts.wrong) == (2, 1, 2, 1)


def test_criteria_fail_for_wrong_values_and_for_values_on_the_background():
    good = [row(clip=str(k)) for k in range(20)] + [
        row(value=None, kind=BACKGROUND, clip=str(k)) for k in range(20)
    ]
    assert all(criterion.holds for criterion in InjectedResult(1, 30.0, good).criteria())
    wrong = [row(value=90.0, clip=str(k)) for k in range(9)] + [
        row(kind=BACKGROUND, clip=str(k)) for k in range(9)
    ]
    assert not any(criterion.holds for criterion in InjectedResult(1, 30.0, wrong).criteria())


def test_clips_as_they_are_are_no_part_of_the_counts_and_no_criterion():
    result = InjectedResult(1, 30.0, [row(), row(kind=AS_IT_IS, clip="b")])
    assert cells(result)["all", "consensus"]["counts"].n == 1
    assert len(result.criteria()) == 1
    assert "as it is, calm" in result.text()


def test_methods_that_read_pictures_are_left_out_and_named(monkeypatch, tmp_path):
    save_clip(tmp_path / "ann.npz", *easy_clip(seconds=6.0))
    needs = {"pos": frozenset({"rgb"}), "chrom": frozenset({"rgb", "crop36"})}
    monkeypatch.setattr(protocol, "get_method", lambda name: type("M", (), {"needs": needs[name]}))
    monkeypatch.setattr(protocol, "run_file", _one_row)
    monkeypatch.setattr(protocol, "drawn_spreads", lambda: drawn_spreads(3))
    result = run_injected(tmp_path, ["chrom"], workers=1)
    assert result.left_out == ("chrom",)
    assert "left out, because they read pictures: chrom" in result.text()
    assert [len(quantity["drawn"]) for quantity in result.to_dict()["light"]] == [3] * 4
    assert "What motion and light do to the skin" in result.text()


def _one_row(path, names, seeds, window_s):
    assert names == ["pos"]
    return [row("pos", r=0.5), row()], [LightSpread(0.5, 0.1, 0.1, 0.3)]


def test_wrong_numbers_and_folders_are_refused(tmp_path):
    with pytest.raises(UsageError, match="at least 1 and 5 s"):
        run_injected(tmp_path, ["pos"], 0)
    with pytest.raises(UsageError, match="no recording in"):
        run_injected(tmp_path, ["pos"])


@pytest.fixture(scope="module")
def real_heads(recordings) -> list[Path]:
    """Stored clips of real heads that have a background, among the real recordings."""
    import numpy as np

    found = []
    for path in sorted(recordings.rglob("*.npz")):
        with np.load(path) as stored:
            if {"rgb", "stmap", "boxes", "background"} <= set(stored.files):
                found.append(path)
    if not found:
        pytest.skip("NOT RUN: no stored clip of a head among the real recordings")
    return found[:3]


def test_pos_finds_strong_pulses_on_real_heads_and_backgrounds_show_nothing(real_heads, tmp_path):
    for path in real_heads:
        (tmp_path / path.name).symlink_to(path)
    result = run_injected(tmp_path, ["pos"], workers=1)
    strong = cells(result, "strength")["1 %", "pos"]
    assert strong["r"] > 0.8
    assert strong["counts"].right >= 0.7 * strong["counts"].n
    assert strong["counts"].right > cells(result, "strength")["1 %", "constant"]["counts"].right
    walls = [row for row in result.rows if row.kind == BACKGROUND and row.voice.name == "consensus"]
    assert len(walls) == len(real_heads) and not any(row.voice.shown for row in walls)
