"""UBFC-rPPG, DATASET_2: 42 people who play a game in front of a camera, uncompressed video, with a finger sensor.

`subjectN/{vid.avi, ground_truth.txt}`. The text has three lines of equal length, one value per video frame:
PPG, heart rate, time. The last line is the clock of both frames and labels; the AVI header's rate is a mean
that differs from person to person. Quirks handled: several blanks between numbers, numbers of values and
frames that differ by up to 2, gaps in the time line, a truncated last frame (subject33), faces that must not
be shown (21 and 27). The papers' reference heart rate is computed from the PPG, not read from the sensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rppg_core.data_files import data_files
from rppg_core.lab.datasets.base import DatasetError, Layout, Record, Stream, Streams, make_stream
from rppg_core.lab.datasets.frames import VideoFrames
from rppg_core.lab.datasets.labels import number_rows

PPG, HR, TIME = range(3)  # lines of ground_truth.txt
SLACK = 2  # frames
HIDDEN_SUBJECTS = frozenset({21, 27})  # by the readme, their faces must not be published
SUBJECTS = (1, 3, 4, 5, *range(8, 19), 20, *range(22, 28), *range(30, 50))


class Ubfc2(Layout):
    """One folder per person, labels on the frames' clock."""

    name = "ubfc2"
    title = "UBFC-rPPG, dataset 2"
    looks_like = "subject1/vid.avi with subject1/ground_truth.txt"
    marks = ("subject*/vid.avi", "subject*/ground_truth.txt")

    def clips(self, root: Path) -> Iterator[Record]:
        for folder in sorted(
            data_files(root, "subject*"), key=lambda path: (subject_number(path), path.name)
        ):
            if not folder.is_dir():
                continue
            truth = folder / "ground_truth.txt"
            yield Record(
                dataset=self.name,
                subject=folder.name,
                clip=folder.name,
                frames=VideoFrames(folder / "vid.avi", partial(frame_times_s, truth), truth, SLACK),
                streams=Streams({name: partial(read_stream, truth, name) for name in ("bvp", "hr")}),
                video=folder / "vid.avi",
                drawable=subject_number(folder) not in HIDDEN_SUBJECTS,
            )

    def absent(self, root: Path) -> tuple[str, ...]:
        return tuple(f"subject{k}" for k in SUBJECTS if not (root / f"subject{k}").is_dir())


def subject_number(path: Path) -> int:
    """The number in a folder's name; -1 where there is none."""
    digits = "".join(filter(str.isdigit, path.name))
    return int(digits) if digits else -1


def read_truth(path: Path) -> Float[np.ndarray, "3 time"]:
    """The three lines of a label file."""
    rows = number_rows(path)
    if len(rows) != 3 or len({len(row) for row in rows}) != 1:
        raise DatasetError(
            path,
            f"{len(rows)} lines of {', '.join(str(len(row)) for row in rows)} numbers: cut off?",
            wanted="three lines of equal length: PPG, heart rate, time",
        )
    return np.stack(rows)


def frame_times_s(path: Path) -> Float[np.ndarray, " time"]:
    """The last line, which is the clock of the frames."""
    return read_stream(path, "bvp").times_s


def read_stream(path: Path, name: str) -> Stream:
    """The first or second line at the times of the third."""
    rows = read_truth(path)
    return make_stream(path, name, rows[TIME], rows[PPG if name == "bvp" else HR])
