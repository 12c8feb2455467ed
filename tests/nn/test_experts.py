"""Low-rank experts: silent at first, as good as LoRA alone, nobody's order matters, and how alike they are."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from nn.expert_order import give_voice, reorder  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from rppg_core.nn.experts import LowRankExperts, Router, TaskGate  # noqa: E402

CONVS = {  # kernel, stride, dilation, padding
    "one row": ((1, 7), 1, (1, 4), (0, 12)),
    "picture, halved": ((3, 3), 2, (1, 1), (1, 1)),
}
FEW = settings(max_examples=25)


def layer_of(
    kind: str = "one row", *, experts: int = 3, rank: int = 2, router: bool = True
) -> LowRankExperts:
    """Experts with something to say around a convolution of 5 to 6 channels."""
    torch.manual_seed(0)
    kernel, stride, dilation, padding = CONVS[kind]
    conv = nn.Conv2d(5, 6, kernel, stride=stride, dilation=dilation, padding=padding, bias=False)
    layer = LowRankExperts(conv, experts=experts, rank=rank, alpha=4.0, router=router).eval()
    if experts:
        give_voice(layer)
    return layer


def heard(layer: LowRankExperts, rows: int = 8, time: int = 40):
    """Input, query of the output's size, answer and voices."""
    x = torch.randn(2, 5, rows, time)
    query = torch.randn(2, 6, *layer.conv(x).shape[2:])
    return x, query, *layer(x, query)


def by_hand(layer: LowRankExperts, x: torch.Tensor, expert: int) -> torch.Tensor:
    """What an expert says to everything, as one whole convolution."""
    conv = layer.conv
    kernel = layer.change(expert).unflatten(1, conv.weight.shape[1:])
    return functional.conv2d(
        x, kernel, stride=conv.stride, padding=conv.padding, dilation=conv.dilation, groups=conv.groups
    )


@pytest.mark.parametrize("kind", CONVS)
def test_fresh_experts_leave_the_convolution_as_it_is(kind):
    layer = layer_of(kind)
    nn.init.zeros_(layer.widen)
    x, _, y, voices = heard(layer)
    assert torch.equal(y, layer.conv(x))
    assert not voices.added.any()


def test_no_experts_cost_nothing_and_say_nothing():
    layer = layer_of(experts=0)
    x, _, y, voices = heard(layer)
    assert torch.equal(y, layer.conv(x)) and voices is None
    assert {name for name, _ in layer.named_parameters()} == {"conv.weight"}


@pytest.mark.parametrize("kind", CONVS)
def test_change_as_a_whole_convolution_is_what_the_two_thin_ones_say(kind):
    layer = layer_of(kind, router=False)
    x, _, _, voices = heard(layer)
    for expert in range(3):
        assert torch.allclose(voices.added[:, expert], by_hand(layer, x, expert), atol=1e-5)


@pytest.mark.parametrize("kind", CONVS)
def test_one_expert_is_lora_behind_a_gate(kind):
    """Hu et al. 2021: W x + alpha / r B A x, with A and B as they are written there."""
    layer = layer_of(kind, experts=1, rank=2)
    x, query, y, _ = heard(layer)
    a, b = layer.shrink.weight.flatten(1), layer.widen[0]  # (r, inside * kernel), (outside, r)
    conv = layer.conv
    lora = functional.conv2d(
        x,
        (b @ a).reshape(conv.weight.shape),
        stride=conv.stride,
        padding=conv.padding,
        dilation=conv.dilation,
    )
    assert layer.router is not None
    gate = layer.router(query)[:, 0]
    assert torch.allclose(y, conv(x) + gate * 4.0 / 2 * lora, atol=1e-5)


def test_change_has_the_rank_that_was_asked_for():
    for rank in (1, 2, 4):
        layer = layer_of(rank=rank)
        assert torch.linalg.matrix_rank(layer.change(1)).item() == rank


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 0, 1)])
def test_experts_that_change_places_with_their_gates_change_nothing(order):
    layer = layer_of()
    x, query, y, voices = heard(layer)
    reorder(layer, order)
    again, swapped = layer(x, query)
    assert torch.allclose(again, y, atol=1e-5)
    assert torch.allclose(swapped.gates, voices.gates[:, list(order)], atol=1e-6)
    assert torch.allclose(swapped.added, voices.added[:, list(order)], atol=1e-6)


def test_experts_that_change_places_without_their_gates_do():
    layer = layer_of()
    x, query, y, _ = heard(layer)
    with torch.no_grad():
        layer.widen.copy_(layer.widen[[1, 0, 2]].clone())
        layer.shrink.weight.copy_(layer.shrink.weight.unflatten(0, (3, 2))[[1, 0, 2]].flatten(0, 1).clone())
    assert not torch.allclose(layer(x, query)[0], y, atol=1e-3)


