"""The section on SpO2: its components and their wiring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from ..oxygen_events import OxygenEvents
from ..session import Visits

TITLE = "SpO2 (teaching): what a camera can and cannot say"
TEXT = Path(__file__).parents[1] / "texts" / "oxygen.md"


def oxygen_section(visits: Visits) -> Callable[[Sequence[Callable[..., Any]]], None]:
    """Put the section on the page, closed; nothing is computed before a visitor presses its button.

    Args:
        visits: the data kept for visitors.

    Returns:
        A function that takes the triggers which remove a result, and empties the section on them.
    """
    on = OxygenEvents(visits)
    with gr.Accordion(TITLE, open=False, elem_id="oxygen"):
        gr.Markdown(TEXT.read_text(encoding="utf-8"))
        button = gr.Button("Show the numbers", elem_id="oxygen-show", min_width=140)
        said = gr.HTML(elem_id="oxygen-said")
        drawn = gr.Plot(label="SpO2 over time", show_label=False, visible=False, elem_id="oxygen-figure")
    button.click(
        on.read,
        outputs=[said, drawn],
        concurrency_limit=1,
        concurrency_id="model",
        show_progress_on=said,
        api_visibility="private",
    )

    def gone(triggers: Sequence[Callable[..., Any]]) -> None:
        gr.on(
            list(triggers),
            lambda: ("", gr.Plot(visible=False)),
            outputs=[said, drawn],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )

    return gone
