"""Video files that cameras, browsers and accidents make, and `write_video` does not."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def encode(path: Path, frames, codec: str, pixel_format: str, *, options=None, **context) -> Path:
    """Write with PyAV directly, for what write_video does not offer."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30, options=options or {})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixel_format
        for name, value in context.items():
            setattr(stream.codec_context, name, value)
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def remux(source: Path, target: Path, *, rate: float | None = None, turn_deg: int = 0, options=None) -> Path:
    """Copy packets without re-encoding, with new frame times or a display rotation."""
    with av.open(str(source)) as old, av.open(str(target), "w", options=options or {}) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        if turn_deg:
            stream.set_display_rotation(-turn_deg)
        for packet in old.demux(video=0):
            if packet.dts is None:
                continue
            if rate:
                frame_ticks = 1 / (30 * packet.time_base)
                tick = float(1 / (rate * packet.time_base))
                packet.pts, packet.dts = (round(t / frame_ticks * tick) for t in (packet.pts, packet.dts))
                packet.duration = round(tick)
            packet.stream = stream
            new.mux(packet)
    return target


def looped(source: Path, target: Path, *, times: int, period_s: float, options=None) -> Path:
    """The packets of a file over and over, without re-encoding; `period_s` is the source's length."""
    with av.open(str(target), "w", options=options or {}) as new:
        stream = None
        for k in range(times):
            with av.open(str(source)) as old:
                if stream is None:
                    stream = new.add_stream_from_template(old.streams.video[0])
                for packet in old.demux(video=0):
                    if packet.dts is None:
                        continue
                    shift = round(k * period_s / packet.time_base)
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                    new.mux(packet)
    return target


def sound(path: Path, seconds: float = 1.0) -> Path:
    """A recording without pictures."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        for start in range(0, round(seconds * 44100), 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def corrupted(data: bytes, rng: np.random.Generator) -> bytes:
    """Flip, blank, cut out, swap or cut off parts."""
    array = np.frombuffer(data, np.uint8).copy()
    kind = rng.integers(5)
    if kind == 0:
        places = rng.integers(0, len(array), rng.integers(1, 200))
        array[places] = rng.integers(0, 256, len(places))
    elif kind == 1:
        start = rng.integers(len(array))
        array[start : start + rng.integers(1, 4000)] = rng.integers(0, 256)
    elif kind == 2:
        start = rng.integers(len(array))
        array = np.delete(array, slice(start, start + rng.integers(1, 4000)))
    elif kind == 3:
        places = rng.integers(0, min(600, len(array)), 6)  # the header
        array[places] = rng.integers(0, 256, 6)
    else:
        array = array[: rng.integers(1, len(array))]
    return array.tobytes()


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each box of an MP4 file, or of one of its boxes."""
    start = 0
    while start + 8 <= len(data):
        size, name = struct.unpack(">I4s", data[start : start + 8])
        yield name, data[start + 8 : start + size]
        start += size


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, name) + content


def with_edits(source: Path, target: Path, edits: list[tuple[float, float, float]]) -> Path:
    """An MP4 file with another edit list: length played in s, start in the recording in s (-1: a pause), rate."""
    parts = list(boxes(source.read_bytes()))
    assert [name for name, _ in parts][-1] == b"moov", "chunk offsets stay as they are only before the index"
    movie = list(boxes(parts[-1][1]))
    movie_ticks = struct.unpack(">I", dict(movie)[b"mvhd"][12:16])[0]
    index = b""
    for name, content in movie:
        if name == b"trak":
            track = [(key, value) for key, value in boxes(content) if key != b"edts"]
            media = dict(boxes(dict(track)[b"mdia"]))
            ticks = struct.unpack(">I", media[b"mdhd"][12:16])[0]
            rows = b"".join(
                struct.pack(
                    ">Iii",
                    round(length_s * movie_ticks),
                    round(start_s * ticks) if start_s >= 0 else -1,
                    round(rate * 65536),
                )
                for length_s, start_s, rate in edits
            )
            track.insert(1, (b"edts", box(b"elst", struct.pack(">II", 0, len(edits)) + rows)))
            index += box(name, b"".join(box(key, value) for key, value in track))
        else:
            index += box(name, content)
    target.write_bytes(b"".join(box(*part) for part in parts[:-1]) + box(b"moov", index))
    return target


def restamped(source: Path, target: Path, stamp_s: Callable[[int, float], float]) -> Path:
    """A Matroska copy with other time stamps: a function of the packet's number and its own stamp, in s."""
    options = {"avoid_negative_ts": "disabled"}  # decoding times only have to rise, and lie before all stamps
    with av.open(str(source)) as old, av.open(str(target), "w", options=options) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        stream.time_base = Fraction(1, 1000)
        for k, packet in enumerate(p for p in old.demux(video=0) if p.dts is not None):
            time_s = stamp_s(k, float(packet.pts * packet.time_base))
            packet.time_base = Fraction(1, 1000)
            packet.pts, packet.dts, packet.stream = round(time_s * 1000), k - 10_000, stream
            new.mux(packet)
    return target


def in_sizes(target: Path, parts: list[list[np.ndarray]], codec: str = "libvpx") -> Path:
    """One stream whose pictures change their size, as a call does when its line gets better."""
    tick = Fraction(1, 1000)
    with av.open(str(target), "w") as out:
        stream = out.add_stream(codec, rate=30)
        stream.height, stream.width = parts[0][0].shape[:2]
        stream.pix_fmt, stream.time_base = "yuv420p", tick
        count = 0
        for part in parts:
            coder = av.CodecContext.create(codec, "w")
            coder.height, coder.width = part[0].shape[:2]
            coder.pix_fmt, coder.time_base, coder.framerate = "yuv420p", tick, Fraction(30)
            coder.bit_rate = 8_000_000
            coder.options = {"deadline": "realtime", "cpu-used": "8", "qmin": "2", "qmax": "10"}
            frames = [
                av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
                for picture in part
            ]
            for k, frame in enumerate(frames, start=count):
                frame.pts, frame.time_base = round(k * 1000 / 30), tick
            count += len(part)
            for frame in [*frames, None]:
                for packet in coder.encode(frame):
                    packet.stream, packet.time_base = stream, tick
                    out.mux(packet)
    return target
