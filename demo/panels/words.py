"""The verdict, the remarks and the limits as markdown."""

from __future__ import annotations

import numpy as np

from rppg_core.report_page import LIMITS, remarks
from rppg_core.types import Report, Truth


def verdict(report: Report, truth: Truth | None = None) -> str:
    """Quality first, then the number, then where the clip came from.

    Args:
        report: result of the analysis.
        truth: given for the simulated example, which then says what the right answer is.
    """
    source = (
        "Your video was deleted from the server after this analysis; to try other methods, choose it again."
    )
    if truth is not None:
        source = (
            f"This is the simulated example. Truth: {np.mean(truth.hr_bpm):.0f} bpm "
            f"and {truth.rr_brpm:.0f} breaths/min, drawn in grey beside the estimates."
        )
    return f"## {report.consensus.verdict}\n\n{source}"


def remarks_list(report: Report) -> str:
    """What to know about the numbers, one line each; empty when there is nothing."""
    return "\n".join(f"- {line}" for line in remarks(report))


def limits_list() -> str:
    """What nobody should expect of this page."""
    return "\n".join(f"- {line}" for line in LIMITS)
