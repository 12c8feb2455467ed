"""`make codebook-table` from end to end, with small sizes."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("accelerate")

from rppg_core.lab.protocols.own_weights import load_networks
from rppg_core.lab.protocols.photo import codebook, codebook_queries, codebook_sizes
from rppg_core.lab.protocols.photo.codebook_sizes import Size
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.models.codephys import CodePhysConfig

TINY = CodePhysConfig.tiny()


def test_a_table_that_is_not_there_is_said_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit):
        codebook.main(["--ppg", str(tmp_path / "none.csv")])
    assert "none.csv: cannot be opened" in capsys.readouterr().err.splitlines()[-1]


def test_both_tables_are_printed_with_every_size_and_every_variant(monkeypatch, tmp_path, capsys):
    sizes = (Size(TINY.codes, TINY.compression), Size(TINY.codes, TINY.compression, quantised=False))
    known = [simulate_traces(SimulationSettings(seconds=8, hr_bpm=60 + 10 * k, seed=k)) for k in range(2)]
    for module, changes in (
        (
            codebook,
            {"SIZES": sizes, "N_PPG": 16, "N_HELD": 4, "N_ROUGH": 4, "photo_clips": lambda *a, **k: known},
        ),
        (codebook_queries, {"FEWER": {"traces": 2, "clips": 0, "pulse_free": 1}}),
    ):
        for name, value in changes.items():
            monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(codebook, "train_size", lambda *a: codebook_sizes.train_size(*a, steps=(2, 2)))
    monkeypatch.setattr(CodePhysConfig, "small", classmethod(lambda cls: TINY))
    assert codebook.main(["--steps", "2", "--seeds", "2", "--runs", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "no codebook" in said and "price of the codebook" in said
    for name in codebook_queries.query_variants(TINY):
        assert any(line.startswith(name) for line in said.splitlines()), name
        (whole, *behind) = load_networks([tmp_path / codebook.KEPT / f"{name}-seed0.safetensors"])
        assert whole.name == f"codephys {name}, 2 steps, seed 0" and len(behind) == 2
    for training in ("train_size", "train_queries"):
        monkeypatch.setattr(codebook, training, lambda *a, **k: pytest.fail("it was kept"))
    assert codebook.main(["--steps", "2", "--seeds", "2", "--runs", str(tmp_path)]) == 0
    assert capsys.readouterr().out == said
    with pytest.raises(pytest.fail.Exception, match="kept"):
        codebook.main(["--steps", "3", "--seeds", "2", "--runs", str(tmp_path)])
