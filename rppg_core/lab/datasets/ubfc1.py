"""UBFC-rPPG, DATASET_1: eight short recordings, the only part of UBFC with oxygen saturation.

`5-gt/{anything.avi, gtdump.xmp}` and one folder `after-exercise`. The dump is a CSV without header at about
62 Hz on its own clock: time in ms, heart rate, SpO2, PPG. Quirks handled: the video has another name in every
folder; the sensor shows heart rate and SpO2 about 4 s late (stated as `lag_s`, not shifted). Frames and dump
are assumed to start together, because the files do not state their offset.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from rppg_core.data_files import data_files
from rppg_core.lab.datasets.base import Layout, Record, Stream, Streams, make_stream
from rppg_core.lab.datasets.frames import VideoFrames
from rppg_core.lab.datasets.labels import number_table
from rppg_core.lab.datasets.ubfc2 import HIDDEN_SUBJECTS, subject_number

COLUMNS = {"hr": 1, "spo2": 2, "bvp": 3}  # of gtdump.xmp; column 0 is the time in ms
SENSOR_LAG_S = 4.0  # of heart rate and SpO2, as loaders in use shift them
EXERCISE = "after-exercise"
CLIPS = (*(f"{k}-gt" for k in (5, 6, 7, 8, 10, 11, 12)), EXERCISE)
NOTE = "Video and labels have separate clocks; they are assumed to start together."


class Ubfc1(Layout):
    """One folder per clip, with a sensor dump on its own clock."""

    name = "ubfc1"
    title = "UBFC-rPPG, dataset 1"
    looks_like = "5-gt/anything.avi with 5-gt/gtdump.xmp"
    marks = ("*-gt/*.avi", "*-gt/gtdump.xmp", "after-exercise/gtdump.xmp")

    def clips(self, root: Path) -> Iterator[Record]:
        folders = [path for path in (*data_files(root, "*-gt"), root / EXERCISE) if path.is_dir()]
        for folder in sorted(folders, key=lambda path: (subject_number(path) % 10**6, path.name)):
            video = next(iter(data_files(folder, "*.avi")), folder / "vid.avi")
            dump = folder / "gtdump.xmp"
            yield Record(
                dataset=self.name,
                subject=folder.name.removesuffix("-gt"),
                clip=folder.name,
                condition={"scenario": "after exercise" if folder.name == EXERCISE else "rest"},
                frames=VideoFrames(video),
                streams=Streams({name: partial(read_stream, dump, name) for name in COLUMNS}),
                video=video,
                notes=(NOTE,),
                drawable=subject_number(folder) not in HIDDEN_SUBJECTS,
            )

    def absent(self, root: Path) -> tuple[str, ...]:
        return tuple(name for name in CLIPS if not (root / name).is_dir())


def read_stream(path: Path, name: str) -> Stream:
    """One column of the dump."""
    table = number_table(path, 4)
    lag_s = 0.0 if name == "bvp" else SENSOR_LAG_S
    return make_stream(path, name, table[:, 0] / 1e3, table[:, COLUMNS[name]], lag_s=lag_s)
