"""The handlers of the section in which the visitor's face is magnified. The rendering is in panels.magnified."""

from __future__ import annotations

import gradio as gr

from rppg_core.errors import RppgError

from . import inference
from .panels import magnified
from .panels.section import failure_html, message_html
from .session import GoneError, Origin, Shown, Visits


class MagnifiedEvents:
    """The handlers of the section.

    Args:
        visits: the data kept for visitors.
    """

    def __init__(self, visits: Visits):
        self._visits = visits

    def ready(self, request: gr.Request) -> tuple[float, float]:
        """A result is on the page: the limits of the band, around its heart rate."""
        try:
            return magnified.rates_from_report(self._shown(request).report)
        except GoneError:
            return magnified.RATES_BPM

    def magnify(
        self,
        factor: float | None,
        low_bpm: float | None,
        high_bpm: float | None,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> str:
        """The video, paused, or the reason why there is none."""

        def tell(stage: str, fraction: float) -> None:
            progress(fraction, desc=stage)

        try:
            if factor is None or low_bpm is None or high_bpm is None:
                return message_html("Give a factor and both rates: one of them is empty.")
            shown = self._shown(request)
            return magnified.magnified(
                shown.film,
                shown.report.clip,
                factor=factor,
                rates_bpm=(low_bpm, high_bpm),
                progress=tell,
            )
        except GoneError as gone:
            return message_html(f"There are no pictures to magnify: {gone}. Analyse your video again.")
        except RppgError as error:
            return failure_html(error)

    def _shown(self, request: gr.Request) -> Shown:
        """The result on the page, with its film: the visitor's own, or that of the example."""
        shown = self._visits.shown(request.session_hash or "")
        if shown is not None and shown.origin.truth is None:
            return shown
        origin = Origin(inference.example_clip()[1]) if shown is None else shown.origin
        report = inference.example_report() if shown is None else shown.report
        return Shown(report, origin, inference.example_film())
