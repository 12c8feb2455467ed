from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from lab.protocols.held_out.trace_records import TraceDomain, extract_here

from rppg_core.errors import UnknownMethodError, UsageError
from rppg_core.lab.datasets.extracted import read_manifest
from rppg_core.lab.protocols.held_out import mssdg
from rppg_core.lab.protocols.held_out import numbers as dataset_numbers
from rppg_core.lab.protocols.held_out.cross import run_cross
from rppg_core.lab.protocols.held_out.intra import run_intra
from rppg_core.lab.protocols.held_out.mssdg import run_mssdg
from rppg_core.lab.protocols.held_out.run import Options, read_clips

SECONDS = 12.0


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(dataset_numbers, "N_RESAMPLES", 5)
    monkeypatch.setattr(mssdg, "extract_dataset", extract_here)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """Two datasets as `rppg dataset extract` writes them: three people of two clips each."""
    made = {}
    for seed, name in enumerate(("a", "b"), start=1):
        made[name] = tmp_path_factory.mktemp(name)
        records = list(TraceDomain(name, seed).records(6, seconds=SECONDS))
        extract_here(records, made[name], needs=frozenset({"rgb", "stmap"}))
    return made


def test_intra_tests_every_clip_once_with_pos_and_the_constant(folders):
    result = run_intra(folders["a"], Options(methods="chrom"), folds=3)
    assert result.methods == ["pos", "chrom"]
    tested = [row.clip for row in result.rows if row.method == "pos" and row.unit == "video"]
    assert sorted(tested) == sorted(clip.clip for clip in read_manifest(folders["a"]))
    assert result.cell("pos", "video")["hr"]["mae"] < 2.0  # 1 % pulse, half a grey level of noise
    lines = [line.split()[0] for line in result.text().splitlines() if line]
    assert lines.count("pos") >= 2 and lines.count("constant") >= 2


def test_constant_of_a_fold_is_the_mean_of_the_other_people(folders):
    result = run_intra(folders["a"], Options(methods="pos"), folds=3)
    videos = [row for row in result.rows if row.unit == "video"]
    for split, constant in result.constants.items():
        others = [row.hr_true_bpm for row in videos if row.split != split]
        assert constant.hr_bpm == pytest.approx(sum(others) / len(others))


def test_cross_tests_the_one_dataset_alone(folders):
    result = run_cross([folders["a"]], folders["b"], Options(methods="pos", window_s=6.0))
    assert {row.dataset for row in result.rows} == {"b"}
    assert {row.seconds for row in result.rows if row.unit == "window"} == {6.0}
    assert "a to b" in result.text()


def test_dataset_on_both_sides_of_cross_is_refused(folders):
    with pytest.raises(UsageError, match="b is on both sides"):
        run_cross([folders["a"], folders["b"]], folders["b"])


def test_folder_as_it_was_downloaded_is_sent_to_extract(tmp_path):
    for subject in ("subject1", "subject3"):
        (tmp_path / subject).mkdir()
        for name in ("vid.avi", "ground_truth.txt"):
            (tmp_path / subject / name).write_bytes(b"")
    with pytest.raises(UsageError, match=r"holds videos \(UBFC-rPPG, dataset 2.*rppg dataset extract"):
        run_intra(tmp_path)


def test_folder_without_a_manifest_says_what_is_wanted(tmp_path):
    with pytest.raises(UsageError, match=r"holds no manifest\.json"):
        read_clips(tmp_path)
    with pytest.raises(UsageError, match="there is no folder"):
        read_clips(tmp_path / "nowhere")


def test_wrong_options_are_refused_before_anything_is_read():
    with pytest.raises(UsageError, match="steps is 0"):
        Options(steps=0)
    with pytest.raises(UnknownMethodError, match="nonsense"):
        _ = Options(methods="nonsense").names


def test_domains_are_left_out_in_turn_and_kept_for_the_next_run(tmp_path, monkeypatch):
    domains = [TraceDomain("calm", 1, noise=0.5), TraceDomain("noisy", 2, noise=12.0)]
    options = Options(methods="pos", runs=tmp_path)
    result = run_mssdg(options, n_clips=4, clip_s=SECONDS, domains=domains)
    assert result.targets == ["calm", "noisy"]
    assert {row.split for row in result.rows if row.dataset == "noisy"} == {"noisy"}
    (promise,) = result.criteria()
    assert promise.name == "HR MAE of pos over the domains"
    assert "calm" in promise.measured and "noisy" in promise.measured
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    again = run_mssdg(options, n_clips=4, clip_s=SECONDS, domains=domains)
    assert again.text() == result.text()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")} == kept


def test_more_clips_than_one_a_domain_are_needed(tmp_path):
    with pytest.raises(UsageError, match="1 clips per domain"):
        run_mssdg(Options(runs=tmp_path), n_clips=1)


def test_clip_that_cannot_be_made_stops_the_protocol(tmp_path):
    class Broken(TraceDomain):
        def records(self, n, *, seconds=20.0, seed=0):
            for record in super().records(n, seconds=seconds, seed=seed):
                yield replace(record, face_clip=no_face)

    with pytest.raises(UsageError, match=r"2 of 4 clips could not be rendered"):
        run_mssdg(
            Options(methods="pos", runs=tmp_path),
            n_clips=2,
            clip_s=SECONDS,
            domains=[TraceDomain("calm", 1), Broken("broken", 2)],
        )


def no_face(needs: frozenset[str]):
    raise UsageError("no face", wanted="a face", do="look")
