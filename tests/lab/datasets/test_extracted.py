import json
import pickle
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from lab.datasets.known_pulse import wave
from lab.datasets.make_layouts import make_stmap, make_ubfc2
from lab.datasets.many_videos import make_videos

from rppg_core.errors import UsageError
from rppg_core.lab.datasets.base import FrameSource, Record, Stream, Streams, make_stream
from rppg_core.lab.datasets.extracted import (
    KEPT_NEEDS,
    MANIFEST,
    ExtractedClip,
    Failure,
    read_manifest,
    write_manifest,
)
from rppg_core.lab.datasets.extraction import Job, clip_of_record, content_key, extract_record
from rppg_core.lab.datasets.layouts import LAYOUTS
from rppg_core.lab.simulate.faces import simulate_clip
from rppg_core.lab.simulate.settings import SimulationSettings

RGB = frozenset({"rgb"})


def short_clip(needs, *, seed=0):
    return simulate_clip(SimulationSettings(seconds=2.0, size=96, fps=25, seed=seed), needs)


def bvp_stream(times_s) -> Stream:
    return make_stream(Path("a.csv"), "bvp", times_s, wave(times_s))


def simulated(seed=0, **changes) -> Record:
    return Record(
        **{
            "dataset": "made",
            "subject": "s",
            "clip": f"s/{seed}",
            "face_clip": partial(short_clip, seed=seed),
            **changes,
        }
    )


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """The record of a video without a face, to be read as skin."""
    folder = make_videos(tmp_path_factory.mktemp("video"), 1)
    return next(LAYOUTS["generic"]().records(folder))


def job(record, out, **changes) -> Job:
    return Job(**{"record": record, "out": out, "needs": RGB, "region": "whole", **changes})


def test_video_and_its_labels_share_their_times(video, tmp_path):
    outcome = extract_record(job(video, tmp_path, needs=frozenset({"rgb", "stmap"})))
    clip, truth = outcome.clip.load()
    assert (clip.fs, len(clip.times_s), clip.stmap.shape) == (30, 90, (90, 36, 3))
    assert np.corrcoef(-clip.roi("skin")[:, 1], truth.bvp)[0, 1] > 0.999  # both show the same wave
    assert outcome.clip.labels == ("bvp", "hr")
    assert (outcome.clip.seconds, outcome.clip.subject, outcome.clip.drawable) == (3.0, "person00", True)


