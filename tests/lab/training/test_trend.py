"""Training of the trend head: it learns, and the same seed gives the same result."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from rppg_core.lab.training.trend import read_trend, train_trend  # noqa: E402
from rppg_core.models.tastnet.config import TastNetConfig  # noqa: E402

SMALL = TastNetConfig(cnn_channels=(4, 6, 8), width=8, heads=2, temporal_layers=1, fused=8, head="linear")


def levels() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Windows of 2.5 s whose red level follows SpO2."""
    spo2 = torch.linspace(75, 99, 24)
    windows = 0.3 + 0.01 * torch.randn(24, 32, 6, generator=torch.Generator().manual_seed(0))
    windows[:, :, 0] += (spo2[:, None] - 87) / 40
    return windows, spo2, spo2[:, None].expand(-1, 2)


def test_it_learns_a_level_that_follows_spo2():
    windows, spo2, course = levels()
    model = train_trend(windows, spo2, course, steps=120, seed=0, config=SMALL)
    error = (read_trend(model, windows) - spo2).square().mean().sqrt()
    assert float(error) < 0.6 * float(spo2.std())


def test_same_seed_gives_the_same_head_and_leaves_the_random_state_alone():
    windows, spo2, course = levels()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again, other = (
        read_trend(train_trend(windows, spo2, course, steps=3, seed=seed, config=SMALL), windows)
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)
