"""The data kept for a visitor: an upload until it is decoded, then traces in memory for ten minutes.

No gradio here. A visitor is an open tab, identified by its session. Gradio stores identical files of two visitors
under one path, so a file is deleted once no visitor needs it any more. Nothing is written to disk or logged.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rppg_core.types import FaceClip, Report, Truth
from rppg_core.video.film import KEPT_S as KEPT_FILM_S
from rppg_core.video.film import FaceFilm

KEPT_S = 600.0
LATE_S = 10.0  # requests sent by a tab may still arrive this long after it was closed


class StoppedError(Exception):
    """The visitor pressed Stop, deleted everything or left; the result is no longer wanted."""


class GoneError(Exception):
    """The result is no longer kept; the visitor has to analyse again."""


@dataclass(frozen=True)
class Origin:
    """Where the clip on the page came from, and when it was deleted."""

    truth: Truth | None = None  # of the simulated example
    upload: Path | None = None  # former path of the deleted file
    deleted_at: datetime | None = None
    until: datetime | None = None  # when the traces are deleted


@dataclass(frozen=True)
class Shown:
    """The result on a visitor's page."""

    report: Report
    origin: Origin
    film: FaceFilm | None = None  # of the visitor's own clip


@dataclass
class _Visit:
    uploads: set[Path] = field(default_factory=set)
    stop: threading.Event = field(default_factory=threading.Event)
    stopped: list[str] = field(default_factory=list)  # what was deleted on Stop
    shown: Shown | None = None
    timer: threading.Timer | None = None
    lost: str = ""  # why an earlier result is gone


