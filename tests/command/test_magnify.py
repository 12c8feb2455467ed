"""`rppg magnify`: a new video, what is said of it, and files that are not overwritten."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.command import cli
from rppg_core.video.reader import open_video
from rppg_core.video.writer import write_video


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("magnify") / "face.mkv"
    beat = np.sin(2 * np.pi * 1.2 * np.arange(120) / 30)
    frames = np.full((120, 48, 64, 3), 120) + (beat[:, None, None, None] > 0.5)
    write_video(path, frames.astype(np.uint8), fps=30)
    return path


def test_new_video_has_the_frames_of_the_old_one(video, tmp_path, capsys):
    out = tmp_path / "seen.mp4"
    assert cli.main(["magnify", str(video), str(out), "--factor", "30", "--band", "0.8", "2"]) == 0
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "120 frames" in said and "the whole picture 31" in said
    frames = [frame.region(0, 0, 64, 48, 1, 1)[0, 0, 1] for frame in open_video(out).frames()]
    assert len(frames) == 120 and np.ptp(frames) > 10


def test_an_existing_file_is_kept_unless_it_is_forced(video, tmp_path, capsys):
    out = tmp_path / "seen.mp4"
    out.write_bytes(b"mine")
    assert cli.main(["magnify", str(video), str(out)]) == 2
    assert "would be overwritten" in capsys.readouterr().err and out.read_bytes() == b"mine"
    assert cli.main(["magnify", str(video), str(out), "--force"]) == 0
    assert out.stat().st_size > 100


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no.mkv", "out.mp4"], "no.mkv"),
        (["VIDEO", "VIDEO"], "VIDEO"),
        (["VIDEO", "out.gif"], "out.gif"),
        (["VIDEO", "out.mp4", "--factor", "-3"], "factor"),
        (["VIDEO", "out.mp4", "--band", "4", "1"], "4"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(video, tmp_path, capsys, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    given = [str(video) if one == "VIDEO" else one for one in arguments]
    assert cli.main(["magnify", *given]) in (2, 3)
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and (str(video) if words == "VIDEO" else words) in err
    assert not [*tmp_path.iterdir()]
