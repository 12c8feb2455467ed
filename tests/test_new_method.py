"""A new network is one folder and one line of the roster: everything else finds it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("accelerate")

ROOT = Path(__file__).parents[1]
ABOUT = '''"""Toy: GREEN by a convolution."""

from rppg_core.roster import Network

ABOUT = Network(
    model="rppg_core.models.toy.model:Toy",
    recipe="rppg_core.models.toy.recipe",
    needs=frozenset({"rgb", "stmap"}),
    tasks=frozenset({"bvp"}),
    paper="ours: for a test",
)
'''
MODEL = '''"""Minus the green of all cells, through one convolution."""

from dataclasses import dataclass

import numpy as np
from torch import nn

from rppg_core.models.base import RppgModel
from rppg_core.nn.losses import negative_pearson
from rppg_core.types import FS, STMap
from rppg_core.video.prepare import stmap_band


@dataclass(frozen=True, kw_only=True)
class ToyConfig:
    window: int = 64
    width: int = 3

    @classmethod
    def tiny(cls):
        return cls()

    @classmethod
    def small(cls):
        return cls()


class Toy(RppgModel):
    name = "toy"
    paper = "ours: for a test"
    needs = frozenset({"rgb", "stmap"})
    tasks = frozenset({"bvp"})

    def __init__(self, config: ToyConfig):
        super().__init__(config)
        self.smooth = nn.Conv1d(1, 1, config.width, padding=config.width // 2)

    @classmethod
    def inputs_from_clip(cls, clip, config):
        stmap = STMap(clip.need("stmap"), clip.fs or FS, clip.need("stmap_weight"))
        return {"green": stmap_band(stmap, "pulse")[:, :, 1].mean(axis=1).astype(np.float32)}

    def forward(self, inputs):
        return {"bvp": -self.smooth(inputs["green"][:, None])[:, 0]}

    def loss(self, outputs, batch):
        return {"waveform": negative_pearson(outputs["bvp"], batch.targets["bvp"], batch.mask["bvp"])}
'''
RECIPE = '''"""How the toy is trained."""

from rppg_core.models.recipe import Recipe

RECIPE = Recipe(
    method="toy", steps=3, traces=2, n_frames=64, labels=("bvp",), validate_every=3, validation_samples=2
)
ABLATIONS = {}
'''


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """The project with the toy in it."""
    folder = tmp_path_factory.mktemp("project")
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in ("rppg_core", "demo", "tests/models"):
        shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
    for name in ("conftest.py", "typechecker.py"):
        shutil.copy(ROOT / "tests" / name, folder / "tests")
    shutil.copytree(ROOT / "tests" / "demo", folder / "tests" / "demo", ignore=unwanted)
    shutil.copy(ROOT / "pyproject.toml", folder)
    toy = folder / "rppg_core" / "models" / "toy"
    toy.mkdir()
    for name, text in (("__init__", ABOUT), ("model", MODEL), ("recipe", RECIPE)):
        (toy / f"{name}.py").write_text(text)
    roster = folder / "rppg_core" / "roster.py"
    last = '    "physmle": "rppg_core.models.physmle:ABOUT",\n'
    text = roster.read_text()
    assert last in text
    roster.write_text(text.replace(last, f'{last}    "toy": "rppg_core.models.toy:ABOUT",\n'))
    return folder


def run(copy: Path, *command: str) -> str:
    """What a command of the copy prints; it must end well."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_it_is_listed(copy):
    listed = run(copy, "-m", "rppg_core.command.cli", "methods")
    assert "toy       rgb, stmap" in listed and "ours: for a test" in listed


def test_it_keeps_the_contract(copy):
    plain = (
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=--import-mode=importlib",
    )  # shapes are checked elsewhere
    said = run(copy, "-m", "pytest", "-q", *plain, "tests/models/test_contract.py", "-k", "toy")
    assert "5 passed" in said


def test_it_is_trained(copy, tmp_path):
    run(copy, "-m", "rppg_core.command.cli", "train", "toy", "--runs", str(tmp_path), "--device", "cpu")
    assert (tmp_path / "toy-seed0" / "toy.safetensors").is_file()


def test_make_seeds_trains_it(copy):
    listed = run(copy, "-m", "rppg_core.lab.training.trials", "seeds", "--list").split()
    assert {f"out/runs/toy-seed{k}/toy.safetensors" for k in range(3)} <= set(listed)


def test_app_offers_it(copy):
    assert "'toy'" in run(copy, "-c", "from demo import inference; print(inference.offered())")
