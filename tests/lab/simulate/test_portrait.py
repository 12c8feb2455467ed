"""A photo as the face of the simulator: found by the tracker, or refused."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.errors import NoFaceError, VideoError
from rppg_core.lab.simulate.portrait import load_portrait


def test_photo_that_is_missing_or_no_picture_is_refused(tmp_path):
    with pytest.raises(VideoError):
        load_portrait(str(tmp_path / "none.png"))
    text = tmp_path / "text.png"
    text.write_text("not a picture")
    with pytest.raises(VideoError):
        load_portrait(str(text))


def test_photo_of_ones_own_is_shown_to_the_real_tracker(tmp_path, face_models):
    import cv2
    from skimage.data import astronaut, coffee

    cv2.imwrite(str(tmp_path / "face.png"), astronaut()[..., ::-1])
    own, stored = load_portrait(str(tmp_path / "face.png")), load_portrait()
    assert np.abs(own.landmarks - stored.landmarks).max() < 2.0
    cv2.imwrite(str(tmp_path / "coffee.png"), coffee()[..., ::-1])
    with pytest.raises(NoFaceError):
        load_portrait(str(tmp_path / "coffee.png"))
