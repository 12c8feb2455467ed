"""PhysVLM on simulated newborns, by `make newborn-table`: with the bands of adults and with those of newborns.

The weights are those that were trained on adults of 40 to 180 bpm; only the bands in which the attention looks for a
rhythm are others. Traces hold hearts of 100 to 180 bpm that breathe 30 to 45 times a minute, the most that the
simulator allows. Rates are read in the bands of newborns, shown or not: those of PhysVLM from its waveforms, that of
POS for breathing as in a report. POS and the constant predictor stand beside them.
Source: our choice; the paper names a dataset of newborns (NBHR) and a test on preterm infants.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rppg_core.analysis.vitals import Context
from rppg_core.errors import RppgError, UsageError
from rppg_core.lab.datasets.clip_file import KnownClip
from rppg_core.lab.protocols.differences import difference_text
from rppg_core.lab.protocols.own_weights import load_networks
from rppg_core.lab.protocols.table import text_table
from rppg_core.lab.protocols.waveform_scores import waveform_scores
from rppg_core.lab.simulate.settings import SimulationSettings, random_settings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.models.base import run_clip
from rppg_core.models.neural_method import neural_method
from rppg_core.models.physvlm import PhysVLM
from rppg_core.models.weights import load_card
from rppg_core.roster import get_method, get_network
from rppg_core.signals.respiration import modulation_rates, respiration_rate
from rppg_core.signals.spectrum import heart_rate_from_bvp
from rppg_core.types import FS, NEONATAL_HR_BAND_HZ, NEONATAL_RR_BAND_HZ, FaceClip, MethodOutput
from rppg_core.video.prepare import resample

NAME = "physvlm"
SEED = 6_300_000  # of the first newborn; no benchmark and no training draws it
N_CLIPS = 100
SECONDS = 30.0
HR_BPM, RR_BRPM = (100.0, 180.0), (30.0, 45.0)
CONSTANT_BPM, CONSTANT_BRPM = sum(HR_BPM) / 2, sum(RR_BRPM) / 2
CONSTANT = f"constant {CONSTANT_BPM:g} bpm, {CONSTANT_BRPM:g} brpm"

Reader = Callable[[FaceClip], MethodOutput]


def main(argv: Sequence[str] | None = None) -> int:
    """Simulate newborns and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--weights", nargs="*", default=[], metavar="FILE", help="of PhysVLM, beside the shipped ones"
    )
    asked = parser.parse_args(argv)
    try:
        readers = newborn_readers(asked.weights)
    except RppgError as error:
        parser.error(str(error))
    if len(readers) == 1:
        print(f"{NAME} comes without weights; give some with --weights", file=sys.stderr)
    clips = []
    for k in range(N_CLIPS):
        clips.append(simulate_traces(newborn_settings(k)))
        print(f"\rnewborn {k + 1} of {N_CLIPS}", end="", file=sys.stderr, flush=True)
    print(newborn_table(readers, clips))
    return 0


def newborn_settings(k: int) -> SimulationSettings:
    """Newborn number k: an everyday draw with other rates."""
    rng = np.random.default_rng(SEED + k)
    drawn = random_settings(rng, pulsed=True, seconds=SECONDS)
    return replace(
        drawn, hr_bpm=float(rng.uniform(*HR_BPM)), rr_brpm=float(rng.uniform(*RR_BRPM)), ectopic=0.0
    )


def newborn_readers(weights: Sequence[str | Path]) -> dict[str, Reader]:
    """POS, and every PhysVLM with both kinds of bands.

    Raises:
        ModelFileError: not a weights file of this project.
        UsageError: two files with the same card, or weights of another network.
    """
    for path in weights:
        if (method := load_card("", path).method) != NAME:
            raise UsageError(
                f"{str(path)!r} holds weights of {method}", wanted=f"those of {NAME}", do="leave it out"
            )
    networks: dict[str, Any] = {NAME: neural_method(NAME)} if get_network(NAME).ready else {}
    networks |= {own.name: own.method for own in load_networks(weights)}
    found: dict[str, Reader] = {"pos": get_method("pos").estimate}
    for name, network in networks.items():
        if isinstance(network.model, PhysVLM):
            found[name] = network.estimate
            found[f"{name}, bands of newborns"] = _reader(with_neonatal_bands(network.model))
    return found


def with_neonatal_bands(model: PhysVLM) -> PhysVLM:
    """The same weights with the bands of newborns."""
    other = PhysVLM(model.config.neonatal())
    other.load_state_dict(model.state_dict())
    return other.eval()


def newborn_table(readers: dict[str, Reader], clips: Sequence[KnownClip]) -> str:
    """Errors of all readers as a table.

    Args:
        readers: name -> what makes waveforms of an evenly sampled clip; "pos" is one of them.
        clips: native clips with their truth.
    """
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in readers}
    rows[CONSTANT] = []
    for clip, truth in clips:
        even, hr_bpm = resample(clip), float(np.mean(truth.hr_bpm))
        for name, read in readers.items():
            output = read(even)
            hr, rr = newborn_rates(output, even)
            r, _ = waveform_scores(output.bvp, truth)
            rows[name].append((abs(hr - hr_bpm), abs(rr - truth.rr_brpm), r))
        rows[CONSTANT].append((abs(CONSTANT_BPM - hr_bpm), abs(CONSTANT_BRPM - truth.rr_brpm), np.nan))
    found = {name: np.array(each) for name, each in rows.items()}
    lines = [
        [name, f"{each[:, 2].mean():.3f}" if np.isfinite(each[:, 2]).all() else "",
         f"{each[:, 0].mean():.1f}", "" if name == "pos" else difference_text(found["pos"][:, 0] - each[:, 0]),
         f"{each[:, 1].mean():.1f}", "" if name == CONSTANT else difference_text(found[CONSTANT][:, 1] - each[:, 1])]
        for name, each in found.items()
    ]  # fmt: skip
    header = ["method", "r", "HR MAE", "better than pos by", "RR MAE", "better than the constant by"]
    about = f"{len(clips)} simulated newborns of {SECONDS:g} s, rates shown or not (bpm, breaths/min)"
    return f"{about}\n{text_table(header, lines)}"


def newborn_rates(output: MethodOutput, clip: FaceClip) -> tuple[float, float]:
    """Heart rate and breathing rate in the bands of newborns; that of the constant where there is none.

    Args:
        output: of a method. Without a respiration waveform, breathing is read as in a report.
        clip: at an even rate.
    """
    assert output.bvp is not None, "every reader gives a pulse"
    low_hz, high_hz = NEONATAL_HR_BAND_HZ
    hr = heart_rate_from_bvp(output.bvp.samples, FS, low_hz=low_hz, high_hz=high_hz)
    if output.resp is not None:
        rr = modulation_rates(output.bvp, resp=output.resp, band_hz=NEONATAL_RR_BAND_HZ).get(
            "waveform", np.nan
        )
    else:
        seen = Context.from_clip(clip, clip, NEONATAL_HR_BAND_HZ)
        rr = respiration_rate(
            output.bvp, skin=seen.skin, motion=seen.motion, band_hz=NEONATAL_RR_BAND_HZ
        ).rr_brpm
    return hr, rr if np.isfinite(rr) else CONSTANT_BRPM


def _reader(model: PhysVLM) -> Reader:
    return lambda clip: run_clip(model, clip)


if __name__ == "__main__":
    sys.exit(main())
