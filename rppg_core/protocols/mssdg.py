"""Protocol `mssdg`: six simulated domains, each left out in turn by networks that learn from the five others.

Floor 6. The domains differ as the datasets of the original protocol do (`datasets.simulated` has the table), their
labels are as partial. Rendered clips and trainings are kept below `runs`; no weights of the package are read.
Source: Wang et al. 2025, PhysMLE (six datasets, one left out, a mini-batch from each source a step). Our choice:
per 10 s window and per video, where the released code has 8.5 s windows a third of a second apart; heart rate from
the spectrum for every target, where the code takes the head for some and the waveform for others; a target's label
clock is as wrong in the test as it is in training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from rppg_core.datasets.base import Record
from rppg_core.datasets.extracted import ExtractedClip, read_manifest
from rppg_core.datasets.simulated import DOMAINS, SimulatedDomain, domain_table
from rppg_core.errors import UsageError
from rppg_core.protocols.dataset_result import DatasetResult
from rppg_core.protocols.dataset_run import BAR, Options, evaluate_splits
from rppg_core.protocols.splits import leave_one_domain_out
from rppg_core.protocols.table import Criterion
from rppg_core.scale import extract_dataset

METHODS = ("pos", "chrom", "tracenet")
N_CLIPS = 24  # of each domain
CLIP_S = 20.0
KEPT = frozenset({"rgb", "stmap"})  # of each clip, whoever reads it: so that runs share them
RENDERING = 0.15  # of the work, about
SPREAD = 2.0  # between the easiest and the hardest domain


@runtime_checkable
class Domain(Protocol):
    """A source of records that come with their face pass: a row of `datasets.simulated.DOMAINS`."""

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
        n_clips: clips of each domain.
        clip_s: length of each. Unit: s.
        domains: at least two.

    Returns:
        Rows and tables.

    Raises:
        UsageError: fewer than two domains or clips, or an unknown method.
    """
    options = options or Options()
    options = replace(options, methods=METHODS if options.methods is None else options.methods)
    if n_clips < 2:
        raise UsageError(f"{n_clips} clips a domain", wanted="2 or more", do="ask for more")
    clips = rendered(domains, options, n_clips=n_clips, clip_s=clip_s)
    about = (
        f"{len(domains)} simulated domains of {n_clips} clips of {clip_s:g} s; each is tested on by networks that "
        "learned from the others."
    )
    if shown := [domain for domain in domains if isinstance(domain, SimulatedDomain)]:
        about = f"{about}\n\nThe domains\n{domain_table(shown)}"
    return evaluate_splits(
        leave_one_domain_out(clips), options, protocol="mssdg", about=about, place="mssdg",
        start=RENDERING if options.networks else 0.6, promises=promises,
    )  # fmt: skip


def rendered(
    domains: Sequence[Domain], options: Options, *, n_clips: int, clip_s: float
) -> list[ExtractedClip]:
    """The clips of every domain, made as far as they are not there yet.

    Raises:
        UsageError: a clip could not be made.
    """
    needs = KEPT | options.needs
    place = options.folder / "mssdg" / f"domains-{n_clips}x{clip_s:g}s-{'-'.join(sorted(needs))}"
    records = [record for domain in domains for record in domain.records(n_clips, seconds=clip_s)]
    tell = options.part(0.0, RENDERING if options.networks else 0.6)
    extract_dataset(records, place, needs=needs, workers=options.workers, progress=tell)
    clips = read_manifest(place)
    if len(clips) < len(records):
        raise UsageError(
            f"{len(records) - len(clips)} of {len(records)} clips could not be made",
            wanted="all of them", do=f"look into {place / 'manifest.json'}, which says why",
        )  # fmt: skip
    return clips


def promises(result: DatasetResult) -> list[Criterion]:
    """The domains differ: POS is SPREAD times as wrong in the hardest as in the easiest."""
    errors = {target: result.cell(BAR, "window", target)["hr"]["mae"] for target in result.targets}
    easy, hard = min(errors, key=errors.__getitem__), max(errors, key=errors.__getitem__)
    ratio = errors[hard] / max(errors[easy], 1e-9)
    measured = f"{errors[easy]:.2f} ({easy}) to {errors[hard]:.2f} ({hard}) bpm, {ratio:.1f} times"
    return [
        Criterion(f"HR MAE of {BAR} over the domains", measured, f"{SPREAD:g} times or more", ratio >= SPREAD)
    ]
