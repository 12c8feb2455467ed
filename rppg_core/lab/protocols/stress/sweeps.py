"""The sweeps of the stress lab: nine settings varied one at a time, and the clips for each value.

A person sits still in good light in front of a good camera; each sweep takes that clip and changes one setting
until the methods fail, or further than cameras do. Person and truth are the same along a sweep: the simulator draws
each part of a clip from a separate random stream, so that the clips of one seed differ in that setting only. Three
settings are not part of the simulator: flicker (of all light, while there is a pulse), blur and motion blur. They are
applied to the finished frames before the face pass: flicker in linear light, through the camera's tone curve; blur as
defocus, and motion blur as a smear along one line while the head is still, both of which also smooth the noise.

Seeds lie in 400 000-499 999: no training, calibration or other benchmark draws them.
Axis letters: T time, H, W.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from rppg_core.errors import UsageError
from rppg_core.lab.simulate.faces import SimulatedVideo, SimulationSettings, simulate_clip, simulate_video
from rppg_core.lab.simulate.scene import tone_curve
from rppg_core.types import FaceClip, Truth, VideoInfo
from rppg_core.video.frame import ArrayFrame, Frame

FIRST_SEED = 400_000
HR_BPM = (58.0, 88.0)  # neither the rate nor its double is near the flicker
FLICKER_HZ = 1.75  # 105 per minute: a plausible heart rate
SIZE, SECONDS = 160, 15.0
FACE_PX = 0.45 * SIZE
SWAY_PERCENT = 1.5  # standard deviation / face width, of the motion "medium" at scale 1


@dataclass(frozen=True)
class Sweep:
    """One setting, varied from a harmless value to one where methods fail, or to one that cameras do not reach."""

    name: str
    knob: str  # description of the setting
    unit: str
    values: tuple[float, ...]  # benign first
    expect: str  # the expected outcome and its reason, in one sentence

    @property
    def benign(self) -> float:
        return self.values[0]

    @property
    def hard(self) -> float:
        return self.values[-1]


SWEEPS = {
    sweep.name: sweep
    for sweep in (
        Sweep("motion", "head motion (sway)", "% of the face width", (0.0, 0.75, 1.5, 3.0, 6.0, 12.0),
              "GREEN falls first: motion changes how much light comes back, alike in all colours; methods that "
              "compare colours cancel that part."),
        Sweep("light", "light on the face", "x good light", (1.0, 0.4, 0.2, 0.1, 0.05, 0.02),
              "Nothing happens for long, then all fall: the camera's noise stays and the light does not."),
        Sweep("flicker", "flicker of the light at 105 a minute", "% of the light", (0.0, 0.5, 1.0, 2.0, 4.0, 8.0),
              "GREEN and ICA count the lamp as soon as it outshines the pulse, and must be refused, because the wall "
              "flickers too; white light is what CHROM and POS cancel."),
        Sweep("codec", "H.264 quality", "crf (0 fine, 51 coarse)", (5.0, 10.0, 15.0, 20.0, 25.0, 30.0),
              "The pulse is gone while the picture still looks good: it is smaller than the encoder's step, and its "
              "colour goes first."),
        Sweep("frame rate", "frames a second", "Hz", (30.0, 24.0, 20.0, 15.0, 12.0, 10.0, 8.0),
              "A heart rate needs few frames: little is lost down to 10 a second, below which every reading is "
              "refused."),
        Sweep("blur", "blur (Gaussian)", "% of the face width", (0.0, 1.0, 2.0, 5.0, 10.0, 20.0),
              "Next to nothing happens while the head is still: a method's mean over the skin is a stronger blur "
              "itself."),
        Sweep("motion blur", "length of a smear in one direction", "% of the face width",
              (0.0, 2.0, 5.0, 10.0, 20.0, 40.0),
              "Next to nothing happens while the head is still: a smear hardly changes the mean over the skin."),
        Sweep("noise", "camera noise at middle grey", "grey levels", (2.0, 6.0, 12.0, 18.0, 24.0, 30.0),
              "All fall slowly, as the mean over some thousand pixels takes most of it; CHROM and POS fall before "
              "GREEN, as a difference of colours holds less pulse and more noise."),
        Sweep("skin tone", "skin tone, with the pulse that melanin leaves", "tone (0 lightest, 5 darkest)",
              (0.0, 1.0, 2.0, 3.0, 4.0, 5.0),
              "Darker skin gives less light and a smaller pulse, so the same noise weighs more."),
    )
}  # fmt: skip


def sweep_from_record(record: Mapping[str, Any]) -> Sweep:
    """A sweep restored from JSON, which stores tuples as lists."""
    return Sweep(**{**record, "values": tuple(record["values"])})


@dataclass(frozen=True)
class StressCase:
    """One clip: the simulator's settings, and the changes to its finished frames."""

    settings: SimulationSettings
    flicker_percent: float = 0.0
    blur_percent: float = 0.0
    smear_percent: float = 0.0

    @property
    def key(self) -> dict[str, Any]:
        """Everything that determines the clip."""
        return asdict(self)


