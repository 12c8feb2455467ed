"""Breathing rates shown or not, by `make breathing-table`: waveforms of networks beside classical sources.

Protocol `photo` counts a breathing rate only where a report would show it. Here every source gives one for every
clip of 40 s of photo-v2; where it finds none, the constant predictor stands in.

    a network    by its respiration waveform or, without one, the rate that it regresses
    fused        as in a report without such a network: the modulations of the pulse of POS together
    baseline, amplitude, rate
                 one modulation of that pulse alone
    head         the height of the face in the picture

Networks are compared with the best of the classical sources, which is chosen on simulated traces of other people.
On these traces each network is also shown twins: the same people with a head that is still when they breathe, and
with breath in the head alone. A network that reads the head gets worse on the first and stays good on the second.
Source: our choice.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rppg_core.analysis.vitals import Context
from rppg_core.errors import RppgError, UsageError
from rppg_core.lab import RUNS
from rppg_core.lab.datasets.clip_file import KnownClip
from rppg_core.lab.protocols.differences import difference_text
from rppg_core.lab.protocols.own_weights import load_networks
from rppg_core.lab.protocols.photo.clips import N_CLIPS, N_PULSE, photo_clips, place_from_number
from rppg_core.lab.protocols.photo.scores import BAR, CONSTANT_BRPM
from rppg_core.lab.protocols.photo.swings import PHOTO_V2, head_from_place
from rppg_core.lab.protocols.table import Criterion, text_table
from rppg_core.lab.simulate.settings import SimulationSettings, random_settings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.metrics import bootstrap_ci
from rppg_core.models.weights import load_card
from rppg_core.roster import get_method, get_network, list_trained_networks
from rppg_core.signals.respiration import modulation_rates, respiration_rate
from rppg_core.types import FaceClip, Method
from rppg_core.video.prepare import resample

SEED = 6_200_000  # of the first trace; no benchmark and no training draws it
N_TRACES = 60
SECONDS = 40.0
MOST_BRPM = 2.0  # mean error of a network while heads are still or move as every day
EASY = ("1 still", "2 everyday")  # of the thirds of photo-v2
CLASSICAL_SOURCES = {
    "fused": "fused",
    "baseline": "baseline",
    "amplitude": "amplitude",
    "rate": "rate",
    "head": "motion",
}
BREATHING = frozenset({"resp", "rr"})  # tasks
CONSTANT = f"constant {CONSTANT_BRPM:g}"
TWINS = {
    "as drawn": {},
    "head still": {"breath_motion": 0.0},
    "head alone": {"riiv": 0.0, "riav": 0.0, "rsa": 0.0},
}  # settings that differ from those of the draw

Errors = dict[str, Float[np.ndarray, " _"]]  # source -> error of the rate of each clip. Unit: breaths/min


@dataclass(frozen=True)
class BreathingTable:
    """Errors of all sources."""

    chosen: str  # the best classical source on `developed`
    developed: Errors
    photo: Errors
    thirds: Sequence[str]  # of each clip of `photo`
    twins: Mapping[str, Errors]  # of networks, of the source "head" and of the constant

    @property
    def networks(self) -> list[str]:
        """Sources that are networks."""
        return [name for name in self.photo if name not in (*CLASSICAL_SOURCES, CONSTANT)]

    def mae(self, source: str, *thirds: str) -> float:
        """Mean error on photo-v2, in some thirds or, without any, in all."""
        inside = np.array([not thirds or third in thirds for third in self.thirds])
        return float(self.photo[source][inside].mean())

    def criteria(self) -> list[Criterion]:
        """Two for every network."""
        found = []
        for name in self.networks:
            easy = self.mae(name, *EASY)
            less = self.photo[CONSTANT] - self.photo[name]
            low, _ = bootstrap_ci(less, np.mean, seed=0)
            found += [
                Criterion(
                    f"RR MAE of {name}, still and everyday",
                    f"{easy:.2f} brpm",
                    f"below {MOST_BRPM:g}",
                    easy < MOST_BRPM,
                ),
                Criterion(
                    f"RR error of the constant minus that of {name}",
                    difference_text(less),
                    "interval above 0",
                    low > 0,
                ),
            ]
        return found

    def text(self) -> str:
        """All tables."""
        levels = sorted({*self.thirds})
        rows = [
            [name, *(f"{self.mae(name, level):.2f}" for level in levels), f"{self.mae(name):.2f}",
             "" if name == self.chosen else difference_text(self.photo[self.chosen] - errors)]
            for name, errors in self.photo.items()
        ]  # fmt: skip
        header = ["source", *levels, "all", f"better than {self.chosen} by"]
        twins = [
            [name, *(f"{errors[name].mean():.2f}" for errors in self.twins.values())]
            for name in next(iter(self.twins.values()))
        ]
        n_traces = len(self.developed[self.chosen])
        developed = ", ".join(f"{name} {errors.mean():.2f}" for name, errors in self.developed.items())
        return "\n\n".join([
            f"RR MAE (breaths/min), shown or not, on the {len(self.thirds)} clips of {SECONDS:g} s of "
            f"{PHOTO_V2.name}, by motion\n{text_table(header, rows)}",
            f"The classical source to compare with was chosen on {n_traces} simulated traces: {developed}",
            f"The same on traces, if the breath moves the head and changes the pulse, or one of them alone\n"
            f"{text_table(['source', *self.twins], twins)}",
            "\n".join(criterion.line() for criterion in self.criteria()),
        ])  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Simulate or read the clips, and print the tables; returns 1 if a criterion is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--weights", nargs="*", default=[], metavar="FILE", help="beside the shipped networks"
    )
    parser.add_argument("--runs", type=Path, default=RUNS, help="keeps the rendered clips")
    asked = parser.parse_args(argv)

    def tell(stage: str, fraction: float) -> None:
        print(f"\r{stage} ({fraction:.0%})", end="", file=sys.stderr, flush=True)

    try:
        networks = breathing_networks(asked.weights)
    except RppgError as error:
        parser.error(str(error))
    clips = photo_clips(PHOTO_V2, tell, asked.runs, wanted=range(N_PULSE, N_CLIPS))
    table = breathing_table(networks, clips, [settings_of_trace(k) for k in range(N_TRACES)])
    print(table.text())
    return 0 if all(criterion.holds for criterion in table.criteria()) else 1


def breathing_networks(weights: Sequence[str | Path]) -> dict[str, Method]:
    """The shipped networks that estimate breathing, by a waveform or a rate, and those of the files.

    Raises:
        ModelFileError: not a weights file of this project.
        UsageError: two files with the same card, or a network that does not estimate breathing.
    """
    for path in weights:
        if not get_network(method := load_card("", path).method).tasks & BREATHING:
            raise UsageError(
                f"{str(path)!r} holds weights of {method}, which does not estimate breathing",
                wanted="a network with a respiration waveform or a breathing rate",
                do="leave it out",
            )
    names = [name for name in list_trained_networks() if get_network(name).tasks & BREATHING]
    found = {name: get_method(name) for name in names if get_network(name).ready}
    return found | {own.name: own.method for own in load_networks(weights)}


def breathing_table(
    networks: Mapping[str, Method], clips: Sequence[KnownClip], drawn: Sequence[SimulationSettings]
) -> BreathingTable:
    """Errors of all sources on the long clips of photo-v2 and on traces.

    Args:
        networks: name -> network with a respiration waveform or a rate.
        clips: of photo-v2, all or the first ones that are long.
        drawn: settings of the traces.
    """
    twins = {
        words: errors_on_clips(networks, (simulate_traces(replace(one, **changes)) for one in drawn))
        for words, changes in TWINS.items()
    }
    developed = {name: twins["as drawn"][name] for name in CLASSICAL_SOURCES}
    photo = errors_on_clips(networks, clips)
    beside = ("head", CONSTANT)
    return BreathingTable(
        chosen=min(developed, key=lambda name: developed[name].mean()),
        developed=developed,
        photo=photo,
        thirds=[head_from_place(place_from_number(N_PULSE + k)).name for k in range(len(clips))],
        twins={
            words: {
                name: one for name, one in errors.items() if name not in CLASSICAL_SOURCES or name in beside
            }
            for words, errors in twins.items()
        },
    )


def settings_of_trace(k: int) -> SimulationSettings:
    """Person number k of the traces, as people record themselves."""
    return random_settings(np.random.default_rng(SEED + k), pulsed=True, seconds=SECONDS)


def errors_on_clips(networks: Mapping[str, Method], clips: Iterable[KnownClip]) -> Errors:
    """Error of every source on every clip."""
    rows = []
    for clip, truth in clips:
        rates = rates_on_clip(networks, clip)
        rows.append({name: abs(rate - truth.rr_brpm) for name, rate in rates.items()})
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def rates_on_clip(networks: Mapping[str, Method], clip: FaceClip) -> dict[str, float]:
    """Breathing rate by every source; that of the constant predictor where a source gives none."""
    even = resample(clip)
    context = Context.from_clip(clip, even)
    pulse = get_method(BAR).estimate(even).bvp
    assert pulse is not None, "POS gives a waveform"
    skin, motion = context.skin, context.motion
    alone = modulation_rates(pulse, skin=skin, motion=motion)
    alone["fused"] = respiration_rate(pulse, skin=skin, motion=motion).rr_brpm
    found = {name: alone.get(key, np.nan) for name, key in CLASSICAL_SOURCES.items()}
    for name, network in networks.items():
        output = network.estimate(even)
        if output.resp is not None:
            found[name] = modulation_rates(pulse, resp=output.resp).get("waveform", np.nan)
        else:
            found[f"{name}, regressed"] = float(output.direct.get("rr", np.nan))
    found[CONSTANT] = CONSTANT_BRPM
    return {name: rate if np.isfinite(rate) else CONSTANT_BRPM for name, rate in found.items()}


if __name__ == "__main__":
    sys.exit(main())
