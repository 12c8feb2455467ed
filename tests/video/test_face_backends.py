"""The backends of the tracker: which there are, and that they agree."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from rppg_core.errors import ModelFileError, UsageError
from rppg_core.video.face import FaceTracker
from rppg_core.video.reader import ArrayFrame
from tests.video.astronaut import FACE_WIDTH, look, paste, rms, wall


def test_an_unknown_backend_is_an_error_that_lists_the_known_ones():
    with pytest.raises(UsageError, match="opencv, litert or mediapipe"):
        FaceTracker("dlib")


@pytest.mark.parametrize(("backend", "module"), [("litert", "ai_edge_litert"), ("mediapipe", "mediapipe")])
def test_a_backend_that_is_not_installed_says_what_to_install(face_models, backend, module, monkeypatch):
    for name in [m for m in sys.modules if m.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match="pip install"):
        FaceTracker(backend)


def test_litert_and_opencv_agree_within_half_a_pixel(tracker, astronaut):
    if importlib.util.find_spec("ai_edge_litert") is None:
        pytest.skip("NOT RUN: ai-edge-litert is not installed")
    other = FaceTracker("litert")
    for k, picture in enumerate((astronaut, astronaut * 0.25, paste(wall(), astronaut, 500, 60, 64))):
        ours, theirs = look(tracker, picture, 5.0 * k), look(other, picture, 5.0 * k)
        assert np.abs(ours.landmarks - theirs.landmarks).max() < 0.5


def test_mediapipe_agrees_within_two_percent_of_the_face(tracker, astronaut, model_dir):
    if importlib.util.find_spec("mediapipe") is None:
        pytest.skip("NOT RUN: mediapipe is not installed")
    try:
        other = FaceTracker("mediapipe")
    except ModelFileError as error:
        pytest.skip(f"NOT RUN: {error}")
    ours, theirs = look(tracker, astronaut), look(other, astronaut)
    assert theirs.landmarks.shape == (468, 2)
    assert rms(ours.landmarks, theirs.landmarks) < 0.02 * FACE_WIDTH  # another model of the same points
    assert other.observe(ArrayFrame(9.0, wall())) is None
