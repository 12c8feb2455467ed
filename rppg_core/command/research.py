"""The commands for comparing and training methods: `rppg train`, `rppg dataset`, `rppg evaluate`.

`cli` turns their exceptions into error lines and exit codes.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rppg_core.command.output import FAULT, STOPPED, check_outputs, complain, deliver, json_text, say
from rppg_core.command.progress import ProgressLine
from rppg_core.errors import UsageError

if TYPE_CHECKING:
    from rppg_core.models.recipe import Recipe


def train(args: argparse.Namespace) -> int:
    """Train a network; returns 130 if it was stopped, and prints the command that resumes it."""
    from rppg_core.lab.workers import prepare_workers

    prepare_workers(
        "rppg_core.lab.training.loop"
    )  # torch takes seconds to load, in the workers and here at the same time
    with _training_packages():
        from rppg_core.lab.training.loop import RunOptions, train
        from rppg_core.models.recipe import DATASET_SPEEDS, get_recipe, with_steps
    from rppg_core.figures.curve_page import curve_html

    numbers = {name: getattr(args, name) for name in ("steps", "seed") if getattr(args, name) is not None}
    recipe = get_recipe(args.method, args.ablation)
    recipe = replace(
        with_steps(recipe, numbers.get("steps", recipe.steps)), seed=numbers.get("seed", recipe.seed)
    )
    if args.language_model is not None:
        recipe = _with_language_model(recipe, args.language_model)
    if args.teacher is not None:
        recipe = _with_teacher(recipe, args.teacher)
    if set(args.source) != {"simulated"}:
        recipe = replace(recipe, speeds=DATASET_SPEEDS)
    options = RunOptions(runs=args.runs, resume=args.resume, device=args.device)
    title = f"rPPG Lab: training of {args.method}"
    with ProgressLine(every_s=30) as progress:
        before = None
        if args.ppg:
            from rppg_core.lab.training.ppg import learn_codebook

            before, recipe, options = learn_codebook(recipe, options, args.ppg, progress=progress)
        if before is not None and before.weights is None:
            result = before
        else:
            result = train(
                recipe, options, sources=args.source, progress=progress, page=partial(curve_html, title)
            )
    if result.weights is None:
        given = [f"--{name}={value}" for name, value in numbers.items()]
        given += [f"--language-model={args.language_model}"] if args.language_model is not None else []
        given += [f"--teacher={args.teacher}"] if args.teacher is not None else []
        given += ["--ppg", *args.ppg] if args.ppg else []
        again = shlex.join(["rppg", "train", args.method, *given, f"--runs={args.runs}", f"--device={args.device}",
                            f"--ablation={args.ablation}", "--source", *args.source, "--resume"])  # fmt: skip
        return complain(f"stopped and saved at step {result.step}; resume with: {again}", STOPPED)
    checks = "".join(f", {name} {value:.3g}" for name, value in result.validation.items())
    say(
        f"{result.weights}: {result.step + (before.step if before else 0)} steps in "
        f"{(result.cpu_s + (before.cpu_s if before else 0)) / 60:.1f} CPU-minutes; held out{checks}; "
        f"curves in {result.folder / 'curve.html'}"
    )
    return 0


def _with_language_model(recipe: Recipe, name: str) -> Recipe:
    """The recipe with a language model by name or folder, after a look whether it can be loaded."""
    from rppg_core.models.physllm.language_model import load_language_model
    from rppg_core.models.recipe import with_config

    changed = with_config(recipe, language_model=str(Path(name).resolve()) if Path(name).is_dir() else name)
    load_language_model(name)
    return changed


def _with_teacher(recipe: Recipe, path: str) -> Recipe:
    """The recipe with other weights of its teacher.

    Raises:
        UsageError: the recipe has no teacher.
        ModelFileError: no such file, or not weights of that teacher.
    """
    from rppg_core.models.recipe import with_config
    from rppg_core.models.weights import load_config

    if not recipe.teacher:
        raise UsageError(
            f"{recipe.method} has no teacher", wanted="a method that has one", do="leave out --teacher"
        )
    width = load_config(recipe.teacher, path).embedding
    return replace(with_config(recipe, embedding=width), teacher=str(Path(path).resolve()))


@contextmanager
def _training_packages() -> Iterator[None]:
    """Name the extra to install if a package needed for training is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "accelerate", "safetensors", "transformers", "peft"):
            raise
        raise UsageError(
            f"training needs the package {error.name!r}, which is not installed",
            wanted="the extra 'train'",
            do="pip install 'rppg-lab[train]'",
        ) from error


def dataset(args: argparse.Namespace) -> int:
    """Check or extract the folder of a dataset; returns 1 if a file is missing or broken or gave no clip."""
    check_outputs(args.json)
    with ProgressLine(every_s=30) as progress:
        found = ACTIONS[args.action](args, progress)
    deliver(found.text(), (args.json, lambda: json_text(found.to_dict())))
    return 0 if found.holds else FAULT


def _check(args: argparse.Namespace, progress: ProgressLine) -> Any:
    from rppg_core.lab.datasets.check import check_folder

    return check_folder(args.folder, args.layout, progress=progress)


