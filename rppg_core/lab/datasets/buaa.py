"""BUAA-MIHR: fifteen people under eleven levels of light, from 1 to 100 lux.

`Sub 01/lux 10.0/{lux10.0_APH.avi, lux10.0_APH_wave.csv, lux10.0_APH.csv}` with one PPG value per line and a
column `PULSE`; other copies hold `PPGData.mat` (`PPG.data`) instead. Names contain blanks. There are no
times: PPG and heart rate are stretched over the length of the video, and a note states that. If the rate of
the stretched wave is neither that of the sensor (60 Hz) nor that of the frames, `check` reports it, because
the file may be truncated. Papers leave out levels below 10 lux; they are offered here, with the level in
`condition["lux"]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rppg_core.data_files import data_files
from rppg_core.lab.datasets.base import (
    DatasetError,
    Layout,
    Problem,
    Record,
    Stream,
    Streams,
    even_times_s,
    make_stream,
)
from rppg_core.lab.datasets.frames import VideoFrames
from rppg_core.lab.datasets.labels import csv_columns, mat_variables, number_lines, vector

LEVELS = ("1.0", "1.6", "2.5", "4.0", "6.3", "10.0", "15.8", "25.1", "39.8", "63.1", "100.0")  # lux
SENSOR_FS = 60.0  # CMS50E
SLOWEST_FS, FASTEST_FS = 20.0, 260.0  # of a wave stretched over its video
RATE_SHARE = 0.05  # how far its rate may be from a known one
SUBJECT, LUX = re.compile(r"Sub\s*(\d+)", re.IGNORECASE), re.compile(r"lux\s*([\d.]+)", re.IGNORECASE)
NOTE = "The labels have no times: they are stretched over the length of the video (assumed)."


class Buaa(Layout):
    """Clips named `Sub NN/lux L`, with the label files that the copy has."""

    name = "buaa"
    title = "BUAA-MIHR"
    looks_like = "Sub 01/lux 10.0/lux10.0_APH.avi with lux10.0_APH_wave.csv or PPGData.mat"
    marks = ("[Ss]ub*/lux*/*.avi", "[Ss]ub*/lux*/*_wave.csv", "[Ss]ub*/lux*/PPGData.mat")

    def clips(self, root: Path) -> Iterator[Record]:
        for folder in sorted(data_files(root, "[Ss]ub*/lux*"), key=_order):
            subject, lux = SUBJECT.fullmatch(folder.parent.name), LUX.fullmatch(folder.name)
            if subject is None or lux is None or not folder.is_dir():
                continue
            video = next(iter(data_files(folder, "*.avi")), folder / f"lux{lux[1]}_APH.avi")
            yield Record(
                dataset=self.name,
                subject=f"Sub {subject[1]}",
                clip=f"{folder.parent.name}/{folder.name}",
                condition={"lux": lux[1]},
                frames=VideoFrames(video),
                streams=Streams(_readers(folder, video)),
                video=video,
                notes=(NOTE,),
            )

    def absent(self, root: Path) -> tuple[str, ...]:
        here = {record.clip.lower().replace(" ", "") for record in self.clips(root)}
        names = [f"Sub {person:02}/lux {level}" for person in range(1, 16) for level in LEVELS]
        return tuple(name for name in names if name.lower().replace(" ", "") not in here)

    def problems(self, folder: Path) -> Iterator[Problem]:
        root = self.root(folder)
        for record in self.clips(root) if root else ():
            try:
                stream, video = record.streams["bvp"], record.frames
                assert isinstance(video, VideoFrames)
                rates = SENSOR_FS, video.count() / video.seconds()
            except DatasetError:
                continue  # check.py reports it
            fs = 1 / stream.step_s
            if all(abs(fs / rate - 1) > RATE_SHARE for rate in rates):
                yield Problem(
                    stream.path,
                    f"{len(stream.values)} values for {video.seconds():.1f} s are {fs:.1f} per second, neither the "
                    f"sensor's {SENSOR_FS:g} nor one per frame ({rates[1]:.4g})",
                    "compare its length with the file in the archive; if you made it yourself, export it again",
                )


def _order(folder: Path) -> tuple[str, float]:
    lux = LUX.fullmatch(folder.name)
    return folder.parent.name, float(lux[1]) if lux else 0.0


def _readers(folder: Path, video: Path) -> dict[str, partial[Stream]]:
    """Readers for the label files of this copy; the pulse wave is always expected."""
    waves = data_files(folder, "*_wave.csv")
    packed = folder / "PPGData.mat"
    wave = next(iter(waves), packed if packed.exists() else folder / f"{video.stem}_wave.csv")
    tables = [path for path in data_files(folder, "*.csv") if path not in waves]
    readers = {"bvp": partial(read_bvp, wave, video)}
    return readers | ({"hr": partial(read_hr, tables[0], video)} if tables else {})


def read_bvp(path: Path, video: Path) -> Stream:
    """The pulse wave from either kind of file."""
    values = number_lines(path) if path.suffix == ".csv" else _packed_ppg(path)
    return _stretched(path, "bvp", values, video)


def read_hr(path: Path, video: Path) -> Stream:
    """The column PULSE."""
    rates = csv_columns(path, ("PULSE",), example="TIME,PULSE\n0,72")["PULSE"]
    return _stretched(path, "hr", rates, video)


def _packed_ppg(path: Path) -> Float[np.ndarray, " time"]:
    """`PPG.data` of PPGData.mat, which is wrapped in a 1 x 1 structure array."""
    packed = mat_variables(path, ("PPG",)).get("PPG")
    names = getattr(getattr(packed, "dtype", None), "names", None) or ()
    if packed is None or "data" not in names:
        raise DatasetError(path, "holds no structure PPG with a field data", wanted="PPG.data")
    return vector(path, {"PPG.data": packed["data"].ravel()[0]}, "PPG.data")


def _stretched(path: Path, name: str, values: np.ndarray, video: Path) -> Stream:
    seconds = VideoFrames(video).seconds()
    fs = len(values) / seconds
    if name == "bvp" and not SLOWEST_FS <= fs <= FASTEST_FS:
        raise DatasetError(
            path,
            f"{len(values)} values for a video of {seconds:.1f} s: {fs:.3g} per second",
            wanted=f"{SLOWEST_FS:g} to {FASTEST_FS:g} per second (the sensor gives {SENSOR_FS:g}); cut off?",
        )
    return make_stream(path, name, even_times_s(len(values), fs), values, notes=(NOTE,))