def test_file_holds_no_date_and_no_path(video, tmp_path):
    outcome = extract_record(job(video, tmp_path))
    with zipfile.ZipFile(outcome.clip.path) as stored:
        assert {member.date_time for member in stored.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert str(tmp_path).encode() not in outcome.clip.path.read_bytes()


def test_clip_of_a_simulated_record_is_brought_to_30_hz_with_its_truth(tmp_path):
    outcome = extract_record(job(simulated(), tmp_path))
    clip, truth = outcome.clip.load()
    assert (clip.fs, len(clip.times_s)) == (30, 60)
    assert len(truth.bvp) == 60
    assert np.isfinite(truth.bvp).all()
    assert outcome.clip.labels == ("bvp", "resp", "hr", "rr", "spo2")


def test_map_is_kept_as_it_is_with_its_labels(tmp_path):
    folder = make_stmap(tmp_path / "maps", ("HCW/s03_a",))
    record = next(LAYOUTS["stmap"]().records(folder))
    clip, truth = extract_record(job(record, tmp_path, needs=frozenset({"rgb", "stmap"}))).clip.load()
    np.testing.assert_array_equal(clip.stmap, record.stmap().samples)
    assert clip.stmap_weight[7] == 0
    assert np.corrcoef(-clip.roi("skin")[:, 1], truth.bvp)[0, 1] > 0.999


def test_map_cannot_give_crops(tmp_path):
    record = next(LAYOUTS["stmap"]().records(make_stmap(tmp_path / "maps", ("HCW/s03_a",))))
    failure = extract_record(job(record, tmp_path, needs=frozenset({"crop36"}))).failure
    assert failure.what == "HCW/s03_a gives no crop36"


def test_no_picture_of_a_face_that_must_not_be_shown_is_stored(tmp_path):
    records = LAYOUTS["ubfc2"]().records(make_ubfc2(tmp_path / "data", subjects=(21,)))
    outcome = extract_record(job(next(records), tmp_path, needs=frozenset({"rgb", "stmap"})))
    assert not outcome.clip.drawable
    with zipfile.ZipFile(outcome.clip.path) as stored:
        names = {member.removesuffix(".npy") for member in stored.namelist()}
    assert {"rgb", "stmap"} <= names
    assert not {name for name in names if name.startswith(("crop", "still", "landmarks"))}


def test_video_without_a_face_fails_in_words(video, tmp_path, monkeypatch):
    monkeypatch.setattr("rppg_core.lab.datasets.extraction.FaceTracker", NobodyThere)
    failure = extract_record(job(video, tmp_path, region="face", root=video.video.parent)).failure
    assert failure.path == "person00_0.mkv"
    assert "face" in failure.what
    assert not list(tmp_path.glob("*.npz"))


class NobodyThere:
    """A tracker that never sees a face."""

    def observe(self, frame):
        return None


@pytest.mark.usefixtures("face_models")
def test_real_pass_finds_the_face_and_its_pulse(tmp_path):
    settings = SimulationSettings(
        seconds=6, size=256, fps=15, hr_bpm=72, rsa=0, amplitude_percent=2, noise=0.5
    )
    record = Record(
        dataset="made",
        subject="s",
        clip="a",
        frames=RenderedSource(settings),
        streams=Streams({"bvp": partial(bvp_stream, np.arange(180) / 30)}),
    )
    clip, truth = clip_of_record(record, frozenset({"rgb"}))
    assert clip.valid.all()
    assert len(truth.bvp) == len(clip.times_s) == 180
    green = clip.roi("skin")[:, 1]
    spectrum = np.abs(np.fft.rfft((green - green.mean()) * np.hanning(180)))
    assert np.argmax(spectrum[4:]) + 4 == pytest.approx(7, abs=1)  # 1.2 Hz in steps of 1 / 6 s


class RenderedSource(FrameSource):
    """Rendered frames as a dataset's."""

    def __init__(self, settings):
        from rppg_core.lab.simulate.faces import simulate_video

        self.video = simulate_video(settings)

    def __call__(self):
        return iter(self.video.frames)

    def seconds(self):
        return 6.0


def test_fault_of_the_program_is_one_failure_in_words(tmp_path):
    failure = extract_record(job(simulated(face_clip=divide), tmp_path)).failure
    assert failure.what == "a fault in the program: ZeroDivisionError: division by zero"


def divide(needs):
    return 1 / 0


def test_file_of_the_same_content_is_kept(tmp_path):
    first = extract_record(job(simulated(), tmp_path))
    before = first.clip.path.stat().st_mtime_ns
    again = extract_record(job(simulated(), tmp_path))
    assert (first.kept, again.kept) == (False, True)
    assert again.clip == first.clip
    assert again.clip.path.stat().st_mtime_ns == before


def test_damaged_file_is_made_again(tmp_path):
    first = extract_record(job(simulated(), tmp_path))
    whole = first.clip.path.read_bytes()
    first.clip.path.write_bytes(whole[: len(whole) // 2])
    assert not extract_record(job(simulated(), tmp_path)).kept
    assert first.clip.path.read_bytes() == whole


def test_key_changes_with_needs_labels_video_and_settings(tmp_path):
    folder = make_videos(tmp_path, 1)

    def key(needs=RGB, **changes):
        record = next(LAYOUTS["generic"]().records(folder))
        return content_key(replace(record, **changes), needs)

    first = key()
    assert key() == first
    assert key(frozenset({"rgb", "stmap"})) != first
    labels = next(folder.glob("*.csv"))
    labels.write_text(labels.read_text().replace("72.0", "73.0"))
    relabelled = key()
    assert relabelled != first
    video = next(folder.glob("*.mkv"))
    video.write_bytes(video.read_bytes()[:-8] + b"12345678")
    assert key() != relabelled
    assert content_key(simulated(0), RGB) == content_key(simulated(0), RGB)
    assert content_key(simulated(0, clip="s/1"), RGB) != content_key(simulated(1), RGB)


def test_names_that_look_alike_get_files_of_their_own(tmp_path):
    files = {job(simulated(clip=name), tmp_path).file for name in ("a/b", "a_b", "a b")}
    assert len(files) == 3


@pytest.fixture
def manifest(tmp_path):
    """Two clips and a failure, written out of order."""
    clips = [
        ExtractedClip(
            "pure",
            f"0{k}",
            f"0{k}-01",
            {"motion": "steady"},
            tmp_path / f"{k}.npz",
            ("bvp", "hr"),
            60.0,
            k != 2,
            58.0,
            ("a note",),
        )
        for k in (2, 1)
    ]
    write_manifest(tmp_path, RGB, clips, [Failure("pure", "03-01", "03-01.zip", "cut off", "whole", "copy")])
    return tmp_path


def test_manifest_comes_back_in_order(manifest):
    clips = read_manifest(manifest)
    assert [clip.clip for clip in clips] == ["01-01", "02-01"]
    assert clips[1] == ExtractedClip(
        "pure",
        "02",
        "02-01",
        {"motion": "steady"},
        manifest / "2.npz",
        ("bvp", "hr"),
        60.0,
        False,
        58.0,
        ("a note",),
    )
    assert pickle.loads(pickle.dumps(clips)) == clips
    assert len(set(clips)) == 2


def test_manifest_names_no_folder_of_this_machine(manifest):
    text = (manifest / MANIFEST).read_text()
    assert str(manifest) not in text
    assert json.loads(text)["failed"][0]["do"] == "copy"


@pytest.mark.parametrize("content", [None, "", "{}", '{"format": 1}', '{"format": 99, "clips": []}', "[1]"])
def test_folder_without_a_whole_manifest_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(UsageError, match=MANIFEST):
        read_manifest(tmp_path)


def test_scene_landmarks_and_crops_are_kept_where_they_are_asked_for(tmp_path):
    assert {"rgb", "stmap", "crop36", "crop72", "crop128_raw", "landmarks", "scene"} == KEPT_NEEDS
    wanted, _ = clip_of_record(simulated(), KEPT_NEEDS)
    clip, _ = extract_record(job(simulated(), tmp_path, needs=KEPT_NEEDS)).clip.load()
    assert (clip.still, clip.still_outlines) == (None, {})
    for name in ("crop36", "crop72", "crop128_raw"):
        np.testing.assert_array_equal(getattr(clip, name), getattr(wanted, name))
    np.testing.assert_allclose(clip.landmarks, wanted.landmarks, rtol=1e-6)  # stored in single precision
    assert {len(numbers) for numbers in clip.scene.values()} == {2}


def test_whole_picture_is_still_skin_after_extraction(video, tmp_path):
    clip, _ = extract_record(job(video, tmp_path)).clip.load()
    assert (clip.region, clip.face.found) == ("whole", 1.0)
