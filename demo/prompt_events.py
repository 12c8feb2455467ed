"""The handlers of the tab "PhysLLM prompt": which face and window is read, with whose words, and what is shown of it.

Nothing is kept here: a window is read again for every click, from the traces that the session keeps anyway. torch is
imported when the tab is opened. The rendering is in panels.prompt, the wiring in panels.prompt_tab.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any

import gradio as gr

from rppg_core.models.physllm.cues import CUES
from rppg_core.types import FaceClip, Reading

from . import inference
from .panels import prompt
from .session import GoneError, Shown, Visits

if TYPE_CHECKING:
    from rppg_core.models.physllm.explain import ReadWindow

OWN, EXAMPLE, SECOND = "your video", "the example", "the second example"
OTHER = {OWN: SECOND, EXAMPLE: SECOND, SECOND: EXAMPLE}  # whose words are lent
MOST_LETTERS = 4000  # of an edited text
PREFIX = "prompt-"  # of the components' names


@dataclass
class View:
    """Values of the tab's components, in their order on the page; what is not given stays as it is."""

    key: Any = field(default_factory=gr.skip)  # which result of the visitor was shown
    body: Any = field(default_factory=gr.skip)
    face: Any = field(default_factory=gr.skip)
    window: Any = field(default_factory=gr.skip)
    said: Any = field(default_factory=gr.skip)
    cues: Any = field(default_factory=lambda: [gr.skip() for _ in range(5 * len(CUES))])
    result: Any = field(default_factory=gr.skip)
    change: Any = field(default_factory=gr.skip)
    prototypes: Any = field(default_factory=gr.skip)
    words: Any = field(default_factory=gr.skip)

    def values(self) -> tuple[Any, ...]:
        """All of them, those of each cue one after the other."""
        found: list[Any] = []
        for one in fields(self):
            value = getattr(self, one.name)
            found += value if one.name == "cues" else [value]
        return tuple(found)


@dataclass(frozen=True)
class Face:
    """A face of the tab: its windows, and why it is another one than expected."""

    name: str
    windows: list[FaceClip]
    key: str
    choices: tuple[str, ...]
    hr: Reading | None = None
    notice: str = ""


