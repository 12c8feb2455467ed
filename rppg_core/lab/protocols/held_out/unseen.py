"""Whether weights that a training builds on may have seen the clips on which it will be tested.

A recipe may start a stage from a weights file or learn from a teacher. A card does not list the people behind the
weights; it says whether they were trained on the simulator alone, and whether its six domains were among the
samples. Weights trained on simulated people alone cannot have seen a recorded person. All others are refused: they
could carry the people or the domain of the test set into the training.
"""

from __future__ import annotations

from rppg_core.errors import UsageError
from rppg_core.lab.datasets.extracted import ExtractedClip
from rppg_core.lab.datasets.simulated import DOMAINS
from rppg_core.lab.protocols.held_out.splits import Split
from rppg_core.lab.training.stages import load_origin_cards
from rppg_core.models.base import SIMULATED, ModelCard
from rppg_core.models.recipe import Recipe


def require_unseen(recipe: Recipe, split: Split[ExtractedClip]) -> None:
    """Require that teacher and initial weights of a recipe cannot have seen the test clips of a split.

    Args:
        recipe: of the training on this split.
        split: its test clips must be unknown to all weights that the training reads.

    Raises:
        UsageError: some weights were trained on stored clips, or on simulated domains that are tested.
        ModelFileError: a weights file is missing or damaged.
    """
    tested = {clip.dataset for clip in split.test} & {domain.name for domain in DOMAINS}
    for name, card in load_origin_cards(recipe).items():
        seen = _find_overlap(card, tested)
        if seen:
            raise UsageError(
                f"the training of {recipe.method} for {split.name} builds on {name!r}, which was trained on {seen}",
                wanted="weights that cannot have seen the test clips",
                do="leave out the teacher and the initial weights, or take weights from simulated traces alone",
            )


def _find_overlap(card: ModelCard, tested: set[str]) -> str:
    """What weights may have seen of the test set, in words; "" if they cannot have seen it."""
    if card.weights != SIMULATED:
        return "stored clips; its card does not say whose"
    origins = any(stage.get("start") for stage in card.recipe.get("stages", ())) or card.recipe.get("teacher")
    if tested and (card.recipe.get("domains") or origins or not card.recipe):
        return f"simulated domains, possibly {', '.join(sorted(tested))}"
    return ""
