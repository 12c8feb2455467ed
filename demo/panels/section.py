"""Parts that several panels share: a section with its heading, a table, the link to a lesson. Styled in page.css."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rppg_core.types import Report
from rppg_core.video.inspect import NOTEBOOKS

from .inspection import SOURCE


def section(title: str, inside: str) -> str:
    """One HTML section under a heading, which also names it."""
    return f'<section class="inside" aria-label="{escape(title)}"><h3>{escape(title)}</h3>{inside}</section>'


def quiet(title: str, words: str) -> str:
    """A section with one small line of text."""
    return section(title, f'<p class="soft">{words}</p>')


def why_empty(
    report: Report, waiting: Sequence[str], name: str, *, called: str, shows: str, does: str
) -> str:
    """Why there is nothing to show of a network for this face; empty if it has a heart rate.

    Args:
        report: result of the analysis.
        waiting: methods that are still to come.
        name: of the network.
        called: its name in the paper.
        shows: what the panel is for, after "to see".
        does: what it would show without a pulse, the start of a sentence.
    """
    estimate = report.estimates.get(name)
    if estimate is None and name in waiting:
        return f"{called} is still to come."
    if estimate is None:
        return f"Tick <b>{name}</b> above and analyse to see {shows}."
    if estimate.vitals.hr.refused:
        cause = escape(estimate.vitals.hr.note)
        return (
            f"{called} gave no heart rate ({cause}). {does} without a pulse says nothing about this face, so it is "
            "not shown."
        )
    return ""


def lesson_link(name: str) -> str:
    """A link to the notebook of a network, like those of the inspection card; empty if there is no notebook."""
    path = next(NOTEBOOKS.glob(f"[0-9][0-9]_{name}.ipynb"), None)
    if path is None:
        return ""
    address = escape(f"{SOURCE}{NOTEBOOKS.name}/{path.name}")
    return f' <a href="{address}" target="_blank" rel="noopener">The lesson builds it part by part.</a>'


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, words: bool = False) -> str:
    """A table whose first column names its rows.

    Args:
        caption: says what it holds.
        head: of every column.
        rows: as many cells each.
        words: whether the cells hold words, aligned left, and not numbers.
    """
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'
        for name, *cells in rows
    )
    kind = ' class="words"' if words else ""
    return (
        f"<table{kind}><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def details(summary: str, inside: str) -> str:
    """Something that opens on a click."""
    return f"<details><summary>{escape(summary)}</summary>{inside}</details>"


def scrolled(name: str, inside: str) -> str:
    """A region that scrolls by itself and can be reached with the keyboard."""
    return f'<div class="scrolled" role="region" aria-label="{escape(name)}" tabindex="0">{inside}</div>'
