"""The tracker on scikit-image's astronaut, moved, turned, darkened and doubled."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from rppg_core.video import mesh_points
from rppg_core.video.face import FaceTracker
from rppg_core.video.reader import ArrayFrame, open_video
from tests.video.astronaut import FACE_WIDTH, look, paste, rms, wall

# read off the enlarged picture by eye: centres of the eyes, tip of the nose, corners of the mouth
BY_EYE = {
    "left eye": (204, 101),
    "right eye": (247, 103),
    "nose": (223, 130),
    "left": (202, 139),
    "right": (246, 142),
}


def test_points_lie_where_the_eye_sees_them(tracker, astronaut):
    points = look(tracker, astronaut).landmarks
    assert points.shape == (468, 2)
    found = {
        "left eye": points[list(mesh_points.LEFT_EYE)].mean(axis=0),
        "right eye": points[list(mesh_points.RIGHT_EYE)].mean(axis=0),
        "nose": points[1],
        "left": points[61],
        "right": points[291],
    }
    for name, place in BY_EYE.items():
        assert np.hypot(*(found[name] - place)) < 3, name  # pixels: how well a person reads it


def test_the_first_answer_is_as_good_as_the_next(tracker, astronaut):
    first = look(tracker, astronaut)
    second = look(tracker, astronaut, 0.2)
    assert rms(first.landmarks, second.landmarks) < 0.5


@pytest.mark.parametrize("degrees", [25, -25, 60])
def test_a_turned_face_has_the_same_points_turned(tracker, astronaut, degrees):
    straight = look(tracker, astronaut).landmarks
    matrix = cv2.getRotationMatrix2D((226, 130), degrees, 1)
    turned = cv2.warpAffine(astronaut, matrix, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    expected = straight @ matrix[:, :2].T + matrix[:, 2]
    assert rms(look(FaceTracker(), turned).landmarks, expected) < 0.03 * FACE_WIDTH


@pytest.mark.parametrize("light", [0.25, 0.1])
def test_a_dark_face_has_the_same_points(tracker, astronaut, light):
    bright = look(tracker, astronaut).landmarks
    assert rms(look(FaceTracker(), astronaut * light).landmarks, bright) < 2


@pytest.mark.parametrize("width", [320, 120, 64, 40])
def test_faces_of_all_sizes_are_found_in_a_wide_picture(tracker, astronaut, width):
    plain = look(tracker, astronaut).landmarks
    picture = paste(wall(), astronaut, 100, 20, width)
    expected = plain * (width / FACE_WIDTH) + np.array([100, 20])
    assert rms(look(FaceTracker(), picture).landmarks, expected) < max(0.03 * width, 1)


def test_a_face_that_is_cut_off_by_the_edge_is_found(tracker, astronaut):
    whole = look(tracker, astronaut).landmarks
    cut = look(FaceTracker(), astronaut[:, 200:]).landmarks + np.array([200, 0])
    assert rms(cut, whole) < 0.1 * FACE_WIDTH


@pytest.mark.parametrize("name", ["coffee", "chelsea", "brick", "wall", "noise", "black", "white"])
def test_no_face_is_seen_where_there_is_none(tracker, name):
    made = {
        "wall": wall(),
        "noise": np.random.default_rng(0).uniform(0, 255, (480, 640, 3)).astype(np.float32),
        "black": np.zeros((480, 640, 3), np.float32),
        "white": np.full((480, 640, 3), 255, np.float32),
    }
    picture = made[name] if name in made else getattr(data, name)()
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    assert tracker.observe(ArrayFrame(0.0, picture)) is None


def test_two_faces_are_counted_and_the_larger_one_is_taken(tracker, astronaut):
    picture = paste(paste(wall(), astronaut, 0, 60, 105), astronaut[:, ::-1], 600, 60, 125)
    seen = look(tracker, picture)
    assert seen.n_faces == 2
    assert seen.landmarks[:, 0].mean() > 600


def test_a_second_face_is_counted_within_four_seconds(tracker, astronaut):
    one = paste(wall(), astronaut, 0, 60, 120)
    two = paste(one, astronaut[:, ::-1], 700, 60, 110)
    assert look(tracker, one).n_faces == 1
    assert [look(tracker, two, t).n_faces for t in (0.5, 4.1)] == [1, 2]


def test_the_tracker_stays_with_its_face_while_another_is_only_a_little_larger(tracker, astronaut):
    one = paste(wall(), astronaut, 0, 60, 100)
    two = paste(one, astronaut[:, ::-1], 700, 60, 125)
    look(tracker, one)
    assert all(look(tracker, two, t).landmarks[:, 0].mean() < 400 for t in (4.1, 8.2, 12.3))


def test_the_tracker_turns_to_a_face_that_is_a_lot_larger(tracker, astronaut):
    one = paste(wall(), astronaut, 0, 60, 100)
    two = paste(one, astronaut[:, ::-1], 600, 60, 160)
    look(tracker, one)
    assert look(tracker, two, 4.1).landmarks[:, 0].mean() > 600


def test_a_moving_face_is_followed_without_a_new_search(tracker, astronaut, monkeypatch):
    start = look(tracker, paste(wall(), astronaut, 100, 60, 120)).landmarks
    monkeypatch.setattr(tracker._engine, "detect", lambda *_: pytest.fail("searched"))
    for k in range(1, 5):  # 15 px each 0.2 s: 0.6 face widths a second
        moved = look(tracker, paste(wall(), astronaut, 100 + 15 * k, 60, 120), 0.2 * k).landmarks
        assert rms(moved, start + np.array([15 * k, 0])) < 1.5


def test_a_lost_face_is_found_again_elsewhere(tracker, astronaut):
    look(tracker, paste(wall(), astronaut, 0, 60, 120))
    assert tracker.observe(ArrayFrame(0.2, wall())) is None
    assert look(tracker, paste(wall(), astronaut, 640, 60, 120), 0.4).landmarks[:, 0].mean() > 640


def test_tiles_are_searched_at_most_once_a_second(tracker, monkeypatch):
    sides = []
    detect = tracker._detect
    monkeypatch.setattr(
        tracker, "_detect", lambda frame, square: sides.append(square[2]) or detect(frame, square)
    )
    looks = {}
    for time_s in (0.0, 0.5, 0.9, 1.0):
        sides.clear()
        assert tracker.observe(ArrayFrame(time_s, wall())) is None
        looks[time_s] = len(sides), min(sides)
    assert looks[0.5] == looks[0.9] == (3, 720)
    assert looks[0.0] == looks[1.0] == (39, 252)  # the cost bound: 39 detections, about 70 ms


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 2), (1000, 8), (255, 256)])
def test_odd_pictures_are_looked_at_without_a_face(tracker, width, height):
    assert tracker.observe(ArrayFrame(0.0, wall(width, height))) is None


def test_time_that_runs_backwards_starts_a_new_clip(tracker, astronaut):
    seen = look(tracker, paste(wall(), astronaut, 0, 60, 120), 9.0)
    again = look(tracker, paste(wall(), astronaut, 640, 60, 120), 0.0)
    assert again.landmarks[:, 0].mean() > seen.landmarks[:, 0].mean() + 500


def test_a_turning_head_outdoors_is_never_lost(face_models, recordings):
    tracker, widths = FaceTracker(), []
    video = open_video(recordings / "face_video" / "phone_rotated.mp4")
    for index, frame in enumerate(video.frames()):
        if index % 6 == 0:
            seen = tracker.observe(frame)
            assert seen is not None, f"lost at {frame.time_s:.1f} s"
            assert seen.n_faces == 1
            eyes = seen.landmarks[[33, 263]]
            assert eyes[0, 0] < eyes[1, 0], "upright: the left eye is left of the right one"
            widths.append(np.ptp(seen.landmarks[:, 0]))
    assert 180 < np.median(widths) < 240  # pixels, measured on the picture


# --- engines ---------------------------------------------------------------------------------------------------


def test_looking_leaves_the_threads_of_opencv_as_they_were(tracker, astronaut):
    before = cv2.getNumThreads()
    look(tracker, astronaut)
    assert cv2.getNumThreads() == before
