"""From a video to a report: the face pass, the controls, the methods, their vitals and the consensus.

Every method runs on the same face and is compared with the same panel (POS, CHROM, PBV, LGI) and background, so a
method's reading does not depend on which other methods run. Axis letters: T time, R roi.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from rppg_core.analysis.clip_source import load_clip
from rppg_core.analysis.controls import ControlledRuns, spectra_from_bvp
from rppg_core.analysis.heart_rate import HeartRate, Voice, cap, heart_rate
from rppg_core.analysis.verdict import likely_cause, verdict
from rppg_core.analysis.vitals import HRV_UNITS, Context, Judgement, refuse, saturation, vitals_from_bvp
from rppg_core.errors import (
    ClipTooShortError,
    FaceTooSmallError,
    FrameRateError,
    MissingNeedError,
    RppgError,
    UsageError,
)
from rppg_core.roster import BEHIND, CLASSICAL, PANEL, get_method, resolve
from rppg_core.signals.checks import check_band
from rppg_core.signals.frame_times import frame_timing, slow_parts
from rppg_core.signals.quality import Panel
from rppg_core.types import (
    FS,
    HR_BAND_HZ,
    Consensus,
    Estimate,
    FaceClip,
    Method,
    MethodOutput,
    Progress,
    Reading,
    Report,
    Vitals,
    marked_rows,
)
from rppg_core.video.clip_fields import check_fields
from rppg_core.video.prepare import resample

CROPS = frozenset(
    name for name, rows in marked_rows(FaceClip, "frame").items() if rows.is_crop
)  # pictures of the face
MIN_CLIP_S = 5.0
MIN_FPS = 10.0
MIN_FACE_PX = 60.0


def analyze(
    source: str | Path | FaceClip | tuple[Any, Any],
    methods: Sequence[str] | str | None = None,
    *,
    region: str = "face",
    band_hz: tuple[float, float] = HR_BAND_HZ,
    weights: Mapping[str, str | Path] | None = None,
    fps: float | None = None,
    progress: Progress | None = None,
) -> Report:
    """Analyse one video: heart rate, breathing rate, HRV, and how far to trust each.

    Args:
        source: the path of a video, or of a table of colour traces; a FaceClip; or a tuple (frames, times_s):
            RGB (T, H, W, 3) or grey (T, H, W), integers or floats 0..1 or 0..255, and T times in seconds;
            the first becomes 0. BGR is not recognised: convert it.
        methods: names from `list_methods()`; None: the seven classical ones; "all": every one with weights.
        region: "face", or "whole" when the whole picture is skin (a finger on the lens).
        band_hz: band that is searched for the heart rate; NEONATAL_HR_BAND_HZ for newborns. Unit: Hz.
        weights: network name -> weights file, in place of the weights shipped with the package; for a network
            that ships without weights, options may follow the file ("my.pth,labels=raw").
        fps: frame rate of a file that states none or a wrong one; None trusts the file. Unit: Hz.
        progress: called with the name of the stage and a fraction 0..1.

    Returns:
        The report; each vital is a value with interval and confidence, or a refusal with its cause.

    Raises:
        RppgError: a file that cannot be analysed (exit code 3) or a wrong argument (exit code 2).
    """
    own = _own_networks({} if weights is None else weights)
    names = resolve(methods, own)
    band_hz = check_band(band_hz)
    if progress is not None and not callable(progress):
        raise UsageError(
            f"progress {progress!r}"[:80], wanted="a function of stage and fraction", do="leave it out"
        )
    started = time.perf_counter()
    used = [get_method(name, own) for name in names]
    needs = _needs(used)
    clip = load_clip(source, needs, region=region, fps=fps, progress=progress)
    _check_pictures(clip, used)
    analysis = Analysis(clip, band_hz=band_hz, own=own, seconds=time.perf_counter() - started)
    for count, name in enumerate(names):
        if progress is not None:
            progress(f"{name} ({count + 1} of {len(names)})", 0.9 + 0.1 * count / len(names))
        analysis.estimate(name)
    return analysis.report(names)


def _own_networks(weights: Mapping[str, str | Path]) -> dict[str, Method]:
    """Networks with the user's weights, loaded before the video so that a wrong file is reported early."""
    if not isinstance(weights, Mapping):
        raise UsageError(f"weights of type {type(weights).__name__}", wanted="a dict from network to file",
                         do="give {'tracenet': 'my.safetensors'}")  # fmt: skip
    if not weights:
        return {}
    from rppg_core.models.neural_method import neural_method

    own: dict[str, Method] = {}
    for name, path in weights.items():
        own[name] = network = neural_method(name, path)
        _ = network.model
    return own


