"""What to simulate: one frozen set of numbers per clip, and random draws of it.

All other modules of the simulator read these settings. The whole content of a clip follows from them, including the
seed.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rppg_core.errors import UsageError
from rppg_core.lab.simulate.head import MOTION
from rppg_core.lab.simulate.physiology import Physiology
from rppg_core.lab.simulate.scene import CODECS, Camera
from rppg_core.lab.simulate.skin import TONES

SIMULATOR_VERSION = 3  # increased whenever the same settings give another clip
KINDS = {
    "pulse": "a face with a pulse",
    "photo": "a photo of a face with motion and noise, no pulse",
    "wall": "a plain or textured wall with a supplied face position",
    "noise": "nothing but sensor noise, with a supplied face position",
    "moving background": "a photo without pulse before a background that moves",
    "flicker": "a photo without pulse under flickering light",
    "shuffled": "a clip with a pulse whose frames are shuffled in blocks of 0.5 s",
}
FACES = {"photo": "a photo of a face", "drawn": "a face that is drawn anew for every seed"}
BACKDROPS = {"photo": "what is behind the head in the picture of the face", "wall": "a wall, as in kind wall"}
RANGES = {  # limits of what can be simulated; random draws use narrower ranges
    "tone": (0, len(TONES) - 1), "seconds": (1, 3600), "fps": (5, 120), "hr_bpm": (35, 220), "rr_brpm": (4, 45),
    "amplitude_percent": (0, 20), "spo2_percent": (60, 100), "spo2_swing": (0, 15), "spo2_slope": (-1, 1),
    "spo2_offset": (-1, 5), "rsa": (0, 0.3), "riav": (0, 1), "riiv": (0, 10), "mayer": (0, 0.2), "jitter": (0, 0.3),
    "ectopic": (0, 0.5), "rise_s": (0.03, 0.5), "decay_s": (0.02, 1), "dicrotic": (0, 1), "smoothness": (0, 1),
    "delay_s": (0, 0.05), "pulse_colour_shift": (0, 1), "pulse_colour_spread": (0, 1), "colour_matrix_spread": (0, 1),
    "white_balance_spread": (0, 1), "exposure": (0.02, 2), "motion_scale": (0, 10), "breath_motion": (0, 5),
    "beat_motion": (0, 2), "talking": (0, 1), "illumination": (0, 0.5), "light_steps": (0, 120), "screen": (0, 0.5),
    "auto_exposure": (0, 1), "exposure_lag_s": (0.05, 30), "noise": (0, 30), "gamma": (0.3, 1),
    "time_jitter": (0, 0.3), "dropped": (0, 0.5), "duplicated": (0, 0.5), "crf": (0, 51), "size": (64, 2048),
    "nods": (0, 120), "gestures": (0, 120), "shading": (0, 20), "lamps": (0, 1), "flicker_hz": (0, 60),
    "flicker_percent": (0, 100), "seed": (0, 2**63),
}  # fmt: skip
WHOLE = ("tone", "crf", "size", "seed")  # whole numbers; the others may be fractions
CODED = 1 / 3  # share of drawn clips that go through an encoder
PULSE_FREE = tuple(kind for kind in KINDS if kind != "pulse")


@dataclass(frozen=True, kw_only=True)
class SimulationSettings:
    """One simulated clip."""

    kind: str = "pulse"  # a key of KINDS
    seconds: float = 20.0
    fps: float = 30.0  # usual cameras: 15-60
    hr_bpm: float = 72.0  # mean over the clip, 40-185
    rr_brpm: float = 15.0  # mean over the clip, 6-30
    amplitude_percent: float = 0.5  # std of the relative green change over the skin of the finished clip
    scale_with_melanin: bool = False  # smaller pulse on dark skin: amplitude x (1 - 0.6 tone / 5)
    tone: int = 1  # index into skin.TONES, 0 very light to 5 very dark
    spo2_percent: float = 98.0  # mean over the clip
    spo2_swing: float = 0.0  # standard deviation of its slow change, percentage points
    spo2_slope: float = 0.05  # relative change of the red pulse per percentage point below 98
    spo2_offset: float = 0.0  # relative change of the red pulse by this camera
    rsa: float = 0.03  # modulation of the heart rate by breathing, relative swing; 0 is off
    riav: float = 0.1  # modulation of the pulse amplitude by breathing, relative swing; 0 is off
    riiv: float = 0.4  # modulation of the baseline by breathing, standard deviations of the pulse; 0 is off
    mayer: float = 0.012  # swing of the heart rate around 0.1 Hz, relative
    jitter: float = 0.004  # standard deviation of each interval's independent random part / the interval
    ectopic: float = 0.0  # probability that a beat comes early
    rise_s: float = 0.15  # upstroke of a pulse
    decay_s: float = 0.28  # time constant of its decay
    dicrotic: float = 0.16  # height of its dicrotic wave, systolic peak = 1
    smoothness: float = 0.0  # share of its fundamental that comes from a sinusoid
    delay_s: float = 0.0  # standard deviation of the pulse's delay over the face
    pulse_colour_shift: float = 0.0  # 0 is the published pulse colour, 1 that measured in processed video
    pulse_colour_spread: float = 0.1  # standard deviation of each channel's logarithm
    colour_matrix_spread: float = 0.0  # strength of the camera's colour-correction matrix
    white_balance_spread: float = 0.0  # standard deviation of the logarithm of the red and blue gain
    exposure: float = 1.0  # factor on all light that reaches the camera
    motion: str = "small"  # a key of head.MOTION
    motion_scale: float = 1.0  # factor on the motion
    breath_motion: float = 0.0  # rise of the head with a breath, % of the face width
    beat_motion: float = 0.0  # standard deviation of the head's motion with the beat, % of the face width
    talking: float = 0.0  # share of the time spent talking
    nods: float = 0.0  # nods per minute
    gestures: float = 0.0  # hands that come up before or beside the face, per minute
    shading: float = 1.0  # factor on what the head's motion does to the light on it
    lamps: float = 0.0  # spread of this factor between red, green and blue, because lamps differ in colour
    illumination: float = 0.002  # standard deviation of the slow change of the light / the light
    flicker_hz: float = 1.1  # of kind "flicker"
    flicker_percent: float = 1.0  # amplitude, of kind "flicker"
    light_steps: float = 0.0  # sudden changes of the light per minute
    screen: float = 0.0  # standard deviation of the coloured light of a screen / the light
    auto_exposure: float = 0.0  # share of a change of brightness that the camera compensates
    exposure_lag_s: float = 1.0  # time constant of this compensation
    noise: float = 1.5  # camera noise at middle grey, grey levels
    gamma: float = 1 / 2.4  # exponent of the camera's tone curve
    time_jitter: float = 0.0  # standard deviation of a frame's time / the frame interval
    dropped: float = 0.0  # share of frames that never arrive
    duplicated: float = 0.0  # share of frames that repeat the frame before
    codec: str = ""  # encoder that the frames go through: "h264", "mpeg4", or "" for none
    crf: int = 23  # its quality, 18 (fine) to 35 (coarse)
    backdrop: str = "photo"  # a key of BACKDROPS
    size: int = 256  # side of the square picture, pixels; the face takes 0.45 of its width
    face: str = "photo"  # a key of FACES
    photo: str | None = None  # picture file with one face; None is scikit-image's astronaut
    seed: int = 0

    def __post_init__(self):
        _require_one_of("kind", self.kind, KINDS)
        _require_one_of("motion", self.motion, MOTION)
        _require_one_of("face", self.face, FACES)
        _require_one_of("backdrop", self.backdrop, BACKDROPS)
        _require_one_of("codec", self.codec, ("", *CODECS))
        _within({name: getattr(self, name) for name in RANGES}, RANGES)
        if self.photo is not None and not isinstance(self.photo, (str, Path)):
            raise UsageError(
                f"photo is {self.photo!r}"[:80], wanted="the path of a picture", do="leave it out"
            )
        if self.codec and self.size % 2:
            raise UsageError(
                f"size is {self.size}",
                wanted="an even number of pixels for a codec",
                do=f"take {self.size + 1}",
            )

    @property
    def pulsed(self) -> bool:
        """Whether the clip holds a pulse that a method should find."""
        return self.kind == "pulse"

    @property
    def person(self) -> Physiology:
        """Heart and breath."""
        return Physiology(
            hr_bpm=self.hr_bpm, rr_brpm=self.rr_brpm, rsa=self.rsa, riav=self.riav, riiv=self.riiv,
            mayer=self.mayer, jitter=self.jitter, ectopic=self.ectopic, rise_s=self.rise_s, decay_s=self.decay_s,
            dicrotic=self.dicrotic, smoothness=self.smoothness,
            spo2_percent=self.spo2_percent, spo2_swing=self.spo2_swing,
        )  # fmt: skip

    @property
    def camera(self) -> Camera:
        """The camera, from lens to file."""
        return Camera(
            gamma=self.gamma,
            noise=self.noise,
            fps=self.fps,
            time_jitter=self.time_jitter,
            dropped=self.dropped,
            duplicated=self.duplicated,
        )

    @property
    def finished_amplitude(self) -> float:
        """Standard deviation of the relative green change in the finished clip; 0 for kinds without a pulse."""
        if self.kind not in ("pulse", "shuffled"):
            return 0.0
        factor = 1 - 0.6 * self.tone / (len(TONES) - 1) if self.scale_with_melanin else 1.0
        return self.amplitude_percent / 100 * factor


def random_settings(
    rng: np.random.Generator,
    *,
    pulsed: bool | None = None,
    seconds: float = 20.0,
    size: int = 256,
    difficulty: float = 1.0,
    face: str = "photo",
) -> SimulationSettings:
    """One draw from the range of clips that people record; calibration and training use such draws.

    Args:
        rng: source of randomness; the clip's seed is also drawn from it.
        pulsed: with a pulse, without (one of PULSE_FREE), or None for either.
        seconds: length of the clip.
        size: side of the picture. Unit: pixels.
        difficulty: 0 draws motion and sensor noise only; towards 1 it adds light, talk, codec and lost frames.
        face: a key of FACES.

    Returns:
        Settings. The same state of `rng` gives the same person at every difficulty.

    Source: "study" is the sim-to-real study, section 5.1; "ours" our choice.
        Heart rate 60 % N(78, 16), 40 % U(40, 180), RSA, 0.1 Hz, breath, RIIV, RIAV, 4 % with early beats or
        intervals as uneven as in atrial fibrillation: study.
        SpO2 half U(95, 100), half U(85, 100): study. Its swing, slope e^N(log 0.05, 0.4) and offset N(0, 0.25):
        ours, so that SpO2 cannot be read from red alone.
        Pulse shape: ours, fitted to the 2nd and 3rd harmonics of the study (.17/.06, .32/.15, .55/.26).
        Amplitude 0.1-1.1 % (real faces 0.2-0.35), delay of 20 ms, spread and centres of the pulse's colour: study.
        Colour matrix and white balance: ours.
        Exposure, gamma, frame rates, lost and duplicated frames, CRF 18-35: study; a codec on a third of clips: ours.
        Motion levels: study; never "glances" and "swings", which only benchmarks use. Nods, hands, lamps, what motion
        does to the light, walls behind the head: ours, after recordings of people who talk. Breath 0.05-1 %, beat
        0.005-0.1 % of the face width: ours, from tenths of a millimetre (Balakrishnan et al. 2013) to a few
        millimetres.
        Light drift 1e-4-2.5e-2, screens of 0.3-4 Hz, steps, auto-exposure: study. How often: ours.
    """
    _within({"difficulty": difficulty}, {"difficulty": (0.0, 1.0)})
    if pulsed is None:
        pulsed = bool(rng.uniform() < 0.5)
    return SimulationSettings(
        kind="pulse" if pulsed else str(rng.choice(PULSE_FREE)),
        seconds=seconds,
        size=size,
        face=face,
        backdrop="wall" if rng.uniform() < 0.5 else "photo",
        **_person_draw(rng),
        **_look_draw(rng, difficulty),
        **_scene_draw(rng, difficulty),
        **_camera_draw(rng, difficulty),
        seed=int(rng.integers(2**40)),
    )


def _person_draw(rng: np.random.Generator) -> dict[str, Any]:
    """Heart, breath, oxygen and the shape of the pulse."""
    usual = rng.uniform() < 0.6
    irregular = rng.uniform()
    hr_bpm = float(np.clip(rng.normal(78, 16), 42, 150) if usual else rng.uniform(40, 180))
    common = rng.uniform() < 0.8  # the others get the larger variation of trained people at rest
    return {
        "hr_bpm": hr_bpm,
        "rr_brpm": float(rng.uniform(6, 30)),
        "rsa": float(rng.uniform(0, 0.1 if common else 0.25) * min(1.0, 75 / hr_bpm)),
        "mayer": float(rng.uniform(0, 0.025 if common else 0.08)),
        "riav": float(rng.uniform(0, 0.25)),
        "riiv": float(rng.uniform(0, 1.2)),
        "jitter": 0.15 if irregular < 0.015 else float(rng.uniform(0.002, 0.012)),
        "ectopic": 0.05 if 0.015 <= irregular < 0.04 else 0.0,
        "rise_s": float(rng.uniform(0.12, 0.2)),
        "decay_s": _log_uniform(rng, 0.04, 0.25),
        "dicrotic": float(rng.uniform(0, 0.2)),
        "smoothness": float(0.65 * rng.uniform() ** 2),
        "spo2_percent": float(rng.uniform(95, 100) if rng.uniform() < 0.5 else rng.uniform(85, 100)),
        "spo2_swing": float(rng.uniform(0, 4)) if rng.uniform() < 0.5 else 0.0,
    }


def _look_draw(rng: np.random.Generator, difficulty: float) -> dict[str, Any]:
    """Skin, the pulse on it, and the colours of the camera."""
    return {
        "tone": int(rng.integers(len(TONES))),
        "amplitude_percent": _log_uniform(rng, 0.1, 1.1),
        "scale_with_melanin": bool(rng.uniform() < 0.5),
        "spo2_slope": float(0.05 * np.exp(0.4 * rng.standard_normal())),
        "spo2_offset": float(np.clip(0.25 * rng.standard_normal(), -0.6, 0.8)),
        "delay_s": float(rng.uniform(0, 0.012)),
        "pulse_colour_shift": float(rng.uniform()) if rng.uniform() < 0.5 else 0.0,
        "pulse_colour_spread": _log_uniform(rng, 0.12, 0.36),
        "colour_matrix_spread": float(difficulty * rng.uniform(0, 0.35)),
        "white_balance_spread": float(difficulty * rng.uniform(0, 0.15)),
        "exposure": _log_uniform(rng, 0.3, 1.1) ** difficulty,
    }


def _scene_draw(rng: np.random.Generator, difficulty: float) -> dict[str, Any]:
    """Motion of the head, talking and changes of the light."""

    def sometimes(share: float, low: float, high: float) -> float:
        on, value = rng.uniform() < share * difficulty, float(rng.uniform(low, high))
        return value if on else 0.0

    return {
        "motion": str(rng.choice(["none", "small", "medium", "large"], p=[0.1, 0.5, 0.3, 0.1])),
        "motion_scale": _log_uniform(rng, 0.6, 1.6),
        "breath_motion": _log_uniform(rng, 0.05, 1.0),
        "beat_motion": _log_uniform(rng, 0.005, 0.1),
        "talking": sometimes(0.25, 0.2, 0.9),
        "nods": sometimes(0.25, 1, 15),
        "gestures": sometimes(0.2, 1, 12),
        "shading": _log_uniform(rng, 0.5, 2.0) ** difficulty,
        "lamps": float(difficulty * rng.uniform(0, 0.2)),
        "illumination": difficulty * _log_uniform(rng, 1e-4, 2.5e-2),
        "light_steps": sometimes(0.15, 1, 8),
        "screen": sometimes(0.2, 0.05, 1) ** 2 * 0.015,
        "auto_exposure": sometimes(0.4, 0.2, 1.0),
        "exposure_lag_s": float(rng.uniform(0.5, 2)),
        "flicker_hz": float(rng.uniform(0.9, 2.5)),
        "flicker_percent": _log_uniform(rng, 0.3, 2.0),
    }


def _camera_draw(rng: np.random.Generator, difficulty: float) -> dict[str, Any]:
    """The camera and its codec."""
    usual, coded = rng.uniform() < 0.7, rng.uniform() < CODED * difficulty
    codec = "h264" if rng.uniform() < 0.7 else "mpeg4"
    lost, doubled = rng.uniform(size=2) < 0.25 * difficulty
    dropped, duplicated = rng.uniform(0, [0.05, 0.08])
    return {
        "fps": float(rng.choice([30.0, 30.0, 29.97, 25.0, 24.0, 60.0, 20.0, 15.0])),
        "noise": float(rng.uniform(0.7, 3.0)),
        "gamma": float(rng.uniform(0.42, 0.55) if usual else rng.uniform(0.55, 1.0)),
        "time_jitter": float(difficulty * rng.uniform(0, 0.1)),
        "dropped": float(dropped) if lost else 0.0,
        "duplicated": float(duplicated) if doubled else 0.0,
        "codec": codec if coded else "",
        "crf": int(rng.integers(18, 36)),
    }


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _require_one_of(name: str, value: str, known: Iterable[str]) -> None:
    if not isinstance(value, str) or value not in known:
        raise UsageError(
            f"{name} is {value!r}"[:80],
            wanted=f"one of {', '.join(filter(None, known))}",
            do="choose one of them",
        )


def _within(values: dict[str, float], ranges: dict[str, tuple[float, float]]) -> None:
    for name, value in values.items():
        low, high = ranges[name]
        kind, words = (numbers.Integral, "a whole number from ") if name in WHOLE else (numbers.Real, "")
        if not isinstance(value, kind) or not low <= value <= high:
            got = f"{value:g}" if isinstance(value, numbers.Real) else repr(value)
            raise UsageError(
                f"{name} is {got}"[:80],
                wanted=f"{words}{low:g} to {high:g}",
                do="choose a value in this range",
            )
