import numpy as np

from rppg_core.video.background import THUMBNAIL_SHAPE, background_trace

SIZE = (640, 360)


def thumbnails(n=10):
    """Each cell holds its own number."""
    rows, columns = THUMBNAIL_SHAPE
    picture = np.arange(rows * columns).reshape(rows, columns, 1).repeat(3, axis=2) * 256
    return np.tile(picture.astype(np.uint16), (n, 1, 1, 1))


def test_background_is_taken_beside_and_above_the_face():
    boxes = np.tile([260.0, 120.0, 120.0, 150.0], (10, 1))
    trace = background_trace(np.where(thumbnails() >= 0, np.uint16(7 * 256), np.uint16(0)), boxes, SIZE)
    np.testing.assert_allclose(trace, 7)


def test_cells_that_the_face_ever_touches_are_left_out():
    pictures = np.zeros((10, *THUMBNAIL_SHAPE, 3), np.uint16)
    pictures[:, 5:15, 12:20] = 65535  # where the head and its margin are
    boxes = np.tile([260.0, 120.0, 120.0, 150.0], (10, 1))
    assert background_trace(pictures, boxes, SIZE).max() == 0


def test_face_that_fills_the_picture_leaves_no_background():
    boxes = np.tile([60.0, 10.0, 520.0, 340.0], (10, 1))
    assert background_trace(thumbnails(), boxes, SIZE) is None
