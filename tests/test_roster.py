import subprocess
import sys

import pytest

from rppg_core import roster
from rppg_core.errors import UnknownMethodError, UsageError
from rppg_core.roster import (
    CLASSICAL,
    METHODS,
    PANEL,
    describe_methods,
    get_method,
    get_network,
    list_methods,
    list_networks,
    list_ready_methods,
    resolve,
)
from rppg_core.types import NEEDS, Method


@pytest.mark.parametrize("name", list_methods())
def test_every_method_keeps_the_contract(name):
    method = get_method(name)
    assert isinstance(method, Method)
    assert method.name == name
    assert method.needs <= set(NEEDS)
    assert method.weights


def test_default_is_the_seven_classical_ones_and_all_is_everything_with_weights():
    assert resolve(None) == list(CLASSICAL)
    ready = list_ready_methods()
    assert resolve("all") == ready == [name for name in METHODS if name not in ("physnet", "tastnet")]
    assert resolve("all", own={"physnet": "mine.pth"}) == [*ready, "physnet"]
    assert set(PANEL) <= set(METHODS)


def test_names_may_come_as_text_or_list_and_repeats_are_dropped():
    assert resolve("pos, chrom,pos") == ["pos", "chrom"]
    assert resolve(["green", "all"])[0] == "green"


@pytest.mark.parametrize("wrong", ["poss", "", []])
def test_unknown_method_error_lists_names(wrong):
    with pytest.raises(UnknownMethodError, match="green, ica"):
        resolve(wrong)


def test_network_without_weights_says_how_to_give_them():
    with pytest.raises(UsageError, match=r"comes without weights.*--weights physnet=FILE"):
        resolve("pos,PhysNet")
    assert resolve("pos,PhysNet", own={"physnet": "mine.pth"}) == ["pos", "physnet"]


def test_every_network_has_either_a_recipe_or_a_reader():
    for name in list_networks():
        about = get_network(name)
        assert bool(about.recipe) != bool(about.reader), name


def test_every_method_is_described():
    rows = describe_methods()
    assert [row.name for row in rows] == list_methods()
    assert all(row.paper and row.weights for row in rows)


@pytest.mark.parametrize("name", list_networks())
def test_table_of_networks_says_what_their_classes_say(name):
    pytest.importorskip("torch")
    from rppg_core.models.weights import model_class

    about, cls = get_network(name), model_class(name)
    assert (about.needs, about.tasks, about.paper) == (cls.needs, cls.tasks, cls.paper)


@pytest.mark.parametrize("name", [name for name in list_networks() if get_network(name).ready])
def test_origin_of_shipped_weights_is_that_of_their_card(name):
    pytest.importorskip("torch")
    from rppg_core.models.weights import load_card

    assert get_method(name).weights == load_card(name).weights


def test_methods_are_listed_and_their_needs_known_without_torch():
    code = (
        "import sys; from rppg_core.roster import describe_methods, list_methods; "
        "from rppg_core.analysis.pipeline import collect_needs;"
        "describe_methods(); collect_needs(list_methods()); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_network_without_its_packages_says_what_to_install(monkeypatch):
    monkeypatch.setattr(roster, "find_spec", lambda package: None)
    with pytest.raises(UsageError, match="extra 'neural'"):
        get_method("tracenet")
    assert list_methods() == [row.name for row in describe_methods()]
