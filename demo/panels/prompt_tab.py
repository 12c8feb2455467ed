"""The tab "PhysLLM prompt": its components and their wiring."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.components import Component

from rppg_core.models.physllm.cues import CUES

from ..prompt_events import MOST_LETTERS, PREFIX, PromptEvents
from . import prompt

# A figure that was drawn while its accordion was closed has a width of its own until the window changes.
FIT = "() => { setTimeout(() => window.dispatchEvent(new Event('resize')), 100); }"
TEXT = Path(__file__).parents[1] / "texts" / "prompt.md"


def prompt_tab(tab: gr.Tab, on: PromptEvents, delete: gr.Button) -> None:
    """Fill the open `gr.Tab`; nothing is computed until a visitor selects it.

    Args:
        tab: that is being filled.
        on: its handlers.
        delete: the button that deletes a visitor's data, those in this tab included.
    """
    gr.Markdown(TEXT.read_text(encoding="utf-8"))
    key = gr.State("")
    said = gr.HTML("<p>Reading the words …</p>", elem_id="prompt-said")
    with gr.Column(visible=False, elem_id="prompt-body") as body:
        with gr.Row():
            face = gr.Radio([], label="Face", elem_id=f"{PREFIX}face", min_width=280)
            window = gr.Dropdown(
                [], label="Window", elem_id=f"{PREFIX}window", min_width=200, filterable=False
            )
        cues = [part for name in CUES for part in _cue(name)]
        with gr.Row():
            read = gr.Button("Read again", variant="primary", elem_id="prompt-read", min_width=140)
            swap = gr.Button("Read with the other face's words", elem_id="prompt-swap", min_width=140)
            restore = gr.Button("Restore", elem_id="prompt-restore", min_width=140)
        result = gr.HTML(elem_id="prompt-result")
        change = gr.Plot(label="Before and after", show_label=False, visible=False, elem_id="prompt-change")
        with gr.Row():
            with gr.Column(min_width=320):
                gr.Markdown("### Your pulse in words")
                words = gr.HTML(elem_id="prompt-words")
            with gr.Column(min_width=320):
                gr.Markdown("### Prototypes")
                prototypes = gr.HTML(elem_id="prompt-prototypes")

    shown = [key, body, face, window, said, *cues, result, change, prototypes, words]
    model = {
        "concurrency_limit": 1, "concurrency_id": "model", "api_visibility": "private", "show_progress_on": said,
    }  # fmt: skip
    tab.select(on.opened, key, shown, **model)
    face.input(on.chose_face, face, shown, **model)
    window.input(on.chose_window, [face, window], shown, **model)
    asked = {face, window, *(part for part in cues if isinstance(part, (gr.Checkbox, gr.Textbox)))}
    restore.click(on.chose_window, [face, window], shown, **model)
    model |= {"show_progress_on": result, "scroll_to_output": False}
    read.click(on.read, asked, shown, **model)
    swap.click(on.swap, asked, shown, **model)
    delete.click(on.cleared, outputs=shown, queue=False, show_progress="hidden", api_visibility="private")


def _cue(name: str) -> list[Component]:
    """Switch, text, facts, and the attention to its words, in the order of `View.cues`."""
    with gr.Group():
        used = gr.Checkbox(True, label=prompt.ABOUT[name], elem_id=f"{PREFIX}use-{name}")
        text = gr.Textbox(
            label=f"Text of the {name} cue", lines=2, max_lines=20, max_length=MOST_LETTERS, elem_id=f"{PREFIX}{name}"
        )  # fmt: skip
    facts = gr.HTML(elem_id=f"prompt-facts-{name}")
    with gr.Accordion(f"What each patch of the pulse attends to in the {name} cue", open=False) as opened:
        figure = gr.Plot(
            label=f"Attention to the {name} cue",
            show_label=False,
            visible=False,
            elem_id=f"prompt-heat-{name}",
        )
        numbers = gr.HTML()
    opened.expand(None, js=FIT, api_visibility="private")
    return [used, text, facts, figure, numbers]
