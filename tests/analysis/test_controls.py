"""The panel and the light that every reading is compared with."""

from dataclasses import replace

import numpy as np
import pytest

from rppg_core.analysis.controls import ControlledRuns, cut_bvp
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.roster import PANEL
from rppg_core.types import FS, HR_BAND_HZ, Bvp
from rppg_core.video.prepare import resample


@pytest.fixture(scope="module")
def clip():
    return resample(simulate_traces(SimulationSettings(seconds=20, hr_bpm=72, amplitude_percent=0.7))[0], FS)


def test_panel_holds_its_methods_and_the_light(clip):
    panel = ControlledRuns(clip).panel(HR_BAND_HZ)
    assert tuple(panel.skin) == PANEL
    assert panel.light is not None and panel.light.background.shape == panel.light.skin.shape


def test_without_a_background_only_the_skin_is_known(clip):
    light = ControlledRuns(replace(clip, background=None)).panel(HR_BAND_HZ).light
    assert light.background is None and len(light.skin) == 3


def test_background_that_is_never_known_is_no_background(clip):
    unknown = replace(clip, background=np.full_like(clip.background, np.nan))
    assert ControlledRuns(unknown).panel(HR_BAND_HZ).light.background is None


def test_a_face_that_is_never_in_view_for_5_s_has_no_panel(clip):
    valid = clip.valid.copy()
    valid[::100] = False
    assert ControlledRuns(replace(clip, valid=valid)).panel(HR_BAND_HZ) is None


def test_a_part_of_the_clip_has_its_own_windows_at_the_times_of_the_clip(clip):
    panel = ControlledRuns(clip).panel(HR_BAND_HZ, slice(150, 450))
    np.testing.assert_allclose(panel.skin["pos"].spans_s, [[5.0, 15.0]], atol=0.05)
    np.testing.assert_allclose(panel.light.spans_s, panel.skin["pos"].spans_s, atol=0.05)


def test_a_method_runs_once(clip):
    runs = ControlledRuns(clip)
    assert runs.by_name("pos") is runs.by_name("pos")


def test_a_cut_waveform_keeps_its_times():
    bvp = Bvp(np.arange(300.0), FS, 2.0, np.ones(300, bool))
    part = cut_bvp(bvp, slice(60, 90))
    assert (part.t0_s, len(part.samples), part.samples[0]) == (4.0, 30, 60.0)
    assert cut_bvp(None, slice(60, 90)) is None
