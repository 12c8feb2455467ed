"""What the student learns from the teacher: its opinion on texts, its embedding, and which maps are alike for it.

Axis letters: B batch, C channels, T time, D embedding, M text, K rate.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from rppg_core.models.physvlm.config import TASKS
from rppg_core.nn.spectrum import power_at, rate_grid, shares_from_power

WAVES = 4  # learned waveforms whose spectra make the embedding
GRID = (4.0, 244.0, 4.0)  # rates of these spectra: low, end, step. Unit: per minute
SOFTNESS = 2.0  # temperature at which both opinions are compared


class StudentEmbedding(nn.Module):
    """The student's own embedding of a map, which is compared with the teacher's in training.

    Parts: waves, learned waveforms; layers, from their log spectra to the embedding.
    Shapes: features (B, C, T) -> (B, D) with norm 1.
    Source: our choice: a mean over time, which the word "pooling" suggests, loses what a rhythm is.
    """

    rates: Tensor

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.waves = nn.Conv1d(channels, WAVES, 1, bias=False)
        self.register_buffer("rates", rate_grid(*GRID), persistent=False)
        self.layers = nn.Sequential(
            nn.Linear(WAVES * len(self.rates), 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(
        self, features: Float[Tensor, "batch channel time"], fs: float
    ) -> Float[Tensor, "batch embedding"]:
        power = power_at(self.waves(features), self.rates, fs)
        levels = (shares_from_power(power) * len(self.rates) + 1e-2).log()
        return functional.normalize(self.layers(levels.flatten(1)), dim=1)


def distillation_terms(
    student: Float[Tensor, "batch embedding"], teacher: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """How far the student is from its teacher.

    Args:
        student: embeddings of norm 1.
        teacher: outputs of `VisionLanguageTeacher` for the same samples.

    Returns:
        "opinion": KL divergence of the shares of all texts, for both tasks, at temperature SOFTNESS; "embedding": one
        minus the cosine; "alike": mean squared difference of the similarities within the batch.

    Source: Hinton et al. 2015 (soft targets, squared temperature), https://arxiv.org/abs/1503.02531; Park et al.
    2019 (relations), https://arxiv.org/abs/1904.05068. Which of these the paper uses is not public.
    """
    own = teacher["embedding"]
    scale = teacher["scale"][0] / SOFTNESS
    opinion = student.new_zeros(())
    for task in TASKS:
        texts = teacher[f"{task}_texts"][0]  # (M, D)
        theirs, ours = (torch.log_softmax(scale * x @ texts.T, dim=1) for x in (own, student))
        opinion = opinion + functional.kl_div(ours, theirs, reduction="batchmean", log_target=True)
    return {
        "opinion": SOFTNESS**2 * opinion,
        "embedding": 1 - (student * own).sum(dim=1).mean(),
        "alike": (student @ student.T - own @ own.T).square().mean(),
    }
