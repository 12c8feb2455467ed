"""The event handlers: from the values of input components to those of output components.

The analysis is in inference, the rendering in panels, and the data kept for a visitor in session.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

import gradio as gr
from gradio.exceptions import Error

from rppg_core.errors import RppgError
from rppg_core.roster import resolve
from rppg_core.tables.reference import read_reference
from rppg_core.types import FaceClip, Report
from rppg_core.video.film import FaceFilm

from . import inference
from .panels import count, drawings, words
from .panels.downloads import Download
from .panels.methods import MethodPanel, method_panels
from .session import GoneError, Origin, Shown, StoppedError, Visits

Panels = tuple[Any, ...]
API_TEXT = (Path(__file__).with_name("texts") / "api.md").read_text(encoding="utf-8")


def show_example() -> Panels:
    """The panels that a visitor sees first."""
    return _example_panels()


class Events:
    """The handlers of the page.

    Args:
        folder: where Gradio stores uploads.
    """

    def __init__(self, folder: Path):
        self.visits = Visits(folder)

    def received(self, video: str | None, request: gr.Request) -> None:
        """The player holds another file, or none."""
        self.visits.received(_session(request), video)

    def begin(self, request: gr.Request) -> Panels:
        """On the click on Analyse: clear old results from the page, show Stop and lock Analyse.

        Gradio ignores a second start while the first runs, which would leave the page at "Analysing …" for ever.
        """
        self.visits.begin(_session(request))
        return (
            "Analysing …",
            gr.Column(visible=False),
            gr.Button(interactive=False),
            gr.Button(visible=True),
            "",
        )

    def analyse(
        self,
        video: str | None,
        methods: list[str],
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[Panels]:
        """Empty the player, whose file is deleted, and fill the panels method by method."""
        session = _session(request)
        try:
            names = resolve(methods)
            check = self.visits.check(session)
            check()
            film = FaceFilm() if video is not None else None
            clip, origin, read_s = self._clip(session, video, _told(progress, check), film)
            for report in inference.grow_report(clip, names, read_s=read_s):
                check()
                waiting = [name for name in names if name not in report.estimates]
                yield None, *_panels(report, origin, waiting, drawn=len(report.estimates) in (1, len(names)))
            self.visits.keep(session, report, origin, film)
        except StoppedError:
            return
        except RppgError as error:
            lost = video is not None and not Path(video).exists()
            yield None if lost else gr.skip(), *_no_panels(words.failure(error, video=lost))

    def estimate(self, video: str, methods: list[str]) -> dict[str, Any]:
        """Estimate heart rate, breathing and HRV from a face video; the object of `rppg analyze --json`.

        Args:
            video: a face video, 5 to 90 s. It is deleted after the analysis.
            methods: names as in `rppg methods`.

        Returns:
            Video, face, consensus, one estimate per method with its waveform, notes and seconds. A vital that
            cannot be trusted has the value null, and its note gives the reason.
        """
        if video is None:
            raise Error("no video was given", print_exception=False)
        session = f"estimate {uuid4()}"
        try:
            with self.visits.reading(session, video):
                return inference.estimate_upload(video, methods).to_dict()
        except RppgError as error:
            raise Error(str(error), print_exception=False) from error
        finally:
            self.visits.left(session)

    def stop(self, request: gr.Request) -> Panels:
        """Stop the analysis and show that it was stopped."""
        return None, *_no_panels(words.stopped(self.visits.stop(_session(request))))

    def ended(self, request: gr.Request) -> Panels:
        """After every analysis: unlock Analyse, hide Stop, and repeat what a cancelled event cleared."""
        what = self.visits.stopped(_session(request))
        buttons = gr.Button(interactive=True), gr.Button(visible=False)
        if what is None:
            return *buttons, *(gr.skip() for _ in (None, *_no_panels("")))
        return *buttons, None, *_no_panels(words.stopped(what))

    def fault(self, request: gr.Request) -> Panels:
        """After an error in this program: clear old results from the page."""
        if (
            self.visits.stopped(_session(request)) is not None
        ):  # Gradio treats a cancelled event as a failed one
            return self.ended(request)[2:]
        self.visits.received(_session(request), None)
        return None, *_no_panels(words.fault())

    def delete(self, request: gr.Request) -> Panels:
        """Delete everything now and list what was deleted."""
        said = words.deletion(self.visits.delete(_session(request)))
        return (
            said,
            None,
            *_no_panels("## Your data are deleted\n\nPress Analyse without a video to see the example."),
        )

    def api(self, request: gr.Request) -> str:
        """How to call the endpoint, with the address at which the visitor opened this page."""
        asked = request.request
        assert asked is not None
        scheme = asked.headers.get("x-forwarded-proto", asked.url.scheme).split(",")[0]
        host = asked.headers.get("x-forwarded-host", asked.headers["host"])
        return API_TEXT.replace("{url}", f"{scheme}://{host}{asked.scope.get('root_path', '')}")

    def left(self, request: gr.Request) -> None:
        """The tab was closed."""
        self.visits.left(_session(request))

    def compare(self, beats: float | None, request: gr.Request) -> str:
        """The visitor's own count beside the estimate."""
        try:
            return count.comparison(beats, self._shown(request))
        except GoneError as gone:
            return f"There is no estimate to compare with: {gone}."

    def beside(self, path: str | None, request: gr.Request) -> Panels:
        """A table of another device: empties its field, and says and draws its heart rate beside the estimate."""
        if path is None:
            return self.nothing_beside()
        try:
            with self.visits.reading(_session(request), path):
                reference = read_reference(path)
            said, figure = count.beside(reference, self._shown(request))
        except GoneError as gone:
            said, figure = f"There is no estimate to compare with: {gone}.", None
        except RppgError as error:
            said, figure = words.explained(error).replace(path, Path(path).name), None
        return None, said, gr.Plot(value=figure, visible=figure is not None)

    def nothing_beside(self) -> Panels:
        """Before a new result: the field of another device, and what was drawn, are empty."""
        return None, "", gr.Plot(value=None, visible=False)

    def download(self, kind: Download) -> Callable[[gr.Request], dict[str, str]]:
        """The handler that makes a download of one kind."""

        def make(request: gr.Request) -> dict[str, str]:
            try:
                return kind.file(self._shown(request).report)
            except GoneError as gone:
                raise Error(
                    f"There is no result to download: {gone}. Analyse your video again.",
                    print_exception=False,
                    title="Nothing to download",
                ) from gone

        return make

    def _clip(
        self, session: str, video: str | None, tell: inference.Progress, film: FaceFilm | None
    ) -> tuple[FaceClip, Origin, float]:
        """The clip of the upload, else the one kept from an earlier upload, else the example."""
        if video is not None:
            started = time.perf_counter()
            with self.visits.reading(session, video):
                # read what all methods of the page need: a visitor may choose another one later
                clip = inference.read_upload(video, inference.offered(), tell, film)
            return clip, self.visits.origin_from_upload(video), time.perf_counter() - started
        own = self.visits.own(session)
        if own is not None:
            return *own, 0.0
        clip, truth = inference.example_clip()
        return clip, Origin(truth), 0.0

    def _shown(self, request: gr.Request) -> Shown:
        return self.visits.shown(_session(request)) or Shown(
            inference.example_report(), Origin(inference.example_clip()[1])
        )


