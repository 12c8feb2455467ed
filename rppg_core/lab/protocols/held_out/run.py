"""From splits to a result: train what has to be trained, run every method and the constant predictor.

This engine is shared by `intra`, `cross` and `mssdg`. POS is always among the methods. Classical methods run first,
because a protocol may decide by their results what is trained. Networks are trained here (`split_training`); the
weights that come with the package are never read.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rppg_core.errors import UsageError
from rppg_core.lab.datasets.extracted import ExtractedClip, read_manifest
from rppg_core.lab.datasets.layouts import LAYOUTS
from rppg_core.lab.protocols.held_out.numbers import Constant, constant_rows, fit_constant
from rppg_core.lab.protocols.held_out.part_tables import Parts
from rppg_core.lab.protocols.held_out.result import BAR, DatasetResult
from rppg_core.lab.protocols.held_out.scores import (
    WINDOW_S,
    StoredClip,
    StretchRow,
    Voice,
    known_from_truth,
    score_clip,
)
from rppg_core.lab.protocols.held_out.split_training import Task, is_finished, list_tasks, train_all
from rppg_core.lab.protocols.held_out.splits import Split
from rppg_core.lab.protocols.held_out.trained import Trained
from rppg_core.lab.protocols.table import Criterion
from rppg_core.lab.workers import WorkerPool
from rppg_core.roster import CLASSICAL, get_method, resolve
from rppg_core.types import Progress

RUNS = Path("out/runs")
STEPS, SEEDS = 1000, 1  # where nobody says otherwise
MANIFEST = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a dataset protocol is run."""

    methods: Sequence[str] | str | None = None  # None is the seven classical ones
    steps: int | None = None  # of each training; None is what the protocol says
    seeds: int | None = None  # trainings of each network on each split; the same
    parts: bool = True  # train what shows what a network's parts are for, where the protocol asks that
    runs: Path | str | None = None  # folder of trainings; None is out/runs
    window_s: float = WINDOW_S
    workers: int = 2  # processes, one core each
    progress: Progress | None = None
    announce: Callable[[str], None] | None = None  # told once, before it begins, what is to be trained

    def __post_init__(self):
        for name, low in (("steps", 1), ("seeds", 1), ("workers", 1), ("window_s", 5)):
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

    def part(self, start: float, stop: float) -> Progress:
        """Progress of a part of the work, as a fraction of all of it."""

        def tell(stage: str, fraction: float) -> None:
            if self.progress is not None:
                self.progress(stage, start + (stop - start) * fraction)

        return tell


def read_clips(folder: Path | str) -> list[ExtractedClip]:
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
            f"{str(folder)!r} {what}",
            wanted="a folder that `rppg dataset extract` wrote",
            do=f"run `rppg dataset extract {folder} --out CLIPS` first, then name CLIPS",
        )
    clips = read_manifest(folder)
    if not clips:
        raise UsageError(
            f"{str(folder)!r} lists no clip",
            wanted="one or more",
            do="see what its manifest says of failures",
        )
    return clips


@dataclass(frozen=True)
class Plan:
    """What is to be trained: networks, and apart from them the variants that show what their parts are for."""

    networks: Sequence[Task] = ()
    parts: Sequence[Task] = ()  # each judged on the test clips of its split
    whole_truth: Callable[[ExtractedClip], StoredClip] | None = None  # a clip with more truth than labels


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
    """Train on one side of every split, test on the other.

    Args:
        splits: each clip tested in one of them.
        options: how to run.
        protocol: its name, and that of the folder of its trainings.
        about: in a sentence or two, what is learned from and what is tested on.
        promises: more criteria, made of the result.
        planner: says what is trained, by the rows of the classical methods; None is every network on every split.

    Returns:
        Rows of every method on every test clip, and what was trained.
    """
    asker = Asker(options)
    classical = tuple(Voice(name) for name in options.names if name in CLASSICAL)
    jobs = [Job(clip, split.name, classical, options.window_s) for split in splits for clip in split.test]
    rows = asker.rows(jobs, options.part(0.0, 0.04 if options.networks else 1.0))
    constants = asker.constants(splits)
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
            tuple(task.voice for task in plan.networks if task.split == split.name),
            options.window_s,
        )
        for split in splits
        for clip in split.test
    ]
    rows += asker.rows([job for job in jobs if job.voices], options.part(0.92, 0.96))
    parts = _parts(splits, plan, trained, constants, asker)
    return DatasetResult(
        protocol, about, options.window_s, rows, constants, trained, promises, parts, asker.cpu_s
    )


