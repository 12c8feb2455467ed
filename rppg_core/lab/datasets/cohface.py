"""COHFACE: forty people, studio light and daylight, strongly compressed video, pulse and breathing at 256 Hz.

`1/0/{data.avi, data.hdf5}` (person, session), some copies with `data.mkv`; `protocols/{all,clean,natural}/`
lists the splits. Sessions 0 and 1 are lit by a studio spot ("clean"), 2 and 3 by daylight ("natural"). HDF5
datasets `pulse`, `respiration` and `time`. The video has 20 fps and the whole set only 0.6 GB: compression
has removed much of the pulse, so classical methods score badly here because of the data, not the loader.
Frames and labels are assumed to start together.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from rppg_core.data_files import data_files
from rppg_core.lab.datasets.base import Layout, Problem, Record, Stream, Streams, make_stream
from rppg_core.lab.datasets.frames import VideoFrames
from rppg_core.lab.datasets.labels import hdf5_variables, text_lines, vector

FIELDS = {"bvp": "pulse", "resp": "respiration"}
LIGHT = {"0": "studio", "1": "studio", "2": "daylight", "3": "daylight"}
SPLITS = ("train", "dev", "test")


class Cohface(Layout):
    """Clips named `person/session`, with the split that the protocols give them."""

    name = "cohface"
    title = "COHFACE"
    looks_like = "1/0/data.avi with 1/0/data.hdf5"
    marks = ("[0-9]*/[0-3]/data.avi", "[0-9]*/[0-3]/data.mkv", "[0-9]*/[0-3]/data.hdf5")

    def clips(self, root: Path) -> Iterator[Record]:
        splits = read_splits(root)
        folders = [path for path in data_files(root, "[0-9]*/[0-3]") if path.parent.name.isdigit()]
        for folder in sorted(folders, key=lambda path: (int(path.parent.name), path.name)):
            name = f"{folder.parent.name}/{folder.name}"
            packed, labels = folder / "data.mkv", folder / "data.hdf5"
            video = packed if packed.exists() and not (folder / "data.avi").exists() else folder / "data.avi"
            split = {"split": splits[name]} if name in splits else {}
            yield Record(
                dataset=self.name,
                subject=folder.parent.name,
                clip=name,
                condition={"light": LIGHT[folder.name], **split},
                frames=VideoFrames(video),
                streams=Streams({label: partial(read_stream, labels, label) for label in FIELDS}),
                video=video,
            )

    def absent(self, root: Path) -> tuple[str, ...]:
        names = [f"{person}/{session}" for person in range(1, 41) for session in range(4)]
        return tuple(name for name in names if not (root / name).is_dir())

    def problems(self, folder: Path) -> Iterator[Problem]:
        root = self.root(folder)
        for name in sorted(read_splits(root)) if root else ():
            if root is not None and not (root / name).is_dir():
                yield Problem(root / name, "is listed in protocols/ but missing", "copy it here")


def read_splits(root: Path) -> dict[str, str]:
    """Clip -> train, dev or test, by `protocols/all`, or by its two halves."""
    found = {}
    for protocol in ("natural", "clean", "all"):
        for split in SPLITS:
            path = root / "protocols" / protocol / f"{split}.txt"
            if path.is_file():
                found |= {line.strip().removesuffix("/data"): split for line in text_lines(path)}
    return found


def read_stream(path: Path, name: str) -> Stream:
    """One label on the file's own clock."""
    found = hdf5_variables(path, ("time", FIELDS[name]))
    return make_stream(path, name, vector(path, found, "time"), vector(path, found, FIELDS[name]))
