"""Write frames to a file, losslessly where needed: common encoders remove changes as small as the pulse.

The simulator, `magnify` and the tests use it. Times are written unchanged, even or uneven; Matroska stores them to a
millisecond, MP4 and MOV to a microsecond.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.error import FFmpegError
from av.video.stream import VideoStream
from jaxtyping import UInt8

from rppg_core.errors import UsageError, WriteError

# The stream states the frame rate instead of the tick rate; the times do not change.
CONSTANT = {"x264-params": "force-cfr=1"}
CODECS = {
    "ffv1": ("ffv1", "bgr0", {"level": "3"}),  # lossless, .mkv
    "h264_lossless": (
        "libx264rgb",
        "rgb24",
        {"qp": "0", "preset": "ultrafast", **CONSTANT},
    ),  # lossless, .mp4 or .mkv
    "h264": ("libx264", "yuv420p", {"preset": "veryfast", **CONSTANT}),  # lossy, plays everywhere
}
TICKS_A_SECOND = 1_000_000


def write_video(
    path: str | os.PathLike[str],
    frames: Iterable[UInt8[np.ndarray, "height width 3"]],
    *,
    fps: float | None = None,
    times_s: Iterable[float] | None = None,
    codec: str = "ffv1",
    crf: int = 18,
) -> int:
    """Write a video, by default without loss (FFV1).

    Args:
        path: target; its extension sets the container (.mkv for FFV1; .mp4 with "h264" plays in browsers).
        frames: RGB pictures of one size.
        fps: rate of evenly spaced frames. Unit: Hz.
        times_s: time of each frame, instead of `fps`; must strictly increase. Unit: s.
        codec: "ffv1" or "h264_lossless" keep every grey level, "h264" does not.
        crf: quality of "h264", 0 (best) to 51.

    Returns:
        Number of frames written.

    Raises:
        UsageError: neither or both of `fps` and `times_s`, an unknown codec or extension, no frames, frames
            of different size, times that do not increase.
        WriteError: the file cannot be written; nothing is left behind.
    """
    path = Path(path)
    if times_s is not None and fps is None:
        timed = zip(frames, times_s, strict=True)
    elif fps is not None and times_s is None:
        timed = ((frame, i / fps) for i, frame in enumerate(frames))
    else:
        raise UsageError("fps and times_s together, or neither", wanted="one of them", do="give fps=30")
    if codec not in CODECS:
        raise UsageError(f"codec {codec!r}", wanted=f"one of {', '.join(CODECS)}", do="leave it out")
    part = path.with_name(f".{path.name}.part")
    try:
        written = _write(f"file:{part.absolute()}", _container(path), timed, fps or 30.0, (codec, crf))
        part.replace(path)
    except (FFmpegError, OSError) as error:
        raise WriteError(
            f"{path.name!r} cannot be written ({getattr(error, 'strerror', None) or error})",
            wanted="a path in a writable folder, ending in .mkv, .mp4 or .mov",
            do="choose another path",
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return written


def video_bytes(
    frames: Iterable[UInt8[np.ndarray, "height width 3"]], *, times_s: Iterable[float], crf: int = 18
) -> bytes:
    """An MP4 file that plays in browsers ("h264" of `write_video`), in memory.

    Args:
        frames: RGB pictures of one size, its sides even.
        times_s: time of each frame; must strictly increase. Unit: s.
        crf: quality, 0 (best) to 51.

    Raises:
        UsageError: no frames, frames of different size, times that do not increase.
    """
    file = BytesIO()
    _write(file, "mp4", zip(frames, times_s, strict=True), 30.0, ("h264", crf))
    return file.getvalue()


def _write(
    target: str | BytesIO,
    container_name: str,
    timed: Iterable[tuple[np.ndarray, float]],
    fps: float,
    quality: tuple[str, int],
) -> int:
    encoder, pixel_format, options = CODECS[quality[0]]
    if quality[0] == "h264":
        options = {**options, "crf": str(quality[1])}
    tick_s = Fraction(1, TICKS_A_SECOND)
    written, shape, last = 0, None, -1
    with av.open(target, "w", format=container_name) as container:
        rate = Fraction(fps).limit_denominator(1001)
        stream = cast(VideoStream, container.add_stream(encoder, rate=rate, options=options))
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = tick_s
        for frame, time_s in timed:
            if shape is None:
                shape = frame.shape
                stream.height, stream.width = shape[:2]
            tick = round(time_s * TICKS_A_SECOND)
            if frame.shape != shape or tick <= last:
                raise UsageError(
                    f"frame {written} has shape {frame.shape} and time {time_s} s",
                    wanted=f"shape {shape} and a time after the frame before",
                    do="check the frames and times",
                )
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            picture.pts, picture.time_base, last = tick, tick_s, tick
            container.mux(stream.encode(picture))
            written += 1
        if shape is None:
            raise UsageError("no frames", wanted="one frame or more", do="check their source")
        container.mux(stream.encode(None))
    return written


def _container(path: Path) -> str:
    """Name of the container, from the extension of the file."""
    names = {".mkv": "matroska", ".mp4": "mp4", ".mov": "mov"}
    if path.suffix.lower() not in names:
        raise UsageError(
            f"{path.name!r} as a video",
            wanted=f"one of the extensions {', '.join(names)}",
            do="add .mkv to the name",
        )
    return names[path.suffix.lower()]
