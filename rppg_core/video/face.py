"""Which face, and where: 468 points of one face in each frame that the tracker processes.

The detector runs until a face is found. From then on, each crop comes from the previous points, and the
detector runs only every few seconds, to count faces and to find a much larger one. When the mesh network
reports no face in the crop, the detector searches again.
`face_models` finds the model files, `face_nets` runs them.

What differs from MediaPipe's graphs: the first crop is refined once from its own points, so that the first
result is as good as all later ones; the crop is a square around the bounding box of the points along the eye
line; small faces are searched in overlapping tiles. Points and centres are also written as complex
numbers x + iy.
Axis letters: L landmark.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float

from rppg_core.errors import UsageError
from rppg_core.video.face_models import resolve_models
from rppg_core.video.face_nets import (
    LEFT_CORNER,
    RIGHT_CORNER,
    SAME_FACE,
    Detection,
    Engine,
    LiteRtEngine,
    OpenCvEngine,
    overlap,
)
from rppg_core.video.frame import Frame

__all__ = ["FaceObservation", "FaceTracker", "resolve_models"]

MIN_MESH_SCORE = 0.5
CROP_SIDES = 1.5  # side of the mesh crop over the side of the face box
SEARCH_INTERVAL_S = 1.0  # between searches in tiles
COUNT_INTERVAL_S = 4.0  # between counts of the faces
SWITCH_RATIO = 1.4  # another face must be this much larger before the tracker switches to it
MAX_FACES = 6
# The detector takes an upside-down face for an upright one, with a score of 0.63 to 0.76, while the rotated
# picture gets 0.89 to 0.95 (measured on eight faces); the mesh network then fits its points upside down.
SURE_SCORE, CLEARER_BY = 0.85, 0.1
TILE_SIDES = (0.6, 0.35)  # over the shorter side of the picture
MIN_TILE = 128  # pixels; faces in smaller tiles are too small for a pulse
TILE_STEP = 0.8  # over the side of the tile


@dataclass(frozen=True)
class FaceObservation:
    """One face in one frame."""

    landmarks: Float[np.ndarray, "landmark 2"]  # 468 mesh points, in pixels of the upright picture
    score: float  # the mesh network's probability of a face, 0..1
    n_faces: int  # faces in the picture, counted every COUNT_INTERVAL_S


@dataclass(frozen=True)
class Crop:
    """A rotated square of the picture."""

    centre: complex
    side: float  # pixels
    angle: float  # radians, clockwise in the picture


@dataclass(frozen=True)
class Face:
    """A face that the mesh network confirmed."""

    landmarks: np.ndarray
    score: float
    box: Crop  # square around the points along the eye line


Square = tuple[int, int, int]  # x, y, side of an upright square, pixels; may extend beyond the picture


class FaceTracker:
    """Follow the largest face.

    Args:
        backend: "opencv" (no extra package), "litert" (package ai-edge-litert) or "mediapipe" (package
            mediapipe and its face_landmarker.task file).

    Raises:
        ModelFileError: model files are missing or wrong.
        UsageError: unknown backend, or its package is not installed.
    """

    def __init__(self, backend: str = "opencv"):
        self._engine = _engine(backend)
        self._face: Face | None = None
        self._n_faces = 0
        self._size = (0, 0)
        self._time_s = self._next_count_s = self._next_tiles_s = -np.inf

    def observe(self, frame: Frame) -> FaceObservation | None:
        """Find the face in a frame; None when there is none. Frames come in time order, at any spacing."""
        size = frame.width, frame.height
        if frame.time_s < self._time_s or size != self._size:
            self._face, self._next_count_s, self._next_tiles_s = None, -np.inf, -np.inf
        self._time_s, self._size = frame.time_s, size
        face = self._mesh(frame, self._face.box) if self._face is not None else None
        if face is None:
            face = self._search(frame)
        elif frame.time_s >= self._next_count_s:
            face = self._count(frame, face)
        self._face = face
        return FaceObservation(face.landmarks, face.score, self._n_faces) if face is not None else None

    def _search(self, frame: Frame) -> Face | None:
        """The largest face in the whole picture; if there is none, in tiles, at most once a second."""
        faces = self._confirmed(frame, _whole(frame.width, frame.height))
        if not faces and frame.time_s >= self._next_tiles_s:
            self._next_tiles_s = frame.time_s + SEARCH_INTERVAL_S
            for part in TILE_SIDES:
                faces = self._confirmed(frame, _tiles(frame.width, frame.height, part))
                if faces:
                    break
        self._n_faces = len(faces)
        self._next_count_s = frame.time_s + COUNT_INTERVAL_S
        return max(faces, key=lambda face: face.box.side, default=None)

    def _count(self, frame: Frame, followed: Face) -> Face:
        """Count faces, and switch to another one only when it is much larger than the followed one."""
        others = self._confirmed(frame, _whole(frame.width, frame.height), known=followed)
        self._n_faces = 1 + len(others)
        self._next_count_s = frame.time_s + COUNT_INTERVAL_S
        largest = max([followed, *others], key=lambda face: face.box.side)
        return largest if largest.box.side > SWITCH_RATIO * followed.box.side else followed

    def _confirmed(self, frame: Frame, squares: Iterator[Square], known: Face | None = None) -> list[Face]:
        """Faces in the squares that the mesh network confirms, without the known one."""
        detect = self._detect_either_way if known is None else self._detect
        found = [detection for square in squares for detection in detect(frame, square)]
        faces, taken = [], [known.box] if known is not None else []
        for detection in sorted(found, key=lambda face: -face.score):
            if len(faces) == MAX_FACES or _touches(detection, taken):
                continue
            first = self._mesh(frame, Crop(detection.centre, detection.side, detection.angle))
            face = self._mesh(frame, first.box) if first is not None else None
            if face is not None and not _touches(face.box, taken):
                faces.append(face)
                taken.append(face.box)
        return faces

    def _detect_either_way(self, frame: Frame, square: Square) -> list[Detection]:
        """Detections in one square, or in the square rotated by 180 degrees where those score much higher."""
        upright = self._detect(frame, square)
        best = max((detection.score for detection in upright), default=0.0)
        if not 0 < best < SURE_SCORE:  # no face at all, or one that is certainly upright
            return upright
        turned = self._detect(frame, square, upside_down=True)
        return turned if max((d.score for d in turned), default=0.0) > best + CLEARER_BY else upright

    def _detect(self, frame: Frame, square: Square, *, upside_down: bool = False) -> list[Detection]:
        """Detections in one square, in pixels of the picture."""
        x, y, side = square
        pixels = self._engine.detect_side
        picture = _square_picture(frame, square, pixels)
        found = self._engine.detect(cv2.rotate(picture, cv2.ROTATE_180) if upside_down else picture)
        scale, corner = side / pixels, complex(x, y)
        if upside_down:
            scale, corner = -scale, corner + complex(side, side)
        turn = np.pi * upside_down
        return [
            Detection(d.score, d.centre * scale + corner, d.side * abs(scale), d.angle + turn) for d in found
        ]

    def _mesh(self, frame: Frame, box: Crop) -> Face | None:
        """Mesh points of the face in and around a box; None when the network finds no face there."""
        crop = Crop(box.centre, box.side * CROP_SIDES, box.angle)
        pixels = self._engine.mesh_side
        points, score = self._engine.mesh(_turned_crop(frame, crop, pixels))
        if score < MIN_MESH_SCORE:
            return None
        local = points @ [1, 1j] / pixels - (0.5 + 0.5j)
        places = crop.centre + local * crop.side * np.exp(1j * crop.angle)
        landmarks = np.stack([places.real, places.imag], axis=1).astype(np.float32)
        return Face(landmarks, score, _box_around(places))


def _engine(backend: str) -> Engine:
    if backend == "opencv":
        return OpenCvEngine(resolve_models())
    if backend == "litert":
        return LiteRtEngine(resolve_models())
    if backend == "mediapipe":
        from rppg_core.video.face_mediapipe import MediaPipeEngine

        return MediaPipeEngine()
    raise UsageError(
        f"unknown face backend {backend!r}", wanted="opencv, litert or mediapipe", do="choose one of these"
    )


def _whole(width: int, height: int) -> Iterator[Square]:
    """One square around the picture, then squares of its shorter side, in which faces are larger."""
    side = max(width, height)
    yield (width - side) // 2, (height - side) // 2, side
    if side > 1.2 * min(width, height):
        yield from _tiles(width, height, 1.0)


def _tiles(width: int, height: int, part: float) -> Iterator[Square]:
    """Overlapping squares that cover the picture."""
    side = round(part * min(width, height))
    if side < MIN_TILE:
        return
    for y in _starts(height, side):
        for x in _starts(width, side):
            yield x, y, side


def _starts(length: int, side: int) -> list[int]:
    steps = int(np.ceil((length - side) / (TILE_STEP * side)))
    return np.linspace(0, length - side, steps + 1).round().astype(int).tolist()


def _square_picture(frame: Frame, square: Square, pixels: int) -> np.ndarray:
    """An upright square, black outside the picture."""
    x, y, side = square
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + side, frame.width), min(y + side, frame.height)
    picture = np.zeros((pixels, pixels, 3), np.float32)
    scale = pixels / side
    i, j = round((top - y) * scale), round((left - x) * scale)
    rows, columns = max(1, round((bottom - top) * scale)), max(1, round((right - left) * scale))
    picture[i : i + rows, j : j + columns] = frame.region(
        left, top, right - left, bottom - top, columns, rows
    )
    return picture


def _turned_crop(frame: Frame, crop: Crop, pixels: int) -> np.ndarray:
    """A rotated square: cut out its upright bounding box at about the right resolution, then rotate it."""
    reach = crop.side * (abs(np.cos(crop.angle)) + abs(np.sin(crop.angle)))
    shrink = max(1, int(crop.side / pixels))  # an integer, with even edges below: cheapest to cut out
    fetched = 2 * int(np.ceil((reach + 2) / (2 * shrink)))
    side = fetched * shrink
    x, y = (2 * int((edge - reach / 2) // 2) for edge in (crop.centre.real, crop.centre.imag))
    upright = frame.region(x, y, side, side, fetched, fetched)
    step = crop.side / shrink / pixels * np.exp(1j * crop.angle)  # one pixel of the crop along its row
    centre = (crop.centre - complex(x, y)) / shrink - (0.5 + 0.5j)
    start = centre + step * (0.5 + 0.5j) * (1 - pixels)
    matrix = np.array([[step.real, -step.imag, start.real], [step.imag, step.real, start.imag]])
    return cv2.warpAffine(
        upright,
        matrix,
        (pixels, pixels),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _box_around(places: np.ndarray) -> Crop:
    """The square around the points, aligned with the line between the outer eye corners."""
    angle = float(np.angle(places[RIGHT_CORNER] - places[LEFT_CORNER]))
    level = places * np.exp(-1j * angle)
    low = complex(level.real.min(), level.imag.min())
    high = complex(level.real.max(), level.imag.max())
    side = max(high.real - low.real, high.imag - low.imag)
    return Crop((low + high) / 2 * np.exp(1j * angle), float(side), angle)


def _touches(face: Detection | Crop, taken: list[Crop]) -> bool:
    """Whether a box overlaps one of the faces that are already known."""
    centres, sides = np.array([t.centre for t in taken]), np.array([t.side for t in taken])
    return bool(taken) and bool((overlap(face.centre, face.side, centres, sides) > SAME_FACE).any())
