"""Forty videos through a pool and through a cluster, with one worker killed and one video cut off on the way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lab.datasets.known_pulse import wave
from lab.datasets.many_videos import Deadly, make_videos

from rppg_core.errors import UsageError, WriteError
from rppg_core.lab.datasets.base import COPY
from rppg_core.lab.datasets.extracted import MANIFEST, read_manifest
from rppg_core.lab.datasets.layouts import LAYOUTS
from rppg_core.lab.datasets.scale import ClusterError, extract_dataset

N = 40
CUT_OFF = 7


def records_of(folder: Path) -> list:
    return list(LAYOUTS["generic"]().records(folder))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def extract(source, out, **changes):
    """Everything is skin: these videos hold no face."""
    return extract_dataset(source, out, **{"region": "whole", "workers": 2, **changes})


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Forty videos, of which one broke off while it was copied."""
    folder = make_videos(tmp_path_factory.mktemp("videos"), N)
    broken = sorted(folder.glob("*.mkv"))[CUT_OFF]
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    return folder


def deadly_records(videos: Path, scratch: Path) -> list:
    """The records, one of which kills the first process that reads it."""
    scratch.mkdir()
    records = records_of(videos)
    records[20] = replace(records[20], frames=Deadly(records[20].frames, scratch))
    return records


@pytest.fixture(scope="module")
def pooled(videos, tmp_path_factory):
    """What two processes make of them."""
    place, told = tmp_path_factory.mktemp("pool"), []
    summary = extract(
        deadly_records(videos, place / "deaths"), place / "out", progress=lambda *said: told.append(said)
    )
    return summary, place, told


@pytest.fixture(scope="module")
def clustered(videos, tmp_path_factory):
    """What a cluster of two workers makes of them."""
    distributed = pytest.importorskip("distributed")
    place = tmp_path_factory.mktemp("cluster")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options, silence_logs=50) as cluster:
        summary = extract(
            deadly_records(videos, place / "deaths"),
            place / "out",
            workers=None,
            scheduler=cluster.scheduler_address,
        )
    return summary, place


def test_one_killed_worker_and_one_broken_video_leave_39_clips_and_one_failure(pooled):
    summary, place, _ = pooled
    assert len(list((place / "deaths").iterdir())) == 1  # it did die
    assert (len(summary.clips), summary.kept, summary.holds) == (N - 1, 0, False)
    (failure,) = summary.failures
    assert failure.path == "person03_1.mkv"
    assert "the copy is incomplete" in failure.what
    assert failure.do == COPY
    assert len(read_manifest(place / "out")) == N - 1


def test_cluster_with_a_killed_worker_makes_the_same_files_and_manifest(pooled, clustered):
    summary, place = clustered
    assert len(list((place / "deaths").iterdir())) == 1
    assert (len(summary.clips), len(summary.failures)) == (N - 1, 1)
    ours, theirs = contents(pooled[1] / "out"), contents(place / "out")
    assert len(ours) == N  # 39 clips and a manifest
    assert ours == theirs


def test_clips_carry_the_pulse_of_their_labels(pooled):
    for clip in pooled[0].clips[:3]:
        face, truth = clip.load()
        assert np.corrcoef(truth.bvp, wave(face.times_s))[0, 1] > 0.999
        assert np.corrcoef(-face.roi("skin")[:, 1], truth.bvp)[0, 1] > 0.999


def test_second_run_makes_only_what_failed(pooled, videos):
    summary, place, _ = pooled
    out = place / "out"
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.npz")}
    records = records_of(videos)[CUT_OFF - 1 : CUT_OFF + 2]
    again = extract(records, out, workers=1)
    assert (len(again.clips), again.kept, len(again.failures)) == (2, 2, 1)
    assert {path.name: path.stat().st_mtime_ns for path in out.glob("*.npz")} == before
    assert {clip.clip for clip in again.clips} < {clip.clip for clip in summary.clips}


