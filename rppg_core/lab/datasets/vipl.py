"""VIPL-HR: 107 people, nine scenarios, four cameras; heart rate and SpO2 once a second, face crops of varying size.

`p1/v1/source1/{video.avi, gt_HR.csv, gt_SpO2.csv, wave.csv, time.txt}`; a second take of a scenario is
`v1-2`. The AVI header always states 25 fps, while the camera ran at up to 30: `time.txt` (ms, one per frame)
is the clock. The phone (source2) has none; its frames are spread evenly over the seconds of its heart rates,
and a note states that. Quirks handled: source4 is near infra-red and is not offered as colour; SpO2 fault
codes (44, 103.79) are masked; `wave.csv` does not match the video in time, so the whole stream is masked (60
Hz by the sensor's type, no times); scenarios listed in `Missing_data.txt` are not reported; a `time.txt`
whose length differs from the number of frames is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rppg_core.data_files import data_files
from rppg_core.lab.datasets.base import (
    MEND,
    DatasetError,
    Layout,
    Problem,
    Record,
    Stream,
    Streams,
    even_times_s,
    make_stream,
)
from rppg_core.lab.datasets.frames import VideoFrames, require_whole
from rppg_core.lab.datasets.labels import mat_variables, number_lines, text_lines
from rppg_core.video.frame import Frame

SCENARIOS = {
    "1": "stable",
    "2": "head motion",
    "3": "talking",
    "4": "dark",
    "5": "bright",
    "6": "1.5 m away",
    "7": "after exercise",
    "8": "phone, still",
    "9": "phone, moving",
}
CAMERAS = {
    "source1": "Logitech C310",
    "source2": "Huawei P9",
    "source3": "RealSense",
}  # source4: near infra-red
PHONE = "source2"
FILES = {
    "hr": ("gt_HR.csv", "HR", 1.0),
    "spo2": ("gt_SpO2.csv", "SpO2", 1.0),
    "bvp": ("wave.csv", "Wave", 60.0),
}
PERSON, SCENARIO = re.compile(r"p(\d+)"), re.compile(r"v(\d)(-\d+)?")
LISTED = re.compile(r"p(\d+)\W+v(\d)(-\d+)?\W+source(\d)", re.IGNORECASE)
WAVE_NOTE = "wave.csv does not match the video in time, as others have found: never supervise with it."
SPREAD_NOTE = (
    "The phone's video has no time stamps: its frames are spread over the seconds of gt_HR.csv (assumed)."
)
NO_TIMES_NOTE = (
    "time.txt is missing; the header's rate is wrong, so frames are spread over gt_HR.csv (assumed)."
)


class Vipl(Layout):
    """Clips by `pN/vM/sourceK`, colour cameras only."""

    name = "vipl"
    title = "VIPL-HR"
    looks_like = "p1/v1/source1/video.avi with gt_HR.csv, gt_SpO2.csv and time.txt"
    marks = ("p[0-9]*/v[0-9]*/source[1-3]/video.avi", "p[0-9]*/v[0-9]*/source[1-3]/gt_HR.csv")

    def clips(self, root: Path) -> Iterator[Record]:
        folds = read_folds(root)
        for folder in sorted(data_files(root, "p[0-9]*/v[0-9]*/source[1-3]"), key=_order):
            person, scenario = PERSON.fullmatch(_person(folder)), SCENARIO.fullmatch(folder.parent.name)
            if person is None or scenario is None:
                continue
            timed = folder.name != PHONE and (folder / "time.txt").exists()
            notes = () if timed else (SPREAD_NOTE if folder.name == PHONE else NO_TIMES_NOTE,)
            condition = {
                "scenario": SCENARIOS.get(scenario[1], scenario[1]),
                "camera": CAMERAS[folder.name],
                "take": (scenario[2] or "-1")[1:],
            }
            if person[1] in folds:
                condition["fold"] = folds[person[1]]
            yield Record(
                dataset=self.name,
                subject=person[0],
                clip=f"{person[0]}/{folder.parent.name}/{folder.name}",
                condition=condition,
                frames=timed_frames(folder) if timed else SpreadFrames(folder),
                streams=Streams({label: partial(read_stream, folder, label) for label in FILES}),
                video=folder / "video.avi",
                notes=(*notes, WAVE_NOTE),
            )

    def problems(self, folder: Path) -> Iterator[Problem]:
        root = self.root(folder)
        if root is None:
            return
        known, listing = set(), root / "Missing_data.txt"
        if listing.is_file():
            known = {match.groups() for line in text_lines(listing) if (match := LISTED.search(line))}
        for place in data_files(root, "p[0-9]*/v[0-9]*/source[13]"):
            if not (place / "time.txt").exists():
                yield Problem(place / "time.txt", "is missing: the header's rate is wrong", "copy it here")
        for person in (path for path in data_files(root, "p[0-9]*") if PERSON.fullmatch(path.name)):
            for scenario in SCENARIOS:
                for camera in (PHONE,) if scenario in "89" else CAMERAS:
                    place = person / f"v{scenario}" / camera
                    if not place.is_dir() and (person.name[1:], scenario, None, camera[-1]) not in known:
                        yield Problem(
                            place, "is missing, and Missing_data.txt does not list it", "copy it here"
                        )


def _person(folder: Path) -> str:
    return folder.parent.parent.name


def _order(folder: Path) -> tuple[int, str, str]:
    digits = _person(folder)[1:]
    return int(digits) if digits.isdigit() else 0, folder.parent.name, folder.name


def timed_frames(folder: Path) -> VideoFrames:
    """Frames on the clock of time.txt, which must have exactly one line per frame."""
    return VideoFrames(folder / "video.avi", partial(read_times_s, folder / "time.txt"), folder / "time.txt")


def read_times_s(path: Path) -> Float[np.ndarray, " time"]:
    """Frame times in seconds from the first frame; the file has one time in milliseconds per line."""
    times_ms = number_lines(path, complete=True)
    times_s = (times_ms - times_ms[0]) / 1e3
    steps_s = np.diff(times_s)
    if len(times_s) < 2 or not (steps_s > 0).all():
        raise DatasetError(path, "the times do not increase", wanted="milliseconds in order, one per frame")
    if not 0.005 <= np.median(steps_s) <= 0.5:
        raise DatasetError(
            path,
            f"steps by {1e3 * np.median(steps_s):.4g} from frame to frame",
            wanted="5 to 500 ms",
            do=MEND,
        )
    return times_s


@dataclass(frozen=True)
class SpreadFrames:
    """Frames of a video without usable times, spread evenly over its heart rates, one per second."""

    folder: Path

    def __call__(self) -> Iterator[Frame]:
        self.check()
        return self._timed()()

    def seconds(self) -> float:
        return float(len(read_stream(self.folder, "hr").values))

    def check(self) -> None:
        require_whole(self.folder / "video.avi")
        n, seconds = VideoFrames(self.folder / "video.avi").count(), self.seconds()
        if not 10 <= n / seconds <= 65:
            raise DatasetError(
                self.folder / "video.avi",
                f"{n} frames for {seconds:g} heart rates, one a second",
                wanted="10 to 65 frames a second",
            )

    def _timed(self) -> VideoFrames:
        n = VideoFrames(self.folder / "video.avi").count()
        clock = partial(even_times_s, n, n / self.seconds())
        return VideoFrames(self.folder / "video.avi", clock, self.folder / "gt_HR.csv", slack=2)


def read_stream(folder: Path, name: str) -> Stream:
    """One value per second from the start, or the wave that is not to be used."""
    file, header, fs = FILES[name]
    values = number_lines(folder / file, header=header)
    times_s = even_times_s(len(values), fs)
    if name != "bvp":
        return make_stream(folder / file, name, times_s, values)
    return make_stream(folder / file, name, times_s, values, mask=np.zeros(len(values)), notes=(WAVE_NOTE,))


def read_folds(root: Path) -> dict[str, str]:
    """Number of a person -> fold, by `fold/fold1.mat` to `fold5.mat`; empty if these files are missing."""
    folds = {}
    for path in data_files(root / "fold", "fold[1-5].mat"):
        found = mat_variables(path, (path.stem,))
        people = np.asarray(found.get(path.stem, ())).ravel()
        folds |= {str(int(person)): path.stem.removeprefix("fold") for person in people}
    return folds
