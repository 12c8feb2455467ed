"""The wording of a report: why a number is not shown (`vitals` decides that), what would help, and one verdict.

This is the last step of the pipeline. Every verdict states the signal quality first.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

from rppg_core.analysis.heart_rate import OUTSIDE_BAND
from rppg_core.types import FaceInfo, Reading, VideoInfo


@dataclass(frozen=True)
class Cause:
    """Why there may be no pulse to see, and what would help."""

    what: str
    remedy: str
    lesson: str


UNKNOWN = Cause(
    "the spectrum has no peak that the methods share",
    "record 30 s in even light, face the camera and hold still",
    "quality",
)
OUTSIDE_REMEDY = "count the pulse at the wrist for 30 s"  # no better video brings the rate into the band


def likely_cause(video: VideoInfo, face: FaceInfo, seconds: float) -> Cause:
    """The most likely reason for a refusal, from the facts of the clip, strongest first."""
    rules = (
        (not video.clock_known, "no rate can be given without a clock",
         "state the frame rate of the camera (--fps), or record with the camera's own app",
         "frame_times"),
        (seconds < 5, f"only {seconds:.1f} s of usable face", "keep your face in view for 30 s", "too_short"),
        (face.found < 0.5, f"the face was found in {face.found:.0%} of the frames",
         "face the camera and stay in the picture", "no_face"),
        (0 < face.brightness < 35, f"there is little light on the skin ({face.brightness:.0f} of 255 grey levels)",
         "turn towards a window or a lamp", "exposure"),
        (face.clipped_percent > 20, f"{face.clipped_percent:.0f} % of the skin is over- or underexposed",
         "use softer light from the front", "exposure"),
        (face.grey, "the picture is black and white, and only colour separates a pulse from changes of light",
         "record in colour", "colour"),
        (not video.lossless and 0 < video.bits_per_pixel < 0.03,
         f"strong compression ({video.bits_per_pixel:.3f} bits per pixel) removes the pulse",
         "record with the camera app at its highest quality, and do not send the file through a messenger",
         "compression"),
        (face.motion_percent > 25, f"the head moves {face.motion_percent:.0f} % of its width a second",
         "rest your head and hold still", "motion"),
        (video.hdr, "the video is HDR, whose grey levels follow another curve",
         "switch HDR off in the camera's settings", "hdr"),
        (face.n_faces > 0 and 0 < face.width_px < 90, f"the face is small ({face.width_px:.0f} pixels)",
         "come closer", "no_face"),
        (video.repeated_frames > 0.05 * max(video.n_frames, 1),
         f"{video.repeated_frames} of {video.n_frames} frames repeat the previous picture",
         "close other programs while you record, and use more light", "frame_times"),
        (video.dropped_frames > 0.1 * max(video.n_frames, 1), f"{video.dropped_frames} frames are missing",
         "close other programs while you record", "frame_times"),
        (video.jitter_percent > 30, f"the frame times jitter by {video.jitter_percent:.0f} %",
         "close other programs while you record", "frame_times"),
    )  # fmt: skip
    for holds, what, remedy, lesson in rules:
        if holds:
            return Cause(what, remedy, lesson)
    return UNKNOWN


def remedy(hr: Reading, cause: Cause) -> str:
    """What would help to get a heart rate after a refusal."""
    if cause is UNKNOWN and hr.note.startswith(OUTSIDE_BAND):
        return OUTSIDE_REMEDY
    return cause.remedy


def verdict(
    hr: Reading, *, seconds: float, clip_s: float, agree: int, of: int, cause: Cause, clock: str = ""
) -> str:
    """Two to four plain sentences, quality first.

    Args:
        hr: the heart rate of the consensus.
        seconds: usable time, which the heart rate comes from. Unit: s.
        clip_s: length of the clip. Unit: s.
        agree: methods within 5 bpm of the consensus.
        of: methods that were run.
        cause: what is wrong with the clip; it caps the quality, and explains a refusal.
        clock: where the times come from; "" where they are the camera's own.
    """
    if hr.value is None or hr.interval is None:
        seen = "" if cause is UNKNOWN else f" {cause.what[0].upper()}{cause.what[1:]}."
        what_helps = remedy(hr, cause)
        return f"No reliable heart rate: {hr.note or UNKNOWN.what}.{seen} To improve it: {what_helps}."
    quality = "good" if hr.confidence >= 0.95 else "fair"
    if cause is not UNKNOWN:  # something is wrong with the clip, however sure the methods are
        quality = f"fair ({cause.what})"
    return (
        f"Quality {quality}: {seconds:.0f} of {clip_s:.0f} s usable, {agree} of {of} methods agree. "
        f"About {hr.value:.0f} bpm, between {floor(hr.interval[0])} and {ceil(hr.interval[1])}."
        f"{f' {clock}' if clock else ''}"
    )
