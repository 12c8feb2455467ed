"""Pictures of a record from a video file; what can be checked without decoding is checked first.

An incomplete copy is the most common fault of a dataset on disk, and a decoder plays such a file without an
error. AVI, MP4 and Matroska all store the lengths of their parts; these are compared with the size of the
file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Float

from rppg_core.errors import RppgError
from rppg_core.lab.datasets.base import COPY, DatasetError
from rppg_core.video.frame import Frame
from rppg_core.video.reader import Video, open_video

LONGEST_S = 3600.0
LOST_SHARE = (
    0.01  # of a file may be missing at its end, as in some originals (UBFC subject33 ends within a frame)
)
UNKNOWN_LENGTHS = (0, 0xFFFFFFFF)  # written while recording, never filled in


@dataclass(frozen=True)
class VideoFrames:
    """The frames of a video file, on its own clock or on that of a file of time stamps.

    Args:
        path: the video.
        clock: returns the time of each frame in s; None uses the stamps in the video file.
        clock_path: the file that `clock` reads, for messages.
        slack: largest allowed difference between the numbers of frames and times.
    """

    path: Path
    clock: Callable[[], Float[np.ndarray, " time"]] | None = None
    clock_path: Path | None = None
    slack: int = 0

    def __call__(self) -> Iterator[Frame]:
        require_whole(self.path)
        video, times_s = self._open(), self.clock() if self.clock else None
        return video.frames() if times_s is None else self._timed(video, times_s)

    def seconds(self) -> float:
        if self.clock is not None:
            times_s = self.clock()
            return float(times_s[-1] - times_s[0] + np.median(np.diff(times_s)))
        return self._open().header.duration_s

    def count(self) -> int:
        """Number of frames by the header."""
        return self._open().header.n_frames

    def check(self) -> None:
        require_whole(self.path)
        count = self._open().header.n_frames
        if self.clock is not None and abs(count - len(times_s := self.clock())) > self.slack:
            raise self._mismatch(count, len(times_s))

    def _open(self) -> Video:
        require_file(self.path)
        try:
            return open_video(self.path, max_s=LONGEST_S)
        except RppgError as error:
            raise DatasetError(self.path, error.got, wanted=error.wanted, do=error.do) from error

    def _timed(self, video: Video, times_s: np.ndarray) -> Iterator[Frame]:
        """Frames with times by their place in the file, so that a damaged frame leaves a gap, not a shift."""
        rate, n, last = video.header.fps_container, len(times_s), -1
        step_s = float(np.median(np.diff(times_s)))
        for frame in video.frames():
            last = max(round(frame.time_s * rate), last + 1)
            if last >= n + self.slack:
                raise self._mismatch(max(video.header.n_frames, last + 1), n)
            frame.time_s = float(times_s[last]) if last < n else float(times_s[-1]) + step_s * (last - n + 1)
            yield frame
        if last + 1 < n - self.slack:
            raise self._mismatch(last + 1, n)

    def _mismatch(self, n_frames: int, n_times: int) -> DatasetError:
        name = self.clock_path.name if self.clock_path else "its labels"
        return DatasetError(
            self.path,
            f"{n_frames} frames, but {name} has {n_times} times",
            wanted="one time per frame" + (f" (up to {self.slack} apart)" if self.slack else ""),
            do=f"leave this clip out, or copy or record the video and {name} again, together",
        )


def require_file(path: Path) -> None:
    """Require that a file exists and is not empty.

    Raises:
        DatasetError: it is missing or empty.
    """
    if not path.is_file():
        raise DatasetError(
            path,
            "there is no such file",
            wanted="this file, which belongs to the clip",
            do="copy it here, or leave the clip out",
        )
    if path.stat().st_size == 0:
        raise DatasetError(path, "the file is empty", wanted="this file, which belongs to the clip")


def require_whole(path: Path) -> None:
    """Require that a video file is as long as its container states.

    Raises:
        DatasetError: missing, empty or truncated.
    """
    require_file(path)
    size, stated = path.stat().st_size, read_stated_bytes(path)
    if stated is not None and stated - size > LOST_SHARE * stated:
        raise DatasetError(
            path, f"has {size} of {stated} bytes: the copy is incomplete", wanted="the whole file", do=COPY
        )


def read_stated_bytes(path: Path) -> int | None:
    """Length in bytes that the container states; None if it states none, or for an unknown container."""
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(0)
        if head[:4] == b"RIFF":
            return _riff_bytes(file)
        if head[4:8] == b"ftyp":
            return _mp4_bytes(file)
        if head[:4] == b"\x1aE\xdf\xa3":
            return _matroska_bytes(file)
    return None


def _riff_bytes(file: BinaryIO) -> int | None:
    """AVI: a chain of RIFF chunks; only files above 1 GB have more than one."""
    end = 0
    while len(head := file.read(8)) == 8 and head[:4] == b"RIFF":
        length = int.from_bytes(head[4:], "little")
        if length in UNKNOWN_LENGTHS:
            return None
        end += 8 + length + length % 2
        file.seek(end)
    return end or None


def _mp4_bytes(file: BinaryIO) -> int | None:
    end = 0
    while len(head := file.read(8)) == 8:
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(file.read(8), "big")
        if length < 8:  # 0: the box extends to the end of the file
            return None
        end += length
        file.seek(end)
    return end


def _matroska_bytes(file: BinaryIO) -> int | None:
    """The EBML header and the one segment after it."""
    for _ in range(2):
        file.seek(4, 1)  # both element IDs take four bytes
        first = file.read(1)
        if not first or not first[0]:
            return None
        more = 8 - first[0].bit_length()
        rest = file.read(more)
        length = int.from_bytes(bytes([first[0] & (0xFF >> (more + 1))]) + rest, "big")
        if length == (1 << 7 * (more + 1)) - 1:  # all ones: unknown while the file was written
            return None
        file.seek(length, 1)
    return file.tell()
