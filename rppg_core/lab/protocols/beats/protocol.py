"""Protocol `vitals`: breathing, beat intervals and RMSSD against known truth, and contact recordings.

Beats: 60 s of simulated pulses at 30 Hz with white noise at a known in-band SNR (power of the clean pulse in 0.65-4
Hz over power of the noise there), analysed by `find_beats` and `hrv`. Breathing: 30 s photo clips of people
sitting still, amplitude 0.7 %, at least one respiratory modulation, analysed by `analyze`. Recordings: see
`recordings`, and `physiology_match` for the comparison with simulated people. RR accuracy is tested on the
simulator only. Seeds are below 100 000, apart from both calibrations.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import fft

from rppg_core.analysis.pipeline import analyze
from rppg_core.lab.protocols.beats.physiology_match import PhysiologyMatch, match_recordings
from rppg_core.lab.protocols.beats.recordings import RecordingRow, evaluate_recordings
from rppg_core.lab.protocols.table import Criterion, percent, text_table
from rppg_core.lab.simulate.physiology import Physiology, simulate_waves
from rppg_core.lab.workers import WorkerPool
from rppg_core.metrics import wilson_interval
from rppg_core.oximetry import OximetryRow
from rppg_core.signals.beats import find_beats, hrv
from rppg_core.signals.respiration import WITHIN_BRPM
from rppg_core.types import FS, HR_BAND_HZ, Beats, Progress

BEAT_SECONDS = 60.0
SNRS_DB = (float("inf"), 20.0, 15.0, 12.0, 10.0)
GOOD_SNR_DB, BAD_SNR_DB = 15.0, 10.0  # RMSSD must be accurate at the first, and flagged at the second
WITHIN_MS = 10.0
BEAT_CLIPS = 20  # per SNR and seed
BREATH_CLIPS = 8  # per seed
CONSTANT_BRPM = 17.0  # of the constant predictor: middle of the drawn range


@dataclass(frozen=True)
class BeatRow:
    """Beat times and variability of one simulated waveform."""

    seed: int
    snr_db: float
    hr_bpm: float
    true_rmssd_ms: float
    rmssd_ms: float
    uncorrected_ms: float  # RMSSD without the noise correction
    half_width_ms: float
    true_sdnn_ms: float
    sdnn_ms: float
    ibi_error_ms: float  # root mean square error of the intervals
    found: float  # share of the true intervals that were found
    flagged: bool


@dataclass(frozen=True)
class BreathRow:
    """Breathing rate of one voice (a method or the consensus) on one clip."""

    seed: int
    voice: str
    true_brpm: float
    value_brpm: float | None
    confidence: float
    low_brpm: float | None
    high_brpm: float | None
    modulations: str  # those present: "baseline amplitude rate"

    @property
    def right(self) -> bool:
        return self.value_brpm is not None and abs(self.value_brpm - self.true_brpm) <= WITHIN_BRPM

    @property
    def covered(self) -> bool:
        return self.low_brpm is not None and self.low_brpm <= self.true_brpm <= (self.high_brpm or 0)


def run_vitals(
    data: Path | str | None = None,
    seeds: int = 10,
    progress: Progress | None = None,
    *,
    workers: int = 2,
) -> VitalsResult:
    """The whole protocol.

    Args:
        data: folder of contact recordings; None: no recordings.
        seeds: 10 gives the figures of docs/results.md; fewer for a quick look.
        progress: called with a stage and a fraction.
        workers: processes that render clips.

    Returns:
        Rows and tables.

    Raises:
        UsageError: `data` holds no recording.
        RecordingError, OximetryDataError: a recording cannot be read.
    """
    recordings, oximetry = evaluate_recordings(data) if data is not None else ([], [])
    physiology = match_recordings(data) if data is not None else None
    n_beats, n_breaths = BEAT_CLIPS * seeds, BREATH_CLIPS * seeds
    beats = []
    for seed in range(n_beats):
        beats += [beat_case(seed, snr_db) for snr_db in SNRS_DB]
        if progress is not None:
            progress(f"beats {seed + 1} of {n_beats}", 0.2 * (seed + 1) / n_beats)
    breaths: list[BreathRow] = []
    with WorkerPool(workers) as pool:
        for k, rows in enumerate(pool.map(breath_case, range(n_breaths))):
            breaths += rows
            if progress is not None:
                progress(f"breathing, clip {k + 1} of {n_breaths}", 0.2 + 0.8 * (k + 1) / n_breaths)
    return VitalsResult(seeds, beats, breaths, recordings, oximetry, physiology)


def beat_case(seed: int, snr_db: float) -> BeatRow:
    """Simulate one person's pulse, add noise, and analyse it."""
    rng = np.random.default_rng([seed, 1])
    person = Physiology(
        hr_bpm=rng.uniform(45, 120),
        rr_brpm=rng.uniform(8, 26),
        rsa=rng.uniform(0, 0.06),
        riav=rng.uniform(0, 0.2),
        riiv=rng.uniform(0, 1.0),
        jitter=rng.uniform(0.002, 0.02),
        rise_s=rng.uniform(0.12, 0.2),
    )
    times_s = np.arange(round(FS * BEAT_SECONDS)) / FS
    waves = simulate_waves(person, times_s, rng)
    bvp = add_noise(waves.bvp, FS, snr_db, rng) + waves.baseline
    beats = find_beats(bvp, FS, hr_bpm=person.hr_bpm)
    read = hrv(beats)
    known = hrv(Beats(waves.beats_s, np.diff(waves.beats_s)))
    errors_s = interval_errors(beats, waves.beats_s)
    return BeatRow(
        seed=seed,
        snr_db=snr_db,
        hr_bpm=person.hr_bpm,
        true_rmssd_ms=known.rmssd_ms,
        rmssd_ms=read.rmssd_ms,
        uncorrected_ms=float(np.hypot(read.rmssd_ms, read.rmssd_noise_ms)),
        half_width_ms=read.rmssd_error_ms,
        true_sdnn_ms=known.sdnn_ms,
        sdnn_ms=read.sdnn_ms,
        ibi_error_ms=float(1e3 * np.sqrt(np.mean(errors_s**2))) if len(errors_s) else float("nan"),
        found=len(errors_s) / (len(waves.beats_s) - 1),
        flagged=read.coarse,
    )


