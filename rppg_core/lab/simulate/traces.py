"""Clips without pictures: the colours of 36 face cells over time, a hundred clips per second.

This is the fast front-end of the simulator. Physiology, motion and light are those of the rendered clips. A face is
not a picture here but a few numbers per cell (`cell_faces`): its colour in linear light, and how it changes with
each cause. Small errors of the tracker and the borders of skin are modelled as a leak of motion into the cells. The
result is a native FaceClip, prepared in the same way as real video.

What differs from published practice: synthetic maps are usually sums of sinusoids and noise in each cell (Niu
et al. 2018); here all cells share the same physical causes, in linear light before the camera's tone curve,
so that a network has to separate causes by colour and by place, as it must in real video.
Axis letters: T time, N cell, K layer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

from rppg_core.lab.simulate.cell_faces import (
    CellFace,
    N,
    cell_places,
    draw_cell_face,
    draw_cell_wall,
    skin_mean,
)
from rppg_core.lab.simulate.hands import Hand, gestures
from rppg_core.lab.simulate.head import Motion
from rppg_core.lab.simulate.physiology import Waves, simulate_waves
from rppg_core.lab.simulate.render import CLOUDS, DELAY, N_LAYERS, PULSE, RED, SCREEN
from rppg_core.lab.simulate.scene import frame_times, noise_variance, tone_curve
from rppg_core.lab.simulate.script import (
    FACELESS,
    busy_background,
    exposed,
    layer_strengths,
    motion_of_clip,
    shuffled_blocks,
    truth_from_waves,
)
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.types import FaceClip, FaceInfo, Truth, VideoInfo
from rppg_core.video.pose import (
    KEY_INTERVALS_S,
    LOOK_AHEAD_S,
    SMOOTHING_LOOKS,
    SMOOTHING_S,
    STEP_WIDTHS,
)
from rppg_core.video.roi import BOX_HEIGHTS, BOX_WIDTHS
from rppg_core.video.stmap import fill_empty_cells

BOX_FACE_WIDTHS = 1.3 * BOX_HEIGHTS  # height of the grid in face widths
FOREHEAD_CELLS = (7, 8, 9, 10)
CHEEK_CELLS = (19, 25), (22, 28)  # left, right
# Standard deviation of a tracked position / the face width; our choice, about half a pixel for a face of 150 pixels.
LOOK_NOISE = 0.003
# Of kind "moving background": spreads of the relative change of the background's light per unit of cloud and per face
# width of motion, and the weight of the background in the camera's exposure. Our choice: about as in rendered clips.
CLOUD_GAIN, TEXTURE_GAIN, METERED = 0.4, 0.6, 0.2
_BLOOD = np.isin(np.arange(N_LAYERS), (PULSE, DELAY, RED))  # layers of the pulse
# Streams of random numbers: changing one part of a clip leaves the others unchanged
_FACE, _COLOUR, _TIMES, _BODY, _MOTION, _LIGHT, _EVENTS, _LEAK, _SENSOR = range(100, 109)
_BEHIND, _ORDER, _HANDS = range(109, 112)


def simulate_traces(
    settings: SimulationSettings, *, skin_weight: bool = True, pale: Bool[np.ndarray, " cell"] | None = None
) -> tuple[FaceClip, Truth]:
    """Make one clip of cell colours.

    Args:
        settings: everything about the clip; `backdrop`, `codec`, `crf`, `duplicated`, `face`, `photo` and `size` are
            ignored. The face or wall is also drawn from the seed; a wall is never rough.
        skin_weight: True averages cells over skin; False averages over everything in them, including hair and
            background, for the ablation that shows the purpose of the weight.
        pale: True for cells that no pulse reaches, as under thick make-up or a scar; None for none. The other cells
            are as they would be without them.

    Returns:
        Native clip with `rgb`, `stmap`, `background` and boxes, and its truth at the same times. The same settings
        give the same clip.
    """
    times_s = frame_times(settings.camera, settings.seconds, _rng(settings, _TIMES))
    waves = simulate_waves(settings.person, times_s, _rng(settings, _BODY))
    face = _cell_face(settings, skin_weight=skin_weight)
    if pale is not None:
        face = replace(face, layers=np.where(_BLOOD[:, None, None] & pale[:, None], 0.0, face.layers))
    light, behind, motion = _course_of_light(settings, face, times_s, waves)
    light *= 1 + _leaks(face, times_s, motion, _rng(settings, _LEAK))
    hand = gestures(times_s, _rng(settings, _HANDS), per_min=settings.gestures)
    if hand is not None and settings.kind not in FACELESS:
        light = _behind_hand(light, hand, face)

    rng = _rng(settings, _SENSOR)
    cells = _expose(light, face.pixels, settings, rng)
    wall = _expose(behind[:, None], np.array([2e4]), settings, rng)[:, 0]
    skin = skin_mean(cells, face.share)
    rois = [skin, skin_mean(cells[:, FOREHEAD_CELLS], face.share[list(FOREHEAD_CELLS)])]
    rois += [skin_mean(cells[:, side], face.share[list(side)]) for side in CHEEK_CELLS]
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


def _cell_face(settings: SimulationSettings, *, skin_weight: bool) -> CellFace:
    rng = _rng(settings, _FACE)
    if settings.kind in FACELESS:
        return draw_cell_wall(rng, blank=settings.kind == "noise", skin_weight=skin_weight)
    return draw_cell_face(settings, rng, _rng(settings, _COLOUR), skin_weight=skin_weight)


def _course_of_light(
    settings: SimulationSettings, face: CellFace, times_s: np.ndarray, waves: Waves
) -> tuple[Float[np.ndarray, "time cell 3"], Float[np.ndarray, "time 3"], Motion]:
    """Linear light of the cells and of the background, and the head's motion, in the order of the frames."""
    motion = motion_of_clip(settings, times_s, waves, _rng(settings, _MOTION))
    strengths, room = layer_strengths(
        settings, times_s, waves, motion, _rng(settings, _LIGHT), _rng(settings, _EVENTS)
    )
    green = face.layers[..., 1].mean(axis=1)
    passing = np.zeros((len(times_s), 3))
    if settings.kind == "moving background":
        passing = _passing_background(times_s, _rng(settings, _BEHIND))
        strengths[:, CLOUDS] = room * passing[:, 1]  # the cells have none: only the exposure follows it
        green[CLOUDS] = METERED * face.wall[1]
    gain = exposed(settings, strengths, green, times_s)
    light = np.tensordot(strengths * gain[:, None], face.layers, 1)
    behind = (room * gain)[:, None] * face.wall * (1 + strengths[:, [SCREEN]]) * (1 + passing)
    if settings.kind == "shuffled":
        order = shuffled_blocks(times_s, _rng(settings, _ORDER))
        motion = Motion(motion.shift[order], motion.roll[order], motion.zoom[order])
        light, behind = light[order], behind[order]
    return light, behind, motion


