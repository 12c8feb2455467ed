"""Frames of a simulated clip: pictures that are summed, warped and exposed, and a tracker that uses the truth.

Only the encoder (`codec`) comes after this stage. All changes of a clip's light are linear, so a frame is a
weighted sum of a few fixed pictures (`layers`) with one weight each per frame (`strengths`), which costs one
vector-matrix product. The picture is then warped with the head's motion and exposed by the camera.
Axis letters: T time, K layer, H, W, L landmark.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from rppg_core.lab.simulate.colour import camera_colours, pulse_colour
from rppg_core.lab.simulate.hands import Hand
from rppg_core.lab.simulate.head import Motion
from rppg_core.lab.simulate.physiology import band_noise
from rppg_core.lab.simulate.portrait import SIDE_WIDTHS, Portrait
from rppg_core.lab.simulate.scene import (
    Camera,
    Sensor,
    Warp,
    noise_variance,
    smooth_field,
    tone_curve,
)
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.video.face import FaceObservation
from rppg_core.video.frame import ArrayFrame, Frame
from rppg_core.video.mesh_points import LIPS

SHADING_PER_WIDTH = (
    0.5  # relative change of shading across the face when it moves by its own width; median of the draws
)
# layers after the still picture
PULSE, DELAY, RED, SHADE_X, SHADE_Y, GLOSS, SLOPE, CLOUDS, MOUTH, SCREEN = range(1, 11)
N_LAYERS = 11
JAW_DROP = 0.02  # of the face height, with the mouth wide open


@dataclass(frozen=True)
class Layers:
    """Fixed pictures in linear light; layer 0 is the still picture."""

    pictures: Float[np.ndarray, "layer height width 3"]
    moving: Float[np.ndarray, "height width"]  # share of the head's motion that moves each pixel
    centre: Float[np.ndarray, " 2"]  # of the face, pixels
    face_width: float  # pixels
    landmarks: Float[np.ndarray, "landmark 2"]
    skin: Float[
        np.ndarray, "height width"
    ]  # weight of face skin, over which the amplitude is exact; 0 without a face


def portrait_layers(
    portrait: Portrait,
    settings: SimulationSettings,
    rng: np.random.Generator,
    colour_rng: np.random.Generator,
) -> Layers:
    """A face with its pulse, and how its shading and highlights change when it moves.

    Args:
        portrait: the still photo.
        settings: pulse and camera. The pulse layers compensate for the effect of the tone curve on the amplitude.
        rng: draws the perfusion, the pulse's colour and the fields of the light.
        colour_rng: draws the camera's colours and the delay of the pulse.

    Returns:
        Layers in the order PULSE, DELAY (per second), RED (what oxygen changes), SHADE_X, SHADE_Y, GLOSS, SLOPE,
        CLOUDS, MOUTH (wide open), SCREEN (relative).
    """
    size = len(portrait.body)
    width, height = portrait.face_size
    y, x = (np.mgrid[:size, :size] + 0.5).astype(np.float32)
    across, along = (x - portrait.centre[0]) / width, (y - portrait.centre[1]) / height
    head = portrait.head[..., None]
    still = portrait.body + portrait.highlights[..., None]
    perfusion = portrait.skin.pulse * np.exp(0.3 * smooth_field(size, rng, knots=8))
    colour = pulse_colour(settings.pulse_colour_shift, settings.pulse_colour_spread, rng)
    pulse = -portrait.body * perfusion[..., None] * colour.astype(np.float32)

    def shading(ramp: np.ndarray) -> np.ndarray:
        field = ramp + 0.3 * smooth_field(size, rng) + 0.3 * rng.standard_normal()
        strength = SHADING_PER_WIDTH * np.exp(0.4 * rng.standard_normal())
        return still * head * (strength * field[..., None]).astype(np.float32)

    pictures = np.zeros((N_LAYERS, size, size, 3), np.float32)
    pictures[0] = still
    pictures[PULSE] = pulse
    pictures[SHADE_X], pictures[SHADE_Y] = shading(across), shading(along)
    gloss = portrait.highlights * portrait.head * np.tanh(smooth_field(size, rng, knots=6))
    pictures[GLOSS] = gloss[..., None]
    pictures[SLOPE] = still * (0.6 * (x / size - 0.5) + 0.3 * smooth_field(size, rng))[..., None]
    pictures[CLOUDS] = still * (1 - head) * smooth_field(size, rng, knots=6)[..., None]
    colours = camera_colours(settings.colour_matrix_spread, settings.white_balance_spread, colour_rng)
    pictures[MOUTH] = _open_mouth(portrait, still)
    tint = np.exp(0.5 * colour_rng.standard_normal(3))
    pictures[SCREEN] = still * (
        tint / tint.mean() * (1 + 0.5 * smooth_field(size, colour_rng, knots=3)[..., None])
    )
    # to first order, a pulse delayed by d seconds is the pulse minus d times its slope
    pictures[DELAY] = -pulse * (settings.delay_s * smooth_field(size, colour_rng, knots=5))[..., None]
    pictures[RED, ..., 0] = pulse[..., 0]
    lamps = 1 + settings.lamps * colour_rng.standard_normal((2, 1, 1, 3))
    pictures[[SHADE_X, SHADE_Y]] *= lamps.astype(np.float32)
    finish = (settings.exposure * colours).astype(np.float32)
    pictures = cv2.transform(pictures.reshape(-1, size, 3), finish).reshape(pictures.shape)
    if settings.finished_amplitude > 0:
        amplitude, face = settings.finished_amplitude, portrait.skin.face
        pictures[[PULSE, DELAY, RED]] *= np.float32(
            _pulse_scale(pictures[0], pictures[PULSE], face, amplitude, settings.camera)
        )
    return Layers(
        pictures, portrait.head, portrait.centre, float(width), portrait.landmarks, portrait.skin.face
    )


def wall_layers(portrait: Portrait, rng: np.random.Generator, *, blank: bool = False) -> Layers:
    """A wall, smooth or rough, where the tracker reports a face; `blank` gives uniform middle grey.

    The landmarks are those of the portrait; the wall uses nothing else of it.
    """
    size = len(portrait.body)
    still = _wall_picture(size, rng)
    if blank:
        still = np.full_like(still, 0.214)
    pictures = np.zeros((N_LAYERS, size, size, 3), np.float32)
    pictures[0] = still
    pictures[SLOPE] = still * smooth_field(size, rng, knots=3)[..., None]
    zero = np.zeros((size, size), np.float32)
    return Layers(pictures, zero, portrait.centre, size / SIDE_WIDTHS, portrait.landmarks, zero)


@dataclass(frozen=True)
class Scene:
    """Everything that happens in a clip, for each moment of its own time."""

    layers: Layers
    strengths: Float[np.ndarray, "time layer"]
    motion: Motion  # of what `moving` marks
    behind: Motion | None  # of the background, where it moves
    camera: Camera
    hand: Hand | None = None


class RenderedFrames:
    """Frames of a scene, rendered each time they are read, always with the same result.

    Args:
        scene: what happens.
        times_s: time stamp of each frame.
        order: which moment of the scene each frame shows.
        shown: which frame each frame is: its own index, or that of the frame it duplicates.
        seed: of the camera's noise.
    """

    def __init__(
        self,
        scene: Scene,
        times_s: Float[np.ndarray, " time"],
        order: Int[np.ndarray, " time"],
        shown: Int[np.ndarray, " time"],
        seed: list[int],
    ):
        self.times_s = times_s
        self._scene, self._order, self._shown, self._seed = scene, order, shown, seed
        layers = scene.layers
        used = np.flatnonzero(np.any(scene.strengths, axis=0))
        self._flat = layers.pictures[used].reshape(len(used), -1)
        self._strengths = np.ascontiguousarray(scene.strengths[:, used])
        self._head = Warp(layers.moving, layers.centre, layers.face_width)
        self._behind = Warp(1 - layers.moving, layers.centre, layers.face_width)
        self._sensor = Sensor(scene.camera, self._flat.shape[1], np.random.default_rng(seed))

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Frame]:
        for k in range(len(self)):
            yield ArrayFrame(float(self.times_s[k]), self.rgb(k))

    @property
    def layers(self) -> Layers:
        """The fixed pictures that the frames are sums of."""
        return self._scene.layers

    def pictures(self) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """Every frame, in order."""
        return (self.rgb(k) for k in range(len(self)))

    def rgb(self, k: int) -> UInt8[np.ndarray, "height width 3"]:
        """Frame k as it leaves the camera."""
        k, scene = int(self._shown[k]), self._scene
        moment = int(self._order[k])
        light = (self._strengths[moment] @ self._flat).reshape(scene.layers.pictures.shape[1:])
        if np.any(scene.layers.moving):
            light = self._head.apply(light, scene.motion, moment)
        if scene.behind is not None:
            light = self._behind.apply(light, scene.behind, moment)
        if scene.hand is not None:
            light = self._behind_hand(light, scene.hand, moment)
        return self._sensor.expose(light, np.random.default_rng([*self._seed, k]))

    def _behind_hand(self, light: np.ndarray, hand: Hand, moment: int) -> np.ndarray:
        """The picture with the hand in front of it, in the same light."""
        share = hand.cover(*self._from_face, moment)
        if share is None:
            return light
        colour = (self._strengths[moment, 0] * (self._skin_mean * hand.colour)).astype(np.float32)
        return light + share[..., None] * (colour - light)

    @cached_property
    def _from_face(self) -> tuple[Float[np.ndarray, "1 width"], Float[np.ndarray, "height 1"]]:
        """How far each pixel lies from the middle of the face, right and down, in face widths."""
        pixels = np.arange(len(self.layers.moving)) + 0.5
        right, down = ((pixels - middle) / self.layers.face_width for middle in self.layers.centre)
        return right[None], down[:, None]

    @cached_property
    def _skin_mean(self) -> Float[np.ndarray, " 3"]:
        """Mean colour of the face's skin in linear light."""
        return np.tensordot(self.layers.skin / self.layers.skin.sum(), self.layers.pictures[0], 2)


