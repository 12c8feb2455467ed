"""The frozen clips of protocol `photo`: the plan that all versions share, and the folder that keeps rendered clips.

Clips 0-179 last 20 s: 3 amplitudes x 6 skin renderings x 10 rounds. Clips 180-219 last 40 s, for breathing.
A clip is a pure function of its version and number. Each version is disjoint from training in three ways: seeds,
picture (a photo; training renders no photo), and motion (a family that is used nowhere else). `settings_hash` covers
the settings, and `printed_traces` the simulator's output for two clips. If a test reports a change in either,
results before and after it cannot be compared, and the benchmark needs another version.

Rendering takes minutes, and many checkpoints are scored on the same clips, so a folder keeps the output of
the face pass, without crops, keyed by settings, simulator version and the source of all code that makes a
clip.
Axis letters: T time, N cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rppg_core.errors import UsageError
from rppg_core.lab import RUNS
from rppg_core.lab.datasets.clip_file import KnownClip, digest, load_clip, made_folder
from rppg_core.lab.protocols.kept_clips import AHEAD, KEPT, kept_clip
from rppg_core.lab.protocols.photo.draws import Draws
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.workers import WorkerPool, in_order
from rppg_core.types import FaceClip, Progress, Truth
from rppg_core.video.stmap import plain_cells

AMPLITUDES_PERCENT = (0.2, 0.35, 0.7)
BREATH_AMPLITUDES_PERCENT = (0.35, 0.7)
N_TONES = 6
SEEDS = 10
PULSE_PER_SEED = len(AMPLITUDES_PERCENT) * N_TONES
BREATH_PER_SEED = 4
N_PULSE = PULSE_PER_SEED * SEEDS
N_CLIPS = N_PULSE + BREATH_PER_SEED * SEEDS
PULSE_S, BREATH_S = 20.0, 40.0
FIRST_SEED = 200_000  # of the first version
SEED_STEP = 100_000  # from the first seed of a version to that of the next
SIZE = 160  # side of the picture, pixels; the face is 72 wide
PRINT_S = 3.0  # length of the two clips behind `printed_traces`
PRINT_EVERY = 20  # frames from one printed colour to the next


@dataclass(frozen=True)
class Place:
    """Where a clip stands in the plan: one of the rounds through all amplitudes and tones."""

    breath: bool
    amplitude: int  # index into the amplitudes of pulse or breathing clips
    tone: int
    round: int

    @property
    def amplitude_percent(self) -> float:
        return (BREATH_AMPLITUDES_PERCENT if self.breath else AMPLITUDES_PERCENT)[self.amplitude]


@dataclass(frozen=True, kw_only=True)
class Version:
    """One frozen set of clips, as its module draws them."""

    name: str
    first_seed: int  # of clip 0; clip k has first_seed + k
    draw: Callable[[Draws, Place], dict[str, Any]]  # all settings that the plan does not give
    settings_hash: str  # the value that `settings_hash` must have
    printed: tuple[int, int]  # numbers of the clips behind `traces`
    traces: tuple[tuple[float, ...], ...]  # the value that `printed_traces` must have
    # further groupings of the tables -> level of a clip
    groups: Mapping[str, Callable[[Place], str]] = field(default_factory=dict)


def indices(seeds: int = SEEDS) -> list[int]:
    """Numbers of the clips of the first few seeds: pulse clips, then breathing clips.

    Raises:
        UsageError: the number of seeds is not 1-10.
    """
    if not 1 <= seeds <= SEEDS:
        raise UsageError(
            f"{seeds} seeds", wanted=f"1 to {SEEDS}: the clips are frozen", do="give --seeds 10 or fewer"
        )
    return [*range(PULSE_PER_SEED * seeds), *range(N_PULSE, N_PULSE + BREATH_PER_SEED * seeds)]


def place_from_number(index: int) -> Place:
    """Where the clip with this number stands in the plan."""
    if not 0 <= index < N_CLIPS:
        raise UsageError(f"clip {index}", wanted=f"0 to {N_CLIPS - 1}", do="see indices()")
    breath = index >= N_PULSE
    amplitudes = len(BREATH_AMPLITUDES_PERCENT if breath else AMPLITUDES_PERCENT)
    rest, amplitude = divmod(index - N_PULSE if breath else index, amplitudes)
    return Place(breath, amplitude, tone=rest % N_TONES, round=rest // N_TONES)


def clip_fields(version: Version, index: int) -> dict[str, Any]:
    """Settings of a clip that differ from the simulator's defaults."""
    place, seed = place_from_number(index), version.first_seed + index
    return {
        **version.draw(Draws(seed), place),
        "seconds": BREATH_S if place.breath else PULSE_S,
        "amplitude_percent": place.amplitude_percent,
        "tone": place.tone,
        "size": SIZE,
        "seed": seed,
    }