def _extract(args: argparse.Namespace, progress: ProgressLine) -> Any:
    from rppg_core.lab.datasets.scale import extract_dataset

    folder = Path(args.folder)
    return extract_dataset(
        folder,
        args.out or Path("out/extracted") / folder.resolve().name,
        layout=args.layout,
        needs=args.needs.split(","),
        region=args.region,
        workers=args.workers,
        scheduler=args.scheduler,
        progress=progress,
    )


ACTIONS = {"check": _check, "extract": _extract}


def evaluate(args: argparse.Namespace) -> int:
    """Run one protocol and print its tables; returns 1 if one of its criteria is not met."""
    check_outputs(args.json, args.html)
    with ProgressLine(every_s=30) as progress, _training_packages():
        result = PROTOCOLS[args.protocol](args, progress)
    from rppg_core.figures.report_page import protocol_html

    found = result.to_dict()
    title = f"rPPG Lab: protocol {args.protocol}"
    deliver(
        result.text(),
        (args.html, lambda: protocol_html(title, result.text(), found)),
        (args.json, lambda: json_text(found)),
    )
    return 0 if all(criterion["holds"] for criterion in found["criteria"]) else FAULT


def _given(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Only the options that were given, so that each protocol keeps its own defaults."""
    return {name: value for name in names if (value := getattr(args, name)) is not None}


def _refusal(args: argparse.Namespace, progress: ProgressLine) -> Any:
    from rppg_core.lab.protocols.refusal import run_refusal

    return run_refusal(progress=progress, **_given(args, "methods", "seeds"))


def _vitals(args: argparse.Namespace, progress: ProgressLine) -> Any:
    from rppg_core.lab.protocols.beats.protocol import run_vitals

    return run_vitals(progress=progress, **_given(args, "data", "seeds"))


def _photo(args: argparse.Namespace, progress: ProgressLine) -> Any:
    from rppg_core.lab.protocols.photo.protocol import run_photo

    return run_photo(progress=progress, **_given(args, "methods", "seeds", "clips", "weights", "runs"))


def _stress(args: argparse.Namespace, progress: ProgressLine) -> Any:
    from rppg_core.lab.protocols.stress.protocol import run_stress

    sweeps = None if args.sweeps is None else args.sweeps.split(",")
    return run_stress(progress=progress, sweeps=sweeps, **_given(args, "methods", "seeds", "runs", "weights"))


def _recordings(args: argparse.Namespace, progress: ProgressLine) -> Any:
    from rppg_core.lab.protocols.recordings.protocol import run_recordings

    _require_data("recordings with references", args.data)
    return run_recordings(progress=progress, **_given(args, "data", "methods", "window_s", "workers"))


def _injected(args: argparse.Namespace, progress: ProgressLine) -> Any:
    from rppg_core.lab.protocols.injected.protocol import run_injected

    _require_data("face videos or colour traces", args.data)
    return run_injected(progress=progress, **_given(args, "data", "methods", "seeds", "window_s", "workers"))


def _mssdg(args: argparse.Namespace, progress: ProgressLine) -> Any:
    from rppg_core.lab.protocols.held_out.mssdg import run_mssdg

    return run_mssdg(_split_options(args, progress))


def _intra(args: argparse.Namespace, progress: ProgressLine) -> Any:
    from rppg_core.lab.protocols.held_out.intra import run_intra

    _require_folder("--data", args.data)
    return run_intra(args.data, _split_options(args, progress), **_given(args, "folds"))


def _cross(args: argparse.Namespace, progress: ProgressLine) -> Any:
    from rppg_core.lab.protocols.held_out.cross import run_cross

    _require_folder("--data", args.data)
    _require_folder("--train-data", args.train_data)
    return run_cross(args.train_data, args.data, _split_options(args, progress))


def _split_options(args: argparse.Namespace, progress: ProgressLine) -> Any:
    """The options shared by the protocols that train."""
    from rppg_core.lab.protocols.held_out.run import Options

    if args.speeds is not None:  # before clips are rendered
        from rppg_core.models.recipe import check_speeds

        check_speeds(tuple(args.speeds))
    return Options(
        progress=progress,
        announce=progress.line,
        parts=not args.no_parts,
        part_steps=args.part_steps,
        part_seeds=args.part_seeds,
        speeds=None if args.speeds is None else tuple(args.speeds),
        **_given(args, "methods", "steps", "seeds", "runs", "window_s", "workers"),
    )


def _require_data(what: str, given: Any) -> None:
    if not given:
        raise UsageError("no --data", wanted=f"a folder of {what}", do="pass its path with --data")


def _require_folder(option: str, given: Any) -> None:
    if not given:
        raise UsageError(
            f"no {option}",
            wanted="a folder of clips",
            do="make one with `rppg dataset extract DIR` and pass its path",
        )


PROTOCOLS = {
    "refusal": _refusal,
    "vitals": _vitals,
    "photo": _photo,
    "stress": _stress,
    "recordings": _recordings,
    "injected": _injected,
    "mssdg": _mssdg,
    "intra": _intra,
    "cross": _cross,
}
