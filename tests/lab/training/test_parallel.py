"""Every stage of every network can be trained in several processes."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from torch import distributed  # noqa: E402
from torch.nn.parallel import DistributedDataParallel  # noqa: E402

from rppg_core.lab.training.parallel import NetworkWithLoss  # noqa: E402
from rppg_core.lab.training.sources import collate  # noqa: E402
from rppg_core.lab.training.stages import TrainedParts  # noqa: E402
from rppg_core.models.recipe import get_recipe, list_stages  # noqa: E402
from rppg_core.roster import list_trained_networks  # noqa: E402
from tests.lab.training.test_masks import make, samples_of  # noqa: E402

STAGES = [
    (name, number) for name in list_trained_networks() for number in range(len(list_stages(get_recipe(name))))
]


@pytest.fixture(scope="module")
def one_process(tmp_path_factory):
    """A group of one process, in which gradients are joined as among many."""
    distributed.init_process_group(
        "gloo",
        store=distributed.FileStore(str(tmp_path_factory.mktemp("group") / "store"), 1),
        rank=0,
        world_size=1,
    )
    yield
    distributed.destroy_process_group()


@pytest.mark.parametrize(("name", "number"), STAGES)
def test_gradients_of_a_stage_are_joined(one_process, name, number):
    model = make(name, labels_alone=False)
    recipe = get_recipe(name)
    joined = DistributedDataParallel(NetworkWithLoss(model), find_unused_parameters=bool(recipe.stages))
    parts = TrainedParts(model)
    parts.train_only(list_stages(recipe)[number].train)
    batch = collate(samples_of(model, 2), model.window)
    model.train()
    parts.hold()
    for _ in range(2):
        torch.stack(list(joined(batch).values())).sum().backward()
    assert any(p.grad is not None and p.grad.any() for p in model.parameters())
