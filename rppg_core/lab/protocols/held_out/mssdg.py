"""Protocol `mssdg`: six simulated domains; networks train on five and are tested on the sixth, in turn.

The domains differ as the datasets of the original protocol do (the table is in `datasets.simulated`), and their
labels have the same gaps. Rendered clips and trainings are kept below `runs`; no weights of the package are
read.

A network is trained for a third of its recipe's steps on every split, and with two more seeds on the two
splits whose targets have the lowest and the highest error of POS. On the hardest target, variants of a
network (`parts`) show the effect of its parts, with fewer steps and three seeds; in those tables only, tasks
that the domain does not label are scored against the simulator's own truth.

Source: Wang et al. 2025, PhysMLE (six datasets, one left out, a mini-batch from each source per step). Our
choice: scores per 10 s window and per video, where the released code uses 8.5 s windows a third of a second
apart; heart rate from the spectrum for every target, where the released code uses the regression head for
some targets and the waveform for others; a target's label clock has the same error in the test as in
training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from rppg_core.errors import UsageError
from rppg_core.lab.datasets.base import Record
from rppg_core.lab.datasets.extracted import ExtractedClip, read_manifest
from rppg_core.lab.datasets.scale import extract_dataset
from rppg_core.lab.datasets.simulated import DOMAINS, SimulatedDomain, domain_table
from rppg_core.lab.protocols.held_out.parts import PART_STEPS, part_tasks
from rppg_core.lab.protocols.held_out.result import BAR, DatasetResult
from rppg_core.lab.protocols.held_out.run import Options, Plan, evaluate_splits
from rppg_core.lab.protocols.held_out.scores import StretchRow
from rppg_core.lab.protocols.held_out.seed_spread import HR_WINDOW, value_from_rows
from rppg_core.lab.protocols.held_out.split_training import Task, list_tasks, shortened_steps
from rppg_core.lab.protocols.held_out.splits import Split, leave_one_domain_out
from rppg_core.lab.protocols.table import Criterion
from rppg_core.types import FaceClip, Truth

METHODS = ("pos", "chrom", "tracenet")
N_CLIPS = 24  # per domain
CLIP_S = 20.0
KEPT = frozenset({"rgb", "stmap"})  # in every clip, whatever the methods need, so that runs share clips
RENDERING = 0.05  # approximate share of the work if networks are trained; 0.6 if none are
SPREAD = 2.0  # least ratio of POS errors between the hardest and the easiest domain
SEEDS = 3  # on these two domains, and for each variant


@runtime_checkable
class Domain(Protocol):
    """A source of records with their face pass: an entry of `datasets.simulated.DOMAINS`."""

    @property
    def name(self) -> str: ...

    def records(self, n: int, *, seconds: float = CLIP_S, seed: int = 0) -> Iterator[Record]: ...


def run_mssdg(
    options: Options | None = None,
    *,
    n_clips: int = N_CLIPS,
    clip_s: float = CLIP_S,
    domains: Sequence[Domain] = DOMAINS,
) -> DatasetResult:
    """The whole protocol.

    Args:
        options: methods (default: POS, CHROM, TraceNet), trainings, windows.
        n_clips: number of clips per domain.
        clip_s: length of each clip. Unit: s.
        domains: at least two.

    Returns:
        Rows and tables.

    Raises:
        UsageError: fewer than two domains or clips, or an unknown method.
    """
    options = options or Options()
    options = replace(options, methods=METHODS if options.methods is None else options.methods)
    if n_clips < 2:
        raise UsageError(f"{n_clips} clips per domain", wanted="2 or more", do="ask for more")
    records = [record for domain in domains for record in domain.records(n_clips, seconds=clip_s)]
    share = RENDERING if options.networks else 0.6
    place = f"domains-{n_clips}x{clip_s:g}s"
    clips = rendered(records, replace(options, progress=options.part(0.0, share)), place)
    about = (
        f"{len(domains)} simulated domains of {n_clips} clips of {clip_s:g} s; each is the test set of networks "
        "trained on the others."
    )
    if shown := [domain for domain in domains if isinstance(domain, SimulatedDomain)]:
        about = f"{about}\n\nThe domains\n{domain_table(shown)}"
    splits = leave_one_domain_out(clips)
    renderers = {(record.dataset, record.clip): record.face_clip for record in records}
    return evaluate_splits(
        splits,
        replace(options, progress=options.part(share, 1.0)),
        protocol="mssdg",
        about=about,
        promises=promises,
        planner=lambda rows: make_plan(splits, options, rows, renderers),
    )


def make_plan(
    splits: Sequence[Split[ExtractedClip]],
    options: Options,
    rows: Sequence[StretchRow],
    renderers: Mapping[tuple[str, str], Any],
) -> Plan:
    """Choose the trainings for each domain.

    Args:
        splits: one per domain.
        options: if steps or seeds are set, they apply to all trainings.
        rows: rows of POS on every domain, which determine the easiest and the hardest one.
        renderers: dataset and clip -> its renderer, which may hold more truth than the labels.
    """
    errors = _errors(rows)
    easy, hard = min(errors, key=errors.__getitem__), max(errors, key=errors.__getitem__)
    runs, by_name = options.folder / "mssdg", {split.name: split for split in splits}

    def tasks(name: str, network: str, seeds: range) -> list[Task]:
        steps = options.steps or shortened_steps(network)
        return list_tasks(by_name[name], network, steps=steps, seeds=seeds, runs=runs, speeds=options.speeds)

    networks = [
        task
        for network in options.networks
        for name in by_name
        for task in tasks(name, network, range(options.seeds or 1))
    ]
    if options.seeds is None:
        networks += [
            task
            for network in options.networks
            for name in (easy, hard)
            for task in tasks(name, network, range(1, SEEDS))
        ]
    parts = [
        task
        for network in (options.networks if options.parts else ())
        for task in part_tasks(
            by_name[hard],
            network,
            steps=options.part_steps or min(PART_STEPS, options.steps or PART_STEPS),
            seeds=range(options.part_seeds or options.seeds or SEEDS),
            runs=runs,
            speeds=options.speeds,
        )
    ]
    return Plan(
        networks, parts, lambda clip: TruthfulClip.from_clip(clip, renderers.get((clip.dataset, clip.clip)))
    )


@runtime_checkable
class Knowing(Protocol):
    """The renderer of a clip, with its complete truth: `datasets.simulated_clip.SimulatedClip`."""

    def truth_at(self, times_s: np.ndarray) -> Truth: ...


@dataclass(frozen=True)
class TruthfulClip(ExtractedClip):
    """A stored clip with a complete truth: the simulator supplies the values that have no label."""

    source: Knowing | None = None

    @classmethod
    def from_clip(cls, clip: ExtractedClip, source: Any) -> TruthfulClip:
        known = {field.name: getattr(clip, field.name) for field in fields(clip)}
        return cls(**known, source=source if isinstance(source, Knowing) else None)

    def load(self) -> tuple[FaceClip, Truth]:
        face, truth = super().load()
        if self.source is None:
            return face, truth
        whole = self.source.truth_at(face.times_s)
        waves = {
            name: getattr(whole, name)
            for name in ("bvp", "resp", "hr_bpm")
            if not np.isfinite(getattr(truth, name)).any()
        }
        if not np.isfinite(truth.rr_brpm):
            waves |= {"rr_brpm": whole.rr_brpm, "rr_track_brpm": whole.rr_track_brpm}
        if truth.spo2 is None and not np.isfinite(truth.spo2_percent):
            waves |= {"spo2": whole.spo2, "spo2_percent": whole.spo2_percent}
        return face, replace(truth, **waves)


def rendered(records: Sequence[Record], options: Options, place: str) -> list[ExtractedClip]:
    """The clips of all domains; missing ones are rendered.

    Args:
        records: records of every domain.
        options: sets the fields that the methods need, and the folder of all runs.
        place: start of the name of the clips' folder.

    Raises:
        UsageError: a clip could not be rendered.
    """
    needs = KEPT | options.needs
    folder = options.folder / "mssdg" / f"{place}-{'-'.join(sorted(needs))}"
    extract_dataset(records, folder, needs=needs, workers=options.workers, progress=options.progress)
    clips = read_manifest(folder)
    if len(clips) < len(records):
        raise UsageError(
            f"{len(records) - len(clips)} of {len(records)} clips could not be rendered",
            wanted="all of them",
            do=f"look for the reasons in {folder / 'manifest.json'}",
        )
    return clips


def promises(result: DatasetResult) -> list[Criterion]:
    """The domains must differ: POS has SPREAD times the error on the hardest as on the easiest, or more."""
    errors = _errors(result.rows)
    easy, hard = min(errors, key=errors.__getitem__), max(errors, key=errors.__getitem__)
    ratio = errors[hard] / max(errors[easy], 1e-9)
    measured = f"{errors[easy]:.2f} ({easy}) to {errors[hard]:.2f} ({hard}) bpm, {ratio:.1f} times"
    return [
        Criterion(f"HR MAE of {BAR} over the domains", measured, f"{SPREAD:g} times or more", ratio >= SPREAD)
    ]


def _errors(rows: Sequence[StretchRow]) -> dict[str, float]:
    """Domain -> HR MAE of POS per window; infinite if POS gives no heart rate."""
    mine: dict[str, list[StretchRow]] = {}
    for row in rows:
        if row.method == BAR:
            mine.setdefault(row.split, []).append(row)
    return {
        name: float(np.nan_to_num(value_from_rows(found, HR_WINDOW), nan=np.inf))
        for name, found in mine.items()
    }
