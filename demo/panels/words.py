"""The verdict, the remarks and the limits as markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from rppg_core.errors import RppgError
from rppg_core.figures.report_page import LIMITS, remarks
from rppg_core.types import Report

from ..session import Origin


def verdict(report: Report, origin: Origin, waiting: Sequence[str] = ()) -> str:
    """Quality first, then the number, then where the clip came from and when it was or will be deleted.

    Args:
        report: result of the analysis.
        origin: origin of the clip.
        waiting: methods that are still to come.
    """
    to_come = f"Still to come: {', '.join(waiting)}. " if waiting else ""
    return f"## {report.consensus.verdict}\n\n{to_come}{_source(origin)}"


def failure(error: RppgError, *, video: bool) -> str:
    """Why there is no result.

    Args:
        error: meant for the visitor.
        video: whether a video was given, which is now deleted.
    """
    gone = f"\n\nYour video was deleted from the server at {clock()}." if video else ""
    return f"## No result\n\n{explained(error)}{gone}"


def fault() -> str:
    """The message after an error in this program."""
    return f"## No result\n\nThis is an error in the page, not in your video, which was deleted at {clock()}."


def stopped(what: Sequence[str]) -> str:
    """The message after Stop."""
    return f"## Stopped\n\n{deletion(what) if what else f'Stopped at {clock()}.'}"


def deletion(what: Sequence[str]) -> str:
    """What was deleted and when.

    Args:
        what: as returned by `Visits.delete`.
    """
    if not what:
        return f"Nothing of yours was on this server at {clock()}."
    return f"**Deleted at {clock()}:** {', '.join(what)}. Nothing of yours is left on this server."


def remarks_list(report: Report) -> str:
    """Notes on the clip and on the numbers, one line each; empty if there are none."""
    return "\n".join(f"- {line}" for line in (*report.notes, *remarks(report)))


def limits_list() -> str:
    """The limits of this page, as a list."""
    return "\n".join(f"- {line}" for line in LIMITS)


def clock(time: datetime | None = None) -> str:
    """A time of day in UTC, which is the same for server and visitor."""
    return f"{time or datetime.now(UTC):%H:%M:%S} UTC"


def explained(error: RppgError) -> str:
    """What was given, what is wanted and what helps, one line each, without options of the command line."""
    return f"**{sentence(error.got)}**\n\n- Wanted: {error.wanted}\n- What helps: {helping(error)}"


def helping(error: RppgError) -> str:
    """What helps against an error, without options of the command line."""
    return re.sub(r",? or use --.*", "", error.do)


def sentence(words: str) -> str:
    """The words with a capital and a full stop."""
    return f"{words[:1].upper()}{words[1:]}."


def _source(origin: Origin) -> str:
    if origin.truth is not None:
        return (
            f"This is the simulated example. Truth: {np.mean(origin.truth.hr_bpm):.0f} bpm "
            f"and {origin.truth.rr_brpm:.0f} breaths/min, drawn in grey beside the estimates."
        )
    return (
        f"Your video was deleted from the server at {clock(origin.deleted_at)}, as soon as it was read. Its traces "
        f"and small pictures of the face stay in memory until {clock(origin.until)} at the latest, for other "
        "methods, for downloads and to be magnified."
    )
