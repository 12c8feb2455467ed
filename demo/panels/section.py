"""Parts that several panels share: a section with its heading, a table, the link to a lesson. Styled in page.css."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

from rppg_core.errors import RppgError
from rppg_core.types import Estimate, Report
from rppg_core.video.inspect import NOTEBOOKS

from .inspection import SOURCE
from .words import helping, sentence


def section(title: str, inside: str) -> str:
    """One HTML section under a heading, which also names it."""
    return f'<section class="inside" aria-label="{escape(title)}"><h3>{escape(title)}</h3>{inside}</section>'


def quiet(title: str, words: str) -> str:
    """A section with one small line of text."""
    return section(title, f'<p class="soft">{words}</p>')


@dataclass(frozen=True, kw_only=True)
class PanelWords:
    """The fixed words of the panel of one network.

    Args:
        name: of the network.
        called: its name in the paper.
        shows: what the panel is for, after "to see".
        does: what it would show without a pulse, the start of a sentence.
        terms: HTML that explains the words of the panel.
    """

    name: str
    called: str
    shows: str
    does: str
    terms: str

    @property
    def title(self) -> str:
        return f"Inside {self.called}"


def method_section(
    report: Report,
    waiting: Sequence[str] = (),
    *,
    words: PanelWords,
    inside: Callable[[Estimate], tuple[str, str]],
) -> str:
    """The section of one network; one small line of text if it has no heart rate.

    Args:
        report: result of the analysis.
        waiting: methods that are still to come.
        words: of the panel.
        inside: HTML before and after the terms, the origin of the weights and the link to the lesson.
    """
    estimate = report.estimates.get(words.name)
    if estimate is None and words.name in waiting:
        return quiet(words.title, f"{words.called} is still to come.")
    if estimate is None:
        return quiet(words.title, f"Tick <b>{words.name}</b> above and analyse to see {words.shows}.")
    if estimate.vitals.hr.refused:
        cause = escape(estimate.vitals.hr.note)
        return quiet(
            words.title,
            f"{words.called} gave no heart rate ({cause}). {words.does} without a pulse says nothing about this "
            "face, so it is not shown.",
        )
    first, last = inside(estimate)
    origin = f"Weights: {escape(estimate.weights)}.{lesson_link(words.name)}"
    return section(words.title, f'{first}<p class="soft">{words.terms} {origin}</p>{last}')


def estimate_with_rate(report: Report, name: str) -> Estimate | None:
    """The estimate of a method that gave a heart rate; None without one."""
    estimate = report.estimates.get(name)
    return None if estimate is None or estimate.vitals.hr.refused else estimate


def paragraphs(sentences: Iterable[str]) -> str:
    """Plain sentences as HTML paragraphs."""
    return "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)


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


def message_html(words: str) -> str:
    """A sentence in place of what a section would show."""
    return f'<div class="inside"><p>{escape(words)}</p></div>'


def failure_html(error: RppgError) -> str:
    """Why there is nothing to show, and what helps."""
    return message_html(f"{sentence(error.got)} Wanted: {error.wanted}. What helps: {helping(error)}.")


def details(summary: str, inside: str) -> str:
    """Something that opens on a click."""
    return f"<details><summary>{escape(summary)}</summary>{inside}</details>"


def scrolled(name: str, inside: str) -> str:
    """A region that scrolls by itself and can be reached with the keyboard."""
    return f'<div class="scrolled" role="region" aria-label="{escape(name)}" tabindex="0">{inside}</div>'
