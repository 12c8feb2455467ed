"""The section in which the visitor's face is magnified: its components and their wiring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from rppg_core.video.magnify import FLASHES

from ..magnified_events import MagnifiedEvents
from ..session import Visits
from . import magnified

TITLE = "See the pulse: your face, magnified"
TEXT = Path(__file__).parents[1] / "texts" / "magnified.md"


@dataclass(frozen=True)
class MagnifiedSection:
    """What the page changes when a result arrives or goes."""

    on: MagnifiedEvents
    rates: list[Component]
    video: Component

    def follow(self, arrived: Sequence[Any], gone: Sequence[Callable[..., Any]]) -> None:
        """Set the band when a result arrived, and empty the section when it goes.

        Args:
            arrived: events after which a result is on the page.
            gone: triggers that remove it.
        """
        quiet = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        for event in arrived:
            event.then(self.on.ready, outputs=self.rates, **quiet)
        gr.on(list(gone), lambda: "", outputs=self.video, **quiet)


def magnified_section(visits: Visits) -> MagnifiedSection:
    """Put the section on the page, closed; nothing is computed before a visitor presses its button.

    Args:
        visits: the data kept for visitors.
    """
    on = MagnifiedEvents(visits)
    with gr.Accordion(TITLE, open=False, elem_id="magnified"):
        gr.Markdown(TEXT.read_text(encoding="utf-8"))
        gr.Markdown(f"**{FLASHES}** Nothing plays by itself.")
        factor = gr.Slider(
            0, magnified.MOST_FACTOR, magnified.FACTOR, step=5, label="Factor", elem_id="magnified-factor"
        )
        grown = gr.Markdown(magnified.gain_words(magnified.FACTOR), elem_id="magnified-gain")
        with gr.Row():
            low, high = (
                gr.Slider(*magnified.LIMITS_BPM, bpm, step=1, label=label, min_width=240, elem_id=f"magnified-{key}")
                for bpm, label, key in zip(
                    magnified.RATES_BPM, ("Slowest rate (bpm)", "Fastest rate (bpm)"), ("low", "high"), strict=True
                )
            )  # fmt: skip
        button = gr.Button("Magnify", elem_id="magnify", min_width=140)
        video = gr.HTML(elem_id="magnified-video")
    factor.change(
        magnified.gain_words,
        factor,
        grown,
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    button.click(
        on.magnify,
        [factor, low, high],
        video,
        concurrency_limit=1,
        concurrency_id="model",
        show_progress_on=video,
        api_visibility="private",
    )
    return MagnifiedSection(on, [low, high], video)
