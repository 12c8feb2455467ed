"""Parts that several panels share: a section with its heading, a table, the link to a lesson. Styled in page.css."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rppg_core.video.inspect import NOTEBOOKS

from .inspection import SOURCE


def section(title: str, inside: str) -> str:
    """One HTML section under a heading, which also names it."""
    return f'<section class="inside" aria-label="{escape(title)}"><h3>{escape(title)}</h3>{inside}</section>'


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
