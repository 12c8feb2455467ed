"""The script of a clip: what happens at each moment, how strongly, and the truth about it, for both front-ends.

Rendered faces (`faces`) and cell traces (`traces`) have the same layers in the same order (`render`), once as
pictures and once as 36 cells; this module draws the events for both. Axis letters: T time, K layer.
"""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
from jaxtyping import Float, Int

from rppg_core.lab.simulate.colour import red_change
from rppg_core.lab.simulate.disturbances import auto_exposure, light_steps, screen_light, talk, with_body
from rppg_core.lab.simulate.head import GRID_HZ, Motion, even_grid, head_motion, nods
from rppg_core.lab.simulate.physiology import Waves, band_noise
from rppg_core.lab.simulate.render import (
    DELAY,
    GLOSS,
    MOUTH,
    N_LAYERS,
    PULSE,
    RED,
    SCREEN,
    SHADE_X,
    SHADE_Y,
    SLOPE,
)
from rppg_core.lab.simulate.scene import flicker, light_drift
from rppg_core.lab.simulate.settings import SIMULATOR_VERSION, SimulationSettings
from rppg_core.types import Truth, VideoInfo

GLOSS_PER_WIDTH = 6.0  # relative change of the highlights per face width of head motion, for small motion
FACELESS = ("wall", "noise")
BLOCK_S = 0.5  # of kind "shuffled"
KEPT_WITHIN = 0.03  # of the rate of the blocks: over 20 s, such a pulse drifts by less than a beat and a half


def survives_shuffling(hr_bpm: float) -> bool:
    """Whether the pulse, or its second harmonic, has nearly the same phase in every block of a shuffled clip.

    Shuffled in blocks of 0.5 s, a pulse of 120 bpm is a pulse of 120 bpm, and that of 60 keeps its harmonic.
    """
    beats = 2 * hr_bpm / 60 * BLOCK_S  # of the second harmonic in a block
    return round(beats) in (1, 2) and abs(beats / round(beats) - 1) < KEPT_WITHIN


def motion_of_clip(
    settings: SimulationSettings, times_s: Float[np.ndarray, " time"], waves: Waves, rng: np.random.Generator
) -> Motion:
    """The head's motion: that of the settings, plus nods and the motion from breathing and heart beat."""
    faceless = settings.kind in FACELESS
    level = "none" if faceless else settings.motion
    motion = head_motion(level, times_s, rng, scale=settings.motion_scale)
    if settings.nods and not faceless:
        down = nods(times_s, rng, per_min=settings.nods)
        motion = replace(motion, shift=motion.shift + down[:, None] * [0.0, 1.0])
    if faceless or not settings.pulsed:
        return motion
    return with_body(
        motion,
        times_s,
        resp=waves.resp,
        bvp=waves.bvp,
        breath_percent=settings.breath_motion,
        beat_percent=settings.beat_motion,
    )


def layer_strengths(
    settings: SimulationSettings,
    times_s: Float[np.ndarray, " time"],
    waves: Waves,
    motion: Motion,
    rng_light: np.random.Generator,
    rng_events: np.random.Generator,
) -> tuple[Float[np.ndarray, "time layer"], Float[np.ndarray, " time"]]:
    """Strength of every cause at every frame, before the camera corrects its exposure.

    Args:
        settings: what to simulate.
        times_s: frame times. Unit: s.
        waves: physiology at these times.
        motion: of the head.
        rng_light: draws drift and flicker.
        rng_events: draws steps, screens and talk.

    Returns:
        Strengths, and the factor on all light, which they already include: it scales every layer.
    """
    drift = 0.0 if settings.kind == "noise" else settings.illumination
    light = 1 + light_drift(times_s, rng_light, strength=drift)
    slope = light_drift(times_s, rng_light, strength=drift)
    if settings.kind == "flicker":
        light = light * (
            1 + flicker(times_s, rng_light, hz=settings.flicker_hz, percent=settings.flicker_percent)
        )
    strengths = np.zeros((len(times_s), N_LAYERS))
    strengths[:, 0] = 1
    if settings.finished_amplitude > 0:
        blood = waves.bvp + waves.baseline
        strengths[:, PULSE] = blood
        strengths[:, DELAY] = np.gradient(blood, times_s) if settings.delay_s else 0
        strengths[:, RED] = blood * red_change(
            waves.spo2, slope=settings.spo2_slope, offset=settings.spo2_offset
        )
    strengths[:, SHADE_X] = settings.shading * (motion.shift[:, 0] + motion.roll)
    strengths[:, SHADE_Y] = settings.shading * (motion.shift[:, 1] + (motion.zoom - 1))
    strengths[:, GLOSS] = np.tanh(GLOSS_PER_WIDTH * (motion.shift.sum(axis=1) + motion.roll))
    strengths[:, SLOPE] = slope
    if settings.kind != "noise":
        talking = 0.0 if settings.kind in FACELESS else settings.talking
        light = light * (1 + light_steps(times_s, rng_events, per_min=settings.light_steps))
        strengths[:, SCREEN] = screen_light(times_s, rng_events, strength=settings.screen)
        strengths[:, MOUTH] = talk(times_s, rng_events, share=talking)
    return strengths * light[:, None], light


