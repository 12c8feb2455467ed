"""The handlers of the section on SpO2. The rendering is in panels.oxygen."""

from __future__ import annotations

import gradio as gr

from rppg_core.errors import RppgError
from rppg_core.roster import get_method

from . import inference
from .panels import oxygen
from .panels.section import failure_html, message_html
from .session import GoneError, Visits
from .zerogpu import lent


class OxygenEvents:
    """The handlers of the section.

    Args:
        visits: the data kept for visitors.
    """

    def __init__(self, visits: Visits):
        self._visits = visits

    def read(
        self,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[str, gr.Plot]:
        """Words, table and figure of the face on the page, or the reason why there are none."""

        def tell(stage: str, fraction: float) -> None:
            progress(fraction, desc=stage)

        nothing = gr.Plot(visible=False)
        names = inference.oximeters()
        try:
            shown = self._visits.shown(request.session_hash or "")
            clip = inference.example_clip()[0] if shown is None else shown.report.clip
            own = lent(names)
            faces = oxygen.read_faces(clip, [get_method(name, own) for name in names], own, tell)
        except GoneError as gone:
            said = f"There are no traces to read: {gone}. Analyse your video again."
            return message_html(said), nothing
        except RppgError as error:
            return failure_html(error), nothing
        drawn = oxygen.figure(faces)
        return oxygen.section_html(faces), nothing if drawn is None else gr.Plot(drawn, visible=True)
