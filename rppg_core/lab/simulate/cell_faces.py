"""Faces and walls as 36 cells: colours in linear light, and how they change with each cause.

`traces` turns them into clips. A face has the layers of the rendered clips (`render`), drawn for cells instead of
pixels; a wall, where the tracker reports a face although there is none, has only light.
Axis letters: N cell, K layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float

from rppg_core.lab.simulate.colour import camera_colours, pulse_colour
from rppg_core.lab.simulate.portrait import astronaut_landmarks
from rppg_core.lab.simulate.render import (
    DELAY,
    GLOSS,
    MOUTH,
    N_LAYERS,
    PULSE,
    RED,
    SCREEN,
    SHADE_X,
    SHADE_Y,
    SLOPE,
    wall_colour,
)
from rppg_core.lab.simulate.scene import MIDDLE_GREY, tone_curve
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.skin import EXPOSURE, TONES, fill, skin_colour
from rppg_core.video.mesh_points import FACE_OVAL, LEFT_BROW, LEFT_EYE, LIPS, RIGHT_BROW, RIGHT_EYE
from rppg_core.video.pose import ReferenceFace
from rppg_core.video.roi import BOX_HEIGHTS, BOX_WIDTHS, GRID
from rppg_core.video.stmap import CELLS, cell_weights, skin_share

N = CELLS * CELLS
MOUTH_CELLS = (26, 27)
# Relative spreads of colour, chosen so that what POS leaves of motion is as large, and as alike in all cells,
# as in recordings of people who talk and move (protocol `injected`, "what motion and light do to the skin")
TINTED = 0.04  # of the relief of the skin
TINTS = (0.03, 0.3)  # of what lies beside the skin
CELL_PIXELS = (
    20.0,
    900.0,
)  # pixels with independent noise per cell: faces of 60 to 300 pixels, cameras that smooth


@dataclass(frozen=True)
class CellFace:
    """A face, or a wall in its place, as 36 cells: colours in linear light, and their change with each cause."""

    layers: Float[np.ndarray, "layer cell 3"]  # in the order of `render`; the first is the still face
    leak: Float[
        np.ndarray, "cell 2 3"
    ]  # relative change per slip of the grid by a face width, right and down
    share: Float[np.ndarray, " cell"]  # share of skin in each cell
    pixels: Float[np.ndarray, " cell"]  # number of pixels with independent noise that each cell averages
    wall: Float[np.ndarray, " 3"]  # colour of the background


def draw_cell_face(
    settings: SimulationSettings,
    rng: np.random.Generator,
    colour_rng: np.random.Generator,
    *,
    skin_weight: bool = True,
) -> CellFace:
    """A random face in the light of a random room.

    Args:
        settings: tone, amplitude and camera.
        rng: draws the face.
        colour_rng: draws the pulse's and the camera's colours.
        skin_weight: as in `traces.simulate_traces`.

    Returns:
        The face. Spreads (log-normal unless stated otherwise): light across the face 0.3, local colour 0.07,
        perfusion 0.45 (sim-to-real study, section 5.1), shading 0.2-1.2 of the light for a move by one face width,
        as in the rendered clips.
    """
    share = _shares(rng)
    albedo = skin_colour(*TONES[settings.tone]) * np.exp(rng.normal(0, 0.08, 3))
    lit = EXPOSURE * np.exp(0.3 * _field(rng, 2) + 0.08 * rng.standard_normal(N))[:, None]
    body = np.clip(albedo * lit * np.exp(0.07 * rng.standard_normal((N, 3))), 0, 1)
    shine = np.maximum(_field(rng, 4), 0)[:, None] * rng.uniform(0, 0.12) * lit * np.ones(3)
    still = body + shine
    other = _not_skin(still, rng)
    if not skin_weight:
        still = share[:, None] * still + (1 - share[:, None]) * other
        body = share[:, None] * body
    perfusion = np.exp(0.45 * _field(rng, 5))[:, None]
    colour = pulse_colour(settings.pulse_colour_shift, settings.pulse_colour_spread, colour_rng)
    column, row = cell_places()

    layers = np.zeros((N_LAYERS, N, 3))
    layers[0] = still
    layers[PULSE] = -body * perfusion * colour
    layers[DELAY] = -layers[PULSE] * (settings.delay_s * _field(rng, 3))[:, None]  # to first order
    layers[RED, :, 0] = layers[PULSE, :, 0]
    layers[SHADE_X], layers[SHADE_Y] = _shading(still, column, rng), _shading(still, 1.2 * row, rng)
    layers[GLOSS] = _gloss(shine, lit, rng)
    layers[SLOPE] = still * (0.4 * column * rng.normal() + 0.3 * _field(rng, 3))[:, None]
    layers[MOUTH, MOUTH_CELLS] = -rng.uniform(0, 0.15) * still[list(MOUTH_CELLS)]
    layers[[SHADE_X, SHADE_Y]] *= 1 + settings.lamps * colour_rng.standard_normal((2, 1, 3))
    tint = np.exp(0.5 * colour_rng.standard_normal(3))
    layers[SCREEN] = still * tint / tint.mean() * (1 + 0.5 * _field(rng, 3))[:, None]
    camera = settings.exposure * camera_colours(
        settings.colour_matrix_spread, settings.white_balance_spread, colour_rng
    )
    pixels = _cell_pixels(share, rng, skin_weight=skin_weight)
    return CellFace(
        _scaled(layers @ camera.T, share, settings),
        _leak_gains(share, still, other, rng, skin_weight=skin_weight),
        share,
        pixels,
        camera @ rng.uniform(0.05, 0.8, 3),
    )


def draw_cell_wall(rng: np.random.Generator, *, blank: bool = False, skin_weight: bool = True) -> CellFace:
    """A wall where the tracker reports a face: one colour in smooth light, without skin, features or a pulse.

    Args:
        rng: draws the colour of the wall, the light on it, and the outline of the face that the tracker reports.
        blank: True gives uniform middle grey instead.
        skin_weight: as in `traces.simulate_traces`.

    Returns:
        The wall. Nothing leaks into its cells, because they are alike; a screen lights it as it lights the
        background.

    Source: our choice: colour and light as in `render.wall_layers`.
    """
    share = np.clip(_outline_shares(rng), 0, 1)
    colour = wall_colour(rng)
    still = np.exp(0.15 * _field(rng, 3))[:, None] * colour
    behind = colour * np.exp(0.15 * rng.standard_normal())
    if blank:
        still, behind = np.full((N, 3), MIDDLE_GREY), np.full(3, MIDDLE_GREY)
    layers = np.zeros((N_LAYERS, N, 3))
    layers[0] = layers[SCREEN] = still
    layers[SLOPE] = still * _field(rng, 3)[:, None]
    pixels = _cell_pixels(share, rng, skin_weight=skin_weight)
    return CellFace(layers, np.zeros((N, 2, 3)), share, pixels, behind)


def skin_mean(
    cells: Float[np.ndarray, "time cell colour"], share: Float[np.ndarray, " cell"]
) -> Float[np.ndarray, "time colour"]:
    """Mean colour of some cells, weighted by their share of skin."""
    weight = share + 1e-6
    return np.tensordot(cells, weight / weight.sum(), axes=(1, 0))


def _shading(still: np.ndarray, ramp: np.ndarray, rng: np.random.Generator) -> Float[np.ndarray, "cell 3"]:
    """Change of the light on each cell when the head moves by its width."""
    field = ramp + 0.4 * _field(rng, 4) + 0.4 * rng.standard_normal()
    return still * (0.5 * np.exp(0.5 * rng.standard_normal()) * field)[:, None]


def _gloss(shine: np.ndarray, light: np.ndarray, rng: np.random.Generator) -> Float[np.ndarray, "cell 3"]:
    """Change of the highlights, nearly in the lamp's colour, when the head turns; some faces shine more."""
    lamp = np.exp(0.1 * rng.standard_normal(3))
    field = _field(rng, 4) + 0.5 * rng.standard_normal()
    sheen = 0.015 * np.exp(0.7 * rng.standard_normal()) * light * field[:, None]
    return (shine * np.tanh(_field(rng, 4))[:, None] * rng.uniform(0.5, 1.5) + sheen) * lamp


