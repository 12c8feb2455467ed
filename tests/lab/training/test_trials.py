"""Which trainings `make seeds`, `make choices`, `make ablations` and `make oxygen-table` start."""

from collections import Counter

from rppg_core.lab.training import trials as trials_module
from rppg_core.lab.training.trials import (
    CHOICE_STEPS,
    OXYGEN_STEPS,
    list_ablations,
    list_choices,
    list_oxygen,
    list_seeds,
    trainable_networks,
)
from rppg_core.models.recipe import get_ablations, get_recipe
from rppg_core.roster import get_network, list_trained_networks


def test_every_choice_is_compared_with_the_whole_network_on_the_same_seeds_at_the_same_length():
    trials = list_choices()
    assert {trial.steps for trial in trials} == {CHOICE_STEPS}
    seeds = Counter((trial.method, trial.ablation) for trial in trials)
    assert set(seeds.values()) == {3} and len({trial.weights for trial in trials}) == len(trials)
    for method in {trial.method for trial in trials}:
        choices = {name for name, one in get_ablations(method, "photo").items() if one.choice}
        assert {name for of, name in seeds if of == method} == {"", *choices} and choices


def test_ablations_are_compared_with_the_whole_network_at_the_same_length_and_are_no_choices():
    trials = list_ablations()
    assert trials[: len(list_seeds())] == list_seeds()
    short = [trial for trial in trials if trial.steps]
    assert len({trial.steps for trial in short}) == 1
    for method in {trial.method for trial in list_seeds()}:
        names = {trial.ablation for trial in short if trial.method == method}
        declared = {name: one for name, one in get_ablations(method, "photo").items() if not one.choice}
        brief = {name for name, one in declared.items() if one.short}
        assert names == ({"", *brief} if brief else set())
        long = {trial.ablation for trial in trials if trial.method == method and not trial.steps}
        assert long == {"", *(name for name, one in declared.items() if one.also_full)}


def test_networks_without_a_waveform_are_trained_for_the_table_of_spo2_and_for_no_other():
    of_spo2 = {trial.method for trial in list_oxygen()}
    assert of_spo2 == {name for name in list_trained_networks() if get_network(name).tasks == {"spo2"}}
    assert not of_spo2 & {trial.method for trial in [*list_seeds(), *list_choices(), *list_ablations()]}
    for method in of_spo2:
        trials = [trial for trial in list_oxygen() if trial.method == method]
        assert [trial.seed for trial in trials if not trial.ablation and not trial.steps] == [0, 1, 2]
        short = {trial.ablation for trial in trials if trial.steps == OXYGEN_STEPS}
        long = {trial.ablation for trial in trials if not trial.steps} - {""}
        assert short | long == {"", *get_ablations(method)} and not short & long
        assert len({trial.weights for trial in trials}) == len(trials)


def test_a_network_whose_teacher_comes_without_weights_is_left_out_and_named(monkeypatch, capsys):
    monkeypatch.setattr(trials_module, "train_missing", lambda trials: 0)
    left_out = {*list_trained_networks()} - {*trainable_networks()}
    assert trials_module.main(["seeds"]) == 0
    said = capsys.readouterr().err
    assert all(f"{method} is left out" in said for method in left_out)
    assert all(
        not (teacher := get_recipe(m).teacher) or get_network(teacher).ready for m in trainable_networks()
    )
