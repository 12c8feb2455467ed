"""Comparison of the estimate with a visitor's own pulse count, or with the heart rate of another device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rppg_core.figures.heart_rate import reference_figure, reference_words
from rppg_core.tables.reference import Reference

from ..session import Shown

if TYPE_CHECKING:
    import plotly.graph_objects

COUNT_S = 15


def comparison(beats: float | None, shown: Shown) -> str:
    """Compare a count with the estimate, as markdown.

    Args:
        beats: number counted in COUNT_S; None if nothing was typed.
        shown: the result on the page.

    Source: our choice of the band, 5 bpm or 10 %, whichever is wider, as in consumer standards for heart-rate
    monitors; one beat more or less in 15 s is 4 bpm.
    """
    if beats is None or not 5 <= beats <= 60:
        return f"Type how many beats you counted in {COUNT_S} s; 10 to 40 is usual."
    counted = beats * 60 / COUNT_S
    if shown.origin.truth is not None:
        return (
            f"You counted **{counted:.0f} bpm**. The result above belongs to the simulated example; analyse a video "
            "of your own to compare."
        )
    hr = shown.report.consensus.vitals.hr
    if hr.value is None:
        return (
            f"You counted **{counted:.0f} bpm**. There is no estimate to compare it with: this page shows none "
            "rather than guess. Your count is the better number."
        )
    difference, band = hr.value - counted, max(5.0, 0.1 * counted)
    both = f"You counted **{counted:.0f} bpm**, the estimate is **{hr.value:.0f} bpm**"
    if abs(difference) <= band:
        return (
            f"{both}: {abs(difference):.0f} apart, within the usual {band:.0f} bpm. One beat is 4 bpm here."
        )
    return (
        f"{both}: {abs(difference):.0f} apart, more than the usual {band:.0f} bpm. A pulse changes within a "
        "minute and counting errors happen, so count again while you record. If the difference remains, trust your "
        "fingers, not this page."
    )


def beside(reference: Reference, shown: Shown) -> tuple[str, plotly.graph_objects.Figure | None]:
    """The heart rate of another device beside the estimate: markdown, and a figure if there is something to draw.

    Args:
        reference: the whole recording of the device.
        shown: the result on the page.
    """
    if shown.origin.truth is not None:
        return (
            "The result above belongs to the simulated example; analyse a video of your own to compare.",
            None,
        )
    report = shown.report
    reference = reference.during(*report.clip.times_s[[0, -1]].tolist())
    said = reference_words(reference, report)
    return f"{said[:1].upper()}{said[1:]}.", reference_figure(report, reference)
