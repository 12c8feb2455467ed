"""The command `rppg`: reads a video; writes a verdict, a table and files.

Exit codes: 0 the video was analysed (refusals included), 1 an error in this program, 2 a usage error, 3 a video that
cannot be analysed, 130 stopped by Ctrl-C. An error is one line on standard error, never a traceback. Heavy modules
are imported inside the command that needs them, so that `rppg --help` is fast and `rppg analyze` does not load
plotly unless --html is given.
"""

from __future__ import annotations

import argparse
import codecs
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from rppg_core.command import research
from rppg_core.command.arguments import make_parser
from rppg_core.command.output import (
    FAULT,
    STOPPED,
    check_outputs,
    complain,
    deliver,
    fault_words,
    forget_output,
    json_text,
    plain_character,
    say,
)
from rppg_core.command.progress import ProgressLine
from rppg_core.command.prompt import prompt
from rppg_core.errors import RppgError, UsageError, WriteError
from rppg_core.lab.protocols.table import aligned_columns
from rppg_core.video.paths import working_folder_is_gone

if TYPE_CHECKING:
    from rppg_core.tables.reference import Reference

PATHS = (
    "video",
    "reference",
    "out",
    "json",
    "csv",
    "html",
    "photo",
    "weights",
    "runs",
    "folder",
    "data",
    "train_data",
    "source",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: arguments without the program's name; None takes those of the process.

    Returns:
        The exit code.
    """
    codecs.register_error("plain", plain_character)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")  # printing a dash must not fail in a terminal without UTF-8
    try:
        args = make_parser(COMMANDS).parse_args(argv)
        if working_folder_is_gone():
            _leave_deleted_folder(args)
        return args.run(args)
    except SystemExit as stop:  # argparse: help, version, or a usage error that it has already printed
        return int(stop.code or 0)
    except RppgError as error:
        return complain(str(error), error.exit_code)
    except KeyboardInterrupt:
        return complain("stopped", STOPPED)
    except BrokenPipeError:  # the reader of our output has closed the pipe, as `head` does
        forget_output()
        return 0
    except Exception as error:
        if os.environ.get("RPPG_TRACEBACK"):
            raise
        return _fault(error)


def _leave_deleted_folder(args: argparse.Namespace) -> None:
    """Leave the deleted working folder, where torch cannot be loaded, if every path is absolute.

    Raises:
        WriteError: results would be written to a path relative to that folder.
    """
    given = {name: getattr(args, name) for name in PATHS if hasattr(args, name)}
    paths = [path for value in given.values() for path in (value if isinstance(value, list) else [value])]
    relative = [
        path
        for path in paths
        if path not in (None, "-", "simulated") and not os.path.isabs(path.split("=", 1)[-1])
    ]
    by_default = "runs" in given and given["runs"] is None  # its default lies in the deleted folder
    if not relative and not by_default:
        os.chdir(os.sep)
    elif "runs" in given:
        raise WriteError(
            "the working folder was deleted",
            wanted="a folder for the results",
            do="cd to another one, or give absolute paths, --runs too",
        )


def _fault(error: Exception) -> int:
    """Print one line for an unexpected error and return its exit code."""
    if isinstance(error, FileNotFoundError) and working_folder_is_gone():
        return complain("the working folder was deleted; cd to another one", RppgError.exit_code)
    return complain(f"{fault_words(error)} (RPPG_TRACEBACK=1 shows where)", FAULT)


def _analyze(args: argparse.Namespace) -> int:
    from rppg_core.analysis.pipeline import analyze
    from rppg_core.command.batch import analyze_each

    weights = _weights(args.weights)
    if len(args.video) > 1:
        return analyze_each(args, analyze, weights)
    (video,) = args.video
    check_outputs(args.json, args.csv, args.html, video=video, reference=args.reference)
    reference = _reference(args.reference)
    with ProgressLine() as progress:
        report = analyze(
            video, args.methods, region=args.region, weights=weights, fps=args.fps, progress=progress
        )
    from rppg_core.figures.report_page import csv_text, report_html, report_text

    beside: dict[str, Any] = {}
    if reference is not None:
        reference = reference.during(*report.clip.times_s[[0, -1]].tolist())
        beside = {"reference": reference.to_dict()}
    deliver(
        report_text(report, reference),
        (args.csv, lambda: csv_text(report, reference)),
        (args.html, lambda: report_html(report, reference)),
        (args.json, lambda: json_text(report.to_dict() | beside)),
    )
    return 0


def _reference(path: str | None) -> Reference | None:
    """The heart rate of another device, read before the video so that a wrong file is reported early."""
    if path is None:
        return None
    from rppg_core.tables.reference import read_reference

    return read_reference(path)


def _weights(pairs: Sequence[str]) -> dict[str, str]:
    """METHOD=FILE pairs as a dict."""
    for pair in pairs:
        if not all(pair.partition("=")):
            raise UsageError(
                f"weights {pair!r}", wanted="METHOD=FILE", do="write --weights tracenet=my.safetensors"
            )
    return dict(pair.split("=", 1) for pair in pairs)


def _inspect(args: argparse.Namespace) -> int:
    from rppg_core.video.inspect import inspect_video

    check_outputs(args.json, video=args.video)
    found = inspect_video(args.video, fps=args.fps)
    deliver(
        "\n".join(aligned_columns([[f.sign, f.level, f.name, f.value, f.remedy] for f in found])),
        (args.json, lambda: json_text({"findings": [line.__dict__ for line in found]})),
    )
    return 0


def _traces(args: argparse.Namespace) -> int:
    from rppg_core.analysis.clip_source import load_clip
    from rppg_core.video.paths import require_video_path
    from rppg_core.video.traces import traces_text

    if args.out != "-" and Path(args.out).suffix.lower() != ".csv":
        raise UsageError(
            f"output {args.out!r}", wanted="a name that ends in .csv", do="choose one; - prints the table"
        )
    check_outputs(args.out, video=args.video)
    video = require_video_path(args.video)
    with ProgressLine() as progress:
        clip = load_clip(
            video, frozenset({"rgb", "stmap"}), region=args.region, fps=args.fps, progress=progress
        )
    deliver(
        f"{args.out}: colours of {len(clip.times_s)} frames, without any picture. They show a person's pulse: "
        "treat them as personal data.",
        (args.out, lambda: traces_text(clip)),
    )
    return 0


def _magnify(args: argparse.Namespace) -> int:
    from rppg_core.video.magnify import magnify_video

    check_outputs(args.out, video=args.video)
    _keep_existing([args.out], force=args.force)
    with ProgressLine() as progress:
        made = magnify_video(
            args.video,
            args.out,
            factor=args.factor,
            band_hz=tuple(args.band),
            fps=args.fps,
            progress=progress,
        )
    say(made.words())
    return 0


def _methods(args: argparse.Namespace) -> int:
    from rppg_core.roster import describe_methods

    rows = [[row.name, ", ".join(row.needs), row.weights, row.paper] for row in describe_methods()]
    say("\n".join(aligned_columns([["method", "needs", "weights", "whose idea"], *rows])))
    return 0


def _simulate(args: argparse.Namespace) -> int:
    from rppg_core.lab.simulate.faces import SimulationSettings, save_simulation

    if Path(args.out).suffix.lower() != ".mkv":
        raise UsageError(
            f"output {args.out!r}", wanted="a name that ends in .mkv", do="lossless video needs it"
        )
    check_outputs(args.out, truth := str(Path(args.out).with_suffix(".json")))
    _keep_existing([args.out, truth], force=args.force)
    settings = SimulationSettings(
        seconds=args.seconds,
        fps=args.fps,
        hr_bpm=args.hr,
        rr_brpm=args.rr,
        amplitude_percent=args.amplitude,
        tone=args.tone,
        motion=args.motion,
        photo=args.photo,
        seed=args.seed,
    )
    with ProgressLine() as progress:
        truth = save_simulation(args.out, settings, progress)
    say(f"{args.out}: {args.seconds:g} s at {args.hr:g} bpm and {args.rr:g} breaths/min; truth in {truth}")
    return 0


def _keep_existing(paths: Sequence[str], *, force: bool) -> None:
    """Refuse to overwrite files, unless that is asked for.

    Raises:
        UsageError: one of them exists.
    """
    lost = [path for path in paths if os.path.lexists(path)]
    if lost and not force:
        raise UsageError(
            f"{' and '.join(map(repr, lost))} would be overwritten",
            wanted="a name that is not taken yet",
            do="choose another, or add --force to overwrite it",
        )


def _doctor(args: argparse.Namespace) -> int:
    from rppg_core.command import doctor

    if args.fetch:
        doctor.fetch()
    found = doctor.check()
    remedies = [f"— {line.remedy}" if line.remedy and line.status != "ok" else "" for line in found]
    lines = [[c.status, c.name, f"{c.text} {r}"] for c, r in zip(found, remedies, strict=True)]
    say("\n".join(aligned_columns(lines)))
    return FAULT if any(line.status == "bad" for line in found) else 0


def load_app() -> ModuleType:
    """The app's module: from the folder `demo` of a checkout, or from `rppg_demo` as installed by the wheel.

    An editable install leaves a copy named `rppg_demo` elsewhere, which goes out of date; only a copy beside this
    package is used.
    """
    root = Path(__file__).parents[2]
    if (root / "rppg_demo").is_dir():
        return import_module("rppg_demo.app")
    sys.path.insert(0, str(root))  # `demo` is a name that other packages use too
    return import_module("demo.app")


def _demo(args: argparse.Namespace) -> int:
    try:
        launch = load_app().launch
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("demo", "rppg_demo", "gradio"):
            raise
        raise UsageError(
            f"the app needs the package {error.name!r}, which is not installed",
            wanted="the extra 'demo'",
            do="pip install 'rppg-lab[demo]'",
        ) from error
    try:
        launch(port=args.port, mcp=args.mcp or None)
    except OSError as error:
        taken = "no port from 7860 on is free" if args.port is None else f"port {args.port} is taken"
        raise UsageError(taken, wanted="a free port", do="choose another with --port") from error
    return 0


COMMANDS = {
    "analyze": _analyze,
    "inspect": _inspect,
    "traces": _traces,
    "prompt": prompt,
    "magnify": _magnify,
    "methods": _methods,
    "simulate": _simulate,
    "doctor": _doctor,
    "demo": _demo,
    "train": research.train,
    "dataset": research.dataset,
    "evaluate": research.evaluate,
}

if __name__ == "__main__":
    sys.exit(main())