def _check_pictures(clip: FaceClip, methods: Sequence[Method]) -> None:
    """Check that a clip holds the pictures of the face that some methods read; a table of colours has none."""
    for method in methods:
        if lacking := sorted(need for need in method.needs & CROPS if getattr(clip, need) is None):
            raise MissingNeedError(
                f"{method.name} reads pictures of the face, and this clip holds no {lacking[0]}",
                wanted="a face video",
                do="give the video itself, without --region whole",
            )


def collect_needs(names: Sequence[str]) -> frozenset[str]:
    """The fields that the pass must keep for these methods and for the still in the report."""
    return _needs([get_method(name) for name in names])


def _needs(methods: Sequence[Method]) -> frozenset[str]:
    return frozenset({"rgb", "still"}).union(*(method.needs for method in methods))


class Analysis:
    """One clip, ready for any number of methods; the app runs them one by one and shows each result at once.

    Args:
        clip: at native times, with the fields that the methods need.
        band_hz: heart-rate band. Unit: Hz.
        own: methods that replace those of the same name in the roster.
        seconds: duration of the pass over the video, for the report. Unit: s.

    Raises:
        RppgError: the clip is too short, its frame rate too low, or the face too small for any method.
    """

    def __init__(
        self,
        clip: FaceClip,
        *,
        band_hz: tuple[float, float] = HR_BAND_HZ,
        own: Mapping[str, Method] | None = None,
        seconds: float = 0.0,
    ):
        check_clip(clip)
        clip = replace(clip, valid=clip.valid & ~slow_parts(clip.times_s, MIN_FPS))
        band_hz = check_band(band_hz, fs=frame_timing(clip.times_s).fps)
        even = resample(clip, FS)
        self.clip = clip
        self._runs = ControlledRuns(even, own)
        self._panel = self._runs.panel(band_hz)
        self._context = Context.from_clip(clip, even, band_hz)
        self._estimates: dict[str, Estimate] = {}
        self._seconds = {"face": seconds}

    def estimate(self, name: str) -> Estimate:
        """The estimate of one method, computed once."""
        if name not in self._estimates:
            started = time.perf_counter()
            run = self._runs.by_name(name)
            hr = None if run.bvp is not None else self._panel_hr
            self._estimates[name] = _estimate(
                self._runs.method(name), run, self._panel, self._context, others_hr=hr
            )
            self._seconds[name] = time.perf_counter() - started
        return self._estimates[name]

    def judge(self, method: Method) -> Estimate:
        """The estimate of any method, such as an ablation, on the same face and background; not cached."""
        run = method.estimate(self._runs.clip)
        hr = None if run.bvp is not None else self._panel_hr
        return _estimate(method, run, self._panel, self._context, others_hr=hr)

    @cached_property
    def _panel_hr(self) -> Reading:
        """Heart rate of the panel: whether there is a pulse is asked of it where a method has no waveform."""
        every = {
            name: _estimate(get_method(name), self._runs.by_name(name), self._panel, self._context)
            for name in PANEL
        }
        return _agreed_rate(every, self._panel, self._context).hr

    def report(self, names: Sequence[str]) -> Report:
        """The report on these methods, with the consensus of them and the panel."""
        estimates = {name: self.estimate(name) for name in names}
        consensus = _consensus(estimates, self._runs, self._panel, self._context)
        seconds = {name: self._seconds[name] for name in ("face", *names)}
        return Report(
            self.clip.video, self.clip.face, estimates, consensus, seconds, self.clip, self.clip.notes
        )


def check_clip(clip: FaceClip) -> None:
    """Refuse clips that no method can read.

    Raises:
        ClipTooShortError: under MIN_CLIP_S.
        FrameRateError: under MIN_FPS.
        FaceTooSmallError: a face under MIN_FACE_PX wide.
        UsageError: fields that are inconsistent.
    """
    check_fields(clip)
    try:
        _check_clip(clip)
    except RppgError as error:
        raise error.noted(clip.notes) from error


