"""Whether a video file is fit for use, before any pulse is estimated: one finding per line, with its remedy.

`inspect_video` reads the whole file once: its frame times, one small picture per second and, where the face
models are on this machine, the face as the pass follows it. `findings_from_clip` judges the same facts of a
clip that was already read. The pass uses the same definitions of light and colour (`light`).

Source of the limits: our choice, from published results on compression (McDuff et al. 2017; Rapczynski et al.
2019; Nowara et al. 2021: the signal falls with the bit rate), from our own encodings of simulated faces
(H.264 at 0.12 bits per pixel keeps the pulse, at 0.012 it is gone), and from the resampling error of uneven
frame times.
Axis letters: H, W.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from rppg_core.errors import ClipTooShortError, ModelFileError
from rppg_core.types import FaceClip, FaceInfo, VideoInfo
from rppg_core.video.face import FaceTracker, resolve_models
from rppg_core.video.frame import Frame
from rppg_core.video.light import light_from_skin
from rppg_core.video.pose import FacePath, Pose, motion_from_poses
from rppg_core.video.reader import open_video
from rppg_core.video.repeats import PictureChanges, camera_info

Level = Literal["good", "fair", "poor"]

SIGNS: dict[Level, str] = {"good": "✓", "fair": "!", "poor": "✗"}
SAMPLE_SIDE = 160  # pixels of the longer side of the pictures that are sampled
SAMPLE_STEP_S = 1.0
INNER_WIDTHS, INNER_HEIGHTS, INNER_PIXELS = 0.6, 0.7, 24  # the part of the face box that is certainly face
OLD_CODECS = {"mpeg4", "msmpeg4v3", "mpeg2video", "h263", "gif"}
NEVER_A_FILE = {"raw", "simulated", "traces"}  # clips whose pictures were never in a file, or are unknown
CAMERAS = re.compile(
    r"android|apple|samsung|google|huawei|xiaomi|canon|nikon|sony|gopro|^chrome|qtmuxing", re.IGNORECASE
)
CONVERTERS = re.compile(r"lav[fc]|x26[45]|ffmpeg|handbrake|premiere|imovie|davinci|capcut", re.IGNORECASE)
COARSE_CRF = 25.0  # quality of x264 and x265, 0 to 51; above this the pulse is lost
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@dataclass(frozen=True)
class Finding:
    """One fact about a file and what it means."""

    name: str
    value: str
    level: Level
    remedy: str = ""  # "" where there is nothing to do
    lesson: str = ""  # key of the lesson that explains it

    @property
    def sign(self) -> str:
        """The level as a character, for readers who cannot see its colour."""
        return SIGNS[self.level]


NOT_LOOKED = Finding(
    "Face",
    "not looked for: the face models are not on this machine",
    "fair",
    "run: rppg doctor --fetch",
    "no_face",
)


def inspect_video(path: str | os.PathLike[str], *, fps: float | None = None) -> list[Finding]:
    """Read a file once and list what is good and what is not.

    Args:
        path: a video file.
        fps: frame rate, for a file that states none or a wrong one. Unit: Hz.

    Returns:
        Findings in a fixed order: length, picture, codec, compression, copy, measured and header's frame
        rate, clock, timing, dropped frames, repeated pictures, rotation, dynamic range, light, clipping,
        colour, face, its size and motion, and one line for each oddity of the file.

    Raises:
        RppgError: the file cannot be read as a video, or has only one frame.
    """
    video = open_video(path, fps=fps)
    look = _Look(_tracker())
    for frame in video.frames():
        look.add(frame)
    info = video.info()
    if info.n_frames < 2:
        raise ClipTooShortError(
            "the video has 1 frame",
            wanted="at least 5 s of frames",
            do="record a longer clip; 30 s is best",
            lesson="too_short",
        ).noted(video.notes)
    info = camera_info(info, np.array(look.times_s), look.changes.repeated())
    face = look.face()
    about_face = _face_findings(face) if look.tracker is not None else [NOT_LOOKED]
    return [*_file_findings(info), *_light_findings(face), *about_face, *_oddities(video.notes)]


def findings_from_clip(clip: FaceClip) -> list[Finding]:
    """The same findings from a clip that was already read, without reading the file again.

    Args:
        clip: what one pass over a file kept.

    Returns:
        Findings as from `inspect_video`, without the oddities of the file, which are in the clip's notes. A
        clip that never was a file, such as a simulated one, is judged by its times, its light if it has
        pictures, and its face.
    """
    made = clip.video.codec in NEVER_A_FILE
    about_file = _memory_findings(clip.video) if made else _file_findings(clip.video)
    about_light = [] if made and not clip.face.brightness else _light_findings(clip.face)
    about_face = _face_findings(clip.face) if clip.region == "face" else []
    return [*about_file, *about_light, *about_face]


@cache
def lesson_link(key: str) -> str | None:
    """The notebook section that explains a cause.

    Args:
        key: `lesson` of a Finding or of an RppgError.

    Returns:
        Path of the notebook from the project root, with the anchor of the section; None if no notebook has
        the anchor `<a id="key">`.
    """
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if key and f'id=\\"{key}\\"' in path.read_text(encoding="utf-8"):
            return f"{NOTEBOOKS.name}/{path.name}#{key}"
    return None


class _Look:
    """The data kept while a file is read: small samples of the pictures, and the path of the face."""

    def __init__(self, tracker: FaceTracker | None):
        self.tracker = tracker
        self.path = FacePath()
        self.times_s: list[float] = []
        self.pictures: list[np.ndarray] = []
        self.skin: list[np.ndarray] = []
        self.n_faces = 0
        self.changes = PictureChanges()

    def add(self, frame: Frame) -> None:
        self.times_s.append(frame.time_s)
        self.changes.add(frame)
        if self.tracker is not None and frame.time_s >= self.path.next_look_s - 1e-6:
            seen = self.tracker.observe(frame)
            self.path.add(frame.time_s, None if seen is None else seen.landmarks)
            self.n_faces = max(self.n_faces, 0 if seen is None else seen.n_faces)
        if frame.time_s >= SAMPLE_STEP_S * len(self.pictures):
            scale = min(1.0, SAMPLE_SIDE / max(frame.width, frame.height))
            size = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
            self.pictures.append(frame.region(0, 0, frame.width, frame.height, *size).reshape(-1, 3))
            if self.path.last is not None:
                self.skin.append(self._inner_face(frame, self.path.last))

    def face(self) -> FaceInfo:
        """The face over the whole file; without one, `found` is 0 and the light is that of the pictures."""
        poses = [
            pose for time_s in self.times_s if self.path.poses and (pose := self.path.at(time_s)) is not None
        ]
        light = light_from_skin(np.concatenate(self.skin or self.pictures))
        if not poses:
            return FaceInfo(**light)
        found = len(poses) / len(self.times_s)
        return replace(FaceInfo(found=found, n_faces=self.n_faces, **light), **motion_from_poses(poses))

    def _inner_face(self, frame: Frame, pose: Pose) -> np.ndarray:
        assert self.path.reference is not None, "a pose without a reference"
        side = abs(pose.turn)
        width = max(1, round(INNER_WIDTHS * side))
        height = max(1, round(INNER_HEIGHTS * side * self.path.reference.aspect))
        x, y = round(pose.shift.real - width / 2), round(pose.shift.imag - height / 2)
        return frame.region(x, y, width, height, INNER_PIXELS, INNER_PIXELS).reshape(-1, 3)


def _tracker() -> FaceTracker | None:
    """A tracker if the face models are on this machine, else None: inspecting a file downloads nothing."""
    try:
        resolve_models(fetch=False)
    except ModelFileError:
        return None
    return FaceTracker()


def _file_findings(info: VideoInfo) -> list[Finding]:
    """All findings that follow from the header and the frame times."""
    side = min(info.width, info.height)
    bits = np.inf if info.lossless else info.bits_per_pixel
    off_percent = 100 * abs(info.fps_container / info.fps - 1) if info.fps_container and info.fps else 0.0
    turned = f"stored turned by {info.rotation_deg} degrees, read upright" if info.rotation_deg else "upright"
    turned += ", mirrored as the file specifies" if info.mirrored else ""
    length, rate, *timing = _time_findings(info)
    return [
        length,
        _graded("Picture", f"{info.width} x {info.height}, {info.bit_depth} bit, {info.pixel_format}",
                (-side, -480, -240), "record at 720p or come closer", "resolution"),
        _graded("Codec", info.codec, (info.codec in OLD_CODECS, 0, 1),
                "record as H.264 or HEVC, and do not convert", "compression"),
        _graded("Compression", f"{info.bits_per_pixel:.3f} bits per pixel", (-bits, -0.08, -0.03),
                "send the original file, not a copy from a chat or a video platform", "compression"),
        _copy_finding(info.written_by, info.lossless),
        rate,
        _graded("Header's rate", f"{info.fps_container:.4g} fps", (off_percent, 2, np.inf),
                "nothing to do here, but programs that trust the header will be wrong", "frame_rate"),
        Finding("Clock", info.clock or "the times of the frames", "fair" if info.clock else "good",
                "check the length; --fps sets the rate" if info.clock else "", "frame_times"),
        *timing,
        Finding("Rotation", turned, "good", lesson="rotation"),
        _graded("Dynamic range", "HDR" if info.hdr else "standard", (info.hdr, 0, 1),
                "switch HDR off in the camera's settings: its grey levels follow another curve", "hdr"),
    ]  # fmt: skip


def _memory_findings(info: VideoInfo) -> list[Finding]:
    """Findings for a clip that came from no camera and no encoder."""
    return [
        Finding("File", f"none ({info.codec}), so nothing was lost to encoding", "good"),
        *_time_findings(info),
    ]


def _time_findings(info: VideoInfo) -> list[Finding]:
    """Length, measured frame rate, timing and dropped frames: all from the frame times."""
    repeated_percent = 100 * info.repeated_frames / max(info.n_frames, 1)
    dropped_percent = 100 * info.dropped_frames / max(info.n_frames + info.dropped_frames, 1)
    return [
        _graded("Length", f"{info.duration_s:.1f} s", (-info.duration_s, -20, -10),
                "record 30 s or more", "too_short"),
        _graded("Frame rate", f"{info.fps:.4g} fps measured", (-info.fps, -24, -15),
                "record at 30 fps in good light (cameras slow down in the dark)", "frame_rate"),
        _graded("Frame timing", f"jitter {info.jitter_percent:.1f} % of a frame", (info.jitter_percent, 15, 30),
                "close other programs while recording, or use the phone's own camera app", "frame_times"),
        _graded("Dropped frames", f"{info.dropped_frames} ({dropped_percent:.1f} %)", (dropped_percent, 1, 10),
                "close other programs while recording", "frame_times"),
        _graded("Repeated pictures", f"{info.repeated_frames} ({repeated_percent:.1f} %)", (repeated_percent, 1, 20),
                "use more light, and close other programs while recording", "frame_times"),
    ]  # fmt: skip


def _copy_finding(written_by: str, lossless: bool) -> Finding:
    """A sign that the file was encoded twice: converters write their names, x264 and x265 their quality."""
    quality = re.search(r"crf=([\d.]+)", written_by)
    coarse = quality is not None and float(quality[1]) > COARSE_CRF
    converted = CONVERTERS.search(written_by) is not None and not lossless
    from_camera = CAMERAS.search(written_by) is not None
    if not converted or (from_camera and quality is None):
        value = f"no sign of it ({written_by or 'the file names no program'})"
        return Finding("Converted", value, "good", lesson="compression")
    return Finding(
        "Converted",
        f"probably: written by {written_by}",
        "poor" if coarse else "fair",
        "use the file as the camera wrote it: every encoding removes part of the pulse",
        "compression",
    )


def _light_findings(face: FaceInfo) -> list[Finding]:
    where = "face" if face.n_faces else "picture"
    return [
        _graded("Light", f"{where}: mean {face.brightness:.0f} of 255", (-face.brightness, -60, -35),
                "turn to a window or a lamp", "exposure"),
        _graded("Exposure", f"{face.clipped_percent:.1f} % of the {where} burnt out or black",
                (face.clipped_percent, 5, 20), "use softer light from the front, or lock the exposure on the face",
                "exposure"),
        _graded("Colour", "black and white" if face.grey else "present", (2 * face.grey, 0, 1),
                "record in colour: only colour separates a pulse from changes of light", "colour"),
    ]  # fmt: skip


def _face_findings(face: FaceInfo) -> list[Finding]:
    if not face.found:
        return [
            Finding("Face", "none found", "poor", "face the camera in even light and come closer", "no_face")
        ]
    several = f", {face.n_faces} at once (the largest is followed)" if face.n_faces > 1 else ""
    seen = _graded(
        "Face",
        f"in {face.found:.0%} of the frames{several}",
        (-face.found, -0.95, -0.5),
        "face the camera and stay in the picture",
        "no_face",
    )
    if several and seen.level == "good":
        seen = replace(seen, level="fair", remedy="keep only one person in the picture")
    return [
        seen,
        _graded("Face size", f"{face.width_px:.0f} pixels wide", (-face.width_px, -90, -60),
                "come closer or record at a higher resolution", "no_face"),
        _graded("Motion", f"{face.motion_percent:.1f} % of the face's width a second",
                (face.motion_percent, 8, 25), "rest your head and hold still", "motion"),
    ]  # fmt: skip


def _oddities(notes: Sequence[str]) -> list[Finding]:
    return [
        Finding("Note", note, "fair", "record again if the clip gets no reading", "file") for note in notes
    ]


def _graded(name: str, value: str, limits: tuple[float, float, float], remedy: str, lesson: str) -> Finding:
    """A finding that is good up to one limit and fair up to the next; with the remedy unless it is good."""
    number, good, fair = limits
    if number <= good:
        return Finding(name, value, "good", lesson=lesson)
    return Finding(name, value, "fair" if number <= fair else "poor", remedy, lesson)