def _passing_background(times_s: np.ndarray, rng: np.random.Generator) -> Float[np.ndarray, "time 3"]:
    """Relative change of the background's mean colour: clouds of light, and a texture that moves past."""
    motion, clouds = busy_background(times_s, rng)
    texture = TEXTURE_GAIN * np.exp(rng.standard_normal()) * rng.standard_normal((2, 1))
    texture = texture * np.exp(0.15 * rng.standard_normal(3))
    change = CLOUD_GAIN * rng.standard_normal() * clouds[:, None] + motion.shift @ texture
    return np.clip(change, -0.6, 0.6)


def _leaks(
    face: CellFace, times_s: np.ndarray, motion: Motion, rng: np.random.Generator
) -> Float[np.ndarray, "time cell 3"]:
    """Relative change of each cell as the grid slips on the face."""
    slip = motion.shift - tracked_path(times_s, motion.shift, rng)
    return np.clip(np.tensordot(slip, face.leak, axes=(1, 1)), -0.6, 0.6)


def _behind_hand(
    light: Float[np.ndarray, "time cell 3"], hand: Hand, face: CellFace
) -> Float[np.ndarray, "time cell 3"]:
    """The cells with the hand in front of them."""
    column, row = cell_places()
    share = hand.cover(BOX_WIDTHS * column, BOX_FACE_WIDTHS * row, slice(None))
    if share is None:
        return light
    still = skin_mean(face.layers[:1], face.share)[0]
    room = light.mean(axis=(1, 2)) / light.mean()  # the hand is in the light that the face is in
    colour = room[:, None, None] * still * hand.colour
    return light + share[..., None] * (colour - light)


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


def _boxes(motion: Motion) -> Float[np.ndarray, "time 4"]:
    """Face boxes in a picture where the face is 100 pixels wide."""
    size = 100 * motion.zoom
    corner = 100 * motion.shift + 130 - size[:, None] / 2
    return np.column_stack([corner, size, 1.3 * size])


def _rng(settings: SimulationSettings, part: int) -> np.random.Generator:
    return np.random.default_rng([settings.seed, part])
