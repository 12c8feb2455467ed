"""From a waveform to numbers, in one place and in the same way for every method.

Heart rate comes from 10 s spectra, breathing rate from the modulations of the pulse, HRV from beats, and SpO2
from the value that a method regresses itself. Each is a Reading with interval and confidence, or a refusal
with its cause.
Shortest usable face: HR 5 s, RR 10 s, HRV 20 s, LF/HF 55 s (the limits of a commercial product, vitallens).
Axis letters: T time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from rppg_core.analysis.heart_rate import Voice, cap, heart_rate
from rppg_core.signals.beats import MIN_HRV_S, MIN_LF_HF_S, find_beats, hrv, hrv_noise_floor_ms
from rppg_core.signals.calibration import SHOW_FROM
from rppg_core.signals.frame_times import frame_timing
from rppg_core.signals.quality import Panel
from rppg_core.signals.respiration import MIN_RR_S, respiration_rate
from rppg_core.signals.windows import window_spectra
from rppg_core.types import (
    HR_BAND_HZ,
    NEONATAL_HR_BAND_HZ,
    NEONATAL_RR_BAND_HZ,
    RR_BAND_HZ,
    Beats,
    Bvp,
    FaceClip,
    Reading,
    TrackReading,
    Vitals,
)

MIN_HR_S = 5.0
HRV_UNITS = {"sdnn": "ms", "rmssd": "ms", "pnn50": "%", "lf_hf": "ratio"}


@dataclass(frozen=True)
class Context:
    """Facts of the clip, the same for every method."""

    clip_s: float  # length of the clip
    usable_s: float  # seconds with a face
    frame_interval_s: float  # the usual one
    jitter_s: float  # scatter of the frame intervals about the local usual one
    skin: Float[np.ndarray, "time 3"] | None = None  # mean skin colour, even times, NaN without a face
    motion: Float[np.ndarray, " time"] | None = None  # vertical position of the face, in face widths
    band_hz: tuple[float, float] = HR_BAND_HZ  # band that is searched for heart rates
    clock_doubt: str = ""  # why the clip gives no seconds, and so no rates

    @classmethod
    def from_clip(cls, clip: FaceClip, even: FaceClip, band_hz: tuple[float, float] = HR_BAND_HZ) -> Context:
        """From the native clip (its frame times) and the even one (its colours)."""
        timing = frame_timing(clip.times_s)
        step_s = 1 / timing.fps
        # bursts of frames were spread evenly: their times are as uncertain as the jitter of the file
        jitter_s = max(timing.jitter_s, 0.01 * clip.video.jitter_percent * step_s)
        motion = None
        if even.boxes is not None and even.region == "face":
            motion = (even.boxes[:, 1] + even.boxes[:, 3] / 2) / np.nanmedian(even.boxes[:, 2])
        return cls(
            clip_s=float(clip.times_s[-1] - clip.times_s[0]) + step_s,
            usable_s=float(even.valid.sum() / (even.fs or 1.0)),
            frame_interval_s=step_s,
            jitter_s=jitter_s,
            skin=even.roi("skin"),
            motion=motion,
            band_hz=band_hz,
            clock_doubt="" if clip.video.clock_known else clip.video.clock or "this clip has no clock",
        )


@dataclass(frozen=True)
class Judgement:
    """The vitals of one waveform, and what they are based on."""

    vitals: Vitals
    snr_db: float | None
    beats: Beats | None


def vitals_from_bvp(
    bvp: Bvp | None,
    *,
    context: Context,
    name: str = "",
    panel: Panel | None = None,
    evidence: Mapping[str, float] | None = None,
    direct: Mapping[str, float] | None = None,
    resp: Bvp | None = None,
) -> Judgement:
    """All vitals of one method.

    Args:
        bvp: raw waveform of the method; None for a method without one.
        context: facts of the clip.
        name: of the method; one of the panel has no vote on itself.
        panel: the fixed panel.
        evidence: named 0..1 scores of the method; the smallest is an upper limit for every confidence.
        direct: rates that the method regresses itself; only spo2 becomes a vital.
        resp: respiration waveform of the method.

    Returns:
        Readings and refusals, the SNR at the chosen rate (None without one), and the beats (None without HR).
    """
    if context.clock_doubt:
        return Judgement(_without_pulse(context.clock_doubt, direct), None, None)
    spectra = window_spectra(bvp, context.band_hz) if bvp is not None else None
    if bvp is None or spectra is None:
        cause = (
            "this method gives no waveform"
            if bvp is None
            else (
                f"{context.usable_s:.1f} s of face, never {MIN_HR_S:.0f} s without a gap — keep your face in view"
            )
        )
        return Judgement(_without_pulse(cause, direct), None, None)
    found = heart_rate({name: Voice(spectra, cap(1.0, evidence))}, [name], panel)
    hr = found.hr
    if hr.value is None:
        refused = _without_pulse("no reliable pulse", direct, hr=hr)
        without = replace(refused, hr_track=found.track, hr_seconds=found.seconds)
        return Judgement(without, found.snr_db, None)
    beats = find_beats(bvp.samples, bvp.fs, hr_bpm=hr.value, valid=bvp.valid & trusted(bvp, found.track))
    vitals = Vitals(
        hr=hr,
        hr_track=found.track,
        hr_seconds=found.seconds,
        rr=_breathing(bvp, beats, resp, context, evidence),
        **_variability(beats, hr, context, found.seconds),
        spo2=saturation(direct, pulse=True),
    )
    return Judgement(vitals, found.snr_db, beats)


def trusted(bvp: Bvp, track: Sequence[TrackReading]) -> Bool[np.ndarray, " time"]:
    """The samples that lie in a window with a heart rate; HRV and breathing in the pulse are read only there."""
    times_s = bvp.t0_s + np.arange(len(bvp.samples)) / bvp.fs
    spans = [(w.start_s, w.end_s) for w in track if w.reading.value is not None]
    return np.any(
        [(times_s >= start_s - 1e-6) & (times_s < end_s + 1e-6) for start_s, end_s in spans], axis=0
    )


def refuse(unit: str, note: str) -> Reading:
    """A refusal with its cause."""
    return Reading(None, unit, note=note)


def _breathing(
    bvp: Bvp, beats: Beats, resp: Bvp | None, context: Context, evidence: Mapping[str, float] | None
) -> Reading:
    """Breathing rate, shown from the same confidence on as every other vital."""
    unit = "breaths/min"
    newborn = context.band_hz == NEONATAL_HR_BAND_HZ
    found = respiration_rate(
        bvp,
        beats=beats,
        skin=context.skin,
        motion=context.motion,
        resp=resp,
        band_hz=NEONATAL_RR_BAND_HZ if newborn else RR_BAND_HZ,
    )
    if not np.isfinite(found.rr_brpm):
        return refuse(unit, found.note or f"at least {MIN_RR_S:.0f} s of face needed")
    confidence = cap(found.confidence, evidence)
    if confidence < SHOW_FROM:
        note = found.note or f"breathing is not clear in the pulse (confidence {confidence:.2f})"
        return Reading(None, unit, confidence=confidence, note=note)
    half = found.half_width_brpm
    interval = (max(0.0, found.rr_brpm - half), found.rr_brpm + half)
    return Reading(found.rr_brpm, unit, confidence=confidence, interval=interval, note=found.note)


def _variability(beats: Beats, hr: Reading, context: Context, seconds: float) -> dict[str, Reading]:
    """SDNN, RMSSD, pNN50 and LF/HF, refused where too little can be trusted or the beat times are too coarse."""
    seconds = min(seconds, context.usable_s)
    if seconds < MIN_HRV_S - 0.5:  # tolerance: the last frame also lasts one interval
        note = f"{seconds:.0f} s of clear pulse; at least {MIN_HRV_S:.0f} s needed"
        return {name: refuse(unit, note) for name, unit in HRV_UNITS.items()}
    # an interval is the difference of two frame times, so its scatter is sqrt(2) times theirs
    jitter_s = context.jitter_s / np.sqrt(2)
    floor_ms = hrv_noise_floor_ms(
        1 / context.frame_interval_s, jitter_s, float("inf"), hr_bpm=hr.value or 60.0
    )
    found = hrv(beats, frame_noise_ms=floor_ms)
    if not np.isfinite(found.rmssd_ms):
        note = f"too few clean beats ({found.n_intervals} plausible intervals)"
        return {name: refuse(unit, note) for name, unit in HRV_UNITS.items()}
    if found.coarse:
        note = f"beat times are too coarse (noise adds {found.rmssd_noise_ms:.0f} ms to RMSSD)"
        return {name: refuse(unit, note) for name, unit in HRV_UNITS.items()}
    error = found.rmssd_error_ms
    interval = (max(0.0, found.rmssd_ms - error), found.rmssd_ms + error)
    readings = {
        "sdnn": Reading(found.sdnn_ms, "ms", confidence=hr.confidence),
        "rmssd": Reading(found.rmssd_ms, "ms", confidence=hr.confidence, interval=interval),
        "pnn50": Reading(found.pnn50_percent, "%", confidence=hr.confidence, note="not corrected for noise"),
    }
    if seconds < MIN_LF_HF_S - 0.5 or not np.isfinite(found.lf_hf):
        note = f"{seconds:.0f} s of clear pulse; at least {MIN_LF_HF_S:.0f} s needed"
        return {**readings, "lf_hf": refuse("ratio", note)}
    return {**readings, "lf_hf": Reading(found.lf_hf, "ratio", confidence=hr.confidence)}


def _without_pulse(cause: str, direct: Mapping[str, float] | None, *, hr: Reading | None = None) -> Vitals:
    sdnn, rmssd, pnn50, lf_hf = (refuse(unit, cause) for unit in HRV_UNITS.values())
    return Vitals(
        hr=hr or refuse("bpm", cause),
        rr=refuse("breaths/min", cause),
        sdnn=sdnn,
        rmssd=rmssd,
        pnn50=pnn50,
        lf_hf=lf_hf,
        spo2=saturation(direct, pulse=False),
    )


def saturation(direct: Mapping[str, float] | None, *, pulse: bool) -> Reading:
    """SpO2, the only vital taken from `direct`: never calibrated, with a confidence of one half at most."""
    if not direct or "spo2" not in direct:
        return refuse("%", "this method gives no SpO2")
    if not pulse:
        return refuse("%", "no reliable pulse")
    return Reading(float(direct["spo2"]), "%", confidence=0.5, note="not calibrated")
