"""Extraction of many videos: a dataset becomes a folder of clips, on this machine's cores or on a dask cluster.

Each record is one independent job (`datasets.extraction`), so the files and the manifest are the same however
the jobs were run. A finished file is kept if its content would be the same. A video that cannot be used
becomes an entry in the manifest. A record whose process dies (out of memory, killed) is tried once more
before it becomes such an entry; the other workers continue. A dask cluster has its own rule
(`distributed.scheduler.allowed-failures`).
"""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rppg_core.errors import RppgError, UsageError, WriteError
from rppg_core.lab.datasets.base import Record
from rppg_core.lab.datasets.clip_file import made_folder
from rppg_core.lab.datasets.extracted import (
    KEPT_NEEDS,
    MANIFEST,
    ExtractedClip,
    Failure,
    read_entries,
    write_manifest,
)
from rppg_core.lab.datasets.extraction import Job, Outcome, extract_record, failure_from_error
from rppg_core.lab.datasets.layouts import find_layout
from rppg_core.lab.workers import WorkerDiedError, WorkerPool
from rppg_core.types import Progress

TRIES = 2  # for a record whose process dies
CONNECT_S = 10.0  # timeout to reach a scheduler, and again until it has a worker
SHOWN = 20  # number of failures that are printed
NEEDS = frozenset({"rgb", "stmap"})  # what is kept by default


class ClusterError(RppgError):
    """The cluster cannot be reached, or was lost in the middle of the work."""

    exit_code = 1


@dataclass(frozen=True)
class ExtractSummary:
    """What `extract_dataset` made."""

    folder: Path
    clips: tuple[ExtractedClip, ...]
    failures: tuple[Failure, ...]
    kept: int  # number of clips that already existed

    @property
    def holds(self) -> bool:
        """Whether every record became a clip."""
        return bool(self.clips) and not self.failures

    def text(self) -> str:
        """A report for people: each failure with its repair."""
        subjects = len({(clip.dataset, clip.subject) for clip in self.clips})
        minutes = sum(clip.seconds for clip in self.clips) / 60
        lines = [
            f"{self.folder}: {len(self.clips)} clips of {subjects} subjects, {minutes:.1f} minutes; "
            f"{len(self.clips) - self.kept} made, {self.kept} kept."
        ]
        for failure in self.failures[:SHOWN]:
            lines += [
                f"✗ {failure.path}",
                f"    {failure.what}",
                f"    wanted: {failure.wanted}",
                f"    repair: {failure.do}",
            ]
        more = f"; {MANIFEST} names them all" if len(self.failures) > SHOWN else ""
        n = len(self.failures)
        lines.append(f"✗ Without a clip: {n}{more}." if n else "✓ Every video became a clip.")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "clips": len(self.clips),
            "subjects": len({(clip.dataset, clip.subject) for clip in self.clips}),
            "seconds_of_video": round(sum(clip.seconds for clip in self.clips), 1),
            "made": len(self.clips) - self.kept,
            "kept": self.kept,
            "failed": [asdict(failure) for failure in self.failures],
        }


