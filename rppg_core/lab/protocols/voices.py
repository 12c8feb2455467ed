"""What every method and the consensus say about one clip, and how often that is right.

Shared by the protocols that judge the methods on real people.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rppg_core.analysis.controls import spectra_from_bvp
from rppg_core.analysis.pipeline import Analysis
from rppg_core.errors import RppgError
from rppg_core.lab.protocols.table import Criterion, percent
from rppg_core.metrics import wilson_interval
from rppg_core.roster import PANEL
from rppg_core.types import HR_BAND_HZ, Bvp, FaceClip, Reading, Vitals

CONSENSUS, CONSTANT = "consensus", "constant"
WITHIN_BPM = 5.0
RIGHT_SHARE = 0.95  # of what the consensus shows
TALLY = ("n", "right", "shown", "wrong of shown", "interval holds", "width bpm")
ABOUT_TALLY = (
    f"right: rate within {WITHIN_BPM:.0f} bpm, shown or not; wrong: shown, and off by more; interval holds: share of "
    "the shown\nwhose 95 % interval contains the reference; width: median of these intervals"
)


@dataclass(frozen=True)
class Span:
    """One reading over a part of a clip."""

    start_s: float
    end_s: float
    value_bpm: float | None
    confidence: float
    low_bpm: float | None
    high_bpm: float | None
    note: str


@dataclass(frozen=True)
class Voice:
    """What one method or the consensus says about a clip."""

    name: str
    rate_bpm: float  # strongest rate, shown or not; NaN without a waveform
    whole: Span  # the reading of the whole clip
    track: tuple[Span, ...] = ()  # its windows of 10 s

    @property
    def shown(self) -> bool:
        return self.whole.value_bpm is not None

    @property
    def spans(self) -> tuple[Span, ...]:
        """The windows of the track; without one, the whole clip."""
        return self.track or (self.whole,)

    def windows(self) -> list[Voice]:
        """Each window of the track as a voice of its own; one that shows nothing has no rate."""
        return [Voice(self.name, np.nan if s.value_bpm is None else s.value_bpm, s) for s in self.track]


@dataclass(frozen=True)
class ClipVoices:
    """All voices on one clip, and the waveforms behind them."""

    voices: list[Voice]
    waves: dict[str, Bvp | None]
    agree: tuple[str, ...] = ()  # the methods that the consensus is made of


def voices_on_clip(clip: FaceClip, names: Sequence[str]) -> ClipVoices:
    """Analyse a clip with every method.

    Args:
        clip: at native times.
        names: methods of the roster.

    Returns:
        The voices of `names` and of the consensus. A clip that cannot be analysed has only refusals, which give
        the cause.
    """
    start_s, end_s = float(clip.times_s[0]), float(clip.times_s[-1])
    try:
        analysis = Analysis(clip)
        report = analysis.report(names)
        estimates = {name: analysis.estimate(name) for name in dict.fromkeys([*names, *PANEL])}
    except RppgError as error:
        refusal = Span(start_s, end_s, None, 0.0, None, None, error.got)
        return ClipVoices([Voice(name, float("nan"), refusal) for name in (*names, CONSENSUS)], {})
    spectra = {name: spectra_from_bvp(estimate.bvp, HR_BAND_HZ) for name, estimate in estimates.items()}
    rates = {name: 60 * s.rate_hz if s is not None else float("nan") for name, s in spectra.items()}
    voices = [_voice(name, rates[name], estimates[name].vitals, start_s, end_s) for name in names]
    agree = tuple(name for name in report.consensus.agree if name in rates)
    vitals = report.consensus.vitals
    joint = vitals.hr.value
    if joint is None:
        joint = float(np.median([rates[name] for name in agree])) if agree else float("nan")
    voices.append(_voice(CONSENSUS, joint, vitals, start_s, end_s))
    return ClipVoices(voices, {name: estimate.bvp for name, estimate in estimates.items()}, agree)


@dataclass(frozen=True)
class Tally:
    """How often a voice is right."""

    n: int
    right: int
    shown: int
    wrong: int  # of the shown
    held: int  # of the shown: the interval contains the reference
    intervals: int  # of the shown; the constant predictor has none
    width_bpm: float  # NaN if nothing is shown

    @property
    def held_share(self) -> str:
        """Share of the intervals that contain the reference; "" without intervals."""
        return percent(self.held, self.intervals) if self.intervals else ""

    def cells(self) -> list[str]:
        """Text under the headings of TALLY."""
        return [
            str(self.n),
            percent(self.right, self.n),
            percent(self.shown, self.n),
            f"{self.wrong} of {self.shown}",
            self.held_share,
            "" if np.isnan(self.width_bpm) else f"{self.width_bpm:.1f}",
        ]


def tally(pairs: Iterable[tuple[Voice, float]]) -> Tally:
    """Count what is right among voices and references (bpm); pairs without a reference are left out."""
    known = [(voice, true) for voice, true in pairs if np.isfinite(true)]
    shown = [(voice.whole, true) for voice, true in known if voice.shown]
    held = [s for s, true in shown if s.low_bpm is not None and s.low_bpm <= true <= (s.high_bpm or 0.0)]
    widths = [s.high_bpm - s.low_bpm for s, _ in shown if s.low_bpm is not None and s.high_bpm is not None]
    return Tally(
        n=len(known),
        right=sum(abs(voice.rate_bpm - true) <= WITHIN_BPM for voice, true in known),
        shown=len(shown),
        wrong=sum(abs((s.value_bpm or np.nan) - true) > WITHIN_BPM for s, true in shown),
        held=len(held),
        intervals=len(widths),
        width_bpm=float(np.median(widths)) if widths else float("nan"),
    )


def constant_voice(rate_bpm: float) -> Voice:
    """The constant predictor: it sees no clip, and shows its value wherever it has one."""
    value = rate_bpm if np.isfinite(rate_bpm) else None
    return Voice(CONSTANT, rate_bpm, Span(0.0, 0.0, value, 0.0, None, None, ""))


def shown_right_criterion(found: Tally) -> Criterion:
    """The consensus is right where it shows a value; so few that chance explains the rest do not fail it."""
    right = found.shown - found.wrong
    best = wilson_interval(right, found.shown)[1] if found.shown else 1.0
    return Criterion(
        f"values of the consensus within {WITHIN_BPM:.0f} bpm",
        f"{right} of {found.shown}",
        f"{RIGHT_SHARE:.0%} within the 95 % interval of the share",
        best >= RIGHT_SHARE,
    )


def _voice(name: str, rate_bpm: float, vitals: Vitals, start_s: float, end_s: float) -> Voice:
    track = tuple(_span(window.reading, window.start_s, window.end_s) for window in vitals.hr_track)
    rate_bpm = rate_bpm if vitals.hr.value is None else vitals.hr.value
    return Voice(name, float(rate_bpm), _span(vitals.hr, start_s, end_s), track)


def _span(reading: Reading, start_s: float, end_s: float) -> Span:
    low, high = reading.interval or (None, None)
    return Span(
        float(start_s), float(end_s), reading.value, float(reading.confidence), low, high, reading.note
    )
