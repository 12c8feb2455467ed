"""Two small networks and their engines: BlazeFace (finds faces) and Face Mesh (468 points of one face).

An engine takes square RGB pictures and returns numbers; it does not depend on video. `OpenCvEngine` needs
nothing beyond OpenCV; `LiteRtEngine` runs the same two files with `ai-edge-litert`; `MediaPipeEngine` (in
face_mediapipe.py) replaces both networks with MediaPipe's current FaceLandmarker.

Source: Bazarevsky et al. 2019, BlazeFace (https://arxiv.org/abs/1907.05047): anchors and decoding;
Kartynnik et al. 2019 (https://arxiv.org/abs/1907.06724): the mesh; constants of MediaPipe's published graphs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple, Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Float

from rppg_core.errors import UsageError
from rppg_core.video.face_models import ModelPaths

N_POINTS = 468
LEFT_CORNER, RIGHT_CORNER = 33, 263  # outer eye corners, left and right in the picture
MIN_DETECTION_SCORE = 0.5
SAME_FACE = 0.3  # boxes with a larger intersection over union are one face


class Detection(NamedTuple):
    """A face in a picture: the upright square from brows to chin, and its roll."""

    score: float  # 0..1
    centre: complex  # x + iy, pixels
    side: float  # pixels
    angle: float  # radians, clockwise in the picture


@runtime_checkable
class Engine(Protocol):
    """Finds faces in a square picture, and mesh points in a face crop."""

    detect_side: int  # pixels of the picture that `detect` takes
    mesh_side: int

    def detect(self, square: Float[np.ndarray, "side side 3"]) -> list[Detection]:
        """Faces in a square picture of grey levels 0..255, best first, in pixels of that picture."""
        ...

    def mesh(self, crop: Float[np.ndarray, "side side 3"]) -> tuple[Float[np.ndarray, "468 2"], float]:
        """Mesh points in pixels of an upright face crop, and the probability of a face."""
        ...


class BlazeEngine(ABC):
    """Decoding shared by the engines that run the two .tflite files."""

    detect_side = 128
    mesh_side = 192

    @abstractmethod
    def _run_detector(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits (896,) and boxes (896, 16) of a (128, 128, 3) picture in -1..1."""

    @abstractmethod
    def _run_mesh(self, crop: np.ndarray) -> tuple[np.ndarray, float]:
        """Points (1404,) and logit of a (192, 192, 3) crop in 0..1."""

    def detect(self, square: Float[np.ndarray, "side side 3"]) -> list[Detection]:
        """Decode the anchors and merge the boxes of the same face."""
        logits, boxes = self._run_detector(square / 127.5 - 1)
        scores = _sigmoid(logits)
        likely = np.flatnonzero(scores > MIN_DETECTION_SCORE)
        scores, points = scores[likely], boxes[likely].reshape(-1, 8, 2)
        sides = points[:, 1].mean(axis=1)
        places = points @ [1, 1j]  # centre, size, six features, as complex numbers
        anchors = ANCHORS[likely] * self.detect_side
        return _merge(scores, places[:, 0] + anchors, sides, eyes=places[:, 3] - places[:, 2])

    def mesh(self, crop: Float[np.ndarray, "side side 3"]) -> tuple[Float[np.ndarray, "468 2"], float]:
        """Mesh points in pixels of the network's input; depth is dropped."""
        points, logit = self._run_mesh(crop / 255)
        return points.reshape(N_POINTS, 3)[:, :2], float(_sigmoid(np.float64(logit)))


