"""The packaged lab: that it holds every stop, and what is computed today."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.errors import UsageError
from rppg_core.json_form import plain
from rppg_core.lab.protocols.stress.clips import Stop
from rppg_core.lab.protocols.stress.lab import (
    COLOUR_STEP,
    LAB_FILE,
    LAB_METHODS,
    LAB_SEED,
    WAVE_STEP,
    moment_from_clip,
    stress_lab,
)
from rppg_core.lab.protocols.stress.protocol import CONSENSUS, CONSTANT, judged, summary
from rppg_core.lab.protocols.stress.sweeps import SWEEPS, stress_clip
from rppg_core.lab.simulate.settings import SIMULATOR_VERSION
from rppg_core.roster import CLASSICAL

CHECKED = ("frame rate", 10.0)  # the stop that is computed anew: the one with the fewest frames
STALE = "the packaged lab fell behind: python -m rppg_core.lab.protocols.stress.lab"


@pytest.fixture(scope="module")
def anew():
    """The clips of the checked stop, as the simulator and the pass make them today."""
    return [
        (stop, stress_clip(stop.case))
        for seed in range(stress_lab().seeds)
        for stop in [Stop(*CHECKED, seed)]
    ]


def test_lab_holds_every_stop_and_is_small():
    lab = stress_lab()
    assert set(lab.moments) == {(s.name, value) for s in SWEEPS.values() for value in s.values}
    assert dict(lab.sweeps) == SWEEPS, STALE
    assert {cell["method"] for cell in lab.cells} == {*CLASSICAL, CONSENSUS, CONSTANT}, STALE
    assert LAB_FILE.stat().st_size < 1.5e6
    assert lab.simulator_version == SIMULATOR_VERSION, STALE


def test_traces_of_the_lab_are_what_is_computed_today(anew):
    kept, today = stress_lab().at(*CHECKED), moment_from_clip(anew[LAB_SEED][1])
    n = len(kept.bvp)
    # to the rounding of the file; other processors differ in the last digit of a colour
    assert np.allclose(kept.rgb, today.rgb[:n], atol=2 * COLOUR_STEP), STALE
    assert np.allclose(kept.bvp, today.bvp[:n], atol=2 * WAVE_STEP), STALE
    for name in LAB_METHODS:
        assert np.allclose(kept.waves[name], today.waves[name][:n], atol=0.02), STALE
        assert kept.r[name] == pytest.approx(today.r[name], abs=0.005), STALE


def test_table_of_the_lab_is_what_is_computed_today(anew):
    names = list(CLASSICAL)
    rows = [found for stop, made in anew for found in judged(stop, *made, names)]
    for name in (*names, CONSENSUS, CONSTANT):
        kept = stress_lab().cell(*CHECKED, name)
        today = plain(summary([found for found in rows if found.method == name]))
        assert kept["n"] == today["n"] and kept["shown"] == today["shown"], STALE
        for key in ("hr_mae_bpm", "shown_mae_bpm", "snr_db"):
            assert kept[key] == pytest.approx(today[key], abs=0.1), STALE
        assert (kept["r"] is None) == (today["r"] is None)
        if kept["r"] is not None:
            assert kept["r"]["mean"] == pytest.approx(today["r"]["mean"], abs=0.005), STALE


def test_lab_errors_name_what_there_is():
    lab = stress_lab()
    with pytest.raises(UsageError, match="skin tone"):
        lab.at("weather", 1.0)
    with pytest.raises(UsageError, match=r"0\.75"):
        lab.at("motion", 99.0)
    with pytest.raises(UsageError, match="chrom"):
        lab.cell("motion", 0.0, "crystal ball")


def test_lab_shows_what_its_sweeps_expect():
    lab = stress_lab()
    hard = {name: lab.at(name, sweep.hard).r for name, sweep in SWEEPS.items()}
    assert hard["flicker"]["green"] < 0.3 and hard["flicker"]["pos"] > 0.9
    assert hard["motion"]["green"] < 0.6 and hard["motion"]["pos"] > hard["motion"]["green"] + 0.2
    assert hard["noise"]["chrom"] < hard["noise"]["green"]
    assert max(hard["codec"].values()) < 0.7
    assert min(*hard["blur"].values(), *hard["motion blur"].values()) > 0.9
    dark = lab.cell("light", 0.02, CONSENSUS)  # most are refused, and what is shown is right
    assert dark["shown"] <= 0.5 and dark["shown_mae_bpm"] < 1
