from __future__ import annotations

import pytest
from lab.training.tiny_net import tiny

from rppg_core.errors import WriteError
from rppg_core.lab.training.record import RunFolder


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder(tmp_path / "runs" / "tiny-seed0")
    folder.start(tiny(), ["simulated"], resume=False)
    return folder


def checkpoint(folder: RunFolder, step: int) -> None:
    folder.unfinished().mkdir(parents=True)
    (folder.unfinished() / "state").write_text(str(step))
    folder.finish(step)


def test_checkpoint_counts_when_it_is_whole(folder):
    folder.unfinished().mkdir(parents=True)
    assert folder.checkpoint() is None
    folder.finish(20)
    assert folder.step() == 20


def test_only_the_newest_checkpoint_is_kept(folder):
    for step in (90, 100, 1_000_000):
        checkpoint(folder, step)
    assert [path.name for path in (folder.path / "checkpoints").iterdir()] == ["step-1000000"]
    assert folder.step() == 1_000_000


def test_two_whole_checkpoints_after_a_kill_between_them_are_no_harm(folder):
    checkpoint(folder, 90)
    (folder.path / "checkpoints" / "step-000100").mkdir()
    assert folder.step() == 100


def test_rows_come_back_without_the_line_that_a_kill_cut(folder):
    folder.write([{"step": 1, "loss": 2.5}, {"step": 2, "loss": 2.25}])
    with folder.log.open("a") as file:
        file.write('{"step": 3, "lo')
    assert folder.rows() == [{"step": 1, "loss": 2.5}, {"step": 2, "loss": 2.25}]


def test_lines_after_a_checkpoint_are_forgotten(folder):
    folder.write([{"step": step} for step in (1, 2, 3, 4)])
    folder.forget_after(2)
    folder.write([{"step": 3}])
    assert [row["step"] for row in folder.rows()] == [1, 2, 3]


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(WriteError, match="--runs"):
        RunFolder(tmp_path / "runs" / "tiny").start(tiny(), ["simulated"], resume=False)
