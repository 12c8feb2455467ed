"""Boxes of a face decoded from the answers of a network, without any model."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.video.face_nets import ANCHORS, BlazeEngine


class OneBox(BlazeEngine):
    """A detector that fires at given anchors."""

    def __init__(self, *boxes: tuple[int, float, tuple[float, float], float]):
        self.boxes = boxes

    def _run_detector(self, picture):
        logits, numbers = np.full(896, -9.0, np.float32), np.zeros((896, 16), np.float32)
        for anchor, logit, shift, side in self.boxes:
            logits[anchor] = logit
            numbers[anchor, :8] = [*shift, side, side, -20, 0, 20, 20]  # picture-left eye, picture-right eye
        return logits, numbers

    def _run_mesh(self, crop):
        raise AssertionError("these tests detect only")


def test_a_box_is_decoded_from_its_anchor():
    anchor = 2 * (16 * 5 + 3)  # row 5, column 3 of the fine grid
    (found,) = OneBox((anchor, 2.0, (1.5, -2.0), 30)).detect(np.zeros((128, 128, 3), np.float32))
    assert found.centre == pytest.approx(complex(3.5 * 8 + 1.5, 5.5 * 8 - 2.0))
    assert (found.side, found.score) == pytest.approx((30, 1 / (1 + np.exp(-2))))
    assert found.angle == pytest.approx(np.arctan2(20, 40))


def test_boxes_of_the_same_face_are_merged_by_their_scores():
    boxes = (0, 0.5, (0, 0), 40), (1, 0.5, (4, 0), 40), (895, 3.0, (0, 0), 40)
    best, merged = OneBox(*boxes).detect(np.zeros((128, 128, 3), np.float32))
    assert best.centre == pytest.approx(complex(120, 120))
    assert merged.centre == pytest.approx(complex(6, 4))


def test_the_anchors_are_two_on_the_fine_grid_and_six_on_the_coarse_one():
    assert len(ANCHORS) == 16 * 16 * 2 + 8 * 8 * 6
    assert ANCHORS[0] == ANCHORS[1] == (0.5 + 0.5j) / 16
    assert ANCHORS[-1] == (7.5 + 7.5j) / 8
