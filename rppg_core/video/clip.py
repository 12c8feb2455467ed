"""The one pass: frames in, a FaceClip out, nothing else kept.

Floor 2. Real and simulated video come through here alike; only the tracker differs. The tracker is asked on key
frames, five to ten times a second. Each answer becomes a similarity (position, size, roll) of a rigid reference
face, smoothed and interpolated in time, because landmark jitter lies in the pulse band. Frames wait for that as
small working crops of the face's neighbourhood, at most a second of them, then become a face grid of 72 x 72
pixels in face coordinates. When the clip is over, one soft skin weight is drawn from the grids' temporal median,
and every colour trace is a weighted mean with it.

What differs from published practice: roll is removed (papers crop upright boxes), colour is averaged in floating
point from the decoder's planes, and no pixel is ever classified frame by frame.
Axis letters: T time, L landmark, H, W.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from jaxtyping import Float

from rppg_core.errors import ClipTooShortError, NoFaceError
from rppg_core.types import NEEDS, ROIS, FaceClip, FaceInfo, VideoInfo
from rppg_core.video import roi, stmap
from rppg_core.video.face import FaceObservation
from rppg_core.video.inspect import scene_of
from rppg_core.video.mesh_points import FACE_OVAL, LEFT_EYE, RIGHT_EYE
from rppg_core.video.reader import Frame

Progress = Callable[[str, float], None]

KEY_INTERVAL_S = 0.2  # between two looks of the tracker while the face is still
KEY_INTERVAL_MOVING_S = 0.1  # while it moves
MOVING_WIDTHS_PER_S = 0.15
SMOOTHING_S = 0.12  # standard deviation of the Gaussian over key poses
LOOK_AHEAD_S = 0.36  # three standard deviations
SEARCH_INTERVAL_S = 0.5  # between two looks while there is no face
CROP_SIDE = 160  # pixels of the working crop
BACKGROUND_SHAPE = (18, 32)  # cells of the thumbnail that the background control comes from
SQUARE_WIDTHS = 1.5  # side of crop72 and crop128_raw in face widths
UNITS = 256  # stored units a grey level


class Tracker(Protocol):
    """Anything that finds the face in a frame."""

    def observe(self, frame: Frame) -> FaceObservation | None: ...


@dataclass(frozen=True)
class Pose:
    """A similarity from reference-face coordinates to the picture, as complex numbers: z -> turn * z + shift."""

    time_s: float
    turn: complex  # pixels a face width, times roll
    shift: complex  # centre of the face box, pixels


@dataclass(frozen=True)
class Waiting:
    """A frame that waits for its smoothed pose."""

    time_s: float
    crop: np.ndarray  # (H, W, 3) uint16, 1/256 grey level
    corner: complex  # upper left of the crop in the picture
    scale: float  # picture pixels a crop pixel


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

    def grid_landmarks(self) -> Float[np.ndarray, "landmark 2"]:
        """The reference points in pixels of the face grid."""
        x = (self.points.real / roi.BOX_WIDTHS + 0.5) * roi.GRID
        y = (self.points.imag / (roi.BOX_HEIGHTS * self.aspect) + 0.5) * roi.GRID
        return np.stack([x, y], axis=1)


def extract(
    frames: Iterable[Frame],
    tracker: Tracker | None,
    needs: frozenset[str] = frozenset({"rgb"}),
    *,
    region: str = "face",
    info: Callable[[], VideoInfo] | None = None,
    progress: Progress | None = None,
    expected_s: float = 0.0,
) -> FaceClip:
    """Read frames once and keep what `needs` asks for.

    Args:
        frames: in order of time.
        tracker: finds the face; None only for region "whole".
        needs: names out of types.NEEDS; "rgb" is always taken.
        region: "face", or "whole" (the whole picture is skin).
        info: called after the last frame for the measured facts of the file.
        progress: called with a text and a fraction.
        expected_s: length of the video, for the fraction. Unit: s.

    Returns:
        A native FaceClip (uneven times).

    Raises:
        ClipTooShortError: fewer than two frames.
        NoFaceError: no face in any frame.
    """
    unknown = needs - set(NEEDS)
    if unknown:
        raise ValueError(f"unknown needs {sorted(unknown)}; known are {NEEDS}")
    one_pass = _WholePass(needs) if region == "whole" else _FacePass(needs, tracker)
    for count, frame in enumerate(frames):
        one_pass.add(frame)
        if progress is not None and count % 15 == 0:
            fraction = min(frame.time_s / expected_s, 1.0) if expected_s else 0.0
            progress(one_pass.words(count + 1), fraction)
    return one_pass.finish(info() if info is not None else VideoInfo())


class _Pass:
    """What both regions share: times, grids, scene, and the clip made of them."""

    region = "face"

    def __init__(self, needs: frozenset[str]):
        self.needs = needs
        self.times_s: list[float] = []
        self.grids: dict[int, np.ndarray] = {}
        self.squares: dict[int, np.ndarray] = {}
        self.scene: dict[int, dict[str, float]] = {}
        self.still: np.ndarray | None = None
        self.outlines: dict[str, np.ndarray] = {}

    def add(self, frame: Frame) -> None:
        raise NotImplementedError

    def words(self, n_frames: int) -> str:
        return f"reading frame {n_frames}"

    def keep_scene(self, time_s: float, crop: np.ndarray) -> None:
        second = int(time_s)
        if "scene" in self.needs and second not in self.scene:
            self.scene[second] = scene_of(crop.astype(np.float32) / UNITS)

    def build(self, weights: roi.RoiWeights, **fields: Any) -> FaceClip:
        """The FaceClip from the kept grids and one weight for the whole clip."""
        times_s = np.array(self.times_s)
        valid = np.zeros(len(times_s), bool)
        index = np.array(sorted(self.grids))
        valid[index] = True
        grids = np.stack([self.grids[i] for i in index])
        self.grids.clear()
        rgb = np.full((len(times_s), len(ROIS), 3), np.nan)
        rgb[valid] = roi.weighted_means(grids, weights.rois)
        if "stmap" in self.needs:
            cells = stmap.cell_weights(weights.skin)
            share = stmap.skin_share(cells)
            maps = np.full((len(times_s), len(cells), 3), np.nan)
            maps[valid] = stmap.fill_empty_cells(roi.weighted_means(grids, cells), share, rgb[valid][:, 0])
            fields |= {"stmap": maps, "stmap_weight": share}
        if "crop36" in self.needs:
            fields["crop36"] = _spread(np.stack([_half(g) for g in grids]), valid)
        if self.scene:
            fields["scene"] = _scene_table(self.scene)
        return FaceClip(times_s=times_s, valid=valid, rgb=rgb, region=self.region, still=self.still,
                        still_outlines=self.outlines, **fields)  # fmt: skip


class _WholePass(_Pass):
    """The whole picture is skin."""

    region = "whole"

    def add(self, frame: Frame) -> None:
        if self.still is None:
            scale = min(1.0, 512 / max(frame.width, frame.height))
            size = (max(1, round(frame.width * scale)), max(1, round(frame.height * scale)))
            self.still = _bytes(frame.region(0, 0, frame.width, frame.height, *size))
            self.size = frame.width, frame.height
        grid = _stored(frame.region(0, 0, frame.width, frame.height, roi.GRID, roi.GRID))
        self.keep_scene(frame.time_s, grid)
        self.grids[len(self.times_s)] = grid
        self.times_s.append(frame.time_s)

    def finish(self, video: VideoInfo) -> FaceClip:
        _require_frames(len(self.times_s))
        skin = np.stack([self.grids[i] for i in sorted(self.grids)[::30]]) / UNITS
        face = FaceInfo(found=1.0, width_px=float(self.size[0]), skin_fraction=1.0,
                        brightness=float(skin.mean()), clipped_percent=_clipped_percent(skin))  # fmt: skip
        boxes = np.tile([0.0, 0.0, *self.size], (len(self.times_s), 1))
        return self.build(roi.whole_weights(), video=video, face=face, boxes=boxes)


class _FacePass(_Pass):
    """Follow one face."""

    def __init__(self, needs: frozenset[str], tracker: Tracker | None):
        super().__init__(needs)
        if tracker is None:
            raise ValueError("region 'face' needs a tracker")
        self.tracker = tracker
        self.square = bool(needs & {"crop72", "crop128_raw"})
        self.square_side = 128 if "crop128_raw" in needs else 72
        self.reference: ReferenceFace | None = None
        self.keys: list[Pose | None] = []
        self.key_times_s: list[float] = []
        self.key_landmarks: list[np.ndarray] = []
        self.waiting: deque[tuple[int, Waiting]] = deque()
        self.poses: dict[int, Pose] = {}
        self.thumbnails: list[np.ndarray] = []
        self.next_key_s = 0.0
        self.n_faces = 0

    def add(self, frame: Frame) -> None:
        """Look, if it is time to; store a working crop; release the frames whose pose is settled."""
        if frame.time_s >= self.next_key_s - 1e-6:
            self._look(frame)
        thumbnail = frame.region(0, 0, frame.width, frame.height, BACKGROUND_SHAPE[1], BACKGROUND_SHAPE[0])
        self.thumbnails.append(_stored(thumbnail))
        if self.keys and self.keys[-1] is not None:
            waiting = self._working_crop(frame, self.keys[-1])
            self.keep_scene(frame.time_s, waiting.crop)
            self.waiting.append((len(self.times_s), waiting))
        self.times_s.append(frame.time_s)
        self.size = frame.width, frame.height
        self._release(frame.time_s)

    def words(self, n_frames: int) -> str:
        found = (len(self.poses) + len(self.waiting)) / max(n_frames, 1)
        return f"reading frame {n_frames}, face found in {found:.0%}"

    def finish(self, video: VideoInfo) -> FaceClip:
        """Flush the queue, then draw the weights and the traces."""
        _require_frames(len(self.times_s))
        self._release(float("inf"))
        if self.reference is None or len(self.grids) < 2:
            raise NoFaceError(
                f"no face found in {len(self.times_s)} frames",
                wanted="a face that looks at the camera, at least 64 pixels wide, for 5 s or more",
                do="face the camera in even light and come closer, or use --region whole for a close-up of skin",
                lesson="no_face",
            )
        index = sorted(self.grids)
        sample = np.stack([self.grids[i] for i in index[:: max(1, len(index) // 48)]])
        median = np.median(sample, axis=0) / UNITS
        weights = roi.roi_weights(median, self.reference.grid_landmarks())
        self.background = self._background()
        fields: dict[str, Any] = {"boxes": self._boxes(), "background": self.background, "video": video}
        if "landmarks" in self.needs:
            fields["landmarks"] = self._landmarks()
        valid = np.isin(np.arange(len(self.times_s)), index)
        if self.square:
            squares = np.stack([self.squares[i] for i in index])
            if "crop128_raw" in self.needs:
                fields["crop128_raw"] = _spread(squares, valid)
            if "crop72" in self.needs:
                fields["crop72"] = _spread(np.stack([_resize(s, 72) for s in squares]), valid)
        fields["face"] = self._face_info(weights, sample)
        return self.build(weights, notes=self._notes(weights), **fields)

    # --- following -------------------------------------------------------------------------------------------

    def _look(self, frame: Frame) -> None:
        seen = self.tracker.observe(frame)
        self.key_times_s.append(frame.time_s)
        if seen is None:
            self.keys.append(None)
            self.next_key_s = frame.time_s + (SEARCH_INTERVAL_S if self.reference is None else KEY_INTERVAL_S)
            return
        self.n_faces = max(self.n_faces, seen.n_faces)
        if self.reference is None:
            self.reference = ReferenceFace(seen.landmarks)
            self._keep_still(frame, seen)
        pose = self.reference.pose(frame.time_s, seen.landmarks)
        last = self.keys[-1] if self.keys else None
        moving = last is None or abs(pose.shift - last.shift) > (
            MOVING_WIDTHS_PER_S * abs(pose.turn) * (pose.time_s - last.time_s)
        )
        self.keys.append(pose)
        if "landmarks" in self.needs:
            self.key_landmarks.append(seen.landmarks)
        self.next_key_s = frame.time_s + (KEY_INTERVAL_MOVING_S if moving else KEY_INTERVAL_S)

    def _keep_still(self, frame: Frame, seen: FaceObservation) -> None:
        low, high = seen.landmarks.min(axis=0), seen.landmarks.max(axis=0)
        side = float(1.7 * (high - low).max())
        x, y = (low + high) / 2 - side / 2
        x, y, side = round(float(x)), round(float(y)), round(side)
        pixels = min(512, side)
        self.still = _bytes(frame.region(x, y, side, side, pixels, pixels))
        points = (seen.landmarks - [x, y]) * (pixels / side)
        self.outlines = {name: points[list(polygon)] for name, polygon in roi.OUTLINES.items()}

    def _working_crop(self, frame: Frame, pose: Pose) -> Waiting:
        assert self.reference is not None
        tallest = max(roi.BOX_WIDTHS, roi.BOX_HEIGHTS * self.reference.aspect)
        margin = max(tallest, SQUARE_WIDTHS * 1.2 if self.square else 0.0) + 0.35  # room to move within the wait
        side = max(8, round(abs(pose.turn) * margin))
        pixels = min(256 if self.square else CROP_SIDE, side)
        x, y = round(pose.shift.real - side / 2), round(pose.shift.imag - side / 2)
        crop = frame.region(x, y, side, side, pixels, pixels)
        return Waiting(frame.time_s, _stored(crop), complex(x, y), side / pixels)

    def _release(self, now_s: float) -> None:
        """Turn waiting frames into grids once every key pose within the look-ahead is known."""
        while self.waiting:
            index, frame = self.waiting[0]
            after = np.searchsorted(self.key_times_s, frame.time_s, side="left")
            settled = after < len(self.keys) and now_s >= self.key_times_s[after] + LOOK_AHEAD_S
            if not settled and now_s != float("inf"):
                return
            self.waiting.popleft()
            pose = self._pose_at(frame.time_s)
            if pose is not None:
                self.poses[index] = pose
                self.grids[index] = self._sample(frame, pose, roi.GRID, roi.BOX_WIDTHS,
                                                 roi.BOX_HEIGHTS * self.reference.aspect)  # fmt: skip
                if self.square:
                    self.squares[index] = self._sample(frame, pose, self.square_side, SQUARE_WIDTHS, SQUARE_WIDTHS)

    def _pose_at(self, time_s: float) -> Pose | None:
        """Smoothed key poses, linearly interpolated; None where the face is lost on either side."""
        after = int(np.searchsorted(self.key_times_s, time_s - 1e-9, side="left"))
        if after >= len(self.keys):
            after = len(self.keys) - 1  # the tail after the last look
        before = after if self.key_times_s[after] <= time_s + 1e-9 else after - 1
        ends = [self._smoothed(k) for k in (before, after)]
        if ends[0] is None or ends[1] is None:
            return None
        span = self.key_times_s[after] - self.key_times_s[before]
        part = (time_s - self.key_times_s[before]) / span if span > 0 else 0.0
        return Pose(
            time_s,
            ends[0].turn + part * (ends[1].turn - ends[0].turn),
            ends[0].shift + part * (ends[1].shift - ends[0].shift),
        )

    def _smoothed(self, k: int) -> Pose | None:
        centre = self.keys[k]
        if centre is None:
            return None
        total, turn, shift = 0.0, 0j, 0j
        for step in (-1, 1):
            j = k if step == 1 else k - 1
            while 0 <= j < len(self.keys):
                pose = self.keys[j]
                if pose is None or abs(pose.time_s - centre.time_s) > LOOK_AHEAD_S:
                    break
                weight = float(np.exp(-0.5 * ((pose.time_s - centre.time_s) / SMOOTHING_S) ** 2))
                total, turn, shift = total + weight, turn + weight * pose.turn, shift + weight * pose.shift
                j += step
        return Pose(centre.time_s, turn / total, shift / total)

    def _sample(self, frame: Waiting, pose: Pose, pixels: int, width: float, height: float) -> np.ndarray:
        """Resample the working crop into a face-aligned box of width x height face widths."""
        n = 2 * pixels  # twice as fine, then averaged: no pixel of the crop is skipped
        column = pose.turn * (width / n) / frame.scale
        row = pose.turn * 1j * (height / n) / frame.scale
        # pixel (i, j) of the box has its centre at (i + 1/2, j + 1/2); the crop likewise
        start = (pose.shift - frame.corner) / frame.scale - (0.5 + 0.5j)
        start += column * (0.5 - n / 2) + row * (0.5 - n / 2)
        matrix = np.array([[column.real, row.real, start.real], [column.imag, row.imag, start.imag]])
        fine = cv2.warpAffine(frame.crop, matrix, (n, n), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                              borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
        return _half(fine)

    # --- what the clip says about itself ---------------------------------------------------------------------

    def _boxes(self) -> np.ndarray:
        assert self.reference is not None
        boxes = np.full((len(self.times_s), 4), np.nan)
        for i, pose in self.poses.items():
            width = abs(pose.turn)
            height = width * self.reference.aspect
            boxes[i] = pose.shift.real - width / 2, pose.shift.imag - height / 2, width, height
        return boxes

    def _landmarks(self) -> np.ndarray:
        """Observed landmarks, linearly interpolated between looks."""
        times_s = [t for t, key in zip(self.key_times_s, self.keys, strict=True) if key is not None]
        seen = np.stack(self.key_landmarks).reshape(len(times_s), -1)
        index = sorted(self.grids)
        at = np.array(self.times_s)[index]
        k = np.clip(np.searchsorted(times_s, at, side="right") - 1, 0, max(len(times_s) - 2, 0))
        after = np.minimum(k + 1, len(times_s) - 1)
        span = np.maximum(np.array(times_s)[after] - np.array(times_s)[k], 1e-9)
        part = np.clip((at - np.array(times_s)[k]) / span, 0, 1)[:, None]
        out = np.full((len(self.times_s), seen.shape[1] // 2, 2), np.nan)
        out[index] = (seen[k] * (1 - part) + seen[after] * part).reshape(len(at), -1, 2)
        return out

    def _background(self) -> np.ndarray | None:
        """Mean colour of the picture's cells that the head and body never touch, as large as the face at most."""
        rows, columns = BACKGROUND_SHAPE
        boxes = self._boxes()
        boxes = boxes[np.isfinite(boxes[:, 0])]
        width, height = self.size
        centre_x = (np.arange(columns) + 0.5) / columns * width
        centre_y = (np.arange(rows) + 0.5) / rows * height
        left = (boxes[:, 0] - 0.35 * boxes[:, 2]).min()
        right = (boxes[:, 0] + 1.35 * boxes[:, 2]).max()
        top = (boxes[:, 1] - 0.45 * boxes[:, 3]).min()
        chin = (boxes[:, 1] + 0.9 * boxes[:, 3]).min()
        beside = (centre_x[None] < left) | (centre_x[None] > right)
        free = (beside & (centre_y[:, None] < chin)) | (centre_y[:, None] < top) & np.ones((rows, columns), bool)
        needed = max(4, int(0.1 * np.median(boxes[:, 2] * boxes[:, 3]) / (width * height) * rows * columns))
        if free.sum() < needed:
            return None
        cells = np.stack(self.thumbnails)[:, free]
        return cells.mean(axis=1) / UNITS

    def _face_info(self, weights: roi.RoiWeights, sample: np.ndarray) -> FaceInfo:
        order = sorted(self.poses)
        shift = np.array([self.poses[i].shift for i in order])
        width = float(np.median([abs(self.poses[i].turn) for i in order]))
        times_s = np.array(self.times_s)[order]
        speed = np.abs(np.diff(shift)) / np.maximum(np.diff(times_s), 1e-3) / width
        skin = sample[:, weights.skin > 0.5] / UNITS
        return FaceInfo(
            found=len(order) / len(self.times_s),
            n_faces=self.n_faces,
            width_px=width,
            motion_percent=float(100 * np.median(speed)) if len(speed) else 0.0,
            skin_fraction=weights.skin_fraction,
            skin_relaxed=weights.relaxed,
            brightness=float(skin.mean()) if skin.size else 0.0,
            clipped_percent=_clipped_percent(skin),
        )

    def _notes(self, weights: roi.RoiWeights) -> tuple[str, ...]:
        notes = []
        if self.n_faces > 1:
            notes.append(f"{self.n_faces} faces seen; the largest one was followed.")
        if weights.relaxed:
            notes.append("Uneven light or colour: the skin weight was relaxed to keep 40 % of the face.")
        if self.background is None:
            notes.append("No background beside the face: the control is the clip shuffled in 0.5 s blocks.")
        return tuple(notes)