class OpenCvEngine(BlazeEngine):
    """OpenCV's DNN module, on one thread: two cost 2.6 times the CPU time and are no faster (measured)."""

    def __init__(self, models: ModelPaths):
        self._detector, self._mesh = (
            cv2.dnn.readNetFromTFLite(
                np.fromfile(path, np.uint8)
            )  # from memory: paths may contain any character
            for path in models
        )

    def _run_detector(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits, boxes = _forward(self._detector, picture, ("classificators", "regressors"))
        return logits.reshape(-1), boxes.reshape(-1, 16)

    def _run_mesh(self, crop: np.ndarray) -> tuple[np.ndarray, float]:
        logit, points = _forward(self._mesh, crop, ("conv2d_31", "conv2d_21"))
        return points.reshape(-1), float(logit.reshape(-1)[0])


class LiteRtEngine(BlazeEngine):
    """Google's LiteRT runtime (`ai-edge-litert`), an optional package."""

    def __init__(self, models: ModelPaths):
        try:
            from ai_edge_litert.interpreter import Interpreter  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise UsageError(
                "face backend 'litert', but ai-edge-litert is not installed",
                wanted="the package ai-edge-litert",
                do="pip install ai-edge-litert, or use the default backend 'opencv'",
            ) from error
        self._detector = Interpreter(model_path=str(models.detector), num_threads=1)
        self._mesh = Interpreter(model_path=str(models.mesh), num_threads=1)
        for network in (self._detector, self._mesh):
            network.allocate_tensors()

    def _run_detector(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits, boxes = sorted(_invoke(self._detector, picture), key=np.size)
        return logits.reshape(-1), boxes.reshape(-1, 16)

    def _run_mesh(self, crop: np.ndarray) -> tuple[np.ndarray, float]:
        logit, points = sorted(_invoke(self._mesh, crop), key=np.size)
        return points.reshape(-1), float(logit.reshape(-1)[0])


def _anchors() -> np.ndarray:
    """Centres x + iy of the 16 x 16 grid twice and of the 8 x 8 grid six times, in fractions of the side."""
    grids = []
    for cells, repeats in ((16, 2), (8, 6)):
        y, x = np.mgrid[:cells, :cells]
        grids.append(np.repeat((x.ravel() + 0.5 + 1j * (y.ravel() + 0.5)) / cells, repeats))
    return np.concatenate(grids)


ANCHORS = _anchors()


def _merge(scores: np.ndarray, centres: np.ndarray, sides: np.ndarray, eyes: np.ndarray) -> list[Detection]:
    """Weighted non-maximum suppression: boxes of the same face are averaged by score, not dropped."""
    faces = []
    left = np.argsort(-scores, kind="stable")
    while len(left):
        same = (
            overlap(complex(centres[left[0]]), float(sides[left[0]]), centres[left], sides[left]) > SAME_FACE
        )
        same[0] = True
        group, left = left[same], left[~same]
        weights = scores[group] / scores[group].sum()
        faces.append(
            Detection(
                score=float(scores[group[0]]),
                centre=complex(weights @ centres[group]),
                side=float(weights @ sides[group]),
                angle=float(np.angle(weights @ eyes[group])),
            )
        )
    return faces


def overlap(centre: complex, side: float, centres: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Intersection over union of one upright square with many; centres are x + iy."""
    distance = centre - np.asarray(centres)
    shared_x = np.clip((side + sides) / 2 - np.abs(distance.real), 0, np.minimum(side, sides))
    shared_y = np.clip((side + sides) / 2 - np.abs(distance.imag), 0, np.minimum(side, sides))
    shared = shared_x * shared_y
    return shared / (side**2 + np.square(sides) - shared)


def _forward(network: Any, picture: np.ndarray, outputs: tuple[str, str]) -> list[np.ndarray]:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        network.setInput(np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32))
        if len(network.getUnconnectedOutLayersNames()) == len(outputs):
            return list(network.forward(outputs))
        return [network.forward(name) for name in outputs]  # OpenCV 5.0 lists only the last output
    finally:
        cv2.setNumThreads(threads)


def _invoke(network: Any, picture: np.ndarray) -> list[np.ndarray]:
    network.set_tensor(network.get_input_details()[0]["index"], picture[None].astype(np.float32))
    network.invoke()
    return [network.get_tensor(output["index"]) for output in network.get_output_details()]


def _sigmoid(logits: Any) -> Any:
    return 1 / (1 + np.exp(-np.clip(logits, -60, 60)))