def breath_case(seed: int) -> list[BreathRow]:
    """Run the pipeline on 30 s of one person sitting still; breathing rates of POS and of the consensus."""
    from rppg_core.lab.simulate.faces import SimulationSettings, simulate_clip

    rng = np.random.default_rng([seed, 2])
    present = rng.permutation(3) < rng.integers(1, 4)  # one, two or three of the modulations
    settings = SimulationSettings(
        seconds=30.0,
        hr_bpm=float(rng.uniform(50, 100)),
        rr_brpm=float(rng.uniform(8, 26)),
        amplitude_percent=0.7,
        riiv=float(present[0] * rng.uniform(0.2, 1.2)),
        riav=float(present[1] * rng.uniform(0.08, 0.25)),
        rsa=float(present[2] * rng.uniform(0.015, 0.06)),
        tone=int(rng.integers(6)),
        motion="small",
        seed=70_000 + seed,
    )
    clip, truth = simulate_clip(settings)
    report = analyze(clip, ["pos"])
    names = " ".join(n for n, p in zip(("baseline", "amplitude", "rate"), present, strict=True) if p)
    voices = {"pos": report.estimates["pos"].vitals.rr, "consensus": report.consensus.vitals.rr}
    return [
        BreathRow(seed, voice, truth.rr_brpm, rr.value, rr.confidence, rr.interval[0] if rr.interval else None,
                  rr.interval[1] if rr.interval else None, names)
        for voice, rr in voices.items()
    ]  # fmt: skip


def add_noise(
    bvp: Float[np.ndarray, " time"], fs: float, snr_db: float, rng: np.random.Generator
) -> Float[np.ndarray, " time"]:
    """Add white noise at an in-band SNR: power of `bvp` in 0.65-4 Hz over power of the noise there."""
    n = len(bvp)
    freqs_hz = fft.rfftfreq(n, 1 / fs)
    inside = (freqs_hz >= HR_BAND_HZ[0]) & (freqs_hz <= HR_BAND_HZ[1])
    spectrum = np.abs(np.asarray(fft.rfft(bvp - bvp.mean())))
    power = 2 * np.sum(spectrum[inside] ** 2) / n**2
    share = (HR_BAND_HZ[1] - HR_BAND_HZ[0]) / (fs / 2)  # of white noise, in the band
    return bvp + np.sqrt(power / share * 10 ** (-snr_db / 10)) * rng.standard_normal(n)