def stress_case(sweep: Sweep, value: float, seed: int, *, pulsed: bool = True) -> StressCase:
    """The clip of one value of a sweep.

    Args:
        sweep: one of SWEEPS.
        value: value of the setting, in the unit of the sweep.
        seed: person, from 0 upward; the same in every sweep.
        pulsed: False gives the same clip without a pulse.

    Raises:
        UsageError: the sweep or the seed does not exist.
    """
    if not 0 <= seed < 1000:
        raise UsageError(f"seed {seed}", wanted="0 to 999", do="choose a smaller seed")
    rng = np.random.default_rng(FIRST_SEED + seed)
    benign = SimulationSettings(
        kind="pulse" if pulsed else "photo",
        size=SIZE,
        seconds=SECONDS,
        hr_bpm=float(rng.uniform(*HR_BPM)),
        rr_brpm=float(rng.uniform(10, 20)),
        amplitude_percent=0.5,
        motion="small",
        noise=2.0,
        seed=FIRST_SEED + seed,
    )
    match sweep.name:
        case "motion":
            settings = replace(benign, motion="medium", motion_scale=value / SWAY_PERCENT)
        case "light":
            settings = replace(benign, exposure=value)
        case "flicker":
            return StressCase(benign, flicker_percent=value)
        case "codec":
            settings = replace(benign, codec="h264", crf=round(value))
        case "frame rate":
            settings = replace(benign, fps=value)
        case "blur":
            return StressCase(benign, blur_percent=value)
        case "motion blur":
            return StressCase(benign, smear_percent=value)
        case "noise":
            settings = replace(benign, noise=value)
        case "skin tone":
            settings = replace(benign, tone=round(value), scale_with_melanin=True)
        case _:
            raise UsageError(
                f"sweep {sweep.name!r}", wanted=f"one of {', '.join(SWEEPS)}", do="choose one of them"
            )
    return StressCase(settings)


def stress_clip(case: StressCase, needs: frozenset[str] = frozenset({"rgb"})) -> tuple[FaceClip, Truth]:
    """Render a case and run the same face pass as for real video.

    Args:
        case: the clip to render.
        needs: fields that the face pass must keep, names from types.NEEDS.

    Returns:
        Native clip and its truth.
    """
    if not (case.flicker_percent or case.blur_percent or case.smear_percent):
        return simulate_clip(case.settings, needs)
    from rppg_core.video.clip import extract

    video = simulate_video(case.settings)
    frames = disturbed_frames(video, case)
    clip = extract(frames, video.tracker, needs, info=lambda: _info(case, video), look_for_repeats=False)
    return clip, video.truth


def disturbed_frames(video: SimulatedVideo, case: StressCase) -> Iterator[Frame]:
    """The frames of a simulated video under flickering light, out of focus, or smeared; not rounded again."""
    rng = np.random.default_rng([case.settings.seed, 1])
    phase, direction = rng.uniform(size=2)
    times_s = video.truth.times_s
    light = 1 + case.flicker_percent / 100 * np.sin(2 * np.pi * (FLICKER_HZ * times_s + phase))
    face_px = FACE_PX * case.settings.size / SIZE
    sigma_px = case.blur_percent / 100 * face_px
    smear = line_kernel(case.smear_percent / 100 * face_px, np.pi * direction)
    for k, picture in enumerate(_pictures(video)):
        shown = lit(picture, float(light[k]), case.settings.gamma) if case.flicker_percent else picture
        if sigma_px > 0:
            shown = cv2.GaussianBlur(shown.astype(np.float32), (0, 0), sigma_px)
        if case.smear_percent > 0:
            shown = cv2.filter2D(shown.astype(np.float32), -1, smear)
        yield ArrayFrame(float(times_s[k]), shown)


def line_kernel(length_px: float, angle: float) -> Float[np.ndarray, "side side"]:
    """Weights of a smear: a line of this length and direction through the middle; they add up to 1.

    Args:
        length_px: length. Unit: px.
        angle: direction, clockwise from the horizontal. Unit: rad.

    Source: our choice: an even line, as a camera leaves that moves evenly while the shutter is open.
    """
    reach = int(np.ceil(length_px / 2)) + 1
    along = np.linspace(-length_px / 2, length_px / 2, 16 * reach)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    places = reach + np.stack([np.sin(angle) * along, np.cos(angle) * along], axis=1)  # row and column
    corner, part = np.floor(places).astype(int), places % 1
    for row in (0, 1):  # every point goes to its four neighbours, the nearest most
        for column in (0, 1):
            share = np.abs(1 - row - part[:, 0]) * np.abs(1 - column - part[:, 1])
            np.add.at(kernel, (corner[:, 0] + row, corner[:, 1] + column), share)
    return kernel / kernel.sum()


def lit(
    picture: UInt8[np.ndarray, "height width 3"], factor: float, gamma: float
) -> Float[np.ndarray, "height width 3"]:
    """A finished picture as the same camera would record it in brighter or dimmer light.

    Args:
        picture: grey levels.
        factor: multiplies all light.
        gamma: exponent of the camera's tone curve.

    Returns:
        Grey levels, not rounded. White pixels stay white, because their light above saturation is lost.
    """
    linear = np.linspace(0, 1, 4096)
    grey = tone_curve(linear, gamma)
    levels = np.interp(np.arange(256), grey, linear)
    shown = np.where(np.arange(256) < 255, tone_curve(factor * levels, gamma), 255.0)
    return shown.astype(np.float32)[picture]


def _pictures(video: SimulatedVideo) -> Iterable[UInt8[np.ndarray, "height width 3"]]:
    return video.frames.pictures()


def _info(case: StressCase, video: SimulatedVideo) -> VideoInfo:
    settings, n_frames = case.settings, len(video.truth.times_s)
    return VideoInfo(
        codec="simulated",
        width=settings.size,
        height=settings.size,
        n_frames=n_frames,
        duration_s=n_frames / video.fps,
        fps_container=video.fps,
        fps=video.fps,
    )
