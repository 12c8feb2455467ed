"""Stages of a training: what is frozen keeps every bit, and a run that is stopped ends as if it had not been."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest
import torch
from accelerate import Accelerator
from lab.training import staged_net
from lab.training.staged_net import STAGES, Staged, StagedConfig, staged
from torch import nn

from rppg_core import roster
from rppg_core.analysis.pipeline import Analysis
from rppg_core.errors import ModelFileError, UsageError
from rppg_core.lab.protocols.held_out.split_training import split_recipe
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.lab.training.loop import Clock, RunOptions, Training, train
from rppg_core.lab.training.mixture import shares_from_recipe
from rppg_core.lab.training.record import RunFolder
from rppg_core.lab.training.stages import TrainedParts
from rppg_core.models.base import ModelCard, RppgModel
from rppg_core.models.neural_method import NeuralMethod
from rppg_core.models.recipe import Stage, difficulty, lr_factor
from rppg_core.models.weights import create_model, load_card, load_model, save_model

END = STAGES[0].steps  # of the first stage


def options(folder, **changes) -> RunOptions:
    return RunOptions(**{"runs": folder, "device": "cpu", "workers": 0, "save_every": 4, **changes})


def state(network: nn.Module, part: str = "") -> dict[str, torch.Tensor]:
    return {name: x.clone() for name, x in network.state_dict().items() if name.startswith(part)}


def assert_same(one: dict, two: dict) -> None:
    assert set(one) == set(two) and one
    assert not [name for name in one if not torch.equal(one[name], two[name])]


def assert_all_moved(one: dict, two: dict) -> None:
    assert set(one) == set(two) and one
    assert not [name for name in one if torch.equal(one[name], two[name])]


def in_memory(tmp_path, **changes) -> Training:
    recipe, folder = staged(**changes), RunFolder(tmp_path / "run")
    folder.start(recipe, ["simulated"], resume=False)
    shares = [
        shares_from_recipe(recipe, ["simulated"], clips=tmp_path, held_out=held_out)
        for held_out in (False, True)
    ]
    return Training(recipe, folder, *shares, Accelerator(cpu=True))


def run_and_look(training: Training, tmp_path) -> dict[int, tuple[dict, dict]]:
    """Weights and their averages before the first step and after each one."""
    seen = {0: (state(training.network), state(training.network))}

    def look(stage: str, fraction: float) -> None:
        seen[training.clock.step] = state(training.network), state(training.average)

    training.run(options(tmp_path, save_every=100), tell=look)
    return seen


def part(weights: dict, name: str) -> dict:
    return {key: x for key, x in weights.items() if key.startswith(name)}


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    """A run of two stages that nobody disturbs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(roster.METHODS, "staged", staged_net.PLACE)
        torch.set_num_threads(1)
        return train(staged(), options(tmp_path_factory.mktemp("whole")))


def test_what_a_stage_does_not_train_keeps_every_bit(tmp_path):
    """Weights, their averages, statistics of norms and the network's own buffers."""
    seen = run_and_look(in_memory(tmp_path), tmp_path)
    (start, _), (_, middle), (end, end_average) = seen[0], seen[END], seen[12]
    assert_all_moved(part(start, "front"), part(middle, "front"))
    assert_same(part(start, "heads"), part(middle, "heads"))
    for weights in (end, end_average):
        assert_same(part(middle, "front"), part(weights, "front"))
        assert_all_moved(part(middle, "heads"), part(weights, "heads"))
        assert weights["count"] == 0


def test_a_stage_begins_with_the_averages_of_the_one_before(tmp_path):
    training = in_memory(tmp_path, lr=1e-9)
    seen = run_and_look(training, tmp_path)
    with torch.no_grad():
        training.average.heads["hr"].bias.fill_(3.0)  # as if the averages had been elsewhere
    training._enter(1)
    assert training.network.heads["hr"].bias.item() == 3.0
    assert not torch.equal(seen[END][0]["heads.hr.bias"], training.network.heads["hr"].bias)


def test_average_starts_anew_with_a_stage(tmp_path):
    """Its first step is all that it knows; the steps of the stage before are gone."""
    seen = run_and_look(in_memory(tmp_path), tmp_path)
    assert_same(*seen[END + 1])
    assert not torch.equal(seen[END + 2][0]["heads.hr.bias"], seen[END + 2][1]["heads.hr.bias"])


def test_optimizer_starts_anew_with_a_stage(tmp_path):
    training = in_memory(tmp_path)
    run_and_look(training, tmp_path)
    steps = {int(known["step"]) for known in training.optimizer.state.values()}
    assert steps == {STAGES[1].steps}
    assert len(training.optimizer.state) == len(list(training.network.heads.parameters()))


