"""Known answers for notebook 10, PhysMLE."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from rppg_core.course.answers import Answer

RANK, INSIDE, OUTSIDE, TAPS = 4, 48, 56, 7


def _unexplained(angle_deg: float, weight_b: float) -> tuple[float, float]:
    """Unexplained share of each of two tasks that share the one feature that is best for their weighted sum."""
    angle = np.deg2rad(angle_deg)
    wishes = np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)]])
    pull = wishes.T @ np.diag([1 - weight_b, weight_b]) @ wishes
    shared = np.linalg.eigh(pull)[1][:, -1]
    of_a, of_b = 1 - (wishes @ shared) ** 2
    return float(of_a), float(of_b)


def _numbers_of_the_routers() -> int:
    from rppg_core.models.base import check_model  # torch: slow, so not at import
    from rppg_core.models.physmle import PhysMLEConfig
    from rppg_core.models.weights import create_model

    config = PhysMLEConfig.small()
    sizes = [check_model(create_model("physmle", replace(config, router=router))) for router in (True, False)]
    return sizes[0] - sizes[1]


def _folded_kernel() -> Float[np.ndarray, "out inside row time"]:
    from rppg_core.models.physmle import PhysMLE
    from rppg_core.models.weights import load_model

    network = load_model("physmle")
    assert isinstance(network, PhysMLE)
    layer = network.layers[0]
    kernel = layer.conv.weight.detach()
    for expert in range(layer.experts):
        kernel = kernel + layer.change(expert).detach().reshape(kernel.shape)
    return kernel.numpy()


ANSWERS = {
    "numbers_of_an_expert": Answer(
        value=lambda: RANK * (OUTSIDE + INSIDE * TAPS), unit="numbers",
        hint="the matrix has a row for each output channel and a column for each input channel and tap",
        traps=((OUTSIDE * INSIDE * TAPS, "that is the whole convolution"),
               (RANK * (OUTSIDE + INSIDE), "the kernel has 7 taps, and the rows of A run over all of them"),
               (OUTSIDE + INSIDE * TAPS, "that is rank 1, but the rank here is 4: four columns and four rows")),
    ),
    "overlap_at_60_degrees": Answer(
        value=lambda: float(np.cos(np.deg2rad(60)) ** 2), within=0.005,
        hint="a squared norm over the product of two squared norms: which function of the angle is left, squared?",
        traps=((0.5, "that is the cosine; both sides of the fraction are squared"),
               (0.0, "that would be 90 degrees")),
    ),
    "seesaw_at_45_degrees": Answer(
        value=lambda: _unexplained(45.0, 0.25), within=0.002,
        hint="the weights sum to 1: three parts for a, one for b",
        traps=((_unexplained(45.0, 0.75), "the other way round: here a has the larger weight"),
               (_unexplained(45.0, 1 / 3), "three times the weight is 3/4 against 1/4, not 2/3 against 1/3")),
    ),
    "numbers_of_the_routers": Answer(
        value=_numbers_of_the_routers, unit="numbers",
        hint="replace(PhysMLEConfig.small(), router=False); the task gates stay",
    ),
    "folded_kernel": Answer(
        value=_folded_kernel, within=1e-4,
        hint="layer.conv.weight plus layer.change(e), in the shape of the kernel, for every expert e",
    ),
}  # fmt: skip
