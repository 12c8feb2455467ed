"""Calls with arguments that make no sense, made in a process without run-time type checks, as a user's is.

`python -m tests.bad_input.calls` prints a JSON object: name of each call -> what it raised, and its words.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import rppg_core
from rppg_core import RgbTrace, SimulationSettings, classical, metrics, oximetry, roster
from rppg_core.models.weights import create_model
from rppg_core.signals import beats, filters, quality, respiration, spectrum
from rppg_core.types import Bvp, STMap
from rppg_core.video import prepare, stmap

FS, N = 30.0, 600
NAN = float("nan")
TIMES_S = np.arange(N) / FS
WAVE = np.sin(2 * np.pi * 1.2 * TIMES_S)
RGB = np.array([180.0, 130.0, 110.0]) * (1 - 0.01 * WAVE[:, None] * [0.3, 0.8, 0.5])
BVP = Bvp(WAVE, FS, 0.0, np.ones(N, bool))
GAP = np.where(np.arange(N) == 7, np.nan, WAVE)
PAIRS = np.array([60.0, 70.0, 80.0])
# What is given in place of a waveform, of a rate, of a trace
NO_WAVES: dict[str, Any] = {
    "None": None,
    "text": "abc",
    "a number": 3.0,
    "an empty array": np.zeros(0),
    "two axes": RGB,
    "NaN": GAP,
    "complex": WAVE + 1j,
    "words": np.array(["a", "b"]),
    "objects": np.array([None, 1], object),
    "a dict": {},
}
NO_RATES: dict[str, Any] = {
    "None": None,
    "text": "30",
    "0": 0,
    "negative": -30.0,
    "NaN": NAN,
    "infinite": float("inf"),
    "an array": WAVE,
}
NO_BANDS: dict[str, tuple[Any, Any]] = {
    "turned round": (3.0, 1.0),
    "equal": (1.0, 1.0),
    "negative": (-1.0, 3.0),
    "NaN": (NAN, 3.0),
    "bpm": (40.0, 180.0),
    "text": ("a", 3.0),
}
NO_TRACES: dict[str, Callable[[], Any]] = {
    "an array": lambda: RGB,
    "None": lambda: None,
    "turned": lambda: RgbTrace(RGB.T, FS),
    "one channel": lambda: RgbTrace(WAVE, FS),
    "four channels": lambda: RgbTrace(np.ones((N, 4)), FS),
    "without samples": lambda: RgbTrace(None, FS),  # type: ignore[arg-type]
    "without a rate": lambda: RgbTrace(RGB, 0.0),
    "of a negative rate": lambda: RgbTrace(RGB, -FS),
    "of the rate NaN": lambda: RgbTrace(RGB, NAN),
    "of a rate in words": lambda: RgbTrace(RGB, "30"),  # type: ignore[arg-type]
}


def calls() -> dict[str, Callable[[], Any]]:
    """Every call by its name."""
    return {
        **_signals(),
        **_traces(),
        **_metrics(),
        **_video(),
        **_names(),
        **_networks(),
        **_sources(),
        **_clips(),
    }


def _signals() -> dict[str, Callable[[], Any]]:
    found: dict[str, Callable[[], Any]] = {}
    of_wave: dict[str, Callable[[Any], Any]] = {
        "bandpass": lambda x: filters.bandpass(x, FS, low_hz=0.7, high_hz=3.0),
        "power_spectrum": lambda x: spectrum.power_spectrum(x, FS),
        "heart_rate_from_bvp": lambda x: spectrum.heart_rate_from_bvp(x, FS),
        "standardise": filters.standardise,
        "waveform_r": lambda x: metrics.waveform_r(WAVE, x, FS),
        "macc": lambda x: metrics.macc(x, WAVE, FS),
        "snr_db": lambda x: metrics.snr_db(72.0, x, FS),
    }
    of_rate: dict[str, Callable[[Any], Any]] = {
        "bandpass": lambda fs: filters.bandpass(WAVE, fs, low_hz=0.7, high_hz=3.0),
        "moving_average": lambda fs: filters.moving_average(WAVE, fs, 1.5),
        "detrend": lambda fs: filters.detrend(WAVE, fs),
        "power_spectrum": lambda fs: spectrum.power_spectrum(WAVE, fs),
        "heart_rate_from_bvp": lambda fs: spectrum.heart_rate_from_bvp(WAVE, fs),
        "window_slices": lambda fs: spectrum.window_slices(N, fs),
        "find_beats": lambda fs: beats.find_beats(WAVE, fs),
        "hrv_noise_floor_ms": lambda fs: beats.hrv_noise_floor_ms(fs, 0.01, 10.0),
        "window_spectra": lambda fs: quality.window_spectra(replace(BVP, fs=fs)),
        "respiration_rate": lambda fs: respiration.respiration_rate(replace(BVP, fs=fs)),
        "waveform_r": lambda fs: metrics.waveform_r(WAVE, WAVE, fs),
        "ratio_of_ratios": lambda fs: oximetry.ratio_of_ratios(RgbTrace(RGB, fs)),
    }
    of_band: dict[str, Callable[[Any, Any], Any]] = {
        "bandpass": lambda low, high: filters.bandpass(WAVE, FS, low_hz=low, high_hz=high),
        "heart_rate_from_bvp": lambda low, high: spectrum.heart_rate_from_bvp(
            WAVE, FS, low_hz=low, high_hz=high
        ),
        "window_spectra": lambda low, high: quality.window_spectra(BVP, (low, high)),
    }
    found |= {
        f"{name}: wave is {bad}": lambda f=f, x=x: f(x)
        for name, f in of_wave.items()
        for bad, x in NO_WAVES.items()
        if (name, bad) != ("bandpass", "two axes")
    }
    found |= {
        f"{name}: fs is {bad}": lambda f=f, x=x: f(x)
        for name, f in of_rate.items()
        for bad, x in NO_RATES.items()
    }
    found |= {
        f"{name}: band is {bad}": lambda f=f, x=x: f(*x)
        for name, f in of_band.items()
        for bad, x in NO_BANDS.items()
    }
    return found | {
        "moving_average: negative window": lambda: filters.moving_average(WAVE, FS, -1.0),
        "moving_average: endless window": lambda: filters.moving_average(WAVE, FS, 1e9),
        "finely_sampled: no factor": lambda: filters.finely_sampled(WAVE, 0),
        "find_beats: mask of another length": lambda: beats.find_beats(WAVE, FS, valid=np.ones(3, bool)),
        "find_beats: negative rate": lambda: beats.find_beats(WAVE, FS, hr_bpm=-60.0),
        "hrv: an array": lambda: beats.hrv(WAVE),  # type: ignore[arg-type]
        "window_spectra: an array": lambda: quality.window_spectra(WAVE),  # type: ignore[arg-type]
        "respiration_rate: one number as band": lambda: respiration.respiration_rate(BVP, band_hz=0.3),  # type: ignore[arg-type]
        "peak_hz: an array": lambda: spectrum.peak_hz(WAVE),  # type: ignore[arg-type]
    }


def _traces() -> dict[str, Callable[[], Any]]:
    functions = {name: getattr(classical, name) for name in roster.CLASSICAL}
    functions["ratio_of_ratios"] = oximetry.ratio_of_ratios
    found: dict[str, Callable[[], Any]] = {
        f"{name}: trace is {bad}": lambda f=f, x=x: f(x())
        for name, f in functions.items()
        for bad, x in NO_TRACES.items()
    }
    return found | {
        "pbv: two numbers": lambda: classical.pbv(RgbTrace(RGB, FS), signature=(1, 2)),  # type: ignore[arg-type]
        "pbv: zeros": lambda: classical.pbv(RgbTrace(RGB, FS), signature=(0, 0, 0)),
        "jade_rotation: turned": lambda: classical.jade_rotation(RGB.T),
        "pos method: an array": lambda: classical.CLASSICAL["pos"].estimate(RGB),  # type: ignore[arg-type]
        "ratio_of_ratios: no window": lambda: oximetry.ratio_of_ratios(RgbTrace(RGB, FS), window_s=0.0),
        "oximetry_controls: an array": lambda: oximetry.oximetry_controls(WAVE, WAVE),  # type: ignore[arg-type]
        "evaluate_oximetry: None": lambda: oximetry.evaluate_oximetry(None),  # type: ignore[arg-type]
    }


def _metrics() -> dict[str, Callable[[], Any]]:
    found: dict[str, Callable[[], Any]] = {}
    for name in ("mae", "rmse", "mape", "pearson_r", "bland_altman", "evaluate"):
        function = getattr(metrics, name)
        for bad, x in {
            "None": None,
            "text": "abc",
            "a number": 3.0,
            "longer": np.ones(9),
            "words": ["a", "b", "c"],
        }.items():
            found[f"{name}: estimated is {bad}"] = lambda f=function, x=x: f(PAIRS, x)
    return found | {
        "within: NaN": lambda: metrics.within(PAIRS, PAIRS, NAN),
        "snr_db: no rate": lambda: metrics.snr_db(None, WAVE, FS),  # type: ignore[arg-type]
        "bootstrap_ci: no function": lambda: metrics.bootstrap_ci(PAIRS, None, 0),  # type: ignore[arg-type]
        "bootstrap_ci: no resamples": lambda: metrics.bootstrap_ci(PAIRS, np.mean, 0, n_resamples=0),  # type: ignore[arg-type]
        "wilson_interval: level 95": lambda: metrics.wilson_interval(3, 5, level=95),
        "wilson_interval: text": lambda: metrics.wilson_interval("a", 5),  # type: ignore[arg-type]
    }


def _video() -> dict[str, Callable[[], Any]]:
    stored = STMap(np.ones((100, 36, 3)), FS, np.ones(36))
    return {
        "resample: an array": lambda: prepare.resample(RGB),  # type: ignore[arg-type]
        "resample: negative rate": lambda: prepare.resample(_clip(), -30.0),
        "resample: a rate beyond memory": lambda: prepare.resample(_clip(), 1e12),
        "stmap_band: another band": lambda: prepare.stmap_band(stored, "fast"),  # type: ignore[arg-type]
        "stmap_band: an array": lambda: prepare.stmap_band(RGB, "pulse"),  # type: ignore[arg-type]
        "overlapping_windows: no length": lambda: prepare.overlapping_windows(100, 0),
        "overlap_add: another length": lambda: prepare.overlap_add([WAVE], [slice(0, 5)], N),
        "cell_weights: one axis": lambda: stmap.cell_weights(WAVE),
        "plain_cells: an array": lambda: stmap.plain_cells(RGB),
        "roi: unknown": lambda: _clip().roi("nose"),
        "need: unknown": lambda: _clip().need("nose"),
        "simulate_clip: None": lambda: rppg_core.simulate_clip(None),
        "simulate_clip: unknown need": lambda: rppg_core.simulate_clip(
            SimulationSettings(), frozenset({"nose"})
        ),
        "settings: text": lambda: SimulationSettings(hr_bpm="fast"),
        "settings: None": lambda: SimulationSettings(seconds=None),
        "settings: NaN": lambda: SimulationSettings(amplitude_percent=NAN),
        "settings: half a tone": lambda: SimulationSettings(tone=1.5),
        "settings: a list as kind": lambda: SimulationSettings(kind=["pulse"]),
        "settings: a number as photo": lambda: SimulationSettings(photo=3),
        "figure: None": lambda: rppg_core.figure(None),
        "inspect_video: a number": lambda: rppg_core.inspect_video(123),
    }


def _names() -> dict[str, Callable[[], Any]]:
    return {
        "get_method: None": lambda: rppg_core.get_method(None),
        "get_method: typo": lambda: rppg_core.get_method("pso"),
        "get_network: a list": lambda: roster.get_network([]),  # type: ignore[arg-type]
        "resolve: a number": lambda: roster.resolve(5),  # type: ignore[arg-type]
        "resolve: numbers": lambda: roster.resolve([1]),  # type: ignore[list-item]
        "resolve: an array": lambda: roster.resolve(RGB),  # type: ignore[arg-type]
    }


def _networks() -> dict[str, Callable[[], Any]]:
    from torch import nn

    from rppg_core.models.physmle.config import PhysMLEConfig
    from rppg_core.models.tracenet.model import TraceNetConfig
    from rppg_core.nn.experts import LowRankExperts

    tiny = PhysMLEConfig.tiny()
    wrong: dict[str, dict[str, Any]] = {
        "rank 0": {"rank": 0},
        "half a rank": {"rank": 1.5},
        "negative experts": {"experts": -1},
        "alpha NaN": {"alpha": NAN},
        "too few widths": {"widths": (8,)},
        "width 0": {"widths": (8, 0)},
        "widths in no tuple": {"widths": 8},
        "no widths": {"widths": (), "strides": (), "dilations": ()},
        "even kernel": {"kernel": (1, 4)},
        "window 0": {"window": 0},
        "odd window": {"window": 63},
        "unknown stem": {"stem": "tree"},
        "two twins": {"twins": 2.0},
    }
    return {
        **{f"PhysMLEConfig: {bad}": lambda x=x: replace(tiny, **x) for bad, x in wrong.items()},
        "TraceNetConfig: no dilations": lambda: TraceNetConfig(dilations=()),
        "TraceNetConfig: no channels": lambda: TraceNetConfig(channels=0),
        "LowRankExperts: rank 0": lambda: LowRankExperts(nn.Conv2d(2, 2, 1), experts=2, rank=0, alpha=1.0),
        "create_model: another config": lambda: create_model("physmle", TraceNetConfig()),
    }


def _sources() -> dict[str, Callable[[], Any]]:
    pictures = np.zeros((10, 8, 8, 3), np.uint8)
    sources: dict[str, Any] = {
        "a number": 123,
        "None": None,
        "a list of paths": ["a.mp4"],
        "frames alone": pictures,
        "a list": [pictures, TIMES_S],
        "a dict": {},
        "a trace": RgbTrace(RGB, FS),
        "three in a tuple": (pictures, TIMES_S, FS),
        "two paths": ("a.mp4", "b.mp4"),
    }
    found: dict[str, Callable[[], Any]] = {
        f"analyze: source is {bad}": lambda x=x: rppg_core.analyze(x, region="whole")
        for bad, x in sources.items()
    }
    bands: dict[str, Any] = {
        **NO_BANDS,
        "one number": 3.0,
        "None": None,
        "narrow": (1.0, 1.1),
        "too fast": (0.7, 20.0),
        "zero": (0, 3),
    }
    found |= {
        f"analyze: band_hz is {bad}": lambda x=x: rppg_core.analyze("no such file.mp4", band_hz=x)
        for bad, x in bands.items()
    }
    return found | {
        "analyze: methods is a number": lambda: rppg_core.analyze("a.mp4", 5),
        "analyze: weights is a text": lambda: rppg_core.analyze("a.mp4", weights="x"),
        "analyze: progress is True": lambda: rppg_core.analyze("a.mp4", progress=True),
    }


def _clips() -> dict[str, Callable[[], Any]]:
    wrong: dict[str, dict[str, Any]] = {
        "times that stand still": {"times_s": np.zeros(180)},
        "one time": {"times_s": np.zeros(1)},
        "no times": {"times_s": None},
        "times with NaN": {"times_s": np.where(np.arange(180) == 3, np.nan, np.arange(180) / FS)},
        "a short mask": {"valid": np.ones(3, bool)},
        "a mask of numbers": {"valid": np.ones(180)},
        "colours without ROIs": {"rgb": np.ones((180, 3))},
        "short colours": {"rgb": np.ones((9, 4, 3))},
        "colours in a list": {"rgb": [[1, 2, 3]]},
        "NaN where it is valid": {"rgb": np.full((180, 4, 3), np.nan)},
        "no skin": {"rois": ("a", "b", "c", "d")},
        "a short background": {"background": np.ones((9, 3))},
        "boxes of three": {"boxes": np.ones((180, 3))},
        "a map of another length": {"stmap": np.ones((9, 36, 3)), "stmap_weight": np.ones(36)},
        "weights of another map": {"stmap": np.ones((180, 36, 3)), "stmap_weight": np.ones(4)},
        "an unknown region": {"region": "nose"},
    }
    return {
        f"FaceClip: {bad}": lambda x=x: rppg_core.analyze(replace(_clip(), **x)) for bad, x in wrong.items()
    }


def _clip() -> rppg_core.FaceClip:
    times_s = np.arange(180) / FS
    rgb = np.repeat(RGB[:180, None], 4, axis=1)
    return rppg_core.FaceClip(times_s, np.ones(180, bool), rgb)


def main() -> None:
    warnings.simplefilter("error")
    said = {}
    for name, call in calls().items():
        try:
            said[name] = ["nothing", repr(call())[:80]]
        except Exception as error:
            kinds = [kind.__name__ for kind in type(error).__mro__]
            said[name] = ["UsageError" if "UsageError" in kinds else kinds[0], str(error)]
    print(json.dumps(said))


if __name__ == "__main__":
    main()
