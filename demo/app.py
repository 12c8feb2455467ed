"""The page: layout and wiring only. Event handlers are in events, the analysis in inference, the prose in texts.

`gr.Video` keeps the uploaded bytes only with the settings used here (both sources, audio kept, no format, no
mirror); any other setting re-encodes the file and destroys the pulse.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
from gradio import themes
from gradio.components import Component
from gradio.utils import get_upload_folder

from rppg_core.errors import UsageError
from rppg_core.figures.page import PARTS_STYLE

from . import events, inference
from .panels import count, words
from .panels.downloads import DOWNLOADS
from .panels.live import live_head, live_tab
from .panels.magnified import magnified_head
from .panels.magnified_section import magnified_section
from .panels.methods import MethodPanel, method_panels
from .panels.oxygen_section import oxygen_section
from .panels.prompt_tab import prompt_tab
from .panels.viewer import viewer_head
from .prompt_events import PromptEvents

TEXTS = Path(__file__).with_name("texts")
STATIC = Path(__file__).with_name("static")
MAX_UPLOAD = "150mb"
EMPTY_IF_0 = "(beats) => beats || null"  # Gradio shows an empty number as 0
WAITING = 20  # visitors in the queue; further ones get the message that it is full


def launch(port: int | None = None, *, mcp: bool | None = None) -> None:
    """Compute the example, then serve until stopped; the networks are loaded once the page can be opened.

    Args:
        port: None takes the first free port from 7860.
        mcp: also serve the endpoint `estimate` to language models; None reads the environment variable RPPG_MCP.

    Raises:
        OSError: the port is taken.
        UsageError: `mcp` is on but the package `mcp` is not installed.
    """
    mcp = os.environ.get("RPPG_MCP", "") not in ("", "0") if mcp is None else mcp
    if mcp and find_spec("mcp") is None:
        raise UsageError(
            "the package 'mcp' is not installed",
            wanted="Gradio's extra 'mcp'",
            do="pip install 'gradio[mcp]'",
        )
    events.show_example()
    app = build()
    app.queue(max_size=WAITING)
    _, url, _ = app.launch(
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        theme=themes.Default(primary_hue="orange", neutral_hue="gray", font=("system-ui", "sans-serif")),
        css=(STATIC / "page.css").read_text(encoding="utf-8") + PARTS_STYLE,
        head=f"<script>{(STATIC / 'page.js').read_text(encoding='utf-8')}</script>"
        f"{viewer_head()}{magnified_head()}{live_head()}",
        max_file_size=MAX_UPLOAD,
        run_history=False,
        footer_links=["api", "settings"],
        mcp_server=mcp,
    )
    print(f"rPPG Lab: {url} (Ctrl-C stops it)", flush=True)
    Thread(target=inference.load_networks, daemon=True).start()
    app.block_thread()


def build() -> gr.Blocks:
    """The page and its events; nothing is computed until a visitor opens it."""
    on = events.Events(Path(get_upload_folder()))
    with gr.Blocks(title="rPPG Lab", analytics_enabled=False, delete_cache=(60, 600)) as app:
        gr.Markdown(_text("intro"))
        with gr.Tabs(overflow_behavior="wrap"):
            with gr.Tab("Try it"):
                delete = _try_it(app, on)
            if "physllm" in inference.offered():
                with gr.Tab("PhysLLM prompt") as tab:
                    prompt_tab(tab, PromptEvents(on.visits), delete)
            with gr.Tab("Live"):
                live_tab()
            with gr.Tab("Privacy and limits"):
                gr.Markdown(_text("privacy"))
                gr.Markdown(f"## Limits\n\n{_text('limits')}{words.limits_list()}")
            with gr.Tab("API"):
                api = gr.Markdown(elem_id="api")
        app.load(on.api, outputs=api, queue=False, show_progress="hidden", api_visibility="private")
        app.load(None, js="() => window.rppgReady()")
        app.unload(on.left)
    return app


def _try_it(app: gr.Blocks, on: events.Events) -> gr.Button:
    """The tab's components from top to bottom, then its events; returns the button that deletes a visitor's data."""
    with gr.Row():
        with gr.Column(min_width=320):
            video = gr.Video(
                label="Your video", sources=["upload", "webcam"],
                include_audio=True, format=None, height=300, elem_id="video",
                webcam_options=gr.WebcamOptions(mirror=False),
            )  # fmt: skip
            gr.Markdown(_text("consent"))
        with gr.Column(min_width=320):
            gr.Markdown(_text("tips"))
            methods = gr.CheckboxGroup(
                inference.offered(), value=inference.offered(), label="Methods to compare", elem_id="methods"
            )
            with gr.Row():
                analyse = gr.Button("Analyse", variant="primary", elem_id="analyse")
                stop = gr.Button("Stop", elem_id="stop", visible=False)
    verdict = gr.Markdown("Analysing the simulated example …", elem_id="verdict")
    with gr.Column(elem_id="results") as results:
        panels = _result_panels()
        face = magnified_section(on.visits)
        oxygen_gone = oxygen_section(on.visits) if inference.oximeters() else None
        beats, counted = _count_panel(app, on)
        device = _device_panel(on)
        _downloads(on)
    shown = [verdict, results, counted, *panels]
    with gr.Row():
        delete = gr.Button("Delete my data now", elem_id="delete", min_width=200, scale=0)
        deleted = gr.Markdown(elem_id="deleted")

    quiet = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    first = app.load(events.show_example, outputs=shown, **quiet)
    video.change(on.received, video, **quiet)
    running = analyse.click(on.begin, outputs=[verdict, results, analyse, stop, deleted], **quiet).then(
        on.analyse,
        [video, methods],
        [video, *shown],
        concurrency_limit=1,
        concurrency_id="model",
        show_progress_on=verdict,
        scroll_to_output=True,
        api_visibility="private",
    )
    gr.on([analyse.click, delete.click], on.nothing_beside, outputs=device, **quiet)
    running.failure(on.fault, outputs=[video, *shown], **quiet)
    ended = running.then(on.ended, outputs=[analyse, stop, video, *shown], **quiet)
    face.follow([first, ended], [analyse.click, delete.click])
    if oxygen_gone is not None:
        oxygen_gone([analyse.click, delete.click])
    ended.then(None, beats, beats, js=EMPTY_IF_0)  # Gradio shows it anew with the results
    stop.click(on.stop, outputs=[video, *shown], cancels=[running], **quiet)
    delete.click(on.delete, outputs=[deleted, video, *shown], cancels=[running], **quiet)
    delete.click(None, js="() => window.rppgForget()")
    # the click of a hidden button: `gr.Video` checks that the path is an upload, which `gr.api` would not
    gr.Button(visible=False).click(
        on.estimate,
        [video, methods],
        gr.JSON(visible=False),
        api_name="estimate",
        concurrency_limit=1,
        concurrency_id="model",
    )
    return delete


def _result_panels() -> list[Component]:
    """Empty panels in the order of `events._panels`; rows become columns on a phone."""
    table = gr.HTML()
    remarks = gr.Markdown()
    player = gr.HTML()
    with gr.Row():
        with gr.Column(min_width=320):
            spectrum = gr.Plot(label="Spectrum", show_label=False, elem_id="spectrum")
        with gr.Column(min_width=320):
            fitness = gr.HTML()
    inside = [part for method in method_panels() for part in _method_row(method)]
    return [table, remarks, player, spectrum, fitness, *inside]


def _method_row(method: MethodPanel) -> list[Component]:
    """What happened inside one network: text with a figure beside it."""
    with gr.Row():
        with gr.Column(min_width=320):
            said = gr.HTML(elem_id=method.name)
        with gr.Column(min_width=320):
            figure = gr.Plot(
                label=method.figure_label,
                show_label=False,
                elem_id=f"{method.name}-figure",
                visible=False,
            )
    return [said, figure]


def _count_panel(app: gr.Blocks, on: events.Events) -> tuple[Component, Component]:
    """Clock and comparison; returns the number, and the component to clear when a new result arrives."""
    gr.Markdown(_text("count"))
    with gr.Row(elem_id="count-row"):
        start = gr.Button(f"Start {count.COUNT_S} s", elem_id="count-start", min_width=140, scale=0)
        beats = gr.Number(
            label=f"Beats in {count.COUNT_S} s",
            value=None,
            placeholder="18",
            elem_id="count",
            min_width=140,
            scale=0,
        )
        compare = gr.Button("Compare", elem_id="count-compare", min_width=140, scale=0)
    gr.HTML('<p id="count-clock" role="timer"></p>')
    result = gr.Markdown(elem_id="count-result")
    app.load(None, beats, beats, js=EMPTY_IF_0)
    start.click(None, js=f"() => window.rppgCount({count.COUNT_S})")
    gr.on(
        [compare.click, beats.submit],
        on.compare,
        beats,
        result,
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    return beats, result


def _device_panel(on: events.Events) -> list[Component]:
    """A file of another device; returns its field, and what is said and drawn of it."""
    with gr.Accordion("Or compare with a chest strap, a watch or an oximeter", open=False):
        gr.Markdown(_text("device"))
        table = gr.File(
            label="Heart rates (CSV)", file_types=[".csv", ".tsv", ".txt"], height=120, elem_id="device"
        )
    said = gr.Markdown(elem_id="device-result")
    figure = gr.Plot(label="Heart rates", show_label=False, visible=False, elem_id="device-figure")
    parts: list[Component] = [table, said, figure]
    table.upload(on.beside, table, parts, queue=False, show_progress="hidden", api_visibility="private")
    return parts


def _downloads(on: events.Events) -> None:
    """Files are made in memory on the click and sent to the browser; none is written to disk on the server."""
    gr.Markdown("### Download your results")
    made = gr.JSON(visible=False)
    with gr.Row():
        for kind in DOWNLOADS:
            button = gr.Button(kind.label, elem_id=f"download-{kind.key}", min_width=140)
            button.click(
                on.download(kind), outputs=made, queue=False, show_progress="hidden", api_visibility="private"
            ).success(None, made, made, js="(file) => { window.rppgDownload(file); return null; }")
    gr.Markdown(_text("traces"))


def _text(name: str) -> str:
    return (TEXTS / f"{name}.md").read_text(encoding="utf-8")


if __name__ == "__main__":
    launch()
