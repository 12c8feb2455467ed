"""A codebook from tables of PPG: how they are read, and that the rest of the training starts from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from rppg_core.command import cli  # noqa: E402
from rppg_core.errors import UsageError  # noqa: E402
from rppg_core.lab.training import ppg  # noqa: E402
from rppg_core.lab.training.loop import RunOptions, settled, train  # noqa: E402
from rppg_core.metrics import pearson_r  # noqa: E402
from rppg_core.models.codephys import CodePhysConfig  # noqa: E402
from rppg_core.models.recipe import get_recipe, with_steps  # noqa: E402
from rppg_core.models.weights import load_card, load_model  # noqa: E402
from rppg_core.tables.text import TableError  # noqa: E402

RATE_HZ = 1.3


def pulse(times_s):
    return np.sin(2 * np.pi * RATE_HZ * times_s) + 0.4 * np.sin(4 * np.pi * RATE_HZ * times_s + 1)


def write(path, fs: float = 125.0, seconds: float = 20.0, head: str = "time_s,ppg", per_s: float = 1.0):
    times_s = np.arange(0, seconds, 1 / fs)
    wave = 500 + 20 * pulse(times_s) + 30 * np.sin(2 * np.pi * 0.1 * times_s)
    rows = [f"{per_s * t:.6f},{x:.5f}" for t, x in zip(times_s, wave, strict=True)]
    path.write_text("\n".join([head, *rows]))
    return path


@pytest.mark.parametrize(
    ("head", "per_s"), [("time_s,ppg", 1.0), ("Time [ms],Pleth", 1e3), ("timestamp,BVP signal", 1.0)]
)
@pytest.mark.parametrize("fs", [30.0, 64.0, 500.0])
def test_sensor_at_any_rate_becomes_a_pulse_at_30_without_its_wander(tmp_path, fs, head, per_s):
    (found,) = ppg.read_ppg(write(tmp_path / "a.csv", fs, head=head, per_s=per_s))
    inner = slice(60, 540)
    assert abs(len(found) - 600) <= 1
    assert pearson_r(found[inner], pulse(np.arange(len(found)) / 30)[inner]) > 0.999


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time_s,red\n0,1\n0.03,2", "has the columns time_s, red"),
        ("time_s,ppg\n0,1\n0.04,2\n0.03,3", "times that increase"),
        ("time_s,ppg\n0,1\n0.5,2\n1.0,3", "steps of"),
        ("time_s,pulse_bpm\n0,70\n0.03,71", "has the columns time_s, pulse_bpm"),
        ("time_s,ppg\n0,1\n0.03,2\n0.06,3", "no 2 s without a pause"),
    ],
)
def test_other_tables_are_errors_that_name_the_file(tmp_path, text, words):
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(TableError, match=r"mine\.csv") as error:
        ppg.read_ppg(tmp_path / "mine.csv")
    assert words in str(error.value)


def test_pauses_split_a_recording(tmp_path):
    write(tmp_path / "a.csv", fs=50, seconds=20)
    head, *rows = (tmp_path / "a.csv").read_text().splitlines()
    (tmp_path / "a.csv").write_text("\n".join([head, *rows[:300], *rows[500:550], *rows[700:]]))
    found = ppg.read_ppg(tmp_path / "a.csv")  # 6 s, a piece of 1 s, and 6 s
    assert [round(len(wave) / 30) for wave in found] == [6, 6]


@pytest.mark.parametrize("names", [("pulse_bpm", "pleth"), ("pulse", "ppg"), ("heart rate wave", "bvp")])
def test_best_column_is_taken(names):
    assert ppg._wave_column(["t", *names]) == names[1]


def test_short_recordings_and_empty_folders_are_errors(tmp_path):
    write(tmp_path / "short.csv", seconds=3)
    with pytest.raises(UsageError, match=r"short\.csv.*3\.0 s.*8\.5 s"):
        ppg.read_waves([str(tmp_path)], 256)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no table"):
        ppg.read_waves([str(tmp_path / "empty")], 256)


def test_windows_are_drawn_from_all_recordings_by_their_length_and_at_other_speeds(tmp_path):
    rates_hz = (1.0, 2.0)
    waves = tuple(
        np.sin(2 * np.pi * hz * np.arange(n) / 30) for hz, n in zip(rates_hz, (400, 3000), strict=True)
    )
    source = ppg.PpgSource(waves, seed=0, n_frames=256)
    drawn = [source.sample(k, 1.0).targets["bvp"] for k in range(200)]
    assert all(np.shape(wave) == (256,) and abs(np.std(wave) - 1) < 1e-6 for wave in drawn)
    np.testing.assert_array_equal(drawn[3], source.sample(3, 0.0).targets["bvp"])
    peaks_hz = np.array([np.abs(np.fft.rfft(wave, 4096)).argmax() * 30 / 4096 for wave in drawn])
    slow = peaks_hz < 1.7
    assert 0.01 < slow.mean() < 0.15  # of both together: (400 - 300) / (100 + 2700)
    assert 1.9 < peaks_hz[~slow].min() < 2.1 and 2.6 < peaks_hz[~slow].max() < 2.9


def test_what_learns_nothing_from_ppg_alone_says_so(tmp_path):
    with pytest.raises(UsageError, match="tracenet learns nothing from PPG alone"):
        ppg.learn_codebook(get_recipe("tracenet"), RunOptions(runs=tmp_path), [str(tmp_path)])


def test_stages_after_the_codebook_start_from_it(tmp_path, monkeypatch):
    torch.set_num_threads(1)
    tables = write(tmp_path / "mine.csv", seconds=30)
    recipe = replace(get_recipe("codephys"), config=CodePhysConfig.tiny(), traces=2, clips=0, n_frames=64)
    recipe = settled(with_steps(recipe, 14))
    options = RunOptions(runs=tmp_path / "runs", device="cpu", workers=0)
    result, left, then = ppg.learn_codebook(recipe, options, [str(tables)])
    assert not then.resume
    assert result.weights is not None and result.step == recipe.stages[0].steps
    assert load_card("codephys", result.weights).weights == "trained on stored clips"
    assert left.steps == 14 - result.step == sum(stage.steps for stage in left.stages)
    assert left.stages[0].start == str(result.weights) and left.stages[0].name == "video"
    monkeypatch.setattr(ppg, "train", None)  # what is there is not trained again
    for resume in (False, True):
        again, same, then = ppg.learn_codebook(recipe, replace(options, resume=resume), [str(tables)])
        assert again.weights == result.weights and same == left and not then.resume
    whole = train(left, options)
    assert whole.weights is not None
    before, after = (load_model("codephys", path).state_dict() for path in (result.weights, whole.weights))
    frozen = [name for name in before if name.startswith(("signal_encoder", "codebook", "decoder"))]
    assert frozen and all(torch.equal(before[name], after[name]) for name in frozen)
    card = load_card("codephys", whole.weights)
    assert card.weights == "trained on stored clips" and "min of recorded PPG" in card.data
    with pytest.raises(UsageError, match="holds a run"):
        ppg.learn_codebook(recipe, options, [str(tables)])
    assert ppg.learn_codebook(recipe, replace(options, resume=True), [str(tables)])[2].resume
    other = write(tmp_path / "other.csv", seconds=30)
    with pytest.raises(TypeError):  # another table: the codebook is trained again, by what is taken away here
        ppg.learn_codebook(replace(recipe, seed=0), replace(options, resume=True), [str(other)])


def test_command_line_learns_a_codebook_first(tmp_path, monkeypatch, capsys):
    seen = []

    def stopped(recipe, options, sources, *, progress):
        seen.append((recipe.method, sources))
        from rppg_core.lab.training.loop import Result

        return Result(tmp_path, None, 7, 1.0, {}, 0.0), recipe, options

    monkeypatch.setattr(ppg, "learn_codebook", stopped)
    assert cli.main(["train", "codephys", "--ppg", "a.csv", "b", "--runs", str(tmp_path)]) == 130
    assert seen == [("codephys", ["a.csv", "b"])]
    said = capsys.readouterr().err
    assert "saved at step 7" in said and "--ppg a.csv b" in said and "--resume" in said