def _panels(report: Report, origin: Origin, waiting: Sequence[str] = (), *, drawn: bool = True) -> Panels:
    """Values of verdict, results, own count and panels in page order; figures only if `drawn`, numbers always."""
    figures = (drawings.player, drawings.spectrum, drawings.fitness)
    return (
        words.verdict(report, origin, waiting),
        gr.Column(visible=True),
        "",
        drawings.table(report),
        words.remarks_list(report),
        *(figure(report, origin) if drawn else gr.skip() for figure in figures),
        *chain.from_iterable(
            _inside(method, report, waiting) if drawn else (gr.skip(), gr.skip())
            for method in method_panels()
        ),
    )


def _inside(method: MethodPanel, report: Report, waiting: Sequence[str]) -> tuple[str, gr.Plot]:
    """Text and figure; empty if the method is not offered. A plot without a figure is hidden."""
    figure = method.figure(report)
    said = method.panel(report, waiting) if method.name in inference.offered() else ""
    return said, gr.Plot(value=figure, visible=figure is not None)


def _no_panels(said: str) -> Panels:
    """A message in place of the verdict; everything below it is cleared."""
    inside = chain.from_iterable(("", gr.Plot(value=None, visible=False)) for _ in method_panels())
    return said, gr.Column(visible=False), "", "", "", "", None, "", *inside


@cache
def _example_panels() -> Panels:
    return _panels(inference.example_report(), Origin(inference.example_clip()[1]))


def _told(progress: gr.Progress, check: Callable[[], None]) -> inference.Progress:
    def tell(stage: str, fraction: float) -> None:
        check()
        progress(fraction, desc=stage)

    return tell


def _session(request: gr.Request) -> str:
    return request.session_hash or ""
