"""What a video file is fit for, before any pulse is looked for: one finding a line, with its remedy.

Floor 2. `inspect_video` reads the whole file once for its frame times and one small picture a second. `scene_of`
describes one picture of the face's neighbourhood; the pass calls it once a second with the same definitions.

Source of the limits: our choice, from what is reported about compression (McDuff et al. 2017; Rapczynski et al. 2019;
Nowara et al. 2021: the signal falls with the bit rate), and from the resampling error of uneven frame times.
Axis letters: H, W.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from jaxtyping import Float

from rppg_core.errors import ClipTooShortError
from rppg_core.types import VideoInfo
from rppg_core.video.reader import open_video

Level = Literal["good", "fair", "poor"]

SAMPLE_SIDE = 160  # pixels of the longer side of the pictures that are sampled
SAMPLE_STEP_S = 1.0
BRIGHT = 250.0  # grey levels; from here on a pixel counts as a highlight
BLACK = 5.0  # grey levels; pixels without more in any channel hold no pulse
GREY_PART = 0.03  # of the mean: skin whose channels differ by less has no colour
SMALLEST_CONTRAST = 1.0  # grey levels squared; flat pictures have no sharpness
OLD_CODECS = {"mpeg4", "msmpeg4v3", "mpeg2video", "h263", "gif"}
LOSSLESS = {"ffv1", "rawvideo", "huffyuv", "ffvhuff", "utvideo", "png"}


@dataclass(frozen=True)
class Finding:
    """One fact about a file and what it means."""

    name: str
    value: str
    level: Level
    remedy: str = ""  # "" where nothing is to be done
    lesson: str = ""  # key of the lesson that explains it


def inspect_video(path: str | os.PathLike[str]) -> list[Finding]:
    """Read a file once and say what is good and what is not.

    Args:
        path: a video file.

    Returns:
        Findings in a fixed order: length, picture, codec, compression, measured and nominal frame rate, timing,
        dropped frames, rotation, dynamic range, exposure, and one line for each oddity of the file.

    Raises:
        RppgError: the file cannot be read as a video, or has only one frame.
    """
    video = open_video(path)
    scenes: list[dict[str, float]] = []
    for frame in video.frames():
        if frame.time_s >= SAMPLE_STEP_S * len(scenes):
            scale = min(1.0, SAMPLE_SIDE / max(frame.width, frame.height))
            size = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
            scenes.append(scene_of(frame.region(0, 0, frame.width, frame.height, *size)))
    info = video.info()
    if info.n_frames < 2:
        raise ClipTooShortError(
            "the video has 1 frame", wanted="at least 5 s of frames", do="record a longer clip; 30 s is best",
            lesson="too_short",
        )  # fmt: skip
    light = float(np.mean([scene["light"] for scene in scenes]))
    highlights = float(np.mean([scene["highlights"] for scene in scenes]))
    oddities = [Finding("Note", note, "fair", lesson="timing") for note in video.notes]
    return [*_findings(info), *_exposure(light, highlights), *oddities]


def scene_of(crop: Float[np.ndarray, "height width 3"]) -> dict[str, float]:
    """How one picture is lit, coloured and focused.

    Args:
        crop: RGB of a face with its neighbourhood, or a whole picture. Unit: grey levels.

    Returns:
        light: mean grey level. evenness: the darker half (left or right) over the brighter one, 1 is even.
        highlights: share of pixels with a channel at 250 or above. cast: (largest - smallest) / mean of the
        three channel means, 0 is neutral. blur: variance of the Laplacian over the variance of the picture;
        small is blurred.
    """
    grey = crop.mean(axis=2, dtype=np.float32)
    half = grey.shape[1] // 2
    left, right = (float(grey[:, :half].mean()), float(grey[:, -half:].mean())) if half else (1.0, 1.0)
    light = float(grey.mean())
    means = crop.mean(axis=(0, 1), dtype=np.float64)
    contrast = max(float(grey.var()), SMALLEST_CONTRAST)
    return {
        "light": light,
        "evenness": (min(left, right) + 1e-6) / (max(left, right) + 1e-6),
        "highlights": float((crop.max(axis=2) >= BRIGHT).mean()),
        "cast": float(np.ptp(means)) / max(light, 1e-6),
        "blur": float(cv2.Laplacian(grey, cv2.CV_32F).var()) / contrast,
    }


def light_of(skin: Float[np.ndarray, "*samples 3"]) -> dict[str, Any]:
    """How the skin of a whole clip is lit and coloured.

    Args:
        skin: RGB samples. Unit: grey levels.

    Returns:
        The fields `brightness`, `clipped_percent` and `grey` of FaceInfo; nothing where there are no samples.
    """
    if not skin.size:
        return {}
    clipped = (skin >= BRIGHT).any(axis=-1) | (skin <= BLACK).all(axis=-1)
    return {
        "brightness": float(skin.mean()),
        "clipped_percent": float(100 * clipped.mean()),
        "grey": float(np.ptp(skin, axis=-1).mean()) < GREY_PART * float(skin.mean()),
    }


def _findings(info: VideoInfo) -> list[Finding]:
    """Everything that follows from the header and the frame times."""
    side = min(info.width, info.height)
    bits = np.inf if info.codec in LOSSLESS else info.bits_per_pixel
    off_percent = 100 * abs(info.fps_container / info.fps - 1)
    dropped_percent = 100 * info.dropped_frames / (info.n_frames + info.dropped_frames)
    turned = f"stored turned by {info.rotation_deg} degrees, read upright" if info.rotation_deg else "upright"
    return [
        _graded("Length", f"{info.duration_s:.1f} s", (-info.duration_s, -20, -10),
                "record 30 s or more", "too_short"),
        _graded("Picture", f"{info.width} x {info.height}, {info.bit_depth} bit, {info.pixel_format}",
                (-side, -480, -240), "record at 720p or come closer", "resolution"),
        _graded("Codec", info.codec, (info.codec in OLD_CODECS, 0, 1),
                "record as H.264 or HEVC, and do not convert", "compression"),
        _graded("Compression", f"{info.bits_per_pixel:.3f} bits a pixel", (-bits, -0.08, -0.03),
                "send the original file, not a copy from a chat or a video platform", "compression"),
        _graded("Frame rate", f"{info.fps:.4g} fps", (-info.fps, -24, -15),
                "record at 30 fps in good light (cameras slow down in the dark)", "frame_rate"),
        _graded("Header's rate", f"{info.fps_container:.4g} fps", (off_percent, 2, np.inf),
                "nothing to do here, but programs that trust the header will be wrong", "frame_rate"),
        _graded("Frame timing", f"jitter {info.jitter_percent:.1f} % of a frame", (info.jitter_percent, 15, 50),
                "close other programs while recording, or use the phone's own camera app", "timing"),
        _graded("Dropped frames", f"{info.dropped_frames} ({dropped_percent:.1f} %)", (dropped_percent, 1, 10),
                "close other programs while recording", "timing"),
        Finding("Rotation", turned, "good", lesson="rotation"),
        _graded("Dynamic range", "HDR" if info.hdr else "standard", (info.hdr, 0, 1),
                "switch HDR off in the camera's settings: its grey levels follow another curve", "hdr"),
    ]  # fmt: skip


def _exposure(light: float, highlights: float) -> list[Finding]:
    return [
        _graded("Light", f"mean {light:.0f} of 255", (-light, -60, -30), "turn to a window or a lamp", "exposure"),
        _graded("Highlights", f"{100 * highlights:.1f} % of the picture", (highlights, 0.05, 0.25),
                "less light, or lock the exposure on the face", "exposure"),
    ]  # fmt: skip


def _graded(name: str, value: str, limits: tuple[float, float, float], remedy: str, lesson: str) -> Finding:
    """A finding whose number is good up to one limit and fair up to the next; the remedy where it is not good."""
    number, good, fair = limits
    if number <= good:
        return Finding(name, value, "good", lesson=lesson)
    return Finding(name, value, "fair" if number <= fair else "poor", remedy, lesson)
