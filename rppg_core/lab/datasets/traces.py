"""Recordings that can be shared without faces: colour traces, each beside the heart rate of another device.

`NAME.csv` with `NAME_hr.csv`. The first is a table of colours as `rppg traces` writes it, or any other that
`rppg analyze` reads (`time_s,r,g,b`); the second holds heart rates (`time_s,hr_bpm`) or intervals between beats.
Both count their times from the first frame. The person is the part of the name up to the first `_`, and the rest is
what the person did. Quirk handled: a sensor that was on before or after the recording; that part is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from rppg_core.data_files import data_files
from rppg_core.errors import NoFaceError
from rppg_core.lab.datasets.base import (
    MEND,
    DatasetError,
    Layout,
    Problem,
    Record,
    Stream,
    Streams,
    make_stream,
)
from rppg_core.lab.datasets.generic import VIDEOS
from rppg_core.lab.datasets.labels import as_dataset_errors
from rppg_core.tables.reference import read_reference
from rppg_core.types import FaceClip
from rppg_core.video.traces import read_traces

RATES = "_hr"  # ends the name of the heart rates


class Traces(Layout):
    """Pairs of tables in one folder."""

    name = "traces"
    title = "a folder of colour traces"
    looks_like = "NAME.csv (time_s,r,g,b) with NAME_hr.csv (time_s,hr_bpm)"
    marks = (f"*{RATES}.csv",)

    def root(self, folder: Path) -> Path | None:
        place = super().root(folder)
        return (
            place if place is not None and any(rates_of(path).exists() for path in _tables(place)) else None
        )

    def clips(self, root: Path) -> Iterator[Record]:
        for path in _tables(root):
            subject, _, activity = path.stem.partition("_")
            yield Record(
                dataset=self.name,
                subject=subject,
                clip=path.stem,
                condition={"activity": activity} if activity else {},
                traces=partial(read_clip, path),
                streams=Streams({"hr": partial(read_rates, path)}),
                video=path,
            )

    def problems(self, folder: Path) -> Iterator[Problem]:
        root = self.root(folder)
        for path in data_files(root, f"*{RATES}.csv") if root is not None else ():
            traces = path.with_name(f"{path.stem.removesuffix(RATES)}.csv")
            if not traces.exists():
                yield Problem(path, f"has no {traces.name} beside it", "copy the colours here, or remove it")


def rates_of(path: Path) -> Path:
    """The file of heart rates that belongs to a table of colours."""
    return path.with_name(f"{path.stem}{RATES}.csv")


def read_clip(path: Path, needs: frozenset[str]) -> FaceClip:
    """The colours of one recording; the first frame is at 0 s.

    Raises:
        DatasetError: they cannot be read.
    """
    clip = _clip(path, needs)
    return replace(clip, times_s=clip.times_s - clip.times_s[0])


def read_rates(path: Path) -> Stream:
    """The heart rate during one recording.

    Raises:
        DatasetError: heart rates or colours cannot be read.
    """
    rates = rates_of(path)
    if not rates.exists():
        raise DatasetError(rates, "is missing", wanted=f"heart rates beside {path.name}", do="copy them here")
    with as_dataset_errors():
        reference = read_reference(rates)
    start_s, stop_s = _clip(path, frozenset({"rgb"})).times_s[[0, -1]].tolist()
    during = reference.during(start_s, stop_s)
    return make_stream(rates, "hr", during.times_s - start_s, during.hr_bpm)


def _clip(path: Path, needs: frozenset[str]) -> FaceClip:
    """The colours on the clock of the file."""
    try:
        with as_dataset_errors():
            return read_traces(path, needs=needs)
    except NoFaceError as error:
        raise DatasetError(path, error.got, wanted=error.wanted, do=MEND) from error


def _tables(folder: Path) -> list[Path]:
    """Tables in this folder that are not heart rates, and not the labels of a video."""
    return [
        path
        for path in data_files(folder, "*.csv")
        if not path.stem.endswith(RATES) and not any(path.with_suffix(end).exists() for end in VIDEOS)
    ]