def settings_from_number(version: Version, index: int) -> SimulationSettings:
    """The settings of the clip with this number."""
    return SimulationSettings(**clip_fields(version, index))


def settings_hash(version: Version) -> str:
    """sha256 of the version's name and all clips' settings."""
    return digest([version.name, *(clip_fields(version, index) for index in range(N_CLIPS))])


def printed_traces(version: Version) -> Float[np.ndarray, "clip value"]:
    """Mean skin colour (R G B, grey levels) of frames 0, 20, 40 and 60 of two clips, shortened to PRINT_S."""
    from rppg_core.lab.simulate.faces import simulate_clip

    short = [replace(settings_from_number(version, index), seconds=PRINT_S) for index in version.printed]
    clips = [simulate_clip(settings)[0] for settings in short]
    return np.stack([clip.roi("skin")[: 3 * PRINT_EVERY + 1 : PRINT_EVERY].ravel() for clip in clips])


def photo_clips(
    version: Version,
    progress: Progress | None = None,
    runs: Path | str | None = None,
    *,
    wanted: Sequence[int] | None = None,
    skin_weight: bool = True,
    workers: int = 2,
) -> list[KnownClip]:
    """Clips of the benchmark in memory (about 200 MB for all), for scripts that score many checkpoints.

    Args:
        version: of the benchmark.
        progress: called with a stage and a fraction.
        runs: folder that keeps rendered clips; None: out/runs.
        wanted: numbers of the clips; None: all.
        skin_weight: False replaces the skin-weighted means of the cells by plain means (`stmap` only), for
            the ablation of the skin weight.
        workers: processes that render.

    Returns:
        Native clips with the fields in KEPT, each with its truth.
    """
    numbers = list(range(N_CLIPS) if wanted is None else wanted)
    found = []
    for clip in stream_clips(version, numbers, KEPT, runs, skin_weight=skin_weight, workers=workers):
        found.append(clip)
        if progress is not None:
            progress(f"{version.name}, clip {len(found)} of {len(numbers)}", len(found) / len(numbers))
    return found


def stream_clips(
    version: Version,
    numbers: Iterable[int],
    needs: frozenset[str],
    runs: Path | str | None = None,
    *,
    skin_weight: bool = True,
    workers: int = 2,
) -> Iterator[KnownClip]:
    """Clips one after the other; rendered anew if crops are needed, otherwise read from the folder.

    Raises:
        WriteError: the folder cannot be written.
    """
    keep = needs <= KEPT
    folder = made_folder(Path(RUNS if runs is None else runs) / version.name) if keep else None
    with WorkerPool(workers) as pool:
        if folder is None:
            yield from in_order(pool, _render, ((version, number, needs) for number in numbers), ahead=AHEAD)
        else:
            paths = pool.map(partial(_render_into, version, folder=folder), numbers)
            yield from map(partial(load_clip, skin_weight=skin_weight), paths)


def _render(version: Version, number: int, needs: frozenset[str]) -> KnownClip:
    from rppg_core.lab.simulate.faces import simulate_clip

    return simulate_clip(settings_from_number(version, number), needs)


def _render_into(version: Version, number: int, folder: Path) -> Path:
    """The file of a clip in a folder, rendered if it is missing, outdated or damaged."""

    def make() -> tuple[FaceClip, Truth, np.ndarray]:
        clip, truth = _render(version, number, KEPT | {"crop36"})
        cells = np.where(clip.valid[:, None, None], plain_cells(clip.need("crop36")), np.nan)
        return replace(clip, crop36=None), truth, cells

    return kept_clip(folder, f"{number:03d}", [version.name, clip_fields(version, number)], make)