@pytest.mark.parametrize("asked_after", [3, END - 1, END, 8], ids=["first", "at its end", "begun", "second"])
def test_stopped_run_goes_on_in_its_stage_and_ends_with_the_same_weights(whole_run, tmp_path, asked_after):
    def interrupt(stage: str, fraction: float) -> None:
        if fraction == asked_after / 12:
            signal.raise_signal(signal.SIGINT)

    stopped = train(staged(), options(tmp_path), progress=interrupt)
    assert stopped.weights is None and stopped.step == asked_after + 1
    resumed = train(staged(), options(tmp_path, resume=True))
    assert resumed.weights.read_bytes() == whole_run.weights.read_bytes()
    runs = [RunFolder(run.folder).rows() for run in (resumed, whole_run)]
    one, two = (
        [(row["step"], row["stage"], row["loss"], row["lr"]) for row in rows if "loss" in row]
        for rows in runs
    )
    assert one == two


def test_log_says_the_stage_and_progress_does(tmp_path):
    said = []
    result = train(staged(), options(tmp_path), progress=lambda stage, fraction: said.append(stage))
    steps = [row for row in RunFolder(result.folder).rows() if "loss" in row]
    assert [row["stage"] for row in steps] == ["front"] * 6 + ["heads"] * 6
    assert [row["lr"] for row in steps] == [pytest.approx(0.01 * lr_factor(staged(), k)) for k in range(12)]
    assert [row["difficulty"] for row in steps] == [difficulty(staged(stages=()), k) for k in range(12)]
    assert "staged, stage front: step 6 of 12" in said[-7] and "staged, stage heads: step 7 of 12" in said[-6]


def test_run_is_not_continued_with_other_stages_or_without_them(tmp_path):
    one = Stage(name="all", steps=12)
    for first, then in ((STAGES, ()), ((), (one,)), (STAGES, (one,))):
        runs = tmp_path / f"{len(first)}-{len(then)}"
        train(staged(stages=first), options(runs))
        with pytest.raises(UsageError, match="another stages"):
            train(staged(stages=then), options(runs, resume=True))


def test_training_for_a_split_has_every_stage_in_its_share_of_the_steps():
    recipe = split_recipe("staged", steps=8, seed=1, n_groups=2)
    assert [(stage.name, stage.steps) for stage in recipe.stages] == [("front", 4), ("heads", 4)]


def test_one_stage_of_everything_is_the_plain_training(tmp_path):
    plain = train(staged(stages=()), options(tmp_path / "plain"))
    named = train(staged(stages=(Stage(name="all", steps=12),)), options(tmp_path / "named"))
    one, two = (load_model("staged", run.weights) for run in (plain, named))
    assert_same(state(one), state(two))
    assert set(RunFolder(plain.folder).rows()[0]) == {*RunFolder(named.folder).rows()[0]} - {"stage"}


def test_checkpoint_from_before_there_were_stages_is_in_the_first():
    clock = Clock(stage=0)
    clock.load_state_dict({"step": 5, "wall_s": 1.0, "cpu_s": 2.0})
    assert (clock.step, clock.stage) == (5, 0)


def test_loss_weights_of_a_stage_replace_those_of_the_recipe(tmp_path):
    stages = (replace(STAGES[0], loss_weights={"rate": 0.0}), STAGES[1])
    result = train(staged(stages=stages, loss_weights={"waveform": 3.0, "rate": 2.0}), options(tmp_path))
    for row in (row for row in RunFolder(result.folder).rows() if "loss" in row):
        rate = 0.0 if row["stage"] == "front" else 2.0
        terms = row["terms"]
        assert row["loss"] == pytest.approx(3 * terms["waveform"] + rate * terms["rate"], rel=1e-5)


def stored(tmp_path, config=None, **card) -> str:
    """A file of random weights."""
    torch.manual_seed(77)
    about = ModelCard(method="staged", paper="none", inputs=("stmap",), **card)
    return str(save_model(tmp_path / "stored.safetensors", create_model("staged", config), about))


@pytest.mark.parametrize("number", [0, 1])
def test_stage_begins_with_its_file(tmp_path, number):
    file = stored(tmp_path)
    stages = tuple(replace(stage, start=file if k == number else "") for k, stage in enumerate(STAGES))
    result = train(staged(stages=stages), options(tmp_path))
    found, given = load_model("staged", result.weights), load_model("staged", file)
    if number == 1:  # the front is frozen from there on
        assert_same(state(found, "front"), state(given, "front"))
    else:  # steps of 0.01 from the file, not from the run's own random weights
        assert (found.front[0].weight - given.front[0].weight).abs().max() < 0.07
    plain = train(staged(seed=0), options(tmp_path / "plain"))
    assert (found.front[0].weight - load_model("staged", plain.weights).front[0].weight).abs().max() > 0.07


