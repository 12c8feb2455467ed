"""Clips without pictures: the colours of 36 face cells over time, a hundred clips per second.

This is the fast front-end of the simulator. Physiology, motion and light are those of the rendered clips. A face is
not a picture here but a few numbers per cell (`CellFace`): its colour in linear light, and how it changes with each
cause. Small errors of the tracker and the borders of skin are modelled as a leak of motion into the cells. The
result is a native FaceClip, prepared in the same way as real video.

What differs from published practice: synthetic maps are usually sums of sinusoids and noise in each cell (Niu
et al. 2018); here all cells share the same physical causes, in linear light before the camera's tone curve,
so that a network has to separate causes by colour and by place, as it must in real video.
Axis letters: T time, N cell, K layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float

from rppg_core.lab.simulate.colour import camera_colours, pulse_colour
from rppg_core.lab.simulate.hands import Hand, gestures
from rppg_core.lab.simulate.physiology import simulate_waves
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
)
from rppg_core.lab.simulate.scene import Motion, frame_times, noise_variance, tone_curve
from rppg_core.lab.simulate.script import exposed, layer_strengths, motion_of_clip, truth_from_waves
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.skin import EXPOSURE, TONES, fill, skin_colour
from rppg_core.types import FaceClip, FaceInfo, Truth, VideoInfo
from rppg_core.video.mesh_points import FACE_OVAL, LEFT_BROW, LEFT_EYE, LIPS, RIGHT_BROW, RIGHT_EYE
from rppg_core.video.pose import (
    KEY_INTERVALS_S,
    LOOK_AHEAD_S,
    SMOOTHING_LOOKS,
    SMOOTHING_S,
    STEP_WIDTHS,
    ReferenceFace,
)
from rppg_core.video.roi import BOX_HEIGHTS, BOX_WIDTHS, GRID
from rppg_core.video.stmap import CELLS, cell_weights, fill_empty_cells, skin_share

N = CELLS * CELLS
BOX_FACE_WIDTHS = 1.3 * BOX_HEIGHTS  # height of the grid in face widths
FOREHEAD_CELLS = (7, 8, 9, 10)
CHEEK_CELLS = (19, 25), (22, 28)  # left, right
MOUTH_CELLS = (26, 27)
# Standard deviation of a tracked position / the face width; our choice, about half a pixel for a face of 150 pixels.
LOOK_NOISE = 0.003
# Relative spreads of colour, chosen so that what POS, CHROM and PBV leave of motion is as large, and as alike in
# neighbouring cells, as in recordings of people who talk and move (figure "spread of light")
TINTED = 0.04  # of the relief of the skin
TINTS = (0.03, 0.3)  # of what lies beside the skin
CELL_PIXELS = (
    20.0,
    900.0,
)  # pixels with independent noise per cell: faces of 60 to 300 pixels, cameras that smooth
# Streams of random numbers: changing one part of a clip leaves the others unchanged
_FACE, _COLOUR, _TIMES, _BODY, _MOTION, _LIGHT, _EVENTS, _LEAK, _SENSOR, _HANDS = range(100, 110)


@dataclass(frozen=True)
class CellFace:
    """A face as 36 cells: colours in linear light, and their change with each cause."""

    layers: Float[np.ndarray, "layer cell 3"]  # in the order of `render`; the first is the still face
    leak: Float[
        np.ndarray, "cell 2 3"
    ]  # relative change per slip of the grid by a face width, right and down
    share: Float[np.ndarray, " cell"]  # share of skin in each cell
    pixels: Float[np.ndarray, " cell"]  # number of pixels with independent noise that each cell averages
    wall: Float[np.ndarray, " 3"]  # colour of the background


def simulate_traces(settings: SimulationSettings, *, skin_weight: bool = True) -> tuple[FaceClip, Truth]:
    """Make one clip of cell colours.

    Args:
        settings: everything about the clip; `kind`, `codec`, `photo` and `size` are ignored. The face is also drawn
            from the seed.
        skin_weight: True averages cells over skin; False averages over everything in them, including hair and
            background, for the ablation that shows the purpose of the weight.

    Returns:
        Native clip with `rgb`, `stmap`, `background` and boxes, and its truth at the same times. The same settings
        give the same clip.
    """
    times_s = frame_times(settings.camera, settings.seconds, _rng(settings, _TIMES))
    waves = simulate_waves(settings.person, times_s, _rng(settings, _BODY))
    motion = motion_of_clip(settings, times_s, waves, _rng(settings, _MOTION))
    face = draw_cell_face(settings, _rng(settings, _FACE), _rng(settings, _COLOUR), skin_weight=skin_weight)
    strengths, room = layer_strengths(
        settings, times_s, waves, motion, _rng(settings, _LIGHT), _rng(settings, _EVENTS)
    )
    gain = exposed(settings, strengths, face.layers[..., 1].mean(axis=1), times_s)
    light = np.tensordot(strengths * gain[:, None], face.layers, 1)
    light *= 1 + _leaks(face, times_s, motion, _rng(settings, _LEAK))
    hand = gestures(times_s, _rng(settings, _HANDS), per_min=settings.gestures)
    if hand is not None:
        light = _behind_hand(light, hand, (room * gain)[:, None], face)

    rng = _rng(settings, _SENSOR)
    cells = _expose(light, face.pixels, settings, rng)
    behind = (room * gain)[:, None] * face.wall * (1 + strengths[:, [SCREEN]])
    wall = _expose(behind[:, None], np.array([2e4]), settings, rng)[:, 0]
    skin = _mean(cells, face.share)
    rois = [skin, _mean(cells[:, FOREHEAD_CELLS], face.share[list(FOREHEAD_CELLS)])]
    rois += [_mean(cells[:, side], face.share[list(side)]) for side in CHEEK_CELLS]
    weight = face.share if skin_weight else np.ones(N)
    clip = FaceClip(
        times_s=times_s,
        valid=np.ones(len(times_s), bool),
        rgb=np.stack(rois, axis=1),
        background=wall,
        boxes=_boxes(motion),
        stmap=fill_empty_cells(cells, weight, skin),
        stmap_weight=weight,
        video=VideoInfo(
            codec="simulated",
            n_frames=len(times_s),
            fps=settings.fps,
            fps_container=settings.fps,
            duration_s=settings.seconds,
        ),
        face=FaceInfo(found=1.0, n_faces=1, width_px=100.0, skin_fraction=float(face.share.mean())),
    )
    return clip, truth_from_waves(settings, times_s, waves)


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
        skin_weight: as in `simulate_traces`.

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
    column, row = (axis.ravel() for axis in np.meshgrid(*[np.linspace(-0.46, 0.46, CELLS)] * 2))

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
    cell_px = np.exp(rng.uniform(*np.log(CELL_PIXELS)))
    return CellFace(
        _scaled(layers @ camera.T, share, settings),
        _leak_gains(share, still, other, rng, skin_weight=skin_weight),
        share,
        np.maximum(cell_px * (share if skin_weight else np.ones(N)), 4.0),
        camera @ rng.uniform(0.05, 0.8, 3),
    )


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
        return float(_mean(tone_curve(light, settings.gamma)[None, :, None], share)[0, 0])

    got = (skin_green(-change) - skin_green(change)) / (2 * change * skin_green(0.0))
    layers[[PULSE, DELAY, RED]] *= settings.finished_amplitude / max(got, 1e-9)
    return layers


def _leaks(
    face: CellFace, times_s: np.ndarray, motion: Motion, rng: np.random.Generator
) -> Float[np.ndarray, "time cell 3"]:
    """Relative change of each cell as the grid slips on the face."""
    slip = motion.shift - tracked_path(times_s, motion.shift, rng)
    return np.clip(np.tensordot(slip, face.leak, axes=(1, 1)), -0.6, 0.6)


def _behind_hand(
    light: Float[np.ndarray, "time cell 3"], hand: Hand, room: Float[np.ndarray, "time 1"], face: CellFace
) -> Float[np.ndarray, "time cell 3"]:
    """The cells with the hand in front of them, in the same light."""
    column, row = (axis.ravel() for axis in np.meshgrid(*[np.linspace(-0.46, 0.46, CELLS)] * 2))
    share = hand.cover(BOX_WIDTHS * column, BOX_FACE_WIDTHS * row, slice(None))
    if share is None:
        return light
    colour = room * _mean(face.layers[:1], face.share) * hand.colour  # (T, 3)
    return light + share[..., None] * (colour[:, None] - light)


def tracked_path(
    times_s: Float[np.ndarray, " time"], path: Float[np.ndarray, "time 2"], rng: np.random.Generator
) -> Float[np.ndarray, "time 2"]:
    """The face's path as the pass estimates it: from looks that are noisy, and rare while the face is still.

    Args:
        times_s: frame times. Unit: s.
        path: true path of the face. Unit: face widths.
        rng: draws the errors of the looks.

    Returns:
        The looks, smoothed and interpolated. Unit: face widths.

    Source: the rules of video.pose, without its landmarks: a face that starts to move is lost until the next look,
    an error that smoothing of the true path would not show.
    """
    noise = LOOK_NOISE * np.exp(0.5 * rng.standard_normal())
    looks, seen, frame = [], [], 0
    while frame < len(times_s):
        looks.append(frame)
        seen.append(path[frame] + noise * rng.standard_normal(2))
        wait_s = KEY_INTERVALS_S[0]
        if len(looks) > 1:
            passed_s = times_s[frame] - times_s[looks[-2]]
            speed = float(np.hypot(*(seen[-1] - seen[-2]))) / passed_s
            wait_s = min(max(STEP_WIDTHS / max(speed, 1e-9), KEY_INTERVALS_S[0]), KEY_INTERVALS_S[1])
        frame = max(frame + 1, int(np.searchsorted(times_s, times_s[frame] + wait_s - 1e-6)))
    look_s = times_s[looks]
    apart_s = np.abs(look_s[:, None] - look_s)
    spacing_s = np.min(apart_s + 10.0 * np.eye(len(looks)), axis=1)
    spread_s = np.clip(SMOOTHING_LOOKS * spacing_s, *SMOOTHING_S)
    weight = np.exp(-0.5 * (apart_s / spread_s[:, None]) ** 2) * (apart_s <= LOOK_AHEAD_S)
    smooth = (weight / weight.sum(axis=1, keepdims=True)) @ np.array(seen)
    return np.stack([np.interp(times_s, look_s, axis) for axis in smooth.T], axis=1)


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


def _expose(
    light: Float[np.ndarray, "time cell 3"],
    pixels: np.ndarray,
    settings: SimulationSettings,
    rng: np.random.Generator,
) -> Float[np.ndarray, "time cell 3"]:
    """The camera's output for this light: tone curve, noise of the pixels' mean, rounding dithered by the noise."""
    read, shot = noise_variance(settings.camera)
    still = np.clip(light.mean(axis=0), 1e-4, 1)
    step = 1e-3
    bend = (tone_curve(still + step, settings.gamma) - tone_curve(still - step, settings.gamma)) / (2 * step)
    spread = np.sqrt(((read + shot * still) * bend**2 + 1 / 12) / pixels[:, None])
    noise = rng.standard_normal(light.shape, dtype=np.float32)
    return tone_curve(light, settings.gamma) + spread * noise


def _shares(rng: np.random.Generator) -> Float[np.ndarray, " cell"]:
    """Skin share of the cells: the mesh's face, narrower or wider, some of it in deep shadow, hair or beard."""
    share = _mesh_shares() * np.exp(0.12 * _field(rng, 3))
    if rng.uniform() < 0.25:  # light from one side, a fringe, a beard
        share = share / (1 + np.exp(-4 * (_field(rng, 2) + rng.uniform(0.3, 1.5))))
    return np.clip(share, 0, 1)


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


def _mean(
    cells: Float[np.ndarray, "time cell colour"], share: np.ndarray
) -> Float[np.ndarray, "time colour"]:
    weight = share + 1e-6
    return np.tensordot(cells, weight / weight.sum(), axes=(1, 0))


def _boxes(motion: Motion) -> Float[np.ndarray, "time 4"]:
    """Face boxes in a picture where the face is 100 pixels wide."""
    size = 100 * motion.zoom
    corner = 100 * motion.shift + 130 - size[:, None] / 2
    return np.column_stack([corner, size, 1.3 * size])


def _rng(settings: SimulationSettings, part: int) -> np.random.Generator:
    return np.random.default_rng([settings.seed, part])