class Visits:
    """All data kept, by session.

    Args:
        folder: where Gradio stores uploads; subfolders that become empty are removed.
        kept_s: how long traces are kept unless the visitor deletes them. Unit: s.
    """

    def __init__(self, folder: Path, kept_s: float = KEPT_S):
        self._folder, self._kept_s = folder.resolve(), kept_s
        self._visits: dict[str, _Visit] = {}
        self._read: list[Path] = []  # files being decoded now
        self._left: dict[str, float] = {}  # recently closed tabs, and when they were closed
        self._lock = threading.RLock()

    def received(self, session: str, path: str | Path | None) -> None:
        """The player of a visitor now holds this file and no other."""
        with self._lock:
            visit = self._visit(session)
            earlier, visit.uploads = visit.uploads, {Path(path)} if path is not None else set()
            self._delete_unclaimed(earlier | visit.uploads)

    def begin(self, session: str) -> None:
        """A visitor starts an analysis; an earlier Stop no longer counts."""
        with self._lock:
            self._visit(session).stop = threading.Event()

    def check(self, session: str) -> Callable[[], None]:
        """A function to call often during an analysis; it raises StoppedError once the result is not wanted."""
        with self._lock:
            stop = self._visit(session).stop

        def check() -> None:
            if stop.is_set():
                raise StoppedError

        return check

    def stopped(self, session: str) -> list[str] | None:
        """What was deleted when the last analysis was stopped; None if it was not stopped."""
        with self._lock:
            visit = self._visit(session)
            return visit.stopped if visit.stop.is_set() else None

    @contextmanager
    def reading(self, session: str, path: str | Path) -> Iterator[None]:
        """Context in which a file is decoded; it is deleted at the end, even after an error, and not before."""
        path = Path(path)
        with self._lock:
            self._visit(session).uploads.add(path)
            self._read.append(path)
        read = _identity(path)
        try:
            yield
        finally:
            with self._lock:
                self._read.remove(path)
                if session in self._visits:  # the tab is still open
                    self._visits[session].uploads.discard(path)
                if _identity(path) == read:  # not uploaded again in the meantime
                    self._delete_unclaimed({path})

    def origin_from_upload(self, path: str | Path) -> Origin:
        """The origin of a clip whose upload was just deleted."""
        now = datetime.now(UTC)
        return Origin(None, Path(path), now, now + timedelta(seconds=self._kept_s))

    def keep(self, session: str, report: Report, origin: Origin, film: FaceFilm | None = None) -> None:
        """Keep a result for downloads and, for a visitor's own clip, its traces for other methods.

        The ten minutes start when the upload is deleted, however often its traces are analysed.

        Args:
            session: of the visitor.
            report: the result.
            origin: of its clip.
            film: of its face; None keeps that of an earlier analysis of the same clip.
        """
        with self._lock:
            visit = self._visits.get(session)
            if visit is None:  # the tab was closed
                return
            if visit.shown is None or visit.shown.origin is not origin:
                self._drop(visit)
                if origin.until is not None:
                    seconds = (origin.until - datetime.now(UTC)).total_seconds()
                    visit.timer = threading.Timer(seconds, self._expire, [session])
                    visit.timer.daemon = True
                    visit.timer.start()
            film = film or (visit.shown.film if visit.shown is not None else None)
            visit.shown, visit.lost = Shown(report, origin, film), ""

    def shown(self, session: str) -> Shown | None:
        """The result on the page; None if only the example was shown.

        Raises:
            GoneError: there was one, but it was deleted; the message says why.
        """
        with self._lock:
            visit = self._visits.get(session)
            if visit is not None and visit.lost:
                raise GoneError(visit.lost)
            return visit.shown if visit is not None else None

    def own(self, session: str) -> tuple[FaceClip, Origin] | None:
        """The traces of the visitor's own clip, for more methods."""
        with self._lock:
            visit = self._visits.get(session)
            if visit is None or visit.shown is None or visit.shown.origin.truth is not None:
                return None
            return visit.shown.report.clip, visit.shown.origin

    def stop(self, session: str) -> list[str]:
        """Stop the analysis of a visitor and delete the upload.

        Returns:
            What was deleted; a file being decoded is deleted after its next frames.
        """
        with self._lock:
            visit = self._visit(session)
            visit.stop.set()
            visit.stopped = [f"the video {path.name}" for path in visit.uploads if path.exists()]
            self.received(session, None)
            return visit.stopped

    def delete(self, session: str) -> list[str]:
        """Delete all data of a visitor now.

        Returns:
            What was deleted, as phrases; empty if nothing was kept.
        """
        with self._lock:
            visit, what = self._visit(session), [*self.stop(session)]
            if visit.shown is not None and visit.shown.origin.truth is None:
                clip = visit.shown.report.clip
                what += [
                    f"the colour traces of {len(clip.times_s)} frames",
                    "one picture of your face",
                    *_film_words(visit.shown.film),
                    f"the results of {len(visit.shown.report.estimates)} methods",
                ]
                visit.lost = "you deleted it"
            self._drop(visit)
            return what

    def left(self, session: str) -> None:
        """The tab was closed."""
        with self._lock:
            self.stop(session)
            self._drop(self._visits.pop(session, _Visit()))
            now = time.monotonic()
            self._left = {tab: at for tab, at in self._left.items() if now - at < LATE_S} | {session: now}

    def _visit(self, session: str) -> _Visit:
        """The visit of a session; for a recently closed tab a stopped visit that is not stored."""
        if time.monotonic() - self._left.get(session, -math.inf) < LATE_S:
            closed = _Visit()
            closed.stop.set()
            return closed
        return self._visits.setdefault(session, _Visit())

    def _expire(self, session: str) -> None:
        with self._lock:
            visit = self._visits.get(session)
            if visit is not None and visit.shown is not None and visit.shown.origin.until is not None:
                self._drop(visit)
                visit.lost = f"it was deleted after {self._kept_s / 60:.0f} minutes, as promised"

    @staticmethod
    def _drop(visit: _Visit) -> None:
        if visit.timer is not None:
            visit.timer.cancel()
        visit.shown = visit.timer = None

    def _delete_unclaimed(self, paths: set[Path]) -> None:
        claimed = set(self._read).union(*(visit.uploads for visit in self._visits.values()))
        for path in paths - claimed:
            path.unlink(missing_ok=True)
            if path.resolve().parent.parent == self._folder:
                with suppress(OSError):  # the folder holds another file
                    path.parent.rmdir()


def _film_words(film: FaceFilm | None) -> list[str]:
    return [f"{len(film)} small ones of its first {KEPT_FILM_S:g} s"] if film else []


def _identity(path: Path) -> tuple[int, int] | None:
    """Inode and time of change, which differ if a file was stored again under the same path."""
    with suppress(OSError):
        found = path.stat()
        return found.st_ino, found.st_mtime_ns
    return None
