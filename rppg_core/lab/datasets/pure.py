"""PURE: ten people, six kinds of motion, lossless pictures with time stamps, a finger sensor on the same clock.

`ii-jj/ii-jj/Image<ns>.png` with `ii-jj/ii-jj.json` (ii person, jj task); other copies keep the JSON beside
the folder `ii-jj`, or each clip in `ii-jj.zip`. All three are read; many copies lack 06-02. Picture names and
JSON hold nanoseconds since 1970: whole numbers of 19 digits, more than a float can hold exactly. Quirks
handled: labels at 60 Hz, pictures at about 30 (a picture's place in the list is not an index into the
labels), sensor samples slightly out of order, dropped pictures (the times jump), a sensor that starts before
the first picture (negative times). Naive loaders stretch the labels to the number of pictures, which ignores
all of this.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Int

from rppg_core.data_files import children
from rppg_core.lab.datasets.base import MEND, DatasetError, Layout, Record, Stream, Streams, make_stream
from rppg_core.lab.datasets.frames import require_file
from rppg_core.video.frame import ArrayFrame, Frame

TASKS = ("steady", "talking", "slow translation", "fast translation", "small rotation", "medium rotation")
FIELDS = {"bvp": "waveform", "hr": "pulseRate", "spo2": "o2saturation"}
CLIP, IMAGE = re.compile(r"(\d\d)-(\d\d)"), re.compile(r"Image(\d+)\.png")
UNSORTED_SHARE = 0.05  # of the sensor's samples may be out of order
MISSING_SHARE = 0.02  # of the listed pictures may be missing
PNG_END = b"IEND\xaeB`\x82"
EARLIEST_NS, LATEST_NS = 10**18, 2 * 10**18  # 2001 to 2033


class Pure(Layout):
    """Clips named `ii-jj`, in folders or zip files."""

    name = "pure"
    title = "PURE"
    looks_like = "01-01/01-01/Image1392643993642815000.png with 01-01/01-01.json, or 01-01.zip"
    marks = (
        "[0-9][0-9]-[0-9][0-9].json",
        "[0-9][0-9]-[0-9][0-9]/[0-9][0-9]-[0-9][0-9].json",
        "[0-9][0-9]-[0-9][0-9]/**/Image*.png",
        "[0-9][0-9]-[0-9][0-9].zip",
    )

    def clips(self, root: Path) -> Iterator[Record]:
        names = {match[0] for path in children(root) if (match := CLIP.match(path.name))}
        for name in sorted(names):
            pictures = PictureFolder(root, name)
            task = int(name[3:])
            yield Record(
                dataset=self.name,
                subject=name[:2],
                clip=name,
                condition={"motion": TASKS[task - 1]} if 1 <= task <= len(TASKS) else {},
                frames=pictures,
                streams=Streams({label: partial(read_stream, pictures, label) for label in FIELDS}),
                video=pictures.place,
            )

    def absent(self, root: Path) -> tuple[str, ...]:
        here = {path.name[:5] for path in children(root)}
        return tuple(
            f"{i:02}-{j:02}" for i in range(1, 11) for j in range(1, 7) if f"{i:02}-{j:02}" not in here
        )


@dataclass(frozen=True)
class PictureFolder:
    """The pictures and labels of one clip, from folders or from a zip file."""

    root: Path
    name: str

    def __call__(self) -> Iterator[Frame]:
        self.check()
        return self._decoded()

    def seconds(self) -> float:
        times_ns = self.times_ns()
        return float(times_ns[-1] - times_ns[0] + np.median(np.diff(times_ns))) / 1e9

    def check(self) -> None:
        listed, here = self.listed_ns(), self.times_ns()
        missing = np.setdiff1d(listed, here)
        if len(missing) > MISSING_SHARE * len(listed):
            raise DatasetError(
                self.place,
                f"{len(here)} of {len(listed)} pictures are here; Image{missing[0]}.png is the first "
                "that is missing",
                wanted=f"the pictures that {self.name}.json lists",
            )

    @property
    def place(self) -> Path:
        """Folder or zip file of the clip, for messages."""
        packed = self.root / f"{self.name}.zip"
        return packed if packed.is_file() and not (self.root / self.name).is_dir() else self.root / self.name

    def times_ns(self) -> Int[np.ndarray, " time"]:
        """The numbers in the pictures' names, in order."""
        found = sorted(int(match[1]) for path in self._pictures() if (match := IMAGE.fullmatch(path.name)))
        if len(found) < 2:
            raise DatasetError(
                self.place,
                f"holds {len(found)} pictures",
                wanted="Image<ns>.png, two or more",
                do="copy them here",
            )
        if not EARLIEST_NS < found[0] < LATEST_NS:
            raise DatasetError(
                self.place,
                f"Image{found[0]}.png: {found[0]} is not a time in nanoseconds since 1970",
                wanted="names with 19 digits",
                do=MEND,
            )
        return np.array(found, np.int64)

    def listed_ns(self) -> Int[np.ndarray, " time"]:
        """The pictures' times as the JSON lists them, in order."""
        return np.sort(_whole(self.json_path(), [entry["Timestamp"] for entry in self.read_json()["/Image"]]))

    def json_path(self) -> Path:
        """The label file, for messages; inside a zip file, its path follows that of the zip file."""
        return Path(str(self._json()))

    def read_json(self) -> dict:
        """Labels: "/FullPackage" (sensor, 60 Hz) and "/Image" (one entry per picture)."""
        path = self._json()
        if isinstance(path, Path):
            require_file(path)
        try:
            found = json.loads(path.read_bytes())
            _ = found["/FullPackage"][0]["Value"], found["/Image"][0]["Timestamp"]
        except (OSError, ValueError, KeyError, IndexError, TypeError, zipfile.BadZipFile) as error:
            raise DatasetError(
                self.json_path(),
                f"cannot be read ({type(error).__name__}: {str(error)[:80]})",
                wanted='a whole JSON file with "/FullPackage" and "/Image"',
            ) from error
        return found

    def _decoded(self) -> Iterator[Frame]:
        pictures = {int(match[1]): path for path in self._pictures() if (match := IMAGE.fullmatch(path.name))}
        zero_ns = min(pictures)
        for time_ns in sorted(pictures):
            name, data = Path(str(pictures[time_ns])), pictures[time_ns].read_bytes()
            picture = None
            if data.endswith(PNG_END):
                picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
            if picture is None:
                raise DatasetError(
                    name, f"has {len(data)} bytes and no end marker: cut off?", wanted="a whole PNG file"
                )
            yield ArrayFrame((time_ns - zero_ns) / 1e9, picture)

    def _base(self) -> Path | zipfile.Path:
        """The folder, or zip file, that holds `ii-jj.json` and the folder `ii-jj`."""
        if self.place.suffix != ".zip":
            return self.root
        try:
            return zipfile.Path(self.place)
        except (OSError, zipfile.BadZipFile) as error:
            raise DatasetError(
                self.place, f"cannot be opened ({error})", wanted="a whole zip file"
            ) from error

    def _json(self) -> Path | zipfile.Path:
        base, file = self._base(), f"{self.name}.json"
        places = [base / self.name / file, base / file, base / self.name / self.name / file]
        return next((path for path in places if path.is_file()), places[0])

    def _pictures(self) -> Iterator[Path | zipfile.Path]:
        base = self._base() / self.name
        for folder in (base / self.name, base):
            if folder.is_dir() and (
                found := [path for path in children(folder) if path.name.endswith(".png")]
            ):
                return iter(found)
        return iter(())


def read_stream(pictures: PictureFolder, name: str) -> Stream:
    """One field of the sensor, timed from the first picture."""
    path, package = pictures.json_path(), pictures.read_json()["/FullPackage"]
    try:
        times_ns = _whole(path, [entry["Timestamp"] for entry in package])
        values = [float(entry["Value"][FIELDS[name]]) for entry in package]
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(path, f"an entry lacks {error}", wanted=f"{FIELDS[name]} in each entry") from error
    times_s = (times_ns - pictures.times_ns()[0]) / 1e9
    return make_stream(path, name, times_s, values, unsorted_share=UNSORTED_SHARE)


def _whole(path: Path, times: list) -> Int[np.ndarray, " time"]:
    if not all(isinstance(time, int) and EARLIEST_NS < time < LATEST_NS for time in times):
        raise DatasetError(
            path,
            "a Timestamp is not a whole number of nanoseconds since 1970",
            wanted="19 digits, such as 1392643993642815000",
            do=MEND,
        )
    return np.array(times, np.int64)
