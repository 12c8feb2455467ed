"""The base of every neural method: a network with a config, a card, and one path from a clip to a waveform.

The folder of a method defines a config and an `RppgModel`; `neural_method.py` makes a `Method` from its checkpoint,
so that the roster, the pipeline and the app treat POS and a network alike.
Axis letters: B batch, T time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from rppg_core.errors import UsageError
from rppg_core.signals.checks import check_count
from rppg_core.signals.filters import segments
from rppg_core.types import FS, Bvp, FaceClip, MethodOutput
from rppg_core.video.prepare import cut, overlap_add, overlapping_windows

TASKS = ("bvp", "resp", "hr", "rr", "spo2")
SERIES = ("bvp", "resp")  # tasks whose output is a waveform
COURSES = {"spo2_course": "spo2"}  # labels that follow time, of tasks whose output is a number
SIMULATED = "trained on simulated physiology"
WINDOWS = "windows_s"  # under `inside`: start and end of each window, (window, 2)
MIN_SEGMENT_S = 2.0  # shorter segments are skipped, as in the classical methods


@dataclass(frozen=True)
class Batch:
    """The training data of one step.

    `inputs`: name -> (B, ...); `targets`: each of TASKS and COURSES -> (B, T) or (B,), zero where there is no label;
    `mask`: each of these -> (B,), which samples carry that label; `done`: completed share of the training, for losses
    that are phased in; `teacher`: outputs of the recipe's teacher for the same samples, without gradient, or None if
    the recipe has no teacher.
    """

    inputs: Mapping[str, Tensor]
    targets: Mapping[str, Tensor]
    mask: Mapping[str, Tensor]
    done: float = 1.0
    teacher: Mapping[str, Tensor] | None = None


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """The origin and the limits of a checkpoint; stored inside the file."""

    method: str
    paper: str
    inputs: tuple[str, ...]  # fields of a clip that it reads
    weights: str = SIMULATED
    data: str = ""  # in words: which simulated or recorded data
    simulator_version: int = 0
    seed: int = 0
    steps: int = 0
    recipe: Mapping[str, Any] = field(default_factory=dict)
    recipe_hash: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    limits: str = ""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class RppgModel(nn.Module, ABC):
    """Base class of the networks; each subclass is a method.

    A subclass sets the class attributes, takes its config as the only argument, and defines `inputs_from_clip`,
    `forward` and `loss`.

    `evidence` names outputs of `forward` that tell how far the other outputs can be trusted: one number per sample,
    (B,), from 0 (not at all) to 1 (no doubt). Evidence is a cap: a confidence never exceeds the smallest of these
    numbers, so that evidence can lower a confidence or turn it into a refusal, but never raise it. Values that are
    not finite count as 0.

    `per_window` names outputs that follow time, such as codes: a report keeps them for every window, with its
    place in `inside["windows_s"]`, where all others are averaged.
    """

    name: ClassVar[str]
    paper: ClassVar[str]
    needs: ClassVar[frozenset[str]]  # names from types.NEEDS
    tasks: ClassVar[frozenset[str]]  # names from TASKS
    evidence: ClassVar[tuple[str, ...]] = ()  # names of outputs that may lower a confidence
    per_window: ClassVar[tuple[str, ...]] = ()  # names of outputs that are kept for each window
    draws_cells: ClassVar[bool] = (
        False  # whether it can be trained on face maps in place of the pictures it reads
    )

    def __init__(self, config: Any):
        super().__init__()
        self.config = config

    @classmethod
    @abstractmethod
    def inputs_from_clip(cls, clip: FaceClip, config: Any) -> dict[str, np.ndarray]:
        """The inputs of the network from an evenly sampled clip without gaps: name -> array without a batch axis.

        Used in training and in inference. Arrays whose first axis is as long as the clip are cut into windows.
        """

    @classmethod
    def inputs_from_student(
        cls, inputs: Mapping[str, np.ndarray], student: Any, config: Any
    ) -> dict[str, np.ndarray] | None:
        """As a teacher, the same inputs from those of a student where they hold all of them; None: read the clip.

        Args:
            inputs: of the student, from one clip.
            student: config of the student.
            config: config of the teacher.
        """
        return None

    @abstractmethod
    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Outputs for `tasks`: waveforms (B, T), rates and percentages (B,).

        In evaluation the names in `evidence` are added, as numbers (B,). Other names are allowed: in evaluation they
        are arrays (B, ...) that a report keeps under `inside`, in training they are read only by `loss`.
        """

    @abstractmethod
    def loss(self, outputs: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """Named scalar terms; samples without the label contribute exactly 0."""

    def finish(self, task: str, wave: np.ndarray) -> np.ndarray:
        """The joined waveform of one segment as the method gives it.

        The identity here; a network whose windows hold something else, such as a derivative, overrides it.

        Args:
            task: a name from SERIES.
            wave: windows of `forward`, each of unit scale, joined by overlap-add.
        """
        return wave

    def beside(self, clip: FaceClip) -> dict[str, np.ndarray]:
        """More for a report to keep under `inside`, such as what the network makes of the background; nothing here.

        Args:
            clip: an evenly sampled segment of a clip, without gaps.
        """
        return {}

    @property
    def window(self) -> int:
        """Number of samples that the network reads at once."""
        return int(self.config.window)


def run_clip(model: RppgModel, clip: FaceClip) -> MethodOutput:
    """Raw pulse of an evenly sampled clip at 30 Hz, segment by segment, windows joined by overlap-add.

    Rates, evidence and internal arrays are means over the windows, and segments are weighted by their length. What
    the network names `per_window` is kept for each, filled up with NaN where a segment is shorter than a window.

    Raises:
        ValueError: a clip at another rate, or declared evidence that is not one number per window.
    """
    if clip.fs != FS:
        raise ValueError(f"clip at {clip.fs} Hz; networks read {FS} Hz: call prepare.resample(clip) first")
    series = {task: np.zeros(len(clip.times_s)) for task in SERIES if task in model.tasks}
    valid = np.zeros(len(clip.times_s), bool)
    others: dict[str, list[np.ndarray]] = {}
    lengths: dict[str, list[int]] = {}
    kept: dict[str, list[np.ndarray]] = {}
    for segment in segments(clip.valid):
        n = segment.stop - segment.start
        if n < MIN_SEGMENT_S * FS:
            continue
        part = cut(clip, segment)
        found = {**run_segment(model, part), **model.beside(part)}
        valid[segment] = True
        for name, value in found.items():
            if name in series:
                series[name][segment] = value
            elif name in (*model.per_window, WINDOWS):
                kept.setdefault(name, []).append(value)
            else:
                others.setdefault(name, []).append(value)
                lengths.setdefault(name, []).append(n)
    waves = {task: Bvp(x, FS, float(clip.times_s[0]), valid) for task, x in series.items()}
    means = {name: np.average(values, axis=0, weights=lengths[name]) for name, values in others.items()}
    if valid.any():
        _check_evidence(model, means)
    inside = {name: np.asarray(x) for name, x in means.items() if name not in (*TASKS, *model.evidence)}
    return MethodOutput(
        bvp=waves.get("bvp"),
        resp=waves.get("resp"),
        direct={name: float(value) for name, value in means.items() if name in TASKS},
        evidence={name: float(means[name]) for name in model.evidence if name in means},
        inside=inside | {name: _filled_up(values) for name, values in kept.items()},
    )


def run_segment(model: RppgModel, clip: FaceClip) -> dict[str, np.ndarray]:
    """Outputs for one gap-free segment of a clip: waveforms by overlap-add, all else as means over its windows.

    What the network keeps for each window has these on the first axis, and WINDOWS says where they lie.
    """
    n = len(clip.times_s)
    windows = overlapping_windows(n, model.window)
    device = next(model.parameters(), torch.empty(0)).device
    outputs: list[dict[str, np.ndarray]] = []
    with torch.inference_mode():
        for window in windows:
            inputs = model.inputs_from_clip(cut(clip, window), model.config)
            batch = {
                key: torch.from_numpy(np.asarray(x, np.float32))[None].to(device) for key, x in inputs.items()
            }
            outputs.append({task: y[0].double().cpu().numpy() for task, y in model(batch).items()})
    found = {}
    for name in outputs[0]:
        each = [one[name] for one in outputs]
        if name in SERIES:
            found[name] = model.finish(name, overlap_add([unit_wave(wave) for wave in each], windows, n))
        else:
            found[name] = np.stack(each) if name in model.per_window else np.asarray(np.mean(each, axis=0))
    if model.per_window:
        found[WINDOWS] = clip.times_s[0] + np.array([(w.start, w.stop) for w in windows]) / FS
    return found


def check_sizes(config: Any, numbers: Sequence[str], lists: Sequence[str]) -> None:
    """Check that config fields hold whole numbers above 0 (`numbers`), or non-empty tuples of these (`lists`).

    Raises:
        UsageError: a field does not; the message names it.
    """
    for name in numbers:
        check_count(getattr(config, name), name, 1)
    for name in lists:
        values = getattr(config, name)
        if not isinstance(values, (tuple, list)) or not values:
            raise UsageError(
                f"{name} is {values!r}"[:80], wanted="a tuple of whole numbers", do=f"check {name}"
            )
        for k, value in enumerate(values):
            check_count(value, f"{name}[{k}]", 1)


def check_choices(config: Any, **known: tuple[str, ...]) -> None:
    """Check that config fields hold one of the allowed words.

    Raises:
        UsageError: a field does not; the message names it.
    """
    for name, words in known.items():
        if (value := getattr(config, name)) not in words:
            raise UsageError(
                f"{name} is {value!r}"[:80], wanted=f"one of {', '.join(words)}", do="choose one of them"
            )


def check_names(config: Any, **known: tuple[str, ...]) -> None:
    """Check that config fields hold some of the allowed words, each at most once; () for none.

    Raises:
        UsageError: a field does not; the message names it.
    """
    for name, words in known.items():
        given = getattr(config, name)
        if not set(given) <= set(words) or len(set(given)) < len(given):
            raise UsageError(
                f"{name} is {given!r}"[:80],
                wanted=f"some of {', '.join(words)}, each once",
                do="or () for none",
            )


def check_model(model: RppgModel) -> int:
    """Number of parameters, after checking that the network follows the contract.

    Raises:
        TypeError: an unknown task, evidence with the name of a task, or no config.
    """
    unknown = set(model.tasks) - set(TASKS)
    if unknown or model.config is None:
        raise TypeError(f"{model.name}: unknown tasks {sorted(unknown)} or no config; tasks are {TASKS}")
    if isinstance(model.evidence, str) or set(model.evidence) & set(TASKS):
        raise TypeError(
            f"{model.name}: evidence is {model.evidence!r}; wanted a tuple of names that are not tasks"
        )
    return sum(p.numel() for p in model.parameters())


def _check_evidence(model: RppgModel, found: Mapping[str, Any]) -> None:
    """Check that declared evidence is present: missing evidence would leave every confidence unchanged."""
    for name in model.evidence:
        if name not in found or np.ndim(found[name]):
            got = "is missing" if name not in found else f"has the shape {np.shape(found[name])} per sample"
            raise ValueError(
                f"evidence {name!r} of {model.name} {got}; wanted one number per sample — give it in forward()"
            )


def _filled_up(parts: list[np.ndarray]) -> np.ndarray:
    """Windows of all segments on one axis; shorter ones are filled up with NaN."""
    shape = np.max([part.shape[1:] for part in parts], axis=0).astype(int)
    wide = [
        np.pad(part.astype(float), [(0, 0), *((0, w - s) for w, s in zip(shape, part.shape[1:], strict=True))],
               constant_values=np.nan)
        for part in parts
    ]  # fmt: skip
    return np.concatenate(wide)


def unit_wave(wave: np.ndarray) -> np.ndarray:
    """Zero mean and unit standard deviation, so that windows join at one scale: that of a network is arbitrary."""
    wave = wave - wave.mean()
    return wave / max(float(wave.std()), 1e-9)
