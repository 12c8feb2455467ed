"""Folders of colour traces with known truth, as users would bring them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.types import FaceClip, Truth

REGIONS = ("skin", "forehead", "cheeks")


def easy_clip(hr_bpm: float = 72.0, seconds: float = 20.0, **more) -> tuple[FaceClip, Truth]:
    """A still face with a strong pulse."""
    settings = {"amplitude_percent": 0.8, "motion": "none", "noise": 0.5, "seed": int(hr_bpm)} | more
    return simulate_traces(SimulationSettings(hr_bpm=hr_bpm, seconds=seconds, **settings))


def write_traces(path: Path, clip: FaceClip, *, lost: slice = slice(0, 0)) -> Path:
    """A table of three regions; rows of zeros where the face is lost."""
    colours = clip.rgb[:, :3].reshape(len(clip.times_s), 9).copy()
    colours[lost] = 0
    header = ",".join(["time_s", *(f"{name}_{channel}" for name in REGIONS for channel in "rgb")])
    np.savetxt(
        path, np.column_stack([clip.times_s, colours]), "%.4f", delimiter=",", header=header, comments=""
    )
    return path


def write_reference(path: Path, truth: Truth, *, late_s: float = 0.0, every_s: float = 1.0) -> Path:
    """The true rate once a second in a table, shown late."""
    times_s = np.arange(0, truth.times_s[-1], every_s)
    rates = np.interp(times_s - late_s, truth.times_s, truth.hr_bpm)
    rows = np.column_stack([times_s, rates])
    np.savetxt(path, rows, "%.3f", delimiter=",", header="time_s,hr_bpm", comments="")
    return path


def write_recording(folder: Path, name: str, hr_bpm: float, **more) -> Truth:
    """Traces and reference of one recording."""
    clip, truth = easy_clip(hr_bpm, **more)
    write_traces(folder / f"{name}.csv", clip)
    write_reference(folder / f"{name}_hr.csv", truth)
    return truth
