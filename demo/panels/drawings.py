"""Table, player, spectrum and suitability of the video, each from the report and the origin of its clip."""

from __future__ import annotations

import plotly.graph_objects as go

from rppg_core.figures import report_page
from rppg_core.figures.report import spectrum_figure
from rppg_core.types import Report
from rppg_core.video.inspect import findings_from_clip

from ..session import Origin
from .inspection import inspection_card
from .viewer import viewer


def player(report: Report, origin: Origin) -> str:
    """The video with its beats and all waveforms; the truth, if known, in grey."""
    return viewer(report, origin.truth, upload=origin.upload)


def spectrum(report: Report, origin: Origin) -> go.Figure:
    """The spectrum of the pulse."""
    return spectrum_figure(report, truth=origin.truth)


def table(report: Report) -> str:
    """Consensus and methods, refusals with their cause."""
    return f'<div class="rppg">{report_page.table_html(report)}</div>'


def fitness(report: Report, origin: Origin) -> str:
    """How suitable the video is, with remedies."""
    return inspection_card(findings_from_clip(report.clip))
