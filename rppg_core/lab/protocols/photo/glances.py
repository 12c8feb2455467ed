"""photo-v1: faces that look around in poor, noisy light.

Tuned once, then frozen: strength of motion, noise, light and screens (the ranges below, numbers of "glances" in
`simulate.head`) were chosen so that POS has a mean r of about 0.72. Measured by
`rppg evaluate --protocol photo --clips photo-v1`, r of POS:
    all 180 pulse clips     0.731 (0.703 to 0.762); 0.55, 0.75, 0.89 at 0.2, 0.35, 0.7 %; 0.85 to 0.53 by tone
    beside it               LGI 0.70, PBV 0.69, CHROM 0.65, ICA 0.63, GREEN 0.40; HR MAE of POS 9.4 bpm
"""

from __future__ import annotations

from typing import Any

from rppg_core.lab.protocols.photo.clips import FIRST_SEED, Place, Version
from rppg_core.lab.protocols.photo.draws import Draws, body, camera, person

# No codec: encoders differ from version to version.
MOTION_SCALE, NOISE = (3.0, 10.0), (8.0, 18.0)
ILLUMINATION, SCREEN, EXPOSURE = (0.002, 0.02), (0.0005, 0.008), (0.5, 1.0)


def _draw(draw: Draws, place: Place) -> dict[str, Any]:
    return {
        **person(draw, breath=place.breath, rsa=(0.01, 0.06)),
        **camera(draw, exposure=EXPOSURE),
        "motion": "glances",
        "motion_scale": draw.log(*MOTION_SCALE),
        "noise": draw.log(*NOISE),
        "illumination": draw.log(*ILLUMINATION),
        "screen": draw.log(*SCREEN),
        "light_steps": draw.even(0.0, 4.0),
        "auto_exposure": draw.even(0.0, 0.9),
        "exposure_lag_s": draw.log(0.3, 3.0),
        "talking": draw.even(0.0, 0.5),
        **body(draw),
        "duplicated": draw.even(0.0, 0.02),
    }


PHOTO_V1 = Version(
    name="photo-v1",
    first_seed=FIRST_SEED,
    draw=_draw,
    settings_hash="dccd17d482482552183c9d18f78255cb1a4e34197800be93ad08fcb06539d987",
    printed=(14, 150),  # 0.7 % on a dark tone, 0.2 % on a medium one
    traces=(
        (129.27, 89.20, 53.70, 128.58, 90.10, 55.45, 127.19, 86.84, 51.18, 127.36, 87.12, 52.87),
        (148.97, 111.01, 57.88, 150.06, 112.83, 59.58, 149.92, 112.13, 58.62, 148.62, 110.47, 56.84),
    ),
)
