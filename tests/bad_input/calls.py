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
from rppg_core import RgbTrace, SimulationSettings, roster
from rppg_core.models.weights import create_model
from rppg_core.types import STMap
from rppg_core.video import prepare, stmap
from tests.bad_input.signal_calls import calls_on_metrics, calls_on_signals, calls_on_traces
from tests.bad_input.wrong_values import FS, NAN, NO_BANDS, RGB, TIMES_S, WAVE, N


def calls() -> dict[str, Callable[[], Any]]:
    """Every call by its name."""
    return {
        **calls_on_signals(),
        **calls_on_traces(),
        **calls_on_metrics(),
        **_video(),
        **_names(),
        **_networks(),
        **_sources(),
        **_clips(),
    }


def _video() -> dict[str, Callable[[], Any]]:
    stored = STMap(np.ones((100, 36, 3)), FS, np.ones(36))
    return {
        "resample: an array": lambda: prepare.resample(RGB),  # type: ignore[arg-type]
        "resample: negative rate": lambda: prepare.resample(_clip(), -30.0),
        "resample: a rate beyond memory": lambda: prepare.resample(_clip(), 1e12),
        "stmap_band: another band": lambda: prepare.stmap_band(stored, "fast"),  # type: ignore[arg-type]
        "stmap_band: an array": lambda: prepare.stmap_band(RGB, "pulse"),  # type: ignore[arg-type]
        "projections: an unknown one": lambda: prepare.projections(stored, names=("ica",)),
        "projections: a word": lambda: prepare.projections(stored, names="pos"),
        "projections: an array": lambda: prepare.projections(RGB),  # type: ignore[arg-type]
        "projections: no window": lambda: prepare.projections(stored, window_s=NAN),
        "overlapping_windows: no hop": lambda: prepare.overlapping_windows(100, 10, hop=0),
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
