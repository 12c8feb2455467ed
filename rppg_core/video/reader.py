"""From a file to frames with their true times: the door for every real video.

Floor 2. Frames are streamed, one at a time, in order. A frame's time is its own time stamp in the file, never its
number divided by a rate: what a header says about the rate is often wrong (phones vary it, AVI and screen recorders
invent it). The rate of the header is used only for frames without a time stamp, and a note says so. Damaged parts
are skipped and counted; an error is raised only where nothing is usable.

What differs from common practice (cv2.VideoCapture): time stamps, display rotation, no conversion of whole pictures
to RGB, no rounding to grey levels (see frame.py).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.error import ExitError, FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from rppg_core.errors import ClipTooLongError, VideoError
from rppg_core.types import VideoInfo
from rppg_core.video.frame import ArrayFrame, Frame, frame_of_picture
from rppg_core.video.paths import require_video_path

__all__ = ["ArrayFrame", "Frame", "Video", "open_video"]

MAX_S = 600.0  # longest video taken without being asked
MAX_SIDE = 8192
MAX_PIXELS = 40_000_000
MAX_RATE = 1000  # frames a second; some files give their clock's ticks as the rate
HDR_TRANSFERS = (16, 18)  # AVCOL_TRC_SMPTE2084 (PQ), AVCOL_TRC_ARIB_STD_B67 (HLG)
# Containers of recordings. Play lists and scripts that name other files are not among them.
CONTAINERS = (
    "mov,matroska,avi,mpegts,mpeg,mpegvideo,h264,hevc,m4v,mjpeg,flv,asf,ogg,gif,nut,ivf,wav,mp3,aac,flac"
)
ANDROID = "com.android.version"
X26X = re.compile(rb"(x26[45]) .*?(?:\b((?:crf|qp)=[\d.]+)|$)", re.DOTALL)
MAX_WRITER = 80  # characters; the names come out of the file
OPEN_TIMEOUT_S, READ_TIMEOUT_S = 10.0, 10.0
MAX_READ_ERRORS = 64  # of the container, in a row or not, before the rest is given up
LONGEST_GAP_S, BREAK_S = 30.0, 1.0  # a longer step in time, or one back by BREAK_S, is a fault of the file
VIDEO_WANTED = "a video that plays, such as MP4, MOV, MKV, WebM or AVI"


def open_video(path: str | os.PathLike[str], *, max_s: float = MAX_S) -> Video:
    """Open a video file and read its header and first picture.

    Args:
        path: the file.
        max_s: longest video that is taken. Unit: s.

    Returns:
        The video, ready to be read once or more.

    Raises:
        VideoError: no such file, not a video, or no picture in it can be decoded.
        ClipTooLongError: longer than `max_s`, or pictures above 8192 pixels a side or 40 megapixels.
    """
    return Video(require_video_path(path), max_s)


class Video:
    """A video file: `header` is known at once, `info()` and `notes` are complete once the frames were read."""

    header: VideoInfo

    def __init__(self, path: Path, max_s: float):
        self.path, self._max_s = path, max_s
        pictures = self._start()
        self._length_s = self._decoder.duration_s or _measured_s(path)
        _check_duration(path, self._length_s, max_s)
        first = next(pictures, None)
        if first is None:
            self._decoder.close()
            raise VideoError(
                f"no picture in {path.name!r} can be decoded", wanted=VIDEO_WANTED,
                do="check that it plays elsewhere, then copy or record it again",
            )  # fmt: skip
        self._pictures: Iterator[av.VideoFrame] | None = chain([first], pictures)
        self._size = first.width, first.height
        _check_size(path, *self._size)
        self.header = self._read_header(first)

    def frames(self) -> Iterator[Frame]:
        """Every usable frame in order of time; times start at 0 and strictly increase.

        Raises:
            ClipTooLongError: the frame times pass `max_s`, whatever the header said.
        """
        pictures, self._pictures = self._pictures or self._start(), None
        decoder = self._decoder
        try:
            for picture in pictures:
                if (picture.width, picture.height) != self._size:
                    self._resized += 1
                    continue
                time_s = self._clock.time_of(picture.time)
                if time_s is None:
                    continue
                _check_duration(self.path, time_s, self._max_s)
                self._times_s.append(time_s)
                yield frame_of_picture(time_s, picture, self.header.rotation_deg)
        finally:
            decoder.close()

    def info(self) -> VideoInfo:
        """What the frames read so far say; the header's word where they say nothing."""
        if len(self._times_s) < 2:
            return replace(self.header, n_frames=len(self._times_s) or self.header.n_frames)
        intervals = np.diff(self._times_s)
        median = float(np.median(intervals))
        n = len(self._times_s)
        gaps = intervals[intervals >= 1.75 * median]
        return replace(
            self.header,
            n_frames=n,
            duration_s=float(self._times_s[-1] + intervals.mean()),
            fps=round(
                1 / float(intervals[intervals < 1.75 * median].mean()), 4
            ),  # a mean: .mkv rounds to 1 ms
            jitter_percent=round(float(100 * intervals.std() / median), 3),
            dropped_frames=int((np.round(gaps / median) - 1).sum()),
            bits_per_pixel=8 * self._decoder.bytes_read / (n * self._size[0] * self._size[1]),
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What was unusual about the file, in sentences."""
        decoder, clock = self._decoder, self._clock
        found = (
            ("Damaged parts of the file that were skipped", decoder.errors),
            ("Frames of another size that were skipped", self._resized),
            ("Frames left out because they repeat an earlier time", clock.dropped),
            ("Impossible jumps of the time stamps that were closed", clock.breaks),
            (f"Frames without a time stamp, placed by the header's {clock.rate:.4g} fps", clock.guessed),
        )
        notes = [f"{what}: {count}." for what, count in found if count]
        if decoder.is_avi:
            notes.append(
                f"AVI files hold no frame times: the header's {clock.rate:.4g} frames a second was assumed."
            )
        return tuple(notes)

    def _start(self) -> Iterator[av.VideoFrame]:
        """Open the file at its beginning, with nothing read yet."""
        self._decoder = _Decoder(self.path)
        _check_size(self.path, *self._decoder.size)
        self._clock = _Clock(self._decoder.rate)
        self._times_s: list[float] = []
        self._resized = 0
        return self._decoder.pictures()

    def _read_header(self, first: av.VideoFrame) -> VideoInfo:
        decoder = self._decoder
        turn_deg = round(-first.rotation / 90) * 90 % 360  # PyAV gives the counterclockwise turn
        width, height = self._size
        n = decoder.stream.frames or round(self._length_s * decoder.rate)
        return VideoInfo(
            codec=decoder.stream.codec_context.name,
            pixel_format=first.format.name,
            bit_depth=max(component.bits for component in first.format.components),
            width=height if turn_deg % 180 else width,
            height=width if turn_deg % 180 else height,
            rotation_deg=turn_deg,
            n_frames=n,
            duration_s=self._length_s,
            fps_container=decoder.rate,
            fps=decoder.rate,
            bits_per_pixel=8 * self.path.stat().st_size / (max(n, 1) * width * height),
            hdr=decoder.stream.codec_context.color_trc in HDR_TRANSFERS,
            audio=bool(decoder.container.streams.audio),
            written_by=_writer_of(decoder, first),
        )


class _Decoder:
    """One run through the packets of one file; errors are counted, never raised, once it is open."""

    def __init__(self, path: Path):
        self.container = _open(path)
        self.stream = _video_stream(self.container, path)
        self.stream.thread_type = "SLICE"  # as cheap as one thread; threads by frame cost 10-20 % more
        self.stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        self.is_avi = self.container.format.name == "avi"
        self.errors = self.bytes_read = 0

    @property
    def size(self) -> tuple[int, int]:
        return self.stream.codec_context.width, self.stream.codec_context.height

    @property
    def duration_s(self) -> float:
        """What the header says, 0 where it says nothing."""
        if self.stream.duration and self.stream.time_base:
            return max(float(self.stream.duration * self.stream.time_base), 0.0)
        return max((self.container.duration or 0) / av.time_base, 0.0)

    @property
    def rate(self) -> float:
        """Frames a second by the header; 30 where it says nothing."""
        rates = (self.stream.average_rate, self.stream.guessed_rate)
        return next((float(rate) for rate in rates if rate and 0 < rate <= MAX_RATE), 30.0)

    def pictures(self) -> Iterator[av.VideoFrame]:
        """Decoded pictures, in order."""
        for packet in self.packets():
            self.bytes_read += packet.size
            try:
                decoded = packet.decode()
            except FFmpegError:
                self.errors += 1
                continue
            for picture in decoded:
                if picture.is_corrupt:
                    self.errors += 1
                else:
                    yield picture

    def close(self) -> None:
        """Let go of the file and of the decoder's threads; the counts stay."""
        self.container.close()
        del self.container, self.stream

    def packets(self) -> Iterator[av.Packet]:
        """The file's pieces, not decoded."""
        for _ in range(MAX_READ_ERRORS):
            try:
                yield from self.container.demux(self.stream)
                return
            except (
                IndexError
            ):  # PyAV trips over streams that turn up while reading; ours is at its end by then
                return
            except ExitError:  # a read took longer than READ_TIMEOUT_S
                self.errors += 1
                return
            except FFmpegError:
                self.errors += 1


class _Clock:
    """Frame times out of time stamps: from 0 on, strictly increasing, without impossible leaps."""

    def __init__(self, rate: float):
        self.rate = rate
        self.guessed = self.dropped = self.breaks = 0
        self.last_s: float | None = None
        self._shift_s = 0.0

    def time_of(self, stamp_s: float | None) -> float | None:
        """Time of the next frame, or None where it is to be left out."""
        if stamp_s is None:
            self.guessed += 1
            stamp_s = 0.0 if self.last_s is None else self.last_s - self._shift_s + 1 / self.rate
        if self.last_s is None:
            self._shift_s, self.last_s = -stamp_s, 0.0
            return 0.0
        step_s = stamp_s + self._shift_s - self.last_s
        if not -BREAK_S < step_s <= LONGEST_GAP_S:
            self.breaks += 1
            self._shift_s += BREAK_S - step_s
            step_s = BREAK_S
        if step_s <= 0:
            self.dropped += 1
            return None
        self.last_s += step_s
        return self.last_s


def _measured_s(path: Path) -> float:
    """Length by the packets' time stamps: what browsers record names no length in its header."""
    decoder = _Decoder(path)
    clock = _Clock(decoder.rate)
    for packet in decoder.packets():
        if packet.pts is not None and packet.time_base is not None:
            clock.time_of(float(packet.pts * packet.time_base))
    decoder.close()
    return clock.last_s or 0.0


def _writer_of(decoder: _Decoder, first: av.VideoFrame) -> str:
    """The camera or programs that the file names; x264 and x265 sign the first picture with their settings."""
    tags = {**decoder.stream.metadata, **decoder.container.metadata}
    tags = {key.lower().removeprefix("com.apple.quicktime."): value for key, value in tags.items()}
    names = [" ".join(tags[key] for key in ("make", "model") if key in tags)]
    names += [f"Android {tags[ANDROID]}"] if ANDROID in tags else []
    names += [tags[key] for key in ("encoder", "software") if key in tags]
    signature = first.side_data.get("SEI_UNREGISTERED")
    if signature is not None and (signed := X26X.search(bytes(signature))):
        names += [b" ".join(filter(None, signed.groups())).decode()]
    return ", ".join(filter(None, names))[:MAX_WRITER]


def _open(path: Path) -> InputContainer:
    """Open by content, as a plain local file."""
    head = _first_bytes(path)
    try:
        # "file:" so that no part of a name is taken for a protocol
        return av.open(
            f"file:{path.absolute()}", metadata_errors="ignore", timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S),
            container_options={"format_whitelist": CONTAINERS, "protocol_whitelist": "file"},
        )  # fmt: skip
    except (FFmpegError, OSError, ValueError) as error:
        if head[4:8] == b"ftyp":
            got, do = (
                f"the index of {path.name!r} is missing or damaged",
                ("record again and stop the recording before copying the file: it looks cut off"),
            )
        else:
            got, do = f"{path.name!r} is not a video", "choose another file"
        raise VideoError(got, wanted=VIDEO_WANTED, do=do) from error


