from __future__ import annotations

import pytest


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Tiny networks are slower on several threads, and differ in the last digits."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def windows():
    """Three people, as a native window and its full truth."""
    from rppg_core.lab.simulate.settings import SimulationSettings
    from rppg_core.lab.simulate.traces import simulate_traces
    from rppg_core.lab.training.sources import even_truth, targets_from_truth
    from rppg_core.models.base import TASKS
    from rppg_core.video.prepare import cut, resample
    from tests.models.physmle_batches import N_FRAMES

    found = []
    for seed in range(3):
        clip, truth = simulate_traces(SimulationSettings(seconds=N_FRAMES / 30 + 1, seed=seed))
        even, part = resample(clip), slice(0, N_FRAMES)
        targets = targets_from_truth(even_truth(truth, even.times_s), part, frozenset(TASKS))
        found.append((cut(even, part), targets))
    return found
