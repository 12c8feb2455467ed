"""The clips of the stops: which there are, and which files are rendered again or not kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from rppg_core.lab.protocols.photo.clips import KEPT
from rppg_core.lab.protocols.stress import clips as stress_clips
from rppg_core.lab.protocols.stress import sweeps as stress_sweeps
from rppg_core.lab.protocols.stress.clips import Stop, rendered_into, stops
from rppg_core.lab.protocols.stress.sweeps import SWEEPS


def test_stops_hold_a_pulse_free_twin_of_every_hard_end():
    every = stops(list(SWEEPS), 2)
    twins = [stop for stop in every if not stop.pulsed]
    assert {(stop.sweep, stop.value) for stop in twins} == {(s.name, s.hard) for s in SWEEPS.values()}
    assert all(stop.case.settings.finished_amplitude == 0 for stop in twins)
    assert len(every) == 2 * sum(len(s.values) + 1 for s in SWEEPS.values())


@pytest.fixture
def short_clips(monkeypatch):
    monkeypatch.setattr(stress_sweeps, "SECONDS", 8.0)


def test_broken_or_older_clip_is_rendered_again(short_clips, tmp_path):
    stop = Stop("frame rate", 8.0, 0)
    older = tmp_path / f"{stop.stem}-{16 * '0'}.npz"
    older.write_bytes(b"half a clip")
    path = rendered_into(stop, tmp_path)
    assert not older.exists()
    path.write_bytes(b"half a clip")
    assert rendered_into(stop, tmp_path) == path and path.stat().st_size > 1000


def test_crops_are_rendered_for_whoever_reads_them(short_clips, tmp_path, monkeypatch):
    monkeypatch.setattr(stress_clips, "WorkerPool", ThreadPoolExecutor)
    needs = frozenset({"rgb", "crop36"})
    assert not needs <= KEPT
    [(clip, _)] = stress_clips.stream_stops([Stop("frame rate", 8.0, 0)], needs, tmp_path, workers=1)
    assert clip.need("crop36").shape[0] == len(clip.times_s)
    assert not list(tmp_path.rglob("*.npz"))
