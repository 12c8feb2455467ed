"""Video files that cameras, browsers and accidents make, and `write_video` does not."""

from __future__ import annotations

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
