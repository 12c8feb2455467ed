"""The analysis of the app: from an upload to traces, and from traces to reports; also the example with known truth.

This file does not use gradio, so that the processing of a visitor's video can be tested and run without a page.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from rppg_core.analysis.clip_source import load_clip
from rppg_core.analysis.pipeline import Analysis, collect_needs
from rppg_core.errors import UsageError
from rppg_core.lab.simulate.faces import SimulationSettings, simulate_clip
from rppg_core.models.neural_method import neural_method
from rppg_core.roster import CLASSICAL, PANEL, get_network, list_networks, list_ready_methods, resolve
from rppg_core.types import FaceClip, Progress, Report, Truth
from rppg_core.video.film import FaceFilm
from rppg_core.video.paths import looks_like_table

from .zerogpu import lent

MAX_S = 90.0  # longest video that the page accepts
# An everyday clip: a real face shows a pulse of 0.2-0.7 %, and nobody sits perfectly still.
EXAMPLE = SimulationSettings(
    seconds=30.0, hr_bpm=68.0, rr_brpm=14.0, amplitude_percent=0.5, tone=2, motion="small", size=320, seed=11
)
# Another face for PhysLLM's words: every sentence that describes light, skin and motion differs from the example's.
SECOND = SimulationSettings(
    seconds=20.0, hr_bpm=88.0, rr_brpm=18.0, amplitude_percent=0.5, tone=4, motion="medium", exposure=0.6,
    noise=2.0, size=256, seed=23,
)  # fmt: skip


def offered() -> list[str]:
    """Methods of the page: those that need no weights of the visitor's; networks only if their packages are there."""
    return [
        name
        for name in list_ready_methods()
        if name not in list_networks() or all(map(find_spec, get_network(name).packages))
    ]


def oximeters() -> list[str]:
    """Methods of the page that give SpO2."""
    return [name for name in offered() if name in list_networks() and "spo2" in get_network(name).tasks]


def load_networks() -> None:
    """Load torch and the networks of the page, so that the first visitor does not wait for them."""
    for name in offered():
        if name in list_networks():
            _ = neural_method(name).model


def read_upload(
    path: str | Path, methods: Sequence[str], progress: Progress | None = None, film: FaceFilm | None = None
) -> FaceClip:
    """The single pass over a video: the signals that these methods need, and one small picture of the face.

    Args:
        path: the uploaded file, with its original bytes; the caller deletes it.
        methods: names from `rppg methods`.
        progress: called with the name of a stage and a fraction 0..1, twice per second of video; an exception
            that it raises ends the pass.
        film: receives small pictures of the face.

    Raises:
        RppgError: the video cannot be read; the message is meant for the visitor.
    """
    if looks_like_table(path):
        raise UsageError(
            f"{Path(path).name!r} is a table", wanted="a face video", do=f"run rppg analyze {Path(path).name}"
        )
    return load_clip(path, collect_needs(resolve(methods)), max_s=MAX_S, progress=progress, film=film)


def grow_report(clip: FaceClip, methods: Sequence[str], *, read_s: float = 0.0) -> Iterator[Report]:
    """Reports that grow by one method at a time; the first holds the panel's consensus and one of its methods.

    Args:
        clip: from `read_upload`.
        methods: names from `rppg methods`; the reports keep this order.
        read_s: time taken by the pass. Unit: s.

    Raises:
        RppgError: the clip cannot be analysed, or lacks signals that these methods need.
    """
    names = resolve(methods)
    lacking = sorted(need for need in collect_needs(names) if getattr(clip, need) is None)
    if lacking:
        raise UsageError(
            f"the traces kept of your video lack the signals that {', '.join(names)} need ({', '.join(lacking)})",
            wanted="the video itself",
            do="choose your video again",
        )
    analysis = Analysis(clip, own=lent(names), seconds=read_s)
    done: list[str] = []
    for name in sorted(names, key=lambda name: name not in PANEL):  # the panel is computed already
        done.append(name)
        analysis.estimate(name)
        yield analysis.report([known for known in names if known in done])


def estimate_upload(path: str | Path, methods: Sequence[str], progress: Progress | None = None) -> Report:
    """The whole report at once, as from `rppg analyze`.

    Raises:
        RppgError: the video cannot be analysed; the message is meant for the visitor.
    """
    started = time.perf_counter()
    clip = read_upload(path, methods, progress)
    *_, report = grow_report(clip, methods, read_s=time.perf_counter() - started)
    return report


@cache
def example_report() -> Report:
    """The report that a visitor sees first: the classical methods on the example."""
    *_, report = grow_report(example_clip()[0], CLASSICAL)
    return report


@cache
def example_clip() -> tuple[FaceClip, Truth]:
    """The simulated example and its truth; computed once and kept."""
    return _example()[0]


def example_film() -> FaceFilm:
    """The face of the example."""
    return _example()[1]


@cache
def _example() -> tuple[tuple[FaceClip, Truth], FaceFilm]:
    film = FaceFilm()
    return simulate_clip(EXAMPLE, collect_needs(offered()), film=film), film


@cache
def second_clip() -> tuple[FaceClip, Truth]:
    """Another simulated face and its truth, for the tab of PhysLLM alone; computed once and kept."""
    return simulate_clip(SECOND, get_network("physllm").needs)