class KnownFace:
    """A tracker that returns the true face position with small errors, like those of a real tracker.

    Args:
        scene: what happens.
        times_s: frame times.
        order: which moment of the scene each frame shows.
        seed: of the detector's jitter.
    """

    def __init__(
        self,
        scene: Scene,
        times_s: Float[np.ndarray, " time"],
        order: Int[np.ndarray, " time"],
        seed: list[int],
    ):
        rng = np.random.default_rng(seed)
        self._scene, self._times_s, self._order = scene, times_s, order
        self._warp = Warp(scene.layers.moving, scene.layers.centre, scene.layers.face_width)
        grid_s = np.arange(times_s[0], times_s[-1] + 0.1, 1 / 60)
        noise = [np.interp(times_s, grid_s, band_noise(grid_s, 0.1, 6.0, rng, power=1)) for _ in range(4)]
        self._jitter = Motion(
            shift=0.003 * np.stack(noise[:2], axis=1), roll=0.002 * noise[2], zoom=1 + 0.003 * noise[3]
        )
        self._points = 0.003 * scene.layers.face_width * rng.standard_normal((len(times_s), 8, 2))
        self._mix = rng.standard_normal((len(scene.layers.landmarks), 8)) / np.sqrt(8)

    def observe(self, frame: Frame) -> FaceObservation:
        """Landmarks of the frame nearest in time, with jitter of about 0.3 % of the face width."""
        k = int(np.argmin(np.abs(self._times_s - frame.time_s)))
        points = self._scene.layers.landmarks
        if np.any(self._scene.layers.moving):
            points = self._warp.points(points, self._scene.motion, int(self._order[k]))
        points = self._warp.points(points, self._jitter, k) + self._mix @ self._points[k]
        return FaceObservation(points.astype(np.float32), 1.0, 1)


