"""The background control: the part of the picture where no pulse can be.

Light and camera affect the wall behind a person as they affect the face; blood does not. A rate that appears
on both is not a heart rate. Source: our choice. Axis letters: T time, H, W.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

THUMBNAIL_SHAPE = (18, 32)  # rows and columns of the reduced pictures from which it is computed
THUMBNAIL_EVERY = 2  # every second frame: 15 pictures a second are enough for light


def background_trace(
    thumbnails: Float[np.ndarray, "thumbnail row column 3"],
    boxes: Float[np.ndarray, "time 4"],
    size: tuple[int, int],
    n_frames: int,
) -> Float[np.ndarray, "time 3"] | None:
    """Mean colour of the cells that head, hair and shoulders never touch in the clip.

    Args:
        thumbnails: every THUMBNAIL_EVERY-th picture, reduced in size. Unit: grey levels.
        boxes: x, y, width, height of the face; NaN where it was lost. Unit: pixels of the picture.
        size: width and height of the picture. Unit: pixels.
        n_frames: frames of the clip; those between two thumbnails are interpolated.

    Returns:
        One colour per frame in grey levels; None where the free part is smaller than a tenth of the face.
    """
    rows, columns = THUMBNAIL_SHAPE
    width, height = size
    boxes = boxes[np.isfinite(boxes[:, 0])]
    centre_x = (np.arange(columns) + 0.5)[None, :] / columns * width
    centre_y = (np.arange(rows) + 0.5)[:, None] / rows * height
    left = (boxes[:, 0] - 0.35 * boxes[:, 2]).min()
    right = (boxes[:, 0] + 1.35 * boxes[:, 2]).max()
    top = (boxes[:, 1] - 0.45 * boxes[:, 3]).min()
    chin = (boxes[:, 1] + 0.9 * boxes[:, 3]).min()
    beside = (centre_x < left) | (centre_x > right)
    free = (beside & (centre_y < chin)) | ((centre_y < top) & (centre_x >= 0))
    needed = max(4, 0.1 * np.median(boxes[:, 2] * boxes[:, 3]) / (width * height) * rows * columns)
    if free.sum() < needed:
        return None
    seen = thumbnails[:, free].mean(axis=1)
    at, frames = np.arange(len(seen)) * THUMBNAIL_EVERY, np.arange(n_frames)
    return np.stack([np.interp(frames, at, channel) for channel in seen.T], axis=1)
