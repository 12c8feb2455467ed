"""What TAST-Net sees: an aligned face, masked, small, and magnified in time.

Alignment is that of the pass: `crop128_raw` is upright, 1.5 face widths wide, and follows a smoothed path. Where a
clip holds no pictures but the 36 cells of a face map, they are drawn in their places, at the size that the network
reads: training sees a hundred such faces in the time that a rendered video takes.
Axis letters: T time, H height, W width, N cell.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float
from scipy.signal import resample_poly

from rppg_core.models.tastnet.config import TastNetConfig
from rppg_core.types import FS, FaceClip
from rppg_core.video.clip import SQUARE_WIDTHS
from rppg_core.video.magnify import magnify
from rppg_core.video.roi import BOX_HEIGHTS, BOX_WIDTHS
from rppg_core.video.stmap import CELLS

LEVELS = 255.0  # all colours are divided by this, and by nothing that depends on clip or colour
UNITS = 256.0  # of a crop in a grey level
FACE_ASPECT = 1.3  # height of a face in face widths, as in the cells of the simulator


def face_pictures(clip: FaceClip, config: TastNetConfig) -> Float[np.ndarray, "time height width colour"]:
    """Pictures of an even clip at 30 Hz: 3 colours for each stream, 0 outside the face.

    Args:
        clip: with `crop128_raw`, or else with `stmap`.
        config: sizes and streams.

    Returns:
        float32; 255 grey levels are 1. A magnified stream exceeds the range of a picture, and is not clipped.
    """
    places = _places(clip, config.side) / LEVELS
    found = {"raw": places}
    if "magnified" in config.streams:
        found["magnified"] = magnify(places[:, None], FS, factor=config.factor)[:, 0]
    read = at_network_rate(np.concatenate([found[name] for name in config.streams], axis=2), config)
    if read.shape[1] != config.side**2:  # cells; every step before this one is the same for sums of them
        read = drawn_cells(config.side) @ read  # (T, P, C); einsum takes six times as long
    frames = read.reshape(len(read), config.side, config.side, -1)
    return (frames * face_mask(config.side)[..., None] if config.mask else frames).astype(np.float32)


@lru_cache(maxsize=8)
def face_mask(side: int) -> Float[np.ndarray, "side side"]:
    """Share of each pixel that lies in the face: an upright ellipse, the same in every frame and clip.

    A mask that followed the landmarks would move its border in the band that is magnified.
    """
    fine = 16 * side
    y, x = (np.mgrid[:fine, :fine] + 0.5) / fine - 0.5
    inside = np.hypot(x, y / FACE_ASPECT) < 0.5 / SQUARE_WIDTHS
    return inside.reshape(side, 16, side, 16).mean(axis=(1, 3))


@lru_cache(maxsize=8)
def drawn_cells(side: int) -> Float[np.ndarray, "pixel cell"]:
    """Weights that draw 36 cells in their places, on straight lines between their centres."""
    reach = BOX_WIDTHS / SQUARE_WIDTHS, BOX_HEIGHTS * FACE_ASPECT / SQUARE_WIDTHS
    centres = (np.arange(side) + 0.5) / side - 0.5
    places = [np.clip((centres / size + 0.5) * CELLS - 0.5, 0, CELLS - 1) for size in reach]
    across, down = (
        np.maximum(1 - np.abs(place[:, None] - np.arange(CELLS)), 0) for place in places
    )  # (side, CELLS)
    return np.einsum("yr,xc->yxrc", down, across).reshape(side * side, CELLS * CELLS)


def _places(clip: FaceClip, side: int) -> Float[np.ndarray, "time place 3"]:
    """Colours in grey levels of the pixels of the aligned face, means of an area each, or of 36 cells."""
    if clip.crop128_raw is None:
        return clip.need("stmap")
    pictures = (x.astype(np.float32) for x in clip.crop128_raw)
    small = [cv2.resize(x, (side, side), interpolation=cv2.INTER_AREA) for x in pictures]
    return np.stack(small).reshape(len(small), side * side, 3) / UNITS


def at_network_rate(
    frames: Float[np.ndarray, "time ..."], config: TastNetConfig
) -> Float[np.ndarray, "fewer ..."]:
    """The frames at fewer, even times; what is too fast for these is removed."""
    step = np.gcd(config.samples, config.window)
    up, down = config.samples // step, config.window // step
    return frames if up == down else resample_poly(frames, up, down, axis=0, padtype="line")
