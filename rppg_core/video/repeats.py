"""Frames that repeat the previous picture: the rate of the camera, whatever the rate of the file.

A file with 30 frames per second may come from a camera that delivers 5, with each picture written six times;
video calls and screen recorders also freeze a picture while time goes on. Time stamps do not show this; the
pictures do. Three kinds are distinguished:
    same      every stored brightness of the picture is equal,
    near      the change is far below that of the surrounding pictures, with few changes in between,
              repeatedly or for a third of a second: the trace of a repeated picture after a second encoding,
    staircase the skin colour changes in a few steps per second and is constant in between, although every
              picture has new noise. Only searched where each picture is encoded by itself, since other codecs
              cause staircases of their own.
Codecs that predict one picture from another also repeat pictures to save bits. Where new pictures mostly
belong to one kind of encoded picture, or where even large changes are close to zero, the codec is the cause
and nothing is reported.
Source of the limits: our choice, from encodings of simulated faces. Axis letters: T time (frames).
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Bool, Float
from numpy.lib.stride_tricks import sliding_window_view

from rppg_core.signals.frame_times import evened_bursts, timed_info
from rppg_core.types import FaceClip, VideoInfo
from rppg_core.video.frame import Frame
from rppg_core.video.prepare import cut

GRID = 90  # places along the shorter side at which two pictures are compared
AROUND = 30  # frames on each side from which the change to a new picture is estimated
NEW_PERCENTILE = 95  # of the surrounding changes: one new picture in twenty is enough
SMALL, LARGE = 0.1, 0.35  # share of that change: below SMALL is near, above LARGE is new
FROZEN = 0.02  # of the usual change to a new picture in the clip, for pictures that are frozen for long
NEAR = 0.5  # grey levels; a second encoding leaves no larger change, however much other pictures change
UNCLEAR = 0.09  # largest share of frames between near and new
# Largest share of new pictures that follow another: those of a slow camera are isolated, those of motion not.
TOGETHER = 0.25
FROZEN_FRAMES = 9  # in a row; a shorter standstill does not count
CODEC_RATIO = 3.0  # new pictures this much more frequent in one kind of encoded picture come from the codec
CODEC_CHANGE = 0.15  # grey levels; where new pictures change less, a predicting codec has dropped the changes
STEPS = 10  # largest of AROUND changes of skin colour, with nearly all energy: at most ten pictures a second
STEPS_HOLD = 0.98  # their share of the energy; a noisy pulse reaches 0.93


class PictureChanges:
    """How much each picture differs from the previous one; two values per picture are kept, no pictures."""

    def __init__(self) -> None:
        self._changes: list[float] = []
        self._kinds: list[str] = []
        self._frame: Frame | None = None
        self._sample: np.ndarray | None = None

    def add(self, frame: Frame) -> None:
        """Compare a frame with the previous one."""
        plane = frame.brightness
        step = max(1, min(plane.shape[:2]) // GRID)
        sample = np.ascontiguousarray(plane[step // 2 :: step, step // 2 :: step])
        change = np.inf
        if self._sample is not None and self._sample.shape == sample.shape:
            change = frame.levels * cv2.norm(sample, self._sample, cv2.NORM_L1) / sample.size
            if change == 0 and self._frame is not None and not np.array_equal(plane, self._frame.brightness):
                change = float(np.finfo(np.float32).tiny)
        self._changes.append(change)
        self._kinds.append(frame.kind)
        self._frame, self._sample = frame, sample

    def repeated(self, skin: Float[np.ndarray, "time 3"] | None = None) -> Bool[np.ndarray, " time"]:
        """Which frames show nothing new.

        Args:
            skin: colour of the skin in the same frames, NaN where there is none; None skips staircases.
        """
        changes, kinds = np.array(self._changes), np.array(self._kinds)
        found = find_repeats(changes, kinds)
        predicted = bool(np.isin(kinds, ("P", "B")).any())
        if skin is None or predicted or found.any():
            return found
        return staircase_repeats(skin)


def as_the_camera_took_it(clip: FaceClip, pictures: PictureChanges) -> FaceClip:
    """The clip without repeated frames, and with the times of bursts spread evenly."""
    clip = without_repeats(clip, pictures)
    times_s = evened_bursts(clip.times_s)
    if times_s is None:
        return clip
    note = "Frames arrive in bursts; their times were spread evenly at the local rate."
    return replace(clip, times_s=times_s, notes=(*clip.notes, note))


def without_repeats(clip: FaceClip, pictures: PictureChanges) -> FaceClip:
    """The clip without the frames that show nothing new, and with the rate of the rest."""
    repeated = pictures.repeated(clip.roi("skin"))
    n = int(repeated.sum())
    if not n or n > len(repeated) - 2:
        return clip
    video = camera_info(clip.video, clip.times_s, repeated)
    said = f"{n} of {len(repeated)} frames repeat the previous picture"
    note = f"{said}: the camera delivered {video.fps:.3g} per second."
    return replace(cut(clip, ~repeated), video=video, notes=(*clip.notes, note))


def camera_info(
    info: VideoInfo, times_s: Float[np.ndarray, " time"], repeated: Bool[np.ndarray, " time"]
) -> VideoInfo:
    """The facts of a file as the camera recorded it: repeated frames are counted, their times left out."""
    n = int(repeated.sum())
    if not 0 < n < len(repeated) - 1:
        return info
    # a frozen picture is not a dropped frame
    return replace(
        timed_info(info, times_s[~repeated]), dropped_frames=info.dropped_frames, repeated_frames=n
    )


def find_repeats(changes: Float[np.ndarray, " time"], kinds: np.ndarray) -> Bool[np.ndarray, " time"]:
    """Frames that equal the previous one, or nearly so.

    Args:
        changes: change of each frame from the previous one; inf where they cannot be compared. Unit: grey
            levels.
        kinds: types of the encoded pictures: "I", "P", "B" or "".
    """
    same = changes == 0
    if len(changes) < 2 * AROUND:
        return same
    finite = np.where(np.isfinite(changes), changes, changes[np.isfinite(changes)].max(initial=0.0))
    new = np.percentile(_around(finite), NEW_PERCENTILE, axis=1)
    usual = float(np.median(new))
    if predicted := bool(np.isin(kinds, ("P", "B")).any()):
        if usual < CODEC_CHANGE:
            return np.zeros(len(changes), bool)
        same = _long_runs(same)
    found = same | _long_runs(finite < min(FROZEN * usual, NEAR))
    large, small = finite > LARGE * new, (finite < np.minimum(SMALL * new, NEAR)) | (finite == 0)
    clear = (~small & ~large).mean() <= UNCLEAR
    alone = large.any() and large[1:][large[:-1]].mean() <= TOGETHER
    if clear and alone and not (predicted and _by_kind(large, kinds)):
        found = found | small
    return found


def _by_kind(large: Bool[np.ndarray, " time"], kinds: np.ndarray) -> bool:
    """Whether new pictures mostly have one type: an effect of the codec, not of the camera."""
    shares = [float(large[kinds == kind].mean()) for kind in ("P", "B") if (kinds == kind).sum() >= AROUND]
    return len(shares) == 2 and max(shares) > CODEC_RATIO * max(min(shares), 1e-9)


def staircase_repeats(skin: Float[np.ndarray, "time 3"]) -> Bool[np.ndarray, " time"]:
    """Frames with constant skin colour, if the colour changes in steps throughout the clip."""
    none = np.zeros(len(skin), bool)
    energy = (np.diff(skin, axis=0) ** 2).sum(axis=1)
    energy = energy[np.isfinite(energy)]
    if len(energy) < len(skin) - 1 or len(energy) < 2 * AROUND:
        return none
    windows = np.sort(sliding_window_view(energy, AROUND)[:: AROUND // 3], axis=1)
    held = windows[:, -STEPS:].sum(axis=1) / np.maximum(windows.sum(axis=1), 1e-12)
    if np.percentile(held, 10) < STEPS_HOLD:
        return none
    step = np.percentile(_around(energy), NEW_PERCENTILE, axis=1)
    return np.concatenate([[False], energy < SMALL**2 * step])


def _long_runs(chosen: Bool[np.ndarray, " time"]) -> Bool[np.ndarray, " time"]:
    """The chosen frames that lie in runs of FROZEN_FRAMES or more."""
    starts = np.convolve(chosen, np.ones(FROZEN_FRAMES), mode="valid") > FROZEN_FRAMES - 0.5
    return np.convolve(starts, np.ones(FROZEN_FRAMES)) > 0.5


def _around(values: Float[np.ndarray, " time"]) -> Float[np.ndarray, "time window"]:
    return sliding_window_view(np.pad(values, AROUND, mode="reflect"), 2 * AROUND + 1)