def test_progress_counts_failures_and_says_what_is_left(pooled):
    told = pooled[2]
    assert len(told) == N
    assert told[-1] == (f"extracted {N} of {N}, 1 failed, 0 s left", 1.0)
    assert [fraction for _, fraction in told] == sorted(fraction for _, fraction in told)


def test_summary_says_what_to_do(pooled):
    text = pooled[0].text()
    assert "39 clips of 20 subjects" in text
    assert "✗ person03_1.mkv" in text
    assert "repair: copy the file again" in text
    json.dumps(pooled[0].to_dict())
    assert pooled[0].to_dict()["failed"][0]["clip"] == "person03_1"


def test_record_that_kills_every_process_is_reported_and_the_others_are_made(videos, tmp_path):
    (tmp_path / "deaths").mkdir()
    records = records_of(videos)[:3]
    records[1] = replace(records[1], frames=Deadly(records[1].frames, tmp_path / "deaths", times=9))
    summary = extract(records, tmp_path / "out")
    assert len(list((tmp_path / "deaths").iterdir())) == 2
    assert [clip.clip for clip in summary.clips] == ["person00_0", "person01_0"]
    assert summary.failures[0].what == "the process that read this clip died each time"


def test_folder_of_a_known_layout_is_extracted_by_its_path(tmp_path):
    folder = make_videos(tmp_path / "videos", 2)
    (folder / "person00_1.csv").write_text("t_s,ppg\n0,1\n")
    summary = extract(folder, tmp_path / "out", workers=1, needs={"stmap"})
    assert [clip.clip for clip in summary.clips] == ["person00_0"]
    assert summary.clips[0].load()[0].need("stmap").shape == (90, 36, 3)
    found = json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert found["failed"][0]["path"] == "person00_1.csv"
    assert str(tmp_path) not in (tmp_path / "out" / MANIFEST).read_text()


def test_record_that_cannot_be_sent_is_a_failure(videos, tmp_path):
    (record, *_) = records_of(videos)
    summary = extract([replace(record, frames=None, stmap=lambda: None)], tmp_path, workers=1)
    assert "pickle" in summary.failures[0].what.lower()


def test_scheduler_that_is_not_there_is_named(videos, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("rppg_core.lab.datasets.scale.CONNECT_S", 0.5)
    with pytest.raises(ClusterError, match=r"no scheduler at 'tcp://127\.0\.0\.1:9'"):
        extract(records_of(videos), tmp_path, workers=None, scheduler="tcp://127.0.0.1:9")


def test_missing_dask_names_the_extra(videos, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(UsageError, match="extra 'datasets'"):
        extract(records_of(videos), tmp_path, workers=None, scheduler="tcp://127.0.0.1:9")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"needs": {"still"}}, "cannot keep still"),
        ({"region": "hand"}, "region 'hand'"),
        ({"workers": 0}, "0 workers"),
        ({"workers": 2, "scheduler": "tcp://127.0.0.1:9"}, "workers and a scheduler"),
    ],
)
def test_arguments_without_sense_are_refused(videos, tmp_path, changes, words):
    with pytest.raises(UsageError, match=words):
        extract(records_of(videos), tmp_path, **changes)


def test_two_clips_of_one_name_are_refused(videos, tmp_path):
    with pytest.raises(UsageError, match="two clips are called generic/person00_0"):
        extract(records_of(videos)[:1] * 2, tmp_path)


def test_no_clips_are_refused(tmp_path):
    with pytest.raises(UsageError, match="no clips"):
        extract([], tmp_path)


def test_folder_with_another_dataset_is_left_alone(pooled, videos):
    out = pooled[1] / "out"
    before = (out / MANIFEST).read_bytes()
    other = [replace(record, dataset="other") for record in records_of(videos)[:1]]
    with pytest.raises(UsageError, match="holds clips of generic"):
        extract(other, out)
    assert (out / MANIFEST).read_bytes() == before


def test_folder_that_cannot_be_made_is_told_before_the_work(videos, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="cannot make"):
        extract(records_of(videos), tmp_path / "file" / "out")
