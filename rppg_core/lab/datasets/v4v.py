"""V4V (Vision for Vitals): 179 people, ten tasks, HD video, blood pressure at 1 kHz, two rates per frame.

`Phase 1_ Training_Validation sets/Videos/*/F001_T1.mkv`, `.../Ground truth/BP_raw_1KHz/F001-T1-BP.txt`
(dashes!), `.../Ground truth/Physiology/F001_T1.txt` (two lines: name, HR or RR, then one value per frame);
`Phase 2_ Testing set/` with `blood_pressure/*_bp/F001-T1.txt` and `*_gt_release.txt` (the same two lines for
every video in one file). At 25 frames per second there are exactly 40 pressure samples per frame, which is
checked. The pressure wave is not a PPG: use its rate, not its shape; its name here is `bp`, never `bvp`. `RR`
in these files is the breathing rate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rppg_core.data_files import data_files
from rppg_core.lab.datasets.base import (
    DatasetError,
    Layout,
    Record,
    Stream,
    Streams,
    even_times_s,
    make_stream,
)
from rppg_core.lab.datasets.frames import VideoFrames
from rppg_core.lab.datasets.labels import number_lines, numbers, text_rows

FPS, PRESSURE_FS = 25.0, 1000.0
LOST_SHARE = 0.01  # tolerated difference to the number of pressure samples that the frames need
NAME = re.compile(r"([FM]\d{3})[_-](T\d+)")
PHASES = ("Phase*/", "")  # a phase's labels lie in its folder, which may itself be the dataset's folder


class V4v(Layout):
    """Clips of both phases, named `F001_T1`; files are matched by their names."""

    name = "v4v"
    title = "V4V"
    looks_like = "Phase 1_ .../Videos/.../F001_T1.mkv with Ground truth/Physiology/F001_T1.txt"
    marks = tuple(
        phase + mark
        for phase in PHASES
        for mark in (
            "Videos/*/[FM][0-9]*_T*.mkv",
            "Videos/*/*/[FM][0-9]*_T*.mkv",
            "*ruth/Physiology/[FM]*_T*.txt",
            "blood_pressure/*_bp/[FM]*-T*.txt",
        )
    )

    def clips(self, root: Path) -> Iterator[Record]:
        rates = _by_clip(_found(root, "*ruth/Physiology/*.txt"))
        pressures = _by_clip([*_found(root, "*ruth/BP_raw*/*.txt"), *_found(root, "blood_pressure/*/*.txt")])
        videos = _by_clip([*_found(root, "Videos/*/*.mkv"), *_found(root, "Videos/*/*/*.mkv")])
        for clip in sorted({*videos, *rates, *pressures}):
            phase = _phase(root, next(found[clip] for found in (videos, pressures, rates) if clip in found))
            video = videos.get(clip, phase / "Videos" / f"{clip}.mkv")
            labels = (rates[clip],) if clip in rates else _expected_rates(phase, clip)
            readers = {name: partial(read_rate, labels, clip, name) for name in ("hr", "rr")}
            if clip in pressures:
                readers["bp"] = partial(read_pressure, pressures[clip], labels, clip)
            yield Record(
                dataset=self.name,
                subject=clip.split("_")[0],
                clip=clip,
                condition={"task": clip.split("_")[1]},
                frames=VideoFrames(video),
                streams=Streams(readers),
                video=video,
                notes=("The pressure wave has another shape and phase than a PPG: use its rate only.",),
            )


def _found(root: Path, pattern: str) -> list[Path]:
    return [path for phase in PHASES for path in data_files(root, phase + pattern)]


def _phase(root: Path, path: Path) -> Path:
    """The folder of a phase in which a file lies."""
    first = path.relative_to(root).parts[0]
    return root / first if first.startswith("Phase") else root


def _expected_rates(phase: Path, clip: str) -> tuple[Path, ...]:
    """The file that must hold the rates of a clip: in phase 2 one file for all clips, in phase 1 its own file."""
    released = data_files(phase, "*_gt_release.txt", "*/*_gt_release.txt")
    if released or (phase / "blood_pressure").is_dir():
        return tuple(released) or (phase / "test_set_gt_release.txt",)
    return (phase / "Ground truth" / "Physiology" / f"{clip}.txt",)


def _by_clip(paths: Sequence[Path]) -> dict[str, Path]:
    """Files by clip name in the form `F001_T1`, with dash or underscore in the file name."""
    return {f"{m[1]}_{m[2]}": path for path in sorted(paths) if (m := NAME.match(path.name))}


def rate_values(paths: tuple[Path, ...], clip: str, name: str) -> tuple[Path, Float[np.ndarray, " time"]]:
    """The line of one video and one rate, from its own file or the file for all videos.

    Raises:
        DatasetError: no file has it.
    """
    for path in paths:
        found = text_rows(path)
        for row in found.rows:
            cells = row[: len(row) - 1] if not row[-1] else row  # some lines end with a comma
            if len(cells) > 3 and Path(cells[0]).stem == clip and cells[1].upper() == name.upper():
                return path, numbers(path, cells[2:], f"{clip}, {name.upper()}", found.decimal)
    raise DatasetError(
        paths[0],
        f"has no line '{clip}.mkv, {name.upper()}, ...'",
        wanted="one value per frame for HR and for RR",
    )


def read_rate(paths: tuple[Path, ...], clip: str, name: str) -> Stream:
    """Heart or breathing rate, one value per frame."""
    path, values = rate_values(paths, clip, name)
    return make_stream(path, name, even_times_s(len(values), FPS), values)


def read_pressure(path: Path, rates: tuple[Path, ...], clip: str) -> Stream:
    """The pressure wave, whose length must match the number of frames."""
    values = number_lines(path)
    n_frames = len(rate_values(rates, clip, "hr")[1])
    wanted = round(n_frames * PRESSURE_FS / FPS)
    if abs(len(values) - wanted) > LOST_SHARE * wanted:
        raise DatasetError(
            path,
            f"{len(values)} samples of blood pressure for {n_frames} frames",
            wanted=f"{wanted}: 1000 a second at {FPS:g} frames a second",
        )
    return make_stream(path, "bp", even_times_s(len(values), PRESSURE_FS), values)
