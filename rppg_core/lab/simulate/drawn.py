"""An invented face: painted around mesh points, a different one for every seed.

The 468 stored points are turned upright, stretched and bent. Skin of any tone, hair, brows, eyes, lips, and
sometimes a beard or glasses are painted around them in linear light, in front of a random background. The
result is a `Portrait` like that of a photo, except that its skin is known and need not be found. Networks are
trained on these faces, so that the photo of the benchmark is new to them.

What differs from published practice: rendered heads (SCAMPS) are far more lifelike and take minutes per clip;
the input of a pulse network is only 36 x 36 pixels, for which shading, texture, borders and highlights matter
most.
Axis letters: H, W.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float

from rppg_core.lab.simulate import skin
from rppg_core.lab.simulate.portrait import SIDE_WIDTHS, Portrait, astronaut_landmarks, head_weight
from rppg_core.lab.simulate.scene import smooth_field
from rppg_core.lab.simulate.skin import fill
from rppg_core.video.mesh_points import (
    FACE_OVAL,
    LEFT_BROW,
    LEFT_CHEEK,
    LEFT_EYE,
    LIPS,
    RIGHT_BROW,
    RIGHT_CHEEK,
    RIGHT_EYE,
)

HAIR = (
    (0.012, 0.010, 0.009),
    (0.03, 0.018, 0.012),
    (0.09, 0.05, 0.03),
    (0.30, 0.19, 0.09),
    (0.17, 0.06, 0.03),
    (0.35, 0.34, 0.33),
)  # linear light: black, dark brown, brown, blond, red, grey
IRIS = ((0.03, 0.015, 0.01), (0.08, 0.05, 0.02), (0.10, 0.16, 0.22), (0.07, 0.12, 0.05))
CHIN, NOSE_TIP, NOSE_ROOT, NOSTRILS, LIP_LINE = 152, 1, 168, (98, 327), (61, 81, 13, 311, 291)
BALD, BEARD, GLASSES = 0.12, 0.25, 0.15  # probability of each in a face


@dataclass(frozen=True)
class _Canvas:
    """Positions in the picture that all painting functions need."""

    points: Float[np.ndarray, "landmark 2"]
    across: Float[np.ndarray, "height width"]  # from the middle of the face to the right, face widths
    along: Float[np.ndarray, "height width"]  # from the middle of the face downwards, face heights
    oval: Float[np.ndarray, "height width"]
    width: float  # of the face, pixels

    @property
    def size(self) -> int:
        return len(self.oval)

    def area(self, *groups: tuple[int, ...], grow: float = 1.0) -> Float[np.ndarray, "height width"]:
        """Mask of the areas inside outlines of mesh points, 0..1."""
        masks = []
        for group in groups:
            outline = self.points[list(group)]
            centre = outline.mean(axis=0)
            masks.append(fill(centre + grow * (outline - centre), self.oval.shape))
        return np.max(masks, axis=0)

    def spot(self, point: np.ndarray, radius: float) -> Float[np.ndarray, "height width"]:
        """A soft round spot; radius in face widths."""
        along = np.arange(self.size) + 0.5
        x, y = (np.exp(-0.5 * ((along - place) / (radius * self.width)) ** 2) for place in point)
        return np.outer(y, x).astype(np.float32)


def draw_portrait(rng: np.random.Generator, *, tone: int, size: int) -> Portrait:
    """Paint one face.

    Args:
        rng: source of randomness; another state gives another face.
        tone: index into skin.TONES; the face's own melanin varies around it.
        size: side of the square picture. Unit: pixels.

    Returns:
        The portrait, in linear light.
    """
    canvas = _canvas(_bent_landmarks(rng, size), size)
    light = _shading(canvas, rng)[..., None]
    hair = np.array(HAIR[rng.integers(len(HAIR))]) * np.exp(0.2 * rng.standard_normal())
    albedo = _albedo(tone, rng)
    bare = _bare_skin(canvas)

    picture = _background(size, rng)
    picture = _over(picture, _back_hair(canvas, rng), _strands(canvas, hair, rng) * light)
    surface = _skin_surface(canvas, albedo, rng)
    picture = _over(picture, bare, surface * light)
    features = np.zeros((size, size), np.float32)
    for cover, colour in _features(canvas, albedo, hair, rng):
        picture = _over(picture, cover, colour * light)
        features = np.maximum(features, cover)
    blood = cv2.GaussianBlur(bare * (1 - features), (0, 0), max(0.5, 0.01 * canvas.width))
    picture = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), max(0.4, 0.004 * size))
    highlights = (_shine(canvas, rng) * light[..., 0] * blood).astype(np.float32)
    found = skin.SkinMap(blood, bare, blood * canvas.oval, np.median(picture[blood > 0.8], axis=0))
    return Portrait(
        np.clip(picture, 0, 1), highlights, found, head_weight(canvas.points, size), canvas.points
    )


def _bent_landmarks(rng: np.random.Generator, size: int) -> Float[np.ndarray, "landmark 2"]:
    """Landmarks of a new face: the stored points turned upright, stretched, bent and placed in the picture."""
    points = astronaut_landmarks()
    eyes = points[list(RIGHT_EYE)].mean(axis=0) - points[list(LEFT_EYE)].mean(axis=0)
    flat = points - points[list(FACE_OVAL)].mean(axis=0)
    z = (flat[:, 0] + 1j * flat[:, 1]) * np.exp(-1j * np.arctan2(eyes[1], eyes[0]))
    face = np.stack([z.real, z.imag], axis=1) / np.ptp(z[list(FACE_OVAL)].real)
    face *= np.exp([0.0, 0.07 * rng.standard_normal()])
    for wave in rng.uniform(0.5, 2.0, (4, 2)):  # smooth bends, each along one direction
        phase = 2 * np.pi * rng.uniform() + 2 * np.pi * face @ (wave * rng.choice([-1, 1], 2))
        face = face + 0.012 * np.sin(phase)[:, None] * rng.standard_normal(2)
    turn = np.exp(1j * np.radians(4 * rng.standard_normal()))
    z = (face[:, 0] + 1j * face[:, 1]) * turn * size / SIDE_WIDTHS * rng.uniform(0.85, 1.1)
    place = np.array([0.5, 0.54]) * size + 0.02 * size * rng.standard_normal(2)
    return np.stack([z.real, z.imag], axis=1) + place


def _canvas(points: np.ndarray, size: int) -> _Canvas:
    oval = points[list(FACE_OVAL)]
    low, high = oval.min(axis=0), oval.max(axis=0)
    y, x = (np.mgrid[:size, :size] + 0.5).astype(np.float32)
    (cx, cy), (width, height) = (low + high) / 2, high - low
    return _Canvas(points, (x - cx) / width, (y - cy) / height, fill(oval, (size, size)), float(width))


def _albedo(tone: int, rng: np.random.Generator) -> Float[np.ndarray, " 3"]:
    melanin, blood = np.array(skin.TONES[tone]) * np.exp(0.2 * rng.standard_normal(2))
    return skin.EXPOSURE * skin.skin_colour(float(melanin), float(blood))


def _shading(canvas: _Canvas, rng: np.random.Generator) -> Float[np.ndarray, "height width"]:
    """Light on an egg shape from a random side, in a bright or dark room; mean 1 on the face."""
    u, v = canvas.across / 0.62, canvas.along / 0.66
    depth = np.sqrt(np.maximum(1 - u * u - v * v, 0.05))
    side, up = np.radians(rng.normal(0, 30)), np.radians(rng.uniform(0, 45))
    lamp = [np.sin(side) * np.cos(up), -np.sin(up), np.cos(side) * np.cos(up)]
    direct = np.maximum(u * lamp[0] + v * lamp[1] + depth * lamp[2], 0)
    light = direct + rng.uniform(0.25, 2.0)
    nose = canvas.spot(
        canvas.points[NOSE_TIP] + canvas.width * np.array([-0.1 * np.sign(lamp[0]), 0.01]), 0.05
    )
    light = light * (1 - 0.25 * abs(lamp[0]) * nose)
    return np.clip(light / light[canvas.oval > 0.5].mean(), 0.3, 1.5).astype(np.float32)


def _bare_skin(canvas: _Canvas) -> Float[np.ndarray, "height width"]:
    """Face, ears and neck."""
    ears = [canvas.spot(canvas.points[k], 0.07) > 0.4 for k in (234, 454)]
    below = np.clip((0.95 - np.abs(canvas.along - 0.35) * 1.6) * 8, 0, 1) * (canvas.along > 0)
    neck = np.clip((0.3 - np.abs(canvas.across)) * canvas.width / 2, 0, 1) * below
    return np.maximum(np.maximum(canvas.oval, neck), np.max(ears, axis=0)).astype(np.float32)


def _skin_surface(
    canvas: _Canvas, albedo: np.ndarray, rng: np.random.Generator
) -> Float[np.ndarray, "height width 3"]:
    """Albedo with patches, red cheeks, blemishes and pores, and shadows under the chin and beside the nose."""
    size = canvas.size
    tone = 0.05 * smooth_field(size, rng, knots=6) + 0.02 * smooth_field(size, rng, knots=16)
    tone = tone + rng.uniform(0, 0.05) * rng.standard_normal((size, size))
    red = 0.04 * smooth_field(size, rng, knots=5) + rng.uniform(0, 0.15) * canvas.area(
        LEFT_CHEEK, RIGHT_CHEEK
    )
    low, high = canvas.points.min(axis=0), canvas.points.max(axis=0)
    for _ in range(rng.poisson(rng.choice([2, 8, 30]))):
        spot = canvas.spot(rng.uniform(low, high), rng.uniform(0.004, 0.02))
        tone, red = tone - rng.uniform(0, 0.5) * spot, red + rng.uniform(0, 0.3) * spot
    tone = tone - rng.uniform(0.2, 0.6) * (1 - canvas.oval) * (canvas.along > 0.2)
    for side in NOSTRILS:
        tone = tone - 0.25 * canvas.spot(canvas.points[side], 0.035)
    for eye in (LEFT_EYE, RIGHT_EYE):
        tone = tone - 0.15 * canvas.spot(canvas.points[list(eye)].mean(axis=0), 0.1)
    tint = np.stack([tone + 0.3 * red, tone - 0.6 * red, tone - 0.6 * red], axis=2)
    return (albedo * np.exp(cv2.GaussianBlur(tint.astype(np.float32), (0, 0), 0.6))).astype(np.float32)


def _features(
    canvas: _Canvas, albedo: np.ndarray, hair: np.ndarray, rng: np.random.Generator
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Everything that covers skin, in order of painting: its mask (0..1) and its colour."""
    size, points = canvas.size, canvas.points
    strands = _strands(canvas, hair, rng)
    lips = albedo * np.array([0.85, 0.5, 0.55]) * np.exp(0.15 * rng.standard_normal(3))
    painted = [(canvas.area(LIPS, grow=1.05), lips)]
    line = np.zeros((size, size), np.uint8)
    cv2.polylines(
        line,
        [np.round(points[list(LIP_LINE)] * 16).astype(np.int32)],
        False,
        255,
        max(1, round(0.012 * canvas.width)),
        cv2.LINE_AA,
        4,
    )
    painted.append((0.7 * line.astype(np.float32) / 255, 0.3 * lips))
    iris = np.array(IRIS[rng.integers(len(IRIS))])
    gaze = canvas.width * np.array([0.02, 0.005]) * rng.standard_normal(2)
    for eye in (LEFT_EYE, RIGHT_EYE):
        opened, middle = canvas.area(eye, grow=1.1), points[list(eye)].mean(axis=0) + gaze
        painted.append((canvas.area(eye, grow=1.3), 0.35 * albedo))
        painted.append((opened, np.array([0.5, 0.47, 0.45])))
        painted.append((opened * (canvas.spot(middle, 0.04) > 0.5), iris))
        painted.append((opened * (canvas.spot(middle, 0.018) > 0.5), np.full(3, 0.005)))
    painted.append(
        (canvas.area(LEFT_BROW, RIGHT_BROW, grow=rng.uniform(0.9, 1.2)) * rng.uniform(0.5, 0.95), strands)
    )
    if rng.uniform() < BEARD:
        below = 1 / (1 + np.exp(-(canvas.along - 0.17 - 0.25 * canvas.across**2) * 40))
        around = 1 - canvas.area(LIPS, grow=1.1)
        rough = np.clip(0.8 + 0.3 * rng.standard_normal((size, size)), 0, 1)
        painted.append((rng.uniform(0.3, 0.95) * canvas.oval * below * around * rough, strands))
    if rng.uniform() > BALD:
        edge = rng.uniform(-0.5, -0.38) + rng.uniform(-0.4, 0.4) * canvas.across**2
        edge = edge + 0.02 * smooth_field(size, rng, knots=9) + 0.15 * np.abs(canvas.across) ** 3
        fringe = 1 / (1 + np.exp((canvas.along - edge) * 50))
        painted.append((fringe * (np.hypot(canvas.across / 0.6, canvas.along / 0.68) < 1), strands))
    if rng.uniform() < GLASSES:
        frame = np.zeros((size, size), np.uint8)
        for eye in (LEFT_EYE, RIGHT_EYE):
            x, y = points[list(eye)].mean(axis=0)
            axes = (round(0.16 * canvas.width), round(0.12 * canvas.width))
            cv2.ellipse(frame, (round(x), round(y)), axes, 0, 0, 360, 255, max(1, round(0.02 * canvas.width)),
                        cv2.LINE_AA)  # fmt: skip
        painted.append((frame.astype(np.float32) / 255, rng.uniform(0.0, 0.2, 3)))
    return [(cover.astype(np.float32), np.asarray(colour, np.float32)) for cover, colour in painted]


