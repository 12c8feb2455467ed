"""Run a held-out protocol: train the networks of each split, and score all methods and a constant predictor.

`intra`, `cross` and `mssdg` share this code. POS is always among the methods. Classical methods run first,
because a protocol may use their results to decide what to train. Networks are trained here
(`split_training`); the weights shipped with the package are never read.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rppg_core.errors import UsageError
from rppg_core.lab import RUNS
from rppg_core.lab.datasets.extracted import ExtractedClip, read_manifest
from rppg_core.lab.datasets.layouts import LAYOUTS
from rppg_core.lab.protocols.held_out.numbers import Constant, constant_rows, fit_constant
from rppg_core.lab.protocols.held_out.part_tables import Parts
from rppg_core.lab.protocols.held_out.result import BAR, DatasetResult
from rppg_core.lab.protocols.held_out.scores import (
    WINDOW_S,
    ScoredMethod,
    StoredClip,
    StretchRow,
    known_from_truth,
    score_clip,
)
from rppg_core.lab.protocols.held_out.split_training import Task, is_finished, list_tasks, train_all
from rppg_core.lab.protocols.held_out.splits import Split
from rppg_core.lab.protocols.held_out.trained import Trained
from rppg_core.lab.protocols.table import Criterion
from rppg_core.lab.workers import WorkerPool
from rppg_core.roster import CLASSICAL, get_method, list_trained_networks, resolve
from rppg_core.types import Progress

STEPS, SEEDS = 1000, 1  # defaults where neither the user nor the protocol sets them
MANIFEST = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a dataset protocol is run."""

    methods: Sequence[str] | str | None = None  # None selects the seven classical ones
    steps: int | None = None  # of each training; None: the default of the protocol
    seeds: int | None = None  # trainings of each network on each split; None: the default of the protocol
    speeds: tuple[float, float] | None = None  # at which training clips are played; None: DATASET_SPEEDS
    parts: bool = True  # also train the ablations of each network, in protocols that have them
    part_steps: int | None = None  # of each of those; None: the default of the protocol
    part_seeds: int | None = None  # trainings of each of those; None: as `seeds`
    runs: Path | str | None = None  # folder of trainings; None: out/runs
    window_s: float = WINDOW_S
    workers: int = 2  # processes, one core each
    progress: Progress | None = None
    announce: Callable[[str], None] | None = None  # called once before training, with a description of it

    def __post_init__(self):
        least = {"steps": 1, "seeds": 1, "part_steps": 1, "part_seeds": 1, "workers": 1, "window_s": 5}
        for name, low in least.items():
            given = getattr(self, name)
            if given is not None and given < low:
                raise UsageError(
                    f"{name} is {given:g}",
                    wanted=f"{low} or more",
                    do="leave it out for the default",
                )

    @property
    def names(self) -> list[str]:
        """The methods, POS among them, networks last."""
        # trained here, so that it does not matter whether weights come with the package
        names = list(dict.fromkeys([BAR, *resolve(self.methods, own=list_trained_networks())]))
        return sorted(names, key=lambda name: name not in CLASSICAL)

    @property
    def networks(self) -> list[str]:
        return [name for name in self.names if name not in CLASSICAL]

    @property
    def needs(self) -> frozenset[str]:
        """Fields that clips must hold."""
        return frozenset({"rgb"}).union(*(get_method(name).needs for name in self.names))

    @property
    def folder(self) -> Path:
        return Path(RUNS if self.runs is None else self.runs)

    def part(self, start: float, stop: float) -> Progress:
        """A progress callback that maps a part of the work to a fraction of the whole."""

        def tell(stage: str, fraction: float) -> None:
            if self.progress is not None:
                self.progress(stage, start + (stop - start) * fraction)

        return tell


