"""What every network keeps to, whatever its method: shapes, independence, gradients, weights that matter."""

from __future__ import annotations

import copy
import time
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rppg_core.lab.simulate.settings import SimulationSettings  # noqa: E402
from rppg_core.lab.simulate.traces import simulate_traces  # noqa: E402
from rppg_core.models.base import COURSES, SERIES, TASKS, Batch, check_model, run_clip  # noqa: E402
from rppg_core.models.weights import (  # noqa: E402
    checkpoint_path,
    config_class,
    create_model,
    load_card,
    load_model,
    model_class,
)
from rppg_core.roster import get_method, get_network, list_networks  # noqa: E402
from rppg_core.types import FaceClip  # noqa: E402
from rppg_core.video.prepare import cut, resample  # noqa: E402
from tests.models.taught import teacher_of  # noqa: E402

NAMES = list_networks()
SHIPPED = [name for name in NAMES if checkpoint_path(name).is_file()]
N = 128


@pytest.fixture(scope="module")
def clip():
    return resample(simulate_traces(SimulationSettings(seconds=30, hr_bpm=75, motion="small", seed=5))[0])


def tiny(name: str):
    torch.manual_seed(0)
    return create_model(name, config_class(model_class(name)).tiny())


def with_crops(clip: FaceClip) -> FaceClip:
    """The clip with crops in which each of its 36 cells is a square of one colour."""
    cells = clip.need("stmap").reshape(-1, 6, 6, 3)
    return replace(clip, crop72=np.kron(256 * cells, np.ones((12, 12, 1))).astype(np.uint16))


def batch_of(name: str, n_samples: int) -> dict:
    """Different windows of simulated traces as the network reads them."""
    cls = model_class(name)
    config = config_class(cls).tiny()
    n = N if cls.tasks & set(SERIES) else config.window  # what gives one number reads whole windows
    samples = []
    for seed in range(n_samples):
        clip = resample(simulate_traces(SimulationSettings(seconds=N / 30 + 0.5, seed=seed))[0])
        even = with_crops(cut(clip, slice(0, n)))
        samples.append(
            {key: x[:N] if len(x) > N else x for key, x in cls.inputs_from_clip(even, config).items()}
        )
    return {
        key: torch.from_numpy(np.stack([s[key] for s in samples]).astype(np.float32)) for key in samples[0]
    }


@pytest.mark.parametrize("name", NAMES)
def test_answers_have_the_shape_of_their_task(name):
    model, batch = tiny(name).eval(), batch_of(name, 2)
    answers = model(batch)
    assert set(answers) & set(TASKS) == set(model.tasks)
    for task, answer in answers.items():
        if task in TASKS:
            assert answer.shape == ((2, N) if task in SERIES else (2,))
        assert len(answer) == 2  # whatever else it tells of itself, it tells of each sample
        assert torch.isfinite(answer).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_does_not_depend_on_the_others_of_its_batch(name):
    model, batch = tiny(name).eval(), batch_of(name, 2)
    alone = model({key: x[:1] for key, x in batch.items()})
    for task, answer in model(batch).items():
        assert torch.allclose(answer[:1], alone[task], atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_gets_a_gradient_from_the_loss(name):
    """At once; after one step where a part begins at zero, so that what stands before it has nothing to learn yet."""
    torch.manual_seed(1)
    model, inputs = tiny(name).train(), batch_of(name, 3)
    targets = {task: torch.randn(3, N) if task in SERIES else torch.rand(3) * 60 + 60 for task in TASKS}
    targets |= {"spo2": 80 + 20 * torch.rand(3), **{task: torch.randn(3, N) for task in COURSES}}
    known = {task: torch.ones(3, dtype=torch.bool) for task in targets}
    batch = Batch(inputs, targets, known, teacher=teacher_of(name, 3))
    begins_at_zero = any(p.ndim > 1 and not p.any() for p in model.parameters())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for step in range(1 + begins_at_zero):
        if step:
            optimizer.step()
        optimizer.zero_grad()
        torch.stack(list(model.loss(model(inputs), batch).values())).sum().backward()
    without = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not without


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_network(name):
    batch = batch_of(name, 1)
    one, two = tiny(name).eval()(batch), tiny(name).eval()(batch)
    assert all(torch.equal(one[task], two[task]) for task in one)


@pytest.mark.parametrize("name", NAMES)
def test_tiny_is_small_enough_for_lessons(name):
    assert check_model(tiny(name)) < 300_000


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_are_small_and_say_where_they_come_from(name):
    card = load_card(name)
    assert checkpoint_path(name).stat().st_size < 1e6 * get_network(name).megabytes
    assert (
        card.method == name and card.steps > 0 and card.recipe and card.limits and card.simulator_version > 0
    )
    assert get_method(name).weights == card.weights == "trained on simulated physiology"


@pytest.mark.parametrize("name", SHIPPED)
def test_the_waveform_hangs_on_the_weights(name, clip):
    trained = load_model(name)
    zeroed = copy.deepcopy(trained)
    with torch.no_grad():
        for parameter in zeroed.parameters():
            parameter.zero_()
    waves = [run_clip(m, clip).bvp for m in (trained, zeroed)]
    assert waves[0] is not None and waves[1] is not None
    assert waves[0].samples.std() > 0.5 and waves[1].samples.std() < 1e-6


@pytest.mark.parametrize("name", SHIPPED)
def test_thirty_seconds_take_no_more_than_a_multiple_of_pos(name, clip):
    def cpu_s(method) -> float:
        method.estimate(clip)
        took = []
        for _ in range(5):
            started = time.process_time()
            method.estimate(clip)
            took.append(time.process_time() - started)
        return min(took)

    assert cpu_s(get_method(name)) < get_network(name).times_pos * cpu_s(get_method("pos"))
