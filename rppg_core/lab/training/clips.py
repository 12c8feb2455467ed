"""Rendered clips as a source: made once, kept in a folder, and read many times at random windows.

To render a face, encode it with a real codec and send it through the pass takes a second, while traces take a
hundredth. So a few hundred clips are made before the first step and read from random starts, half of them mirrored.
Any folder of such files is a source: `save_clip` of `datasets.clip_file` writes them. Every eighth clip is held out
for validation.
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

CLIP_SEED = 4_000_000  # the same clips for every seed of a recipe: rendering is the dear part
HELD_OUT = 8  # one clip in so many
SIDES = ("left cheek", "right cheek")


@dataclass(frozen=True)
class ClipSource:
    """Windows of stored clips.

    A clip's difficulty is its place in the folder: the first half rises from 0 to 1, the second is at 1, and a draw
    takes only clips up to the wanted difficulty.
    """

    folder: Path
    seed: int
    prepare: Prepare
    n_frames: int
    labels: frozenset[str] = frozenset(TASKS)
    held_out: bool = False
    kind: str = "stored"  # in words

    @property
    def name(self) -> str:
        return f"windows of {len(clip_files(self.folder, self.held_out))} {self.kind} clips"

    def sample(self, index: int, difficulty: float) -> Sample:
        """One window of one clip, mirrored or not."""
        rng = np.random.default_rng([self.seed, index, 2 + self.held_out])
        files = clip_files(self.folder, self.held_out)
        n_hard = max(1, int(np.searchsorted(_difficulties(len(files)), max(difficulty, 0.1), side="right")))
        clip, truth = load_clip(files[rng.integers(n_hard)])
        found = random_window(clip, truth, self.n_frames, rng, prepare=self.prepare, labels=self.labels)
        if found is None:
            raise UsageError(
                f"no {self.n_frames} frames in one piece in a clip of {str(self.folder)!r}",
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
    """A sample out of one clip, mirrored or not; None where no piece is long enough.

    Args:
        clip: at 30 Hz.
        truth: at the same times; NaN where nothing is known.
        n_frames: length of the window.
        rng: says where it starts, and whether it is mirrored.
        prepare: makes what the method reads.
        labels: tasks of TASKS that may be labelled.
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
    """One clip that is to be rendered."""

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
    """Render a recipe's clips, as far as they are not there yet.

    Args:
        recipe: says how many, how long and from which seed.
        needs: what the pass shall keep, names out of types.NEEDS.
        folder: where folders of clips lie; the clips get one that is named after everything that decides them.
        progress: told how many are done.

    Returns:
        Folder of the clips. A run that was stopped while rendering goes on with the missing ones.
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
    """The clips of a folder in order: every eighth for validation, the others for training.

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
    """Left and right exchanged, in maps, crops and the names of the cheeks."""
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
    """One clip through renderer, codec and pass; runs in a worker process."""
    clip, truth = simulate_clip(task.settings, task.needs)
    even = replace(resample(clip, FS), still=None, still_outlines={})
    if not task.skin_weight:
        cells = plain_cells(even.need("crop36"))
        even = replace(even, stmap=cells, stmap_weight=np.ones(cells.shape[1]), crop36=None)
    save_clip(task.path, even, even_truth(truth, even.times_s))


def _difficulties(n: int) -> np.ndarray:
    """Of n clips in order: from 0 to 1 over the first half, 1 after it."""
    return np.minimum(2 * np.arange(n) / max(n, 1), 1.0)


def _starts(clip: FaceClip, n_frames: int) -> np.ndarray:
    """Where a window without a gap can begin."""
    inside = [np.arange(s.start, s.stop - n_frames + 1) for s in segments(clip.valid)]
    return np.concatenate([np.zeros(0, int), *inside])
