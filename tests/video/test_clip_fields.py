"""Clips made by hand: fields that do not fit together are refused by name, whichever fields there are."""

from dataclasses import replace

import numpy as np
import pytest

from rppg_core.errors import UsageError
from rppg_core.types import FaceClip, marked_rows
from rppg_core.video.clip_fields import check_fields, whole_seconds
from tests.clip_factory import LaterClip, full_clip

OWN_CHECKS = {"times_s", "valid"}


def test_clip_whose_fields_fit_together_is_given_back():
    clip = full_clip()
    assert check_fields(clip) is clip


@pytest.mark.parametrize("name", sorted(marked_rows(LaterClip, "frame").keys() - OWN_CHECKS))
def test_field_with_a_row_too_few_is_refused_by_name(name):
    clip = full_clip(LaterClip, n=60)
    with pytest.raises(UsageError, match=f"a FaceClip whose {name} has shape"):
        check_fields(replace(clip, **{name: getattr(clip, name)[:-1]}))


@pytest.mark.parametrize(
    "name", [name for name, rows in marked_rows(LaterClip, "frame").items() if len(rows.shape) > 0]
)
def test_field_whose_rows_have_another_shape_is_refused_by_name(name):
    clip = full_clip(LaterClip, n=60)
    with pytest.raises(UsageError, match=f"a FaceClip whose {name} has shape"):
        check_fields(replace(clip, **{name: getattr(clip, name)[..., :1]}))


@pytest.mark.parametrize("name", marked_rows(LaterClip, "second"))
def test_seconds_of_unequal_number_are_refused_by_name(name):
    clip = full_clip(LaterClip, n=60)
    table = dict(getattr(clip, name))
    table["cast"] = table["cast"][:-1]
    with pytest.raises(UsageError, match=rf"a FaceClip whose {name}\['cast'\] has shape"):
        check_fields(replace(clip, **{name: table}))


def test_scene_that_is_no_mapping_is_refused():
    clip = full_clip(n=60)
    object.__setattr__(clip, "scene", np.zeros(2))  # types are checked in tests only
    with pytest.raises(UsageError, match="a FaceClip whose scene is ndarray"):
        check_fields(clip)


@pytest.mark.parametrize(
    ("times_s", "seconds"),
    [([0.0, 0.99], [0]), ([0.0, 1.0], [0, 1]), ([3.5, 5.2], [3, 4, 5]), ([-0.5, 0.5], [-1, 0]), ([], [])],
)
def test_whole_seconds_are_those_of_the_clock(times_s, seconds):
    assert list(whole_seconds(np.array(times_s))) == seconds


def test_plain_face_clip_has_no_fields_of_the_future():
    assert not hasattr(full_clip(n=10), "depth")
    assert marked_rows(LaterClip, "frame").keys() - marked_rows(FaceClip, "frame").keys() == {
        "depth",
        "crop20",
    }
