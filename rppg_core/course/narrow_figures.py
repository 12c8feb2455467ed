"""How a figure of a lesson changes on a narrow page, so that a phone shows all of it.

A figure is stored once, as wide as a notebook. Pictures, matrices and small plots get rows of fewer; colour bars move
above, names of bars get several lines, crowded cells small numbers, and the drawing of a network flows down.
Everything is computed from plotly's JSON, so that pages can be made from stored notebooks.
"""

from __future__ import annotations

import base64
import re
import struct
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from rppg_core.course.drawings import find_narrow_picture
from rppg_core.course.teach import SLIDER_PX
from rppg_core.figures.style import INK

Json = dict[str, Any]

NARROW_PX = 600  # a figure changes on pages narrower than this
FIGURE_PX = 368  # width of a figure on a page of 400 px; heights are computed for it
SIDES_PX = 76  # margins to the left and right of a plot
LETTER = 0.56  # mean width of a letter / its height
SMALL_PX = 11  # letters below bars and above crowded cells
LABEL_PX = 24  # room for the name above a picture
SMALLEST_PX = 96  # width of a picture; two fit in any case
UNIT_PX = 24  # largest side of a cell of a matrix
BAR_PX = 38  # height of a colour bar above a figure
PANEL_PX = 210  # height of a small plot with its titles
CROWDED_PX = 32  # cells narrower than this get small numbers
AXIS_PX, LEGEND_LINE_PX, LEGEND_MARK_PX = 62, 20, 46  # an axis with its title; of a legend, a line and a mark
UPRIGHT = {"tickfont": {"size": SMALL_PX}, "tickangle": -90, "automargin": True}  # of names that are too wide
TYPES = {"f4": np.float32, "f8": np.float64, "i1": np.int8, "i2": np.int16, "i4": np.int32, "u1": np.uint8}
HORIZONTAL = {
    "orientation": "h",
    "x": 0,
    "xanchor": "left",
    "y": 1,
    "yref": "container",
    "yanchor": "top",
    "ypad": 2,
    "len": 1,
    "thickness": 10,
    "title": {"side": "right", "font": {"size": 12}},
}
HORIZONTAL_BAR = {"colorbar": HORIZONTAL}


def narrow_changes(figure: Json) -> Json:
    """What changes on a narrow page: parts of `data`, of `layout`, and of the layout of each `frame`.

    Args:
        figure: plotly's JSON, without a title.
    """
    layout, traces = figure["layout"], figure["data"]
    kinds = {trace["type"] for trace in traces}
    plots = [key for key in layout if re.fullmatch(r"xaxis\d*", key)]
    columns = {tuple(layout[key].get("domain", ())) for key in plots}
    changes: Json = {}
    if not traces:
        changes = _drawing(layout)
    elif layout.get("yaxis", {}).get("scaleanchor") == "x":
        changes = _pictures(figure)
    elif len(columns) > 1:
        changes = _panels(layout, plots)
    elif kinds == {"bar"}:
        changes = {"layout": {"xaxis": _named(traces[0]["x"], (FIGURE_PX - SIDES_PX) / len(traces[0]["x"]))}}
    elif kinds == {"heatmap"} and len(plots) == 1:
        changes = _numbers(traces[0]) if "texttemplate" in traces[0] else _colour_bar_above(layout)
    elif len(layout.get("xaxis", {}).get("ticktext", ())) > 1:
        changes = {"layout": {"xaxis": _named_ticks(layout["xaxis"])}}
    changed = changes.setdefault("layout", {})
    changed["dragmode"] = False  # a finger scrolls the page
    for slider in layout.get("sliders", []):
        changed["sliders"] = [_shorter(slider)]
    if traces and layout.get("showlegend") is not False and "height" not in changed:
        changed |= _room_for_legend(layout, [trace["name"] for trace in traces if _is_listed(trace)])
    return changes


def _is_listed(trace: Json) -> bool:
    return bool(trace.get("name")) and trace.get("showlegend") is not False