def read_clips(folder: Path | str) -> list[ExtractedClip]:
    """The clips of a folder that `rppg dataset extract` wrote.

    Raises:
        UsageError: the folder does not exist, holds a dataset as downloaded, or holds no clips.
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
            f"{str(folder)!r} {what}",
            wanted="a folder that `rppg dataset extract` wrote",
            do=f"run `rppg dataset extract {folder} --out CLIPS` first, then name CLIPS",
        )
    clips = read_manifest(folder)
    if not clips:
        raise UsageError(
            f"{str(folder)!r} lists no clip",
            wanted="one or more",
            do="look for failures in its manifest",
        )
    return clips


@dataclass(frozen=True)
class Plan:
    """The trainings to run: the networks, and separately the variants for their ablations."""

    networks: Sequence[Task] = ()
    parts: Sequence[Task] = ()  # each scored on the test clips of its split
    whole_truth: Callable[[ExtractedClip], StoredClip] | None = None  # adds truth that the labels lack


Planner = Callable[[Sequence[StretchRow]], Plan]


def evaluate_splits(
    splits: Sequence[Split[ExtractedClip]],
    options: Options,
    *,
    protocol: str,
    about: str,
    promises: Callable[[DatasetResult], list[Criterion]] | None = None,
    planner: Planner | None = None,
) -> DatasetResult:
    """Train on the training clips of every split, and test on its test clips.

    Args:
        splits: each clip is tested in exactly one of them.
        options: how to run.
        protocol: name of the protocol, also used for the folder of its trainings.
        about: one or two sentences on the training and test data.
        promises: computes further criteria from the result.
        planner: chooses the trainings from the rows of the classical methods; None trains every network on
            every split.

    Returns:
        Rows of every method on every test clip, and the trainings.
    """
    scorer = Scorer(options)
    classical = tuple(ScoredMethod(name) for name in options.names if name in CLASSICAL)
    jobs = [Job(clip, split.name, classical, options.window_s) for split in splits for clip in split.test]
    rows = scorer.rows(jobs, options.part(0.0, 0.04 if options.networks else 1.0))
    constants = scorer.constants(splits)
    plan, trained = Plan(), []
    if options.networks:
        plan = (planner or every_network(splits, options, protocol))(rows)
        tasks = list({task.folder: task for task in (*plan.networks, *plan.parts)}.values())
        if options.announce is not None:
            options.announce(announcement(tasks))
        trained = train_all(tasks, workers=options.workers, progress=options.part(0.04, 0.92))
    jobs = [
        Job(
            clip,
            split.name,
            tuple(task.scored_method for task in plan.networks if task.split == split.name),
            options.window_s,
        )
        for split in splits
        for clip in split.test
    ]
    rows += scorer.rows([job for job in jobs if job.methods], options.part(0.92, 0.96))
    parts = _parts(splits, plan, trained, constants, scorer)
    return DatasetResult(
        protocol, about, options.window_s, rows, constants, trained, promises, parts, scorer.cpu_s
    )


def every_network(splits: Sequence[Split[ExtractedClip]], options: Options, place: str) -> Planner:
    """A plan with the same number of seeds and steps for every network on every split."""
    steps, seeds = options.steps or STEPS, range(options.seeds or SEEDS)
    runs, speeds = options.folder / place, options.speeds
    tasks = [
        task
        for split in splits
        for network in options.networks
        for task in list_tasks(split, network, steps=steps, seeds=seeds, runs=runs, speeds=speeds)
    ]
    return lambda rows: Plan(tasks)


def announcement(tasks: Sequence[Task]) -> str:
    """A summary of the planned trainings and their steps."""
    groups = Counter((task.recipe.method, task.recipe.steps) for task in tasks)
    words = ", ".join(f"{n} of {name} of {steps} steps" for (name, steps), n in groups.items())
    there = sum(map(is_finished, tasks))
    total = sum(task.recipe.steps for task in tasks)
    return f"{len(tasks)} trainings: {words}; {total} steps in all; {there} of them are already finished"


def _parts(
    splits: Sequence[Split[ExtractedClip]],
    plan: Plan,
    trained: Sequence[Trained],
    constants: dict[str, Constant],
    scorer: Scorer,
) -> list[Parts]:
    """Scores of the variants of every network on their held-out domains."""
    options, found = scorer.options, []
    names = list(dict.fromkeys((task.split, task.recipe.method) for task in plan.parts))
    for k, (target, network) in enumerate(names):
        mine = [task for task in plan.parts if (task.split, task.recipe.method) == (target, network)]
        test = next(split.test for split in splits if split.name == target)
        methods = (ScoredMethod(BAR), *(task.scored_method for task in mine))
        known = plan.whole_truth or (lambda clip: clip)
        jobs = [Job(known(clip), target, methods, options.window_s) for clip in test]
        share = 0.04 / len(names)
        rows = scorer.rows(jobs, options.part(0.96 + k * share, 0.96 + (k + 1) * share))
        rows += constant_rows(rows, constants)
        labelled = frozenset(test[0].labels).intersection(*(clip.labels for clip in test))
        keys = {(task.recipe.variant, task.recipe.steps, task.recipe.seed) for task in mine}
        theirs = [
            one
            for one in trained
            if (one.split, one.method) == (target, network) and (one.variant, one.steps, one.seed) in keys
        ]
        found.append(Parts(network, target, labelled, rows, theirs, BAR))
    return found


@dataclass(frozen=True)
class Job:
    """One clip and the methods to run on it."""

    clip: StoredClip
    split: str
    methods: tuple[ScoredMethod, ...]
    window_s: float


@dataclass
class Scorer:
    """Runs methods on clips, in processes of one core each, and adds up their processor time."""

    options: Options
    cpu_s: float = 0.0

    def rows(self, jobs: Sequence[Job], tell: Progress) -> list[StretchRow]:
        """Rows of all jobs, in the order of the jobs."""
        rows: list[StretchRow] = []
        if not jobs:
            return rows
        with WorkerPool(self.options.workers) as pool:
            for k, (found, cpu_s) in enumerate(pool.map(_score, jobs)):
                rows += found
                self.cpu_s += cpu_s
                tell(f"clip {k + 1} of {len(jobs)}", (k + 1) / len(jobs))
        return rows

    def constants(self, splits: Sequence[Split[ExtractedClip]]) -> dict[str, Constant]:
        """The constant predictor of every split."""
        learned = list({id(clip): clip for split in splits for clip in split.train}.values())
        with WorkerPool(self.options.workers) as pool:
            labels = dict(zip(map(id, learned), pool.map(_labels_from_clip, learned), strict=True))
        return {split.name: fit_constant([labels[id(clip)] for clip in split.train]) for split in splits}


def _score(job: Job) -> tuple[list[StretchRow], float]:
    """Rows of a clip, and the processor time used for them."""
    started_s = time.process_time()
    rows = score_clip(job.clip, job.methods, split=job.split, window_s=job.window_s)
    return rows, time.process_time() - started_s


def _labels_from_clip(clip: ExtractedClip) -> tuple[float, float, float]:
    """Labelled HR, RR and SpO2 of a whole clip; NaN where there is no label."""
    face, truth = clip.load()
    known = known_from_truth(truth, slice(0, len(face.times_s)), float(face.fs or 0.0))
    return known.hr_true_bpm, known.rr_true_brpm, known.spo2_true_percent