def _back_hair(canvas: _Canvas, rng: np.random.Generator) -> Float[np.ndarray, "height width"]:
    """Mask of the hair around the head, which may reach the shoulders."""
    if rng.uniform() < BALD:
        return np.zeros_like(canvas.oval)
    wide, high = rng.uniform(0.55, 0.72), rng.uniform(0.6, 0.72)
    radius = np.hypot(canvas.across / wide, (canvas.along + 0.06) / high)
    if rng.uniform() < 0.4:
        radius = np.where(canvas.along > 0, np.abs(canvas.across) / wide, radius)
    return np.clip((1 - radius) * 12, 0, 1).astype(np.float32)


def _strands(
    canvas: _Canvas, hair: np.ndarray, rng: np.random.Generator
) -> Float[np.ndarray, "height width 3"]:
    noise = cv2.GaussianBlur(
        rng.standard_normal((canvas.size,) * 2).astype(np.float32), (0, 0), 0.6, sigmaY=4
    )
    return (hair * np.exp(0.35 * noise / noise.std())[..., None]).astype(np.float32)


def _shine(canvas: _Canvas, rng: np.random.Generator) -> Float[np.ndarray, "height width"]:
    """White highlights on forehead, nose and cheekbones."""
    places = [canvas.points[k] for k in (151, NOSE_TIP, 6, 117, 346)]
    spots = [rng.uniform() * canvas.spot(place, rng.uniform(0.04, 0.12)) for place in places]
    return rng.uniform(0.0, 0.2) * np.sum(spots, axis=0)


