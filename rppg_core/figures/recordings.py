"""Heart rate over a recording: the consensus beside the reference of another device, and where it was refused.

This is the figure of the protocol `recordings`. It is drawn from the JSON of the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rppg_core.figures.heart_rate import windows_figure
from rppg_core.figures.hr_track import pieces_of
from rppg_core.tables.reference import Reference
from rppg_core.types import Reading, TrackReading

if TYPE_CHECKING:
    import plotly.graph_objects


def recording_strips(
    found: Sequence[Mapping[str, Any]],
) -> Iterator[tuple[plotly.graph_objects.Figure, str, str]]:
    """Figure, name and description of every recording of a result, for a page.

    Args:
        found: "strips" of `RecordingsResult.to_dict()`, also after JSON.
    """
    for k, strip in enumerate(found):
        words = f"Heart rate over {strip['recording']}: reference in grey, the consensus with its intervals."
        yield recording_strip(strip), f"strip-{k + 1}", words


def recording_strip(strip: Mapping[str, Any]) -> plotly.graph_objects.Figure:
    """One recording: the reference as a grey line, windows with value and interval, refused windows hatched.

    Args:
        strip: one entry of `recording_strips`.
    """
    windows = [_window(span) for span in strip["spans"]]
    known = strip["reference"]
    reference = Reference(np.array(known["times_s"], float), np.array(known["hr_bpm"], float))
    fig = windows_figure(pieces_of(windows), reference, _finding(strip["recording"], windows))
    fig.update_xaxes(range=[0, strip["seconds"]])
    return fig


def _window(span: Mapping[str, Any]) -> TrackReading:
    interval = None if span["low_bpm"] is None else (span["low_bpm"], span["high_bpm"])
    reading = Reading(
        span["value_bpm"], "bpm", confidence=span["confidence"], interval=interval, note=span["note"]
    )
    return TrackReading(span["start_s"], span["end_s"], reading)


def _finding(recording: str, windows: Sequence[TrackReading]) -> str:
    n = len(windows)
    shown = sum(not window.reading.refused for window in windows)
    if not shown:
        return f"{recording}: refused in {'its only window' if n == 1 else f'all {n} windows'}"
    return f"{recording}: a value in {'its only window' if n == 1 else f'{shown} of {n} windows'}"
