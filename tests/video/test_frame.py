"""Regions of decoded pictures against plain arithmetic on every pixel."""

from __future__ import annotations

import av
import cv2
import numpy as np
import pytest

from rppg_core.video.frame import ArrayFrame, Upright, frame_of_picture

BT601, BT709, BT2020 = 5, 1, 9  # AVCOL_SPC numbers
LIMITED, FULL = 1, 2
WEIGHTS = {BT601: (0.299, 0.114), BT709: (0.2126, 0.0722), BT2020: (0.2627, 0.0593)}
BOXES = [
    (40, 30, 100, 100, 24, 24),  # inside, even
    (41, 33, 99, 101, 40, 44),  # odd edges cut chroma samples in half
    (0, 0, 320, 200, 32, 10),  # the whole picture, very small
    (100, 60, 20, 20, 50, 50),  # grows
    (-30, -21, 120, 90, 30, 45),  # leaves the picture above and to the left
    (260, 150, 121, 119, 60, 60),  # leaves it below and to the right
]


def picture_of(pixel_format: str, *, colorspace: int = BT601, color_range: int = LIMITED, rough: bool = True):
    """A picture of random colour, steep and noisy or very smooth, 320 x 200."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(20, 235, (5, 8, 3) if rough else (2, 3, 3)).astype(np.float32)
    smooth = cv2.resize(coarse, (320, 200), interpolation=cv2.INTER_CUBIC)
    rgb = np.clip(smooth + rng.normal(0, 3.0 * rough, smooth.shape), 0, 255).astype(np.uint8)
    picture = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixel_format)
    picture.colorspace, picture.color_range = colorspace, color_range
    return picture


def rgb_by_hand(picture: av.VideoFrame) -> np.ndarray:
    """Textbook conversion of a planar YUV picture: chroma repeated, matrix in float64, nothing rounded."""
    name = picture.format.name
    bits = picture.format.components[0].bits
    planes = []
    for plane in picture.planes:
        rows = np.frombuffer(plane, np.uint8 if bits == 8 else "<u2").reshape(plane.height, -1)
        samples = rows[:, : plane.width].astype(float)
        samples = np.repeat(samples, picture.height // plane.height, axis=0)
        planes.append(np.repeat(samples, picture.width // plane.width, axis=1))
    y, cb, cr = planes
    top = 2**bits
    if picture.color_range == FULL or name.startswith("yuvj"):
        y, cb, cr = y / (top - 1), (cb - top / 2) / (top - 1), (cr - top / 2) / (top - 1)
    else:
        unit = top / 256
        y, cb, cr = (y / unit - 16) / 219, (cb / unit - 128) / 224, (cr / unit - 128) / 224
    kr, kb = WEIGHTS[picture.colorspace]
    r, b = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    g = (y - kr * r - kb * b) / (1 - kr - kb)
    return np.stack([r, g, b], axis=-1) * 255


def region_by_hand(rgb: np.ndarray, x: int, y: int, w: int, h: int, out_w: int, out_h: int) -> np.ndarray:
    rows = np.clip(np.arange(y, y + h), 0, len(rgb) - 1)
    columns = np.clip(np.arange(x, x + w), 0, rgb.shape[1] - 1)
    interpolation = cv2.INTER_AREA if out_w <= w else cv2.INTER_LINEAR
    small = cv2.resize(rgb[rows][:, columns], (out_w, out_h), interpolation=interpolation)
    return np.clip(small, 0, 255)


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize(
    ("pixel_format", "colorspace", "color_range"),
    [
        ("yuv420p", BT601, LIMITED),
        ("yuv420p", BT709, LIMITED),
        ("yuv420p", BT709, FULL),
        ("yuvj420p", BT601, FULL),
        ("yuv422p", BT709, LIMITED),
        ("yuv444p", BT601, LIMITED),
        ("yuv411p", BT601, LIMITED),
        ("yuv420p10le", BT2020, LIMITED),
        ("yuv422p10le", BT709, FULL),
        ("yuv420p12le", BT709, LIMITED),
    ],
)
def test_region_of_planes_equals_the_full_conversion(pixel_format, colorspace, color_range, box):
    picture = picture_of(pixel_format, colorspace=colorspace, color_range=color_range)
    got = frame_of_picture(0.0, picture).region(*box)
    if box[4] > box[2]:  # growing: chroma is interpolated by us and repeated by hand
        assert np.abs(got - region_by_hand(rgb_by_hand(picture), *box)).mean() < 1.5
    else:
        # 0.05 grey levels: float32; the very small picture has its row edges rounded to whole pixels
        np.testing.assert_allclose(got, region_by_hand(rgb_by_hand(picture), *box), atol=0.05)


@pytest.mark.parametrize("colorspace", [BT601, BT709])
def test_region_agrees_with_the_usual_converter_within_one_grey_level(colorspace):
    picture = picture_of(
        "yuv420p", colorspace=colorspace, rough=False
    )  # they place chroma half a pixel apart
    exact = 0x2 | 0x2000 | 0x40000  # bilinear, full chroma, accurate rounding
    rgb = picture.reformat(format="rgb24", interpolation=exact).to_ndarray().astype(np.float32)
    box = (40, 30, 120, 120, 40, 40)
    difference = frame_of_picture(0.0, picture).region(*box) - region_by_hand(rgb, *box)
    assert np.abs(difference).max() < 1.0
    assert np.abs(difference.mean(axis=(0, 1))).max() < 0.1


@pytest.mark.parametrize("pixel_format", ["nv12", "nv21", "p010le"])
def test_interleaved_chroma_is_read_like_planar_chroma(pixel_format):
    planar = picture_of("yuv420p")
    other = planar.reformat(format=pixel_format)
    for box in BOXES:
        a, b = (frame_of_picture(0.0, p).region(*box) for p in (planar, other))
        np.testing.assert_allclose(a, b, atol=0.01)


@pytest.mark.parametrize("pixel_format", ["rgb24", "bgr24", "rgba", "bgra", "rgb0", "bgr0", "gbrp"])
def test_rgb_formats_keep_their_grey_levels(pixel_format):
    picture = picture_of("rgb24")
    rgb = picture.to_ndarray()
    got = frame_of_picture(0.0, picture.reformat(format=pixel_format)).region(0, 0, 320, 200, 320, 200)
    np.testing.assert_array_equal(got, rgb)


@pytest.mark.parametrize(("pixel_format", "atol"), [("gray", 0.01), ("gray10le", 1.0), ("gray12le", 1.0)])
def test_grey_formats_give_equal_channels(pixel_format, atol):
    grey = picture_of("gray")
    got = frame_of_picture(0.0, grey.reformat(format=pixel_format)).region(0, 0, 320, 200, 320, 200)
    assert (got[..., 0] == got[..., 1]).all()
    assert (got[..., 0] == got[..., 2]).all()
    np.testing.assert_allclose(got[..., 0], grey.to_ndarray(), atol=atol)  # the converter to 10 bit rounds


@pytest.mark.parametrize("pixel_format", ["yuyv422", "yuva420p", "rgb48le"])
def test_rare_formats_go_through_one_conversion(pixel_format):
    picture = picture_of("yuv444p").reformat(format=pixel_format)
    got = frame_of_picture(0.0, picture).region(40, 30, 100, 100, 50, 50)
    wanted = region_by_hand(rgb_by_hand(picture_of("yuv444p")), 40, 30, 100, 100, 50, 50)
    assert np.abs(got - wanted).mean() < 2


@pytest.mark.parametrize("turn_deg", [0, 90, 180, 270])
@pytest.mark.parametrize(
    "box", [(11, 20, 60, 81, 30, 27), (-20, 150, 50, 90, 25, 30), (0, 0, 200, 200, 10, 10)]
)
def test_region_of_a_turned_picture_is_in_upright_coordinates(turn_deg, box):
    picture = picture_of("yuv420p")
    upright = np.rot90(rgb_by_hand(picture), k=-turn_deg // 90)
    frame = frame_of_picture(0.0, picture, Upright(turn_deg))
    assert (frame.height, frame.width) == upright.shape[:2]
    np.testing.assert_allclose(frame.region(*box), region_by_hand(upright, *box), atol=0.05)


def test_region_keeps_changes_far_below_a_grey_level():
    rng = np.random.default_rng(0)
    luma = rng.integers(100, 140, (200, 320), dtype=np.uint8)
    frames = []
    for brighter in (0, 64):  # 64 of 64 000 pixels one level up: a change of the mean by 0.001
        changed = luma.copy()
        changed.reshape(-1)[:brighter] += 1
        picture = av.VideoFrame.from_ndarray(changed, format="gray")
        frames.append(frame_of_picture(0.0, picture).region(0, 0, 320, 200, 8, 8))
    assert (frames[1] - frames[0]).mean() == pytest.approx(64 / luma.size, rel=0.02)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("box", BOXES)
def test_an_array_has_the_same_door(dtype, box):
    rgb = picture_of("rgb24").to_ndarray().astype(dtype)
    frame = ArrayFrame(1.5, rgb)
    assert (frame.time_s, frame.width, frame.height) == (1.5, 320, 200)
    np.testing.assert_allclose(frame.region(*box), region_by_hand(rgb.astype(np.float32), *box), atol=0.05)


@pytest.mark.parametrize("corner", [(-500, 50), (500, 50), (100, -500), (100, 500)])
def test_a_box_outside_the_picture_repeats_its_border(corner):
    rgb = picture_of("rgb24").to_ndarray()
    got = ArrayFrame(0.0, rgb).region(*corner, 20, 20, 20, 20)
    np.testing.assert_allclose(got, region_by_hand(rgb.astype(np.float32), *corner, 20, 20, 20, 20))


def test_an_empty_box_is_an_error():
    with pytest.raises(ValueError, match="0 x 20 pixels"):
        ArrayFrame(0.0, np.zeros((9, 9, 3), np.uint8)).region(0, 0, 0, 20, 5, 5)
