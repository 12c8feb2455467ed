"""Known answers for notebook 03, from faces to maps."""

from __future__ import annotations

import numpy as np

from rppg_core.course.answers import Answer
from rppg_core.lab.simulate.faces import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.types import STMap
from rppg_core.video.prepare import overlapping_windows, resample


def _red_over_green() -> tuple[float, ...]:
    from rppg_core.models.tracenet.model import scaled_map  # torch: slow, so not at import

    hr_bpm = float(np.random.default_rng(7).uniform(50, 110))
    settings = SimulationSettings(seed=7, tone=7 % 6, hr_bpm=hr_bpm, motion="none", seconds=10.0)
    clip = resample(simulate_traces(settings)[0], 30.0)
    cells = STMap(clip.need("stmap"), 30.0, clip.need("stmap_weight"))
    ratios = []
    for scaling in ("band", "zscore"):
        mean = np.average(scaled_map(cells, scaling), axis=1, weights=cells.weight)
        ratios.append(float(mean[:, 0].std() / mean[:, 1].std()))
    return tuple(ratios)


def _fall_of_a_blinking_mean() -> float:
    before = np.linspace(40, 80, 100_000)
    after = before - 1
    return float(before[before > 60].mean() - after[after > 60].mean())


ANSWERS = {
    "noise_of_a_far_face": Answer(
        value=lambda: 120 / 40, within=0.01,
        hint="the number of pixels is the square of the width, and noise falls with the square root of that number",
        traps=((9.0, "that is the factor for the number of pixels; the noise changes with its square root"),
               (1 / 3, "the noise grows when the face gets smaller")),
    ),
    "rows_of_seven_rois": Answer(
        value=lambda: 2**7 - 1, unit="rows",
        hint="each ROI is in a union or not, and the empty union has no mean",
        traps=((128, "the empty union gives no row: it has no pixels"),
               (49, "count unions of any number of ROIs, not pairs")),
    ),
    "windows_of_30_s": Answer(
        value=lambda: len(overlapping_windows(30 * 30, 256)), unit="windows",
        hint="len(prepare.overlapping_windows(900, 256))",
        traps=((4, "windows overlap by half; without overlap there would be four"),
               (6, "there is one more: the last window is moved back so that it ends with the clip")),
    ),
    "red_over_green": Answer(
        value=_red_over_green, within=0.01,
        hint="np.average(scaled_map(cells, scaling), axis=1, weights=cells.weight), then std of red / std of green",
    ),
    "fall_of_a_blinking_mean": Answer(
        value=_fall_of_a_blinking_mean, within=0.01, unit="grey levels",
        hint="mean of the pixels above 60 before, minus mean of those above 60 after: two different sets of pixels",
        traps=((1.0, "that is by how much the skin darkens; the mask also loses its darkest pixels"),),
    ),
}  # fmt: skip
