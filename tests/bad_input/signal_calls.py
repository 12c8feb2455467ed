"""Calls of what computes on waveforms, traces and pairs, with arguments that make no sense."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from rppg_core import RgbTrace, classical, metrics, oximetry, roster
from rppg_core.signals import beats, filters, respiration, spectrum, windows
from tests.bad_input.wrong_values import (
    BVP,
    FS,
    NAN,
    NO_BANDS,
    NO_RATES,
    NO_TRACES,
    NO_WAVES,
    PAIRS,
    RGB,
    WAVE,
    N,
)


def calls_on_signals() -> dict[str, Callable[[], Any]]:
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
        "window_spectra": lambda fs: windows.window_spectra(replace(BVP, fs=fs)),
        "respiration_rate": lambda fs: respiration.respiration_rate(replace(BVP, fs=fs)),
        "waveform_r": lambda fs: metrics.waveform_r(WAVE, WAVE, fs),
        "ratio_of_ratios": lambda fs: oximetry.ratio_of_ratios(RgbTrace(RGB, fs)),
    }
    of_band: dict[str, Callable[[Any, Any], Any]] = {
        "bandpass": lambda low, high: filters.bandpass(WAVE, FS, low_hz=low, high_hz=high),
        "heart_rate_from_bvp": lambda low, high: spectrum.heart_rate_from_bvp(
            WAVE, FS, low_hz=low, high_hz=high
        ),
        "window_spectra": lambda low, high: windows.window_spectra(BVP, (low, high)),
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
        "window_spectra: an array": lambda: windows.window_spectra(WAVE),  # type: ignore[arg-type]
        "respiration_rate: one number as band": lambda: respiration.respiration_rate(BVP, band_hz=0.3),  # type: ignore[arg-type]
        "peak_hz: an array": lambda: spectrum.peak_hz(WAVE),  # type: ignore[arg-type]
    }


def calls_on_traces() -> dict[str, Callable[[], Any]]:
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


def calls_on_metrics() -> dict[str, Callable[[], Any]]:
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
