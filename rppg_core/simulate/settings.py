"""What to simulate: one frozen set of numbers a clip, and random draws of it.

Floor 2, the simulator's control desk. Everything a clip holds follows from its settings, the seed included.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rppg_core.errors import UsageError
from rppg_core.simulate.physiology import Physiology
from rppg_core.simulate.scene import MOTION, Camera
from rppg_core.simulate.skin import TONES

SIMULATOR_VERSION = 1  # counts up whenever the same settings give another clip
KINDS = {
    "pulse": "a face with a pulse",
    "photo": "a photo of a face with motion and noise, no pulse",
    "wall": "a plain or textured wall with a supplied face position",
    "noise": "nothing but sensor noise, with a supplied face position",
    "moving background": "a photo without pulse before a background that moves",
    "flicker": "a photo without pulse under flickering light",
    "shuffled": "a clip with a pulse whose frames are shuffled in blocks of 0.5 s",
}
PULSE_FREE = tuple(kind for kind in KINDS if kind != "pulse")


@dataclass(frozen=True, kw_only=True)
class SimulationSettings:
    """One simulated clip."""

    kind: str = "pulse"  # a key of KINDS
    seconds: float = 20.0
    fps: float = 30.0  # 15-60 is what cameras do
    hr_bpm: float = 72.0  # mean over the clip, 40-185
    rr_brpm: float = 15.0  # mean over the clip, 6-30
    amplitude_percent: float = 0.5  # std of the relative green change over the skin of the finished clip
    scale_with_melanin: bool = False  # dark skin gets less: amplitude x (1 - 0.6 tone / 5)
    tone: int = 1  # index into skin.TONES, 0 very light to 5 very dark
    spo2_percent: float = 98.0  # mean over the clip
    spo2_swing: float = 0.0  # standard deviation of its slow change, percent points
    spo2_slope: float = 0.05  # relative change of the red pulse for each percent point below 98
    spo2_offset: float = 0.0  # what this camera adds to the red pulse, relative
    rsa: float = 0.03  # breathing in the heart rate, relative swing; 0 is off
    riav: float = 0.1  # breathing in the pulse amplitude, relative swing; 0 is off
    riiv: float = 0.4  # breathing in the baseline, standard deviations of the pulse; 0 is off
    ectopic: float = 0.0  # probability that a beat comes early
    rise_s: float = 0.15  # upstroke of a pulse
    decay_s: float = 0.28  # time constant of its decay
    dicrotic: float = 0.16  # height of its dicrotic wave, systolic peak = 1
    smoothness: float = 0.0  # share of its fundamental that comes from a sinusoid
    delay_s: float = 0.0  # standard deviation of the pulse's delay over the face
    pulse_colour_shift: float = 0.0  # 0 published pulse colour, 1 as measured in processed video
    pulse_colour_spread: float = 0.1  # standard deviation of each channel's logarithm
    colour_matrix_spread: float = 0.0  # strength of the camera's colour-correction matrix
    white_balance_spread: float = 0.0  # standard deviation of the logarithm of the red and blue gain
    exposure: float = 1.0  # factor on all light that reaches the camera
    motion: str = "small"  # a key of scene.MOTION
    motion_scale: float = 1.0  # factor on the motion
    illumination: float = 0.002  # standard deviation of the slow change of the light / the light
    flicker_hz: float = 1.1  # of kind "flicker"
    flicker_percent: float = 1.0  # amplitude, of kind "flicker"
    noise: float = 1.5  # camera noise at middle grey, grey levels
    gamma: float = 1 / 2.4  # exponent of the camera's tone curve
    time_jitter: float = 0.0  # standard deviation of a frame's time / the frame interval
    dropped: float = 0.0  # share of frames that never arrive
    size: int = 256  # side of the square picture, pixels; the face is 0.45 of it wide
    photo: str | None = None  # picture file with one face; None is scikit-image's astronaut
    seed: int = 0

    def __post_init__(self):
        _one_of("kind", self.kind, KINDS)
        _one_of("motion", self.motion, MOTION)
        _within("tone", self.tone, 0, len(TONES) - 1)
        _within("seconds", self.seconds, 1, 3600)
        _within("fps", self.fps, 5, 120)
        _within("hr_bpm", self.hr_bpm, 35, 220)
        _within("rr_brpm", self.rr_brpm, 4, 45)
        _within("amplitude_percent", self.amplitude_percent, 0, 20)
        _within("spo2_percent", self.spo2_percent, 60, 100)
        _within("spo2_swing", self.spo2_swing, 0, 15)
        _within("rise_s", self.rise_s, 0.03, 0.5)
        _within("decay_s", self.decay_s, 0.02, 1)
        _within("dicrotic", self.dicrotic, 0, 1)
        _within("smoothness", self.smoothness, 0, 1)
        _within("delay_s", self.delay_s, 0, 0.05)
        _within("pulse_colour_shift", self.pulse_colour_shift, 0, 1)
        _within("pulse_colour_spread", self.pulse_colour_spread, 0, 1)
        _within("colour_matrix_spread", self.colour_matrix_spread, 0, 1)
        _within("white_balance_spread", self.white_balance_spread, 0, 1)
        _within("exposure", self.exposure, 0.02, 2)
        _within("motion_scale", self.motion_scale, 0, 10)
        _within("noise", self.noise, 0, 30)
        _within("size", self.size, 64, 2048)
        _within("seed", self.seed, 0, 2**63)

    @property
    def pulsed(self) -> bool:
        """The clip holds a pulse that a method should find."""
        return self.kind == "pulse"

    @property
    def person(self) -> Physiology:
        """Heart and breath."""
        return Physiology(
            hr_bpm=self.hr_bpm, rr_brpm=self.rr_brpm, rsa=self.rsa, riav=self.riav, riiv=self.riiv,
            ectopic=self.ectopic, rise_s=self.rise_s, decay_s=self.decay_s, dicrotic=self.dicrotic,
            smoothness=self.smoothness, spo2_percent=self.spo2_percent, spo2_swing=self.spo2_swing,
        )  # fmt: skip

    @property
    def camera(self) -> Camera:
        """Lens to file."""
        return Camera(
            gamma=self.gamma,
            noise=self.noise,
            fps=self.fps,
            time_jitter=self.time_jitter,
            dropped=self.dropped,
        )

    @property
    def finished_amplitude(self) -> float:
        """Standard deviation of the relative green change that the clip gets, 0 without blood in it."""
        if self.kind not in ("pulse", "shuffled"):
            return 0.0
        factor = 1 - 0.6 * self.tone / (len(TONES) - 1) if self.scale_with_melanin else 1.0
        return self.amplitude_percent / 100 * factor


def random_settings(
    rng: np.random.Generator, *, pulsed: bool | None = None, seconds: float = 20.0, size: int = 256
) -> SimulationSettings:
    """One draw from the range of clips that people record; the calibration is fitted on such draws.

    Args:
        rng: source of randomness; it also gives the clip's seed.
        pulsed: with a pulse, without (one of PULSE_FREE), or None for either.
        seconds: length of the clip.
        size: side of the picture. Unit: pixels.

    Returns:
        Settings. Ranges: research on what transfers from simulated to real video; amplitudes of real faces are
        0.2-0.35 %.
    """
    if pulsed is None:
        pulsed = bool(rng.uniform() < 0.5)
    usual = rng.uniform() < 0.6
    hr_bpm = float(np.clip(rng.normal(78, 16), 45, 150) if usual else rng.uniform(42, 182))
    return SimulationSettings(
        kind="pulse" if pulsed else str(rng.choice(PULSE_FREE)),
        seconds=seconds,
        fps=float(rng.choice([30.0, 30.0, 29.97, 25.0, 24.0, 60.0, 20.0, 15.0])),
        hr_bpm=hr_bpm,
        rr_brpm=float(rng.uniform(6, 30)),
        amplitude_percent=_log_uniform(rng, 0.12, 1.1),
        scale_with_melanin=bool(rng.uniform() < 0.5),
        tone=int(rng.integers(len(TONES))),
        spo2_percent=float(rng.uniform(92, 100)),
        rsa=float(rng.uniform(0, 0.07) * min(1.0, 75 / hr_bpm)),
        riav=float(rng.uniform(0, 0.25)),
        riiv=float(rng.uniform(0, 1.2)),
        ectopic=0.05 if rng.uniform() < 0.04 else 0.0,
        rise_s=float(rng.uniform(0.12, 0.2)),
        decay_s=_log_uniform(rng, 0.04, 0.25),
        dicrotic=float(rng.uniform(0, 0.2)),
        smoothness=float(0.65 * rng.uniform() ** 2),
        motion=str(
            rng.choice(["none", "small", "medium", "large"], p=[0.1, 0.5, 0.3, 0.1])
        ),  # never "glances"
        illumination=_log_uniform(rng, 2e-4, 1.5e-2),
        flicker_hz=float(rng.uniform(0.9, 2.5)),
        flicker_percent=_log_uniform(rng, 0.3, 2.0),
        noise=float(rng.uniform(0.7, 3.0)),
        gamma=float(rng.uniform(0.38, 0.55)),
        time_jitter=float(rng.uniform(0, 0.1)),
        dropped=float(rng.uniform(0, 0.05)) if rng.uniform() < 0.25 else 0.0,
        size=size,
        seed=int(rng.integers(2**40)),
    )


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _one_of(name: str, value: str, known: dict) -> None:
    if value not in known:
        raise UsageError(f"{name} is {value!r}", wanted=f"one of {', '.join(known)}", do="choose one of them")


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise UsageError(
            f"{name} is {value:g}", wanted=f"{low:g} to {high:g}", do="choose a value in this range"
        )