def interval_errors(beats: Beats, onsets_s: Float[np.ndarray, " beat"]) -> Float[np.ndarray, " interval"]:
    """Error of each estimated interval that lies between two successive true beats. Unit: s."""
    if len(beats.times_s) < 2:
        return np.zeros(0)
    # a beat is marked on its upstroke, a constant time after the onset
    nearest = np.abs(beats.times_s[:, None] - 0.1 - onsets_s).argmin(axis=1)
    lag_s = np.median(beats.times_s - onsets_s[nearest])
    nearest = np.abs(beats.times_s[:, None] - lag_s - onsets_s).argmin(axis=1)
    errors_s = beats.ibi_s - (onsets_s[nearest[1:]] - onsets_s[nearest[:-1]])
    return errors_s[np.isfinite(errors_s) & (np.diff(nearest) == 1)]


@dataclass(frozen=True)
class VitalsResult:
    """Rows of the protocol, and the tables made from them."""

    seeds: int
    beats: list[BeatRow]
    breaths: list[BreathRow]
    recordings: list[RecordingRow] = field(default_factory=list)
    oximetry: list[OximetryRow] = field(default_factory=list)
    physiology: PhysiologyMatch | None = None

    def criteria(self) -> list[Criterion]:
        """The criteria of this protocol."""
        good = [row for row in self.beats if row.snr_db == GOOD_SNR_DB]
        near = sum(not row.flagged and abs(row.rmssd_ms - row.true_rmssd_ms) <= WITHIN_MS for row in good)
        bad = [row for row in self.beats if row.snr_db == BAD_SNR_DB]
        flagged = sum(row.flagged for row in bad)
        rr = [row for row in self.breaths if row.voice == "consensus"]
        shown = [row for row in rr if row.value_brpm is not None]
        right = sum(row.right for row in shown)
        return [
            _share(
                f"RMSSD shown and within {WITHIN_MS:.0f} ms at {GOOD_SNR_DB:.0f} dB", near, len(good), 0.9
            ),
            _share(f"RMSSD flagged as too coarse at {BAD_SNR_DB:.0f} dB", flagged, len(bad), 0.9),
            _share("RR shown", len(shown), len(rr), 0.7),
            _share(f"of these within {WITHIN_BRPM:.0f} breaths/min", right, len(shown), 0.9),
            *(
                Criterion(
                    f"{row.vital} of {row.recording}",
                    f"{row.error:+.2f} {row.unit}",
                    f"within {row.tolerance:g} {row.unit}",
                    row.holds,
                )
                for row in self.recordings
                if row.tolerance is not None
            ),
        ]

    def text(self) -> str:
        """All tables."""
        parts = [
            f"vitals protocol: {self.seeds} seeds",
            f"Beats: {BEAT_SECONDS:.0f} s of simulated pulses at {FS:.0f} Hz, HR 45-120, white noise\n"
            + self._beat_table(),
            "Breathing: simulated photo clips of 30 s, sitting still, amplitude 0.7 % (simulator only)\n"
            + self._breath_table(),
        ]
        if self.recordings:
            parts.append("Contact recordings\n" + self._recording_table())
        if self.oximetry:
            parts.append("Finger oximetry: not calibrated, beside its controls\n" + self._oximetry_table())
        if self.physiology is not None:
            parts.append(
                "Simulated people beside recorded ones, at the same heart rates\n" + self.physiology.text()
            )
        return "\n\n".join([*parts, "\n".join(criterion.line() for criterion in self.criteria())])

    def to_dict(self) -> dict[str, Any]:
        """Rows and criteria, ready for JSON."""
        return {
            "protocol": "vitals",
            "seeds": self.seeds,
            "criteria": [asdict(c) for c in self.criteria()],
            "beats": [_plain(row) for row in self.beats],
            "breaths": [_plain(row) for row in self.breaths],
            "recordings": [_plain(row) for row in self.recordings],
            "oximetry": [_plain(row) for row in self.oximetry],
            "physiology": self.physiology.to_dict() if self.physiology is not None else None,
        }

    def _beat_table(self) -> str:
        header = ["in-band SNR", "n", "IBI error ms", "found", "RMSSD bias ms", "uncorrected", "MAE ms",
                  "within 10 ms", "interval holds", "SDNN MAE ms", "flagged"]  # fmt: skip
        rows = []
        for snr_db in SNRS_DB:
            part = [row for row in self.beats if row.snr_db == snr_db]
            error = np.array([row.rmssd_ms - row.true_rmssd_ms for row in part])
            raw = np.array([row.uncorrected_ms - row.true_rmssd_ms for row in part])
            held = sum(abs(row.rmssd_ms - row.true_rmssd_ms) <= row.half_width_ms for row in part)
            rows.append(
                [
                    "no noise" if np.isinf(snr_db) else f"{snr_db:.0f} dB",
                    str(len(part)),
                    f"{np.nanmean([row.ibi_error_ms for row in part]):.1f}",
                    f"{100 * np.mean([row.found for row in part]):.0f} %",
                    f"{np.nanmean(error):+.1f}",
                    f"{np.nanmean(raw):+.1f}",
                    f"{np.nanmean(np.abs(error)):.1f}",
                    percent(int(np.sum(np.abs(error) <= WITHIN_MS)), len(part)),
                    percent(held, len(part)),
                    f"{np.nanmean([abs(row.sdnn_ms - row.true_sdnn_ms) for row in part]):.1f}",
                    percent(sum(row.flagged for row in part), len(part)),
                ]
            )
        return text_table(header, rows)

    def _breath_table(self) -> str:
        header = [
            "",
            "n",
            "shown",
            "within 2 of shown",
            "95 % interval",
            "MAE",
            "interval holds",
            "mean confidence",
        ]
        rows = []
        for voice in dict.fromkeys(row.voice for row in self.breaths):
            part = [row for row in self.breaths if row.voice == voice]
            shown = [row for row in part if row.value_brpm is not None]
            right = sum(row.right for row in shown)
            low, high = wilson_interval(right, len(shown))
            mae = np.mean([abs((r.value_brpm or 0) - r.true_brpm) for r in shown]) if shown else float("nan")
            rows.append(
                [
                    voice,
                    str(len(part)),
                    percent(len(shown), len(part)),
                    percent(right, len(shown)),
                    f"{100 * low:.0f}-{100 * high:.0f} %",
                    f"{mae:.2f}",
                    percent(sum(row.covered for row in shown), len(shown)),
                    f"{np.mean([row.confidence for row in shown]):.2f}" if shown else "",
                ]
            )
        truth = np.array([row.true_brpm for row in self.breaths if row.voice == "consensus"])
        errors = np.abs(truth - CONSTANT_BRPM)
        rows.append([f"constant {CONSTANT_BRPM:.0f}", str(len(truth)), "100 %",
                     percent(int(np.sum(errors <= WITHIN_BRPM)), len(truth)), "",
                     f"{errors.mean():.2f}" if len(errors) else "", "", ""])  # fmt: skip
        return text_table(header, rows)

    def _recording_table(self) -> str:
        rows = [[row.recording, row.vital, f"{row.estimated:.1f}", f"{row.reference:.1f}",
                 f"{row.error:+.2f} {row.unit}", row.note] for row in self.recordings]  # fmt: skip
        return text_table(["recording", "vital", "estimated", "reference", "error", "note"], rows)

    def _oximetry_table(self) -> str:
        rows = [
            [
                row.predictor,
                row.recording,
                str(row.n),
                "" if np.isnan(row.r) else f"{row.r:+.2f}",
                f"{row.mae:.1f}",
                f"{row.a_rms:.1f}",
                row.note,
            ]
            for row in self.oximetry
        ]
        return text_table(["predictor", "recording", "windows", "r", "MAE %", "A_rms %", "verdict"], rows)


def _share(name: str, part: int, whole: int, at_least: float) -> Criterion:
    holds = bool(whole) and part / whole >= at_least
    return Criterion(name, f"{part} of {whole}", f"at least {at_least:.0%}", holds)


def _plain(row: Any) -> dict[str, Any]:
    """Fields of a row, with None for values that are not finite, which JSON cannot represent."""
    return {
        name: None if isinstance(value, float) and not np.isfinite(value) else value
        for name, value in asdict(row).items()
    }