def _background(size: int, rng: np.random.Generator) -> Float[np.ndarray, "height width 3"]:
    """A wall, with or without objects in front of it, in or out of focus, and clothes at the bottom."""
    picture = np.empty((size, size, 3), np.float32)
    picture[:] = _any_colour(rng)
    for _ in range(rng.choice([0, 3, 10])):
        x, y, w, h = rng.uniform(-0.2, 1, 2).tolist() + rng.uniform(0.05, 0.6, 2).tolist()
        corners = [(round(a * size), round(b * size)) for a, b in ((x, y), (x + w, y + h))]
        cv2.rectangle(picture, corners[0], corners[1], _any_colour(rng).tolist(), -1)
    picture = cv2.GaussianBlur(picture, (0, 0), rng.choice([0.5, 2, 6]) * size / 128)
    picture *= np.exp(0.2 * smooth_field(size, rng, knots=3) + 0.03 * rng.standard_normal((size, size)))[
        ..., None
    ]
    middle = (round(size / 2), round(1.12 * size))
    axes = (round(rng.uniform(0.4, 0.6) * size), round(0.24 * size))
    cv2.ellipse(picture, middle, axes, 0, 0, 360, _any_colour(rng).tolist(), -1)
    return picture


def _any_colour(rng: np.random.Generator) -> Float[np.ndarray, " 3"]:
    return np.clip(
        np.exp(rng.uniform(np.log(0.02), np.log(0.7))) * np.exp(0.3 * rng.standard_normal(3)), 0, 0.9
    )


def _over(picture: np.ndarray, cover: np.ndarray, colour: np.ndarray) -> Float[np.ndarray, "height width 3"]:
    """Paint a colour, or a picture, over another where `cover` is 1."""
    return picture + cover[..., None] * (colour - picture)
