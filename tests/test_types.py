"""The marks of a FaceClip's fields say what its annotations say."""

import inspect
import re

from rppg_core.types import NEEDS, FaceClip, marked_rows

ARRAY = re.compile(r'^    (\w+): \w+\[np\.ndarray, "([^"]*)"\]', re.MULTILINE)


def annotated() -> dict[str, list[str]]:
    """Axes of every array of a FaceClip, as its source states them."""
    return {name: axes.split() for name, axes in ARRAY.findall(inspect.getsource(FaceClip))}


def test_fields_with_a_time_axis_are_those_marked_with_a_row_per_frame():
    of_time = {name: axes[1:] for name, axes in annotated().items() if axes[0] == "time"}
    shapes = {
        name: tuple(int(axis) if axis.isdigit() else -1 for axis in axes) for name, axes in of_time.items()
    }
    assert {name: rows.shape for name, rows in marked_rows(FaceClip, "frame").items()} == shapes


def test_crops_are_the_square_pictures():
    square = {name for name, axes in annotated().items() if len(axes) == 4 and axes[1] == axes[2]}
    assert {name for name, rows in marked_rows(FaceClip, "frame").items() if rows.is_crop} == square


def test_scene_has_a_row_per_second():
    assert list(marked_rows(FaceClip, "second")) == ["scene"]


def test_needs_are_the_fields_that_a_method_may_ask_for():
    assert NEEDS == ("rgb", "stmap", "crop36", "crop72", "crop128_raw", "landmarks", "still", "scene")
