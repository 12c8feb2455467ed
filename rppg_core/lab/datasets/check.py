"""Find what is missing or broken in a dataset's folder before an extraction of several hours fails on it.

Every label is read, but no picture is decoded: the structure of a video file shows whether its copy is complete.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rppg_core.lab.datasets.base import DatasetError, Problem, Record, Stream
from rppg_core.lab.datasets.layouts import find_layout
from rppg_core.types import Progress

APART_SHARE = 0.02  # labels may be shorter or longer by this share of the video's length
APART_STEPS = 1.5  # or by this many samples of the label, where these are far apart
SHOWN = 12  # number of absent clips that the text names


@dataclass(frozen=True)
class FolderCheck:
    """What `check_folder` found."""

    folder: Path
    layout: str
    title: str
    clips: int
    subjects: int
    streams: dict[str, int]  # name -> clips that have it
    problems: tuple[Problem, ...]
    absent: tuple[str, ...]  # parts of a complete copy that are not here

    @property
    def holds(self) -> bool:
        """Whether everything in the folder can be used."""
        return self.clips > 0 and not self.problems

    def text(self) -> str:
        """A report for people: each problem with its repair."""
        labels = ", ".join(f"{name} {count}" for name, count in self.streams.items()) or "none"
        lines = [f"{self.title} ({self.layout})"]
        lines.append(
            f"Clips: {self.clips}. Subjects: {self.subjects}. Labels, with clips that have them: {labels}."
        )
        if self.absent:
            more = f" and {len(self.absent) - SHOWN} more" if len(self.absent) > SHOWN else ""
            lines.append(f"Not in this copy ({len(self.absent)}): {', '.join(self.absent[:SHOWN])}{more}")
        for problem in self.problems:
            lines += [f"✗ {problem.path}", f"    {problem.what}", f"    repair: {problem.repair}"]
        lines.append(f"✗ Problems: {len(self.problems)}." if self.problems else "✓ Nothing is broken.")
        return "\n".join(lines)

    def to_dict(self) -> dict:
        """The same as plain data; paths are relative to the folder."""
        return {
            "layout": self.layout,
            "clips": self.clips,
            "subjects": self.subjects,
            "streams": self.streams,
            "absent": list(self.absent),
            "problems": [
                {"path": _below(self.folder, p.path), "what": p.what, "repair": p.repair}
                for p in self.problems
            ],
        }


def check_folder(
    folder: Path | str, layout: str | None = None, *, progress: Progress | None = None
) -> FolderCheck:
    """Recognise the layout of a folder and check every clip in it.

    Args:
        folder: of the dataset.
        layout: a key of LAYOUTS, where file names do not show the layout.
        progress: called with a text and a fraction.

    Returns:
        What is present, missing and broken.

    Raises:
        UsageError: no layout fits, or more than one does.
        DatasetError: the folder does not have the layout that was named.
    """
    folder = Path(folder)
    found = find_layout(folder, layout)
    records = list(found.records(folder))
    problems: list[Problem] = []
    streams: dict[str, int] = {}
    for count, record in enumerate(records):
        if progress is not None:
            progress(f"checking {record.clip}", count / len(records))
        problems += record_problems(record)
        for name in record.streams:
            streams[name] = streams.get(name, 0) + 1
    problems += found.problems(folder)
    unique = tuple({(problem.path, problem.what): problem for problem in problems}.values())
    subjects = len({record.subject for record in records})
    root = found.root(folder) or folder
    return FolderCheck(
        folder, found.name, found.title, len(records), subjects, streams, unique, found.absent(root)
    )


def record_problems(record: Record) -> Iterator[Problem]:
    """Faults of one record that can be found without decoding its pictures.

    Args:
        record: of any layout.

    Yields:
        One problem per fault; several labels from one broken file give the same problem.
    """
    seconds = None
    try:
        dict(record.condition)
        if record.frames is not None:
            record.frames.check()
            seconds = record.frames.seconds()
        elif record.stmap is not None:
            stmap = record.stmap()
            seconds = len(stmap.samples) / stmap.fs
        elif record.traces is not None:
            seconds = float(record.traces(frozenset({"rgb"})).times_s[-1])
    except DatasetError as error:
        yield _problem(error)
    for name in record.streams:
        try:
            stream = record.streams[name]
        except DatasetError as error:
            yield _problem(error)
            continue
        problem = (
            None if seconds is None else _length_problem(stream, seconds) or _clock_problem(stream, seconds)
        )
        if problem is not None:
            yield problem


def _length_problem(stream: Stream, seconds: float) -> Problem | None:
    """A label that does not last as long as the pictures: one of the two is cut off, or a rate is wrong."""
    apart_s = abs(stream.seconds - seconds)
    if apart_s <= max(APART_SHARE * seconds, APART_STEPS * stream.step_s):
        return None
    return Problem(
        stream.path,
        f"{stream.name} lasts {stream.seconds:.2f} s and the pictures {seconds:.2f} s",
        "one of the two is cut off or has another rate: compare both with their source, or leave the clip out",
    )


def _clock_problem(stream: Stream, seconds: float) -> Problem | None:
    """A label of the right length whose times begin after the last picture, or end before the first."""
    first_s, last_s = float(stream.times_s[0]), float(stream.times_s[-1])
    if first_s < seconds and last_s > 0:
        return None
    return Problem(
        stream.path,
        f"{stream.name} runs from {first_s:.2f} to {last_s:.2f} s, the pictures from 0 to {seconds:.2f} s",
        "count the times of the labels from the first picture",
    )


def _problem(error: DatasetError) -> Problem:
    return Problem(error.path, f"{error.what}; wanted: {error.wanted}", error.do)


def _below(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