def _require_frames(n: int) -> None:
    if n < 2:
        raise ClipTooShortError(
            f"the video has {n} frame{'s' if n != 1 else ''}", wanted="at least 5 s of frames",
            do="record a longer clip; 30 s is best", lesson="too_short",
        )  # fmt: skip


def _stored(rgb: np.ndarray) -> np.ndarray:
    return np.clip(rgb * UNITS + 0.5, 0, 65535).astype(np.uint16)


def _bytes(rgb: np.ndarray) -> np.ndarray:
    return np.clip(np.round(rgb), 0, 255).astype(np.uint8)


def _half(picture: np.ndarray) -> np.ndarray:
    return _resize(picture, picture.shape[0] // 2)


def _resize(picture: np.ndarray, side: int) -> np.ndarray:
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)


def _spread(rows: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Rows of the valid frames at their places, zeros elsewhere; on disk above 200 MB."""
    out = _room((len(valid), *rows.shape[1:]))
    out[valid] = rows
    return out


def _room(shape: tuple[int, ...]) -> np.ndarray:
    if np.prod(shape) * 2 <= 200e6:
        return np.zeros(shape, np.uint16)
    import tempfile

    return np.memmap(tempfile.TemporaryFile(), np.uint16, "w+", shape=shape)  # gone when the array goes


def _scene_table(scene: dict[int, dict[str, float]]) -> dict[str, np.ndarray]:
    seconds = sorted(scene)
    return {name: np.array([scene[s][name] for s in seconds]) for name in scene[seconds[0]]}


def _clipped_percent(skin: np.ndarray) -> float:
    if not skin.size:
        return 0.0
    return float(100 * ((skin >= 250).any(axis=-1) | (skin <= 5).all(axis=-1)).mean())
