"""The simulated clips behind the calibration of heart rates: what people record, and what must get no number.

There are two kinds. Most are colours of cells, made a hundred a second: pulses of 0.1 to 1.1 %, some with a rate that
changes or a pulse that is lost on the way, and a third without a pulse. The others are rendered pictures that went
through the face pass: mostly photos, walls, noise, moving backgrounds, flicker and shuffled frames. A third of all
clips have no background, a fifth one region; screens, which only a background can tell from a pulse, are left out
where there is none. Seeds and motion lie apart from every benchmark's.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from rppg_core.lab.datasets.clip_file import KnownClip, load_clip, made_folder
from rppg_core.lab.protocols.kept_clips import kept_clip
from rppg_core.lab.simulate.injection import inject
from rppg_core.lab.simulate.script import survives_shuffling
from rppg_core.lab.simulate.settings import SimulationSettings, random_settings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.types import FaceClip, Truth

SEED = 1_000_000  # benchmarks use seeds below 500 000, and mssdg those from 2**41 on
N_TRACES = 600
N_RENDERED = 240
SECONDS = (8.0, 60.0)  # log-uniform: a third of the clips last 30 s or longer
NEEDS = frozenset({"rgb", "stmap"})
CHANGE = (0.7, 1.4)  # last rate of a changing heart relative to its first
PAUSE_S = (8.0, 20.0)  # without a pulse, as while somebody holds a picture before the camera


def trace_clip(k: int) -> KnownClip:
    """Clip k of N_TRACES: every third without a pulse; of the rest a quarter changes its rate, a quarter loses it.

    Half of the lost pulses come back.
    """
    rng = np.random.default_rng(SEED + k)
    settings = _settings(rng, k, pulsed=True)
    still = replace(settings, amplitude_percent=0.0)
    if k % 3 == 0:
        clip, truth = simulate_traces(still)
        truth = replace(truth, pulsed=False)
    elif k % 4 == 1:
        clip, _ = simulate_traces(still)
        rates_bpm = np.linspace(settings.hr_bpm, settings.hr_bpm * rng.uniform(*CHANGE), len(clip.times_s))
        clip, truth = inject(clip, settings.amplitude_percent, np.clip(rates_bpm, 42, 220), rng)
    elif k % 4 == 3:
        clip, truth = simulate_traces(settings)
        clip, truth = _losing(clip, truth, simulate_traces(still)[0], rng, for_good=k % 8 == 3)
    else:
        clip, truth = simulate_traces(settings)
    return _seen(clip, k), truth


def rendered_clip(k: int, folder: Path) -> KnownClip:
    """Clip k of N_RENDERED: every fourth with a pulse; rendered once and kept in a folder."""
    from rppg_core.lab.simulate.faces import simulate_clip

    settings = rendered_settings(k)
    about, name = [asdict(settings), sorted(NEEDS)], str(_rendered_seed(k))
    path = kept_clip(made_folder(folder), name, about, lambda: simulate_clip(settings, NEEDS))
    clip, truth = load_clip(path)
    return _seen(clip, k), truth


def rendered_settings(k: int) -> SimulationSettings:
    """Settings of rendered clip k. A pulse that is still there when frames are shuffled is drawn again."""
    rng = np.random.default_rng(_rendered_seed(k))
    settings = _settings(rng, k, pulsed=k % 4 == 0)
    while settings.kind == "shuffled" and survives_shuffling(settings.hr_bpm):
        settings = _settings(rng, k, pulsed=False)
    return settings


def _rendered_seed(k: int) -> int:
    return SEED + N_TRACES + k


def _losing(
    clip: FaceClip, truth: Truth, still: FaceClip, rng: np.random.Generator, *, for_good: bool
) -> KnownClip:
    """A clip that goes on without its pulse from some moment on, for good or for a while."""
    assert clip.stmap is not None and still.stmap is not None, "the simulator makes maps"
    from_s = clip.times_s[0] + rng.uniform(0.3, 0.8) * np.ptp(clip.times_s)
    until_s = np.inf if for_good else from_s + rng.uniform(*PAUSE_S)

    def gone(times_s: np.ndarray) -> np.ndarray:
        return (times_s >= from_s) & (times_s < until_s)

    lost = gone(clip.times_s)[:, None, None]
    rgb, stmap = np.where(lost, still.rgb, clip.rgb), np.where(lost, still.stmap, clip.stmap)
    hr_bpm = np.where(gone(truth.times_s), -np.inf, truth.hr_bpm)
    return replace(clip, rgb=rgb, stmap=stmap), replace(truth, hr_bpm=hr_bpm)


def _settings(rng: np.random.Generator, k: int, *, pulsed: bool) -> SimulationSettings:
    seconds = float(np.exp(rng.uniform(*np.log(SECONDS))))
    settings = random_settings(rng, pulsed=pulsed, seconds=seconds)
    return replace(settings, screen=0.0) if _alone(k) else settings


def _seen(clip: FaceClip, k: int) -> FaceClip:
    """What a user may have of a clip: every third has no background, every fifth one mean colour for all regions."""
    if _alone(k):
        clip = replace(clip, background=None)
    if k % 5 == 0:
        clip = replace(clip, rgb=np.repeat(clip.roi("skin")[:, None], len(clip.rois), axis=1))
    return clip


def _alone(k: int) -> bool:
    """Whether the background of clip k is left out."""
    return k // 3 % 3 == 1