def before_wall(portrait: Portrait, rng: np.random.Generator) -> Portrait:
    """The same head before a wall."""
    head = portrait.head[..., None]
    body = head * portrait.body + (1 - head) * _wall_picture(len(head), rng)
    return replace(portrait, body=body, highlights=portrait.highlights * portrait.head)


def wall_colour(rng: np.random.Generator) -> Float[np.ndarray, " 3"]:
    """The colour of a painted wall in linear light."""
    return rng.uniform(0.12, 0.45) * np.exp(rng.normal(0, 0.15, 3))


def _wall_picture(size: int, rng: np.random.Generator) -> Float[np.ndarray, "size size 3"]:
    """A wall in linear light: one colour, smooth or rough, in light that falls off to some side."""
    colour = wall_colour(rng)
    rough = rng.choice([0.0, 0.03, 0.1])
    texture = cv2.GaussianBlur(rng.standard_normal((size, size)).astype(np.float32), (0, 0), 1.2)
    light = np.exp(0.15 * smooth_field(size, rng, knots=3) + rough * texture / texture.std())
    return (light[..., None] * colour).astype(np.float32)


def _open_mouth(portrait: Portrait, still: np.ndarray) -> Float[np.ndarray, "height width 3"]:
    """Change of the picture when the mouth opens: dark between the lips, and the jaw a little lower.

    The jaw's displacement is approximated by the picture's slope times a smooth field, which is accurate
    enough for a shift of a few percent of the face.
    """
    lips = portrait.landmarks[list(LIPS)]
    (x, y), (width, height) = (lips.min(axis=0) + lips.max(axis=0)) / 2, np.ptp(lips, axis=0)
    face_width, face_height = portrait.face_size
    rows, columns = (np.mgrid[: len(still), : len(still)] + 0.5).astype(np.float32)
    radius = np.hypot((columns - x) / (0.33 * width), (rows - y) / (0.3 * height + 0.015 * face_height))
    hole = 1 / (1 + np.exp(8 * (radius - 1)))
    chin = float(portrait.landmarks[:, 1].max()) + 0.1 * face_height
    below = np.clip((rows - y) / (0.12 * face_height), 0, 1) * np.clip(
        (chin - rows) / (0.1 * face_height), 0, 1
    )
    jaw = portrait.head * below * np.exp(-0.5 * ((columns - x) / (0.28 * face_width)) ** 2)
    slope = cv2.Sobel(cv2.GaussianBlur(still, (0, 0), 1.0), cv2.CV_32F, 0, 1, scale=1 / 8)
    drop = (JAW_DROP * face_height * jaw)[..., None] * slope
    return (-0.7 * hole[..., None] * still - drop).astype(np.float32)


def _pulse_scale(
    still: np.ndarray, pulse: np.ndarray, face: np.ndarray, amplitude: float, camera: Camera
) -> float:
    """Factor on the pulse layer that gives the finished green channel the wanted relative change.

    The expected grey level of a noisy pixel is a Gauss-Hermite mean over the noise (three points), because
    near black the tone curve is not linear over the range of the noise.
    """
    skin = face > 0.02
    light, change, weight = still[..., 1][skin], pulse[..., 1][skin], face[skin]
    read, shot = noise_variance(camera)
    spread = np.sqrt(3 * (read + shot * light))

    def mean_level(blood: float) -> float:
        seen = light + blood * change
        grey = tone_curve(np.stack([seen - spread, seen, seen + spread]), camera.gamma)
        return float(np.average(grey[0] / 6 + grey[1] * 2 / 3 + grey[2] / 6, weights=weight))

    scale = amplitude
    for _ in range(3):
        got = (mean_level(-scale) - mean_level(scale)) / (2 * mean_level(0.0))
        scale *= amplitude / got
    return scale
