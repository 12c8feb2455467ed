"""`rppg analyze` on several videos: one row per file; an error in one file does not stop the others.

A file that cannot be analysed gets a row with the reason and a line on standard error. The
output is one JSON object keyed by the paths as they were given, or one CSV table.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rppg_core.command.output import (
    FAULT,
    STOPPED,
    check_outputs,
    complain,
    deliver,
    fault_words,
    json_text,
    resolve_place,
)
from rppg_core.command.progress import ProgressLine
from rppg_core.errors import RppgError, UsageError
from rppg_core.lab.protocols.table import aligned_columns
from rppg_core.types import Reading, Report

NOTE = "for research and teaching; not a medical device"
HEAD = ("file", "HR bpm", "95 % interval", "confidence", "breaths/min", "agree", "what to know")
VITALS = {
    "hr": "hr_bpm",
    "rr": "rr_brpm",
    "rmssd": "rmssd_ms",
    "sdnn": "sdnn_ms",
    "pnn50": "pnn50_percent",
    "lf_hf": "lf_hf",
}


@dataclass(frozen=True)
class Outcome:
    """One file: the results of its report, or why there is none."""

    path: str
    report: Mapping[str, Any] | None  # the object of a single file's --json
    cells: tuple[str, ...]  # of the table in a terminal, without the path
    row: Mapping[str, Any]  # of the CSV table, without the path
    exit_code: int = 0


def analyze_each(args: argparse.Namespace, analyze: Callable[..., Report], weights: Mapping[str, str]) -> int:
    """Analyse every file, then write one table.

    Args:
        args: of `rppg analyze`, with two files or more.
        analyze: the function that analyses one file.
        weights: network -> file.

    Returns:
        The exit code: 0 when every file could be analysed, 130 after Ctrl-C. Results finished by then are written.

    Raises:
        UsageError: wrong arguments, or --html or --reference with several files.
    """
    from rppg_core.roster import resolve

    paths = _different(args.video)
    if args.html is not None:
        raise UsageError(
            f"--html with {len(args.video)} videos",
            wanted="one video for a page",
            do="run rppg analyze once for each page; --csv and --json take several videos",
        )
    if args.reference is not None:
        raise UsageError(
            f"--reference with {len(args.video)} videos",
            wanted="one video beside one reference",
            do="run rppg analyze once for each pair",
        )
    methods = resolve(args.methods, own=weights)
    check_outputs(args.json, args.csv, videos=paths)
    outcomes: list[Outcome] = []
    stopped = False
    try:
        _analyze_in_turn(
            paths,
            {"region": args.region, "weights": weights, "fps": args.fps},
            outcomes,
            lambda path, **call: analyze(path, methods, **call),
        )
    except KeyboardInterrupt:  # finished results are not lost
        if not outcomes:
            raise
        stopped = True
    deliver(
        "\n".join(aligned_columns([HEAD, *([printable(o.path), *o.cells] for o in outcomes)]))
        + f"\n\nEstimates {NOTE}.",
        (args.csv, lambda: table_text(outcomes)),
        (args.json, lambda: json_text({printable(o.path): o.report for o in outcomes})),
    )
    failed = [outcome for outcome in outcomes if outcome.exit_code]
    for outcome in failed:
        complain(f"{printable(outcome.path)}: {outcome.row['error']}", outcome.exit_code)
    if failed:
        complain(f"{len(failed)} of {len(outcomes)} files could not be analysed", RppgError.exit_code)
    if stopped:
        return complain(f"stopped after {len(outcomes)} of {len(paths)} files", STOPPED)
    codes = {outcome.exit_code for outcome in failed}
    return FAULT if FAULT in codes else RppgError.exit_code if codes else 0


def _analyze_in_turn(
    paths: Sequence[str], call: dict[str, Any], outcomes: list[Outcome], analyze: Callable[..., Report]
) -> None:
    """Add the outcome of each file to `outcomes`, with one progress line for all of them."""
    with ProgressLine() as progress:
        for k, path in enumerate(paths):

            def shown(stage: str, fraction: float, k: int = k) -> None:
                progress(f"file {k + 1} of {len(paths)}: {stage}", (k + fraction) / len(paths))

            outcomes.append(
                _outcome(path, lambda path=path, shown=shown: analyze(path, progress=shown, **call))
            )


def table_text(outcomes: Sequence[Outcome]) -> str:
    """What --csv writes for several files: one row per file, with empty cells for vitals that are not shown."""
    names = list(dict.fromkeys(name for outcome in outcomes for name in outcome.row))
    names = [
        "file",
        *(name for name in names if name not in ("verdict", "error")),
        "verdict",
        "error",
        "note",
    ]
    file = io.StringIO()
    writer = csv.DictWriter(file, names, restval="", lineterminator="\n")
    writer.writeheader()
    for outcome in outcomes:
        writer.writerow({"file": printable(outcome.path), **outcome.row, "note": NOTE})
    return file.getvalue()


def printable(path: str) -> str:
    """A path for a table: on one line, in characters that can be encoded."""
    whole = path.encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in whole)


def _different(paths: Sequence[str]) -> list[str]:
    """Each file once, in the order given and under the first name given for it."""
    first: dict[str, str] = {}
    for path in paths:
        first.setdefault(resolve_place(path) if path else path, path)
    return list(first.values())


def _outcome(path: str, work: Callable[[], Report]) -> Outcome:
    """Analyse one file; only an error in the arguments themselves stops the other files."""
    try:
        report = work()
    except UsageError:
        raise
    except RppgError as error:
        return _failed(path, " ".join(str(error).split()), error.got, error.exit_code)
    except Exception as error:
        if os.environ.get("RPPG_TRACEBACK"):
            raise
        fault = fault_words(error)
        return _failed(path, " ".join(fault.split()), fault, FAULT)
    return Outcome(path, report.to_dict(), _cells(report), _row(report))


def _failed(path: str, error: str, got: str, exit_code: int) -> Outcome:
    cells = ("", "", "", "", "", f"not analysed: {' '.join(got.split())}")
    return Outcome(path, {"error": error}, cells, {"error": error}, exit_code)


def _cells(report: Report) -> tuple[str, ...]:
    hr, rr = report.consensus.vitals.hr, report.consensus.vitals.rr
    if hr.value is None or hr.interval is None:
        return "", "", "", "", "", report.consensus.verdict
    agree, of = report.consensus.agreement
    return (
        f"{hr.value:.1f}",
        f"{hr.interval[0]:.1f}-{hr.interval[1]:.1f}",
        f"{hr.confidence:.2f}",
        "—" if rr.value is None else f"{rr.value:.1f}",
        f"{agree} of {of}",
        report.consensus.verdict.partition(":")[0],
    )


def _row(report: Report) -> dict[str, Any]:
    vitals = report.consensus.vitals
    low, high = vitals.hr.interval or (None, None)
    row: dict[str, Any] = {}
    for name, column in VITALS.items():
        row[column] = _number(getattr(vitals, name))
        if name == "hr":
            row |= {
                "hr_low_bpm": _plain(low),
                "hr_high_bpm": _plain(high),
                "hr_confidence": _plain(vitals.hr.confidence),
            }
    row |= {f"{name}_hr_bpm": _number(estimate.vitals.hr) for name, estimate in report.estimates.items()}
    return row | {"verdict": report.consensus.verdict}


def _number(reading: Reading) -> str:
    return _plain(reading.value)


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