class PromptEvents:
    """The handlers of the tab.

    Args:
        visits: the data kept for visitors.
    """

    def __init__(self, visits: Visits):
        self._visits = visits

    def opened(
        self, key: str, request: gr.Request, progress: gr.Progress = gr.Progress()  # noqa: B008
    ) -> tuple[Any, ...]:  # fmt: skip
        """The tab was selected: show the visitor's own face or the example, unless it is there already."""
        if key and key == self._state(request)[0]:
            return View().values()
        return self._load(self._face(None, request, progress), progress)

    def chose_face(
        self, face: str, request: gr.Request, progress: gr.Progress = gr.Progress()  # noqa: B008
    ) -> tuple[Any, ...]:  # fmt: skip
        """Show another face, its window in the middle."""
        return self._load(self._face(face, request, progress), progress)

    def chose_window(
        self, face: str, window: int, request: gr.Request, progress: gr.Progress = gr.Progress()  # noqa: B008
    ) -> tuple[Any, ...]:  # fmt: skip
        """Show another window, or the same with its own words again."""
        found = self._face(face, request, progress)
        return self._load(found, progress, window if found.name == face else None)

    def read(
        self, given: Mapping[Any, Any], request: gr.Request, progress: gr.Progress = gr.Progress()  # noqa: B008
    ) -> tuple[Any, ...]:  # fmt: skip
        """Read the window with the texts and switches on the page.

        Args:
            given: component -> value, by `elem_id`: face, window, and for each cue its switch and its text.
            request: of the visitor.
            progress: of the page.
        """
        return self._compare(_named(given), request, progress, words_of=None)

    def swap(
        self, given: Mapping[Any, Any], request: gr.Request, progress: gr.Progress = gr.Progress()  # noqa: B008
    ) -> tuple[Any, ...]:  # fmt: skip
        """Read the window with the texts of the other face; arguments as for `read`."""
        asked = _named(given)
        return self._compare(asked, request, progress, words_of=OTHER.get(asked["face"], SECOND))

    @staticmethod
    def cleared() -> tuple[Any, ...]:
        """After a deletion: nothing of the visitor's face stays on the page."""
        empty = gr.Plot(value=None, visible=False)
        cues = [part for _ in CUES for part in (True, "", "", empty, "")]
        return View(
            "", gr.Column(visible=False), said="", cues=cues, result="", change=empty, prototypes="", words=""
        ).values()

    def _compare(
        self, asked: Mapping[str, Any], request: gr.Request, progress: gr.Progress, words_of: str | None
    ) -> tuple[Any, ...]:
        face = self._face(asked["face"], request, progress)
        if face.name != asked["face"]:  # it is gone
            return self._load(face, progress)
        clip = face.windows[min(max(int(asked["window"] or 0), 0), len(face.windows) - 1)]
        progress(0.4, desc="reading the window with its own words")
        before = _read(clip, {})
        texts = {cue.name: str(asked[cue.name] or "").strip()[:MOST_LETTERS] for cue in before.cues}
        how = "The words on this page, as you left them."
        if words_of is not None:
            other = self._face(words_of, request, progress)
            lent = _read(other.windows[len(other.windows) // 2], {})
            texts = {cue.name: cue.text for cue in lent.cues}
            how = f"Read with the words of {words_of}, {lent.start_s:.1f} to {lent.end_s:.1f} s of it."
        edits = {
            cue.name: texts[cue.name] if asked[f"use-{cue.name}"] else ""
            for cue in before.cues
            if not asked[f"use-{cue.name}"] or texts[cue.name] != cue.text
        }
        off = [name for name, text in edits.items() if not text]
        how += f" Switched off: {', '.join(off)}." if off else ""
        progress(0.7, desc="reading it with the other words")
        after = _read(clip, edits) if edits else before
        return View(
            cues=_cue_values(after, before, texts, lambda name: bool(asked[f"use-{name}"])),
            result=prompt.change_words(before, after, how, changed=bool(edits)),
            change=gr.Plot(value=prompt.change_figure(before, after), visible=True),
        ).values()

    def _load(self, face: Face, progress: gr.Progress, window: int | None = None) -> tuple[Any, ...]:
        """All components anew, with the face's own words."""
        k = len(face.windows) // 2 if window is None else min(max(int(window), 0), len(face.windows) - 1)
        progress(0.6, desc="reading the window")
        reading = _read(face.windows[k], {})
        times = [
            (f"{one.times_s[0]:.1f} to {one.times_s[-1]:.1f} s", i) for i, one in enumerate(face.windows)
        ]
        return View(
            key=face.key,
            body=gr.Column(visible=True),
            face=gr.Radio(choices=list(face.choices), value=face.name),
            window=gr.Dropdown(choices=times, value=k),
            said=prompt.window_words(face.name, reading, face.hr, face.notice),
            cues=_cue_values(reading, reading, {cue.name: cue.text for cue in reading.cues}, lambda _: True),
            result="",
            change=gr.Plot(value=None, visible=False),
            prototypes=prompt.prototypes_table(reading),
            words=prompt.pulse_words(reading),
        ).values()

    def _face(self, name: str | None, request: gr.Request, progress: gr.Progress) -> Face:
        """The face of that name; None takes the visitor's own if there is one, else the example."""
        key, shown, lost = self._state(request)
        own = shown is not None and shown.origin.truth is None
        choices = (*((OWN,) if own else ()), EXAMPLE, SECOND)
        notice = f"Your video is not kept any more: {lost}. This is the example." if lost else ""
        if shown is not None and own and name in (None, OWN):
            progress(0.1, desc="cutting your video's traces into windows")
            windows = _cut(shown.report.clip)
            if windows:
                estimate = shown.report.estimates.get("physllm")
                hr = None if estimate is None else estimate.vitals.hr
                return Face(OWN, windows, key, choices, hr)
            notice = "No stretch of your video with a face is 2 s long. This is the example."
        if name == SECOND:
            if not inference.second_clip.cache_info().currsize:
                progress(0.2, desc="simulating the second face, once; a few seconds")
            return Face(SECOND, _simulated_windows(SECOND), key, choices)
        progress(0.1, desc="preparing the example")
        asked = name in (None, OWN)
        return Face(EXAMPLE, _simulated_windows(EXAMPLE), key, choices, notice=notice if asked else "")

    def _state(self, request: gr.Request) -> tuple[str, Shown | None, str]:
        """Which result the visitor has, as a word to compare; the result; why an earlier one is gone."""
        try:
            shown = self._visits.shown(request.session_hash or "")
        except GoneError as gone:
            return f"gone: {gone}", None, str(gone)
        if shown is None or shown.origin.truth is not None:
            return "example", shown, ""
        return f"own {shown.origin.deleted_at}", shown, ""


def _named(given: Mapping[Any, Any]) -> dict[str, Any]:
    """Values by the names of their components, without the prefix."""
    return {part.elem_id.removeprefix(PREFIX): value for part, value in given.items()}


def _cue_values(
    reading: ReadWindow, own: ReadWindow, texts: Mapping[str, str], used: Callable[[str], bool]
) -> list[Any]:
    """For each cue its switch, text, facts, figure and table; a cue that this network lacks is hidden."""
    values: list[Any] = []
    cues, originals = ({cue.name: cue for cue in one.cues} for one in (reading, own))
    for name in CUES:
        if name not in cues:
            values += [False, "", "", gr.Plot(value=None, visible=False), ""]
            continue
        cue, figure = cues[name], prompt.attention_figure(cues[name], reading)
        values += [
            used(name),
            texts[name],
            prompt.cue_facts(cue, originals[name].numbers),
            gr.Plot(value=figure, visible=figure is not None),
            prompt.attention_table(cue, reading),
        ]
    return values


def _model() -> Any:
    """PhysLLM with its weights, in evaluation mode."""
    from rppg_core.models.neural_method import neural_method

    return neural_method("physllm").model


def _cut(clip: FaceClip) -> list[FaceClip]:
    """The windows of a clip."""
    from rppg_core.models.physllm.explain import cut_windows
    from rppg_core.video.prepare import resample

    return list(cut_windows(resample(clip), _model().window))


@cache
def _simulated_windows(name: str) -> list[FaceClip]:
    """The windows of a simulated face, cut once."""
    clip, _ = inference.second_clip() if name == SECOND else inference.example_clip()
    return _cut(clip)


def _read(clip: FaceClip, edits: Mapping[str, str]) -> ReadWindow:
    """A window, read with its own words or with others. Only one handler may read at a time (`concurrency_id`)."""
    from rppg_core.models.physllm.explain import read_window

    model = _model()
    with model.edited(edits):
        return read_window(model, clip)
