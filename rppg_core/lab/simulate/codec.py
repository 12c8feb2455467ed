"""A real encoder after the simulated camera: H.264 or MPEG-4, in memory.

It takes the frames of `render`. Frames are encoded once and decoded whenever they are read; the result is the
decoder's planes, as from a file.

What differs from published practice: synthetic data are mostly left uncompressed, or get artificial block
noise. Such noise does not show what a real encoder does to a pulse (in each group of frames it drops changes
below a quantiser step), and real encoding costs only 1 ms per frame.
Axis letters: H, W.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from jaxtyping import UInt8

from rppg_core.lab.simulate.render import RenderedFrames
from rppg_core.video.frame import Frame, frame_of_picture
from rppg_core.video.pixels import to_bytes

ENCODERS = {"h264": "libx264", "mpeg4": "mpeg4"}
GROUP = 60  # frames from one whole picture to the next


class CodedFrames:
    """The same frames after an encoder and a decoder.

    Args:
        frames: as the camera delivers them.
        codec: a key of ENCODERS.
        crf: quality as x264 counts it, 18 (fine) to 35 (coarse); MPEG-4 gets a quantiser of about that strength.
        fps: nominal rate for the encoder.
    """

    def __init__(self, frames: RenderedFrames, codec: str, crf: int, fps: float):
        self._frames, self._codec, self._crf, self._fps = frames, codec, crf, fps
        self._packets: list[av.Packet] = []

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[Frame]:
        times_s = iter(self._frames.times_s)
        for picture in self._decoded():
            yield frame_of_picture(float(next(times_s)), picture)

    def rgb(self, k: int) -> UInt8[np.ndarray, "height width 3"]:
        """Frame k as RGB; all frames before it have to be decoded too."""
        for index, frame in enumerate(self):
            if index == k:
                return to_bytes(frame.region(0, 0, frame.width, frame.height, frame.width, frame.height))
        raise IndexError(k)

    def pictures(self) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """Every frame as RGB, in order."""
        for frame in self:
            yield to_bytes(frame.region(0, 0, frame.width, frame.height, frame.width, frame.height))

    def _decoded(self) -> Iterator[av.VideoFrame]:
        decoder = cast(VideoCodecContext, av.CodecContext.create(self._codec, "r"))
        decoder.thread_count = 1
        for packet in self._encoded():
            yield from decoder.decode(packet)
        yield from decoder.decode(None)

    def _encoded(self) -> Iterator[av.Packet]:
        """Packets in decoding order; encoded on the first call and kept for later ones."""
        if self._packets:
            yield from self._packets
            return
        packets: list[av.Packet] = []
        encoder = None
        for k, rgb in enumerate(self._frames.pictures()):
            encoder = encoder or self._encoder(*rgb.shape[:2])
            picture = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            picture.pts, picture.time_base = k, encoder.time_base
            for packet in encoder.encode(picture):
                packets.append(packet)
                yield packet
        for packet in encoder.encode(None) if encoder else ():
            packets.append(packet)
            yield packet
        self._packets = packets

    def _encoder(self, height: int, width: int) -> VideoCodecContext:
        encoder = cast(VideoCodecContext, av.CodecContext.create(ENCODERS[self._codec], "w"))
        encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
        encoder.framerate = Fraction(self._fps).limit_denominator(1001)
        encoder.time_base = 1 / encoder.framerate
        encoder.thread_count = 1
        if self._codec == "h264":
            # as a camera encodes, without looking ahead; with it, bytes differ from run to run
            encoder.options = {
                "crf": str(self._crf),
                "preset": "veryfast",
                "tune": "zerolatency",
                "g": str(GROUP),
            }
        else:
            quantiser = str(mpeg4_quantiser(self._crf))
            encoder.options = {"qmin": quantiser, "qmax": quantiser, "g": str(GROUP)}
        return encoder


def mpeg4_quantiser(crf: int) -> int:
    """Quantiser of MPEG-4 (1-31) that is about as coarse as an x264 crf; the step size doubles every 6 steps of crf.

    Source: our choice, from FFmpeg's -qscale scale (2-5 is visually good, as crf 18-23 is).
    """
    return int(np.clip(round(2 ** ((crf - 12) / 6)), 1, 31))
