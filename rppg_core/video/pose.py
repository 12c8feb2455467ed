"""The pose of the face in every frame: a rigid reference face, and its smoothed path between tracker looks.

The tracker looks at key frames only, each of which gives 468 points. The least-squares similarity from a
rigid reference face onto them (position, size, roll) averages their jitter, which lies in the pulse band.
Poses are smoothed over neighbouring key frames and interpolated to every frame. Points are complex
numbers, x + iy, so that a similarity is z -> turn * z + shift.
Axis letters: L landmark.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rppg_core.video.mesh_points import FACE_OVAL, LEFT_EYE, RIGHT_EYE

STEP_WIDTHS = 0.02  # the next look is due when the face may have moved by this much
KEY_INTERVALS_S = (0.1, 0.5)  # shortest and longest time between looks
SEARCH_INTERVAL_S = 0.5  # between looks before the first face
# Standard deviation of the Gaussian over key poses, for a moving and for a still face: looks at a still face
# are rare, and their errors would otherwise appear in the cells. tests/lab/simulate/test_tracker_match.py
# compares maps made with the real tracker and with known boxes.
SMOOTHING_S = (0.15, 0.33)
SMOOTHING_LOOKS = 0.66  # between these limits: share of the time between two looks
UPSIDE_DOWN = 0.75 * np.pi  # a face with a larger roll is upside down. Unit: rad
LOOK_AHEAD_S = 0.55  # the longest time between two looks plus a frame


@dataclass(frozen=True)
class Pose:
    """A similarity from reference-face coordinates to the picture."""

    time_s: float
    turn: complex  # pixels per face width, times roll
    shift: complex  # centre of the face box, pixels


class ReferenceFace:
    """The clip's rigid face: 468 points in face widths around the centre of the face box, eyes level."""

    def __init__(self, landmarks: Float[np.ndarray, "landmark 2"]):
        points = landmarks[:, 0] + 1j * landmarks[:, 1]
        eyes = points[list(RIGHT_EYE)].mean() - points[list(LEFT_EYE)].mean()
        level = points * (abs(eyes) / eyes)
        oval = level[list(FACE_OVAL)]
        low = complex(oval.real.min(), oval.imag.min())
        high = complex(oval.real.max(), oval.imag.max())
        self.aspect = (high.imag - low.imag) / (high.real - low.real)
        self.points = (level - (low + high) / 2) / (high.real - low.real)

    def pose(self, time_s: float, landmarks: Float[np.ndarray, "landmark 2"]) -> Pose:
        """Least-squares similarity onto observed landmarks (complex Procrustes)."""
        seen = landmarks[:, 0] + 1j * landmarks[:, 1]
        mean_seen, mean_points = seen.mean(), self.points.mean()
        centred = self.points - mean_points
        turn = complex(np.vdot(centred, seen - mean_seen) / np.vdot(centred, centred).real)
        return Pose(time_s, turn, complex(mean_seen - turn * mean_points))

    def points_in_box(
        self, box_widths: float, box_heights: float, pixels: int
    ) -> Float[np.ndarray, "landmark 2"]:
        """The reference points in pixels of a face-aligned box; its size is in face widths and heights."""
        x = (self.points.real / box_widths + 0.5) * pixels
        y = (self.points.imag / (box_heights * self.aspect) + 0.5) * pixels
        return np.stack([x, y], axis=1)


def upside_down(poses: Sequence[Pose]) -> bool:
    """Whether the face is upside down in most of the poses."""
    return bool(poses) and float(np.median([abs(np.angle(pose.turn)) for pose in poses])) > UPSIDE_DOWN


def landmarks_between(
    looks: Sequence[tuple[float, np.ndarray]], at_s: Float[np.ndarray, " time"]
) -> Float[np.ndarray, "time landmark 2"]:
    """Landmarks at any times: linear between looks, constant before the first and after the last.

    Args:
        looks: time in s and landmarks of each look, in time order.
        at_s: times of the result. Unit: s.
    """
    times_s = np.array([time_s for time_s, _ in looks])
    seen = np.stack([landmarks for _, landmarks in looks]).reshape(len(looks), -1)
    k = np.clip(np.searchsorted(times_s, at_s, side="right") - 1, 0, max(len(times_s) - 2, 0))
    after = np.minimum(k + 1, len(times_s) - 1)
    span = np.maximum(times_s[after] - times_s[k], 1e-9)
    part = np.clip((at_s - times_s[k]) / span, 0, 1)[:, None]
    return (seen[k] * (1 - part) + seen[after] * part).reshape(len(at_s), -1, 2)


