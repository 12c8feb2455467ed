"""A self-contained HTML page: its frame, its style and its figures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects

NOT_MEDICAL = "Estimates for research and teaching. Not a medical device."


def list_html(lines: Sequence[str]) -> str:
    """Lines as an HTML list; empty without lines."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>" if lines else ""


def figure_html(figure: plotly.graph_objects.Figure, name: str, words: str) -> str:
    """A figure for `page_html`, with a description for readers who cannot see it."""
    drawing = figure.to_html(
        full_html=False,
        include_plotlyjs=False,
        div_id=name,
        config={"displaylogo": False, "responsive": True, "displayModeBar": False},
    )
    return f'<figure role="img" aria-label="{escape(words)}">{drawing}</figure>'


def page_html(title: str, body: str) -> str:
    """A page that loads nothing over the network; plotly.js is included if the page has a figure."""
    from plotly.offline import get_plotlyjs

    script = f"<script>{get_plotlyjs()}</script>" if "Plotly.newPlot" in body else ""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{PARTS_STYLE}{_STYLE}</style>{script}</head>\n"
        f'<body class="rppg"><main><h1>{escape(title)}</h1>\n{body}\n</main></body></html>\n'
    )


# Tables, lists and pictures, here and in the app, which defines the same three colours.
PARTS_STYLE = """
.rppg .scroll { overflow-x: auto; }
.rppg table { border-collapse: collapse; border: 0; width: 100%; font-variant-numeric: tabular-nums; }
.rppg :is(th, td) { padding: .35rem .6rem; text-align: right; white-space: nowrap; font-size: .875rem; }
.rppg tr { border: 0; }
.rppg :is(th, td) { border: 0; border-bottom: 1px solid var(--line); }
.rppg thead th { color: var(--soft); font-weight: 600; }
.rppg :is(th:first-child, .cause) { text-align: left; }
.rppg td:nth-last-child(2) { white-space: normal; min-width: 7.5rem; }
.rppg .cause { color: var(--soft); white-space: normal; }
.rppg .cause span { display: inline-block; max-width: calc(100vw - 10rem); }
.rppg tbody tr:first-child { font-weight: 600; }
.rppg figure { margin: .5rem 0; }
.rppg img { max-width: 100%; width: 22rem; border-radius: 8px; display: block; }
.rppg figcaption { color: var(--soft); font-size: .875rem; }
.rppg dl { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .25rem 1rem; margin: 0; }
.rppg dt { color: var(--soft); }
.rppg dd { margin: 0; overflow-wrap: anywhere; }
.js-plotly-plot svg text { fill: var(--ink) !important; }
.js-plotly-plot .hovertext path { fill: var(--paper, var(--body-background-fill)) !important; }
"""
_STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1f2328; --soft: #59636e; --paper: #fff; --line: #d1d9e0; --accent: #b34e00;
}
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9aa4ae; --paper: #0d1117; --line: #30363d; --accent: #ff8a3d; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
ul { margin: .25rem 0; padding-left: 1.25rem; }
pre { font-size: .8125rem; line-height: 1.4; }
.verdict { font-size: 1.25rem; border-left: 4px solid var(--accent); padding: .25rem .75rem; margin: .5rem 0; }
.small { color: var(--soft); font-size: .875rem; }
"""
