"""The protocol on recordings with known rates, and on real ones where they are there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rppg_core.errors import UsageError
from rppg_core.lab.protocols.recordings.lag import Lag
from rppg_core.lab.protocols.recordings.protocol import (
    RecordingFacts,
    RecordingsResult,
    WindowRow,
    run_recordings,
)
from rppg_core.lab.protocols.voices import Span, Voice
from rppg_core.tables.reference import Reference
from tests.lab.protocols.trace_folder import write_recording


@pytest.fixture(scope="module")
def result(tmp_path_factory) -> RecordingsResult:
    folder = tmp_path_factory.mktemp("people")
    write_recording(folder, "ann_resting", 64.0, seconds=42.0)
    write_recording(folder, "bob_resting", 88.0, seconds=20.0)
    write_recording(folder, "bob", 91.0, seconds=20.0)
    seen = []
    found = run_recordings(folder, ["pos"], window_s=20.0, workers=1, progress=lambda *at: seen.append(at))
    assert seen[-1] == ("recording 3 of 3", 1.0)
    return found


def row(person="a", value: float | None = 70.0, true=70.0, name="consensus", start=0.0) -> WindowRow:
    low, high = (None, None) if value is None else (value - 2, value + 2)
    rate = 70.0 if value is None else value
    voice = Voice(name, rate, Span(start, start + 30, value, 0.9, low, high, ""))
    return WindowRow(f"{person}_x", person, "x", start, start + 30, True, voice, true, true)


def facts(person="a") -> RecordingFacts:
    reference = Reference(np.arange(3.0), np.full(3, 70.0))
    return RecordingFacts(f"{person}_x", person, "x", 30.0, 1.0, 70.0, Lag(0.0, 1.0, 1.0), reference)


def test_every_window_of_an_easy_recording_is_right(result):
    cells = {cell["voice"]: cell["plain"] for cell in result.cells if cell["group"] == "all"}
    assert cells["pos"].n == cells["consensus"].n == 4
    assert cells["pos"].right == cells["consensus"].right == 4
    assert cells["constant"].right < 4


def test_kinds_and_people_are_listed_apart(result):
    text = result.text()
    for words in ("recording  pos", "resting  consensus", "ann  pos", "bob  constant", "with lag", "lag s"):
        assert words in text
    assert "By length" not in text  # all windows have one length


def test_windows_of_the_track_are_counted_by_kind(result):
    _, _, table = result.text().partition("The consensus over time, in windows of 10 s\n")
    lines = {line.split()[0]: line.split() for line in table.split("\n\n")[0].splitlines()[2:]}
    assert set(lines) == {"recording", "resting"}
    assert int(lines["resting"][1]) >= 9
    assert lines["resting"][-5:-3] == ["0", "of"]  # none of them is wrong


def test_a_result_is_json_with_a_strip_for_each_recording(result):
    found = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert [strip["recording"] for strip in found["strips"]] == ["ann_resting", "bob", "bob_resting"]
    spans = found["strips"][0]["spans"]  # 10 s, half overlapping
    assert {round(span["end_s"] - span["start_s"]) for span in spans} == {10} and len(spans) >= 6
    assert found["criteria"] and len(found["rows"]) == 8


def test_a_page_shows_the_strips(result):
    from rppg_core.figures.report_page import protocol_html

    page = protocol_html("recordings", result.text(), result.to_dict())
    assert page.count('id="strip-') == 3 and "bob_resting" in page


def test_the_constant_knows_only_other_people():
    rows = [row("a", true=60.0), row("a", true=62.0, start=30.0), row("b", true=90.0), row("c", true=100.0)]
    result = RecordingsResult(30.0, rows, [facts("a"), facts("b"), facts("c")])
    said = {(r.person, r.start_s): r.voice.rate_bpm for r in result.all_rows if r.voice.name == "constant"}
    assert said == {("a", 0): 95.0, ("a", 30): 95.0, ("b", 0): 62.0, ("c", 0): 62.0}


def test_one_person_alone_has_no_constant():
    result = RecordingsResult(30.0, [row("a"), row("a", start=30.0)], [facts("a")])
    cells = {cell["voice"]: cell["plain"] for cell in result.cells if cell["group"] == "all"}
    assert (cells["constant"].n, cells["constant"].shown, cells["constant"].right) == (2, 0, 0)
    assert "one person only" in result.text()
    json.dumps(result.to_dict(), allow_nan=False)


def test_windows_without_reference_are_left_out_and_counted():
    result = RecordingsResult(30.0, [row("a"), row("a", true=float("nan"), start=30.0)], [facts("a")])
    assert result.cells[0]["plain"].n == 1
    assert "1 windows are left out" in result.text()


def test_the_criterion_fails_when_many_shown_values_are_wrong():
    wrong = [row("a", value=90.0, start=30.0 * k) for k in range(10)]
    assert not RecordingsResult(30.0, wrong, [facts("a")]).criteria()[0].holds


def test_a_window_that_is_too_short_is_refused(tmp_path):
    with pytest.raises(UsageError, match="at least 5 s"):
        run_recordings(tmp_path, ["pos"], window_s=2.0)


@pytest.fixture(scope="module")
def real_people(recordings) -> Path:
    """A folder of recordings with references, among the real ones."""
    folders = sorted({path.parent for path in recordings.rglob("*_hr.csv")})
    if not folders:
        pytest.skip("NOT RUN: no recording with a reference among the real ones")
    return folders[0]


def test_people_at_rest_are_read_right_and_nothing_wrong_is_shown(real_people, tmp_path):
    for path in real_people.glob("*_resting*.csv"):
        (tmp_path / path.name).symlink_to(path)
    result = run_recordings(tmp_path, ["pos", "chrom"], workers=1)
    cells = {cell["voice"]: cell["plain"] for cell in result.cells if cell["group"] == "all"}
    assert cells["pos"].right >= 0.8 * cells["pos"].n  # every window today; a changed reader may lose one
    assert cells["consensus"].wrong == 0
    assert cells["pos"].right > cells["constant"].right
