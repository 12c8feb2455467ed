"""The command `rppg`: a video in; verdict, table and files out.

Floor 8. Exit codes: 0 the video was analysed (refusals included), 2 a usage error, 3 a video that cannot be
analysed, 130 stopped by Ctrl-C. An error is one line on standard error, never a traceback. Everything heavy is
imported inside the command that needs it, so that `rppg --help` is immediate and `rppg analyze` never waits for
plotly without --html.
"""

from __future__ import annotations

import argparse
import codecs
import io
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rppg_core.arguments import parser_of
from rppg_core.errors import RppgError, UsageError, WriteError
from rppg_core.progress import Progress

FAULT = 1  # exit code of a fault in this program
PLAIN = {"—": "-", "✓": "+", "✗": "x"}  # in a terminal without UTF-8
STOPPED = 130  # exit code after Ctrl-C, as shells have it


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: arguments without the program's name; None is those of the process.

    Returns:
        The exit code.
    """
    codecs.register_error("plain", _plain_character)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")  # a dash must not fail in a terminal without UTF-8
    try:
        args = parser_of(COMMANDS).parse_args(argv)
        return args.run(args)
    except SystemExit as stop:  # argparse: help, version or a usage error that is already printed
        return int(stop.code or 0)
    except RppgError as error:
        return _complain(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _complain("stopped", STOPPED)
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        _forget_output()
        return 0
    except Exception as error:
        if os.environ.get("RPPG_TRACEBACK"):
            raise
        fault = f"a fault in the program, please report it: {type(error).__name__}: {error}"
        return _complain(f"{fault} (RPPG_TRACEBACK=1 shows where)", FAULT)


def _analyze(args: argparse.Namespace) -> int:
    from rppg_core.pipeline import analyze

    _check_outputs(args.json, args.csv, args.html, video=args.video)
    with Progress() as progress:
        report = analyze(
            args.video, args.methods, region=args.region, weights=_weights(args.weights), progress=progress
        )
    from rppg_core.report_page import csv_text, report_html, report_text

    _deliver(
        report_text(report),
        (args.csv, lambda: csv_text(report)),
        (args.html, lambda: report_html(report)),
        (args.json, lambda: _json(report.to_dict())),
    )
    return 0


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

    _check_outputs(args.json, video=args.video)
    found = inspect_video(args.video)
    _deliver(
        _columns(*([line.sign, line.level, line.name, line.value, line.remedy] for line in found)),
        (args.json, lambda: _json({"findings": [line.__dict__ for line in found]})),
    )
    return 0


def _methods(args: argparse.Namespace) -> int:
    from rppg_core.roster import describe_methods

    rows = [[row.name, ", ".join(row.needs), row.weights, row.paper] for row in describe_methods()]
    _say(_columns(["method", "needs", "weights", "whose idea"], *rows))
    return 0


def _simulate(args: argparse.Namespace) -> int:
    from rppg_core.simulate.faces import SimulationSettings, save_simulation

    if Path(args.out).suffix.lower() != ".mkv":
        raise UsageError(
            f"output {args.out!r}", wanted="a name that ends in .mkv", do="lossless video needs it"
        )
    _check_outputs(args.out)
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
    with Progress() as progress:
        truth = save_simulation(args.out, settings, progress)
    _say(f"{args.out}: {args.seconds:g} s at {args.hr:g} bpm and {args.rr:g} breaths/min; truth in {truth}")
    return 0


def _doctor(args: argparse.Namespace) -> int:
    from rppg_core import doctor

    if args.fetch:
        doctor.fetch()
    found = doctor.check()
    remedies = [f"— {line.remedy}" if line.remedy and line.status != "ok" else "" for line in found]
    _say(_columns(*([c.status, c.name, f"{c.text} {r}"] for c, r in zip(found, remedies, strict=True))))
    return FAULT if any(line.status == "bad" for line in found) else 0


def _demo(args: argparse.Namespace) -> int:
    try:
        from demo.app import launch
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("demo", "gradio"):
            raise
        raise UsageError(
            f"the app needs the package {error.name!r}, which is not installed", wanted="the extra 'demo'",
            do="pip install 'rppg-lab[demo]'",
        ) from error  # fmt: skip
    try:
        launch(port=args.port, mcp=args.mcp or None)
    except OSError as error:
        taken = "no port from 7860 on is free" if args.port is None else f"port {args.port} is taken"
        raise UsageError(taken, wanted="a free port", do="choose another with --port") from error
    return 0


def _train(args: argparse.Namespace) -> int:
    try:
        from rppg_core.training.loop import RunOptions, train
        from rppg_core.training.recipes import get_recipe
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "accelerate", "safetensors"):
            raise
        raise UsageError(
            f"training needs the package {error.name!r}, which is not installed", wanted="the extra 'train'",
            do="pip install 'rppg-lab[train]'",
        ) from error  # fmt: skip
    from rppg_core.curve_page import curve_html

    numbers = {name: getattr(args, name) for name in ("steps", "seed") if getattr(args, name) is not None}
    recipe = replace(get_recipe(args.method, args.ablation), **numbers)
    options = RunOptions(runs=args.runs, resume=args.resume, device=args.device)
    title = f"rPPG Lab: training of {args.method}"
    with Progress(every_s=30) as progress:
        result = train(
            recipe, options, sources=args.source, progress=progress, page=partial(curve_html, title)
        )
    if result.weights is None:
        given = [f"--{name}={value}" for name, value in numbers.items()]
        again = shlex.join(["rppg", "train", args.method, *given, f"--runs={args.runs}", f"--device={args.device}",
                            f"--ablation={args.ablation}", "--source", *args.source, "--resume"])  # fmt: skip
        return _complain(f"stopped and saved at step {result.step}; go on with: {again}", STOPPED)
    checks = "".join(f", {name} {value:.3g}" for name, value in result.validation.items())
    _say(f"{result.weights}: {result.step} steps in {result.cpu_s / 60:.1f} CPU-minutes; held out{checks}; "
         f"curves in {result.folder / 'curve.html'}")  # fmt: skip
    return 0


def _dataset(args: argparse.Namespace) -> int:
    from rppg_core.datasets.check import check_folder

    _check_outputs(args.json)
    with Progress() as progress:
        found = check_folder(args.folder, args.layout, progress=progress)
    _deliver(found.text(), (args.json, lambda: _json(found.to_dict())))
    return 0 if found.holds else FAULT


def _evaluate(args: argparse.Namespace) -> int:
    _check_outputs(args.json, args.html)
    given: dict[str, Any] = {} if args.seeds is None else {"seeds": args.seeds}
    with Progress() as progress:
        if args.protocol == "refusal":
            from rppg_core.protocols.refusal import run_refusal

            result = run_refusal(methods=args.methods, progress=progress, **given)
        elif args.protocol == "photo":
            from rppg_core.protocols.photo import run_photo

            given |= {"weights": args.weights, "runs": args.runs}
            result = run_photo(methods=args.methods, progress=progress, **given)
        else:
            from rppg_core.protocols.vitals import run_vitals

            result = run_vitals(data=args.data, progress=progress, **given)
    from rppg_core.report_page import protocol_html

    found = result.to_dict()
    title = f"rPPG Lab: protocol {args.protocol}"
    _deliver(
        result.text(),
        (args.html, lambda: protocol_html(title, result.text(), found)),
        (args.json, lambda: _json(found)),
    )
    return 0 if all(criterion["holds"] for criterion in found["criteria"]) else 1


def _deliver(text: str, *results: tuple[str | None, Callable[[], str]]) -> None:
    """Write each result that is wanted into its file; print the one whose path is "-", or the text."""
    from rppg_core.report_page import write_text

    for path, made in results:
        if path == "-":
            text = made()
        elif path is not None:
            write_text(path, made())
    _say(text.rstrip("\n"))


def _json(found: dict[str, Any]) -> str:
    import json

    return json.dumps(found, ensure_ascii=False, allow_nan=False) + "\n"


def _say(text: str) -> None:
    """Print on standard output, where there is one."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        _forget_output()
        raise WriteError(
            f"cannot write to standard output ({error.strerror})",
            wanted="a place with room for it", do="free the disk, or write to another file",
        ) from error  # fmt: skip


