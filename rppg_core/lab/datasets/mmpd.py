"""MMPD: 33 people of four skin types, phone video with motion and light varied; video and labels in one MATLAB file.

`subject1/p1_0.mat` to `p1_19.mat`: `video` (frames x height x width x RGB, 0 to 1), `GT_ppg` at 30 Hz, and
the recording conditions as text. Quirks handled: the old label 'Watching Videos' means walking; text is
wrapped in arrays; MATLAB 7.3 files. The pictures were compressed with H.264 before, and their aspect ratio is
squeezed (mini set: 80 x 60). A file of version 5 has to be read whole before its first frame (3 GB for a full
clip as stored); only labels are cheap to read.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from rppg_core.data_files import data_files
from rppg_core.lab.datasets.base import (
    MEND,
    DatasetError,
    Layout,
    ReadLater,
    Record,
    Stream,
    Streams,
    even_times_s,
    make_stream,
)
from rppg_core.lab.datasets.frames import require_file
from rppg_core.lab.datasets.labels import BROKEN, MAT_V73, mat_variables, require_h5py, vector
from rppg_core.video.frame import ArrayFrame, Frame

STORED_FS = 30.0  # Hz of video and GT_ppg alike
CLIPS = 20  # per subject
CONDITIONS = ("light", "motion", "exercise", "glasser", "hair_cover", "makeup", "gender", "skin_color")
NAMES = {"glasser": "glasses", "skin_color": "skin_type"}  # dataset's name -> name in this package
MISLABELLED = {"Watching Videos": "Walking"}
FILE = re.compile(r"p(\d+)_(\d+)\.mat")


class Mmpd(Layout):
    """One MATLAB file per clip."""

    name = "mmpd"
    title = "MMPD"
    looks_like = "subject1/p1_0.mat"
    marks = ("subject*/p*_*.mat",)

    def clips(self, root: Path) -> Iterator[Record]:
        paths = data_files(root, "subject*/*.mat")
        found = [(match, path) for path in paths if (match := FILE.fullmatch(path.name))]
        for _, path in sorted(found, key=lambda pair: (int(pair[0][1]), int(pair[0][2]))):
            yield Record(
                dataset=self.name,
                subject=path.parent.name,
                clip=f"{path.parent.name}/{path.stem}",
                condition=ReadLater(partial(read_condition, path)),
                frames=MatFrames(path),
                streams=Streams({"bvp": partial(read_bvp, path)}),
                video=path,
                notes=("Frames and pulse have no times: both are taken at 30 Hz from the start.",),
            )

    def absent(self, root: Path) -> tuple[str, ...]:
        people = sorted(int(p.name[7:]) for p in data_files(root, "subject*") if p.name[7:].isdigit())
        names = [f"subject{person}/p{person}_{k}.mat" for person in people for k in range(CLIPS)]
        missing = [name for name in names if not (root / name).is_file()]
        return (*(f"subject{k}" for k in range(1, 34) if k not in people), *missing)


@dataclass(frozen=True)
class MatFrames:
    """The array `video` of a MATLAB file as frames at 30 Hz."""

    path: Path

    def __call__(self) -> Iterator[Frame]:
        n = self.count()
        return (
            self._streamed(n)
            if self._is_hdf5()
            else self._frames(mat_variables(self.path, ("video",))["video"])
        )

    def seconds(self) -> float:
        return self.count() / STORED_FS

    def check(self) -> None:
        self.count()

    def count(self) -> int:
        """Number of frames, from the file's directory."""
        require_file(self.path)
        shape = self._hdf5_shape() if self._is_hdf5() else self._shape()
        if shape is None or len(shape) != 4 or shape[3] != 3 or shape[0] < 2:
            raise DatasetError(
                self.path, f"'video' has the shape {shape}", wanted="frames x height x width x 3"
            )
        return shape[0]

    def _is_hdf5(self) -> bool:
        with self.path.open("rb") as file:
            return file.read(len(MAT_V73)) == MAT_V73

    def _shape(self) -> tuple[int, ...] | None:
        from scipy.io import whosmat
        from scipy.io.matlab import MatReadError

        try:
            return next((shape for name, shape, _ in whosmat(self.path) if name == "video"), None)
        except (*BROKEN, MatReadError, zlib.error, struct.error) as error:
            raise self._broken(error) from error

    def _hdf5_shape(self) -> tuple[int, ...] | None:
        try:
            with require_h5py().File(self.path, "r") as file:
                return file["video"].shape[::-1] if "video" in file else None
        except (*BROKEN, RuntimeError) as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> DatasetError:
        said = " ".join(str(error).split())[:120] or type(error).__name__
        return DatasetError(self.path, f"cannot be read as MATLAB ({said})", wanted="a whole MATLAB file")

    def _streamed(self, n: int) -> Iterator[Frame]:
        """Frame by frame from HDF5, where the axes are reversed."""
        with require_h5py().File(self.path, "r") as file:
            for k in range(n):
                try:
                    picture = file["video"][..., k].T
                except (*BROKEN, RuntimeError) as error:
                    raise self._broken(error) from error
                yield self._frame(k, picture)

    def _frames(self, video: np.ndarray) -> Iterator[Frame]:
        for k, picture in enumerate(video):
            yield self._frame(k, picture)

    def _frame(self, k: int, picture: np.ndarray) -> Frame:
        if picture.dtype == np.uint8:
            return ArrayFrame(k / STORED_FS, np.ascontiguousarray(picture))
        if not (picture.min() >= 0 and picture.max() <= 1.001):
            raise DatasetError(
                self.path,
                f"'video' ranges from {picture.min():.4g} to {picture.max():.4g} in frame {k}",
                wanted="0 to 1, or whole numbers of type uint8",
                do=MEND,
            )
        return ArrayFrame(k / STORED_FS, np.ascontiguousarray(picture, np.float32) * np.float32(255))


def read_condition(path: Path) -> Mapping[str, str]:
    """The recording conditions as text; 'Watching Videos' is read as walking, which is what it shows."""
    found = mat_variables(path, CONDITIONS)
    words = {}
    for name, value in found.items():
        text = value.strip() if isinstance(value, str) else f"{np.asarray(value, float).ravel()[0]:g}"
        words[NAMES.get(name, name)] = MISLABELLED.get(text, text)
    return words


def read_bvp(path: Path) -> Stream:
    """The pulse wave of the finger sensor."""
    values = vector(path, mat_variables(path, ("GT_ppg",)), "GT_ppg")
    return make_stream(path, "bvp", even_times_s(len(values), STORED_FS), values)
