"""The page: wiring only. Numbers come from inference, what is shown from panels, words from texts.

`gr.Video` keeps the uploaded bytes only as it is set here (both sources, audio kept, no format, no mirror); any
other setting re-encodes the file and wipes out the pulse.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
from gradio import themes
from gradio.components import Component

from demo import inference
from demo.panels import drawings, words
from rppg_core.errors import RppgError
from rppg_core.report_page import PARTS_STYLE
from rppg_core.roster import CLASSICAL, list_methods
from rppg_core.types import Report, Truth

TEXTS = Path(__file__).with_name("texts")
MAX_UPLOAD = "150mb"
STYLE = (
    """
.gradio-container { --ink: var(--body-text-color); --line: var(--border-color-primary); --soft: #59636e; }
.dark .gradio-container, .gradio-container.dark { --soft: #9aa4ae; }
#verdict h2 { font-size: 1.3rem; font-weight: 600; line-height: 1.4; margin: 0;
              border-left: 4px solid var(--color-accent); padding-left: .75rem; }
"""
    + PARTS_STYLE
)


def launch(port: int | None = None) -> None:
    """Make the example, then serve until stopped.

    Args:
        port: None is the first free one from 7860.

    Raises:
        OSError: the port is taken.
    """
    inference.estimate_example(CLASSICAL)
    app = build()
    app.queue(max_size=20)
    _, url, _ = app.launch(
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        theme=themes.Default(primary_hue="orange", neutral_hue="gray", font=("system-ui", "sans-serif")),
        css=STYLE,
        max_file_size=MAX_UPLOAD,
        run_history=False,
        footer_links=["api", "settings"],
    )
    print(f"rPPG Lab: {url} (Ctrl-C stops it)", flush=True)
    app.block_thread()


def build() -> gr.Blocks:
    """The page with its events; nothing is computed until it is opened."""
    with gr.Blocks(title="rPPG Lab", analytics_enabled=False, delete_cache=(600, 600)) as app:
        gr.Markdown(_text("intro"))
        with gr.Row():
            with gr.Column(min_width=320):
                video = gr.Video(
                    label="Your video (or leave this empty for the example)",
                    sources=["upload", "webcam"], include_audio=True, format=None, height=300,
                    webcam_options=gr.WebcamOptions(mirror=False), elem_id="video",
                )  # fmt: skip
            with gr.Column(min_width=320):
                gr.Markdown(_text("tips"))
                methods = gr.CheckboxGroup(list_methods(), value=list(CLASSICAL), label="Methods to compare")
                compare = gr.Button("Analyse", variant="primary", elem_id="analyse")
        gr.Markdown(_text("privacy"))
        shown = _result_panels()
        with gr.Accordion("Limits", open=False):
            gr.Markdown(words.limits_list())

        app.load(show_example, outputs=shown, queue=False, show_progress="hidden", api_visibility="private")
        done = compare.click(
            show_comparison, [video, methods], [video, *shown], concurrency_limit=1, concurrency_id="model",
            show_progress_on=shown[0], scroll_to_output=True, api_visibility="private",
        )  # fmt: skip
        done.failure(show_failure, outputs=[video, *shown], queue=False, api_visibility="private")
        _public_endpoint(video, methods)
    return app


def show_example() -> tuple[Any, ...]:
    """What a visitor sees first."""
    return _panels(*inference.estimate_example(CLASSICAL))


def show_comparison(
    video: str | None, methods: list[str], progress: gr.Progress = gr.Progress()  # noqa: B008
) -> tuple[Any, ...]:  # fmt: skip
    """Empties the player, whose file is deleted, and fills the panels."""
    try:
        if video is None:
            return None, *_panels(*inference.estimate_example(methods, _told(progress)))
        return None, *_panels(inference.estimate_upload(video, methods, _told(progress)))
    except RppgError as error:
        raise _spoken(error) from error


def show_failure() -> tuple[Any, ...]:
    """Empties the player and every panel: an old result must not stand below a new error."""
    said = "## No result for this video\n\nThe message says why. The video was deleted from the server."
    return None, said, "", "", None, None, "", ""


def estimate(video: str, methods: list[str]) -> dict[str, Any]:
    """Estimate heart rate, breathing and HRV from a face video; the object of `rppg analyze --json`.

    Args:
        video: a face video, 5 s or more. It is deleted after the analysis.
        methods: names as in `rppg methods`.

    Returns:
        Video, face, consensus, one estimate a method with its waveform, notes and seconds. A vital that cannot be
        trusted has the value null and says why in its note.
    """
    if video is None:
        raise gr.Error("no video was given", print_exception=False)
    try:
        return inference.estimate_upload(video, methods).to_dict()
    except RppgError as error:
        raise _spoken(error) from error


def _result_panels() -> list[Component]:
    """Empty panels in the order of `_panels`; rows become columns on a phone."""
    verdict = gr.Markdown("Analysing the simulated example …", elem_id="verdict")
    table = gr.HTML()
    remarks = gr.Markdown()
    with gr.Row():
        with gr.Column(min_width=320):
            waves = gr.Plot(label="Pulse", show_label=False)
        with gr.Column(min_width=320):
            spectrum = gr.Plot(label="Spectrum", show_label=False)
    with gr.Row():
        with gr.Column(min_width=320):
            face = gr.HTML()
        with gr.Column(min_width=320):
            facts = gr.HTML()
    return [verdict, table, remarks, waves, spectrum, face, facts]


def _panels(report: Report, truth: Truth | None = None) -> tuple[Any, ...]:
    return (
        words.verdict(report, truth),
        drawings.table(report),
        words.remarks_list(report),
        drawings.waveforms(report, truth),
        drawings.spectrum(report, truth),
        drawings.face(report),
        drawings.facts(report),
    )


def _public_endpoint(video: gr.Video, methods: gr.CheckboxGroup) -> None:
    """An event of a hidden button: `gr.Video` checks that the path is an upload, which `gr.api` would not."""
    gr.Button(visible=False).click(
        estimate, [video, methods], gr.JSON(visible=False), api_name="estimate", concurrency_limit=1,
        concurrency_id="model",
    )  # fmt: skip


def _told(progress: gr.Progress) -> inference.Progress:
    def tell(stage: str, fraction: float) -> None:
        progress(fraction, desc=stage)

    return tell


def _spoken(error: RppgError) -> gr.Error:
    return gr.Error(str(error), title="This video cannot be analysed", duration=None, print_exception=False)


def _text(name: str) -> str:
    return (TEXTS / f"{name}.md").read_text(encoding="utf-8")


if __name__ == "__main__":
    launch()
