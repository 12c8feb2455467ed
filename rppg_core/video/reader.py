"""From a file to frames with their true times: the entry point for every real video.

Frames are streamed, one at a time, in order. A frame's time is its own time stamp in the file, never its
number divided by a rate: the rate in a header is often wrong (phones vary it, AVI and screen recorders invent
it). Where a file has no time stamps, the header's rate is used, and the report says so; `clock.py` separates
credible stamps from wrong ones. Damaged parts are skipped and counted; an error is raised only where nothing
is usable.

What differs from common practice (cv2.VideoCapture): time stamps, display rotation and mirroring, no
conversion of whole pictures to RGB, no rounding to grey levels (see frame.py).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import av
import numpy as np

from rppg_core.errors import ClipTooLongError, RppgError, UsageError, VideoError
from rppg_core.signals.frame_times import timed_info
from rppg_core.types import VideoInfo
from rppg_core.video.clock import FrameClock
from rppg_core.video.decoder import MAX_PIXELS, MAX_RATE, Decoder, read_stamps
from rppg_core.video.frame import ArrayFrame, Frame, frame_of_picture, upright_from_matrix
from rppg_core.video.paths import VIDEO_WANTED, require_video_path

__all__ = ["ArrayFrame", "Frame", "Video", "open_video"]

MAX_S = 600.0  # default limit of the length
MAX_SIDE = 8192
HDR_TRANSFERS = (16, 18)  # AVCOL_TRC_SMPTE2084 (PQ), AVCOL_TRC_ARIB_STD_B67 (HLG)


def open_video(path: str | os.PathLike[str], *, max_s: float = MAX_S, fps: float | None = None) -> Video:
    """Open a video file and read its header and first picture.

    Args:
        path: the file.
        max_s: longest video that is accepted. Unit: s.
        fps: frame rate, for a file that states none or a wrong one; None trusts the file. Unit: Hz.

    Returns:
        The video, ready to be read once or more.

    Raises:
        UsageError: an impossible `fps`.
        VideoError: no such file, not a video, or no picture in it can be decoded.
        ClipTooLongError: longer than `max_s`, or pictures above 8192 pixels a side or 40 megapixels.
    """
    if fps is not None and not 0 < fps <= MAX_RATE:
        raise UsageError(
            f"{fps} frames a second", wanted=f"above 0 and at most {MAX_RATE}", do="give fps=30, for example"
        )
    return Video(require_video_path(path), max_s, fps)


class Video:
    """A video file: `header` is known at once; `info()` and `notes` are complete after the last frame."""

    header: VideoInfo

    def __init__(self, path: Path, max_s: float, fps: float | None = None):
        self.path, self._max_s, self._fps = path, max_s, fps
        pictures = self._start()
        self._length_s = self._believed_length_s()
        try:
            _check_duration(path, self._length_s, max_s)
            first = next(pictures, None)
            if first is None:
                raise VideoError(
                    f"no picture in {path.name!r} can be decoded",
                    wanted=VIDEO_WANTED,
                    do="check that it plays elsewhere, then copy or record it again",
                )
            _check_size(path, first.width, first.height)
        except RppgError as error:
            notes = self.notes
            self._decoder.close()
            raise error.noted(notes) from None
        self._pictures: Iterator[av.VideoFrame] | None = chain([first], pictures)
        self._upright = upright_from_matrix(first)
        self.header = self._read_header(first)

    def frames(self) -> Iterator[Frame]:
        """Every usable frame in time order; times start at 0 and strictly increase.

        The frame size may change within a file.

        Raises:
            ClipTooLongError: the frame times exceed `max_s`, whatever the header says.
        """
        pictures, self._pictures = self._pictures or self._start(), None
        decoder = self._decoder
        try:
            for time_s, picture in self._clock.timed((picture.time, picture) for picture in pictures):
                _check_duration(self.path, time_s, self._max_s)
                frame = frame_of_picture(time_s, picture, self._upright)
                self._times_s.append(time_s)
                self._sizes[frame.width, frame.height] += 1
                yield frame
        finally:
            decoder.close()

    def close(self) -> None:
        """Close the file; `frames` does so at its end."""
        self._decoder.close()

    def info(self) -> VideoInfo:
        """Facts measured from the frames read so far; the header's values where there are too few frames."""
        n = len(self._times_s)
        if n < 2:
            return replace(self.header, n_frames=n or self.header.n_frames)
        width, height = self._sizes.most_common(1)[0][0]
        info = replace(self.header, width=width, height=height, n_frames=n)
        pixels = sum(w * h * count for (w, h), count in self._sizes.items())
        return replace(
            timed_info(info, np.array(self._times_s)), bits_per_pixel=8 * self._decoder.bytes_read / pixels
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What was unusual about the file, in sentences."""
        clock = self._clock
        found = (
            ("Damaged parts of the file that were skipped", self._decoder.errors),
            ("Frames left out because they repeat an earlier time", clock.dropped),
            ("Isolated wrong time stamps replaced", clock.astray),
            ("Time stamps reordered from decoding order", clock.reordered),
            ("Impossible jumps in the time stamps removed", clock.breaks),
            (
                f"Frames without a time stamp, placed at the {clock.source.rate:.4g} fps around them",
                clock.guessed,
            ),
        )
        notes = [f"{what}: {count}." for what, count in found if count]
        if clock.source.words:
            words = clock.source.words.removesuffix(".")
            notes.append(f"{words[:1].upper()}{words[1:]}.")
        if len(self._sizes) > 1:
            sizes = ", ".join(f"{n} of {w} x {h}" for (w, h), n in self._sizes.most_common())
            notes.append(f"The size of the picture changes; frames: {sizes}.")
        return tuple(notes)

    def _start(self) -> Iterator[av.VideoFrame]:
        """Open the file at its beginning and reset all counts."""
        self._decoder = Decoder(self.path)
        _check_size(self.path, *self._decoder.size)
        self._clock = FrameClock(self._decoder.clock_source(self._fps))
        self._times_s: list[float] = []
        self._sizes: Counter[tuple[int, int]] = Counter()
        return self._decoder.pictures()

    def _believed_length_s(self) -> float:
        """The length from the header; from the time stamps where the header has none or exceeds the limit."""
        source = self._clock.source
        length_s = self._decoder.duration_s / source.speed
        if not source.stamped:
            return self._decoder.stream.frames / source.rate
        if 0 < length_s <= self._max_s:
            return length_s
        times_s = [
            time_s for time_s, _ in FrameClock(source).timed((s, None) for s in read_stamps(self.path))
        ]
        return times_s[-1] if times_s else 0.0

    def _read_header(self, first: av.VideoFrame) -> VideoInfo:
        decoder, source = self._decoder, self._clock.source
        lying = self._upright.turn_deg % 180 != 0
        width, height = (first.height, first.width) if lying else (first.width, first.height)
        n = decoder.stream.frames or round(self._length_s * source.rate)
        return VideoInfo(
            codec=decoder.stream.codec_context.name,
            pixel_format=first.format.name,
            bit_depth=max(component.bits for component in first.format.components),
            width=width,
            height=height,
            rotation_deg=self._upright.turn_deg,
            mirrored=self._upright.mirrored,
            n_frames=n,
            duration_s=self._length_s,
            fps_container=decoder.stated_rate or 0.0,
            fps=source.rate,
            bits_per_pixel=8 * self.path.stat().st_size / (max(n, 1) * width * height),
            hdr=decoder.stream.codec_context.color_trc in HDR_TRANSFERS,
            audio=bool(decoder.container.streams.audio),
            written_by=decoder.writer(first),
            clock=source.words,
            clock_known=source.known,
        )


def _check_size(path: Path, width: int, height: int) -> None:
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise ClipTooLongError(
            f"the pictures of {path.name!r} have {width} x {height} pixels",
            wanted=f"at most {MAX_SIDE} pixels a side and {MAX_PIXELS // 10**6} megapixels",
            do="record at 1080p or 720p; more pixels do not help",
        )


def _check_duration(path: Path, duration_s: float, max_s: float) -> None:
    if duration_s > max_s:
        raise ClipTooLongError(
            f"{path.name!r} lasts at least {duration_s / 60:.1f} min",
            wanted=f"at most {max_s / 60:.3g} min",
            do="cut out the part that matters; 30 to 60 s are best",
        )
