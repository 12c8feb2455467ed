"""Heart rate over a recording: the consensus beside the reference of another device, and where it was refused.

This is the figure of the protocol `recordings`. It is drawn from the JSON of the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rppg_core.figures.style import ESTIMATE, GRID, INK, REFERENCE, empty_figure, set_title

if TYPE_CHECKING:
    import plotly.graph_objects

MARGIN_BPM = 8.0
FALLBACK_BPM = (50.0, 110.0)  # axis of a strip without any value
GAP = 0.03  # share of a window's width left free between two


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

    Returns:
        A plotly figure. Windows that overlap are drawn side by side, each around its middle.
    """
    import plotly.graph_objects as go

    fig = empty_figure(220)
    spans, reference = strip["spans"], strip["reference"]
    low, high = _axis(spans, reference["hr_bpm"])
    middles, widths = _places(spans)
    shown = [k for k, span in enumerate(spans) if span["value_bpm"] is not None]
    refused = [k for k in range(len(spans)) if k not in shown]
    if refused:
        fig.add_trace(go.Bar(
            x=[middles[k] for k in refused], width=[widths[k] for k in refused], base=low,
            y=[high - low] * len(refused), name="refused", customdata=[spans[k]["note"] for k in refused],
            marker={"color": "rgba(0,0,0,0)", "line": {"color": GRID, "width": 1},
                    "pattern": {"shape": "/", "fgcolor": GRID, "size": 9}},
            hovertemplate="refused: %{customdata}<extra></extra>"))  # fmt: skip
    with_interval = [k for k in shown if spans[k]["low_bpm"] is not None]
    if with_interval:
        fig.add_trace(go.Bar(
            x=[middles[k] for k in with_interval], width=[widths[k] for k in with_interval],
            base=[spans[k]["low_bpm"] for k in with_interval], name="95 % interval", opacity=0.3,
            y=[spans[k]["high_bpm"] - spans[k]["low_bpm"] for k in with_interval],
            marker={"color": ESTIMATE}, hoverinfo="skip"))  # fmt: skip
    fig.add_trace(go.Scatter(
        x=reference["times_s"], y=reference["hr_bpm"], name="reference", mode="lines+markers",
        line={"color": REFERENCE, "width": 2.5}, marker={"size": 4},
        hovertemplate="reference %{y:.0f} bpm"))  # fmt: skip
    fig.add_trace(_values(spans, shown, middles, widths))
    fig.update_layout(barmode="overlay", height=380)
    fig.update_xaxes(title_text="time (s)", range=[0, strip["seconds"]])
    fig.update_yaxes(title_text="heart rate (bpm)", range=[low, high])
    set_title(fig, _finding(strip, shown), "consensus; refused windows are hatched")
    return fig


def _values(
    spans: Sequence[Mapping[str, Any]], shown: Sequence[int], middles: np.ndarray, widths: np.ndarray
) -> Any:
    """One level line per window that has a value."""
    import plotly.graph_objects as go

    x: list[float | None] = []
    y: list[float | None] = []
    for k in shown:
        x += [middles[k] - widths[k] / 2, middles[k] + widths[k] / 2, None]
        y += [spans[k]["value_bpm"]] * 2 + [None]
    return go.Scatter(
        x=x,
        y=y,
        name="estimate",
        mode="lines",
        line={"color": ESTIMATE if shown else INK, "width": 3},
        hovertemplate="estimate %{y:.1f} bpm<extra></extra>",
    )


def _places(spans: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Middle and drawn width of every window; overlapping ones are drawn as wide as they are apart."""
    starts = np.array([span["start_s"] for span in spans], float)
    ends = np.array([span["end_s"] for span in spans], float)
    middles = (starts + ends) / 2
    apart = np.diff(middles, prepend=-np.inf, append=np.inf)
    widths = np.minimum(ends - starts, np.minimum(apart[:-1], apart[1:])) * (1 - GAP)
    return middles, widths


def _axis(spans: Sequence[Mapping[str, Any]], reference: Sequence[float]) -> tuple[float, float]:
    """Ends of the axis: everything drawn, and a margin."""
    values = [*reference, *(span[key] for span in spans for key in ("value_bpm", "low_bpm", "high_bpm"))]
    known = [value for value in values if value is not None]
    if not known:
        return FALLBACK_BPM
    return min(known) - MARGIN_BPM, max(known) + MARGIN_BPM


def _finding(strip: Mapping[str, Any], shown: Sequence[int]) -> str:
    n = len(strip["spans"])
    if not shown:
        return f"{strip['recording']}: refused in {'its only window' if n == 1 else f'all {n} windows'}"
    some = "its only window" if n == 1 else f"{len(shown)} of {n} windows"
    return f"{strip['recording']}: a value in {some}"
