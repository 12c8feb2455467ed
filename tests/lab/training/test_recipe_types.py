"""A recipe refuses a field of the wrong kind when it is made, not after hours.

The type checker of the tests would refuse it first, so the field is set past the constructor.
"""

from __future__ import annotations

from copy import copy

import pytest
from lab.training.tiny_net import tiny

from rppg_core.errors import UsageError
from rppg_core.models.recipe import Stage


def made_with(settings, name: str, value):
    """The settings with one field of any kind, checked as the constructor checks them."""
    changed = copy(settings)
    object.__setattr__(changed, name, value)
    changed.__post_init__()
    return changed


@pytest.mark.parametrize(
    "field, value, wanted",
    [
        ("teacher", 3, "text"),
        ("teacher", None, "text"),
        ("steps", "12", "a whole number"),
        ("steps", 12.5, "a whole number"),
        ("seed", True, "a whole number"),
        ("lr", "fast", "a number"),
        ("motion", 1, "True or False"),
        ("stages", ("front",), "a tuple of Stage"),
        ("stages", 2, "a tuple of Stage"),
    ],
)
def test_recipe_refuses_a_field_of_the_wrong_kind(field, value, wanted):
    with pytest.raises(UsageError) as refused:
        made_with(tiny(), field, value)
    assert field in refused.value.got and refused.value.wanted == wanted


@pytest.mark.parametrize("field, value", [("start", 1), ("name", 2), ("steps", "6")])
def test_stage_refuses_a_field_of_the_wrong_kind(field, value):
    with pytest.raises(UsageError, match=f"{field} = {value!r} in a stage"):
        made_with(Stage(name="one", steps=6), field, value)


def test_whole_number_may_stand_for_any_number():
    assert made_with(tiny(), "lr", 1).lr == 1
