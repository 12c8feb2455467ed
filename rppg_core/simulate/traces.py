"""Clips without pictures: the colours of 36 face cells over time, a hundred clips a second.

Floor 2, the fast front-end of the simulator. Physiology, motion and light are those of the rendered clips; a face is
no picture here but a few numbers a cell (`CellFace`): its colour in linear light, and how it changes with each cause.
What a tracker's small errors and the borders of skin add is modelled as a leak of motion into the cells.
The result is a native FaceClip that takes the preparation of real video.

What differs from published practice: synthetic maps are usually sums of sinusoids and noise a cell (Niu et al.
2018); here all cells share one physical cause each, in linear light before the camera's tone curve, so that a
network has to tell causes apart by colour and by place, as it must in real video.
Axis letters: T time, N cell, K layer.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float

from rppg_core.simulate.physiology import Waves, band_noise, simulate_waves
from rppg_core.simulate.portrait import astronaut_landmarks
from rppg_core.simulate.scene import Motion, frame_times, head_motion, light_drift, noise_variance, tone_curve
from rppg_core.simulate.settings import SIMULATOR_VERSION, SimulationSettings
from rppg_core.simulate.skin import EXPOSURE, PULSE_COLOUR, TONES, fill, skin_colour
from rppg_core.types import FaceClip, FaceInfo, Truth, VideoInfo
from rppg_core.video.mesh_points import FACE_OVAL, LEFT_BROW, LEFT_EYE, LIPS, RIGHT_BROW, RIGHT_EYE
from rppg_core.video.pose import SMOOTHING_S, ReferenceFace
from rppg_core.video.roi import BOX_HEIGHTS, BOX_WIDTHS, GRID
from rppg_core.video.stmap import CELLS, cell_weights, fill_empty_cells, skin_share

N = CELLS * CELLS
FOREHEAD_CELLS = (7, 8, 9, 10)
CHEEK_CELLS = (19, 25), (22, 28)  # left, right
LOOK_NOISE = 0.003  # standard deviation of a look's position / the face width: measured on real trackers
_FACE, _TIMES, _BODY, _MOTION, _LIGHT, _LEAK, _SENSOR = range(100, 107)  # streams of random numbers
STILL, PULSE, DELAY, SHADE_X, SHADE_Y, GLOSS, SLOPE = range(7)  # layers


@dataclass(frozen=True)
class CellFace:
    """A face as 36 cells: colours in linear light, and their change with each cause."""

    layers: Float[np.ndarray, "layer cell 3"]  # the first is the still face
    leak: Float[np.ndarray, "cell 2 3"]  # relative change when the grid slips by a face width, right and down
    share: Float[np.ndarray, " cell"]  # how much of each cell is skin
    pixels: Float[np.ndarray, " cell"]  # with independent noise that each cell averages
    wall: Float[np.ndarray, " 3"]  # colour of the background


def simulate_traces(settings: SimulationSettings, *, skin_weight: bool = True) -> tuple[FaceClip, Truth]:
    """Make one clip of cell colours.

    Args:
        settings: everything about the clip; `kind`, `photo` and `size` are left aside. The seed also draws the face.
        skin_weight: cells are means over skin; False: over all that lies in them, hair and background included,
            for the ablation that shows what the weight is for.

    Returns:
        Native clip with `rgb`, `stmap`, `background` and boxes, and its truth at the same times. The same settings
        give the same clip.
    """
    times_s = frame_times(settings.camera, settings.seconds, _rng(settings, _TIMES))
    waves = simulate_waves(settings.person, times_s, _rng(settings, _BODY))
    motion = head_motion(settings.motion, times_s, _rng(settings, _MOTION))
    face = draw_cell_face(settings, _rng(settings, _FACE), skin_weight=skin_weight)
    light, gain = _light(settings, face, times_s, waves, motion)
    light *= 1 + _leaks(face, times_s, motion, _rng(settings, _LEAK))

    rng = _rng(settings, _SENSOR)
    cells = _expose(light, face.pixels, settings, rng)
    wall = _expose((gain[:, None] * face.wall)[:, None], np.array([2e4]), settings, rng)[:, 0]
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
        video=VideoInfo(codec="simulated", n_frames=len(times_s), fps=settings.fps, fps_container=settings.fps,
                        duration_s=settings.seconds),
        face=FaceInfo(found=1.0, n_faces=1, width_px=100.0, skin_fraction=float(face.share.mean())),
    )  # fmt: skip
    return clip, _truth(settings, times_s, waves)


def draw_cell_face(
    settings: SimulationSettings, rng: np.random.Generator, *, skin_weight: bool = True
) -> CellFace:
    """A random face in the light of a random room.

    Args:
        settings: tone, amplitude and camera.
        rng: source of randomness.
        skin_weight: as in `simulate_traces`.

    Returns:
        The face. Spreads (log-normal unless said otherwise): exposure 0.35-1.2 of white on the cheeks, light across
        the face 0.3, local colour 0.07, perfusion 0.45 (sim-to-real study, section 5.1), shading 0.2-1.2 of the
        light for a move by the width of the face, as in the rendered clips.
    """
    share = _shares(rng)
    albedo = skin_colour(*TONES[settings.tone]) * np.exp(rng.normal(0, 0.08, 3))
    exposure = EXPOSURE * np.exp(rng.uniform(np.log(0.3), np.log(1.1)))
    lit = np.exp(0.3 * _field(rng, 2) + 0.08 * rng.standard_normal(N))[:, None]
    body = np.clip(exposure * albedo * lit * np.exp(0.07 * rng.standard_normal((N, 3))), 0, 0.95)
    shine = (np.maximum(_field(rng, 4), 0) * rng.uniform(0, 0.12) * exposure)[:, None] * lit * np.ones(3)
    other = exposure * rng.uniform(0.01, 0.6, (N, 3)) * lit  # hair, eyes, what lies behind
    still = body + shine
    if not skin_weight:
        still = share[:, None] * still + (1 - share[:, None]) * other
        body = share[:, None] * body

    centre = np.array(PULSE_COLOUR) if rng.uniform() < 0.5 else np.array([0.21, 0.90, 0.35])
    colour = centre * np.exp(rng.uniform(0.1, 0.3) * rng.standard_normal(3))
    perfusion = np.exp(0.45 * _field(rng, 5))[:, None]
    pulse = -body * perfusion * colour / colour[1]
    delay = (
        -pulse * (0.02 * _field(rng, 3))[:, None]
    )  # a pulse d seconds late is the pulse minus d times its slope

    def shading(ramp: np.ndarray) -> np.ndarray:
        field = ramp + 0.4 * _field(rng, 4) + 0.4 * rng.standard_normal()
        return still * (0.5 * np.exp(0.5 * rng.standard_normal()) * field)[:, None]

    column, row = np.meshgrid(*[np.linspace(-0.46, 0.46, CELLS)] * 2)
    layers = [
        still,
        pulse,
        delay,
        shading(column.ravel()),
        shading(row.ravel() * 1.2),
        _gloss(shine, exposure * lit, rng),
        still * (0.4 * column.ravel() * rng.normal() + 0.3 * _field(rng, 3))[:, None],
    ]  # fmt: skip
    cell_px = np.exp(rng.uniform(np.log(20), np.log(900)))
    face = CellFace(
        _scaled(np.stack(layers), share, settings),
        _leak_gains(share, still, other, rng, skin_weight=skin_weight),
        share,
        np.maximum(cell_px * (share if skin_weight else np.ones(N)), 4.0),
        exposure * rng.uniform(0.05, 0.8, 3),
    )
    return face


def _gloss(shine: np.ndarray, light: np.ndarray, rng: np.random.Generator) -> Float[np.ndarray, "cell 3"]:
    """How highlights, nearly the colour of the lamp, grow and shrink when the head turns; some faces shine more."""
    lamp = np.exp(0.1 * rng.standard_normal(3))
    sheen = 0.015 * np.exp(rng.standard_normal()) * light * _field(rng, 4)[:, None]
    return (shine * np.tanh(_field(rng, 4))[:, None] * rng.uniform(0.5, 1.5) + sheen) * lamp


def _scaled(layers: np.ndarray, share: np.ndarray, settings: SimulationSettings) -> np.ndarray:
    """The layers with the pulse as large as the settings want it in the finished green channel."""
    change = 1e-3

    def skin_green(blood: float) -> float:
        light = np.clip(layers[STILL, :, 1] + blood * layers[PULSE, :, 1], 0, 1)
        return float(_mean(tone_curve(light, settings.gamma)[None, :, None], share)[0, 0])

    got = (skin_green(-change) - skin_green(change)) / (2 * change * skin_green(0.0))
    layers[[PULSE, DELAY]] *= settings.finished_amplitude / max(got, 1e-9)
    return layers


def _light(
    settings: SimulationSettings, face: CellFace, times_s: np.ndarray, waves: Waves, motion: Motion
) -> tuple[Float[np.ndarray, "time cell 3"], Float[np.ndarray, " time"]]:
    """Linear light of every cell, and the part of its change that all the room shares."""
    rng = _rng(settings, _LIGHT)
    drift = light_drift(times_s, rng, strength=settings.illumination)
    slope = light_drift(times_s, rng, strength=settings.illumination)
    strengths = np.zeros((len(times_s), len(face.layers)))
    blood = waves.bvp + waves.baseline
    strengths[:, STILL] = 1
    strengths[:, PULSE] = blood
    strengths[:, DELAY] = np.gradient(blood, times_s)
    strengths[:, SHADE_X] = motion.shift[:, 0] + motion.roll
    strengths[:, SHADE_Y] = motion.shift[:, 1] + (motion.zoom - 1)
    strengths[:, GLOSS] = np.tanh(6.0 * (motion.shift.sum(axis=1) + motion.roll))
    strengths[:, SLOPE] = slope
    gain = 1 + drift
    return np.tensordot(strengths * gain[:, None], face.layers, 1), gain


def _leaks(
    face: CellFace, times_s: np.ndarray, motion: Motion, rng: np.random.Generator
) -> Float[np.ndarray, "time cell 3"]:
    """Relative change of each cell as the grid slips on the face: errors of looks, and fast moves smoothed away."""
    step_s = float(np.median(np.diff(times_s)))
    smooth = max(1, round(2 * SMOOTHING_S[0] / step_s)) * 2 + 1
    slip = []
    for axis in range(2):
        path = motion.shift[:, axis]
        error = LOOK_NOISE * np.exp(0.5 * rng.standard_normal()) * band_noise(times_s, 0.1, 3.0, rng, power=1)
        slip.append(
            error + path - cv2.GaussianBlur(path[:, None], (1, smooth), SMOOTHING_S[0] / step_s)[:, 0]
        )
    return np.tensordot(np.stack(slip, axis=1), face.leak, axes=(1, 1))


def _leak_gains(
    share: np.ndarray, still: np.ndarray, other: np.ndarray, rng: np.random.Generator, *, skin_weight: bool
) -> Float[np.ndarray, "cell 2 3"]:
    """Contrast at the borders of skin and features within it, divided by the width of a cell."""
    contrast = np.clip((other - still) / (still + 0.02), -1, 1)
    border = np.sqrt(np.clip(1 - share, 0.02, 1)) * np.exp(0.6 * rng.standard_normal(N))
    strength = (0.35 if skin_weight else 1.5) * np.exp(0.7 * rng.standard_normal())
    direction = rng.standard_normal((N, 2))
    edges = strength * (border[:, None] * direction)[..., None] * contrast[:, None, :]
    relief = strength * (0.4 * rng.standard_normal((N, 2, 1)) + 0.15 * rng.standard_normal((N, 2, 3)))
    return (edges + relief) * CELLS / BOX_WIDTHS / 2


def _expose(
    light: Float[np.ndarray, "time cell 3"],
    pixels: np.ndarray,
    settings: SimulationSettings,
    rng: np.random.Generator,
) -> Float[np.ndarray, "time cell 3"]:
    """What the camera makes of the light: tone curve, noise of the pixels' mean, rounding that the noise dithers."""
    read, shot = noise_variance(settings.camera)
    still = np.clip(light.mean(axis=0), 1e-4, 1)
    step = 1e-3
    bend = (tone_curve(still + step, settings.gamma) - tone_curve(still - step, settings.gamma)) / (2 * step)
    spread = np.sqrt(((read + shot * still) * bend**2 + 1 / 12) / pixels[:, None])
    noise = rng.standard_normal(light.shape, dtype=np.float32)
    return tone_curve(light, settings.gamma) + spread * noise


def _shares(rng: np.random.Generator) -> Float[np.ndarray, " cell"]:
    """Skin share of the cells: the face of the mesh, narrower or wider, some of it in deep shadow, hair or beard."""
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


def _truth(settings: SimulationSettings, times_s: np.ndarray, waves: Waves) -> Truth:
    return Truth(
        times_s=times_s, bvp=waves.bvp, resp=waves.resp, hr_bpm=waves.hr_bpm, beats_s=waves.beats_s,
        rr_brpm=settings.rr_brpm, spo2_percent=settings.spo2_percent, pulsed=True,
        settings={**asdict(settings), "simulator_version": SIMULATOR_VERSION, "front_end": "traces"},
    )  # fmt: skip


def _rng(settings: SimulationSettings, part: int) -> np.random.Generator:
    return np.random.default_rng([settings.seed, part])