class FacePath:
    """The looks of the tracker so far, and the pose of the face at any time between them."""

    def __init__(self) -> None:
        self.reference: ReferenceFace | None = None
        self.times_s: list[float] = []
        self.poses: list[Pose | None] = []  # None: a look that found no face
        self.next_look_s = 0.0
        self._kept: dict[int, Pose] = {}

    @property
    def last(self) -> Pose | None:
        """Pose of the latest look; None when it found no face."""
        return self.poses[-1] if self.poses else None

    def add(self, time_s: float, landmarks: Float[np.ndarray, "landmark 2"] | None) -> None:
        """Add one look, and set the time of the next: sooner while the face moves."""
        last = self.last
        self.times_s.append(time_s)
        if landmarks is None:
            self.poses.append(None)
            self.next_look_s = time_s + (
                SEARCH_INTERVAL_S if self.reference is None else KEY_INTERVALS_S[1] / 2
            )
            return
        if self.reference is None:
            self.reference = ReferenceFace(landmarks)
        pose = self.reference.pose(time_s, landmarks)
        self.poses.append(pose)
        speed = (
            1e9 if last is None else abs(pose.shift - last.shift) / abs(pose.turn) / (time_s - last.time_s)
        )
        self.next_look_s = time_s + float(np.clip(STEP_WIDTHS / max(speed, 1e-9), *KEY_INTERVALS_S))

    def settled(self, time_s: float, now_s: float) -> bool:
        """Whether at `now_s` all looks that affect the pose at `time_s` have been added."""
        after = bisect_left(self.times_s, time_s - 1e-9)
        return after < len(self.times_s) and now_s >= self.times_s[after] + LOOK_AHEAD_S

    def at(self, time_s: float) -> Pose | None:
        """Smoothed looks, linearly interpolated; None where the face is lost on either side."""
        # min: frames after the last look
        after = min(bisect_left(self.times_s, time_s - 1e-9), len(self.times_s) - 1)
        before = after if self.times_s[after] <= time_s + 1e-9 else after - 1
        start, end = self._smoothed(before), self._smoothed(after)
        if start is None or end is None:
            return None
        span_s = self.times_s[after] - self.times_s[before]
        part = (time_s - self.times_s[before]) / span_s if span_s > 0 else 0.0
        return Pose(
            time_s,
            start.turn + part * (end.turn - start.turn),
            start.shift + part * (end.shift - start.shift),
        )

    def _smoothed(self, k: int) -> Pose | None:
        """Gaussian mean of the poses around look k, bounded by looks without a face; cached when final."""
        if k in self._kept:
            return self._kept[k]
        centre = self.poses[k]
        if centre is None:
            return None
        near = [centre, *self._neighbours(k, -1), *self._neighbours(k, 1)]
        apart_s = np.array([p.time_s - centre.time_s for p in near])
        spacing_s = np.abs(apart_s[1:]).min() if len(near) > 1 else 0.0
        spread_s = np.clip(SMOOTHING_LOOKS * spacing_s, *SMOOTHING_S)
        weights = np.exp(-0.5 * (apart_s / spread_s) ** 2)
        weights /= weights.sum()
        turn = complex(np.dot(weights, [p.turn for p in near]))
        smooth = Pose(centre.time_s, turn, complex(np.dot(weights, [p.shift for p in near])))
        if self.times_s[-1] > centre.time_s + LOOK_AHEAD_S:
            self._kept[k] = smooth
        return smooth

    def _neighbours(self, k: int, step: int) -> list[Pose]:
        near, j = [], k + step
        while 0 <= j < len(self.poses):
            pose = self.poses[j]
            if pose is None or abs(pose.time_s - self.times_s[k]) > LOOK_AHEAD_S:
                break
            near.append(pose)
            j += step
        return near


def motion_from_poses(poses: Sequence[Pose]) -> dict[str, float]:
    """How large the face is and how fast it moves.

    Args:
        poses: in time order, at least one.

    Returns:
        The fields `width_px` and `motion_percent` of FaceInfo: medians over the poses.
    """
    width = float(np.median([abs(pose.turn) for pose in poses]))
    steps_s = np.maximum(np.diff([pose.time_s for pose in poses]), 1e-3)
    speed = np.abs(np.diff([pose.shift for pose in poses])) / steps_s / width
    return {"width_px": width, "motion_percent": float(100 * np.median(speed)) if len(speed) else 0.0}
