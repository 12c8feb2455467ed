"""SpO2 of simulated people, by `make oxygen-table`: networks, estimators that know the physics, and controls.

Three kinds of people (`lab.simulate.oxygen.PEOPLE`), each with a minute of face, from which windows of 10 s are cut.
Within the minute SpO2 rises and falls slowly.

Estimators are fitted on half of the people and judged on the others. Beside it stands the same number for a split by
windows, labelled as leaky: other windows of the same minute of the same face are in the fit. `two readings` moves all
outputs of a person by the mean error of the first two windows, which are left out.
Source: baselines of spec 5.3 (constant, level, time, ratio of ratios by standard deviation and by lock-in, all
colours); our choice: ridge regression, people and windows.
Axis letters: W window, F feature, T time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from rppg_core.errors import RppgError
from rppg_core.lab.protocols.own_weights import load_networks
from rppg_core.lab.protocols.ridge import ridge_fit
from rppg_core.lab.protocols.table import text_table
from rppg_core.lab.simulate.oxygen import PEOPLE, oxygen_settings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.metrics import bland_altman, mae, pearson_r, rmse
from rppg_core.roster import get_network
from rppg_core.signals.filters import bandpass
from rppg_core.signals.spectrum import heart_rate_from_bvp
from rppg_core.types import FS, FaceClip, Method, Truth
from rppg_core.video.prepare import cut, resample

SEED = 6_400_000  # of the first person; no benchmark and no training draws it
SECONDS, WINDOW_S = 60.5, 10.0
TRACE_NOISE = (0.1, 0.2)  # standard deviation of a frame's mean skin. Unit: grey levels
N_PEOPLE = 60
BAND_HZ = 0.15  # half width around the heart rate
MOST_RATIO = 3.0  # of ratios: more is a misread heart rate
READINGS = 2  # of an oximeter, for `two readings`


@dataclass(frozen=True)
class OxygenWindow:
    """A window of one person: what estimators read, and the truth."""

    person: int
    start_s: float
    features: dict[str, Float[np.ndarray, " feature"]]  # of every estimator
    said: dict[str, float]  # by networks. Unit: %
    spo2_percent: float


@dataclass(frozen=True)
class OxygenRow:
    """Errors of one estimator. Unit: percentage points of SpO2."""

    name: str
    control: bool  # knows nothing of blood
    rmse: float  # on people who were not in the fit
    mae: float
    r: float
    bias: float
    limits: tuple[float, float]  # of agreement
    leaky_rmse: float  # on windows of people who were in the fit; NaN for networks
    two_readings_rmse: float
    by_third: tuple[float, ...]  # RMSE of the lowest, middle and highest third of SpO2


def oxygen_clips(
    people: str, n_people: int, tell: Callable[[int], None] = lambda k: None
) -> Iterator[tuple[FaceClip, Truth]]:
    """Evenly sampled clips of people whose trace is as noisy as TRACE_NOISE says."""
    for k in range(n_people):
        rng = np.random.default_rng([SEED, PEOPLE.index(people), k])
        settings = oxygen_settings(people, rng, seconds=SECONDS)
        wanted = rng.uniform(*TRACE_NOISE)
        clip, truth = simulate_traces(settings)
        for _ in range(3):  # noise of the mean grows with that of the pixels, but not by it alone
            settings = replace(
                settings, noise=float(np.clip(settings.noise * wanted / trace_noise(clip), 0.05, 30))
            )
            clip, truth = simulate_traces(settings)
        tell(k + 1)
        yield resample(clip), truth


def trace_noise(clip: FaceClip) -> float:
    """Standard deviation of what changes from frame to frame in the green of the mean skin. Unit: grey levels."""
    green = clip.roi("skin")[:, 1]
    return float(np.std(np.diff(green, n=3)) / np.sqrt(20))  # 1, 3, 3, 1: the pulse is smooth


def oxygen_windows(
    clips: Sequence[tuple[FaceClip, Truth]], networks: dict[str, Callable[[FaceClip], float]]
) -> list[OxygenWindow]:
    """Windows of all people, with the features of the estimators and what networks say."""
    found, n = [], round(WINDOW_S * FS)
    for person, (clip, truth) in enumerate(clips):
        for start in range(0, len(clip.times_s) - n + 1, n):
            part = cut(clip, slice(start, start + n))
            at_s = part.times_s
            spo2 = (
                truth.spo2_percent
                if truth.spo2 is None
                else np.interp(at_s, truth.times_s, truth.spo2).mean()
            )
            said = {name: read(part) for name, read in networks.items()}
            found.append(
                OxygenWindow(
                    person,
                    float(at_s[0]),
                    window_features(part.roi("skin"), float(at_s[0])),
                    said,
                    float(spo2),
                )
            )
    return found


def window_features(
    colours: Float[np.ndarray, "time 3"], start_s: float
) -> dict[str, Float[np.ndarray, " feature"]]:
    """What each estimator is a straight line of."""
    level = colours.mean(axis=0)
    wide = bandpass(colours, FS, low_hz=0.7, high_hz=3.0) / level
    hr_hz = heart_rate_from_bvp(wide[:, 1], FS, low_hz=0.7, high_hz=3.0) / 60
    narrow = bandpass(colours, FS, low_hz=max(hr_hz - BAND_HZ, 0.3), high_hz=hr_hz + BAND_HZ) / level
    spread = narrow.std(axis=0)
    along = narrow.T @ narrow[:, 1] / max(float(narrow[:, 1] @ narrow[:, 1]), 1e-12)  # relative to green
    ratios = np.log(np.clip(np.abs(along[[0, 2]]), 1e-3, None))
    return {
        "constant": np.zeros(0),
        "level of the colours": np.log(level),
        "time": np.array([start_s]),
        "ratio of ratios": np.array([spread[0] / max(spread[2], 1e-9)]),
        "lock-in, red over blue": np.array([np.clip(along[0] / max(along[2], 0.05), 0, MOST_RATIO)]),
        "lock-in, red over green": np.array([np.clip(along[0], 0, MOST_RATIO)]),
        "all colours": np.array(
            [along[0], along[2], ratios[0], ratios[1], along[0] / max(abs(along[2]), 0.05)]
        ),
    }


CONTROLS = ("constant", "level of the colours", "time")


def oxygen_rows(windows: Sequence[OxygenWindow]) -> list[OxygenRow]:
    """Errors of every estimator and every network on the second half of the people."""
    person = np.array([w.person for w in windows])
    true = np.array([w.spo2_percent for w in windows])
    test = person >= (person.max() + 1) // 2
    other = np.arange(len(windows)) % 2 == 1  # every second window of everybody
    rows = []
    for name in windows[0].features:
        features = np.stack([w.features[name] for w in windows])
        leaky = ridge_fit(
            _with_faces(features, person) if name not in CONTROLS[:1] else features, true, ~other
        )
        found = ridge_fit(features, true, ~test)
        rows.append(_row(name, true, found, person, test, rmse(true[other], leaky[other])))
    for name in windows[0].said:
        found = np.array([w.said[name] for w in windows])
        rows.append(_row(name, true, found, person, test, float("nan")))
    return rows


def _with_faces(features: np.ndarray, person: np.ndarray) -> np.ndarray:
    """Features, and which face it is: what a network that sees pictures can learn of people in its training."""
    return np.concatenate([features, np.eye(person.max() + 1)[person]], axis=1)


def _row(
    name: str, true: np.ndarray, found: np.ndarray, person: np.ndarray, test: np.ndarray, leaky: float
) -> OxygenRow:
    moved, kept = found.copy(), test.copy()
    for one in np.unique(person[test]):
        rows = np.flatnonzero(person == one)
        moved[rows] += (true[rows[:READINGS]] - found[rows[:READINGS]]).mean()
        kept[rows[:READINGS]] = False
    agreement = bland_altman(true[test], found[test])
    edges = np.quantile(true[test], [0, 1 / 3, 2 / 3, 1])
    thirds = [test & (true >= low) & (true <= high) for low, high in pairwise(edges)]
    return OxygenRow(
        name,
        control=name in CONTROLS,
        rmse=rmse(true[test], found[test]),
        mae=mae(true[test], found[test]),
        r=pearson_r(true[test], found[test]),
        bias=agreement.bias,
        limits=(agreement.lower, agreement.upper),
        leaky_rmse=leaky,
        two_readings_rmse=rmse(true[kept], moved[kept]),
        by_third=tuple(rmse(true[third], found[third]) for third in thirds),
    )


def oxygen_text(rows: Sequence[OxygenRow]) -> str:
    """The rows as a table."""

    def words(value: float) -> str:
        return "" if np.isnan(value) else f"{value:.2f}"

    lines = [
        [row.name + (" (control)" if row.control else ""), words(row.rmse), words(row.mae), words(row.r),
         f"{row.bias:+.2f}", f"{row.limits[0]:+.1f} to {row.limits[1]:+.1f}",
         " ".join(words(value) for value in row.by_third), words(row.two_readings_rmse), words(row.leaky_rmse)]
        for row in rows
    ]  # fmt: skip
    header = ["estimator", "RMSE", "MAE", "r", "bias", "limits of agreement", "RMSE by third of SpO2",
              "after two readings", "leaky split"]  # fmt: skip
    return text_table(header, lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Simulate people and print a table for each kind."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--people", type=int, default=N_PEOPLE, help="of each kind")
    parser.add_argument("--weights", nargs="*", default=[], metavar="FILE", help="networks that give SpO2")
    asked = parser.parse_args(argv)
    try:
        networks = oxygen_networks(asked.weights)
    except RppgError as error:
        parser.error(str(error))
    for people in PEOPLE:

        def tell(k: int, people: str = people) -> None:
            print(f"\r{people}: person {k} of {asked.people}", end="", file=sys.stderr, flush=True)

        windows = oxygen_windows(list(oxygen_clips(people, asked.people, tell)), networks)
        print(file=sys.stderr)
        print(
            f"{people}: {len(windows)} windows of {WINDOW_S:g} s, {asked.people} people, half of them for the fit"
        )
        print(oxygen_text(oxygen_rows(windows)) + "\n")
    return 0


def oxygen_networks(weights: Sequence[str]) -> dict[str, Callable[[FaceClip], float]]:
    """What reads SpO2 from an even clip, for each file.

    Raises:
        ModelFileError: not a weights file of this project.
        UsageError: two files with the same card.
    """

    def reader(method: Method) -> Callable[[FaceClip], float]:
        return lambda clip: float(method.estimate(clip).direct["spo2"])

    return {
        own.name: reader(own.method)
        for own in load_networks(weights)
        if "spo2" in get_network(own.method.name).tasks
    }


if __name__ == "__main__":
    sys.exit(main())
