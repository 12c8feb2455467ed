"""Which trainings `make seeds`, `make choices` and `make ablations` start."""

from collections import Counter

from rppg_core.lab.training.trials import CHOICE_STEPS, list_ablations, list_choices, list_seeds
from rppg_core.models.recipe import get_ablations
from rppg_core.roster import list_trained_networks


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
    for method in list_trained_networks():
        names = {trial.ablation for trial in short if trial.method == method}
        declared = {name: one for name, one in get_ablations(method, "photo").items() if not one.choice}
        brief = {name for name, one in declared.items() if one.short}
        assert names == ({"", *brief} if brief else set())
        long = {trial.ablation for trial in trials if trial.method == method and not trial.steps}
        assert long == {"", *(name for name, one in declared.items() if one.also_full)}