def _forget_output() -> None:
    """Let what is left of standard output go nowhere: Python complains at its end about what it cannot write."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _plain_character(error: UnicodeError) -> tuple[str, int]:
    """Stands in for characters that a terminal without UTF-8 cannot show."""
    assert isinstance(error, UnicodeEncodeError)
    return "".join(PLAIN.get(c, "?") for c in error.object[error.start : error.end]), error.end


def _columns(*lines: Sequence[str]) -> str:
    """Words below each other, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _check_outputs(*paths: str | None, video: str | None = None) -> None:
    """Complain about output paths before the work is done, not after it; never write over the video.

    Raises:
        UsageError: two results for one place, or a result in the place of the video.
        WriteError: a path that cannot be written.
    """
    taken = {os.path.realpath(video): "the video itself"} if video else {}
    for path in paths:
        if path is None:
            continue
        place = path if path == "-" else os.path.realpath(path)
        if place in taken:
            raise UsageError(
                f"{path!r} is {taken[place]}",
                wanted="a place of its own for each result",
                do="choose another",
            )
        taken[place] = "already taken by another result"
        if path == "-":
            continue
        target = Path(path)
        if not path or target.is_dir() or not target.absolute().parent.is_dir():
            raise WriteError(
                f"cannot write {path!r}", wanted="a file in a folder that exists",
                do="make the folder or choose another",
            )  # fmt: skip
        if not os.access(target if target.exists() else target.absolute().parent, os.W_OK):
            raise WriteError(
                f"cannot write {path!r} (permission denied)", wanted="a file that may be written",
                do="choose another folder",
            )  # fmt: skip


def _complain(message: str, code: int) -> int:
    print(f"rppg: {' '.join(message.split())}", file=sys.stderr)
    return code


COMMANDS = {
    "analyze": _analyze,
    "inspect": _inspect,
    "methods": _methods,
    "simulate": _simulate,
    "doctor": _doctor,
    "demo": _demo,
    "train": _train,
    "dataset": _dataset,
    "evaluate": _evaluate,
}

if __name__ == "__main__":
    sys.exit(main())
