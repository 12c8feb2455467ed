"""The joint reading of several methods."""

import pytest

from rppg_core.analysis.controls import ControlledRuns, spectra_from_bvp
from rppg_core.analysis.heart_rate import Voice, heart_rate
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.types import FS, HR_BAND_HZ
from rppg_core.video.prepare import resample


@pytest.fixture(scope="module")
def runs():
    settings = SimulationSettings(seconds=20, hr_bpm=72, amplitude_percent=1.0)
    return ControlledRuns(resample(simulate_traces(settings)[0], FS))


@pytest.mark.parametrize(("n", "rank"), [(1, 1), (2, 2), (4, 2), (8, 2), (9, 3), (12, 3), (13, 4)])
def test_confidence_is_one_that_a_quarter_of_the_methods_reach_and_two_at_least(runs, n, rank):
    limits = [0.95 - 0.01 * k for k in range(n)]
    spectra = spectra_from_bvp(runs.by_name("pos").bvp, HR_BAND_HZ)
    voices = {f"method {k}": Voice(spectra, limit) for k, limit in enumerate(limits)}
    found = heart_rate(voices, list(voices), runs.panel(HR_BAND_HZ))
    assert found.hr.confidence == pytest.approx(limits[rank - 1])
    assert found.hr.value == pytest.approx(72, abs=2)
