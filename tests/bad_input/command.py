"""What the tests of bad input share: the whole command on one file, and a good face to spoil."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

SIDE, FPS, HR_BPM = 256, 30, 66.0


@dataclass(frozen=True)
class Run:
    """What one command said."""

    code: int
    out: str
    err: str
    report: dict | None  # the JSON object, where there is one

    @property
    def line(self) -> str:
        """The one line of a failure."""
        assert (self.out, self.report) == ("", None)
        assert self.err.startswith("rppg: ") and self.err.endswith("\n") and self.err.count("\n") == 1
        assert "Traceback" not in self.err and "fault in the program" not in self.err
        assert len(self.err) < 320
        return self.err

    @property
    def hr_bpm(self) -> float | None:
        return self.consensus["hr"]["value"]

    @property
    def consensus(self) -> dict:
        assert (self.code, self.err) == (0, "")
        assert self.report is not None
        return self.report["consensus"]["vitals"]


@pytest.fixture(autouse=True)
def empty_temporary_folder(tmp_path_factory, monkeypatch):
    """Temporary files go where none may be left."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.delenv("RPPG_TRACEBACK", raising=False)
    yield
    assert list(folder.iterdir()) == []


@pytest.fixture
def rppg(capsys, tmp_path) -> Callable[..., Run]:
    """Analyse a video with the command, in this process."""

    from rppg_core.command import cli

    def run(path: Path, *options: str) -> Run:
        result = tmp_path / "result.json"
        result.unlink(missing_ok=True)
        code = cli.main(["analyze", str(path), "--json", str(result), *options])
        said = capsys.readouterr()
        return Run(code, said.out, said.err, json.loads(result.read_text()) if result.exists() else None)

    return run


@pytest.fixture(scope="session")
def pictures() -> np.ndarray:
    """8 s of a face with a strong pulse."""
    from rppg_core.lab.simulate.faces import SimulationSettings, simulate_video

    settings = SimulationSettings(
        seconds=8, hr_bpm=HR_BPM, amplitude_percent=1.0, motion="none", rsa=0.0, size=SIDE
    )
    frames = simulate_video(settings).frames
    return np.stack([frames.rgb(k) for k in range(len(frames))])


@pytest.fixture(scope="session")
def face(pictures, tmp_path_factory) -> Path:
    """The pictures as a file that is read without complaint."""
    from rppg_core.video.writer import write_video

    path = tmp_path_factory.mktemp("face") / "face.mp4"
    write_video(path, pictures, fps=FPS, codec="h264")
    return path
