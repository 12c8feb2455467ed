"""Breathing rates of all sources, shown or not: what is compared with what."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from rppg_core.lab.protocols.photo import breathing
from rppg_core.lab.protocols.photo.breathing import (
    CLASSICAL_SOURCES,
    CONSTANT,
    breathing_table,
    rates_on_clip,
    settings_of_trace,
)
from rppg_core.lab.protocols.photo.scores import CONSTANT_BRPM
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.models.weights import checkpoint_path
from rppg_core.types import Bvp, FaceClip, MethodOutput


@dataclass
class Network:
    """A network that gives what it was made with: a rate, or a wave of a clip."""

    rate_brpm: float = np.nan
    reads_head: bool = False
    name: str = "network"
    paper: str = ""
    weights: str = ""
    needs: frozenset[str] = field(default_factory=frozenset)

    def estimate(self, clip: FaceClip) -> MethodOutput:
        if self.reads_head:
            height = clip.need("boxes")[:, 1]
            return MethodOutput(resp=Bvp(height - height.mean(), 30.0, 0.0, clip.valid))
        return MethodOutput(direct={"rr": self.rate_brpm})


@pytest.fixture(scope="module")
def calm():
    """People who breathe with their heads and hardly move them otherwise."""
    drawn = [settings_of_trace(k) for k in range(6)]
    calm = {
        "motion": "small",
        "motion_scale": 0.1,
        "nods": 0.0,
        "gestures": 0.0,
        "talking": 0.0,
        "dropped": 0.0,
    }
    return [
        replace(one, **calm, breath_motion=2.0, rr_brpm=12.0 + 2 * k, riiv=0.6) for k, one in enumerate(drawn)
    ]


@pytest.fixture(scope="module")
def table(calm):
    networks = {"sight": Network(reads_head=True), "twenty": Network(20.0), "silent": Network()}
    return breathing_table(networks, [simulate_traces(one) for one in calm], calm)


def test_a_network_counts_by_its_waveform_and_otherwise_by_its_rate(table, calm):
    true = np.array([one.rr_brpm for one in calm])
    np.testing.assert_allclose(table.photo["twenty, regressed"], np.abs(20.0 - true), atol=0.2)
    assert table.mae("sight") < 1.5
    np.testing.assert_allclose(table.photo["sight"], table.photo["head"], atol=1.0)


def test_the_constant_stands_in_where_a_source_finds_nothing(table):
    np.testing.assert_array_equal(table.photo["silent, regressed"], table.photo[CONSTANT])


def test_twins_tell_whether_a_network_reads_the_head(table):
    sight = {words: errors["sight"].mean() for words, errors in table.twins.items()}
    assert sight["head alone"] < 1.5
    assert sight["head still"] > sight["head alone"] + 1.0


def test_the_classical_source_is_chosen_by_the_traces_and_not_by_the_benchmark(calm):
    """On these clips the head tells the rate; on these traces it does not move with the breath."""
    traces = [replace(one, breath_motion=0.0, riav=0.3, riiv=1.2) for one in calm]
    table = breathing_table({}, [simulate_traces(one) for one in calm], traces)
    best = min(CLASSICAL_SOURCES, key=lambda name: table.developed[name].mean())
    assert table.chosen == best != "head"
    assert table.mae("head") < 1.5


def test_weights_that_do_not_breathe_are_refused(capsys):
    with pytest.raises(SystemExit):
        breathing.main(["--weights", str(checkpoint_path("tracenet"))])
    assert "does not estimate breathing" in capsys.readouterr().err


def test_every_source_stands_in_the_tables_and_every_network_is_judged(table):
    text = table.text()
    for name in (*CLASSICAL_SOURCES, CONSTANT, "sight", "twenty, regressed", "head still", "head alone"):
        assert name in text
    judged = {criterion.name for criterion in table.criteria()}
    assert len(judged) == 2 * len(table.networks) == 6
    assert not next(c for c in table.criteria() if "minus that of silent" in c.name).holds


def test_rates_of_one_clip(calm):
    clip, truth = simulate_traces(calm[0])
    rates = rates_on_clip({}, clip)
    assert rates["head"] == pytest.approx(truth.rr_brpm, abs=1.0)
    assert rates[CONSTANT] == CONSTANT_BRPM


def test_the_command_prints_the_tables_and_fails_with_its_criteria(monkeypatch, capsys, calm, tmp_path):
    monkeypatch.setattr(breathing, "N_TRACES", 2)
    monkeypatch.setattr(breathing, "photo_clips", lambda *_, **__: [simulate_traces(one) for one in calm[:3]])
    monkeypatch.setattr(breathing, "breathing_networks", lambda _: {"wrong": Network(45.0)})
    assert breathing.main(["--runs", str(tmp_path)]) == 1
    assert "FAILS" in capsys.readouterr().out


def test_a_file_that_is_none_is_refused(capsys, tmp_path):
    (tmp_path / "none.safetensors").write_bytes(b"nothing")
    with pytest.raises(SystemExit):
        breathing.main(["--weights", str(tmp_path / "none.safetensors")])
    assert "none.safetensors" in capsys.readouterr().err
