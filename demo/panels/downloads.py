"""The downloads: JSON, CSV, a report page, a notebook and the colour traces. They are made as text, not as files."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

import numpy as np

from rppg_core.figures.page import NOT_MEDICAL
from rppg_core.figures.report_page import csv_text, report_html
from rppg_core.roster import get_method
from rppg_core.types import Report
from rppg_core.video.traces import traces_text


@dataclass(frozen=True)
class Download:
    """One kind of file."""

    key: str  # of the button on the page
    label: str
    name: str
    media_type: str
    text: Callable[[Report], str]

    def file(self, report: Report) -> dict[str, str]:
        """The argument of `rppgDownload` in static/page.js, which saves it as a file."""
        return {"name": self.name, "type": self.media_type, "text": self.text(report)}


def json_text(report: Report) -> str:
    """The object of `rppg analyze --json`."""
    return json.dumps(report.to_dict(), ensure_ascii=False, allow_nan=False) + "\n"


def notebook_text(report: Report) -> str:
    """A notebook that contains the traces of a clip, but not its picture, and runs the methods on them again."""
    names = [name for name in report.estimates if get_method(name).needs <= {"rgb"}]
    cells = [
        _words(f"""\
            # Pulse from your traces

            The mean colours of {len(report.clip.rois)} face regions in {len(report.clip.times_s)} frames, and the
            waveforms that the page showed. This file contains no picture of you. It needs
            `pip install rppg-lab`.

            **{NOT_MEDICAL}** The page said: {report.consensus.verdict}"""),
        _code(f"""\
            import base64, io
            import numpy as np

            TRACES = "{_traces(report)}"
            traces = np.load(io.BytesIO(base64.b64decode(TRACES)))
            times_s, rgb, valid = traces["times_s"], traces["rgb"], traces["valid"]
            {{name: traces[name].shape for name in traces}}"""),
        _words("## What the camera saw\n\nMean colour of the skin. It contains the pulse, 0.2 to 0.7 % high."),
        _code("""\
            import plotly.graph_objects as go

            skin = rgb[:, 0]
            colours = {"red": skin[:, 0], "green": skin[:, 1], "blue": skin[:, 2]}
            lines = [go.Scatter(x=times_s, y=y, name=name, line_color=name) for name, y in colours.items()]
            go.Figure(lines).update_layout(xaxis_title="time (s)", yaxis_title="grey level")"""),
        _words("## The methods, run again\n\nThe traces and the code are those of the page, and so are the numbers."),
        _code(f"""\
            from rppg_core.analysis.pipeline import analyze
            from rppg_core.types import FaceClip, FaceInfo, VideoInfo

            video = VideoInfo(**{report.video.__dict__})
            face = FaceInfo(**{report.face.__dict__})
            background = traces["background"] if "background" in traces else None
            clip = FaceClip(times_s, valid, rgb, region={report.clip.region!r}, background=background, video=video,
                            face=face)
            report = analyze(clip, {names})
            report.consensus.verdict"""),
        _code("""\
            import rppg_core

            rppg_core.figure(report)"""),
        *_track_cells(),
        _words("## Against what the page showed\n\nAny differences are due to rounding."),
        _code("""\
            for name, estimate in report.estimates.items():
                apart = abs(estimate.bvp.samples - traces["bvp_" + name]).max()
                print(f"{name:6s} heart rate {estimate.vitals.hr.value}, waveforms at most {apart:.1e} apart")"""),
        _words("## Your turn\n\nHow does the verdict change with the first ten seconds alone, and why?"),
        _code("""\
            from dataclasses import replace

            first = times_s < 10
            part = replace(clip, times_s=times_s[first], rgb=rgb[first], valid=valid[first],
                           background=None if background is None else background[first])
            analyze(part, ["pos"]).consensus.verdict"""),
    ]  # fmt: skip
    return _notebook(cells)


def _track_cells() -> list[dict[str, Any]]:
    """The windows of `report`, one per line."""
    return [
        _words("## The heart rate over time\n\nOne line per window of 10 s; `none` where no pulse could be trusted."),
        _code("""\
            from rppg_core.figures.hr_track import shown_track, window_words

            print(f"{report.consensus.vitals.hr_seconds:.0f} s show a heart rate")
            for window in shown_track(report.consensus.vitals):
                print(window_words(window))"""),
    ]  # fmt: skip


def _notebook(cells: list[dict[str, Any]]) -> str:
    """The file of these cells."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": [{**cell, "id": f"cell{k}"} for k, cell in enumerate(cells)],
                "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
                "nbformat": 4, "nbformat_minor": 5}  # fmt: skip
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


DOWNLOADS = (
    Download("json", "JSON", "pulse.json", "application/json", json_text),
    Download("csv", "CSV", "pulse.csv", "text/csv", csv_text),
    Download("html", "Report page", "pulse.html", "text/html", report_html),
    Download("ipynb", "Notebook", "pulse.ipynb", "application/x-ipynb+json", notebook_text),
    Download("traces", "Colour traces", "traces.csv", "text/csv", lambda report: traces_text(report.clip)),
)


def _traces(report: Report) -> str:
    """Colours, times and waveforms as a compressed .npz in base64."""
    clip = report.clip
    arrays: dict[str, Any] = {"times_s": clip.times_s, "rgb": clip.rgb, "valid": clip.valid}
    if clip.background is not None:
        arrays["background"] = clip.background
    arrays |= {f"bvp_{name}": e.bvp.samples for name, e in report.estimates.items() if e.bvp is not None}
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    return base64.b64encode(packed.getvalue()).decode()


def _words(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": _lines(text)}


def _code(text: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": _lines(text),
    }


def _lines(text: str) -> list[str]:
    return dedent(text).splitlines(keepends=True)
