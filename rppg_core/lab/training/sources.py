"""Sources of training samples, and how samples with different labels are combined in one batch.

A source computes sample k from its seed alone, so that a run can be stopped and continued exactly. A sample holds
the inputs of the method (made by its `inputs_from_clip`, as at inference) and the targets for which its
source has labels. A batch contains every task, with a mask that marks the real targets.
Axis letters: B batch, T time, N cell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.interpolate import CubicSpline
from torch import Tensor

from rppg_core.errors import UsageError
from rppg_core.lab.simulate.cell_faces import cell_places
from rppg_core.lab.simulate.oxygen import oxygen_settings
from rppg_core.lab.simulate.settings import SimulationSettings, random_settings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.models.base import COURSES, SERIES, TASKS, Batch
from rppg_core.types import FS, FaceClip, Truth
from rppg_core.video.prepare import cut, resample
from rppg_core.video.trace_gaps import with_map

MARGIN_S = 0.5  # simulated beyond the window, for late first frames and dropped last ones
TRIES = 20  # attempts to draw a clip without a long gap; one clip in a hundred has one

RESTLESS = {"none": 0.05, "small": 0.2, "medium": 0.35, "large": 0.4}  # shares of each motion in harder draws

Prepare = Callable[[FaceClip], Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class Sample:
    """One window: the inputs of the method, and the known targets."""

    inputs: Mapping[str, np.ndarray]
    targets: Mapping[str, np.ndarray | float]  # a task that is absent has no label


@runtime_checkable
class Source(Protocol):
    """Anything that provides samples; `sample` is a pure function of the source's seed and its arguments."""

    @property
    def name(self) -> str: ...

    def sample(self, index: int, difficulty: float) -> Sample:
        """Sample number `index` at a `difficulty` of 0 to 1."""
        ...


def collate(samples: Sequence[Sample], n_frames: int) -> Batch:
    """Combine samples of one or several sources into one batch.

    Args:
        samples: all with the same inputs; targets may differ.
        n_frames: length of the waveforms.

    Returns:
        A float32 batch with all of TASKS and COURSES; a missing target is 0 and its mask is False.

    Raises:
        UsageError: two samples have different inputs.
    """
    names = set(samples[0].inputs)
    for sample in samples:
        if set(sample.inputs) != names:
            raise UsageError(
                f"inputs {sorted(sample.inputs)} beside {sorted(names)} in one batch",
                wanted="the same from each source",
                do="give the sources the same method and config",
            )
    inputs = {name: _tensor([sample.inputs[name] for sample in samples]) for name in samples[0].inputs}
    targets, mask = {}, {}
    for task in (*TASKS, *COURSES):
        nothing = np.zeros(n_frames) if task in (*SERIES, *COURSES) else 0.0
        targets[task] = _tensor([sample.targets.get(task, nothing) for sample in samples])
        mask[task] = torch.tensor([task in sample.targets for sample in samples])
    return Batch(inputs, targets, mask)


def even_truth(truth: Truth, times_s: Float[np.ndarray, " time"]) -> Truth:
    """A truth with its time series interpolated at other times; what is unknown throughout stays NaN."""
    inside = np.clip(times_s, truth.times_s[0], truth.times_s[-1])

    def at(values: np.ndarray) -> np.ndarray:
        if np.isnan(values).all():
            return np.full(len(times_s), np.nan)
        return CubicSpline(truth.times_s, values)(inside)

    return replace(
        truth,
        times_s=times_s,
        bvp=at(truth.bvp),
        resp=at(truth.resp),
        hr_bpm=at(truth.hr_bpm),
        spo2=None if truth.spo2 is None else at(truth.spo2),
        rr_track_brpm=None if truth.rr_track_brpm is None else at(truth.rr_track_brpm),
    )


def targets_from_truth(truth: Truth, part: slice, labels: frozenset[str]) -> dict[str, np.ndarray | float]:
    """The targets of one stretch of a clip, limited to known values of the tasks that may be labelled."""
    known: dict[str, np.ndarray | float] = {
        "bvp": truth.bvp[part],
        "resp": truth.resp[part],
        "hr": float(np.mean(truth.hr_bpm[part])),
        "rr": float(truth.rr_brpm if truth.rr_track_brpm is None else np.mean(truth.rr_track_brpm[part])),
        "spo2": float(truth.spo2_percent if truth.spo2 is None else np.mean(truth.spo2[part])),
        "spo2_course": np.nan if truth.spo2 is None else truth.spo2[part],
    }
    return {
        task: value
        for task, value in known.items()
        if COURSES.get(task, task) in labels
        and np.isfinite(value).all()
        and (task not in (*SERIES, *COURSES) or np.std(value) > 0)
    }


