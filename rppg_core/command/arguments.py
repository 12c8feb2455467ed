"""The arguments of the command `rppg`, with the help texts that `--help` shows.

The commands themselves are in `cli` and `research`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from rppg_core.errors import UsageError

Run = Callable[[argparse.Namespace], int]
Add = Callable[[str, str], argparse.ArgumentParser]  # name and help text of a command -> its parser

PROTOCOLS = {  # name -> what it tests
    "refusal": "values for clips with a pulse, refusals for clips without one",
    "vitals": "RR, IBI and RMSSD on simulated beats and contact recordings",
    "photo": "a frozen benchmark: photo-v1 or photo-v2",
    "stress": "one setting at a time, from easy to hopeless",
    "recordings": "your own colour traces or videos, with reference heart rates",
    "injected": "anybody's face videos or traces, into which a known pulse is put",
    "mssdg": "six simulated domains, each left out once",
    "intra": "some people of a dataset left out",
    "cross": "one dataset, after training on others",
}


class _Parser(argparse.ArgumentParser):
    """An argument parser that reports an error in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(UsageError.exit_code, f"{self.prog}: {message} — see `{self.prog} --help`\n")


class _Version(argparse.Action):
    """Prints the installed version, which is looked up only on request."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        print(f"rppg-lab {version('rppg-lab')}")
        parser.exit()


def make_parser(run: Mapping[str, Run]) -> argparse.ArgumentParser:
    """The parser for the arguments of every command.

    Args:
        run: name of each command -> its function, from the parsed arguments to the exit code.
    """
    parser = _Parser(
        prog="rppg",
        description="Pulse, heart and breathing rate from a face video, with an honest verdict. "
        "For research and teaching; not a medical device.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(name: str, words: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
        one.set_defaults(run=run[name])
        return one

    for arguments in (
        _analyze,
        _inspect,
        _traces,
        _prompt,
        _magnify,
        _methods,
        _simulate,
        _doctor,
        _demo,
        _train,
        _dataset,
        _evaluate,
    ):
        arguments(add)
    return parser


def _analyze(add: Add) -> None:
    one = add("analyze", "estimate heart rate, breathing and HRV from one or more videos")
    one.add_argument(
        "video",
        metavar="VIDEO",
        nargs="+",
        help="a video, or a table of colour traces (time_s,r,g,b, or as `rppg traces` writes it); several of them "
        "give one table with one row per file",
    )
    one.add_argument(
        "--methods",
        metavar="A,B",
        help="names as in `rppg methods`, or all with weights (default: the classical ones)",
    )
    one.add_argument(
        "--weights",
        metavar="METHOD=FILE",
        nargs="+",
        default=[],
        help="weights of your own for a network; physnet=FILE,labels=raw if it was trained on the pulse itself, "
        "not on its derivative",
    )
    _add_region(one)
    one.add_argument(
        "--reference",
        metavar="HR.csv",
        help="heart rate of a chest strap or an oximeter, shown beside the estimate of one video: time_s,hr_bpm, or "
        "a column of intervals between beats",
    )
    one.add_argument(
        "--json",
        metavar="FILE",
        help="write everything as one JSON object (for several videos, keyed by their paths); - is standard output",
    )
    one.add_argument(
        "--csv",
        metavar="FILE",
        help="write the pulse waveforms, with the vitals as comments; for several videos only the vitals",
    )
    one.add_argument("--html", metavar="FILE", help="write a self-contained report page for one video")
    _add_fps(one)


def _add_region(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--region",
        choices=("face", "whole"),
        default="face",
        help="whole: the whole picture is skin, such as a finger on the lens",
    )


def _add_fps(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--fps",
        type=float,
        metavar="RATE",
        help="frames per second, for a file that states none or a wrong rate",
    )


def _prompt(add: Add) -> None:
    one = add("prompt", "show the text that PhysLLM gives its language model for the face in a video")
    one.add_argument("video", metavar="VIDEO", help="a video, or a table of colour traces")
    one.add_argument("--weights", metavar="[physllm=]FILE", help="weights of your own")
    one.add_argument(
        "--vision-language-model",
        metavar="NAME|DIR",
        help="let this image-text-to-text model describe the scene (default: what is measured of it)",
    )
    one.add_argument("--json", metavar="FILE", help="write the prompts of all windows; - is standard output")
    _add_fps(one)


def _inspect(add: Add) -> None:
    one = add("inspect", "check whether a video file is suitable")
    one.add_argument("video", metavar="VIDEO")
    one.add_argument("--json", metavar="FILE", help="write the findings; - is standard output")
    _add_fps(one)


def _traces(add: Add) -> None:
    one = add("traces", "write the colours of a face over time as a table, without any picture")
    one.add_argument("video", metavar="VIDEO")
    one.add_argument(
        "out",
        metavar="OUT.csv",
        help="one row per frame; `rppg analyze OUT.csv` gives the numbers of the video. The table shows a person's "
        "pulse: it is personal data. - is standard output",
    )
    _add_region(one)
    _add_fps(one)


def _magnify(add: Add) -> None:
    one = add("magnify", "make the pulse in a video visible: small changes of colour, many times larger")
    one.add_argument("video", metavar="VIDEO")
    one.add_argument("out", metavar="OUT.mp4", help="the new video; it flickers with the pulse")
    one.add_argument(
        "--factor",
        type=float,
        default=120.0,
        help="gain for changes as large as the picture; smaller ones get less (default: %(default)g)",
    )
    one.add_argument(
        "--band",
        type=float,
        nargs=2,
        default=(0.4, 4.0),
        metavar=("LOW", "HIGH"),
        help="what is magnified, Hz (default: 0.4 4)",
    )
    one.add_argument("--force", action="store_true", help="overwrite an existing OUT.mp4")
    _add_fps(one)


def _methods(add: Add) -> None:
    add("methods", "list the methods")


def _simulate(add: Add) -> None:
    one = add("simulate", "make a face video with a known pulse")
    one.add_argument("out", metavar="OUT.mkv", help="the truth is written beside it, as .json")
    one.add_argument("--force", action="store_true", help="overwrite an existing OUT.mkv or OUT.json")
    for name, kind, default, words in (
        ("hr", float, 72.0, "heart rate, bpm"),
        ("rr", float, 15.0, "breathing rate, breaths/min"),
        ("seconds", float, 30.0, "length, s"),
        ("fps", float, 30.0, "frames per second"),
        ("amplitude", float, 0.5, "standard deviation of the relative green change over the skin, %%"),
        ("tone", int, 1, "skin tone, 0 very light to 5 very dark"),
        ("motion", str, "small", "none, small, medium or large"),
        ("seed", int, 0, "seed of everything random"),
        ("photo", str, None, "picture with one face"),
    ):
        shown = "scikit-image's astronaut" if default is None else "%(default)s"
        one.add_argument(f"--{name}", type=kind, default=default, help=f"{words} (default: {shown})")


def _doctor(add: Add) -> None:
    one = add("doctor", "check what works on this machine, and how to fix the rest")
    one.add_argument("--fetch", action="store_true", help="download the face models first")


def _demo(add: Add) -> None:
    one = add("demo", "serve the app on this machine")
    one.add_argument("--port", type=int, help="default: the first free port from 7860")
    one.add_argument(
        "--mcp", action="store_true", help="also serve the endpoint to language models (or RPPG_MCP=1)"
    )


def _train(add: Add) -> None:
    one = add("train", "train a network on simulated faces or on your own clips")
    one.add_argument("method", metavar="METHOD", help="a network, such as tracenet")
    one.add_argument("--steps", type=int, help="training steps (default: as in the recipe of the method)")
    one.add_argument("--seed", type=int, help="seed of weights and samples (default: as in the recipe)")
    one.add_argument(
        "--runs",
        metavar="DIR",
        default="runs",
        help="everything is written to DIR/METHOD-seedS (default: runs)",
    )
    one.add_argument(
        "--source",
        metavar="simulated|DIR",
        nargs="+",
        default=["simulated"],
        help="where samples come from; several sources share each batch (default: simulated)",
    )
    one.add_argument(
        "--ablation", default="", metavar="NAME", help="train the method without one of its parts"
    )
    one.add_argument(
        "--language-model",
        metavar="NAME|DIR",
        help="for physllm: a causal model of the Hugging Face hub, or a folder (default: the bundled one)",
    )
    one.add_argument(
        "--ppg",
        metavar="TABLE|DIR",
        nargs="+",
        help="for codephys: learn the codebook from these tables of contact PPG (time_s,ppg)",
    )
    one.add_argument(
        "--teacher",
        metavar="FILE",
        help="for physvlm: weights of its teacher, made by `rppg train physvlm_teacher`",
    )
    one.add_argument("--resume", action="store_true", help="resume an interrupted run")
    one.add_argument("--device", choices=("auto", "cpu"), default="auto")


def _dataset(add: Add) -> None:
    one = add("dataset", "check the folder of a public dataset, or extract its face signals once and for all")
    one.add_argument(
        "action",
        choices=("check", "extract"),
        help="check: list what is missing or broken, and its repair; extract: run the face pass on every video, "
        "into a folder that `rppg train --source` and `rppg evaluate --data` read",
    )
    one.add_argument("folder", metavar="DIR")
    one.add_argument("--layout", metavar="NAME", help="default: detected from the file names")
    one.add_argument(
        "--out", metavar="DIR", help="extract: folder for the clips (default: out/extracted/NAME OF DIR)"
    )
    one.add_argument(
        "--needs",
        metavar="A,B",
        default="rgb,stmap",
        help="extract: what to keep of each clip (default: %(default)s)",
    )
    one.add_argument("--region", choices=("face", "whole"), default="face", help="extract: as for analyze")
    workers = one.add_mutually_exclusive_group()
    workers.add_argument(
        "--workers", type=int, metavar="N", help="extract: processes (default: one per core)"
    )
    workers.add_argument(
        "--scheduler", metavar="tcp://HOST:PORT", help="extract: use a dask scheduler instead"
    )
    one.add_argument("--json", metavar="FILE", help="write the result; - is standard output")


def _evaluate(add: Add) -> None:
    one = add("evaluate", "test how well the methods work, with criteria that can fail")
    one.add_argument(
        "--protocol",
        choices=tuple(PROTOCOLS),
        required=True,
        help="; ".join(f"{name}: {words}" for name, words in PROTOCOLS.items()),
    )
    one.add_argument("--methods", metavar="A,B", help="as for analyze (all protocols but vitals)")
    one.add_argument(
        "--seeds",
        type=int,
        help="clips per condition, people (stress), draws per clip (injected), or trainings per split (mssdg, intra, "
        "cross; default: 1, and 3 on the easiest and the hardest domain of mssdg)",
    )
    one.add_argument(
        "--data",
        metavar="DIR",
        help="contact recordings (vitals), people with references (recordings), anybody (injected), or the extracted "
        "folder to test on (intra, cross)",
    )
    _add_training(one)
    one.add_argument(
        "--window-s",
        type=float,
        metavar="S",
        help="length of a window (recordings, injected; default: 30; mssdg, intra, cross; default: 10; 17 or more "
        "for breathing)",
    )
    one.add_argument(
        "--clips",
        metavar="NAME",
        help="version of the benchmark: photo-v1 or photo-v2 (photo; default: the current one)",
    )
    one.add_argument("--sweeps", metavar="A,B", help="settings to vary (stress; default: all)")
    one.add_argument(
        "--weights",
        metavar="FILE",
        nargs="+",
        default=[],
        help="trained networks, one row or column each (photo, stress)",
    )
    one.add_argument(
        "--runs", metavar="DIR", help="folder for rendered clips and trainings (default: out/runs)"
    )
    one.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes (recordings, injected, mssdg, intra, cross; default: 2)",
    )
    one.add_argument("--json", metavar="FILE", help="write rows and criteria; - is standard output")
    one.add_argument("--html", metavar="FILE", help="write a page with the tables and the figures")


def _add_training(one: argparse.ArgumentParser) -> None:
    """What the protocols that train are told."""
    one.add_argument("--train-data", metavar="DIR", nargs="+", help="extracted folders to train on (cross)")
    one.add_argument(
        "--steps",
        type=int,
        help="steps of each training (intra, cross; default: 1000; mssdg: a third of each network's recipe)",
    )
    one.add_argument(
        "--no-parts",
        action="store_true",
        help="mssdg: skip the trainings that show what the parts of a network contribute",
    )
    one.add_argument(
        "--part-steps", type=int, metavar="N", help="mssdg: steps of each of those (default: 150)"
    )
    one.add_argument(
        "--part-seeds",
        type=int,
        metavar="N",
        help="mssdg: trainings of each of those (default: as --seeds, or 3)",
    )
    one.add_argument(
        "--speeds",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="speeds at which training clips are played (mssdg, intra, cross; default: 0.5 1.5; 1 1: as they are)",
    )
    one.add_argument("--folds", type=int, help="folds of people (intra; default: 5)")
