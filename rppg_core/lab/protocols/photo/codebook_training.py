"""Brief trainings of CodePhys for the tables of `make codebook-table`, stage by stage of its recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from rppg_core.lab.simulate.physiology import simulate_waves
from rppg_core.lab.simulate.settings import SIMULATOR_VERSION, random_settings
from rppg_core.lab.training.briefly import train_briefly
from rppg_core.lab.training.stages import TrainedParts
from rppg_core.models.base import TASKS, Batch, ModelCard
from rppg_core.models.codephys import CodePhys, CodePhysConfig
from rppg_core.models.recipe import Recipe, card_from_recipe, get_recipe
from rppg_core.models.weights import load_card, load_model, save_model
from rppg_core.types import FS

SEED = 6_000_000  # of the people here; no benchmark and no training draws these
BATCH = 16
SECONDS = 9.5  # simulated for a window


def simulated_ppg(n: int, window: int, *, first: int = SEED) -> Float[Tensor, "batch time"]:
    """Windows of `window` samples of clean PPG at 30 Hz, of n people; `first` is the seed of the first one."""
    times_s = np.arange(window) / FS
    found = []
    for k in range(n):
        rng = np.random.default_rng(first + k)
        person = random_settings(rng, pulsed=True, seconds=SECONDS).person
        found.append(simulate_waves(person, times_s, rng).bvp)
    return torch.from_numpy(np.stack(found).astype(np.float32))


def train_autoencoder(config: CodePhysConfig, ppg: Float[Tensor, "batch time"], *, steps: int) -> CodePhys:
    """A network of random weights whose autoencoder was trained on windows of PPG at 30 Hz, always with seed 0."""
    torch.manual_seed(0)
    model = CodePhys(config)
    train_stage(model, "codebook", steps, lambda: pulse_batch(ppg))
    return model


def kept_network(folder: Path, recipe: Recipe, data: str, make: Callable[[], CodePhys]) -> CodePhys:
    """A briefly trained network, read from its file, or trained and written if there is none; for all protocols.

    Args:
        folder: of the files, which are named after variant and seed.
        recipe: what is trained, with the config of the variant and its steps; another recipe is another file.
        data: what it is trained on, in words; other words are another training.
        make: trains it.
    """
    card = card_from_recipe(
        recipe,
        CodePhys,
        data=data,
        simulator_version=SIMULATOR_VERSION,
        limits="Trained briefly, to be compared with its variants alone.",
    )
    path = folder / f"{recipe.variant}-seed{recipe.seed}.safetensors"
    if not path.is_file() or _origin(load_card(recipe.method, path)) != _origin(card):
        folder.mkdir(parents=True, exist_ok=True)
        save_model(path, make(), card)
    network = load_model(recipe.method, path)
    assert isinstance(network, CodePhys)
    return network


def _origin(card: ModelCard) -> tuple[str, str, int]:
    return card.recipe_hash, card.data, card.simulator_version


def train_stage(model: CodePhys, name: str, steps: int, next_batch: Callable[[], Batch]) -> None:
    """Some steps of one stage of the recipe, on the parts that it trains; afterwards the network is as for use.

    Args:
        model: changed in place.
        name: of the stage.
        steps: in place of its own number.
        next_batch: makes the batch of every step.
    """
    recipe = get_recipe("codephys")
    stage = next(one for one in recipe.stages if one.name == name)
    weights = recipe.loss_weights | stage.loss_weights
    parts = TrainedParts(model.requires_grad_(True))
    parts.train_only(stage.train)

    def loss() -> Tensor:
        model.train()
        parts.hold()
        batch = next_batch()
        terms = model.loss(model(batch.inputs), batch)
        return torch.stack([weights.get(term, 1.0) * value for term, value in terms.items()]).sum()

    trained = [weight for weight in model.parameters() if weight.requires_grad]
    train_briefly(trained, replace(recipe, steps=steps, stages=()), loss)
    model.requires_grad_(False).eval()


def pulse_batch(true: Float[Tensor, "sample time"], **inputs: Tensor) -> Batch:
    """BATCH random rows: inputs, and the true pulse as the only label."""
    rows = torch.randint(len(true), (BATCH,))
    known, unknown = torch.ones(BATCH, dtype=torch.bool), torch.zeros(BATCH, dtype=torch.bool)
    targets = {task: torch.zeros(BATCH) for task in TASKS} | {"bvp": true[rows]}
    mask = {task: known if task == "bvp" else unknown for task in TASKS}
    return Batch({name: x[rows] for name, x in inputs.items()}, targets, mask)