def _first_bytes(path: Path) -> bytes:
    """The beginning of the file, or the reason why there is none."""
    name = repr(path.name or str(path))
    got, do = "", "check the path"
    if os.path.isdir(path):
        got = f"{name} is a folder"
    elif not os.path.exists(path):
        got = f"there is no file {name}"
    elif not os.path.isfile(path):
        got = f"{name} is not a file"
    else:
        try:
            with open(path, "rb") as file:
                head = file.read(12)
        except OSError as error:
            got, do = f"{name} cannot be read ({error.strerror})", "check the permissions"
        else:
            if head:
                return head
            got, do = f"{name} is empty", "copy or record it again"
    raise VideoError(got, wanted=VIDEO_WANTED, do=do)


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first moving picture; the cover picture of a sound file is none."""
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        kind = "holds only sound" if container.streams.audio else "holds no pictures"
        container.close()
        raise VideoError(f"{path.name!r} {kind}", wanted=VIDEO_WANTED, do="choose another file")
    if streams[0].codec_context is None:
        container.close()
        raise VideoError(
            f"{path.name!r} is coded in a way that this program cannot decode", wanted=VIDEO_WANTED,
            do="convert it, for example to H.264 at high quality",
        )  # fmt: skip
    return streams[0]


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
            f"{path.name!r} lasts at least {duration_s / 60:.1f} min", wanted=f"at most {max_s / 60:.3g} min",
            do="cut out the part that matters; 30 to 60 s are best",
        )  # fmt: skip
