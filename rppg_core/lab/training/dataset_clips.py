"""Extracted datasets as a training source: windows of their clips, with the labels that each clip has.

The clips are listed in a manifest (`datasets.extracted`). Monitoring holds out whole people: every eighth
person, or every eighth clip if all clips show one person. All clips are drawn with equal probability,
regardless of difficulty.
Axis letters: T time, N cell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rppg_core.errors import UsageError
from rppg_core.lab.datasets.extracted import ExtractedClip
from rppg_core.lab.training.clips import HELD_OUT, random_window
from rppg_core.lab.training.sources import Prepare, Sample, is_labelled
from rppg_core.lab.training.speeds import at_speed, random_speed
from rppg_core.models.base import TASKS
from rppg_core.types import FS, FaceClip
from rppg_core.video.stmap import CELLS, fill_empty_cells


@dataclass(frozen=True)
class ExtractedSource:
    """Windows of the clips of a dataset, or of part of one."""

    clips: tuple[ExtractedClip, ...]
    group: str  # description of the dataset
    seed: int
    prepare: Prepare
    n_frames: int
    held_out: bool = False
    labels: frozenset[str] = frozenset(TASKS)  # tasks whose labels may be used
    speeds: tuple[float, float] = (1.0, 1.0)  # lowest and highest speed at which clips are played
    labelled: float = 1.0  # share of the people whose labels are used

    @property
    def name(self) -> str:
        return f"windows of {len(self.clips)} clips of {self.group}"

    def sample(self, index: int, difficulty: float) -> Sample:
        """One window of one clip, at some speed, mirrored or not; tasks that the clip does not label are absent."""
        rng = np.random.default_rng([self.seed, index, 4 + self.held_out])
        chosen = self.clips[rng.integers(len(self.clips))]
        clip, truth = chosen.load()
        if self.speeds != (1.0, 1.0):
            most = chosen.longest_s * FS / (self.n_frames + 1)
            clip, truth = at_speed(clip, truth, random_speed(rng, self.speeds, truth, most=most))
        labels = self.labels & frozenset(chosen.labels) if self._is_labelled(chosen) else frozenset()
        found = random_window(
            on_our_cells(clip), truth, self.n_frames, rng, prepare=self.prepare, labels=labels
        )
        if found is None:
            raise UsageError(
                f"no {self.n_frames} frames without a gap in {str(chosen.path)!r}",
                wanted="the clip that the manifest describes",
                do="extract the dataset again",
            )
        return found

    def _is_labelled(self, clip: ExtractedClip) -> bool:
        if self.labelled == 1:
            return True
        people = sorted({(one.dataset, one.subject) for one in self.clips})
        return is_labelled(people.index((clip.dataset, clip.subject)), self.labelled)


def clips_for(
    clips: Sequence[ExtractedClip], n_frames: int, group: str, *, held_out: bool
) -> tuple[ExtractedClip, ...]:
    """The clips for training, or those for monitoring; no person is in both.

    Args:
        clips: clips of one dataset or domain.
        n_frames: length of a window; clips without a continuous piece of this length are left out.
        group: name of the dataset or domain, for messages.
        held_out: True returns the clips for monitoring.

    Raises:
        UsageError: fewer than two clips are long enough.
    """
    long = [clip for clip in clips if round(clip.longest_s * FS) >= n_frames]
    if len(long) < 2:
        raise UsageError(
            f"{len(long)} of {len(clips)} clips of {group} have {n_frames / FS:.1f} s without a gap",
            wanted="two or more",
            do="name another folder, or lower n_frames in the recipe",
        )
    people = sorted({(clip.dataset, clip.subject) for clip in long})
    several = len(people) > 1
    units = people if several else sorted({(clip.dataset, clip.clip) for clip in long})
    first = min(HELD_OUT // 2, len(units) - 1)
    watched = {unit for k, unit in enumerate(units) if k % HELD_OUT == first}
    return tuple(
        clip
        for clip in long
        if ((clip.dataset, clip.subject if several else clip.clip) in watched) == held_out
    )


def on_our_cells(clip: FaceClip) -> FaceClip:
    """Resample a clip's map to the grid of cells that networks read.

    Maps from other software have 5 x 5 cells; values are interpolated linearly between cell centres,
    weighted by skin.

    Raises:
        UsageError: the cells do not form a square grid.
    """
    if clip.stmap is None or clip.stmap_weight is None or clip.stmap.shape[1] == CELLS * CELLS:
        return clip
    side = math.isqrt(clip.stmap.shape[1])
    if side * side != clip.stmap.shape[1]:
        raise UsageError(
            f"a map of {clip.stmap.shape[1]} cells", wanted="a square grid of cells", do="leave that clip out"
        )
    line = _between_centres(side)
    mix = np.kron(line, line) * clip.stmap_weight  # (N', N)
    share = mix.sum(axis=1)
    cells = np.einsum("mn,tnc->tmc", mix / np.maximum(share, 1e-9)[:, None], clip.stmap)
    return replace(
        clip,
        stmap=fill_empty_cells(cells, share, clip.roi("skin")).astype(clip.stmap.dtype),
        stmap_weight=share,
    )


def _between_centres(side: int) -> Float[np.ndarray, "ours theirs"]:
    """Weights that resample a row of `side` cells to CELLS cells over the same length."""
    theirs, ours = (np.arange(side) + 0.5) / side, (np.arange(CELLS) + 0.5) / CELLS
    return np.stack([np.interp(ours, theirs, one) for one in np.eye(side)], axis=1)