def _scaled(layers: np.ndarray, share: np.ndarray, settings: SimulationSettings) -> np.ndarray:
    """The layers with the pulse scaled to the amplitude that the settings give for the finished green channel."""
    change = 1e-3

    def skin_green(blood: float) -> float:
        light = np.clip(layers[0, :, 1] + blood * layers[PULSE, :, 1], 0, 1)
        return float(skin_mean(tone_curve(light, settings.gamma)[None, :, None], share)[0, 0])

    got = (skin_green(-change) - skin_green(change)) / (2 * change * skin_green(0.0))
    layers[[PULSE, DELAY, RED]] *= settings.finished_amplitude / max(got, 1e-9)
    return layers


def cell_places() -> tuple[Float[np.ndarray, " cell"], Float[np.ndarray, " cell"]]:
    """Column and row of every cell, from the middle of the box. Unit: sides of the box."""
    column, row = np.meshgrid(*[np.linspace(-0.46, 0.46, CELLS)] * 2)
    return column.ravel(), row.ravel()


def _not_skin(still: Float[np.ndarray, "cell 3"], rng: np.random.Generator) -> Float[np.ndarray, "cell 3"]:
    """What lies beside the skin: mostly darker, as hair, eyes and shadows are, and of nearly its colour."""
    colourful = np.exp(rng.uniform(*np.log(TINTS)))
    darker = np.exp(rng.normal(-0.5, 0.7, (N, 1)) + colourful * rng.standard_normal((N, 3)))
    return np.clip(still * darker, 0, 0.9)


