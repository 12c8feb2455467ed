"""What the app computes: an upload becomes a report and is deleted; the built-in example has a known truth.

No gradio here, so that everything a visitor's video goes through can be tested and run without a page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from rppg_core.pipeline import analyze
from rppg_core.simulate.faces import SimulationSettings, simulate_clip
from rppg_core.types import FaceClip, Report, Truth

Progress = Callable[[str, float], None]

# An everyday clip: a real face shows a pulse of 0.2-0.7 %, and nobody sits perfectly still.
EXAMPLE = SimulationSettings(
    seconds=30.0, hr_bpm=68.0, rr_brpm=14.0, amplitude_percent=0.5, tone=2, motion="small", size=320, seed=11
)


def estimate_upload(path: str | Path, methods: Sequence[str], progress: Progress | None = None) -> Report:
    """Analyse a video and delete it, whatever comes of it.

    Args:
        path: the uploaded file; it is gone afterwards.
        methods: names out of `rppg methods`.
        progress: called with a stage in words and a fraction 0..1.

    Returns:
        The report; it holds one small picture of the face and no path.

    Raises:
        RppgError: the video cannot be analysed; the message is meant for the visitor.
    """
    try:
        return analyze(path, list(methods), progress=progress)
    finally:
        Path(path).unlink(missing_ok=True)


def estimate_example(methods: Sequence[str], progress: Progress | None = None) -> tuple[Report, Truth]:
    """Analyse the simulated example; its clip is made once and kept.

    Args:
        methods: names out of `rppg methods`.
        progress: as for `estimate_upload`.

    Returns:
        The report, and what the simulator put into the clip.

    Raises:
        RppgError: no method was chosen.
    """
    clip, truth = _example_clip()
    return analyze(clip, list(methods), progress=progress), truth


@cache
def _example_clip() -> tuple[FaceClip, Truth]:
    return simulate_clip(EXAMPLE, needs=frozenset({"rgb", "still"}))
