import numpy as np

from rppg_core.video.background import THUMBNAIL_SHAPE, background_trace

SIZE = (640, 360)


def thumbnails(n=10):
    """Each cell holds its own number."""
    rows, columns = THUMBNAIL_SHAPE
    picture = np.arange(rows * columns).reshape(rows, columns, 1).repeat(3, axis=2) * 256
    return np.tile(picture.astype(float), (n, 1, 1, 1))


def test_background_is_taken_beside_and_above_the_face():
    boxes = np.tile([260.0, 120.0, 120.0, 150.0], (10, 1))
    trace = background_trace(np.full((5, *THUMBNAIL_SHAPE, 3), 7.0), boxes, SIZE, 10)
    np.testing.assert_allclose(trace, 7)


def test_cells_that_the_face_ever_touches_are_left_out():
    pictures = np.zeros((5, *THUMBNAIL_SHAPE, 3))
    pictures[:, 5:15, 12:20] = 255.0  # where the head and its margin are
    boxes = np.tile([260.0, 120.0, 120.0, 150.0], (10, 1))
    assert background_trace(pictures, boxes, SIZE, 10).max() == 0


def test_face_that_fills_the_picture_leaves_no_background():
    boxes = np.tile([60.0, 10.0, 520.0, 340.0], (10, 1))
    assert background_trace(thumbnails(), boxes, SIZE, 20) is None


def test_frames_between_thumbnails_get_the_mean_of_both():
    boxes = np.tile([260.0, 120.0, 120.0, 150.0], (5, 1))
    pictures = np.full((3, *THUMBNAIL_SHAPE, 3), 7.0)
    pictures[1] = 9.0
    np.testing.assert_allclose(background_trace(pictures, boxes, SIZE, 5)[:, 0], [7, 8, 9, 8, 7])
