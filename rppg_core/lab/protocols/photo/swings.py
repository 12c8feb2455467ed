"""photo-v2: heads that are still, move as in everyday talk or move strongly, a third each; a third is encoded.

Heads swing back from knocks ("swings" in `simulate.head`), nod, talk, and have hands before them. Two in three are
before a wall, and heart rates swing up to twice as far as in photo-v1.

Tuned on POS, then frozen. Motion and shading (HEADS) were chosen so that the light on the skin changes as on real
heads: standard deviation of the relative change of the skin's mean colour in 0.7-3 Hz, first principal direction
("skin, first direction" of `rppg evaluate --protocol injected` for a folder of clips), of 0.2 to 0.4 % where the
head is still (a pulse of 0.7 % has more), 0.5 to 1.5 % in everyday motion and 1.2 to 5 % in strong motion.
Noise, light and the encoder's quality were chosen so that POS has a mean r of 0.70 to 0.75, worse the more a head
moves. Measured by `rppg evaluate --protocol photo --clips photo-v2`, r of POS:
    all 180 pulse clips     0.743 (0.710 to 0.777); 0.60, 0.75, 0.88 at 0.2, 0.35, 0.7 %; 0.81 to 0.61 by tone
    by third                0.79 still, 0.75 everyday, 0.69 strong; 0.83 not encoded, 0.56 encoded
    beside it               LGI 0.72, PBV 0.72, ICA 0.69, CHROM 0.65, GREEN 0.56; HR MAE of POS 7.1 bpm
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rppg_core.lab.protocols.photo.clips import FIRST_SEED, SEED_STEP, Place, Version
from rppg_core.lab.protocols.photo.draws import Draws, Range, body, camera, person

NOISE, ILLUMINATION, SCREEN, EXPOSURE = (5.0, 14.0), (0.0003, 0.003), (0.0002, 0.002), (0.5, 1.0)
CODECS = ("h264", "h264", "h264", "h264", "mpeg4")
CRF = tuple(range(14, 26))  # coarser ones leave hardly any pulse on faces as small as these
BACKDROPS = ("wall", "wall", "photo")


@dataclass(frozen=True)
class Head:
    """How much a head moves, and what that does to its light."""

    name: str
    motion_scale: Range
    shading: Range
    nods: Range  # per minute
    gestures: Range  # per minute
    talking: Range  # share of the time


HEADS = (
    Head("1 still", (0.05, 0.2), (0.5, 1.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0)),
    Head("2 everyday", (1.0, 2.0), (0.7, 2.0), (0.0, 4.0), (0.0, 2.0), (0.0, 0.5)),
    Head("3 strong", (3.0, 6.0), (0.8, 3.0), (0.0, 10.0), (1.0, 6.0), (0.0, 0.9)),
)


def head_from_place(place: Place) -> Head:
    """How the head moves; each third occurs equally often with every amplitude and with every tone."""
    return HEADS[(place.amplitude + place.tone + place.round) % len(HEADS)]


def is_encoded(place: Place) -> bool:
    """Whether a clip goes through an encoder: a third of the clips of every third, amplitude and tone."""
    # the rounds turn this pattern against that of the motion, so that every amplitude and tone meets every pair
    return (place.amplitude + 2 * place.tone + place.round + place.round // 3) % 3 == 0


def _motion_group(place: Place) -> str:
    return head_from_place(place).name


def _codec_group(place: Place) -> str:
    return "encoded" if is_encoded(place) else "not encoded"


def _draw(draw: Draws, place: Place) -> dict[str, Any]:
    head = head_from_place(place)
    codec, crf = draw.one_of(CODECS), draw.one_of(CRF)
    return {
        **person(draw, breath=place.breath, rsa=(0.02, 0.12)),
        "mayer": draw.even(0.0, 0.04),
        "jitter": draw.log(0.002, 0.015),
        **camera(draw, exposure=EXPOSURE),
        "motion": "swings",
        "motion_scale": draw.log(*head.motion_scale),
        "shading": draw.log(*head.shading),
        "nods": draw.even(*head.nods),
        "gestures": draw.even(*head.gestures),
        "talking": draw.even(*head.talking),
        **body(draw),
        "noise": draw.log(*NOISE),
        "illumination": draw.log(*ILLUMINATION),
        "screen": draw.log(*SCREEN),
        "light_steps": draw.even(0.0, 0.6),
        "auto_exposure": draw.even(0.0, 0.9),
        "exposure_lag_s": draw.log(0.3, 3.0),
        "duplicated": draw.even(0.0, 0.02),
        "backdrop": draw.one_of(BACKDROPS),
        **({"codec": codec, "crf": crf} if is_encoded(place) else {}),
    }


PHOTO_V2 = Version(
    name="photo-v2",
    first_seed=FIRST_SEED + SEED_STEP,
    draw=_draw,
    settings_hash="18dd4f0546e082c4282ba95d6759a0faaf059fba14d5ee9fe569bcb9cdd95703",
    printed=(119, 135),  # a hand before the face; an encoded clip
    traces=(
        (120.17, 87.43, 57.30, 127.40, 93.51, 61.47, 126.97, 92.72, 61.92, 128.25, 93.85, 62.02),
        (156.53, 120.13, 82.95, 155.92, 119.38, 83.29, 155.92, 118.90, 82.28, 155.82, 119.55, 82.24),
    ),
    groups={"motion": _motion_group, "codec": _codec_group},
)
