"""The trend head of TAST-Net: shapes, what it is trained by, and what its input keeps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from rppg_core.models.tastnet.trend import TREND, TrendHead, trend_input  # noqa: E402


def finger(seconds: int = 10) -> np.ndarray:
    t_s = np.arange(seconds * 30) / 30
    return np.array([40.0, 90.0, 50.0]) * (1 - 0.01 * np.sin(2 * np.pi * 1.1 * t_s))[:, None]


def windows(n: int = 4, samples: int = TREND.samples) -> torch.Tensor:
    return torch.rand((n, samples, 6), generator=torch.Generator().manual_seed(0))


def head() -> TrendHead:
    torch.manual_seed(0)
    model = TrendHead()
    with torch.no_grad():
        for weight in model.head.parameters():
            weight.add_(0.1 * torch.randn_like(weight))  # it starts without an influence of its input
    return model


def test_every_window_and_every_second_has_an_output():
    found = head()(windows())
    assert found["spo2"].shape == (4,) and found["spo2_course"].shape == (4, 10)
    assert all(torch.isfinite(x).all() for x in found.values())


def test_a_shorter_window_has_fewer_seconds():
    assert head()(windows(samples=64))["spo2_course"].shape == (4, 5)


@pytest.mark.parametrize("trend", ["people", "time"])
def test_loss_reaches_every_weight_and_skips_seconds_without_a_label(trend):
    model = head()
    model.config = replace(TREND, trend=trend)
    spo2 = torch.tensor([80.0, 85.0, 90.0, 95.0])
    course = spo2[:, None] + torch.linspace(-1, 1, 10)
    course[1, 3:] = torch.nan
    loss = model.loss(model(windows()), spo2, course)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    assert all(float(p.grad.abs().sum()) > 0 for p in model.parameters())


def test_output_before_training_is_the_mean_of_the_labels():
    model = TrendHead()
    model.use_labels(torch.tensor([70.0, 80.0, 90.0]))
    torch.testing.assert_close(model(windows())["spo2"], torch.full((4,), 80.0))


def test_a_window_does_not_depend_on_its_batch():
    model, both = head().eval(), windows()
    torch.testing.assert_close(model(both[1:2])["spo2"], model(both)["spo2"][1:2], rtol=0, atol=1e-4)


def test_it_has_a_few_ten_thousand_weights():
    assert 10_000 < sum(p.numel() for p in TrendHead().parameters()) < 50_000


def test_input_keeps_the_ratio_of_levels_and_of_pulses():
    found = trend_input(finger())
    assert found.shape == (128, 6) and found.dtype == np.float32
    raw, magnified = found[:, :3], found[:, 3:]
    np.testing.assert_allclose(raw.mean(axis=0) * 255, [40, 90, 50], rtol=0.01)
    inner = slice(26, -26)  # 2 s from both ends, where the band is complete
    gains = magnified[inner].std(axis=0) / raw[inner].std(axis=0)
    np.testing.assert_allclose(gains, 121, rtol=0.05)


def test_streams_choose_what_is_read():
    config = replace(TREND, streams=("raw",))
    assert trend_input(finger(), config).shape == (128, 3)
    assert TrendHead(config)(torch.rand(2, 128, 3))["spo2"].shape == (2,)
