"""A codebook from a user's own pulses: tables of contact PPG as a source, for the stage that looks at no face.

Axis letters: T time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline

from rppg_core.data_files import data_files
from rppg_core.errors import UsageError
from rppg_core.lab.training.batches import Share
from rppg_core.lab.training.loop import Result, RunOptions, run_name, train
from rppg_core.lab.training.record import RunFolder
from rppg_core.lab.training.sources import Sample
from rppg_core.models.recipe import Recipe
from rppg_core.signals.filters import bandpass, standardise
from rppg_core.tables.columns import name_words, read_times, time_column
from rppg_core.tables.table import read_table
from rppg_core.tables.text import TableError
from rppg_core.types import FS, Progress

STAGE = "codebook"  # name of a stage that learns from pulses alone
NAMES = ("ppg", "bvp", "pleth", "pulse", "wave")  # words in the name of a column, the best first
NO_WAVE = frozenset({"bpm", "rate", "hr", "spo2", "interval", "ibi", "rr"})  # words of a column of rates
BAND_HZ = (0.4, 8.0)  # of a sensor's wave: without wander, and without what aliases at 30 samples a second
EXAMPLE = "time_s,ppg\n0.000,0.52\n0.033,0.54"
FASTEST_S, SLOWEST_S = 1 / 5000, 1 / 20  # steps of a sensor
MAX_GAP_S = 0.2  # longer ones split a recording
MIN_S = 2.0
FASTER = 1.4  # highest speed at which a window is played: people at rest have few heart rates

Waves = tuple[Float[np.ndarray, " _"], ...]  # each as long as it is


@dataclass(frozen=True, eq=False)
class PpgSource:
    """Random windows of recorded pulses; there is no face beside them, so the method has no inputs."""

    waves: Waves  # each of FASTER * n_frames samples or more
    seed: int
    n_frames: int

    @property
    def name(self) -> str:
        return f"windows of {sum(map(len, self.waves)) / FS / 60:.1f} min of recorded PPG"

    def sample(self, index: int, difficulty: float) -> Sample:
        """One window, at 1 to FASTER times its speed, standardised; long recordings are drawn more often."""
        rng = np.random.default_rng([self.seed, index, 5])
        speed = float(np.exp(rng.uniform(0, np.log(FASTER))))
        read = int(self.n_frames * speed)
        room = np.array([len(wave) - read + 1 for wave in self.waves])
        k = int(rng.choice(len(room), p=room / room.sum()))
        start = int(rng.integers(room[k]))
        window = self.waves[k][start : start + read]
        at = np.linspace(0, read - 1, self.n_frames)
        return Sample({}, {"bvp": standardise(CubicSpline(np.arange(read), window)(at))})


def read_ppg(path: Path, fs: float | None = None) -> Waves:
    """A recorded pulse at 30 Hz, without its wander; several where the recording pauses.

    Args:
        path: a table with a column of times and one whose name contains a word of NAMES, at 20 to 5000 samples a
            second.
        fs: rate of a table without times. Unit: Hz.

    Returns:
        Pieces of MIN_S or more, at least one.

    Raises:
        TableError: no such table, times that do not increase, or no piece as long as MIN_S.
    """
    table = read_table(path, header=True, example=EXAMPLE)
    times, wave = time_column(table.names), _wave_column(table.names)
    if wave is None or (times is None and fs is None):
        raise TableError(
            path,
            f"has the columns {', '.join(table.names)[:200]}",
            wanted=f"a column of times, and one of {', '.join(NAMES)}",
            do="name them in the first line, such as time_s,ppg",
        )
    if times is None:
        times_s = np.arange(len(table)) / (fs or FS)
    else:
        table.increasing(times)
        times_s = read_times(table, times, fastest_s=FASTEST_S, slowest_s=SLOWEST_S).times_s
    pauses = np.flatnonzero(np.diff(times_s) > MAX_GAP_S) + 1
    pieces = zip(np.split(times_s, pauses), np.split(table.complete(wave), pauses), strict=True)
    long = [(at_s, values) for at_s, values in pieces if len(at_s) > 3 and np.ptp(at_s) >= MIN_S]
    if not long:
        raise TableError(
            path,
            f"has {len(table)} rows, and no {MIN_S:g} s without a pause",
            wanted=f"pauses of at most {MAX_GAP_S:g} s",
            do="leave it out, or record again",
        )
    return tuple(_even_wave(at_s, values) for at_s, values in long)


def read_waves(sources: Sequence[str], n_frames: int, fs: float | None = None) -> Waves:
    """All recordings of PPG in some tables, or in folders of tables.

    Args:
        sources: files and folders.
        n_frames: fewest samples of a recording, at 30 Hz; shorter pieces are left out.
        fs: rate of tables without times. Unit: Hz.

    Raises:
        UsageError: no table, or one in which every piece is too short.
        TableError: a file that cannot be read.
    """
    found: list[Path] = []
    for source in map(Path, sources):
        found += data_files(source, "*.csv", "*.txt", "*.tsv") if source.is_dir() else [source]
    if not found:
        raise UsageError(
            f"no table in {', '.join(sources)}",
            wanted="tables of PPG (time_s,ppg)",
            do="name files or their folder",
        )
    waves = []
    for path in found:
        pieces = read_ppg(path, fs)
        if (longest := max(map(len, pieces))) < n_frames:
            raise UsageError(
                f"{str(path)!r} holds {longest / FS:.1f} s of PPG in one piece",
                wanted=f"at least {n_frames / FS:.1f} s",
                do="leave it out, or record for longer",
            )
        waves += [piece for piece in pieces if len(piece) >= n_frames]
    return tuple(waves)


def learn_codebook(
    recipe: Recipe, options: RunOptions, sources: Sequence[str], *, progress: Progress | None = None
) -> tuple[Result, Recipe, RunOptions]:
    """Train the first stage on recorded pulses, or take what an earlier run of the same recipe trained.

    Args:
        recipe: with its config; its first stage is named STAGE.
        options: of the whole training; this run lies in the folder STAGE among the others.
        sources: tables of PPG, or folders of them.
        progress: called with a description and the completed share.

    Returns:
        The result, and recipe and options of the stages that are left, which start from its weights.

    Raises:
        UsageError: a recipe without such a stage, no table, or folders that hold other runs.
    """
    first, *others = recipe.stages or (None,)
    if first is None or first.name != STAGE:
        raise UsageError(
            f"{recipe.method} learns nothing from PPG alone",
            wanted="a method with a codebook, such as codephys",
            do="leave --ppg out, or name that method",
        )
    whole = RunFolder(Path(options.runs) / run_name(recipe))
    if not options.resume and whole.checkpoint() is not None:
        raise whole.occupied()
    waves = read_waves(sources, round(FASTER * recipe.n_frames))
    alone = replace(recipe, stages=(first,), steps=first.steps)
    folder = RunFolder(Path(options.runs) / STAGE / run_name(alone))
    weights = folder.path / f"{recipe.method}.safetensors"

    def shares(recipe: Recipe, *, held_out: bool) -> list[Share]:
        size = recipe.traces + recipe.clips
        return [] if held_out else [Share(PpgSource(waves, recipe.seed, recipe.n_frames), size)]

    if weights.is_file() and folder.holds(alone, sources):
        result = Result(folder.path, weights, first.steps, float("nan"), {}, 0.0)
    else:
        begun = replace(
            options, runs=folder.path.parent, resume=options.resume and folder.checkpoint() is not None
        )
        result = train(alone, begun, sources=list(sources), shares=shares, progress=progress)
    steps = recipe.steps - first.steps
    left = replace(
        recipe,
        steps=steps,
        stages=(replace(others[0], start=str(weights)), *others[1:]),
        easy=max(0.0, (recipe.easy * recipe.steps - first.steps) / steps),
        hard=max(0.0, (recipe.hard * recipe.steps - first.steps) / steps),
    )
    return result, left, replace(options, resume=options.resume and whole.checkpoint() is not None)


def _wave_column(names: Sequence[str]) -> str | None:
    """The column of the wave: that with the best word, and no word of a rate."""
    words = {name: set(name_words(name)) for name in names}
    return next(
        (name for best in NAMES for name, found in words.items() if best in found and not found & NO_WAVE),
        None,
    )


def _even_wave(
    times_s: Float[np.ndarray, " row"], values: Float[np.ndarray, " row"]
) -> Float[np.ndarray, " time"]:
    """A piece without pauses, band-passed and at 30 Hz."""
    fs = float(1 / np.median(np.diff(times_s)))
    even_s = np.arange(times_s[0], times_s[-1], 1 / fs)
    low_hz, high_hz = BAND_HZ
    clean = bandpass(CubicSpline(times_s, values)(even_s), fs, low_hz=low_hz, high_hz=min(high_hz, 0.45 * fs))
    return CubicSpline(even_s, clean)(np.arange(even_s[0], even_s[-1], 1 / FS))