def _leak_gains(
    share: np.ndarray, still: np.ndarray, other: np.ndarray, rng: np.random.Generator, *, skin_weight: bool
) -> Float[np.ndarray, "cell 2 3"]:
    """Contrast at the borders of the skin and of features within it, divided by the width of a cell."""
    contrast = np.clip((other - still) / (still + 0.02), -1, 1)
    border = np.sqrt(np.clip(1 - share, 0.02, 1)) * np.exp(0.6 * rng.standard_normal(N))
    strength = (0.9 if skin_weight else 2.0) * np.exp(0.7 * rng.standard_normal())
    direction = rng.standard_normal((N, 2))
    edges = strength * (border[:, None] * direction)[..., None] * contrast[:, None, :]
    relief = strength * (0.4 * rng.standard_normal((N, 2, 1)) + TINTED * rng.standard_normal((N, 2, 3)))
    return (edges + relief) * CELLS / BOX_WIDTHS / 2


def _shares(rng: np.random.Generator) -> Float[np.ndarray, " cell"]:
    """Skin share of the cells: the mesh's face, narrower or wider, some of it in deep shadow, hair or beard."""
    share = _outline_shares(rng)
    if rng.uniform() < 0.25:  # light from one side, a fringe, a beard
        share = share / (1 + np.exp(-4 * (_field(rng, 2) + rng.uniform(0.3, 1.5))))
    return np.clip(share, 0, 1)


def _outline_shares(rng: np.random.Generator) -> Float[np.ndarray, " cell"]:
    """Skin share of the cells in even light and without hair, up to a little above 1."""
    return _mesh_shares() * np.exp(0.12 * _field(rng, 3))


def _cell_pixels(
    share: np.ndarray, rng: np.random.Generator, *, skin_weight: bool
) -> Float[np.ndarray, " cell"]:
    """Number of pixels with independent noise that each cell averages; more for a face close to the camera."""
    cell_px = np.exp(rng.uniform(*np.log(CELL_PIXELS)))
    return np.maximum(cell_px * (share if skin_weight else np.ones(N)), 4.0)


@lru_cache(maxsize=1)
def _mesh_shares() -> Float[np.ndarray, " cell"]:
    face = ReferenceFace(astronaut_landmarks())
    points = face.points_in_box(BOX_WIDTHS, BOX_HEIGHTS, GRID)
    skin = fill(points[list(FACE_OVAL)], (GRID, GRID))
    for outline in (LEFT_EYE, RIGHT_EYE, LEFT_BROW, RIGHT_BROW, LIPS):
        skin = skin * (1 - fill(points[list(outline)], (GRID, GRID)))
    return skin_share(cell_weights(skin))


def _field(rng: np.random.Generator, knots: int) -> Float[np.ndarray, " cell"]:
    """Random smooth field over the cells, zero mean and unit standard deviation."""
    field = cv2.resize(
        rng.standard_normal((knots, knots)), (CELLS, CELLS), interpolation=cv2.INTER_CUBIC
    ).ravel()
    return (field - field.mean()) / max(field.std(), 1e-9)