def extract_dataset(  # noqa: PLR0913 (what the command line offers)
    source: Path | str | Iterable[Record],
    out: Path | str,
    *,
    layout: str | None = None,
    needs: Iterable[str] = NEEDS,
    region: str = "face",
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> ExtractSummary:
    """Run the face pass on every clip of a dataset and store the results where training and protocols read them.

    Args:
        source: folder of a dataset in a known layout, or records.
        out: folder for the clips of one dataset; running the extraction again continues it.
        layout: a key of LAYOUTS, where file names do not show the layout.
        needs: what to keep of each clip, names from extracted.KEPT_NEEDS; "rgb" is always kept.
        region: "face", or "whole" when the whole picture is skin.
        workers: processes on this machine; None is one per core.
        scheduler: address of a dask scheduler to use instead; its workers must see the same files.
        progress: called with a text and a fraction.

    Returns:
        Clips made, clips kept, and failures; the manifest holds the same.

    Raises:
        UsageError: invalid arguments, no records, or a folder that holds another dataset.
        WriteError: the folder cannot be created.
        ClusterError: the scheduler cannot be reached, or was lost.
    """
    jobs = _jobs(source, Path(out), layout, frozenset(needs) | {"rgb"}, region)
    n_workers = _workers(workers, scheduler)
    results = _over_cluster(jobs, scheduler) if scheduler else _over_pool(jobs, n_workers)
    outcomes: list[Outcome] = []
    started_s = time.monotonic()
    with closing(results):  # also when progress raises: workers end with it
        for outcome in results:
            outcomes.append(outcome)
            if progress is not None:
                progress(_words(outcomes, len(jobs), started_s), len(outcomes) / len(jobs))
    clips = sorted((o.clip for o in outcomes if o.clip), key=lambda clip: (clip.dataset, clip.clip))
    failures = sorted((o.failure for o in outcomes if o.failure), key=lambda f: (f.dataset, f.clip))
    folder = jobs[0].out
    write_manifest(folder, jobs[0].needs, clips, failures)
    return ExtractSummary(folder, tuple(clips), tuple(failures), sum(outcome.kept for outcome in outcomes))


def _jobs(
    source: Path | str | Iterable[Record], out: Path, layout: str | None, needs: frozenset[str], region: str
) -> list[Job]:
    """The jobs, after every check of the request."""
    unknown = sorted(needs - KEPT_NEEDS)
    if unknown:
        raise UsageError(
            f"cannot keep {', '.join(unknown)}",
            wanted=f"some of {', '.join(sorted(KEPT_NEEDS))}",
            do="request only those",
        )
    if region not in ("face", "whole"):
        raise UsageError(f"region {region!r}", wanted="'face' or 'whole'", do="leave it out for face videos")
    root = None
    if isinstance(source, (str, Path)):
        root = Path(source).resolve()
        source = find_layout(root, layout).records(root)
    records, out = list(source), out.resolve()
    if not records:
        raise UsageError("no clips", wanted="one or more", do="name the folder above the clips")
    twice = [name for name, n in Counter((r.dataset, r.clip) for r in records).items() if n > 1]
    if twice:
        raise UsageError(
            f"two clips are called {'/'.join(twice[0])}", wanted="a name of its own for each", do="rename one"
        )
    _require_room(out, {record.dataset for record in records})
    return [Job(record, out, needs, region, root) for record in records]


def _require_room(out: Path, datasets: set[str]) -> None:
    """Require that the folder can be written to and holds no clips of another dataset."""
    made_folder(out, do="choose another")
    if not os.access(out, os.W_OK):
        raise WriteError(
            f"cannot write into {str(out)!r}", wanted="a folder that can be written to", do="choose another"
        )
    if not (out / MANIFEST).is_file():
        return
    others = sorted({entry["dataset"] for entry in read_entries(out)["clips"]} - datasets)
    if others:
        raise UsageError(
            f"{str(out)!r} holds clips of {', '.join(others)}",
            wanted="a folder of its own for each dataset",
            do="name another folder; several folders can be trained on together",
        )


def _workers(workers: int | None, scheduler: str | None) -> int:
    if scheduler is not None and workers is not None:
        raise UsageError(
            "workers and a scheduler", wanted="one of them", do="leave workers out: the cluster has its own"
        )
    if workers is not None and workers < 1:
        raise UsageError(f"{workers} workers", wanted="1 or more", do="leave it out for one a core")
    return workers or os.cpu_count() or 1


def _over_pool(jobs: Sequence[Job], workers: int) -> Generator[Outcome, None, None]:
    """Outcomes in order of completion, from processes on this machine."""
    waiting, deaths = deque(jobs), Counter[int]()
    workers = min(workers, len(jobs))
    running: dict[Future[Outcome], Job] = {}
    with WorkerPool(workers) as pool:
        while waiting or running:
            while waiting and len(running) < workers:
                job = waiting.popleft()
                running[pool.submit(extract_record, job)] = job
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                error = future.exception()
                if isinstance(error, WorkerDiedError):
                    deaths[id(job)] += 1
                    if deaths[id(job)] < TRIES:
                        waiting.append(job)
                        continue
                    error = _died()
                # any other error comes from a record that cannot be sent to a process
                yield future.result() if error is None else Outcome(failure=failure_from_error(job, error))


def _died() -> WorkerDiedError:
    return WorkerDiedError(
        "the process that read this clip died each time",
        wanted="a process that finishes: it was killed, or ran out of memory",
        do="check the memory and the system log, use fewer workers, or leave this clip out",
    )


def _over_cluster(jobs: Sequence[Job], scheduler: str) -> Generator[Outcome, None, None]:
    """Outcomes in order of completion, from the workers of a dask cluster."""
    distributed = _require_dask()
    try:
        client = distributed.Client(scheduler, timeout=CONNECT_S)
    except (OSError, ValueError, TimeoutError) as error:
        raise ClusterError(
            f"no scheduler at {scheduler!r} ({type(error).__name__})",
            wanted="an address such as tcp://host:8786",
            do="start one with `dask scheduler`, and workers with `dask worker ADDRESS`",
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_S)
        except TimeoutError as error:
            raise ClusterError(
                f"the scheduler at {scheduler!r} has no workers",
                wanted="one or more",
                do="start them with `dask worker ADDRESS`",
            ) from error
        futures = {client.submit(extract_record, job, pure=False): job for job in jobs}
        for future in distributed.as_completed(list(futures)):
            job = futures.pop(future)
            try:
                yield future.result()
            except distributed.KilledWorker:
                yield Outcome(failure=failure_from_error(job, _died()))
            except CancelledError as error:
                raise ClusterError(
                    f"the scheduler at {scheduler!r} left with {len(futures) + 1} of {len(jobs)} clips to go",
                    wanted="a cluster until the end",
                    do="start it again and give the same command: finished clips are kept",
                ) from error
            except Exception as error:  # a record that cannot be read on that machine
                yield Outcome(failure=failure_from_error(job, error))


def _require_dask() -> Any:
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise UsageError(
            f"a scheduler needs the package {error.name!r}, which is not installed",
            wanted="the extra 'datasets'",
            do="pip install 'rppg-lab[datasets]'",
        ) from error
    return distributed


def _words(outcomes: Sequence[Outcome], n: int, started_s: float) -> str:
    """The progress text, with the time left at the pace of the clips that were not kept."""
    done, failed = len(outcomes), sum(outcome.failure is not None for outcome in outcomes)
    made = done - sum(outcome.kept for outcome in outcomes)
    left_s = (time.monotonic() - started_s) / max(made, 1) * (n - done)
    left = f"{left_s:.0f} s" if left_s < 90 else f"{left_s / 60:.0f} min"
    return f"extracted {done} of {n}{f', {failed} failed' if failed else ''}, {left} left"
