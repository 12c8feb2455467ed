"""Scores of every method on a stored clip: one row per window, and one for the whole video.

`intra`, `cross` and `mssdg` share this code, on real datasets and on simulated domains. A waveform is
computed once over the whole clip; windows are cut from it, and each is judged as in a report (`controls`,
`vitals`): against the panel and the background, cut in the same way. Networks use the weights of this run's
trainings; a shipped checkpoint is never read. A network that regresses rates is run again on every window.

The true heart rate is the mean of the rate label inside the window or, without one, the spectral peak of the
label's waveform; each row states which. HR of the waveform is scored whether or not its reading would be
shown.
Axis letters: T time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from rppg_core.analysis.controls import ControlledRuns, cut_bvp, spectra_from_bvp
from rppg_core.analysis.vitals import Context, vitals_from_bvp
from rppg_core.metrics import SNR_BAND_BPM, macc, snr_db, waveform_r
from rppg_core.roster import CLASSICAL, get_method
from rppg_core.signals.filters import bandpass, segments
from rppg_core.signals.quality import Panel
from rppg_core.signals.respiration import modulation_rates, respiration_rate
from rppg_core.signals.spectrum import peak_hz, power_spectrum, slow_share, window_slices
from rppg_core.types import HR_BAND_HZ, RR_BAND_HZ, Bvp, FaceClip, Method, MethodOutput, Truth

WINDOW_S = 10.0
RR_WINDOW_S = 17.0  # shortest stretch for a breathing rate: two slow breaths
MIN_PIECE_S = 2.0  # shortest piece between gaps that is scored
LEAK_S = 5.0  # shortest piece whose leakage is scored: in shorter ones a clean pulse reaches below 0.5 Hz
DIRECT = {"direct_hr_bpm": "hr", "direct_rr_brpm": "rr", "direct_spo2_percent": "spo2"}  # row field: task
KNOWN_SHARE = 0.5  # share of a window in which a label must be known to be used


@runtime_checkable
class StoredClip(Protocol):
    """A clip to score: `datasets.extracted.ExtractedClip`, or anything with the same interface."""

    @property
    def dataset(self) -> str: ...

    @property
    def subject(self) -> str: ...

    @property
    def clip(self) -> str: ...

    @property
    def condition(self) -> Mapping[str, str]: ...

    def load(self) -> tuple[FaceClip, Truth]:
        """The clip at an even rate, and its truth; NaN where unknown."""
        ...


@dataclass(frozen=True)
class ScoredMethod:
    """A method to score: a classical one, or a network with the weights of one training."""

    name: str
    seed: int = 0
    weights: Path | None = None
    variant: str = ""  # of the network's recipe; "" is the network itself
    steps: int = 0  # of its training

    @property
    def title(self) -> str:
        """Name in rows and tables: "physmle", "physmle no-router"."""
        return f"{self.name} {self.variant}".rstrip()

    def method(self) -> Method:
        """The method, ready to estimate.

        Raises:
            ValueError: a network without weights; the weights of the package must not be used here.
        """
        if self.weights is not None:
            from rppg_core.models.neural_method import neural_method

            return neural_method(self.name, self.weights)
        if self.name not in CLASSICAL:
            raise ValueError(f"{self.name} has no weights; wanted: those of a training of this run")
        return get_method(self.name)


@dataclass(frozen=True, kw_only=True)
class StretchRow:
    """One method on one window or video; NaN where a number does not exist."""

    method: str  # `ScoredMethod.title`
    seed: int  # of the training; 0 where nothing is trained
    steps: int = 0  # of the training
    split: str
    dataset: str
    subject: str
    clip: str
    condition: Mapping[str, str] = field(default_factory=dict)
    unit: str  # "window" or "video"
    start_s: float
    seconds: float
    hr_true_bpm: float
    hr_from: str  # "hr label", "bvp label" or ""
    hr_bpm: float = np.nan  # of the waveform, shown or not
    hr_shown: bool = False
    confidence: float = 0.0
    direct_hr_bpm: float = np.nan  # what a network regresses itself
    r: float = np.nan  # between the waveform and that of the label
    macc: float = np.nan
    snr_db: float = np.nan
    leak: float = np.nan  # share of the waveform's power below 0.5 Hz
    rr_true_brpm: float = np.nan
    rr_brpm: float = np.nan  # NaN when refused
    rr_read_brpm: float = np.nan  # of the respiration waveform or, without one, of the pulse; shown or not
    direct_rr_brpm: float = np.nan
    spo2_true_percent: float = np.nan
    direct_spo2_percent: float = np.nan


@dataclass(frozen=True)
class Known:
    """The labelled values of a stretch of a clip; NaN where there is no label."""

    hr_true_bpm: float
    hr_from: str  # "hr label", "bvp label" or ""
    rr_true_brpm: float
    spo2_true_percent: float


@dataclass(frozen=True)
class Stretch:
    """A window, or a whole video, with everything that does not depend on the method."""

    unit: str  # "window" or "video"
    part: slice
    known: Known
    panel: Panel | None
    context: Context


def score_clip(
    clip: StoredClip, methods: Sequence[ScoredMethod], *, split: str = "", window_s: float = WINDOW_S
) -> list[StretchRow]:
    """Every method on every window of a clip, and on the whole of it.

    Args:
        clip: clip at 30 Hz with the fields that the methods need.
        methods: methods to score.
        split: name of the split in which the clip is tested.
        window_s: length of a window; windows overlap by half. Unit: s. Breathing is scored in windows of
            RR_WINDOW_S or more.

    Returns:
        Rows of unit "video" and "window". A row also exists where face or label is missing, with NaN in it.
    """
    face, truth = clip.load()
    fs = float(face.fs or 0.0)
    runs = ControlledRuns(face)
    whole = slice(0, len(face.times_s))
    stretches = [_stretch("video", whole, runs, truth, fs)]
    stretches += [
        _stretch("window", part, runs, truth, fs) for part in window_slices(whole.stop, fs, window_s=window_s)
    ]
    rows = []
    for scored in methods:
        method = scored.method()
        output = runs.by_name(scored.name) if scored.weights is None else method.estimate(face)
        for stretch in stretches:
            direct, part = output.direct, stretch.part
            if direct and stretch.unit == "window":
                direct = method.estimate(_cut_clip(face, part)).direct
            numbers = {
                **_rates_from_output(scored.name, output, stretch, fs),
                **_waveform_scores(output.bvp, truth, stretch),
                **{name: float(direct.get(key, np.nan)) for name, key in DIRECT.items()},
            }
            rows.append(StretchRow(
                method=scored.title, seed=scored.seed, steps=scored.steps, split=split, dataset=clip.dataset,
                subject=clip.subject, clip=clip.clip, condition=dict(clip.condition), unit=stretch.unit,
                start_s=part.start / fs, seconds=(part.stop - part.start) / fs, **asdict(stretch.known), **numbers,
            ))  # fmt: skip
    return rows


def known_from_truth(truth: Truth, part: slice, fs: float) -> Known:
    """True values of a stretch.

    Args:
        truth: labels at the clip's times, NaN where unknown.
        part: the stretch.
        fs: sampling rate. Unit: Hz.

    Returns:
        The values, and the source of the heart rate. A label that is known for less than half of the stretch
        is not used.
    """
    hr_bpm, hr_from = _mean_if_known(truth.hr_bpm[part]), "hr label"
    if not np.isfinite(hr_bpm):
        wave = truth.bvp[part]
        finite = np.isfinite(wave) & (np.nanstd(wave) > 0 if np.isfinite(wave).any() else False)
        label = spectra_from_bvp(Bvp(np.where(finite, wave, 0.0), fs, 0.0, finite), HR_BAND_HZ)
        hr_bpm, hr_from = (np.nan, "") if label is None else (60 * label.rate_hz, "bvp label")
    rr_brpm = np.nan
    if _asks_breathing(part, fs):
        rr_brpm = float(truth.rr_brpm)
        resp = truth.resp[part]
        if not np.isfinite(rr_brpm) and np.isfinite(resp).all():
            low_hz, high_hz = RR_BAND_HZ
            rr_brpm = 60 * peak_hz(power_spectrum(resp, fs), low_hz=low_hz, high_hz=high_hz)
    spo2 = float(truth.spo2_percent) if truth.spo2 is None else _mean_if_known(truth.spo2[part])
    return Known(float(hr_bpm), hr_from, rr_brpm, spo2)


def _rates_from_output(name: str, output: MethodOutput, stretch: Stretch, fs: float) -> dict[str, Any]:
    """Heart and breathing rate of a stretch of a waveform, judged as in a report."""
    part = stretch.part
    skin = cut_bvp(output.bvp, part)
    if skin is None:
        return {}
    spectra = spectra_from_bvp(skin, HR_BAND_HZ)
    vitals = vitals_from_bvp(
        skin,
        context=stretch.context,
        name=name,
        panel=stretch.panel,
        evidence=output.evidence,
        resp=cut_bvp(output.resp, part),
    ).vitals
    rr, read_brpm = None, np.nan
    if _asks_breathing(part, fs):
        rr, seen = vitals.rr.value, stretch.context
        resp = cut_bvp(output.resp, part)
        read_brpm = (
            respiration_rate(skin, skin=seen.skin, motion=seen.motion).rr_brpm
            if resp is None
            else modulation_rates(skin, resp=resp).get("waveform", np.nan)
        )
    return {
        "hr_bpm": np.nan if spectra is None else 60 * spectra.rate_hz,
        "hr_shown": not vitals.hr.refused,
        "confidence": vitals.hr.confidence,
        "rr_brpm": np.nan if rr is None else rr,
        "rr_read_brpm": read_brpm,
    }


def _waveform_scores(bvp: Bvp | None, truth: Truth, stretch: Stretch) -> dict[str, float]:
    """r, MACC, SNR and leakage of a stretch: means over its pieces between gaps, weighted by their length.

    Source: metrics.py for each; our choice, after common practice: MACC of both waveforms inside the cardiac band.
    """
    if bvp is None:
        return {}
    part, hr_bpm = stretch.part, stretch.known.hr_true_bpm
    label, estimated = truth.bvp[part], bvp.samples[part]
    found: dict[str, list[tuple[float, int]]] = {"r": [], "macc": [], "snr_db": [], "leak": []}
    low_hz, high_hz = HR_BAND_HZ
    for piece in _pieces(bvp.valid[part] & np.isfinite(label), bvp.fs):
        x, y = label[piece] - label[piece].mean(), estimated[piece]
        n = len(x)
        found["r"].append((waveform_r(x, y, bvp.fs), n))
        in_band = [bandpass(wave, bvp.fs, low_hz=low_hz, high_hz=high_hz) for wave in (x, y)]
        found["macc"].append((macc(in_band[0], in_band[1], bvp.fs), n))
    for piece in _pieces(bvp.valid[part], bvp.fs, least_s=LEAK_S):
        found["leak"].append((slow_share(estimated[piece], bvp.fs), piece.stop - piece.start))
    if SNR_BAND_BPM[0] <= hr_bpm <= SNR_BAND_BPM[1]:
        for piece in _pieces(bvp.valid[part], bvp.fs):
            found["snr_db"].append((snr_db(hr_bpm, estimated[piece], bvp.fs), piece.stop - piece.start))
    return {
        name: float(np.average([v for v, _ in values], weights=[n for _, n in values])) if values else np.nan
        for name, values in found.items()
    }


def _stretch(unit: str, part: slice, runs: ControlledRuns, truth: Truth, fs: float) -> Stretch:
    return Stretch(
        unit, part, known_from_truth(truth, part, fs), runs.panel(HR_BAND_HZ, part), _context(runs.clip, part)
    )


def _context(face: FaceClip, part: slice) -> Context:
    """Context of a stretch of an evenly sampled clip."""
    stretch = FaceClip(
        times_s=face.times_s[part],
        valid=face.valid[part],
        rgb=face.rgb[part],
        fs=face.fs,
        region=face.region,
        boxes=None if face.boxes is None else face.boxes[part],
    )
    return Context.from_clip(stretch, stretch)


def _cut_clip(clip: FaceClip, part: slice) -> FaceClip:
    """A stretch of a clip, with all fields cut alike, for a network that regresses rates."""
    from rppg_core.video.prepare import cut

    return cut(clip, part)


def _pieces(valid: np.ndarray, fs: float, *, least_s: float = MIN_PIECE_S) -> list[slice]:
    return [piece for piece in segments(valid) if piece.stop - piece.start >= least_s * fs]


def _mean_if_known(values: np.ndarray) -> float:
    """Mean of the known values; NaN if there are too few."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) >= max(1, KNOWN_SHARE * len(values)) else float("nan")


def _asks_breathing(part: slice, fs: float) -> bool:
    return (part.stop - part.start) / fs >= RR_WINDOW_S - 1e-6
