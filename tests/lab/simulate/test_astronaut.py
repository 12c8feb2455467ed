"""The 468 points that the simulator keeps of scikit-image's astronaut, beside what the tracker finds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from skimage import data

import rppg_core.lab.simulate
from rppg_core.video.face import FaceTracker
from rppg_core.video.reader import ArrayFrame

FILE = Path(rppg_core.lab.simulate.__file__).with_name("astronaut.json")


def measure_astronaut() -> str:
    """The content of astronaut.json, measured with the face models.

    Write it again after a change of the tracker that moves the points, from the project's root:
        PYTHONPATH=. python -c "from tests.lab.simulate.test_astronaut import *; FILE.write_text(measure_astronaut())"
    """
    seen = FaceTracker().observe(ArrayFrame(0.0, data.astronaut()))
    assert seen is not None
    points = [[round(float(x), 1), round(float(y), 1)] for x, y in seen.landmarks]
    return (
        json.dumps({"image": "skimage.data.astronaut()", "landmarks": points}, separators=(",", ":")) + "\n"
    )


@pytest.mark.usefixtures("face_models")
def test_the_stored_points_are_those_that_the_tracker_finds():
    stored = np.array(json.loads(FILE.read_text())["landmarks"])
    measured = np.array(json.loads(measure_astronaut())["landmarks"])
    assert stored.shape == (468, 2)
    assert np.sqrt(np.square(stored - measured).sum(axis=1).mean()) < 1  # pixels; the face is 94 wide
