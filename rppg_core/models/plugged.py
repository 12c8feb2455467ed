"""Two methods in a row: a network that cleans waveforms, behind any method. Its name is both, such as `pos+codephys`.

Source: the use of a codebook behind other methods in Chu et al. 2025 (CodePhys).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from rppg_core.roster import get_network
from rppg_core.types import FaceClip, Method, MethodOutput

if TYPE_CHECKING:
    from rppg_core.models.base import RppgModel
    from rppg_core.models.neural_method import NeuralMethod
    from rppg_core.types import Bvp

NO_WEIGHTS = "none needed"  # of classical methods
Clean = Callable[["RppgModel", "Bvp"], MethodOutput]


class PluggedMethod:
    """A `Method` whose waveform is that of another one, cleaned by a network.

    Args:
        base: finds the waveform.
        cleaner: a network that cleans waveforms.
    """

    def __init__(self, base: Method, cleaner: NeuralMethod):
        self.base, self.cleaner = base, cleaner
        self.name = f"{base.name}+{cleaner.name}"
        self.needs = base.needs
        self.weights = cleaner.weights if base.weights == NO_WEIGHTS else f"{base.weights}; {cleaner.weights}"
        self.paper = f"{base.paper}; {cleaner.paper}"

    def estimate(self, clip: FaceClip) -> MethodOutput:
        """Cleaned waveform of an evenly sampled clip at 30 Hz."""
        return self.clean(self.base.estimate(clip))

    def clean(self, found: MethodOutput) -> MethodOutput:
        """The output of the base method with its waveform cleaned, and the evidence of both."""
        if found.bvp is None:
            return found
        module, function = get_network(self.cleaner.name).cleaner.split(":")
        clean: Clean = getattr(import_module(module), function)
        cleaned = clean(self.cleaner.model, found.bvp)
        both = (found.evidence, cleaned.evidence)
        evidence = {name: min(one[name] for one in both if name in one) for one in both for name in one}
        return replace(found, bvp=cleaned.bvp, evidence=evidence, inside={**found.inside, **cleaned.inside})
