"""Fit the confidence and the intervals of heart rates; `make calibrate` rewrites signals/calibration.json with this.

Every method on every clip gives examples, one for each window and one for the clip: simulated clips (`draws`) and,
with --recordings DIR, real faces (`recordings`). One logistic regression gives the probability of being within 5 bpm,
one linear quantile regression the half width of the 95 % interval; the name of the method is not an input. The
report sets the evidence of simulated clips beside that of recordings, and judges each person by a fit without them.
Source: our choice.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from zlib import crc32

import numpy as np

from rppg_core.errors import RppgError
from rppg_core.lab import RUNS
from rppg_core.lab.protocols.calibration import draws
from rppg_core.lab.protocols.calibration.examples import Example, examples_of_clip
from rppg_core.lab.protocols.calibration.recordings import Recorded, recorded_clips
from rppg_core.lab.protocols.calibration.regressions import PULSE_FREE_SHARE, WITHIN_BPM, fit
from rppg_core.lab.protocols.table import percent, text_table
from rppg_core.lab.simulate.settings import SIMULATOR_VERSION
from rppg_core.lab.workers import WorkerPool
from rppg_core.roster import PANEL, list_ready_methods
from rppg_core.signals.calibration import CALIBRATION_FILE, SHOW_FROM, Calibration, is_light
from rppg_core.types import Progress

FOLDER = RUNS / "calibration"
REAL_WEIGHT = 3.0  # of an example of a real face with a reference; there are few people


def simulated_examples(k: int, folder: Path) -> list[Example]:
    """Examples of simulated clip k: the trace clips first, then the rendered ones."""
    rng = np.random.default_rng([draws.SEED, k])
    if k < draws.N_TRACES:
        return examples_of_clip(draws.trace_clip(k), rng)
    return examples_of_clip(draws.rendered_clip(k - draws.N_TRACES, folder), rng)


def recorded_examples(one: Recorded) -> list[Example]:
    """Examples of a real face."""
    weight = REAL_WEIGHT if one.kind == "reference" else 1.0
    rng = np.random.default_rng(crc32(one.name.encode()))
    return examples_of_clip(one.clip, rng, source=one.kind, person=one.person, weight=weight)


def gather(
    folders: Sequence[Path] = (),
    *,
    clips: Iterable[int] = range(draws.N_TRACES + draws.N_RENDERED),
    folder: Path = FOLDER,
    workers: int = 2,
    progress: Progress | None = None,
) -> list[Example]:
    """Examples of the simulated clips and of folders of recordings, computed in worker processes.

    Args:
        folders: of recordings.
        clips: numbers of the simulated clips.
        folder: keeps the rendered clips for the next fit.
        workers: processes.
        progress: called with a stage and a fraction.
    """
    numbers, real = list(clips), [one for each in folders for one in recorded_clips(each)]
    examples: list[Example] = []
    with WorkerPool(workers) as pool:
        results: list[tuple[Callable, list]] = [
            (partial(simulated_examples, folder=folder), numbers), (recorded_examples, real)
        ]  # fmt: skip
        done = 0
        for work, todo in results:
            for rows in pool.map(work, todo):
                examples += rows
                done += 1
                if progress is not None:
                    progress(f"clip {done} of {len(numbers) + len(real)}", done / (len(numbers) + len(real)))
    return examples


def report(examples: Sequence[Example], fitted: Calibration) -> str:
    """What the fit shows, evidence of simulated clips beside recordings, and fits that leave a person out."""
    parts = [
        "Readings refused as light, shown, and within 5 bpm of those shown\n" + _shown_table(examples, fitted)
    ]
    parts.append(
        "Evidence of readings within 5 bpm: lower quartile, median, upper quartile\n"
        + _feature_table(examples)
    )
    if people := sorted({e.person for e in examples if e.source == "reference"}):
        parts.append(
            "Readings of a person by a fit without that person\n" + _left_out_table(examples, people)
        )
    return "\n\n".join(parts)


def _shown_table(examples: Sequence[Example], fitted: Calibration) -> str:
    rows = []
    for source in dict.fromkeys(e.source for e in examples):
        for pulsed in (True, False):
            part = [e for e in examples if e.source == source and np.isfinite(e.error_bpm) == pulsed]
            if part:
                rows.append(
                    [source, "pulse" if pulsed else "no pulse", str(len(part)), *_counts(part, fitted)]
                )
    return text_table(["", "", "readings", "refused as light", "shown", "right"], rows)


def _counts(part: Sequence[Example], fitted: Calibration) -> list[str]:
    ours = [e for e in part if not is_light(e.evidence)]
    shown = [e for e in ours if fitted.probability(e.evidence) >= SHOW_FROM]
    return [
        percent(len(part) - len(ours), len(part)),
        percent(len(shown), len(part)),
        percent(sum(e.error_bpm <= WITHIN_BPM for e in shown), len(shown)),
    ]


def _feature_table(examples: Sequence[Example]) -> str:
    sources = list(dict.fromkeys(e.source for e in examples if np.isfinite(e.error_bpm)))
    right = {
        s: [asdict(e.evidence) for e in examples if e.source == s and e.error_bpm <= WITHIN_BPM]
        for s in sources
    }
    rows = []
    for name in ("contrast", "votes", "apart", "together", "snr_db", "chroma", "explained", "seconds"):
        cells = []
        for source in sources:
            low, middle, high = np.quantile(
                [one[name] for one in right[source]] or [np.nan], [0.25, 0.5, 0.75]
            )
            cells.append(f"{low:.2f} {middle:.2f} {high:.2f}")
        rows.append([name, *cells])
    return text_table(["", *sources], rows)


def _left_out_table(examples: Sequence[Example], people: Sequence[str]) -> str:
    rows = []
    for person in people:
        theirs = [e for e in examples if e.source == "reference" and e.person == person and e.whole]
        fitted = fit([e for e in examples if e.person != person])
        rows.append([person, str(len(theirs)), *_counts(theirs, fitted)])
    theirs = [e for e in examples if e.source == "reference" and e.whole]
    fitted = fit([e for e in examples if e.source != "reference"])
    rows.append(["all, by a fit without any of them", str(len(theirs)), *_counts(theirs, fitted)])
    return text_table(["", "readings", "refused as light", "shown", "right"], rows)


def main() -> None:
    """Gather, fit, report and store."""
    parser = argparse.ArgumentParser(description="fit the confidence of heart rates")
    parser.add_argument("--recordings", type=Path, action="append", default=[], help="folder of real faces")
    folders = parser.parse_args().recordings

    def progress(stage: str, fraction: float) -> None:
        print(f"\r{stage} ({fraction:.0%})", end="", file=sys.stderr, flush=True)

    try:
        examples = gather(folders, progress=progress)
    except RppgError as error:
        parser.error(str(error))
    fitted = fit(examples)
    print("\n" + report(examples, fitted))
    stored = {
        "confidence": [round(w, 4) for w in fitted.confidence],
        "log_half_width": [round(w, 4) for w in fitted.log_half_width],
        "simulator_version": SIMULATOR_VERSION,
        "first_seed": draws.SEED,
        "clips": draws.N_TRACES + draws.N_RENDERED,
        "pulse_free": round(float(np.mean([np.isinf(e.error_bpm) for e in examples])), 2),
        "pulse_free_by_weight": PULSE_FREE_SHARE,
        "recordings": len({(e.source, e.person) for e in examples if e.person}),
        "panel": list(PANEL),
        "methods": list_ready_methods(),
    }
    CALIBRATION_FILE.write_text(json.dumps(stored, indent=1) + "\n")
    print(f"wrote {CALIBRATION_FILE}")


if __name__ == "__main__":
    main()
