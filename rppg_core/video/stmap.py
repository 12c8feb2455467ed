"""The spatio-temporal map: mean colour of a grid of face cells over time.

CELLS x CELLS blocks of the face grid are averaged with the soft skin weight. `clip` fills the map;
`prepare.stmap_band` computes the two bands that networks read. Source: Niu et al. 2018 (SynRhythm) for the idea; our
choice: 6 x 6 cells, skin-weighted.
Axis letters: T time, N cell, H, W.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt16

from rppg_core.errors import UsageError
from rppg_core.signals.checks import check_samples
from rppg_core.video.pixels import UNITS

CELLS = 6
EMPTY_SHARE = (0.01, 0.03)  # of a cell


def cell_weights(skin: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "cell height width"]:
    """The skin weight cut into CELLS x CELLS blocks, row by row, one mask per cell."""
    height, width = check_samples(skin, "skin", ndim=2).shape
    rows = np.arange(height) * CELLS // height
    columns = np.arange(width) * CELLS // width
    index = rows[:, None] * CELLS + columns[None, :]
    return np.stack([skin * (index == n) for n in range(CELLS * CELLS)])


def skin_share(cells: Float[np.ndarray, "cell height width"]) -> Float[np.ndarray, " cell"]:
    """Share of skin in each cell, 0..1."""
    cells = check_samples(cells, "cells", ndim=3)
    area = cells.shape[1] * cells.shape[2] / len(cells)
    return np.clip(cells.sum(axis=(1, 2)) / area, 0, 1)


def fill_empty_cells(
    cells: Float[np.ndarray, "time cell 3"],
    share: Float[np.ndarray, " cell"],
    skin: Float[np.ndarray, "time 3"],
) -> Float[np.ndarray, "time cell 3"]:
    """Give cells with little skin the mean colour of the whole skin, so that no cell is NaN or pure noise.

    A cell is replaced below 1 % skin, kept from 3 % on, and mixed in between: two trackers that differ by a
    pixel give nearly the same map.
    """
    cells, share = check_samples(cells, "cells", ndim=3, finite=False), check_samples(share, "share")
    skin = check_samples(skin, "skin", ndim=2, finite=False)
    if cells.shape[::2] != (len(skin), 3) or skin.shape[1] != 3 or cells.shape[1] != len(share):
        raise UsageError(
            f"cells, share and skin of shapes {cells.shape}, {share.shape} and {skin.shape}",
            wanted="(time, cell, 3), (cell,) and (time, 3)",
            do="take all three from one clip",
        )
    low, high = EMPTY_SHARE
    own = np.clip((share - low) / (high - low), 0, 1)[None, :, None]
    return np.where(own > 0, own * cells, 0) + (1 - own) * skin[:, None, :]


def plain_cells(crops: UInt16[np.ndarray, "time 36 36 3"]) -> Float[np.ndarray, "time cell 3"]:
    """Cells without the skin weight, in grey levels: hair, eyes and background count as much as skin.

    For ablations: what a map loses without the skin weight. Crops are stored in 1/256 grey level.
    """
    if np.shape(crops)[1:] != (36, 36, 3):
        raise UsageError(
            f"crops of shape {np.shape(crops)}", wanted="(time, 36, 36, 3)", do="take clip.need('crop36')"
        )
    crops = check_samples(crops, "crops", ndim=4)
    side = crops.shape[1] // CELLS
    blocks = crops.reshape(len(crops), CELLS, side, CELLS, side, 3)
    return blocks.mean(axis=(2, 4)).reshape(len(crops), CELLS * CELLS, 3) / UNITS
