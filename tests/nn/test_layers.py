"""Shared layers: shape, independence of the batch, weights that count."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from rppg_core.nn.layers import TemporalBlock, weighted_mean  # noqa: E402


@pytest.mark.parametrize("dilation", [1, 4])
def test_temporal_block_keeps_the_length_and_reads_as_far_as_its_dilation_says(dilation):
    torch.manual_seed(0)
    block = TemporalBlock(4, 7, dilation).eval()
    block.layers[0] = block.layers[3] = torch.nn.Identity()  # norms look at the whole time
    x = torch.zeros(1, 4, 101)
    touched = x.clone()
    touched[0, :, 50] = 1
    changed = (block(touched) - block(x)).abs().sum(dim=(0, 1)) > 1e-7
    assert block(x).shape == x.shape
    assert changed.nonzero().min() == 50 - 3 * dilation and changed.nonzero().max() == 50 + 3 * dilation


def test_weighted_mean_leaves_out_cells_without_weight():
    x = torch.stack([torch.full((2, 3), 1.0), torch.full((2, 3), 100.0)], dim=1)[None]  # (B, T, N, C)
    assert torch.allclose(weighted_mean(x, torch.tensor([[1.0, 0.0]])), torch.ones(1, 2, 3))
