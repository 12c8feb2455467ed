"""The colour of skin, its location in a photo, and its change to another tone.

This is the second stage of the simulator. Six tones come from an optical model: light crosses the epidermis
twice (melanin), is scattered back by the dermis (blood), and a few percent are reflected at the surface. The
skin of a photo is split into shading, local colour and highlights in linear light. Only the mean albedo is
replaced, so that another tone means another colour under the same light, not merely a darker picture.

What differs from published practice: brightness scaling, the usual substitute for skin tone, keeps the chroma
and dims the highlights; here melanin changes both chroma and luminance, and highlights stay white. A tone is
a property of the simulated surface, never a label of a person. Axis letters: H, W.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float

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

# Volume fractions of melanosomes in the epidermis and of blood in the dermis, from very light to very dark.
# Jacques 1998 gives 1.3-6.3 % melanosomes for light, 11-16 % for moderate and 18-43 % for dark skin.
TONES = ((0.008, 0.007), (0.025, 0.010), (0.055, 0.012), (0.11, 0.010), (0.22, 0.007), (0.37, 0.004))
PULSE_COLOUR = (0.33, 0.77, 0.53)  # relative change of R, G, B with blood volume: de Haan & van Leest 2014
EXPOSURE = 1.15  # linear light of an albedo of 1 at the middle of the cheeks

_NM = np.arange(400.0, 701.0, 10.0)
# Molar extinction of haemoglobin at _NM, cm-1/M, rounded: compilation of Prahl 1999 (omlc.org/spectra/hemoglobin).
_HBO2 = 1e3 * np.array([
    266, 467, 480, 246, 103, 62.8, 44.5, 33.2, 26.6, 23.7, 20.9, 20.0, 24.2, 40.0, 53.2, 43.0,
    32.6, 44.5, 50.1, 14.4, 3.2, 1.51, 0.94, 0.61, 0.44, 0.37, 0.32, 0.29, 0.28, 0.28, 0.29,
])  # fmt: skip
_HB = 1e3 * np.array([
    223, 304, 408, 529, 413, 103, 23.4, 16.2, 14.6, 16.7, 20.9, 25.8, 31.6, 39.0, 46.6, 53.4,
    53.8, 45.1, 37.0, 28.3, 14.7, 9.44, 6.51, 5.15, 4.35, 3.75, 3.23, 2.80, 2.41, 2.05, 1.79,
])  # fmt: skip
_XYZ_TO_RGB = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
_EPIDERMIS_CM = 0.006
_SATURATION = 0.75  # share of oxygenated haemoglobin in the dermis
_SURFACE = 0.03  # share reflected at the surface without entering, refractive index about 1.4


@dataclass(frozen=True)
class SkinMap:
    """Where a picture shows skin, and the colour of that skin."""

    pulse: Float[np.ndarray, "height width"]  # 0..1, without eyes, brows, lips: where a pulse is visible
    tint: Float[np.ndarray, "height width"]  # 0..1, including lips and brows: what changes with the tone
    face: Float[np.ndarray, "height width"]  # `pulse` inside the face oval only
    colour: Float[np.ndarray, " 3"]  # median linear RGB of the skin


def skin_colour(melanin: float, haemoglobin: float) -> Float[np.ndarray, " 3"]:
    """Colour of skin under white light.

    Args:
        melanin: volume fraction of melanosomes in the epidermis, 0..0.5.
        haemoglobin: volume fraction of blood in the dermis, 0..0.1.

    Returns:
        Linear sRGB reflectance, 0..1, for a camera that is balanced on a white surface.

    Source: Jacques 1998 and 2013 (melanosome, bloodless-skin absorption and scattering); Jensen et al. 2001,
    eq. (15) (total diffuse reflectance of the dipole); layers as in Donner & Jensen 2006 and Krishnaswamy &
    Baranoski 2004; Wyman et al. 2013 (colour matching functions). Our choice: 60 um epidermis crossed twice.
    """
    bloodless = 0.244 + 85.3 * np.exp(-(_NM - 154) / 66.2)  # cm-1
    melanosome = 6.6e11 * _NM**-3.33
    blood = np.log(10) * 150 / 64500 * (_SATURATION * _HBO2 + (1 - _SATURATION) * _HB)  # 150 g/l
    scattering = 46 * (_NM / 500) ** -1.421
    dermis = _diffuse_reflectance(haemoglobin * blood + (1 - haemoglobin) * bloodless, scattering)
    epidermis = np.exp(-2 * _EPIDERMIS_CM * (melanin * melanosome + (1 - melanin) * bloodless))
    return _SURFACE + (1 - _SURFACE) * (_rgb_weights() @ (dermis * epidermis))


def map_skin(
    linear: Float[np.ndarray, "height width 3"], landmarks: Float[np.ndarray, "landmark 2"]
) -> SkinMap:
    """Find the skin of a face in a still picture, as soft masks.

    Args:
        linear: picture in linear light, 0..1.
        landmarks: 468 mesh points, pixels.

    Returns:
        Weights of face, ears and neck by their similarity to the cheeks in chroma and light.

    Source: our choice. Chroma is the log ratio of the channels, in which the skin of one person lies close
    together and hair, even blond hair, lies apart.
    """
    shape = linear.shape[:2]
    oval = fill(landmarks[list(FACE_OVAL)], shape)
    lips = fill(_grow(landmarks[list(LIPS)], 1.08), shape)
    eyes = _union([_grow(landmarks[list(g)], 1.15) for g in (LEFT_EYE, RIGHT_EYE)], shape)
    brows = _union([_grow(landmarks[list(g)], 1.15) for g in (LEFT_BROW, RIGHT_BROW)], shape)
    cheeks = _union([landmarks[list(g)] for g in (LEFT_CHEEK, RIGHT_CHEEK)], shape)
    around = fill(_face_ears_neck(landmarks[list(FACE_OVAL)]), shape)
    face_width = float(np.ptp(landmarks[list(FACE_OVAL), 0]))

    colour = np.median(linear[cheeks > 0.5], axis=0)
    first = oval * _likeness(linear, colour, face_width) * (1 - lips) * (1 - eyes)
    colour = np.median(linear[first > 0.8], axis=0)  # of the whole face: cheeks are redder than the rest
    skin = _connected(around * _likeness(linear, colour, face_width), cheeks > 0.5)
    red_of_lips = _step(_log_ratio(linear, colour)[..., 0] - 0.02, 0.2)

    pulse = _soft(skin * (1 - np.maximum(eyes, np.maximum(brows, lips))), face_width)
    mouth = lips * np.maximum(red_of_lips, skin) * 0.8  # teeth stay as they are
    tint = _soft(np.maximum(skin * (1 - lips), mouth) * (1 - eyes), face_width)
    return SkinMap(pulse, tint, pulse * oval, colour)


def split_highlights(
    linear: Float[np.ndarray, "height width 3"], skin: SkinMap
) -> tuple[Float[np.ndarray, "height width 3"], Float[np.ndarray, "height width"]]:
    """Body colour and white highlights of the skin: linear = body + highlight, on every channel.

    Source: Shafer 1985 (dichromatic reflection), least squares on the skin colour and white; our choice: only
    60 % of what exceeds a tenth of white counts as highlight, because local skin colour varies too.
    """
    basis = np.stack([skin.colour, np.ones(3)], axis=1)
    parts = linear @ np.linalg.pinv(basis).T
    white = np.clip(0.6 * (parts[..., 1] - 0.1), 0, 0.8 * linear.min(axis=2)) * skin.tint
    white = cv2.GaussianBlur(white.astype(np.float32), (0, 0), 0.005 * linear.shape[1])
    white = np.minimum(white, 0.9 * linear.min(axis=2)).astype(np.float32)
    return (linear - white[..., None]).astype(np.float32), white


def retint(
    body: Float[np.ndarray, "height width 3"], skin: SkinMap, colour: Float[np.ndarray, " 3"]
) -> Float[np.ndarray, "height width 3"]:
    """Give the skin another albedo: shading and local colour of `body` stay, the mean colour becomes `colour`."""
    gain = np.log(colour / skin.colour).astype(np.float32)
    return body * np.exp(skin.tint[..., None] * gain)


def fill(points: Float[np.ndarray, "point 2"], shape: tuple[int, int]) -> Float[np.ndarray, "height width"]:
    """Polygon as an antialiased mask; points in pixels, with (0, 0) at the corner of the picture."""
    mask = np.zeros(shape, np.uint8)
    fixed = np.round((points - 0.5) * 16).astype(np.int32)  # four fractional bits
    cv2.fillPoly(mask, [fixed], 255, lineType=cv2.LINE_AA, shift=4)
    return mask.astype(np.float32) / 255


def _diffuse_reflectance(absorption: np.ndarray, scattering: np.ndarray) -> np.ndarray:
    """Jensen et al. 2001: diffuse reflectance of a half space with refractive index 1.4."""
    albedo = scattering / (scattering + absorption)
    fresnel = -1.440 / 1.4**2 + 0.710 / 1.4 + 0.668 + 0.0636 * 1.4
    mismatch = (1 + fresnel) / (1 - fresnel)
    root = np.sqrt(3 * (1 - albedo))
    return albedo / 2 * (1 + np.exp(-4 / 3 * mismatch * root)) * np.exp(-root)


def _rgb_weights() -> Float[np.ndarray, "3 wavelength"]:
    """Linear sRGB of a reflectance spectrum, white = (1, 1, 1); analytic CIE 1931 curves (Wyman et al. 2013)."""

    def lobe(centre: float, below: float, above: float) -> np.ndarray:
        return np.exp(-0.5 * ((_NM - centre) * np.where(centre > _NM, below, above)) ** 2)

    x = 0.362 * lobe(442.0, 0.0624, 0.0374) + 1.056 * lobe(599.8, 0.0264, 0.0323)
    x = x - 0.065 * lobe(501.1, 0.0490, 0.0382)
    y = 0.821 * lobe(568.8, 0.0213, 0.0247) + 0.286 * lobe(530.9, 0.0613, 0.0322)
    z = 1.217 * lobe(437.0, 0.0845, 0.0278) + 0.681 * lobe(459.0, 0.0385, 0.0725)
    weights = _XYZ_TO_RGB @ np.stack([x, y, z])
    return weights / weights.sum(axis=1, keepdims=True)


def _face_ears_neck(oval: np.ndarray) -> np.ndarray:
    """Convex outline around the oval, a little wider at the ears, and the neck below it."""
    low, high = oval.min(axis=0), oval.max(axis=0)
    centre, height = (low + high) / 2, high[1] - low[1]
    wide = centre + (oval - centre) * [1.16, 1.0]
    jaw = oval[oval[:, 1] > centre[1]]
    neck = centre + (jaw - centre) * [0.85, 1.0] + [0, 0.3 * height]
    return cv2.convexHull(np.concatenate([wide, neck]).astype(np.float32))[:, 0]


def _likeness(linear: np.ndarray, colour: np.ndarray, face_width: float) -> Float[np.ndarray, "height width"]:
    """Similarity of each pixel to skin of this colour, 0..1; gaps from single hairs and small shadows are closed."""
    log = _log_ratio(linear, colour)
    distance = np.hypot(log[..., 0] / 0.3, log[..., 2] / np.where(log[..., 2] < 0, 0.45, 0.35))
    light = np.log((linear[..., 1] + 0.004) / (colour[1] + 0.004))
    alike = _step(1.0 - distance, 0.6) * _step(light + 1.7, 0.6) * _step(1.5 - light, 0.5)
    alike = cv2.GaussianBlur(alike.astype(np.float32), (0, 0), 0.02 * face_width)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(0.035 * face_width) + 1,) * 2)
    return _step(cv2.morphologyEx(alike, cv2.MORPH_CLOSE, disc) - 0.55, 0.5)


def _log_ratio(linear: np.ndarray, colour: np.ndarray) -> Float[np.ndarray, "height width 3"]:
    """Log of each channel over green, relative to the skin colour: chroma without light."""
    log = np.log((np.maximum(linear, 0) + 0.004) / (colour + 0.004))
    return log - log[..., 1:2]


def _connected(mask: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """The parts of a soft mask that are connected to the seed; this drops strands of hair in skin colour."""
    labels = cv2.connectedComponents((mask > 0.5).astype(np.uint8))[1]
    kept = np.isin(labels, np.unique(labels[seed & (labels > 0)])).astype(np.uint8)
    return mask * cv2.dilate(kept, np.ones((5, 5), np.uint8))


def _union(outlines: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    return np.max([fill(points, shape) for points in outlines], axis=0)


def _soft(mask: np.ndarray, face_width: float) -> np.ndarray:
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(0.6, 0.008 * face_width))


def _grow(points: np.ndarray, factor: float) -> np.ndarray:
    centre = points.mean(axis=0)
    return centre + (points - centre) * factor


def _step(distance: np.ndarray, width: float) -> np.ndarray:
    """Smooth 0..1 step of the given width, one half at distance 0."""
    x = np.clip(distance / width + 0.5, 0, 1)
    return x * x * (3 - 2 * x)
