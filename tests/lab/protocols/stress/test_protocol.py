"""A small run, what its summary counts, and which results break a promise."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from rppg_core.errors import UsageError
from rppg_core.json_form import plain
from rppg_core.lab.protocols.stress import clips as stress_clips
from rppg_core.lab.protocols.stress import sweeps as stress_sweeps
from rppg_core.lab.protocols.stress.protocol import (
    CONSENSUS,
    CONSTANT,
    StressResult,
    StressRow,
    run_stress,
    summary,
)
from rppg_core.lab.protocols.stress.sweeps import SWEEPS

RUN_S = 8.0  # clips of the run are shorter than the protocol's, which are long enough to test patience


def row(method="pos", sweep="noise", value=2.0, seed=0, **more) -> StressRow:
    known = {
        "pulsed": True,
        "r": 0.9,
        "snr_db": 5.0,
        "hr_bpm": 70.0,
        "hr_true_bpm": 70.0,
        "shown": True,
        "confidence": 0.9,
        **more,
    }
    return StressRow(sweep, value, seed, method=method, **known)


def tables(*extra: StressRow) -> StressResult:
    """A sweep over noise in which POS does as promised, and whatever else."""
    promised = [row(value=value, r=1 - value / 100) for value in SWEEPS["noise"].values]
    return StressResult(1, ("noise",), [*promised, *extra])


def holds(result: StressResult, name: str) -> bool:
    return next(criterion.holds for criterion in result.criteria() if name in criterion.name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


def small_run(patch, folder) -> StressResult:
    """The cheapest sweep, short, for one person."""
    patch.setattr(stress_sweeps, "SECONDS", RUN_S)
    patch.setattr(stress_clips, "WorkerPool", ThreadPoolExecutor)
    return run_stress(["green"], seeds=1, sweeps=["frame rate"], runs=folder, workers=1)


@pytest.fixture(scope="module")
def result(folder):
    with pytest.MonkeyPatch.context() as patch:
        return small_run(patch, folder)


def test_run_judges_every_voice_at_every_stop(result):
    assert result.methods == ["pos", "green", CONSENSUS, CONSTANT]
    cells = {(cell["value"], cell["method"]) for cell in result.cells}
    assert cells == {(value, name) for value in SWEEPS["frame rate"].values for name in result.methods}
    for word in ("pos", "green", "consensus", "constant", SWEEPS["frame rate"].expect):
        assert word in result.text()
    assert len(result.to_dict()["rows"]) == len(result.rows)


def test_easy_clip_is_read_right_and_a_rate_below_ten_frames_is_refused(result):
    easy, refused = result.cell("frame rate", 30.0, "pos"), result.cell("frame rate", 8.0, "pos")
    assert easy["r"]["mean"] > 0.9 and easy["shown"] == 1 and easy["shown_mae_bpm"] < 3
    assert refused["r"] is None and refused["shown"] == 0


def test_second_run_reads_the_first_ones_clips(result, folder, monkeypatch):
    monkeypatch.setattr(stress_clips, "stress_clip", lambda *_: pytest.fail("rendered again"))
    again = small_run(monkeypatch, folder)
    for before, after in zip(result.cells, again.cells, strict=True):
        assert plain(before) == plain(after)


def test_unknown_sweep_error_lists_sweeps_and_no_seed_is_refused():
    with pytest.raises(UsageError, match="flicker"):
        run_stress(sweeps=["weather"])
    with pytest.raises(UsageError, match="0 seeds"):
        run_stress(seeds=0)


def test_summary_counts_shown_and_wrong_by_hand():
    rows = [row(r=0.8, hr_bpm=72.0), row(r=0.4, hr_bpm=90.0, shown=False), row(r=float("nan"), hr_bpm=80.0)]
    found = summary(rows)
    assert found["n"] == 3 and found["r"] == {"mean": pytest.approx(0.6), "low": 0.4, "high": 0.8}
    assert found["hr_mae_bpm"] == pytest.approx((2 + 20 + 10) / 3)
    assert found["within_5_bpm"] == pytest.approx(1 / 3) and found["shown"] == pytest.approx(2 / 3)
    assert found["shown_mae_bpm"] == pytest.approx(6)


def test_number_without_a_pulse_breaks_the_promise():
    promise = "without a pulse"
    free = row("chrom", value=30.0, pulsed=False, r=float("nan"), hr_true_bpm=float("nan"), shown=False)
    assert holds(tables(free), promise)
    assert not holds(tables(replace(free, shown=True)), promise)


def test_knob_that_costs_nothing_breaks_the_promise():
    assert holds(tables(), "hard end of noise")
    flat = StressResult(1, ("noise",), [row(value=value) for value in SWEEPS["noise"].values])
    assert not holds(flat, "hard end of noise")


def test_wrong_reading_that_is_shown_is_named():
    shown = [row("chrom", value=value, hr_bpm=90.0) for value in SWEEPS["noise"].values]
    assert "noise 30, seed 0, true 70: chrom 90" in tables(*shown).text()
    assert not holds(tables(*shown), "within 5 bpm")
    refused = tables(*(replace(wrong, shown=False) for wrong in shown))
    assert "chrom 90" not in refused.text() and holds(refused, "within 5 bpm")


def test_what_is_lost_along_a_sweep_is_counted_person_by_person():
    easy, *_, hard = SWEEPS["noise"].values
    found = [row(value=value, seed=seed, r=r) for seed, pair in enumerate([(0.9, 0.5), (0.8, 0.6)])
             for value, r in zip((easy, hard), pair, strict=True)]  # fmt: skip
    inner = [row(value=value, seed=0) for value in SWEEPS["noise"].values[1:-1]]
    text = StressResult(2, ("noise",), [*found, *inner]).text()
    lost = text.partition("r lost from the easy end")[2]
    assert "0.300 (0.200 to 0.400)" in lost
    assert lost.split("\n\n")[1].split()[:6] == [
        "noise",
        *(f"{value:g}" for value in SWEEPS["noise"].values[1:]),
    ]


def test_networks_of_the_user_have_columns_of_their_own(monkeypatch, folder, tmp_path):
    torch = pytest.importorskip("torch")
    from rppg_core.models.base import ModelCard
    from rppg_core.models.tracenet import TraceNet, TraceNetConfig
    from rppg_core.models.weights import save_model

    torch.manual_seed(0)
    card = ModelCard(method="tracenet", paper="none", inputs=(), steps=7, recipe={"variant": "no-motion"})
    path = save_model(tmp_path / "mine.safetensors", TraceNet(TraceNetConfig.tiny()), card)
    monkeypatch.setattr(stress_sweeps, "SECONDS", RUN_S)
    monkeypatch.setattr(stress_clips, "WorkerPool", ThreadPoolExecutor)
    result = run_stress(["pos"], seeds=1, sweeps=["frame rate"], runs=folder, weights=[path], workers=1)
    name = "tracenet no-motion, 7 steps, seed 0"
    assert result.methods == ["pos", name, CONSENSUS, CONSTANT]
    assert result.cell("frame rate", 30.0, name)["n"] == 1
