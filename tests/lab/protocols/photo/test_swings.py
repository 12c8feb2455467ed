"""photo-v2: thirds of motion and codecs in balance, within what real heads do to light."""

from collections import Counter

import pytest

from rppg_core.lab.protocols.photo.clips import (
    N_CLIPS,
    N_PULSE,
    indices,
    place_from_number,
    settings_from_number,
)
from rppg_core.lab.protocols.photo.swings import HEADS, PHOTO_V2, head_from_place, is_encoded

PULSE = [place_from_number(index) for index in range(N_PULSE)]
BREATH = [place_from_number(index) for index in range(N_PULSE, N_CLIPS)]
CLIPS = [settings_from_number(PHOTO_V2, index) for index in range(N_CLIPS)]


@pytest.mark.parametrize("quantity", ["amplitude", "tone"])
def test_every_third_of_motion_has_every_amplitude_and_tone_equally_often(quantity):
    counts = Counter((head_from_place(place).name, getattr(place, quantity)) for place in PULSE)
    assert len(set(counts.values())) == 1
    assert len(counts) == len(HEADS) * len({getattr(place, quantity) for place in PULSE})


def test_a_third_is_encoded_equally_often_in_every_third_of_motion_amplitude_and_tone():
    for of_place in (head_from_place, lambda place: place.amplitude, lambda place: place.tone):
        counts = Counter((of_place(place), is_encoded(place)) for place in PULSE)
        assert all(2 * n == counts[level, False] for (level, encoded), n in counts.items() if encoded)
        assert sum(n for (_, encoded), n in counts.items() if encoded) == N_PULSE / 3
    together = Counter((head_from_place(place), place.amplitude, is_encoded(place)) for place in PULSE)
    assert min(together.values()) >= 6


def test_first_seed_alone_is_balanced_too():
    places = [place_from_number(index) for index in indices(1) if index < N_PULSE]
    counts = Counter((head_from_place(place).name, is_encoded(place)) for place in places)
    assert sorted(counts.values()) == [2, 2, 2, 4, 4, 4]


def test_long_clips_are_shared_out_among_thirds_and_codecs_as_evenly_as_forty_can_be():
    thirds = Counter(head_from_place(place) for place in BREATH)
    assert sorted(thirds.values()) == [13, 13, 14]
    encoded = Counter(head_from_place(place) for place in BREATH if is_encoded(place))
    assert sorted(encoded.values()) == [4, 4, 5]


def test_settings_of_a_clip_are_those_of_its_third_and_only_planned_clips_have_a_codec():
    for index, settings in enumerate(CLIPS):
        place = place_from_number(index)
        head = head_from_place(place)
        for name in ("motion_scale", "shading", "nods", "gestures", "talking"):
            low, high = getattr(head, name)
            assert low <= getattr(settings, name) <= high
        assert bool(settings.codec) is is_encoded(place)
        assert settings.size % 2 == 0


def test_h264_is_the_usual_codec_and_two_heads_in_three_are_before_a_wall():
    codecs = Counter(settings.codec for settings in CLIPS if settings.codec)
    assert codecs["h264"] > 3 * codecs["mpeg4"] > 0
    assert 0.6 < sum(settings.backdrop == "wall" for settings in CLIPS) / N_CLIPS < 0.73


def test_hearts_swing_more_than_in_photo_v1_and_less_at_high_rates():
    assert max(settings.rsa for settings in CLIPS) > 0.1
    assert all(settings.rsa <= 0.12 * min(1, 75 / settings.hr_bpm) + 1e-4 for settings in CLIPS)
    assert max(settings.mayer for settings in CLIPS) > 0.035
