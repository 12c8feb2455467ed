"""A patch whose green falls by a known pulse, as pictures, as an AVI file and as text."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

HR_BPM, RR_BRPM, SPO2, SECONDS, FPS = 72.0, 15.0, 97.0, 4.0, 30.0
HEIGHT, WIDTH = 24, 32


def wave(times_s, rate=HR_BPM):
    return np.sin(2 * np.pi * rate / 60 * np.asarray(times_s))


def pictures(times_s, size=(HEIGHT, WIDTH)):
    """A textured patch, darker in green the more blood there is."""
    texture = np.random.default_rng(5).uniform(-10, 10, (*size, 1))
    for pulse in wave(times_s):
        yield np.clip(np.array([170.0, 120 - 20 * pulse, 90]) + texture, 0, 255).round().astype(np.uint8)


def write_avi(path, times_s, rate, codec="ffv1", pixel_format="bgr0", size=(HEIGHT, WIDTH), frames=None):
    """AVI with a header rate of our choice: it holds no other times. Without frames it shows the patch."""
    frames = list(pictures(times_s, size) if frames is None else frames)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(rate).limit_denominator(1000))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixel_format
        if codec in ("mjpeg", "mpeg4"):
            stream.options = {"qscale": "2"}
            stream.codec_context.bit_rate = 2_000_000
        for rgb in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def write_text(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def even(fs, seconds=SECONDS, start_s=0.0):
    return start_s + np.arange(round(fs * seconds)) / fs


def truth_text(rows, end="\n"):
    return "".join("   " + "   ".join(f"{x:.7e}" for x in row) + end for row in rows)