def _room_for_legend(layout: Json, names: Sequence[str]) -> Json:
    """A legend in as many lines as its names need, below the axis and the slider."""
    if not names:
        return {}
    per_line = max(1, FIGURE_PX // (LEGEND_MARK_PX + round(13 * LETTER * max(map(len, names)))))
    below = AXIS_PX + LEGEND_LINE_PX * -(-len(names) // per_line) + (SLIDER_PX if "sliders" in layout else 0)
    more = max(below - layout["margin"]["b"], 0)
    return {"margin": {"b": layout["margin"]["b"] + more}, "height": layout["height"] + more}


def _shorter(slider: Json) -> Json:
    """A slider whose names fit: they are centred on its stops, also on the last one."""
    labels = [step["label"] for step in slider["steps"]]
    end_px = round(SMALL_PX * LETTER * len(labels[-1]) / 2)
    shown = slider.get("currentvalue", {})
    letters = len(shown.get("prefix", "") + shown.get("suffix", "")) + max(map(len, labels))
    size = min(15, int((FIGURE_PX - SIDES_PX) / LETTER / letters))
    now = shown | {"font": {"size": max(size, SMALL_PX)}}
    pad = slider.get("pad", {}) | {"r": max(end_px - 14, 0)}
    return slider | {"pad": pad, "font": slider.get("font", {}) | {"size": SMALL_PX}, "currentvalue": now}


def _drawing(layout: Json) -> Json:
    words = {note.get("text", "") for note in layout.get("annotations", [])}
    drawing = find_narrow_picture(words)
    if drawing is None:
        return {}
    return {"layout": {k: v for k, v in drawing.to_plotly_json()["layout"].items() if k != "template"}}


@dataclass
class _Item:
    """One of several pictures or matrices that lie side by side on the same axes."""

    name: str
    left: float
    top: float
    width: float
    height: float
    traces: list[int]  # its own, and those of its outlines

    def holds(self, x: float, y: float) -> bool:
        right, bottom = self.left + self.width, self.top + self.height
        return bool(self.left <= x <= right and self.top <= y <= bottom)


def _pictures(figure: Json) -> Json:
    """Pictures or matrices in rows of as many as fit, each below its name."""
    layout, traces = figure["layout"], figure["data"]
    items = _items(traces, layout["xaxis"]["ticktext"])
    bar = BAR_PX if traces[0]["type"] == "heatmap" else 0
    rows = next(rows for n in range(len(items), 0, -1) if _fits(rows := _rows(items, n)) or n <= 2)
    if len(items) == 1:
        return {}
    whole = max(_width(row) for row in rows)
    unit_px = min((FIGURE_PX - 8) / whole, UNIT_PX)
    data: list[Json] = [dict(HORIZONTAL_BAR) if bar else {} for _ in traces]
    notes, moves, top = [], [], 0.0
    for row in rows:
        left, tallest = 0.0, max(item.height for item in row)
        top += LABEL_PX / unit_px
        for item in row:
            right, down = left - item.left, top + (tallest - item.height) / 2 - item.top
            moves.append((item, right, down))
            for k in item.traces:
                data[k] |= _moved(traces[k], right, down)
            notes.append(_note(item.name, left + item.width / 2, item.top + down))
            left += item.width + _gap(row)
        top += tallest
    above = 6 + bar
    frame: Json = {"annotations": notes}
    if layout.get("shapes"):
        frame["shapes"] = [_moved_frame(shape, moves) for shape in layout["shapes"]]
    changed = {
        "xaxis": {"range": [0, whole], "tickvals": [], "autorange": False},
        "yaxis": {"range": [top, 0], "autorange": False},
        "margin": {"t": above, "l": 4, "r": 4},
        "height": round(above + unit_px * top + layout["margin"]["b"]),
    }
    return {"data": data, "layout": changed | frame, "frame": frame}


def _items(traces: Sequence[Json], names: Sequence[str]) -> list[_Item]:
    """The pictures or matrices, with what is drawn on each."""
    items: list[_Item] = []
    for k, trace in enumerate(traces):
        if trace["type"] == "image":
            png = base64.b64decode(trace["source"].partition(",")[2][:40])
            width, height = struct.unpack(">II", png[16:24])
            items.append(_Item(names[len(items)], trace.get("x0", 0) - 0.5, -0.5, width, height, [k]))
        elif trace["type"] == "heatmap":
            x, y = _numbers_in(trace["x"]), _numbers_in(trace["y"])
            left, top = float(x[0]) - 0.5, float(y[0]) - 0.5
            items.append(_Item(names[len(items)], left, top, len(x), len(y), [k]))
        else:
            items[-1].traces.append(k)
    return items


def _rows(items: Sequence[_Item], n: int) -> list[Sequence[_Item]]:
    """Rows of at most n, as even as possible."""
    n_rows = -(-len(items) // n)
    each = -(-len(items) // n_rows)
    return [items[k : k + each] for k in range(0, len(items), each)]


def _gap(row: Sequence[_Item]) -> float:
    return 0.06 * max(item.width for item in row) + 0.01 * sum(item.width for item in row)


def _width(row: Sequence[_Item]) -> float:
    return sum(item.width for item in row) + _gap(row) * (len(row) - 1)


def _fits(rows: Sequence[Sequence[_Item]]) -> bool:
    """Whether every picture is large enough, and wider than its name."""
    unit_px = (FIGURE_PX - 8) / max(_width(row) for row in rows)
    return all(
        unit_px * item.width >= max(SMALLEST_PX, 12 * LETTER * len(item.name)) for row in rows for item in row
    )


def _moved(trace: Json, right: float, down: float) -> Json:
    """What places a trace elsewhere."""
    if trace["type"] == "image":
        return {"x0": trace.get("x0", 0) + right, "y0": trace.get("y0", 0) + down}
    return {
        "x": (_numbers_in(trace["x"]) + right).round(2).tolist(),
        "y": (_numbers_in(trace["y"]) + down).round(2).tolist(),
    }


def _moved_frame(shape: Json, moves: Sequence[tuple[_Item, float, float]]) -> Json:
    x, y = (shape["x0"] + shape["x1"]) / 2, (shape["y0"] + shape["y1"]) / 2
    right, down = next((move[1:] for move in moves if move[0].holds(x, y)), (0.0, 0.0))
    moved = {key: shape[key] + right for key in ("x0", "x1")} | {
        key: shape[key] + down for key in ("y0", "y1")
    }
    return shape | moved


def _note(words: str, x: float, y: float) -> Json:
    font = {"size": 12, "color": INK}
    place = {"x": x, "y": y, "xref": "x", "yref": "y", "yanchor": "bottom"}
    return {"text": words, "showarrow": False, "font": font, **place}


def _panels(layout: Json, plots: Sequence[str]) -> Json:
    """Small plots in rows of two; the titles of the plots are the annotations, in the same order."""
    n_rows, gap = -(-len(plots) // 2), 0.18
    height = 1 / (n_rows + (n_rows - 1) * 0.5)
    changes: Json = {"annotations": []}
    for k, key in enumerate(plots):
        row, column = divmod(k, 2)
        left, top = column * (0.5 + gap / 2), 1 - row * 1.5 * height
        across, down = [left, left + 0.5 - gap / 2], [max(top - height, 0), top]
        changes[key] = {"domain": across, "nticks": 4, "tickangle": 0}
        changes[key.replace("x", "y", 1)] = {"domain": down}
        for note in layout["annotations"][k : k + 1]:  # none above an empty plot at the end
            changes["annotations"].append(note | {"x": sum(across) / 2, "y": top})
    margin = layout["margin"]
    return {"layout": changes | {"height": margin["t"] + margin["b"] + PANEL_PX * n_rows}}


def _named(names: Sequence[Any], each_px: float) -> Json:
    """An axis of names with as much room for each: in several lines, or upright where a word is wider than that."""
    lines = [_wrapped(str(name), int(each_px / (SMALL_PX * LETTER))) for name in names]
    if max(map(len, chain.from_iterable(lines))) * SMALL_PX * LETTER > each_px:
        return UPRIGHT
    text = ["<br>".join(words) for words in lines]
    return {"tickvals": list(names), "ticktext": text, "tickangle": 0, "tickfont": {"size": SMALL_PX}}


def _named_ticks(axis: Json) -> Json:
    """Names at numbers along an axis."""
    at = _numbers_in(axis["tickvals"])
    low, high = axis.get("range", (at.min(), at.max()))
    each_px = (FIGURE_PX - SIDES_PX) * float(np.diff(at).min()) / (high - low)
    return _named(axis["ticktext"], each_px) | {"tickvals": at.tolist()}


def _wrapped(name: str, room: int) -> list[str]:
    """Lines of a name, broken at spaces, and after "=" or "_" where a word is too long."""
    parts = [part for word in name.replace("<br>", " ").split() for part in _broken(word, room)]
    return textwrap.wrap(" ".join(parts), room, break_long_words=False) or [""]


def _broken(word: str, room: int) -> list[str]:
    return [word] if len(word) <= room else re.findall(r"[^=_]+[=_]*", word)


def _numbers(trace: Json) -> Json:
    """Cells with numbers, whose columns' names fit: small numbers if there are many columns."""
    widest = max(len(str(name)) for name in trace["y"])
    cell_px = (FIGURE_PX - 20 - 12 * LETTER * widest) / len(trace["x"])
    if cell_px >= CROWDED_PX:
        return {"layout": {"xaxis": _named(trace["x"], cell_px) | {"automargin": True}}}
    return {
        "data": [{"textfont": {"size": 9}, "xgap": 1}],
        "layout": {"xaxis": UPRIGHT, "yaxis": {"tickfont": {"size": SMALL_PX}}},
    }


def _colour_bar_above(layout: Json) -> Json:
    """A map as wide as the page."""
    margin = layout["margin"]
    changed = {"margin": {"t": margin["t"] + BAR_PX}, "height": layout["height"] + BAR_PX}
    return {"data": [HORIZONTAL_BAR], "layout": changed}


def _numbers_in(values: Any) -> np.ndarray:
    """Numbers of plotly's JSON, which may be coded."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), TYPES[values["dtype"]]).astype(float)
    return np.asarray(values, float)