@FEW
@given(size=st.floats(0, 100), seed=st.integers(0, 1000))
def test_gates_lie_between_zero_and_two_whatever_the_query(size, seed):
    torch.manual_seed(seed)
    router, gate = Router(6, 3).eval(), TaskGate(6).eval()
    query = size * torch.randn(2, 6, 1, 20)
    for gates in (router(query), gate(query)):
        assert gates.min() > 0 and gates.max() < 2


def test_gate_that_is_undecided_lets_through_what_there_is_and_one_that_is_sure_mutes_or_doubles():
    router, query = Router(6, 3).eval(), torch.randn(1, 6, 1, 20)
    torch.nn.init.zeros_(router.decide.weight)
    for bias, gate in ((0.0, 1.0), (9.0, 2.0), (-9.0, 0.0)):
        torch.nn.init.constant_(router.decide.bias, bias)
        assert torch.allclose(router(query), torch.tensor(gate), atol=1e-3)


def test_router_gives_every_expert_gates_of_the_size_of_the_query():
    query = torch.randn(2, 6, 3, 20)
    assert Router(6, 4)(query).shape == (2, 4, 6, 3, 20)
    assert TaskGate(6)(query).shape == query.shape


def test_router_in_evaluation_looks_at_one_sample_and_throws_no_dice():
    """The released gates stay in training mode when tested."""
    torch.manual_seed(0)
    router = Router(6, 3)
    query = torch.randn(3, 6, 1, 20)
    assert not torch.equal(router(query), router(query))  # dropout, in training
    router.eval()
    assert torch.equal(router(query), router(query))
    assert torch.allclose(router(query)[:1], router(query[:1]), atol=1e-6)


def test_without_a_router_every_expert_is_let_through_as_it_is():
    layer = layer_of(router=False)
    *_, voices = heard(layer)
    assert (voices.gates == 1).all() and layer.router is None


def overlap_by_hand(layer: LowRankExperts) -> float:
    changes = [layer.change(k).detach().double() for k in range(layer.experts)]
    cosines = [
        ((a @ b.T) ** 2).sum() / ((a**2).sum() * (b**2).sum())
        for k, a in enumerate(changes)
        for b in changes[k + 1 :]
    ]
    return float(torch.stack(cosines).mean())


@FEW
@given(seed=st.integers(0, 1000), experts=st.integers(2, 4), rank=st.integers(1, 3))
def test_overlap_is_that_of_the_whole_changes_and_lies_between_zero_and_one(seed, experts, rank):
    layer = layer_of(experts=experts, rank=rank)
    give_voice(layer, seed)
    found = layer.overlap().item()
    assert found == pytest.approx(overlap_by_hand(layer), rel=1e-3)  # single precision against double
    assert 0 <= found <= 1


@FEW
@given(scale=st.floats(0.05, 20.0), expert=st.integers(0, 2))
def test_overlap_does_not_ask_how_loud_an_expert_is(scale, expert):
    layer = layer_of()
    before = layer.overlap().item()
    with torch.no_grad():
        layer.widen[expert] *= scale
    assert layer.overlap().item() == pytest.approx(before, rel=1e-3)


def test_overlap_of_equal_experts_of_rank_one_is_one():
    layer = layer_of(rank=1)
    with torch.no_grad():
        layer.widen.copy_(layer.widen[:1].expand_as(layer.widen).clone())
        layer.shrink.weight.copy_(layer.shrink.weight[:1].expand_as(layer.shrink.weight).clone())
    assert layer.overlap().item() == pytest.approx(1, abs=1e-5)


def test_overlap_of_experts_that_read_different_things_is_zero():
    layer = layer_of(experts=2)
    with torch.no_grad():  # expert 0 reads the first two channels, expert 1 the others
        layer.shrink.weight[:2, 2:] = 0
        layer.shrink.weight[2:, :2] = 0
    assert layer.overlap().item() == pytest.approx(0, abs=1e-6)


def test_overlap_of_silent_experts_is_zero_and_its_gradient_finite():
    layer = layer_of()
    nn.init.zeros_(layer.widen)
    overlap = layer.overlap()
    overlap.backward()
    assert overlap.item() == 0
    assert layer.widen.grad is not None and torch.isfinite(layer.widen.grad).all()


def test_overlap_pushes_alike_experts_apart():
    layer = layer_of(rank=1)
    with torch.no_grad():
        layer.shrink.weight.copy_(layer.shrink.weight[:1] + 0.1 * layer.shrink.weight)
    before = layer.overlap()
    before.backward()
    torch.optim.SGD(layer.parameters(), lr=0.1).step()
    assert layer.overlap().item() < before.item()
