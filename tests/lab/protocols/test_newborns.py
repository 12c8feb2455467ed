"""PhysVLM on simulated newborns: their rates, the bands that are searched, and the table."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rppg_core.lab.protocols import newborns  # noqa: E402
from rppg_core.lab.protocols.newborns import (  # noqa: E402
    CONSTANT,
    HR_BPM,
    RR_BRPM,
    newborn_rates,
    newborn_settings,
    newborn_table,
    with_neonatal_bands,
)
from rppg_core.lab.simulate.traces import simulate_traces  # noqa: E402
from rppg_core.models.base import run_clip  # noqa: E402
from rppg_core.models.physvlm import PhysVLM, PhysVLMConfig  # noqa: E402
from rppg_core.models.weights import checkpoint_path  # noqa: E402
from rppg_core.roster import get_method  # noqa: E402
from rppg_core.types import NEONATAL_HR_BAND_HZ, NEONATAL_RR_BAND_HZ, Bvp, FaceClip, MethodOutput  # noqa: E402


@pytest.fixture(scope="module")
def clips():
    return [simulate_traces(newborn_settings(k)) for k in range(3)]


def test_newborns_have_fast_hearts_and_breathe_fast():
    drawn = [newborn_settings(k) for k in range(50)]
    assert all(
        HR_BPM[0] <= one.hr_bpm <= HR_BPM[1] and RR_BRPM[0] <= one.rr_brpm <= RR_BRPM[1] for one in drawn
    )
    assert np.ptp([one.hr_bpm for one in drawn]) > 60


def test_bands_change_and_weights_stay():
    torch.manual_seed(0)
    model = PhysVLM(PhysVLMConfig.tiny())
    other = with_neonatal_bands(model)
    bands = [attention.band_hz for attention in other.attentions.values()]
    assert bands == [NEONATAL_HR_BAND_HZ, NEONATAL_RR_BAND_HZ]
    assert all(torch.equal(*pair) for pair in zip(model.parameters(), other.parameters(), strict=True))


def test_rates_are_read_in_the_bands_of_newborns():
    times_s = np.arange(900) / 30
    pulse = np.sin(2 * np.pi * 2.4 * times_s) + 3 * np.sin(
        2 * np.pi * 1.1 * times_s
    )  # 144, and an adult's 66
    breath = np.sin(2 * np.pi * 0.6 * times_s) + 3 * np.sin(2 * np.pi * 0.25 * times_s)
    seen = np.ones(900, bool)
    output = MethodOutput(bvp=Bvp(pulse, 30.0, 0.0, seen), resp=Bvp(breath, 30.0, 0.0, seen))
    clip = FaceClip(times_s, seen, np.full((900, 4, 3), 120.0), fs=30.0)
    assert newborn_rates(output, clip) == pytest.approx((144, 36), abs=0.5)


def test_weights_of_another_network_are_refused(capsys):
    with pytest.raises(SystemExit):
        newborns.main(["--weights", str(checkpoint_path("tracenet"))])
    assert "holds weights of tracenet" in capsys.readouterr().err


def test_table_sets_every_reader_beside_pos_and_the_constant(clips):
    torch.manual_seed(0)
    model = PhysVLM(PhysVLMConfig.tiny()).eval()
    readers = {"pos": get_method("pos").estimate, "network": lambda clip: run_clip(model, clip)}
    text = newborn_table(readers, clips)
    assert text.startswith("3 simulated newborns of 30 s")
    assert all(f"\n{name} " in text for name in ("pos", "network", CONSTANT))


def test_command_prints_the_table(monkeypatch, capsys):
    monkeypatch.setattr(newborns, "N_CLIPS", 2)
    assert newborns.main([]) == 0
    assert "2 simulated newborns" in capsys.readouterr().out
