"""The trainings behind `make seeds`, `make choices`, `make ablations` and `make oxygen-table`.

`python -m rppg_core.lab.training.trials seeds` trains three seeds of each network; `choices` trains three short
seeds of each form of a part that a network declares for protocol photo, and `ablations` adds to the three seeds
the network without each of its parts: all of these for every network with a recipe that gives a waveform. `oxygen`
trains three seeds of every network that gives SpO2 alone, and its ablations. Finished trainings are not repeated
(delete the folder in out/runs to start over), and stopped ones continue. `--list` only prints the paths of the
weights files.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rppg_core.lab import RUNS
from rppg_core.roster import get_network, list_trained_networks

if TYPE_CHECKING:
    from rppg_core.models.recipe import Ablation

SEEDS = (0, 1, 2)
RPPG = (sys.executable, "-m", "rppg_core.command.cli")
SHORT_STEPS = 300  # of ablations, and of the whole network compared with them
CHOICE_STEPS = 700
OXYGEN_STEPS = 800  # of ablations for SpO2


@dataclass(frozen=True)
class Trial:
    """One training; its weights are in a separate folder."""

    method: str
    seed: int = 0
    ablation: str = ""
    steps: int = 0  # 0: those of the recipe

    @property
    def runs(self) -> Path:
        """The folder of all runs of this length."""
        return RUNS / f"{self.steps}-steps" if self.steps else RUNS

    @property
    def weights(self) -> Path:
        """Path of the trained weights."""
        name = "-".join(filter(None, [self.method, self.ablation, f"seed{self.seed}"]))
        return self.runs / name / f"{self.method}.safetensors"


def trainable_networks() -> list[str]:
    """The networks that can be trained as they come: their teacher, if they have one, has shipped weights."""
    from rppg_core.models.recipe import get_recipe

    teachers = {method: get_recipe(method).teacher for method in list_trained_networks()}
    return [method for method, teacher in teachers.items() if not teacher or get_network(teacher).ready]


def _with_waveform() -> list[str]:
    return [method for method in trainable_networks() if "bvp" in get_network(method).tasks]


def list_seeds() -> list[Trial]:
    """Every network with a waveform as shipped, with three seeds."""
    return [Trial(method, seed) for seed in SEEDS for method in _with_waveform()]


def list_oxygen() -> list[Trial]:
    """Three seeds of every network that gives SpO2 alone, its other people, and its parts at equal length."""
    from rppg_core.models.recipe import get_ablations

    found = []
    for method in [name for name in trainable_networks() if get_network(name).tasks == {"spo2"}]:
        declared = get_ablations(method, "oxygen")
        found += [Trial(method, seed) for seed in SEEDS]
        found += [Trial(method, ablation=name) for name, one in declared.items() if one.also_full]
        short = [name for name, one in declared.items() if one.short]
        found += [Trial(method, 0, name, OXYGEN_STEPS) for name in ("", *short)]
    return found


def list_choices() -> list[Trial]:
    """Three seeds of each form of a part, and of the network as shipped at equal length."""
    declared = {method: _declared(method, choice=True) for method in _with_waveform()}
    return [
        Trial(method, seed, name, CHOICE_STEPS)
        for method, choices in declared.items()
        if choices
        for seed in SEEDS
        for name in ("", *choices)
    ]


def list_ablations() -> list[Trial]:
    """The seeds, and each network's ablations for protocol photo with the whole network at equal length."""
    found = list_seeds()
    for method in _with_waveform():
        declared = _declared(method, choice=False)
        short = [name for name, one in declared.items() if one.short]
        found += [Trial(method, ablation=name) for name, one in declared.items() if one.also_full]
        found += [Trial(method, 0, name, SHORT_STEPS) for name in ("", *short) if short]
    return found


def _declared(method: str, *, choice: bool) -> dict[str, Ablation]:
    """A network's ablations for protocol photo that are choices, or are not."""
    from rppg_core.models.recipe import get_ablations

    return {name: one for name, one in get_ablations(method, "photo").items() if one.choice == choice}


def train_missing(trials: list[Trial]) -> int:
    """Run the trainings without weights, in order; return the exit code of the first that fails, else 0."""
    for trial in trials:
        if trial.weights.is_file():
            continue
        command = ["train", trial.method, "--seed", str(trial.seed), "--runs", str(trial.runs)]
        command += ["--ablation", trial.ablation] if trial.ablation else []
        command += ["--steps", str(trial.steps)] if trial.steps else []
        command += ["--resume"] if any((trial.weights.parent / "checkpoints").glob("step-*")) else []
        if trial.steps:
            _share_clips(trial.runs)
        if code := subprocess.run([*RPPG, *command], check=False).returncode:
            return code
    return 0


def _share_clips(runs: Path) -> None:
    """Let short runs use the clips that were rendered for long ones."""
    (RUNS / "clips").mkdir(parents=True, exist_ok=True)
    runs.mkdir(parents=True, exist_ok=True)
    if not (runs / "clips").exists():
        (runs / "clips").symlink_to(Path("..") / "clips")


def main(argv: list[str] | None = None) -> int:
    """Train, or list."""
    lists = {
        "seeds": list_seeds, "choices": list_choices, "ablations": list_ablations, "oxygen": list_oxygen
    }  # fmt: skip
    parser = argparse.ArgumentParser(description="Train what the make targets of these names compare.")
    parser.add_argument("which", choices=lists)
    parser.add_argument("--list", action="store_true", help="only print the weights files")
    asked = parser.parse_args(argv)
    trials = lists[asked.which]()
    if asked.list:
        print(*(trial.weights for trial in trials))
        return 0
    for method in sorted({*list_trained_networks()} - {*trainable_networks()}):
        print(f"{method} is left out: its teacher comes without weights", file=sys.stderr)
    return train_missing(trials)


if __name__ == "__main__":
    sys.exit(main())
