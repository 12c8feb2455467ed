"""The optional MediaPipe backend: the current FaceLandmarker in place of both networks.

It needs the extra `mediapipe` and the model file face_landmarker.task in RPPG_MODEL_DIR or in the cache. That
model has 478 points; the first 468 are those of Face Mesh, the others belong to the irises. It detects faces
itself and returns no probability, so a crop with a face scores 1.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rppg_core.errors import ModelFileError, UsageError
from rppg_core.video.face_models import ModelFile, cache_folder, find_model
from rppg_core.video.face_nets import LEFT_CORNER, N_POINTS, RIGHT_CORNER, Detection

# The published float16 version 1. Bundles assembled from other models load without an error but give points
# that are tens of pixels off, so only this content is accepted.
TASK = ModelFile(
    "face_landmarker.task", "", "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
)
MAX_FACES = 6


class MediaPipeEngine:
    """MediaPipe Tasks FaceLandmarker on still pictures."""

    detect_side = 192  # finds faces as small as with the other backends
    mesh_side = 256

    def __init__(self) -> None:
        try:
            import mediapipe  # pyright: ignore[reportMissingImports]
            from mediapipe.tasks.python import (  # pyright: ignore[reportMissingImports]
                BaseOptions,
                vision,
            )
        except (ImportError, OSError) as error:  # OSError: a graphics library is missing on the system
            raise UsageError(
                f"face backend 'mediapipe', but it cannot be imported ({error})",
                wanted="the package mediapipe 1.0 or newer and the system's libEGL and libGLESv2",
                do="pip install 'rppg-lab[mediapipe]', or use the default backend 'opencv'",
            ) from error
        path = find_model(TASK)
        if path is None:
            raise ModelFileError(
                f"{TASK.name} found neither in RPPG_MODEL_DIR nor in {cache_folder()}",
                wanted="MediaPipe's published face landmarker bundle (float16, version 1)",
                do="download it from the Face Landmarker page of the MediaPipe documentation and put it there",
            )
        self._mediapipe = mediapipe
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(path)), num_faces=MAX_FACES
        )
        self._landmarker = vision.FaceLandmarker.create_from_options(options)

    def detect(self, square: Float[np.ndarray, "side side 3"]) -> list[Detection]:
        """Faces, as squares around their points."""
        return [_detection(points) for points in self._points(square)]

    def mesh(self, crop: Float[np.ndarray, "side side 3"]) -> tuple[Float[np.ndarray, "468 2"], float]:
        """Points of the largest face in the crop."""
        faces = self._points(crop)
        if not faces:
            return np.zeros((N_POINTS, 2)), 0.0
        return max(faces, key=lambda points: float(np.ptp(points, axis=0).max())), 1.0

    def _points(self, picture: np.ndarray) -> list[np.ndarray]:
        pixels = np.clip(np.round(picture), 0, 255).astype(np.uint8)
        image = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=pixels)
        faces = self._landmarker.detect(image).face_landmarks
        return [np.array([[p.x, p.y] for p in face[:N_POINTS]]) * len(picture) for face in faces]


def _detection(points: np.ndarray) -> Detection:
    low, high = points.min(axis=0), points.max(axis=0)
    along = points[RIGHT_CORNER] - points[LEFT_CORNER]
    centre = complex(*(low + high) / 2)
    return Detection(1.0, centre, float((high - low).max()), float(np.arctan2(along[1], along[0])))
