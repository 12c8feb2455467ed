"""The regions of the face, drawn from the points that the tracker finds."""

from __future__ import annotations

import cv2
import numpy as np

from rppg_core.video import mesh_points
from tests.video.astronaut import look


def filled(points: np.ndarray, name: str) -> np.ndarray:
    mask = np.zeros((1024, 1024), np.uint8)
    polygon = points[list(getattr(mesh_points, name))] * 2
    return cv2.fillPoly(mask, [np.round(polygon).astype(np.int32)], 1).astype(bool)


def test_regions_lie_inside_the_oval_and_apart_from_each_other(tracker, astronaut):
    points = look(tracker, astronaut).landmarks
    names = (
        "LEFT_EYE",
        "RIGHT_EYE",
        "LEFT_BROW",
        "RIGHT_BROW",
        "LIPS",
        "FOREHEAD",
        "LEFT_CHEEK",
        "RIGHT_CHEEK",
    )
    masks = {name: filled(points, name) for name in names}
    oval = filled(points, "FACE_OVAL")
    for name, mask in masks.items():
        assert mask.sum() > 150, name
        assert (mask & ~oval).sum() < 0.02 * mask.sum(), name
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            shared = (masks[one] & masks[other]).sum()
            assert shared <= 0.12 * min(masks[one].sum(), masks[other].sum()), (one, other)  # drawn edges


def test_regions_lie_where_their_names_say(tracker, astronaut):
    points = look(tracker, astronaut).landmarks
    centre = {
        n: points[list(getattr(mesh_points, n))].mean(axis=0) for n in mesh_points.__dict__ if n.isupper()
    }
    for part in ("EYE", "BROW", "CHEEK"):
        assert centre[f"LEFT_{part}"][0] < centre["LIPS"][0] < centre[f"RIGHT_{part}"][0]
    for side in ("LEFT", "RIGHT"):
        column = [
            centre[name][1] for name in ("FOREHEAD", f"{side}_BROW", f"{side}_EYE", f"{side}_CHEEK", "LIPS")
        ]
        assert column == sorted(column)
    assert len(mesh_points.FACE_OVAL) == len(set(mesh_points.FACE_OVAL)) == 36
