"""Rendered clips as a training source: rendered once, stored, and read many times in random windows.

Rendering a face, encoding it with a real codec and running the face pass takes a second, while a trace takes
a hundredth of that. Therefore a few hundred clips are rendered before the first step, and windows with random
starts are read from them, half of them mirrored. Any folder of files written by `save_clip`
(`datasets.clip_file`) can be a source. Every eighth clip is held out for validation.
Axis letters: T time, N cell.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rppg_core.data_files import data_files
from rppg_core.errors import UsageError
from rppg_core.lab.datasets.clip_file import load_clip, save_clip
from rppg_core.lab.simulate.faces import simulate_clip
from rppg_core.lab.simulate.settings import CODECS, SIMULATOR_VERSION, SimulationSettings, random_settings
from rppg_core.lab.training.sources import (
    Prepare,
    Sample,
    even_truth,
    harder,
    is_labelled,
    targets_from_truth,
    without_motion,
)
from rppg_core.lab.workers import WorkerPool
from rppg_core.models.base import TASKS
from rppg_core.models.recipe import Recipe
from rppg_core.signals.filters import segments
from rppg_core.types import FS, FaceClip, Truth, marked_rows
from rppg_core.video.prepare import cut, resample
from rppg_core.video.stmap import CELLS, plain_cells

CLIP_SEED = 4_000_000  # the same clips for every seed of a recipe, because rendering is expensive
HELD_OUT = 8  # one clip out of this many
SIDES = ("left cheek", "right cheek")


@dataclass(frozen=True)
class ClipSource:
    """Windows of stored clips.

    A clip's difficulty follows from its position in the folder: it rises from 0 to 1 over the first half and
    is 1 in the second. Only clips up to the requested difficulty are drawn.
    """

    folder: Path
    seed: int
    prepare: Prepare
    n_frames: int
    labels: frozenset[str] = frozenset(TASKS)
    held_out: bool = False
    kind: str = "stored"  # description of the clips
    labelled: float = 1.0  # share of the clips whose labels are used

    @property
    def name(self) -> str:
        return f"windows of {len(clip_files(self.folder, self.held_out))} {self.kind} clips"

    def sample(self, index: int, difficulty: float) -> Sample:
        """One window of one clip, mirrored or not."""
        rng = np.random.default_rng([self.seed, index, 2 + self.held_out])
        files = clip_files(self.folder, self.held_out)
        n_hard = max(1, int(np.searchsorted(_difficulties(len(files)), max(difficulty, 0.1), side="right")))
        number = int(rng.integers(n_hard))
        clip, truth = load_clip(files[number])
        labels = self.labels if is_labelled(number, self.labelled) else frozenset()
        found = random_window(clip, truth, self.n_frames, rng, prepare=self.prepare, labels=labels)
        if found is None:
            raise UsageError(
                f"no {self.n_frames} frames without a gap in a clip of {str(self.folder)!r}",
                wanted="clips that are longer than a window",
                do="leave that clip out",
            )
        return found


def random_window(
    clip: FaceClip,
    truth: Truth,
    n_frames: int,
    rng: np.random.Generator,
    *,
    prepare: Prepare,
    labels: frozenset[str],
) -> Sample | None:
    """A sample from one clip, mirrored or not; None if no piece without a gap is long enough.

    Args:
        clip: clip at 30 Hz.
        truth: truth at the same times; NaN where unknown.
        n_frames: length of the window.
        rng: draws the start of the window, and whether it is mirrored.
        prepare: makes the inputs of the method.
        labels: tasks, from TASKS, whose labels may be used.
    """
    starts = _starts(clip, n_frames)
    if not len(starts):
        return None
    start = int(rng.choice(starts))
    part = slice(start, start + n_frames)
    window = cut(clip, part)
    if rng.uniform() < 0.5:
        window = mirrored(window)
    return Sample(dict(prepare(window)), targets_from_truth(truth, part, labels))


class ClipTask(NamedTuple):
    """One clip to be rendered."""

    path: Path
    settings: SimulationSettings
    needs: frozenset[str]
    skin_weight: bool


def render_clips(
    recipe: Recipe,
    needs: frozenset[str],
    folder: Path,
    *,
    progress: Callable[[str, float], None] | None = None,
) -> Path:
    """Render the clips of a recipe that do not exist yet.

    Args:
        recipe: sets the number of clips, their length and their settings.
        needs: fields that the face pass must keep, names from types.NEEDS.
        folder: parent folder; the clips go into a subfolder named after a hash of everything that determines
            them.
        progress: called with the number of rendered clips.

    Returns:
        Folder of the clips. If rendering was stopped earlier, only the missing clips are rendered.
    """
    needs = needs if recipe.skin_weight else needs | {"crop36"}
    kind = [recipe.clip_s, recipe.clip_px, recipe.harshness, recipe.motion, recipe.skin_weight]
    about = [SIMULATOR_VERSION, recipe.n_clips, *kind, sorted(needs)]
    place = folder / hashlib.sha256(json.dumps(about).encode()).hexdigest()[:12]
    place.mkdir(parents=True, exist_ok=True)
    tasks = [
        ClipTask(place / f"{k:05d}.npz", _settings(recipe, k, hard), needs, recipe.skin_weight)
        for k, hard in enumerate(_difficulties(recipe.n_clips))
    ]
    missing = [task for task in tasks if not task.path.is_file()]
    if not missing:
        return place
    with WorkerPool(min(os.cpu_count() or 1, len(missing))) as pool:
        for n, _ in enumerate(pool.map(_render, missing), start=1):
            if progress is not None:
                progress(f"rendering clip {n} of {len(missing)}", n / len(missing))
    clip_files.cache_clear()
    return place


@lru_cache(maxsize=8)
def clip_files(folder: Path, held_out: bool) -> tuple[Path, ...]:
    """The clips of a folder in order: every eighth one for validation, the others for training.

    Raises:
        UsageError: too few clips to hold one out.
    """
    files = data_files(folder, "*.npz")
    if len(files) < 2:
        raise UsageError(
            f"{len(files)} stored clips in {str(folder)!r}",
            wanted="two or more .npz files",
            do="name another folder",
        )
    first = min(HELD_OUT // 2, len(files) - 1)
    return tuple(path for k, path in enumerate(files) if (k % HELD_OUT == first) == held_out)


def mirrored(clip: FaceClip) -> FaceClip:
    """The clip with left and right exchanged, in maps, crops and the names of the cheeks."""
    order = np.arange(CELLS * CELLS).reshape(CELLS, CELLS)[:, ::-1].ravel()
    rois = list(range(len(clip.rois)))
    if set(SIDES) <= set(clip.rois):
        left, right = (clip.rois.index(side) for side in SIDES)
        rois[left], rois[right] = right, left
    crops = {
        name: values[:, :, ::-1]
        for name, rows in marked_rows(clip, "frame").items()
        if rows.is_crop and (values := getattr(clip, name)) is not None
    }
    return replace(
        clip,
        rgb=clip.rgb[:, rois],
        stmap=None if clip.stmap is None else clip.stmap[:, order],
        stmap_weight=None if clip.stmap_weight is None else clip.stmap_weight[order],
        landmarks=None,
        **crops,
    )


def _settings(recipe: Recipe, k: int, difficulty: float) -> SimulationSettings:
    rng = np.random.default_rng([CLIP_SEED, k])
    settings = random_settings(
        rng, pulsed=True, seconds=recipe.clip_s, size=recipe.clip_px, difficulty=difficulty, face="drawn"
    )
    settings = replace(
        harder(settings, rng, recipe.harshness**difficulty), codec=str(rng.choice(list(CODECS)))
    )
    return settings if recipe.motion else without_motion(settings)


def _render(task: ClipTask) -> None:
    """Render one clip, encode it and run the face pass; called in a worker process."""
    clip, truth = simulate_clip(task.settings, task.needs)
    even = replace(resample(clip, FS), still=None, still_outlines={})
    if not task.skin_weight:
        cells = plain_cells(even.need("crop36"))
        even = replace(even, stmap=cells, stmap_weight=np.ones(cells.shape[1]), crop36=None)
    save_clip(task.path, even, even_truth(truth, even.times_s))


def _difficulties(n: int) -> np.ndarray:
    """Difficulties of n clips in order: from 0 to 1 over the first half, then 1."""
    return np.minimum(2 * np.arange(n) / max(n, 1), 1.0)


def _starts(clip: FaceClip, n_frames: int) -> np.ndarray:
    """Frames at which a window without a gap can start."""
    inside = [np.arange(s.start, s.stop - n_frames + 1) for s in segments(clip.valid)]
    return np.concatenate([np.zeros(0, int), *inside])
