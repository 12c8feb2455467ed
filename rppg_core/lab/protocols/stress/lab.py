"""The stress lab, computed ahead of time, so that notebooks and the app can vary its settings without waiting.

One packaged file (stress_lab.npz) holds, for every stop of every sweep, the table of the classical methods
and, for one person, the colour of the skin at 30 Hz, the waveforms of POS, CHROM and GREEN, and the true
pulse. A stop whose frame rate the pipeline refuses also has traces: they show what the methods would give.

`python -m rppg_core.lab.protocols.stress.lab [OUT]` rewrites it (minutes); run it whenever the simulator, a
classical method or the calibration changes. A test recomputes one stop and compares, so that an outdated file
is noticed.
Axis letters: T time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rppg_core.errors import UsageError
from rppg_core.json_form import plain
from rppg_core.lab.datasets.clip_file import KnownClip
from rppg_core.lab.protocols.stress.clips import Stop, stream_stops
from rppg_core.lab.protocols.stress.protocol import SEEDS, run_stress
from rppg_core.lab.protocols.stress.sweeps import SWEEPS, Sweep, sweep_from_record
from rppg_core.lab.simulate.settings import SIMULATOR_VERSION
from rppg_core.metrics import waveform_r
from rppg_core.roster import get_method
from rppg_core.signals.filters import standardise
from rppg_core.types import FS, Progress
from rppg_core.video.prepare import resample

LAB_FILE = Path(__file__).with_name("stress_lab.npz")
LAB_METHODS = ("pos", "chrom", "green")
LAB_SEED = 1  # the person whose traces are kept
COLOUR_STEP = 1 / 256  # grey levels
WAVE_STEP = 1 / 1024  # standard deviations; a wave of the lab stays within 32 of them


@dataclass(frozen=True)
class LabMoment:
    """One stop of a sweep for one person: camera colours, waveforms of the methods, and the true pulse."""

    times_s: Float[np.ndarray, " time"]
    rgb: Float[np.ndarray, "time 3"]  # skin, grey levels, to COLOUR_STEP
    waves: Mapping[str, Float[np.ndarray, " time"]]  # method -> raw waveform, zero mean and unit deviation
    bvp: Float[np.ndarray, " time"]  # the true pulse, zero mean and unit deviation
    r: Mapping[str, float]  # between each waveform and the true pulse
    hr_bpm: float


@dataclass(frozen=True)
class StressLab:
    """The complete content of the file."""

    simulator_version: int
    seeds: int  # people behind the numbers
    sweeps: Mapping[str, Sweep]
    cells: Sequence[Mapping[str, Any]]  # as `StressResult.cells`; unknown values are None
    moments: Mapping[tuple[str, float], LabMoment]

    def at(self, sweep: str, value: float) -> LabMoment:
        """The traces at one stop.

        Raises:
            UsageError: the sweep does not exist, or has no such stop.
        """
        if (sweep, value) not in self.moments:
            stops = {name: [f"{v:g}" for v in found.values] for name, found in self.sweeps.items()}
            raise UsageError(
                f"{sweep} at {value:g}",
                wanted=f"a sweep out of {', '.join(stops)}"
                if sweep not in stops
                else ", ".join(stops[sweep]),
                do="choose one of these",
            )
        return self.moments[sweep, value]

    def cell(self, sweep: str, value: float, method: str) -> Mapping[str, Any]:
        """Numbers of one method at one stop, as `stress.protocol.summary` computes them.

        Raises:
            UsageError: there is no such stop, or the file does not contain the method.
        """
        self.at(sweep, value)
        for cell in self.cells:
            if (cell["sweep"], cell["value"], cell["method"]) == (sweep, value, method):
                return cell
        known = ", ".join(dict.fromkeys(cell["method"] for cell in self.cells))
        raise UsageError(f"method {method!r}", wanted=f"one of {known}", do="run_stress() judges any other")


@cache
def stress_lab(path: Path = LAB_FILE) -> StressLab:
    """The packaged lab.

    Args:
        path: a file written by `write_lab`.

    Returns:
        Tables and traces; the file is read only once.
    """
    with np.load(path, allow_pickle=False) as stored:
        words = json.loads(str(stored["words"]))
        colours, waves, truths = (stored[name] for name in ("rgb", "waves", "bvp"))
    sweeps = {found["name"]: sweep_from_record(found) for found in words["sweeps"]}
    moments = {}
    for k, (sweep, value, hr_bpm, *r) in enumerate(words["moments"]):
        rgb = colours[k] * COLOUR_STEP
        wave = dict(zip(words["methods"], waves[k] * WAVE_STEP, strict=True))
        moments[sweep, value] = LabMoment(
            np.arange(len(rgb)) / FS,
            rgb,
            wave,
            truths[k] * WAVE_STEP,
            dict(zip(words["methods"], r, strict=True)),
            hr_bpm,
        )
    return StressLab(words["simulator_version"], words["seeds"], sweeps, words["cells"], moments)


def write_lab(
    path: Path | str = LAB_FILE,
    *,
    seeds: int = SEEDS,
    runs: Path | str | None = None,
    progress: Progress | None = None,
    workers: int = 2,
) -> Path:
    """Compute the lab and write its file.

    Args:
        path: path of the file.
        seeds: number of people behind the numbers.
        runs: folder that keeps the rendered clips; None: out/runs.
        progress: called with a stage and a fraction.
        workers: processes that render clips.

    Returns:
        The path.
    """
    result = run_stress(None, seeds=seeds, runs=runs, progress=progress, workers=workers)
    found = result.to_dict()
    wanted = [Stop(name, value, LAB_SEED) for name, sweep in SWEEPS.items() for value in sweep.values]
    moments = [
        moment_from_clip(made) for made in stream_stops(wanted, frozenset({"rgb"}), runs, workers=workers)
    ]
    n = min(len(moment.bvp) for moment in moments)
    words = {
        "simulator_version": SIMULATOR_VERSION,
        "seeds": seeds,
        "methods": LAB_METHODS,
        **found["stress"],
        "moments": [
            [stop.sweep, stop.value, moment.hr_bpm, *moment.r.values()]
            for stop, moment in zip(wanted, moments, strict=True)
        ],
    }
    waves = [[moment.waves[name][:n] for name in LAB_METHODS] for moment in moments]
    with Path(path).open("wb") as file:
        np.savez_compressed(
            file,
            words=np.array(json.dumps(plain(words))),
            rgb=np.round(np.stack([m.rgb[:n] for m in moments]) / COLOUR_STEP).astype(np.uint16),
            waves=_steps(np.array(waves)),
            bvp=_steps(np.stack([m.bvp[:n] for m in moments])),
        )
    return Path(path)


def moment_from_clip(made: KnownClip) -> LabMoment:
    """The traces of one clip, as in the file but not rounded."""
    clip, truth = made
    even = resample(clip, FS)
    waves = {}
    for name in LAB_METHODS:
        bvp = get_method(name).estimate(even).bvp
        assert bvp is not None, f"{name} gives no waveform"
        waves[name] = standardise(bvp.samples)
    true = standardise(np.interp(even.times_s, truth.times_s, truth.bvp))
    return LabMoment(
        times_s=even.times_s,
        rgb=even.roi("skin"),
        waves=waves,
        bvp=true,
        r={name: waveform_r(true, wave, FS) for name, wave in waves.items()},
        hr_bpm=float(np.mean(truth.hr_bpm)),
    )


def _steps(waves: np.ndarray) -> np.ndarray:
    return np.clip(np.round(waves / WAVE_STEP), -32768, 32767).astype(np.int16)


if __name__ == "__main__":
    made = write_lab(*sys.argv[1:2], progress=lambda stage, _: print(stage, file=sys.stderr))
    print(f"{made}: {made.stat().st_size / 1e6:.2f} MB")