@dataclass(frozen=True)
class TraceSource:
    """An endless supply of clips from the fast simulator."""

    seed: int
    prepare: Prepare
    n_frames: int
    labels: frozenset[str] = frozenset(TASKS)
    skin_weight: bool = True
    motion: bool = True
    harshness: float = 1.0
    held_out: bool = False  # samples that no training run of any seed sees
    stream: int = 0  # differs between the sources of one batch, so that they draw different people
    name: str = "simulated traces"
    pulsed: bool = (
        True  # False: people without a pulse: their waveform is flat, and their SpO2 cannot be seen
    )
    partial_pulse: float = 0.0  # share of the samples in which the pulse reaches a part of the face only
    labelled: float = 1.0  # share of the people whose labels are used
    flat_maps: float = 0.0  # share of the samples whose map is that of a table of colours
    oxygen: str = ""  # a name from lab.simulate.oxygen.PEOPLE; "" draws everyday clips

    def sample(self, index: int, difficulty: float) -> Sample:
        """One window of a new simulated person."""
        rng = np.random.default_rng(
            [self.seed, index, self.held_out, *([self.stream] if self.stream else [])]
        )
        for _ in range(TRIES):
            settings = self._settings(rng, difficulty)
            pale = ~part_of_face(rng) if self.partial_pulse and rng.random() < self.partial_pulse else None
            clip, truth = simulate_traces(settings, skin_weight=self.skin_weight, pale=pale)
            if self.flat_maps and rng.random() < self.flat_maps:
                clip = as_table(clip, rng)
            even = resample(clip, FS)
            part = slice(0, self.n_frames)
            if len(even.valid) >= self.n_frames and even.valid[part].all():
                known = self.labelled == 1 or rng.random() < self.labelled
                labels = self.labels if known else frozenset()
                targets = targets_from_truth(even_truth(truth, even.times_s), part, labels)
                if not self.pulsed:
                    spo2 = {"spo2": targets["spo2"]} if "spo2" in targets else {}
                    targets = {"bvp": np.zeros(self.n_frames), **spo2}
                return Sample(dict(self.prepare(cut(even, part))), targets)
        raise AssertionError(
            f"sample {index}: {TRIES} simulated clips in a row have a gap in {self.n_frames} frames"
        )

    def _settings(self, rng: np.random.Generator, difficulty: float) -> SimulationSettings:
        seconds = self.n_frames / FS + MARGIN_S
        if self.oxygen:
            settings = noisier(
                oxygen_settings(self.oxygen, rng, seconds=seconds), rng, self.harshness**difficulty
            )
        else:
            settings = random_settings(rng, pulsed=True, seconds=seconds, difficulty=difficulty)
            settings = harder(settings, rng, self.harshness**difficulty)
        if not self.pulsed:
            settings = replace(settings, amplitude_percent=0.0, beat_motion=0.0)
        return settings if self.motion else without_motion(settings)


def is_labelled(number: int, share: float) -> bool:
    """Whether the labels of a stored person or clip are used, by number: the first of every 1 / `share`."""
    return math.floor(number * share + 1e-9) > math.floor((number - 1) * share + 1e-9)


def part_of_face(rng: np.random.Generator) -> Bool[np.ndarray, " cell"]:
    """True for the cells around a random one, a sixth to five sixths of all (our choice)."""
    column, row = cell_places()
    middle = rng.integers(len(column))
    near = np.hypot(column - column[middle], row - row[middle]).argsort(kind="stable")
    inside = np.zeros(len(column), bool)
    inside[near[: rng.integers(len(column) // 6, 5 * len(column) // 6 + 1)]] = True
    return inside


def as_table(clip: FaceClip, rng: np.random.Generator) -> FaceClip:
    """The clip as it would be read from a table of colours: of the skin alone, or also of forehead and cheeks."""
    if rng.random() < 0.5:
        clip = replace(clip, rgb=np.repeat(clip.rgb[:, :1], clip.rgb.shape[1], axis=1))
    return with_map(clip, None, None)


def harder(settings: SimulationSettings, rng: np.random.Generator, harshness: float) -> SimulationSettings:
    """The same person with more motion and a noisier camera; training on it also serves easier clips.

    Args:
        settings: an everyday draw.
        rng: source of randomness.
        harshness: motion and noise grow by a factor between 1 and this; 1 leaves the draw as it is.

    Source: our choice, because the faces of photo-v1 and photo-v2 move more, and their cameras are noisier, than
    in everyday draws.
    """
    if harshness <= 1:
        return settings

    def factor() -> float:
        return float(np.exp(rng.uniform(0, np.log(harshness))))

    return replace(
        settings,
        motion=str(rng.choice(list(RESTLESS), p=list(RESTLESS.values()))),
        motion_scale=min(settings.motion_scale * factor(), 10.0),
        noise=min(settings.noise * factor(), 30.0),
    )


def noisier(settings: SimulationSettings, rng: np.random.Generator, most: float) -> SimulationSettings:
    """The same clip by a camera whose noise is larger by a factor between 1 and `most`."""
    return replace(settings, noise=min(settings.noise * float(np.exp(rng.uniform(0, np.log(most)))), 30.0))


def without_motion(settings: SimulationSettings) -> SimulationSettings:
    """The same clip with a head that does not move, for the ablation of simulated motion."""
    return replace(settings, motion="none", breath_motion=0.0, beat_motion=0.0, talking=0.0)


def _tensor(values: Sequence[np.ndarray | float]) -> Tensor:
    return torch.from_numpy(np.stack([np.asarray(value, np.float32) for value in values]))
