"""Heat maps of experts, and sentences whose truth is in made arrays."""

import numpy as np
import pytest

from rppg_core.figures.experts import NEEDED, expert_figure, expert_finding, expert_words, has_experts


def inside(shares, gates=None):
    """Shares of three tasks, alike where one row is given; two layers of gates."""
    shares = np.array(shares) if np.ndim(shares) == 2 else np.tile(shares, (3, 1))
    gates = np.ones((2, shares.shape[1])) * 0.97 if gates is None else np.array(gates)
    return {"task_experts": shares, "router_gates": gates}


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ([0.30, 0.36, 0.34], "All experts are used about equally: 30 to 36 %"),
        ([0.20, 0.48, 0.32], "Expert 2 adds the largest part for every task: 48 %"),
        ([0.20, 0.18, 0.62], "Expert 3 does most of the work for every task: 62 %"),
        ([0.95, 0.03, 0.02], "Collapsed onto expert 1: 95 % or more"),
        ([1.0], "There is one expert, and nothing to choose."),
        ([0.0, 0.0, 0.0], "The experts add nothing: the network answers with its trunk alone."),
    ],
)
def test_first_sentence_says_who_does_the_work(shares, told):
    assert expert_words(inside(shares))[0].startswith(told)


def test_first_sentence_names_the_leader_of_every_task_where_they_differ():
    shares = [[0.2, 0.5, 0.3], [0.6, 0.2, 0.2], [0.45, 0.15, 0.4]]
    said = expert_words(inside(shares))[0]
    assert "expert 2 leads for heart rate (50 %), expert 1 for SpO2 (60 %) and breathing (45 %)" in said


def test_collapse_needs_every_task():
    shares = [[0.95, 0.03, 0.02], [0.95, 0.03, 0.02], [0.8, 0.1, 0.1]]
    assert expert_finding(inside(shares)) == "Expert 1 does most of the work for every task"


@pytest.mark.parametrize(("of_breathing", "word"), [(0.46, "almost alike"), (0.60, "differently")])
def test_tasks_are_alike_where_their_shares_are_less_than_five_points_apart(of_breathing, word):
    shares = [[0.48, 0.30, 0.22], [0.47, 0.30, 0.23], [of_breathing, 0.30, 0.70 - of_breathing]]
    assert expert_words(inside(shares))[0].endswith(f"the tasks' gates choose {word}.")


def test_even_gates_favour_none():
    said = expert_words(inside([0.34, 0.33, 0.33], [[0.95, 1.0, 0.9], [1.05, 1.0, 1.0]]))[1]
    assert "about alike (gates 0.90 to 1.05) and favours none." in said


def test_uneven_shares_behind_even_gates_are_put_down_to_the_weights():
    assert "the experts' own weights" in expert_words(inside([0.2, 0.2, 0.6]))[1]


def test_router_that_chooses_is_told_with_layer_expert_and_gate():
    said = expert_words(inside([0.3, 0.3, 0.4], [[1.0, 1.0, 1.0], [0.4, 1.1, 1.6]]))[1]
    assert said == "The router chooses most in layer 2: gate 1.60 for its expert 3, 0.40 for its expert 1."


def test_router_is_blamed_for_a_collapse_only_where_it_shut_the_others():
    shut = expert_words(inside([0.01, 0.98, 0.01], [[1.0, 1.0, 1.0], [0.05, 1.9, 0.1]]))[1]
    assert "the router that has collapsed: gate 1.90 for it, 0.10 or less for the others" in shut
    assert "collapsed" not in expert_words(inside([0.01, 0.98, 0.01]))[1]


def test_network_without_router_is_told():
    assert "There is no router" in expert_words(inside([0.3, 0.3, 0.4], np.ones((2, 3))))[1]


def test_every_cell_shows_its_number():
    figure = expert_figure(inside([0.2, 0.2, 0.6], [[0.5, 1.0, 1.5], [0.7, 1.1, 1.2]]))
    tasks, layers = figure.data
    np.testing.assert_allclose(tasks.z, np.tile([20, 20, 60], (3, 1)), rtol=1e-6)
    np.testing.assert_allclose(layers.z, [[0.5, 1.0, 1.5], [0.7, 1.1, 1.2]], rtol=1e-6)
    assert "%{z" in tasks.texttemplate
    assert "%{z" in layers.texttemplate
    assert tasks.y == ("heart rate", "SpO2", "breathing")
    assert layers.y == ("layer 1", "layer 2")
    assert tasks.x == layers.x == ("expert 1", "expert 2", "expert 3")


def test_colours_mean_the_same_for_every_face():
    for shares in ([0.3, 0.3, 0.4], [0.0, 0.0, 1.0]):
        tasks, layers = expert_figure(inside(shares)).data
        assert (tasks.zmin, tasks.zmax) == (0, 100)
        assert (layers.zmin, layers.zmax) == (0, 2)


def test_title_is_the_finding():
    made = inside([0.2, 0.2, 0.6])
    assert expert_finding(made) in expert_figure(made).layout.title.text.replace("<br>", " ")


def test_network_without_task_gates_has_one_row():
    assert expert_figure(inside([[0.3, 0.7]])).data[0].y == ("all tasks",)


def test_arrays_are_those_of_the_network():
    """Rows of tasks, one a layer, numbers between the limits that the colours assume."""
    torch = pytest.importorskip("torch")
    from rppg_core.figures.experts import TASKS
    from rppg_core.models.physmle import PhysMLE, PhysMLEConfig
    from rppg_core.models.physmle.model import GATED

    torch.manual_seed(0)
    model = PhysMLE(PhysMLEConfig.tiny()).eval()
    with torch.no_grad():
        for layer in model.layers:
            layer.widen.normal_()
        found = model({"stmap": torch.randn(1, 64, 25, 9), "weight": torch.ones(1, 25)})
    arrays = {name: found[name][0].numpy() for name in NEEDED}
    assert has_experts(arrays)
    assert [{"hr": "heart rate", "spo2": "SpO2", "rr": "breathing"}[task] for task in GATED] == list(TASKS)
    assert arrays["task_experts"].shape == (len(GATED), model.config.experts)
    assert arrays["router_gates"].shape == (len(model.layer_names), model.config.experts)
    np.testing.assert_allclose(arrays["task_experts"].sum(axis=1), 1, rtol=1e-5)
    assert 0 < arrays["router_gates"].min() <= arrays["router_gates"].max() < 2


def test_ablation_without_experts_has_nothing_to_show():
    assert not has_experts({})


def test_last_sentence_says_how_much_all_experts_matter_where_that_is_known():
    known = inside([0.3, 0.3, 0.4]) | {"expert_size": np.array([0.05, 0.2])}
    assert expert_words(known)[2] == (
        "What all experts of a layer add is 5 to 20 % of the size of its trunk's output."
    )
    assert len(expert_words(inside([0.3, 0.3, 0.4]))) == 2
