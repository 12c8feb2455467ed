"""With a licence one command each: networks are trained and tested on the layouts of their papers' datasets."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

pytest.importorskip("accelerate")
pytest.importorskip("peft")

from lab.datasets.face_layouts import make_pure_faces, make_ubfc2_faces
from lab.protocols.held_out.in_this_process import InThisProcess

from rppg_core.command import cli
from rppg_core.lab.datasets import scale
from rppg_core.lab.protocols.held_out import numbers, run, split_training
from rppg_core.lab.training import probe
from rppg_core.models.codephys import recipe as codephys
from rppg_core.models.physllm import recipe as physllm
from rppg_core.models.physvlm import recipe as physvlm
from rppg_core.models.tastnet import recipe as tastnet
from rppg_core.types import FS

SECONDS = 10.5
RECIPES = {"physllm": physllm, "codephys": codephys, "physvlm": physvlm, "tastnet": tastnet}
STEPS = {"physllm": "2", "codephys": "12", "physvlm": "2", "tastnet": "2"}  # one or more in each stage


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """One process, and few samples that only watch."""
    for module in (scale, run, split_training):
        monkeypatch.setattr(module, "WorkerPool", InThisProcess)
    for recipe in RECIPES.values():
        frames = min(recipe.RECIPE.n_frames, round(FS * SECONDS) - 10)
        monkeypatch.setattr(recipe, "RECIPE", replace(recipe.RECIPE, validation_samples=2, n_frames=frames))
    for name, few in {
        "ENOUGH": 0,
        "BATCHES": 2,
        "FEWEST_JUDGED": 4,
    }.items():  # so few show nothing of a teacher
        monkeypatch.setattr(probe, name, few)
    monkeypatch.setattr(split_training, "WATCHED", 2)
    monkeypatch.setattr(numbers, "N_RESAMPLES", 5)


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    """UBFC-rPPG with three people, PURE with two."""
    root = tmp_path_factory.mktemp("datasets")
    return {"ubfc": make_ubfc2_faces(root, SECONDS), "pure": make_pure_faces(root / "pure", SECONDS)}


@pytest.fixture
def clips(datasets, tmp_path):
    for name, folder in datasets.items():
        assert (
            cli.main(["dataset", "extract", str(folder), "--out", str(tmp_path / name), "--workers", "1"])
            == 0
        )
    return tmp_path


@pytest.mark.parametrize("method", RECIPES)
def test_network_is_trained_and_tested_on_datasets_within_and_across(clips, method):
    ubfc, pure, runs = (str(clips / name) for name in ("ubfc", "pure", "runs"))
    short = ["--methods", method, "--steps", STEPS[method], "--workers", "1"]
    assert cli.main(["train", method, "--source", ubfc, "--steps", STEPS[method], "--runs", runs]) == 0
    data = {"intra": ["--data", ubfc, "--folds", "3"], "cross": ["--train-data", ubfc, "--data", pure]}
    found = {}
    for protocol, given in data.items():
        out = clips / f"{protocol}.json"
        # 1: two steps are worse than a constant
        assert cli.main(
            ["evaluate", "--protocol", protocol, *given, *short, "--runs", runs, "--json", str(out)]
        ) in (0, 1)
        found[protocol] = json.loads(out.read_text(encoding="utf-8"))
    assert {name: len(one["trained"]) for name, one in found.items()} == {"intra": 3, "cross": 1}
    for one in found.values():
        assert {row["method"] for row in one["rows"]} == {"pos", method, "constant"}
        assert all(
            abs(row["hr_bpm"] - row["hr_true_bpm"]) < 3 for row in one["rows"] if row["method"] == "pos"
        )
