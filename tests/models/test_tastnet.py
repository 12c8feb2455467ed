"""TAST-Net: its switches, its two readings of the trend, and what it answers for each second."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from rppg_core.errors import UsageError  # noqa: E402
from rppg_core.models.base import COURSES, TASKS, Batch  # noqa: E402
from rppg_core.models.tastnet import TastNet, TastNetConfig  # noqa: E402
from rppg_core.models.tastnet.loss import trend_over_people, trend_over_time  # noqa: E402
from rppg_core.models.tastnet.recipe import ABLATIONS  # noqa: E402

TINY = TastNetConfig.tiny()


def frames(config: TastNetConfig = TINY, b: int = 4) -> dict[str, torch.Tensor]:
    maker = torch.Generator().manual_seed(0)
    shape = b, config.samples, config.side, config.side, 3 * len(config.streams)
    return {"frames": torch.rand(shape, generator=maker)}


def batch(config: TastNetConfig = TINY) -> Batch:
    targets = {task: torch.zeros(4) for task in TASKS}
    targets["spo2"] = torch.tensor([88.0, 97.0, 92.0, 99.0])
    targets["spo2_course"] = targets["spo2"][:, None] + torch.linspace(-1, 1, config.window)
    mask = {name: torch.ones(4, dtype=torch.bool) for name in (*TASKS, *COURSES)}
    return Batch(frames(config), targets, mask)


@pytest.mark.parametrize("name", [name for name, one in ABLATIONS.items() if "config" in one.changes])
def test_every_ablation_gives_a_percentage_and_trains_all_its_weights(name):
    torch.manual_seed(0)
    config = replace(TINY, **ABLATIONS[name].changes["config"])
    model, made = TastNet(config).train(), batch(config)
    with torch.no_grad():
        for p in model.head.parameters():
            p.add_(0.1 * torch.randn_like(p))  # it starts without an influence of its input
    outputs = model(made.inputs)
    sum(model.loss(outputs, made).values()).backward()
    assert all(p.grad is not None for p in model.parameters())
    assert outputs["spo2"].shape == (4,)
    assert ((outputs["spo2"] > 70) & (outputs["spo2"] < 100)).all()


def test_output_before_training_is_a_usual_saturation():
    found = TastNet(TINY).eval()(frames())
    torch.testing.assert_close(found["spo2"], torch.full((4,), 97.0))


@pytest.mark.parametrize(("samples", "seconds"), [(48, 4), (24, 2), (12, 1), (4, 1)])
def test_every_second_has_an_output_however_long_the_window(samples, seconds):
    found = TastNet(TINY).eval()({"frames": frames()["frames"][:, :samples]})
    assert found["spo2"].shape == (4,)
    assert found["spo2_course"].shape == (4, seconds)


def test_a_sample_does_not_depend_on_its_batch():
    torch.manual_seed(0)
    model, both = TastNet(TINY).eval(), frames()["frames"]
    torch.nn.init.normal_(model.head.layers[-1].weight)
    whole = model({"frames": both})["spo2"]
    torch.testing.assert_close(model({"frames": both[1:2]})["spo2"], whole[1:2], rtol=0, atol=1e-4)


def test_paper_has_about_as_many_weights_as_the_authors_report():
    model = TastNet(TastNetConfig.paper())
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(3.24e6, rel=0.1)


def test_trend_over_people_is_0_for_a_perfect_order_and_2_for_the_reverse():
    true, known = torch.tensor([90.0, 95.0, 99.0]), torch.ones(3, dtype=torch.bool)
    assert float(trend_over_people(true / 2 + 40, true, known)) == pytest.approx(0, abs=1e-3)
    assert float(trend_over_people(-true, true, known)) == pytest.approx(2, abs=2e-3)


@pytest.mark.parametrize("known", [[True, True, False], [False] * 3])
def test_trend_over_people_needs_three_labels(known):
    true = torch.tensor([90.0, 95.0, 99.0])
    assert float(trend_over_people(-true, true, torch.tensor(known))) == 0


def test_trend_over_people_is_silent_where_all_labels_are_alike():
    found = torch.tensor([90.0, 95.0, 99.0], requires_grad=True)
    trend_over_people(found, torch.full((3,), 97.0), torch.ones(3, dtype=torch.bool)).backward()
    assert found.grad is not None
    assert torch.isfinite(found.grad).all()


def test_trend_of_outputs_that_are_alike_has_a_slope_with_a_bound():
    found, true = torch.full((3,), 97.0, requires_grad=True), torch.tensor([90.0, 95.0, 99.0])
    trend_over_people(found, true, torch.ones(3, dtype=torch.bool)).backward()
    assert found.grad is not None
    assert 0 < float(found.grad.abs().max()) < 20


def test_trend_over_time_counts_windows_whose_saturation_changes():
    changing, still = torch.linspace(95, 90, 6), torch.full((6,), 97.0)
    found = torch.stack([-changing, changing])
    known = torch.ones(2, dtype=torch.bool)
    assert float(trend_over_time(found, torch.stack([changing, still]), known)) == pytest.approx(2, abs=2e-3)
    assert float(trend_over_time(found, torch.stack([still, still]), known)) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"side": 20},
        {"streams": ()},
        {"branches": ("rnn",)},
        {"samples": 50},
        {"trend_weight": 2.0},
        {"samples": 12},
    ],
)
def test_sizes_that_do_not_fit_are_refused(changes):
    with pytest.raises(UsageError):
        replace(TINY, **changes)
