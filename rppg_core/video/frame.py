"""One picture of a video, as decoded; only the small regions that are needed are converted to RGB.

The reader yields these frames. Converting a whole picture to RGB costs more than decoding it, and rounds
every pixel to a grey level, which is more than the amplitude of a pulse. Therefore a region is cut out of the
decoder's planes without a copy, each plane is area-averaged to the requested size, and the colour matrix is
applied in floating point to that small result. The order of mean and matrix does not matter, since both are
linear. (Clipping is not linear; it also comes after the mean.)

Axis letters: H, W. Planes hold (rows, columns) or (rows, columns, channels).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import av
import cv2
import numpy as np
from jaxtyping import Float, Num

BAND_ROWS = 16  # from this many rows per output row, rows are averaged first: five times faster
YUV = re.compile(r"yuvj?(420|422|444|440|411|410)p(?:(9|10|12|14|16)le)?")
RGB_PLANES = re.compile(r"gbrp(?:(9|10|12|14|16)le)?")
GREY = re.compile(r"gray(?:(9|10|12|14|16)le)?")
SEMI_PLANAR = {
    "nv12": ("yuv", 8),
    "nv21": ("yvu", 8),
    "p010le": ("yuv", 16),
}  # p010: 10 bits at the top of 16
PACKED = {"rgb24": "rgb", "bgr24": "bgr", "rgba": "rgb-", "bgra": "bgr-", "rgb0": "rgb-", "bgr0": "bgr-"}
CHROMA_STEPS = {
    "420": (2, 2),
    "422": (2, 1),
    "444": (1, 1),
    "440": (1, 2),
    "411": (4, 1),
    "410": (4, 4),
}
# Weights of red and blue in luma by AVCOL_SPC number. Source: ITU-T H.273, table 4.
LUMA_WEIGHTS = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}
BT601 = (0.299, 0.114)  # also the default where the file names no matrix, as in FFmpeg and OpenCV
EXACT = (
    0x2 | 0x2000 | 0x40000
)  # swscale: bilinear, full chroma, accurate rounding (its default is 1 grey level off)
FULL_RANGE = 2  # AVCOL_RANGE_JPEG
KINDS = {1: "I", 2: "P", 3: "B"}  # AVPictureType
TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


@dataclass(frozen=True)
class Plane:
    """Samples of one or more channels, and the number of picture pixels that one sample covers."""

    samples: np.ndarray
    step_x: int = 1
    step_y: int = 1


@dataclass(frozen=True)
class Upright:
    """How to make a stored picture upright: a clockwise turn of 0, 90, 180 or 270 degrees, then mirroring."""

    turn_deg: int = 0
    mirrored: bool = False


AS_STORED = Upright()


class Frame:
    """One picture at its true time; coordinates are upright pixels, whatever the stored orientation.

    Args:
        time_s: time since the first frame. Unit: s.
        planes: the first one has a sample for every pixel (steps of 1).
        to_rgb: matrix from the planes' channels and a constant 1 to RGB grey levels, (3, channels + 1).
        upright: how the stored picture is turned and mirrored for display.
        kind: type of the encoded picture: "I", "P", "B", or "" where it is unknown.
    """

    def __init__(
        self,
        time_s: float,
        planes: tuple[Plane, ...],
        to_rgb: Float[np.ndarray, "3 channels"],
        upright: Upright = AS_STORED,
        kind: str = "",
    ):
        self.time_s, self.kind = time_s, kind
        self._planes, self._to_rgb, self._upright = planes, to_rgb, upright
        rows, columns = planes[0].samples.shape[:2]
        self.width, self.height = (rows, columns) if upright.turn_deg % 180 else (columns, rows)

    @property
    def levels(self) -> float:
        """Grey levels per unit of `brightness`: 1 for 8 bits, a quarter for 10, 255 for floats 0..1."""
        return float(np.abs(self._to_rgb[:, 0]).max())

    @property
    def brightness(self) -> np.ndarray:
        """The first plane as stored, without a copy: luma for common video, colours for other formats."""
        return self._planes[0].samples

    def region(
        self, x: float, y: float, w: float, h: float, out_w: int, out_h: int
    ) -> Float[np.ndarray, "out_h out_w 3"]:
        """A box of the picture, resized: area-averaged where it shrinks, interpolated where it grows.

        Args:
            x: left edge; like y, w and h it is rounded to whole pixels. Unit: upright pixels.
            y: upper edge.
            w: width; where the box extends beyond the picture, the border is repeated.
            h: height. Even edges are cheapest: an odd edge splits a chroma sample of common video.
            out_w: width of the result. An integer fraction of `w` is several times cheaper than other widths.
            out_h: height of the result.

        Returns:
            RGB, 0..255, not rounded. Unit: grey levels.
        """
        x, y, w, h = round(x), round(y), round(w), round(h)
        if min(w, h, out_w, out_h) < 1:
            raise ValueError(f"a region of {w} x {h} pixels at {out_w} x {out_h}; all must be 1 or more")
        left = self.width - x - w if self._upright.mirrored else x
        box, size = self._stored(left, y, w, h), (out_w, out_h)
        if self._upright.turn_deg % 180:
            size = out_h, out_w
        channels = [_resized(_cut(plane, *box), *size) for plane in self._planes]
        rgb = cv2.transform(cv2.merge(channels) if len(channels) > 1 else channels[0], self._to_rgb)
        np.clip(rgb, 0, 255, out=rgb)
        if self._upright.turn_deg:
            rgb = cv2.rotate(rgb, TURNS[self._upright.turn_deg])
        return cv2.flip(rgb, 1) if self._upright.mirrored else rgb

    def _stored(self, x: int, y: int, w: int, h: int) -> tuple[int, int, int, int]:
        """The box in coordinates of the stored picture."""
        if self._upright.turn_deg == 90:
            return y, self.width - x - w, h, w
        if self._upright.turn_deg == 180:
            return self.width - x - w, self.height - y - h, w, h
        if self._upright.turn_deg == 270:
            return self.height - y - h, x, h, w
        return x, y, w, h


class ArrayFrame(Frame):
    """A Frame over an RGB array, uint8 or float32, in grey levels."""

    def __init__(self, time_s: float, rgb: Num[np.ndarray, "height width 3"]):
        super().__init__(time_s, (Plane(rgb),), np.eye(3, 4, dtype=np.float32))


def upright_from_matrix(picture: av.VideoFrame) -> Upright:
    """Turn and mirroring from the display matrix of a picture, if there is one.

    Source: ISO/IEC 14496-12, 8.2.2 (matrix of the track header); a matrix that mirrors has a negative determinant.
    """
    data = picture.side_data.get("DISPLAYMATRIX")
    if data is None or len(bytes(data)) < 36:
        return AS_STORED
    a, b, _, c, d = np.frombuffer(bytes(data), "=i4")[:5].astype(float)
    mirrored = bool(a * d - b * c < 0)
    turn_deg = round(np.degrees(np.arctan2(b, -a if mirrored else a)) / 90) * 90 % 360
    return Upright(turn_deg, mirrored)


def frame_of_picture(time_s: float, picture: av.VideoFrame, upright: Upright = AS_STORED) -> Frame:
    """A decoded picture as a Frame; no copy is made for common formats.

    Args:
        time_s: time since the first frame. Unit: s.
        picture: as decoded by PyAV.
        upright: how it is turned and mirrored for display.

    Returns:
        The frame; it keeps the decoder's buffers alive.
    """
    kind = KINDS.get(int(picture.pict_type), "")
    layout = _layout(picture.format.name, picture.colorspace, picture.color_range)
    if layout is None or any(plane.line_size < 0 for plane in picture.planes):
        bits = max(component.bits for component in picture.format.components)
        picture = picture.reformat(format="rgb48le" if bits > 8 else "rgb24", interpolation=EXACT)
        layout = _packed_layout("rgb", 16 if bits > 8 else 8)
    planes = tuple(
        Plane(_samples(plane, layout.dtype, channels), *steps)
        for plane, (channels, steps) in zip(
            picture.planes, layout.planes, strict=False
        )  # alpha planes are ignored
    )
    return Frame(time_s, planes, layout.to_rgb, upright, kind)


@dataclass(frozen=True)
class _Layout:
    """Memory layout of a pixel format."""

    dtype: str
    planes: tuple[tuple[int, tuple[int, int]], ...]  # channels and steps of each plane
    to_rgb: np.ndarray


@lru_cache(maxsize=16)
def _layout(pixel_format: str, colorspace: int, color_range: int) -> _Layout | None:
    """The layout of a format; None where it has to be converted first."""
    full = color_range == FULL_RANGE or pixel_format.startswith("yuvj")
    if match := YUV.fullmatch(pixel_format):
        bits, steps = int(match[2] or 8), CHROMA_STEPS[match[1]]
        return _Layout(
            _dtype(bits), ((1, (1, 1)), (1, steps), (1, steps)), _yuv_matrix(colorspace, full, bits)
        )
    if pixel_format in SEMI_PLANAR:
        order, bits = SEMI_PLANAR[pixel_format]
        matrix = _yuv_matrix(colorspace, full, bits)[:, [*("yuv".index(c) for c in order), 3]]
        return _Layout(_dtype(bits), ((1, (1, 1)), (2, (2, 2))), np.ascontiguousarray(matrix))
    if match := RGB_PLANES.fullmatch(pixel_format):
        bits = int(match[1] or 8)
        return _Layout(_dtype(bits), ((1, (1, 1)),) * 3, _rgb_matrix("gbr", bits))
    if match := GREY.fullmatch(pixel_format):
        bits = int(match[1] or 8)
        scale = np.array([255 / (2**bits - 1), 0])
        return _Layout(_dtype(bits), ((1, (1, 1)),), np.tile(scale, (3, 1)).astype(np.float32))
    return _packed_layout(PACKED[pixel_format], 8) if pixel_format in PACKED else None


def _packed_layout(order: str, bits: int) -> _Layout:
    return _Layout(_dtype(bits), ((len(order), (1, 1)),), _rgb_matrix(order, bits))


def _dtype(bits: int) -> str:
    return "u1" if bits == 8 else "<u2"


def _rgb_matrix(order: str, bits: int) -> np.ndarray:
    """Reorder the channels to RGB and scale them to 0..255."""
    matrix = np.zeros((3, len(order) + 1), np.float32)
    for row, name in enumerate("rgb"):
        matrix[row, order.index(name)] = 255 / (2**bits - 1)
    return matrix


def _yuv_matrix(colorspace: int, full: bool, bits: int) -> np.ndarray:
    """RGB in 0..255 from stored Y, Cb, Cr and 1. Source: ITU-T H.273, equations 38 to 48 solved for R, G, B."""
    kr, kb = LUMA_WEIGHTS.get(colorspace, BT601)
    kg = 1 - kr - kb
    unit = 2**bits / 256
    black, luma, chroma = (0, 2**bits - 1, 2**bits - 1) if full else (16 * unit, 219 * unit, 224 * unit)
    matrix = np.array(
        [
            [1, 0, 2 * (1 - kr)],
            [1, -2 * kb * (1 - kb) / kg, -2 * kr * (1 - kr) / kg],
            [1, 2 * (1 - kb), 0],
        ]
    ) * [255 / luma, 255 / chroma, 255 / chroma]
    offset = -matrix @ [black, 128 * unit, 128 * unit]
    return np.column_stack([matrix, offset]).astype(np.float32)


def _samples(plane: Any, dtype: str, channels: int) -> np.ndarray:
    """A PyAV plane as an array, without a copy; stored rows may be longer than the picture is wide."""
    flat = np.frombuffer(plane, dtype)
    rows = flat.reshape(plane.height, -1)[:, : plane.width * channels]
    return rows if channels == 1 else rows.reshape(plane.height, plane.width, channels)


def _cut(plane: Plane, x: int, y: int, w: int, h: int) -> np.ndarray:
    """The samples in a box of picture pixels, expanded to one per pixel where the box splits samples."""
    sx, sy = plane.step_x, plane.step_y
    left, top, right, bottom = x // sx, y // sy, -(-(x + w) // sx), -(-(y + h) // sy)
    samples = _within(plane.samples, left, top, right - left, bottom - top)
    if not (x % sx or w % sx or y % sy or h % sy):
        return samples
    size = (right - left) * sx, (bottom - top) * sy
    pixels = cv2.resize(samples, size, interpolation=cv2.INTER_NEAREST)
    return pixels[y - top * sy :, x - left * sx :][:h, :w]


def _within(samples: np.ndarray, x: int, y: int, w: int, h: int) -> np.ndarray:
    """samples[y : y + h, x : x + w], with the border repeated outside the array."""
    rows, columns = samples.shape[:2]
    if x >= 0 and y >= 0 and x + w <= columns and y + h <= rows:
        return samples[y : y + h, x : x + w]
    x0, y0 = min(max(x, 0), columns - 1), min(max(y, 0), rows - 1)
    inside = samples[y0 : max(y + h, y0 + 1), x0 : max(x + w, x0 + 1)]
    left, top = min(max(-x, 0), w - 1), min(max(-y, 0), h - 1)
    right, bottom = w - left - inside.shape[1], h - top - inside.shape[0]
    return cv2.copyMakeBorder(inside, top, bottom, left, right, cv2.BORDER_REPLICATE)


def _resized(samples: np.ndarray, w: int, h: int) -> np.ndarray:
    """Resize to float32, without rounding on the way."""
    if samples.shape[0] >= BAND_ROWS * h:
        samples = _row_means(samples, h)
    samples = samples.astype(np.float32, copy=False)
    rows, columns = samples.shape[:2]
    # halving twice is faster than one step to a quarter
    while rows > 2 * h and rows % (2 * h) == 0 and columns % (2 * w) == 0:
        rows, columns = rows // 2, columns // 2
        samples = cv2.resize(samples, (columns, rows), interpolation=cv2.INTER_AREA)
    if rows > h or columns > w:
        samples = cv2.resize(samples, (min(columns, w), min(rows, h)), interpolation=cv2.INTER_AREA)
    if rows < h or columns < w:
        samples = cv2.resize(samples, (w, h), interpolation=cv2.INTER_LINEAR)
    return samples


def _row_means(samples: np.ndarray, h: int) -> np.ndarray:
    """Means of h bands of whole rows."""
    means = np.empty((h, *samples.shape[1:]), np.float32)
    edges = np.linspace(0, len(samples), h + 1).round().astype(int).tolist()
    for row, (start, stop) in enumerate(pairwise(edges)):
        cv2.reduce(samples[start:stop], 0, cv2.REDUCE_AVG, means[row : row + 1], cv2.CV_32F)
    return means
