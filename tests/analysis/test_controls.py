"""The shuffled control: the same frames in another order, in every field alike."""

import numpy as np
import pytest

from rppg_core.analysis.controls import STAYS, shuffled
from rppg_core.types import marked_rows
from tests.clip_factory import LaterClip, full_clip


@pytest.mark.parametrize("name", sorted(marked_rows(LaterClip, "frame").keys() - STAYS))
def test_every_marked_field_is_shuffled_in_the_same_order(name):
    clip = full_clip(LaterClip)
    clip.valid[50:60] = False
    mixed = shuffled(clip)
    index = np.array([np.flatnonzero((clip.boxes == row).all(axis=1))[0] for row in mixed.boxes])
    assert sorted(index) == list(range(150)) and (index != np.arange(150)).sum() > 100
    assert (index[50:60] == np.arange(50, 60)).all()  # without a face there is nothing to move
    np.testing.assert_array_equal(getattr(mixed, name), getattr(clip, name)[index])


@pytest.mark.parametrize("name", sorted(STAYS))
def test_times_and_the_background_stay_in_their_place(name):
    clip = full_clip()
    assert getattr(shuffled(clip), name) is getattr(clip, name)
