"""Cells of a map: filtered alike, in the fast form as in the plain one, and trusted whatever their order."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402

from rppg_core.nn.cells import CellAttention, CellEncoder  # noqa: E402
from rppg_core.nn.layers import weighted_mean  # noqa: E402

N = 36


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def plainly(encoder: CellEncoder, stmap: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The encoder as it is told: cells and the mean of all side by side, then convolutions over each cell."""
    B, T, n_cells, _ = stmap.shape
    mean = weighted_mean(stmap, weight)[:, :, None].expand_as(stmap)
    own, other = (
        part.reshape(B, T // encoder.stride, encoder.stride, n_cells, -1)
        .permute(0, 3, 2, 4, 1)
        .reshape(B * n_cells, -1, T // encoder.stride)
        for part in (stmap, mean)
    )
    x = encoder.mix(torch.cat([own, other], dim=1))
    x = x + encoder.combine(functional.gelu(encoder.filter(x)))
    return x.reshape(B, n_cells, *x.shape[1:])


@pytest.mark.parametrize(("colours", "stride"), [(3, 1), (6, 2)])
def test_fast_form_of_the_encoder_is_the_plain_one(colours, stride):
    encoder = CellEncoder(8, colours=colours, stride=stride)
    stmap, weight = torch.randn(2, 60, N, colours), torch.rand(2, N)
    found = encoder(stmap, weight)
    assert found.shape == (2, N, 8, 60 // stride)
    assert torch.allclose(found, plainly(encoder, stmap, weight), atol=1e-5)


def test_cells_that_change_places_are_encoded_as_before():
    encoder, order = CellEncoder(8), torch.randperm(N)
    stmap, weight = torch.randn(1, 40, N, 3), torch.rand(1, N)
    moved = encoder(stmap[:, :, order], weight[:, order])
    assert torch.allclose(moved, encoder(stmap, weight)[:, order], atol=1e-5)


def test_attention_does_not_ask_where_a_cell_lies():
    attention, order = CellAttention(8), torch.randperm(N)
    cells, weight = torch.randn(1, N, 8, 40), torch.rand(1, N)
    assert torch.allclose(attention(cells[:, order], weight[:, order]), attention(cells, weight), atol=1e-5)


def test_attention_is_a_mean_so_that_cells_that_agree_are_returned_as_they_are():
    one = torch.randn(1, 1, 8, 40)
    pooled = CellAttention(8, heads=2)(one.expand(1, N, 8, 40), torch.rand(1, N))
    assert torch.allclose(pooled, one[:, 0].repeat(1, 2, 1), atol=1e-5)


def test_cell_without_skin_weighs_a_thousandth_of_one_with():
    """Share of skin + 0.001, where the learned score is the same for all."""
    attention = CellAttention(8, heads=1)
    for parameter in attention.score[2].parameters():
        torch.nn.init.zeros_(parameter)
    weight = torch.ones(1, N)
    weight[0, 5] = 0
    cells = torch.zeros(1, N, 8, 40)
    cells[0, 5] = 1.0
    assert attention(cells, weight).max().item() == pytest.approx(1e-3 / (1.001 * (N - 1) + 1e-3), rel=1e-3)
