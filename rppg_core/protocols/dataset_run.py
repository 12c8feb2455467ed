"""From splits to a result: train what has to be trained, ask every method, and the constant predictor with them.

Floor 6. The one engine of `intra`, `cross` and `mssdg`. POS is always among the methods. Networks are trained here,
one a split and seed (`split_training`); what comes with the package is never read.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rppg_core.datasets.extracted import ExtractedClip, read_manifest
from rppg_core.datasets.layouts import LAYOUTS
from rppg_core.errors import UsageError
from rppg_core.protocols.dataset_numbers import constant_of
from rppg_core.protocols.dataset_result import DatasetResult, Trained
from rppg_core.protocols.dataset_scores import WINDOW_S, Row, Voice, known_of, score_clip
from rppg_core.protocols.split_training import Task, Tell, tasks_of, train_all
from rppg_core.protocols.splits import Split
from rppg_core.protocols.table import Criterion
from rppg_core.roster import CLASSICAL, get_method, resolve

BAR = "pos"  # stands in every table
RUNS = Path("out/runs")
STEPS, SEEDS = 1000, 1
MANIFEST = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a dataset protocol is run."""

    methods: Sequence[str] | str | None = None  # None is the seven classical ones
    steps: int = STEPS  # of each training
    seeds: int = SEEDS  # trainings of each network on each split
    runs: Path | str | None = None  # folder of trainings; None is out/runs
    window_s: float = WINDOW_S
    workers: int = 2  # processes, one core each
    progress: Tell | None = None

    def __post_init__(self):
        for name, low in (("steps", 1), ("seeds", 1), ("workers", 1), ("window_s", 5)):
            if getattr(self, name) < low:
                raise UsageError(
                    f"{name} is {getattr(self, name):g}",
                    wanted=f"{low} or more",
                    do="leave it out for the default",
                )

    @property
    def names(self) -> list[str]:
        """The methods, POS among them, networks last."""
        names = list(dict.fromkeys([BAR, *resolve(self.methods)]))
        return sorted(names, key=lambda name: name not in CLASSICAL)

    @property
    def networks(self) -> list[str]:
        return [name for name in self.names if name not in CLASSICAL]

    @property
    def needs(self) -> frozenset[str]:
        """What clips must hold."""
        return frozenset({"rgb"}).union(*(get_method(name).needs for name in self.names))

    @property
    def folder(self) -> Path:
        return Path(RUNS if self.runs is None else self.runs)

    def part(self, start: float, stop: float) -> Tell:
        """Progress of a part of the work, as a fraction of all of it."""

        def tell(stage: str, fraction: float) -> None:
            if self.progress is not None:
                self.progress(stage, start + (stop - start) * fraction)

        return tell


def clips_of(folder: Path | str) -> list[ExtractedClip]:
    """The clips of a folder that `rppg dataset extract` wrote.

    Raises:
        UsageError: no such folder, a dataset as it was downloaded, or a folder without clips.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UsageError(
            f"there is no folder {str(folder)!r}", wanted="a folder of clips", do="check the path"
        )
    if not (folder / MANIFEST).is_file():
        titles = [kind.title for kind in LAYOUTS.values() if kind().recognise(folder)]
        what = f"holds videos ({titles[0]})" if titles else f"holds no {MANIFEST}"
        raise UsageError(
            f"{str(folder)!r} {what}", wanted="a folder that `rppg dataset extract` wrote",
            do=f"run `rppg dataset extract {folder} --out CLIPS` first, then name CLIPS",
        )  # fmt: skip
    clips = read_manifest(folder)
    if not clips:
        raise UsageError(
            f"{str(folder)!r} lists no clip",
            wanted="one or more",
            do="see what its manifest says of failures",
        )
    return clips


def evaluate_splits(
    splits: Sequence[Split[ExtractedClip]],
    options: Options,
    *,
    protocol: str,
    about: str,
    place: str,
    start: float = 0.0,
    promises: Callable[[DatasetResult], list[Criterion]] | None = None,
) -> DatasetResult:
    """Train on one side of every split, test on the other.

    Args:
        splits: each clip tested in one of them.
        options: how to run.
        protocol: its name.
        about: in a sentence or two, what is learned from and what is tested on.
        place: folder of its trainings, below that of all runs.
        start: fraction of the work that is done already.
        promises: more criteria, made of the result.

    Returns:
        Rows of every method on every test clip, and what was trained.
    """
    until = 0.92 if options.networks else start
    tasks: list[Task] = []
    trained: list[Trained] = []
    if options.networks:
        tasks = tasks_of(
            splits, options.networks, steps=options.steps, seeds=options.seeds, runs=options.folder / place
        )
        trained = train_all(tasks, workers=options.workers, progress=options.part(start, until))
    classical = [Voice(name) for name in options.names if name in CLASSICAL]
    jobs = [
        Job(clip, split.name, (*classical, *(task.voice for task in tasks if task.split == split.name)),
            options.window_s)
        for split in splits for clip in split.test
    ]  # fmt: skip
    learned = list({id(clip): clip for split in splits for clip in split.train}.values())
    rows: list[Row] = []
    with ProcessPoolExecutor(options.workers, initializer=_start_worker) as pool:
        labels = dict(zip(map(id, learned), pool.map(_labels_of, learned, chunksize=8), strict=True))
        tell = options.part(until, 1.0)
        for k, found in enumerate(pool.map(_score, jobs, chunksize=2)):
            rows += found
            tell(f"clip {k + 1} of {len(jobs)}", (k + 1) / len(jobs))
    constants = {split.name: constant_of([labels[id(clip)] for clip in split.train]) for split in splits}
    return DatasetResult(protocol, about, options.window_s, rows, constants, trained, promises)


@dataclass(frozen=True)
class Job:
    """One clip and who is asked about it."""

    clip: ExtractedClip
    split: str
    voices: tuple[Voice, ...]
    window_s: float


def _score(job: Job) -> list[Row]:
    return score_clip(job.clip, job.voices, split=job.split, window_s=job.window_s)


def _labels_of(clip: ExtractedClip) -> tuple[float, float, float]:
    """HR, RR and SpO2 of a whole clip, NaN where they are not labelled."""
    face, truth = clip.load()
    known = known_of(truth, slice(0, len(face.times_s)), float(face.fs or 0.0))
    return known.hr_true_bpm, known.rr_true_brpm, known.spo2_true_percent


def _start_worker() -> None:
    """One thread a worker; Ctrl-C is the business of the process that collects."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
