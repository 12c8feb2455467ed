"""Table, facts, face and figures. The page, the command line and the report file show the same ones."""

from __future__ import annotations

import plotly.graph_objects as go

from demo.panels.inspection import inspection_card
from rppg_core import report_page, viz
from rppg_core.types import Report, Truth
from rppg_core.video.inspect import findings_of


def waveforms(report: Report, truth: Truth | None = None) -> go.Figure:
    """Every method's pulse; the truth in grey where it is known."""
    return viz.waveforms(report, truth)


def spectrum(report: Report, truth: Truth | None = None) -> go.Figure:
    """Where in frequency the pulse is."""
    return viz.spectrum(report, truth=truth)


def table(report: Report) -> str:
    """Consensus and methods, refusals with their cause."""
    return _parts(report_page.table_html(report))


def face(report: Report) -> str:
    """What was looked at."""
    return _parts(report_page.picture_html(report))


def fitness(report: Report, truth: Truth | None = None) -> str:
    """What the video is fit for, with remedies; nothing about a simulated clip, which never was a file."""
    return inspection_card(findings_of(report.clip)) if truth is None else ""


def _parts(html: str) -> str:
    return f'<div class="rppg">{html}</div>'
