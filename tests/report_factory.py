"""Reports made by hand: known waveforms and readings, no video, no pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from rppg_core.types import (
    Bvp,
    Consensus,
    Estimate,
    FaceClip,
    FaceInfo,
    Reading,
    Report,
    TrackReading,
    Truth,
    VideoInfo,
    Vitals,
)

FS = 30.0
CAUSE = "no clear pulse (confidence 0.31, 0.80 needed)"


def pulse(times_s: np.ndarray, hr_bpm: float, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """A pulse with a first harmonic, plus white noise."""
    phase = 2 * np.pi * hr_bpm / 60 * times_s
    clean = np.sin(phase) + 0.3 * np.sin(2 * phase - 0.6)
    return clean + noise * np.random.default_rng(seed).standard_normal(len(times_s))


def refused(unit: str, note: str = "no reliable pulse", confidence: float = 0.0) -> Reading:
    return Reading(None, unit, confidence=confidence, note=note)


def make_vitals(hr_bpm: float | None = 72.0, confidence: float = 0.97) -> Vitals:
    if hr_bpm is None:
        units = {
            "rr": "breaths/min",
            "sdnn": "ms",
            "rmssd": "ms",
            "pnn50": "%",
            "lf_hf": "ratio",
            "spo2": "%",
        }
        return Vitals(hr=refused("bpm", CAUSE, 0.31), **{name: refused(unit) for name, unit in units.items()})
    return Vitals(
        hr=Reading(hr_bpm, "bpm", confidence, (hr_bpm - 1.2, hr_bpm + 1.2)),
        rr=Reading(15.2, "breaths/min", 0.88, (13.9, 16.5)),
        sdnn=Reading(41.0, "ms", 0.8, (33.0, 49.0)),
        rmssd=Reading(32.0, "ms", 0.8, (24.0, 40.0), "frame times are coarse: read as an upper bound"),
        pnn50=Reading(11.0, "%", 0.8, None),
        lf_hf=refused("ratio", "20 s of beats; at least 55 s needed"),
        spo2=refused("%", "this method gives no SpO2"),
    )


def make_track(
    hr_bpm: Sequence[float | None], seconds: float = 20.0, window_s: float = 10.0
) -> tuple[TrackReading, ...]:
    """Windows that cover the clip evenly: a value, or a refusal where the rate is None."""
    starts_s = np.linspace(0, max(seconds - window_s, 0), len(hr_bpm)).tolist()
    return tuple(
        TrackReading(start_s, min(start_s + window_s, seconds), make_vitals(rate).hr)
        for start_s, rate in zip(starts_s, hr_bpm, strict=True)
    )


def with_track(
    report: Report, hr_bpm: Sequence[float | None], *, seconds: float = 20.0, hr_seconds: float = 0.0
) -> Report:
    """The report with these windows in its consensus; it has a heart rate already, or none."""
    vitals = replace(report.consensus.vitals, hr_track=make_track(hr_bpm, seconds), hr_seconds=hr_seconds)
    return replace(report, consensus=replace(report.consensus, vitals=vitals))


def make_clip(seconds: float = 20.0) -> FaceClip:
    """A clip with a still picture; its colours are flat, which is enough to draw."""
    times_s = np.arange(round(seconds * FS)) / FS
    still = np.full((96, 96, 3), (180, 140, 120), np.uint8)
    square = np.array([[30.0, 15.0], [66.0, 15.0], [66.0, 35.0], [30.0, 35.0]])
    return FaceClip(
        times_s=times_s,
        valid=np.ones(len(times_s), bool),
        rgb=np.full((len(times_s), 4, 3), 120.0),
        still=still,
        still_outlines={"forehead": square, "left cheek": square + np.array([0, 35])},
    )


def make_report(
    hr_bpm: Mapping[str, float | None] | None = None, *, seconds: float = 20.0, truth_bpm: float = 72.0
) -> Report:
    """One estimate a method: a clean pulse where a rate is given, noise and a refusal where it is None."""
    rates = hr_bpm if hr_bpm is not None else {"pos": 72.1, "chrom": 71.8, "green": None}
    clip = make_clip(seconds)
    n = len(clip.times_s)
    estimates = {}
    for k, (name, rate) in enumerate(rates.items()):
        samples = pulse(clip.times_s, rate or truth_bpm, 0.3, k) if rate else pulse(clip.times_s, 0, 1.0, k)
        estimates[name] = Estimate(
            name,
            make_vitals(rate),
            Bvp(samples, FS, 0.0, np.ones(n, bool)),
            snr_db=4.2 - k if rate else -7.5,
            weights="none needed",
        )
    agree = tuple(name for name, rate in rates.items() if rate)
    shown = [rate for rate in rates.values() if rate]
    words = (
        f"Quality good: {seconds:.0f} of {seconds:.0f} s usable, {len(agree)} of {len(rates)} methods agree. "
        f"About {shown[0]:.0f} bpm, between 71 and 73."
        if shown
        else "No reliable heart rate: the spectrum has no peak that the methods share. To improve it: hold still."
    )
    video = VideoInfo("h264", "yuv420p", 8, 1280, 720, 0, n, seconds, 30.0, FS, 0.4, 2, 0.12)
    face = FaceInfo(0.98, 2, 212.0, 3.1, 0.83, True, 128.0, 0.4)
    consensus = Consensus(make_vitals(shown[0] if shown else None), words, agree, (len(agree), len(rates)))
    timing = {"face": 1.25, **dict.fromkeys(rates, 0.012)}
    return Report(video, face, estimates, consensus, timing, clip, ("two faces: the larger one was read",))


def make_truth(seconds: float = 20.0, hr_bpm: float = 72.0) -> Truth:
    """The truth that fits `make_report(truth_bpm=hr_bpm)`."""
    times_s = np.arange(round(seconds * FS)) / FS
    return Truth(
        times_s=times_s,
        bvp=pulse(times_s, hr_bpm),
        resp=np.sin(2 * np.pi * 0.25 * times_s),
        hr_bpm=np.full(len(times_s), hr_bpm),
        beats_s=np.arange(0, seconds, 60 / hr_bpm),
        rr_brpm=15.0,
        spo2_percent=97.0,
        pulsed=True,
    )