def every_network(splits: Sequence[Split[ExtractedClip]], options: Options, place: str) -> Planner:
    """Every network as often and as long on every split."""
    steps, seeds = options.steps or STEPS, range(options.seeds or SEEDS)
    tasks = [
        task
        for split in splits
        for network in options.networks
        for task in list_tasks(split, network, steps=steps, seeds=seeds, runs=options.folder / place)
    ]
    return lambda rows: Plan(tasks)


def announcement(tasks: Sequence[Task]) -> str:
    """How many trainings of how many steps are to come."""
    groups = Counter((task.recipe.method, task.recipe.steps) for task in tasks)
    words = ", ".join(f"{n} of {name} of {steps} steps" for (name, steps), n in groups.items())
    there = sum(map(is_finished, tasks))
    total = sum(task.recipe.steps for task in tasks)
    return f"{len(tasks)} trainings: {words}; {total} steps in all; {there} of them are there already"


def _parts(
    splits: Sequence[Split[ExtractedClip]],
    plan: Plan,
    trained: Sequence[Trained],
    constants: dict[str, Constant],
    asker: Asker,
) -> list[Parts]:
    """The variants of every network, judged where they were not trained."""
    options, found = asker.options, []
    names = list(dict.fromkeys((task.split, task.recipe.method) for task in plan.parts))
    for k, (target, network) in enumerate(names):
        mine = [task for task in plan.parts if (task.split, task.recipe.method) == (target, network)]
        test = next(split.test for split in splits if split.name == target)
        voices = (Voice(BAR), *(task.voice for task in mine))
        known = plan.whole_truth or (lambda clip: clip)
        jobs = [Job(known(clip), target, voices, options.window_s) for clip in test]
        share = 0.04 / len(names)
        rows = asker.rows(jobs, options.part(0.96 + k * share, 0.96 + (k + 1) * share))
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
    """One clip and who is asked about it."""

    clip: StoredClip
    split: str
    voices: tuple[Voice, ...]
    window_s: float


@dataclass
class Asker:
    """Asks methods about clips, one core a process, and remembers what it took."""

    options: Options
    cpu_s: float = 0.0

    def rows(self, jobs: Sequence[Job], tell: Progress) -> list[StretchRow]:
        """Rows of all jobs, in their order."""
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
        """What the constant predictor says in every split."""
        learned = list({id(clip): clip for split in splits for clip in split.train}.values())
        with WorkerPool(self.options.workers) as pool:
            labels = dict(zip(map(id, learned), pool.map(_labels_from_clip, learned), strict=True))
        return {split.name: fit_constant([labels[id(clip)] for clip in split.train]) for split in splits}


def _score(job: Job) -> tuple[list[StretchRow], float]:
    """Rows of a clip, and the processor time that they took."""
    started_s = time.process_time()
    rows = score_clip(job.clip, job.voices, split=job.split, window_s=job.window_s)
    return rows, time.process_time() - started_s


def _labels_from_clip(clip: ExtractedClip) -> tuple[float, float, float]:
    """HR, RR and SpO2 of a whole clip, NaN where they are not labelled."""
    face, truth = clip.load()
    known = known_from_truth(truth, slice(0, len(face.times_s)), float(face.fs or 0.0))
    return known.hr_true_bpm, known.rr_true_brpm, known.spo2_true_percent
