import pytest

from rppg_core.errors import UnknownMethodError
from rppg_core.roster import CLASSICAL, METHODS, PANEL, describe_methods, get_method, list_methods, resolve
from rppg_core.types import NEEDS, Method


@pytest.mark.parametrize("name", list_methods())
def test_every_method_keeps_the_contract(name):
    method = get_method(name)
    assert isinstance(method, Method)
    assert method.name == name
    assert method.needs <= set(NEEDS)
    assert method.weights


def test_default_is_the_seven_classical_ones_and_all_is_everything():
    assert resolve(None) == list(CLASSICAL)
    assert resolve("all") == list(METHODS)
    assert set(PANEL) <= set(METHODS)


def test_names_may_come_as_text_or_list_and_repeats_are_dropped():
    assert resolve("pos, chrom,pos") == ["pos", "chrom"]
    assert resolve(["green", "all"])[0] == "green"


@pytest.mark.parametrize("wrong", ["poss", "", []])
def test_unknown_method_error_lists_names(wrong):
    with pytest.raises(UnknownMethodError, match="green, ica"):
        resolve(wrong)


def test_every_method_is_described():
    rows = describe_methods()
    assert [row.name for row in rows] == list_methods()
    assert all(row.paper and row.weights for row in rows)