def test_run_that_begins_with_weights_from_stored_clips_is_not_called_simulated(tmp_path):
    for weights in ("trained on simulated physiology", "trained on stored clips"):
        file = stored(tmp_path, weights=weights)
        result = train(
            staged(stages=(replace(STAGES[0], start=file), STAGES[1])), options(tmp_path / weights)
        )
        assert load_card("staged", result.weights).weights == weights


def test_start_of_another_size_or_nowhere_is_refused_before_the_first_step(tmp_path):
    file = stored(tmp_path, StagedConfig(channels=7))
    for start, words in ((file, "other sizes"), (str(tmp_path / "none.safetensors"), "no weights")):
        with pytest.raises(ModelFileError, match=words):
            in_memory(tmp_path, stages=(STAGES[0], replace(STAGES[1], start=start)))


@pytest.mark.parametrize(
    ("train_what", "words"), [("tail", "front, heads"), ("front.2", "no weights"), ("", "front")]
)
def test_part_that_cannot_be_trained_is_refused(tmp_path, train_what, words):
    with pytest.raises(UsageError, match=words):
        in_memory(tmp_path, stages=(STAGES[0], replace(STAGES[1], train=(train_what,))))


def modes(network: nn.Module) -> dict[str, bool]:
    return {name: module.training for name, module in network.named_modules()}


def test_frozen_parts_are_in_evaluation_mode_and_the_network_in_training_mode():
    network = Staged(StagedConfig())
    parts = TrainedParts(network)
    parts.train_only(["heads.bvp"])
    parts.hold()
    trained = {name for name, training in modes(network).items() if training}
    assert trained == {"", "heads", "heads.bvp"}
    assert {name for name, p in network.named_parameters() if p.requires_grad} == {
        "heads.bvp.weight",
        "heads.bvp.bias",
    }
    parts.train_only(())
    network.train()
    parts.hold()
    assert all(modes(network).values()) and all(p.requires_grad for p in network.parameters())


def test_name_covers_what_lies_below_it_and_not_what_begins_alike():
    network = nn.ModuleDict({"head": nn.Linear(1, 1), "heads": nn.Linear(1, 1)})
    TrainedParts(network).train_only(["head"])
    assert network["head"].weight.requires_grad and not network["heads"].weight.requires_grad


def test_weight_that_is_never_trained_stays_so():
    network = nn.ModuleDict({"one": nn.Linear(1, 1), "two": nn.Linear(1, 1)})
    network["one"].bias.requires_grad_(False)
    parts = TrainedParts(network)
    for names in (["two"], ["one"], ()):
        parts.train_only(names)
        assert not network["one"].bias.requires_grad


def test_weight_that_a_frozen_part_shares_is_frozen():
    network = nn.ModuleDict({"one": nn.Linear(1, 1), "two": nn.Linear(1, 1)})
    network["two"].weight = network["one"].weight
    for name in ("one", "two"):
        TrainedParts(network).train_only([name])
        assert not network["one"].weight.requires_grad and network[name].bias.requires_grad
        network.requires_grad_(True)


def confidences(model: RppgModel) -> dict[str, float]:
    clip, _ = simulate_traces(
        SimulationSettings(seconds=60, hr_bpm=75, amplitude_percent=1.5, noise=0.2, seed=5)
    )
    method = NeuralMethod("staged", staged_net.ABOUT, lambda: model)
    vitals = Analysis(clip).judge(method).vitals
    return {name: reading.confidence for name, reading in vitals.readings().items()}


def test_evidence_of_the_trained_network_lowers_its_confidences_and_raises_none(whole_run, monkeypatch):
    model = load_model("staged", whole_run.weights)
    with monkeypatch.context() as patch:
        patch.setattr(Staged, "evidence", ())
        plain = confidences(model)
    most = 0.85  # of the evidence that lowers
    assert plain["hr"] > most and plain["rr"] > most
    for clarity in (1.0, most, 0.4, 0.0):
        model.config = replace(model.config, clarity=clarity)
        found = confidences(model)
        assert found["hr"] == pytest.approx(min(plain["hr"], clarity))
        assert all(found[name] <= plain[name] for name in plain)
    assert found["rr"] == 0