def exposed(
    settings: SimulationSettings,
    strengths: Float[np.ndarray, "time layer"],
    green: Float[np.ndarray, " layer"],
    times_s: Float[np.ndarray, " time"],
) -> Float[np.ndarray, " time"]:
    """Factor by which the camera corrects its exposure; `green` is the green mean of each layer over the picture."""
    if not settings.auto_exposure:
        return np.ones(len(times_s))
    return auto_exposure(
        strengths @ green, times_s, share=settings.auto_exposure, lag_s=settings.exposure_lag_s
    )


def busy_background(
    times_s: Float[np.ndarray, " time"], rng: np.random.Generator
) -> tuple[Motion, Float[np.ndarray, " time"]]:
    """Large background motion and brightness changes: irregular, with a rhythm that may be near a heart rate."""
    motion = head_motion("large", times_s, rng)
    grid_s = even_grid(times_s)
    rate_hz = rng.uniform(0.5, 3.0) * (1 + 0.03 * band_noise(grid_s, 0.05, 0.5, rng))
    rhythm = 0.06 * np.sin(2 * np.pi * np.cumsum(rate_hz) / GRID_HZ)
    return motion, np.interp(times_s, grid_s, rhythm + 0.08 * band_noise(grid_s, 0.1, 3.0, rng, power=1))


def shuffled_blocks(
    times_s: Float[np.ndarray, " time"], rng: np.random.Generator
) -> Int[np.ndarray, " time"]:
    """Frame indices with the blocks of BLOCK_S in random order."""
    block = ((times_s - times_s[0]) / BLOCK_S).astype(int)
    return np.concatenate([np.flatnonzero(block == b) for b in rng.permutation(block[-1] + 1)])


def truth_from_waves(
    settings: SimulationSettings, times_s: Float[np.ndarray, " time"], waves: Waves
) -> Truth:
    """The truth of a clip; without a pulse all of it is zero or NaN."""
    truth = Truth(
        times_s=times_s,
        bvp=waves.bvp,
        resp=waves.resp,
        hr_bpm=waves.hr_bpm,
        beats_s=waves.beats_s,
        rr_brpm=settings.rr_brpm,
        spo2_percent=float(waves.spo2.mean()),
        spo2=waves.spo2,
        rr_track_brpm=waves.rr_brpm,
        pulsed=settings.pulsed,
        settings={
            **asdict(settings),
            "simulator_version": SIMULATOR_VERSION,
            "finished_amplitude_percent": 100 * settings.finished_amplitude,
        },
    )
    if settings.pulsed:
        return truth
    nothing = np.zeros(len(times_s))
    return replace(
        truth,
        bvp=nothing,
        resp=nothing,
        hr_bpm=nothing * np.nan,
        beats_s=np.zeros(0),
        rr_brpm=np.nan,
        spo2_percent=np.nan,
        spo2=None,
        rr_track_brpm=None,
    )


def video_info_from_times(settings: SimulationSettings, times_s: Float[np.ndarray, " time"]) -> VideoInfo:
    """Facts of a rendered video, from its settings and frame times; dropped frames are not counted."""
    steps_s = np.diff(times_s)
    step_s = float(np.median(steps_s))
    return VideoInfo(
        codec=settings.codec or "simulated",
        width=settings.size,
        height=settings.size,
        n_frames=len(times_s),
        duration_s=float(times_s[-1] - times_s[0] + steps_s.mean()),
        fps_container=settings.fps,
        fps=1 / step_s,
        jitter_percent=float(100 * steps_s.std() / step_s),
    )
