"""Protocol `refusal`: readings shown on clips with a pulse, and on clips without one.

Pulsed: 20 s photo clips with known heart rate, three amplitudes, six skin tones, small motion and sensor noise, HR
45-180; one extra group has the amplitude scaled with melanin. Pulse-free: photos, walls, noise, moving
backgrounds, light flicker, block-shuffled frames. The protocol reports coverage, accuracy, intervals,
reliability per tone and amplitude, and how often a number was shown although there was no pulse. Seeds are
below 100 000; the calibration is fitted on seeds from a million on. A pulse that has the same phase in every block
stays when blocks are shuffled; such a rate is drawn again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.stats import mannwhitneyu

from rppg_core.analysis.pipeline import analyze, collect_needs
from rppg_core.json_form import plain
from rppg_core.lab.protocols.table import Criterion, percent, text_table
from rppg_core.lab.simulate.script import survives_shuffling
from rppg_core.lab.workers import WorkerPool
from rppg_core.metrics import wilson_interval
from rppg_core.roster import resolve

AMPLITUDES_PERCENT = (0.2, 0.35, 0.7)
TONES = tuple(range(6))
SCALED = "0.7 scaled"  # the group in which melanin lowers the amplitude, as it does in people
# pulse-free clips per 10 seeds
PULSE_FREE = {"photo": 50, "wall": 30, "noise": 30, "moving background": 30, "flicker": 30, "shuffled": 30}
STRICT = ("photo", "flicker")  # on these, the consensus must never show a number
CONSTANT_BPM = 112.5  # of the constant predictor: middle of the drawn range


@dataclass(frozen=True)
class Case:
    """One clip of the protocol."""

    kind: str  # "pulse" or one of PULSE_FREE
    amplitude: str  # "0.2", "0.35", "0.7" or SCALED; "" without a pulse
    tone: int
    seed: int


@dataclass(frozen=True)
class RefusalRow:
    """One voice (a method or the consensus) on one case."""

    kind: str
    amplitude: str
    tone: int
    seed: int
    voice: str
    truth_bpm: float  # NaN without a pulse
    value_bpm: float | None
    confidence: float
    low_bpm: float | None
    high_bpm: float | None
    evidence: float | None = None  # the lowest of a network's own output; None without any

    @property
    def shown(self) -> bool:
        return self.value_bpm is not None

    @property
    def error_bpm(self) -> float:
        return abs((self.value_bpm or np.nan) - self.truth_bpm)

    @property
    def covered(self) -> bool:
        return self.low_bpm is not None and self.low_bpm <= self.truth_bpm <= (self.high_bpm or 0)


def cases(seeds: int) -> list[Case]:
    """Every clip for a number of seeds; 10 seeds give 240 pulsed and 200 pulse-free ones."""
    pulsed = [
        Case("pulse", amplitude, tone, 1000 * k + 100 * tone + seed)
        for seed in range(seeds)
        for k, amplitude in enumerate([*map(str, AMPLITUDES_PERCENT), SCALED])
        for tone in TONES
    ]
    free = [
        Case(kind, "", int(n % len(TONES)), 50_000 + 1000 * k + n)
        for k, (kind, count) in enumerate(PULSE_FREE.items())
        for n in range(max(1, round(count * seeds / 10)))
    ]
    return pulsed + free


def draw_hr_bpm(rng: np.random.Generator) -> float:
    """A heart rate of the protocol."""
    return float(rng.uniform(45, 180))


def run_case(case: Case, methods: Sequence[str]) -> list[RefusalRow]:
    """Simulate and analyse one clip; one row per voice."""
    from rppg_core.lab.simulate.faces import SimulationSettings, simulate_clip

    rng = np.random.default_rng(case.seed)
    scaled = case.amplitude == SCALED
    hr_bpm = draw_hr_bpm(rng)
    while case.kind == "shuffled" and survives_shuffling(hr_bpm):
        hr_bpm = draw_hr_bpm(rng)
    settings = SimulationSettings(
        kind=case.kind,
        seconds=20.0,
        hr_bpm=hr_bpm,
        rsa=float(rng.uniform(0, 0.07)) * min(1.0, 75 / hr_bpm),  # RSA is small at high heart rates
        riav=float(rng.uniform(0, 0.25)),
        riiv=float(rng.uniform(0, 1.2)),
        rise_s=float(rng.uniform(0.12, 0.2)),
        rr_brpm=float(rng.uniform(10, 24)),
        amplitude_percent=0.7 if scaled or not case.amplitude else float(case.amplitude),
        scale_with_melanin=scaled,
        tone=case.tone,
        motion="small",
        flicker_hz=float(rng.uniform(0.9, 2.5)) if case.seed % 2 else 1.1,
        seed=case.seed,
    )
    clip, truth = simulate_clip(settings, collect_needs(methods))
    report = analyze(clip, list(methods))
    truth_bpm = float(np.mean(truth.hr_bpm)) if truth.pulsed else float("nan")
    voices = {name: e.vitals.hr for name, e in report.estimates.items()}
    voices["consensus"] = report.consensus.vitals.hr
    evidence = {name: min(e.evidence.values()) for name, e in report.estimates.items() if e.evidence}
    return [
        RefusalRow(
            **asdict(case),
            voice=name,
            truth_bpm=truth_bpm,
            value_bpm=hr.value,
            confidence=hr.confidence,
            low_bpm=hr.interval[0] if hr.interval else None,
            high_bpm=hr.interval[1] if hr.interval else None,
            evidence=evidence.get(name),
        )
        for name, hr in voices.items()
    ]


def run_refusal(
    seeds: int = 10,
    methods: Sequence[str] | str | None = None,
    *,
    workers: int = 2,
    progress: Callable[[str, float], None] | None = None,
) -> RefusalResult:
    """The whole protocol.

    Args:
        seeds: 10 gives the figures of docs/results.md; fewer for a quick look.
        methods: names; None selects the seven classical ones.
        workers: processes.
        progress: called with a stage and a fraction.
    """
    names = resolve(methods)
    todo = cases(seeds)
    rows: list[RefusalRow] = []
    with WorkerPool(workers) as pool:
        for k, result in enumerate(pool.map(run_case, todo, [names] * len(todo))):
            rows += result
            if progress is not None:
                progress(f"clip {k + 1} of {len(todo)}", (k + 1) / len(todo))
    return RefusalResult(seeds, rows)


@dataclass(frozen=True)
class RefusalResult:
    """Rows of the protocol, and the tables made from them."""

    seeds: int
    rows: list[RefusalRow]

    def select(self, **wanted: Any) -> list[RefusalRow]:
        """Rows whose fields equal the given values, or are among them."""
        return [
            row
            for row in self.rows
            if all(
                getattr(row, k) in v if isinstance(v, (tuple, list)) else getattr(row, k) == v
                for k, v in wanted.items()
            )
        ]

    @property
    def voices(self) -> list[str]:
        return list(dict.fromkeys(row.voice for row in self.rows))

    def criteria(self) -> list[Criterion]:
        """The criteria of this protocol."""
        strong = self.select(kind="pulse", amplitude=("0.35", "0.7"), voice="consensus")
        shown = [row for row in strong if row.shown]
        near = [row for row in shown if row.error_bpm <= 3]
        every = [
            row
            for row in self.select(kind="pulse", amplitude=("0.2", "0.35", "0.7"), voice="consensus")
            if row.shown
        ]
        covered = sum(row.covered for row in every)
        found = [
            _criterion("consensus shown at 0.35 % and above", len(shown), len(strong), at_least=0.90),
            _criterion("of these within 3 bpm", len(near), len(shown), at_least=0.97),
            Criterion(
                "intervals contain the truth",
                f"{covered} of {len(every)}",
                "90 to 98 %",
                bool(every) and 0.90 <= covered / len(every) <= 0.98,
            ),
        ]
        for voice in self.voices:
            free = self.select(kind=tuple(PULSE_FREE), voice=voice)
            limit = 0.02 if voice == "consensus" else 0.05
            found.append(
                _criterion(
                    f"numbers without a pulse, {voice}", sum(r.shown for r in free), len(free), at_most=limit
                )
            )
        for kind in STRICT:
            free = self.select(kind=kind, voice="consensus")
            found.append(
                _criterion(f"consensus on {kind}", sum(r.shown for r in free), len(free), at_most=0.0)
            )
        return found

    def text(self) -> str:
        """All tables."""
        return "\n\n".join(
            [
                f"refusal protocol: simulated photo clips of 20 s, {self.seeds} seeds, small motion, HR 45-180",
                "Consensus by amplitude and skin tone (0 lightest; 95 % Wilson interval)\n"
                + self._tone_table(),
                "Every method on pulsed clips at 0.35 % and above\n" + self._method_table(),
                "Numbers on clips without a pulse\n" + self._free_table(),
                *self.evidence_tables(),
                "Reliability: confidence given against the share within 5 bpm\n" + self._reliability_table(),
                "\n".join(criterion.line() for criterion in self.criteria()),
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """Rows, criteria and reliability bins, ready for JSON."""
        return plain(
            {
                "protocol": "refusal",
                "seeds": self.seeds,
                "criteria": [asdict(c) for c in self.criteria()],
                "reliability": self.reliability(),
                "rows": [asdict(row) for row in self.rows],
            }
        )

    def reliability(self) -> list[dict[str, float]]:
        """Bins of confidence over all methods and clips: mean confidence, share within 5 bpm, count."""
        methods = tuple(v for v in self.voices if v != "consensus")
        judged = [
            (row.confidence, row.shown and row.error_bpm <= 5)
            for row in self.select(voice=methods)
            if row.shown
        ]
        bins = []
        edges = (0.8, 0.85, 0.9, 0.95, 0.98, 0.995, 1.0001)
        for low, high in pairwise(edges):
            inside = [(c, right) for c, right in judged if low <= c < high]
            if inside:
                confidence, right = np.mean([c for c, _ in inside]), np.mean([r for _, r in inside])
                bins.append({"confidence": float(confidence), "observed": float(right), "n": len(inside)})
        return bins

    def _tone_table(self) -> str:
        rows = []
        for amplitude in ("0.2", "0.35", "0.7", SCALED):
            for tone in TONES:
                part = self.select(kind="pulse", amplitude=amplitude, tone=tone, voice="consensus")
                rows.append([f"{amplitude} % tone {tone}", *_summary(part)])
        return text_table(_HEADER, rows)

    def _method_table(self) -> str:
        strong = {"kind": "pulse", "amplitude": ("0.35", "0.7")}
        rows = [[voice, *_summary(self.select(voice=voice, **strong))] for voice in self.voices]
        truth = [row.truth_bpm for row in self.select(voice="consensus", **strong)]
        errors = np.abs(np.array(truth) - CONSTANT_BPM)
        near = percent(int(np.sum(errors <= 3)), len(truth))
        rows.append(
            [f"constant {CONSTANT_BPM} bpm", str(len(truth)), "100 %", near, "", f"{errors.mean():.1f}", ""]
        )
        return text_table(_HEADER, rows)

    def _free_table(self) -> str:
        rows = []
        for kind in PULSE_FREE:
            counts = [sum(r.shown for r in self.select(kind=kind, voice=voice)) for voice in self.voices]
            rows.append([kind, str(len(self.select(kind=kind, voice="consensus"))), *map(str, counts)])
        return text_table(["kind", "n", *self.voices], rows)

    def evidence_auroc(self, voice: str, kind: str) -> float:
        """Share of pairs of a pulsed clip and one of a kind without, in which the evidence of the first is higher."""
        pulsed, free = (
            [row.evidence for row in self.select(kind=one, voice=voice) if row.evidence is not None]
            for one in ("pulse", kind)
        )
        if not pulsed or not free:
            return float("nan")
        return float(mannwhitneyu(pulsed, free).statistic / (len(pulsed) * len(free)))

    def evidence_tables(self) -> list[str]:
        """One table of how well evidence separates pulses from every other kind; none without evidence."""
        voices = list(dict.fromkeys(row.voice for row in self.rows if row.evidence is not None))
        if not voices:
            return []
        rows = [
            [kind, *(f"{self.evidence_auroc(voice, kind):.2f}" for voice in voices)] for kind in PULSE_FREE
        ]
        return [
            "Evidence of networks alone, pulsed clips against others: area under the ROC curve\n"
            + text_table(["kind", *voices], rows)
        ]

    def _reliability_table(self) -> str:
        rows = [[f"{b['confidence']:.3f}", f"{b['observed']:.3f}", str(b["n"])] for b in self.reliability()]
        return text_table(["confidence", "observed", "n"], rows)


_HEADER = ["", "n", "shown", "within 3 bpm", "interval", "MAE bpm", "covered"]


def _summary(rows: list[RefusalRow]) -> list[str]:
    shown = [row for row in rows if row.shown]
    near = sum(row.error_bpm <= 3 for row in shown)
    low, high = wilson_interval(near, len(shown)) if shown else (0.0, 1.0)
    error = f"{np.mean([row.error_bpm for row in shown]):.2f}" if shown else ""
    covered = percent(sum(row.covered for row in shown), len(shown))
    share = percent(len(shown), len(rows))
    return [
        str(len(rows)),
        share,
        percent(near, len(shown)),
        f"{100 * low:.0f}-{100 * high:.0f} %",
        error,
        covered,
    ]


def _criterion(
    name: str, part: int, whole: int, *, at_least: float | None = None, at_most: float | None = None
) -> Criterion:
    share = part / whole if whole else 0.0
    holds = share >= at_least if at_least is not None else share <= (at_most or 0.0)
    wanted = f"at least {at_least:.0%}" if at_least is not None else f"at most {at_most:.0%}"
    return Criterion(name, f"{part} of {whole}", wanted, bool(whole) and holds)
