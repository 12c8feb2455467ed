"""The single pass over the frames: it turns them into a FaceClip and keeps nothing else.

Real and simulated video both go through it; only the tracker differs. The tracker runs on key frames, five to
ten times a second. Each result becomes a similarity (position, size, roll) of a rigid reference face,
smoothed and interpolated in time, because landmark jitter lies in the pulse band. Until the pose of a frame
is known, the frame is held as a small working crop around the face (at most one second of crops); it is then
resampled to a face grid of 72 x 72 pixels in face coordinates. At the end of the clip, one soft skin weight
is computed from the temporal median of the grids, and every colour trace is a mean weighted by it.

What differs from published practice: roll is removed (papers crop upright boxes), colour is averaged in
floating point from the decoder's planes, and no pixel is classified frame by frame.
Axis letters: T time, L landmark, H, W.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import floor
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np

from rppg_core.errors import ClipTooShortError, NoFaceError
from rppg_core.signals.frame_times import timed_info
from rppg_core.types import NEEDS, ROIS, FaceClip, FaceInfo, Progress, VideoInfo
from rppg_core.video import roi, stmap
from rppg_core.video.background import THUMBNAIL_EVERY, THUMBNAIL_SHAPE, background_trace
from rppg_core.video.clip_notes import clip_notes
from rppg_core.video.face import FaceObservation
from rppg_core.video.film import SIDE, FaceFilm
from rppg_core.video.frame import Frame
from rppg_core.video.light import darkness_words, light_from_skin, scene_from_crop, scene_table
from rppg_core.video.pixels import UNITS, halved, one_thread, resized, spread, to_bytes, to_units
from rppg_core.video.pose import (
    FacePath,
    Pose,
    ReferenceFace,
    landmarks_between,
    motion_from_poses,
    upside_down,
)
from rppg_core.video.repeats import PictureChanges, as_the_camera_took_it

FINE_FROM = 1.6  # crop pixels per box pixel
SQUARE_WIDTHS = 1.5  # side of crop72 and crop128_raw in face widths


@runtime_checkable
class Tracker(Protocol):
    """Any object that finds the face in a frame."""

    def observe(self, frame: Frame) -> FaceObservation | None: ...


@dataclass(frozen=True)
class Waiting:
    """The working crop of a frame whose smoothed pose is not known yet."""

    time_s: float
    crop: np.ndarray  # (H, W, 3) float32 grey levels
    corner: complex  # upper left corner of the crop in the picture
    scale: float  # picture pixels per crop pixel


def extract(  # noqa: PLR0913 (each describes the source or the result)
    frames: Iterable[Frame],
    tracker: Tracker | None,
    needs: frozenset[str] = frozenset({"rgb"}),
    *,
    region: str = "face",
    info: Callable[[], VideoInfo] | None = None,
    progress: Progress | None = None,
    expected_s: float = 0.0,
    look_for_repeats: bool = True,
    film: FaceFilm | None = None,
) -> FaceClip:
    """Read the frames once and keep what `needs` names.

    Args:
        frames: in time order.
        tracker: finds the face; None only for region "whole".
        needs: names from types.NEEDS; "rgb" is always kept.
        region: "face", or "whole" (the whole picture is skin).
        info: called after the last frame; returns the measured facts of the file.
        progress: called with a text and a fraction 0..1.
        expected_s: length of the video, for the fraction. Unit: s.
        look_for_repeats: drop frames that repeat the previous picture, and even out bursts. False where the
            ground truth has one value per frame.
        film: receives small pictures of the face; region "whole" has none.

    Returns:
        A FaceClip at native (uneven) times. Where the picture size changes, the most frequent size is kept.

    Raises:
        ClipTooShortError: fewer than two frames.
        NoFaceError: no face in any frame.
    """
    unknown = needs - set(NEEDS)
    if unknown:
        raise ValueError(f"unknown needs {sorted(unknown)}; known are {NEEDS}")
    passes: dict[tuple[int, int], _Pass] = {}  # by picture size, which may change within a file
    with one_thread():
        for count, frame in enumerate(frames):
            size = frame.width, frame.height
            if size not in passes:
                passes[size] = _WholePass(needs) if region == "whole" else _FacePass(needs, tracker, film)
            passes[size].add(frame)
            if look_for_repeats:
                passes[size].pictures.add(frame)
            if progress is not None and count % 15 == 0:
                fraction = min(frame.time_s / expected_s, 1.0) if expected_s else 0.0
                progress(passes[size].words(count + 1), fraction)
    _require_frames(sum(len(one.times_s) for one in passes.values()))
    largest = max(passes.values(), key=lambda one: len(one.times_s))
    clip = largest.finish(info() if info is not None else VideoInfo())
    if len(passes) > 1:
        clip = replace(clip, video=timed_info(clip.video, clip.times_s))
    return as_the_camera_took_it(clip, largest.pictures) if look_for_repeats else clip


class _Pass(ABC):
    """The part that both regions share: times, grids, scene, and the clip built from them."""

    region = "face"

    def __init__(self, needs: frozenset[str]):
        self.needs = needs
        self.times_s: list[float] = []
        self.pictures = PictureChanges()
        self.grids: dict[int, np.ndarray] = {}
        self.squares: dict[int, np.ndarray] = {}
        self.scene: dict[int, dict[str, float]] = {}
        self.still: np.ndarray | None = None
        self.outlines: dict[str, np.ndarray] = {}

    @abstractmethod
    def add(self, frame: Frame) -> None:
        """Add one frame."""

    @abstractmethod
    def finish(self, video: VideoInfo) -> FaceClip:
        """Build the clip after the last frame."""

    def words(self, n_frames: int) -> str:
        return f"reading frame {n_frames}"

    def keep_scene(self, time_s: float, crop: np.ndarray) -> None:
        second = floor(time_s)
        if "scene" in self.needs and second not in self.scene:
            self.scene[second] = scene_from_crop(crop)

    def build(self, weights: roi.RoiWeights, **fields: Any) -> FaceClip:
        """Build the FaceClip from the stored grids, with the same weights for the whole clip."""
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
            fields["crop36"] = spread(np.stack([halved(g) for g in grids]), valid)
        if self.scene:
            fields["scene"] = scene_table(self.scene, times_s)
        return FaceClip(times_s=times_s, valid=valid, rgb=rgb, region=self.region, still=self.still,
                        still_outlines=self.outlines, **fields)  # fmt: skip


class _WholePass(_Pass):
    """The whole picture is skin."""

    region = "whole"

    def add(self, frame: Frame) -> None:
        if self.still is None:
            scale = min(1.0, 512 / max(frame.width, frame.height))
            size = (max(1, round(frame.width * scale)), max(1, round(frame.height * scale)))
            self.still = to_bytes(frame.region(0, 0, frame.width, frame.height, *size))
            self.size = frame.width, frame.height
        grid = frame.region(0, 0, frame.width, frame.height, roi.GRID, roi.GRID)
        self.keep_scene(frame.time_s, grid)
        self.grids[len(self.times_s)] = to_units(grid)
        self.times_s.append(frame.time_s)

    def finish(self, video: VideoInfo) -> FaceClip:
        _require_frames(len(self.times_s))
        skin = np.stack([self.grids[i] for i in sorted(self.grids)[::30]]) / UNITS
        face = FaceInfo(found=1.0, width_px=float(self.size[0]), skin_fraction=1.0, **light_from_skin(skin))
        boxes = np.tile([0.0, 0.0, *self.size], (len(self.times_s), 1))
        return self.build(roi.whole_weights(), video=video, face=face, boxes=boxes)


class _FacePass(_Pass):
    """A pass that follows one face."""

    def __init__(self, needs: frozenset[str], tracker: Tracker | None, film: FaceFilm | None = None):
        super().__init__(needs)
        if tracker is None:
            raise ValueError("region 'face' needs a tracker")
        self.tracker, self.film = tracker, film
        self.square = bool(needs & {"crop72", "crop128_raw"})
        self.square_side = 128 if "crop128_raw" in needs else 72
        self.path = FacePath()
        self.seen: list[tuple[float, np.ndarray]] = []  # time and landmarks of each look, if needed
        self.waiting: deque[tuple[int, Waiting]] = deque()
        self.poses: dict[int, Pose] = {}
        self.thumbnails: list[np.ndarray] = []
        self.n_faces = 0

    def add(self, frame: Frame) -> None:
        """Run the tracker when it is due, store a working crop, and release frames whose pose is settled."""
        if frame.time_s >= self.path.next_look_s - 1e-6:
            self._look(frame)
        if len(self.times_s) % THUMBNAIL_EVERY == 0:
            rows, columns = THUMBNAIL_SHAPE
            self.thumbnails.append(frame.region(0, 0, frame.width, frame.height, columns, rows))
        if self.path.last is not None:
            waiting = self._working_crop(frame, self.path.last)
            self.keep_scene(frame.time_s, waiting.crop)
            self.waiting.append((len(self.times_s), waiting))
        self.times_s.append(frame.time_s)
        self.size = frame.width, frame.height
        self._release(frame.time_s)

    def words(self, n_frames: int) -> str:
        found = (len(self.poses) + len(self.waiting)) / max(n_frames, 1)
        return f"reading frame {n_frames}, face found in {found:.0%}"

    def finish(self, video: VideoInfo) -> FaceClip:
        """Empty the queue, then compute the weights and the traces."""
        _require_frames(len(self.times_s))
        self._release(float("inf"))
        if self.path.reference is None or len(self.grids) < 2:
            raise NoFaceError(
                f"no face found in {len(self.times_s)} frames{darkness_words(self.thumbnails)}",
                wanted="a face that looks at the camera, 60 pixels wide or more, for 5 s or more",
                do="face the camera in even light and come closer, or use --region whole for a close-up of skin",
                lesson="no_face",
            )
        index = sorted(self.grids)
        sample = np.stack([self.grids[i] for i in index[:: max(1, len(index) // 48)]])
        median = np.median(sample, axis=0) / UNITS
        weights = roi.roi_weights(
            median, self.path.reference.points_in_box(roi.BOX_WIDTHS, roi.BOX_HEIGHTS, roi.GRID)
        )
        boxes = self._boxes()
        thumbnails, seen_boxes = np.stack(self.thumbnails), boxes
        if upside_down(list(self.poses.values())):
            thumbnails = thumbnails[:, ::-1, ::-1]
            seen_boxes = np.column_stack([self.size - boxes[:, :2] - boxes[:, 2:], boxes[:, 2:]])
        self.background = background_trace(thumbnails, seen_boxes, self.size, len(self.times_s))
        fields: dict[str, Any] = {"boxes": boxes, "background": self.background, "video": video}
        if "landmarks" in self.needs:
            fields["landmarks"] = self._landmarks()
        valid = np.isin(np.arange(len(self.times_s)), index)
        if self.square:
            squares = np.stack([self.squares[i] for i in index])
            if "crop128_raw" in self.needs:
                fields["crop128_raw"] = spread(squares, valid)
            if "crop72" in self.needs:
                fields["crop72"] = spread(np.stack([resized(s, 72) for s in squares]), valid)
        fields["face"] = face = self._face_info(weights, sample)
        turned = upside_down(list(self.poses.values()))
        notes = clip_notes(face, turned=turned, background=self.background is not None)
        return self.build(weights, notes=notes, **fields)

    def _look(self, frame: Frame) -> None:
        seen = self.tracker.observe(frame)
        self.path.add(frame.time_s, seen.landmarks if seen is not None else None)
        if seen is None:
            return
        self.n_faces = max(self.n_faces, seen.n_faces)
        if self.still is None:
            self._keep_still(frame, seen)
        if "landmarks" in self.needs:
            self.seen.append((frame.time_s, seen.landmarks))

    def _keep_still(self, frame: Frame, seen: FaceObservation) -> None:
        low, high = seen.landmarks.min(axis=0), seen.landmarks.max(axis=0)
        side = float(1.7 * (high - low).max())
        x, y = (low + high) / 2 - side / 2
        x, y, side = round(float(x)), round(float(y)), round(side)
        pixels = min(512, side)
        self.still = to_bytes(frame.region(x, y, side, side, pixels, pixels))
        points = (seen.landmarks - [x, y]) * (pixels / side)
        if upside_down([ReferenceFace(seen.landmarks).pose(0.0, seen.landmarks)]):
            self.still, points = np.ascontiguousarray(self.still[::-1, ::-1]), pixels - points
        self.outlines = {name: points[list(polygon)] for name, polygon in roi.OUTLINES.items()}

    def _working_crop(self, frame: Frame, pose: Pose) -> Waiting:
        tallest = max(roi.BOX_WIDTHS, roi.BOX_HEIGHTS * self._reference().aspect)
        # + 0.25: room to move while the crop waits
        margin = max(tallest, SQUARE_WIDTHS * 1.2 if self.square else 0.0) + 0.25
        side = abs(pose.turn) * margin
        # in face widths per pixel
        finest = SQUARE_WIDTHS / self.square_side if self.square else roi.BOX_WIDTHS / roi.GRID
        # with even steps and corners, chroma and luma are averaged in whole blocks: several times faster
        step = max(1, int(abs(pose.turn) * finest))
        step -= step % 2 if step > 1 else 0
        pixels = max(8, 2 * round(side / step / 2))
        side = step * pixels
        x, y = (2 * round((centre - side / 2) / 2) for centre in (pose.shift.real, pose.shift.imag))
        crop = frame.region(x, y, side, side, pixels, pixels)
        return Waiting(frame.time_s, crop, complex(x, y), float(step))

    def _release(self, now_s: float) -> None:
        """Turn waiting frames into grids once all key poses within the look-ahead are known."""
        while self.waiting:
            index, frame = self.waiting[0]
            if not self.path.settled(frame.time_s, now_s) and now_s != float("inf"):
                return
            self.waiting.popleft()
            pose = self.path.at(frame.time_s)
            if pose is None:
                continue
            self.poses[index] = pose
            height = roi.BOX_HEIGHTS * self._reference().aspect
            self.grids[index] = self._sample(frame, pose, roi.GRID, roi.BOX_WIDTHS, height)
            if self.square:
                self.squares[index] = self._sample(
                    frame, pose, self.square_side, SQUARE_WIDTHS, SQUARE_WIDTHS
                )
            if self.film is not None and self.film.wants(frame.time_s):
                self.film.add(frame.time_s, self._sample(frame, pose, SIDE, SQUARE_WIDTHS, SQUARE_WIDTHS))

    def _reference(self) -> ReferenceFace:
        assert self.path.reference is not None, "no face was seen yet"
        return self.path.reference

    def _sample(self, frame: Waiting, pose: Pose, pixels: int, width: float, height: float) -> np.ndarray:
        """Resample the working crop into a face-aligned box of width x height face widths."""
        # where the crop is much finer than the box, oversample by 2 and average: no pixel is skipped
        n = 2 * pixels if abs(pose.turn) * width / pixels / frame.scale > FINE_FROM else pixels
        column = pose.turn * (width / n) / frame.scale
        row = pose.turn * 1j * (height / n) / frame.scale
        # pixel (i, j) has its centre at (i + 1/2, j + 1/2), in the box as in the crop
        start = (pose.shift - frame.corner) / frame.scale - (0.5 + 0.5j)
        start += column * (0.5 - n / 2) + row * (0.5 - n / 2)
        matrix = np.array([[column.real, row.real, start.real], [column.imag, row.imag, start.imag]])
        fine = cv2.warpAffine(frame.crop, matrix, (n, n), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                              borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
        return to_units(halved(fine) if n > pixels else fine)

    def _boxes(self) -> np.ndarray:
        boxes = np.full((len(self.times_s), 4), np.nan)
        for i, pose in self.poses.items():
            width = abs(pose.turn)
            height = width * self._reference().aspect
            boxes[i] = pose.shift.real - width / 2, pose.shift.imag - height / 2, width, height
        return boxes

    def _landmarks(self) -> np.ndarray:
        """Observed landmarks, linearly interpolated between looks."""
        index = sorted(self.grids)
        found = landmarks_between(self.seen, np.array(self.times_s)[index])
        out = np.full((len(self.times_s), *found.shape[1:]), np.nan)
        out[index] = found
        return out

    def _face_info(self, weights: roi.RoiWeights, sample: np.ndarray) -> FaceInfo:
        poses = [self.poses[i] for i in sorted(self.poses)]
        skin = sample[:, weights.skin > 0.5] / UNITS
        return FaceInfo(
            found=len(poses) / len(self.times_s),
            n_faces=self.n_faces,
            skin_fraction=weights.skin_fraction,
            skin_relaxed=weights.relaxed,
            **motion_from_poses(poses),
            **light_from_skin(skin),
        )


def _require_frames(n: int) -> None:
    if n < 2:
        raise ClipTooShortError(
            f"the video has {n} frame{'s' if n != 1 else ''}", wanted="at least 5 s of frames",
            do="record a longer clip; 30 s is best", lesson="too_short",
        )  # fmt: skip
