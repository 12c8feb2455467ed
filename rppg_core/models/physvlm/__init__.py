"""PhysVLM: a student for pulse and breathing, taught about frequency by a vision-language model.

It answers one question: do words about rhythm, in a teacher that is not there when a clip is analysed, make a small
network better on faces unlike those it was trained on? Gao et al. 2026, "PhysVLM", IEEE Transactions on
Instrumentation and Measurement, https://doi.org/10.1109/TIM.2026.3671908.
`config` holds the sizes and switches, `prompts` the sentences, `teacher` the vision-language model, `wavelet_block`
the octaves, `alignment` the attention over the face, `heads` the waveforms, `distillation` what the student learns
from the teacher, `consistency` the terms between pulse and breathing, `model` the student.

What differs from the paper (only its abstract was available; no code is public):
    From the abstract: a pre-trained vision-language model whose priors are distilled into a student that sees only
    maps; a Wavelet Temporal Block; Frequency-Aligned Spatial Attention; consistency between the tasks.
    Our choice, where nothing is public:
    - Every size, formula, loss weight, and the schedule.
    - The teacher is a small CLIP, trained on simulated maps with sentences about rates and about ratios of rates, as
      in VL-phys. It sees a map as a scalogram of nine parts of the face. CLIP itself can take its place; it was not
      measured here.
    - What is distilled: the shares of sentences, the embedding, and the similarities within a batch.
    - The student reads the 36 cells of the face map in both bands, with their projections, 17 s at a time and at
      15 Hz after the encoder: 8.5 s hold only two breaths.
    - The frequency to which attention is aligned is trained by the true rates, where they are known.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rppg_core.roster import Network

if TYPE_CHECKING:
    from rppg_core.models.physvlm.config import PhysVLMConfig
    from rppg_core.models.physvlm.model import PhysVLM

__all__ = ["ABOUT", "TEACHER", "PhysVLM", "PhysVLMConfig"]

ABOUT = Network(
    model="rppg_core.models.physvlm.model:PhysVLM",
    recipe="rppg_core.models.physvlm.recipe",
    needs=frozenset({"rgb", "stmap"}),
    tasks=frozenset({"bvp", "resp"}),
    paper="Gao et al. 2026, PhysVLM",
)
TEACHER = Network(
    model="rppg_core.models.physvlm.teacher:VisionLanguageTeacher",
    recipe="rppg_core.models.physvlm.teacher_recipe",
    needs=frozenset({"rgb", "stmap"}),
    tasks=frozenset({"hr", "rr"}),
    paper="Gao et al. 2026, PhysVLM: its teacher",
    packages=("torch", "safetensors", "transformers"),
    extra="language",
)


def __getattr__(name: str) -> Any:
    """The student and its config, imported with torch when first used."""
    if name in __all__:
        return getattr(import_module(f"{__name__}.model"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