def _check_clip(clip: FaceClip) -> None:
    n = len(clip.times_s)
    rate = frame_timing(clip.times_s).fps
    clip_s = float(clip.times_s[-1] - clip.times_s[0]) + 1 / rate
    if round(clip_s, 2) < MIN_CLIP_S:  # rounded as in the message
        raise ClipTooShortError(
            f"the clip has {n} frames ({clip_s:.2f} s at {rate:.0f} fps)",
            wanted=f"at least {MIN_CLIP_S:.0f} s",
            do="record a longer clip; 30 s is best",
            lesson="too_short",
        )
    if round(rate, 1) < MIN_FPS:
        do = "record in the camera's normal video mode, not time lapse"
        if clip.video.repeated_frames:
            do = "use more light, and close other programs while recording"
        raise FrameRateError(
            f"the video has {rate:.1f} frames a second",
            wanted=f"at least {MIN_FPS:.0f}, 30 is best",
            do=do,
            lesson="frame_rate",
        )
    if clip.region == "face" and 0 < round(clip.face.width_px) < MIN_FACE_PX:  # 0: unknown
        raise FaceTooSmallError(
            f"the face is {clip.face.width_px:.0f} pixels wide",
            wanted=f"at least {MIN_FACE_PX:.0f} pixels",
            do="come closer to the camera or record at a higher resolution",
            lesson="no_face",
        )


def _estimate(
    method: Method,
    output: MethodOutput,
    panel: Panel | None,
    context: Context,
    *,
    others_hr: Reading | None = None,
) -> Estimate:
    judged: Judgement = vitals_from_bvp(
        output.bvp,
        name=method.name.partition(BEHIND)[0],  # of a cleaned waveform, the method that it was made from
        panel=panel,
        evidence=output.evidence,
        resp=output.resp,
        direct=output.direct,
        context=context,
    )
    vitals = judged.vitals
    if others_hr is not None and others_hr.value is not None:
        vitals = replace(vitals, spo2=saturation(output.direct, pulse=True))
    return Estimate(
        method=method.name,
        vitals=vitals,
        bvp=output.bvp,
        snr_db=judged.snr_db,
        weights=method.weights,
        direct=output.direct,
        evidence=output.evidence,
        inside=output.inside,
        resp=output.resp,
        beats=judged.beats,
        control="background" if panel and panel.light and panel.light.background is not None else "none",
    )


def _consensus(
    estimates: dict[str, Estimate], runs: ControlledRuns, panel: Panel | None, context: Context
) -> Consensus:
    """The joint result of panel and requested methods, judged by the same calibration as one method.

    A waveform that a network cleaned is no second opinion beside the one that it was made from, and has no voice.
    """
    every = {name: estimate for name, estimate in estimates.items() if BEHIND not in name}
    counted = list(every) or list(PANEL)
    for name in PANEL:
        if name not in every:
            every[name] = _estimate(get_method(name), runs.by_name(name), panel, context)
    every = {name: e for name, e in every.items() if e.bvp is not None}
    found = _agreed_rate(every, panel, context)
    hr = found.hr
    vitals = Vitals(
        hr=hr,
        hr_track=found.track,
        hr_seconds=found.seconds,
        rr=_best([e.vitals.rr for e in every.values()], hr, "breaths/min"),
        **{
            name: _best([getattr(every[voice].vitals, name) for voice in found.agree], hr, unit)
            for name, unit in HRV_UNITS.items()
        },
        spo2=refuse("%", "SpO2 is never part of the consensus: a camera is not calibrated for it"),
    )
    agree = sum(name in found.agree for name in counted)
    cause = likely_cause(runs.clip.video, runs.clip.face, context.usable_s)
    words = verdict(
        hr,
        seconds=context.usable_s if hr.refused else found.seconds,
        clip_s=context.clip_s,
        agree=agree,
        of=len(counted),
        cause=cause,
        clock=runs.clip.video.clock,
    )
    return Consensus(vitals, words, found.agree, (agree, len(counted)))


def _agreed_rate(every: dict[str, Estimate], panel: Panel | None, context: Context) -> HeartRate:
    """The rate of the panel and the requested networks; the other methods may back it.

    Our choice: light and motion mislead GREEN, ICA and OMIT together, and with them the joint track of a weak pulse
    in a moving face is wrong more often.
    """
    if context.clock_doubt:
        return HeartRate(refuse("bpm", context.clock_doubt))
    voices = {}
    for name, estimate in every.items():
        spectra = spectra_from_bvp(estimate.bvp, context.band_hz)
        if spectra is not None:
            voices[name] = Voice(spectra, cap(1.0, estimate.evidence))
    leading = [name for name in (*PANEL, *every) if name in voices]
    leading = [name for name in dict.fromkeys(leading) if name in PANEL or name not in CLASSICAL]
    if not leading:
        return HeartRate(refuse("bpm", "the face is never in view for 5 s without a gap"))
    return heart_rate(voices, leading, panel)


def _best(readings: list[Reading], hr: Reading, unit: str) -> Reading:
    """The reading with the highest confidence; a refusal when there is no pulse or no method has a value."""
    if hr.refused or not readings:
        return refuse(unit, "no reliable pulse")
    shown = [r for r in readings if not r.refused]
    return max(shown, key=lambda r: r.confidence) if shown else readings[0]
