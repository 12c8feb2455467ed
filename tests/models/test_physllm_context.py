"""The measured context: it follows light, motion and detail of a clip, says so in few words, and reads no label."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rppg_core.errors import UsageError
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.models.physllm.context import (
    CONTEXT,
    NOTHING_KNOWN,
    QUANTITIES,
    context_from_clip,
    context_words,
)
from rppg_core.types import FaceClip, VideoInfo
from rppg_core.video.prepare import cut, resample

COLOUR = np.array([150.0, 110.0, 90.0])
ABOUT_PEOPLE = (
    r"race|racial|ethnic\w*|caucasian|asian|african|black|white|brown|pale|fair|tone|wom[ae]n|m[ae]n|fe?male|boy|girl"
    r"|young|old|age|gender|person|he|she|his|her"
)


TOKEN = re.compile(r"[a-z]+|[0-9]+(?:\.[0-9]+)?|[^\sa-z0-9]")


def context_tokens(text: str) -> list[str]:
    """Words in lower case, numbers and marks, in order."""
    return TOKEN.findall(text.lower())


def context_vocabulary() -> set[str]:
    """Every token that the declared quantities can say."""
    texts = [NOTHING_KNOWN, ";"]
    for quantity in QUANTITIES:
        texts += [quantity.clause.format(grade=grade, number="") for grade in quantity.grades]
        texts += [f"{number:g}" for number in quantity.numbers]
    return {token for text in texts for token in context_tokens(text)}


def face_clip(n: int = 90, *, shift: float = 0.0, **fields) -> FaceClip:
    """A face of one colour, 100 pixels wide, that moves `shift` pixels to the right per second."""
    times_s = np.arange(n) / 30
    boxes = np.tile([20.0, 20.0, 100.0, 130.0], (n, 1))
    boxes[:, 0] += shift * times_s
    made = {
        "rgb": np.tile(COLOUR, (n, 4, 1)),
        "stmap": np.tile(COLOUR, (n, 36, 1)),
        "stmap_weight": np.ones(36),
        "background": np.tile([100.0, 100.0, 100.0], (n, 1)),
        "boxes": boxes,
        "scene": {name: np.full(3, value) for name, value in (("highlights", 0.0), ("blur", 0.2))},
        "video": VideoInfo(width=640, height=480),
    }
    return FaceClip(times_s, np.ones(n, bool), **(made | fields))


def measured(clip: FaceClip) -> dict[str, float]:
    return dict(zip(CONTEXT, context_from_clip(clip).tolist(), strict=True))


def lit(gain) -> FaceClip:
    """A clip whose cells have these gains; the regions have their mean."""
    cells = COLOUR * np.asarray(gain)[:, None]
    return face_clip(stmap=np.tile(cells, (90, 1, 1)), rgb=np.tile(cells.mean(axis=0), (90, 4, 1)))


def numbers(**known: float) -> np.ndarray:
    return np.array([known.get(name, np.nan) for name in CONTEXT], np.float32)


def test_darker_skin_in_the_picture_is_said_to_be_lit_less():
    clip = face_clip()
    dark = replace(clip, rgb=0.3 * clip.rgb)
    assert measured(dark)["skin_level_grey"] == pytest.approx(0.3 * measured(clip)["skin_level_grey"])
    assert "moderately" not in context_words(context_from_clip(dark))
    assert "very dimly lit" in context_words(context_from_clip(dark))


def test_light_from_one_side_is_uneven_whichever_side_it_is():
    columns = np.tile(np.linspace(1.0, 0.5, 6), 6)
    from_left, from_right = lit(columns), lit(columns[::-1])
    assert measured(from_left)["light_evenness"] == pytest.approx(
        measured(from_right)["light_evenness"], rel=1e-3
    )
    assert measured(from_left)["light_evenness"] < 0.75 < measured(lit(np.ones(36)))["light_evenness"]
    assert "very uneven" in context_words(context_from_clip(from_left))


def test_cells_far_below_the_median_are_shadows():
    gain = np.ones(36)
    gain[:9] = 0.5
    found = measured(lit(gain))
    assert found["shadow_percent"] == pytest.approx(25)
    assert found["skin_spread_percent"] > measured(lit(np.ones(36)))["skin_spread_percent"]


def test_motion_is_the_speed_in_widths_of_the_face():
    assert measured(face_clip(shift=5.0))["motion_percent_per_s"] == pytest.approx(5.0, rel=1e-3)
    assert measured(face_clip())["motion_percent_per_s"] == 0
    assert "the head moves" in context_words(context_from_clip(face_clip(shift=5.0)))


def test_gap_in_the_boxes_is_no_motion():
    clip = face_clip(shift=5.0)
    boxes = clip.boxes.copy()
    boxes[30:60] = np.nan
    assert measured(replace(clip, boxes=boxes))["motion_percent_per_s"] == pytest.approx(5.0, rel=1e-3)


def test_reflectance_does_not_follow_the_exposure_but_the_blue_light_of_the_skin():
    clip = face_clip()
    half = 0.5 ** (1 / 2.4)  # of the light; sRGB's curve is close to this power
    dim = replace(clip, rgb=half * (clip.rgb + 14) - 14, background=half * (clip.background + 14) - 14)
    assert measured(dim)["skin_reflectance_stops"] == pytest.approx(
        measured(clip)["skin_reflectance_stops"], abs=0.01
    )
    less = replace(clip, rgb=clip.rgb * [0.9, 0.75, 0.6])
    assert measured(less)["skin_reflectance_stops"] < measured(clip)["skin_reflectance_stops"] - 0.5


def test_cast_is_warm_where_the_surroundings_are_red():
    warm = face_clip(background=np.tile([140.0, 100.0, 80.0], (90, 1)))
    assert measured(warm)["cast_stops"] > 0.4 > abs(measured(face_clip())["cast_stops"])
    assert "surroundings are strongly warm" in context_words(context_from_clip(warm))


def test_expression_is_what_moves_within_the_face():
    rng = np.random.default_rng(0)
    face = rng.uniform(0, 100, (468, 2))
    turn = np.exp(0.05j * np.sin(np.arange(90) / 10)) * np.linspace(1, 1.2, 90)
    rigid = (face[:, 0] + 1j * face[:, 1]) * turn[:, None] + np.linspace(0, 30, 90)[:, None]
    landmarks = np.stack([rigid.real, rigid.imag], axis=2)
    talking = landmarks.copy()
    talking[:, :100, 1] += 10 * np.sin(np.arange(90) / 3)[:, None]
    still, moved = (measured(face_clip(landmarks=points)) for points in (landmarks, talking))
    assert still["expression_percent"] < 0.01
    assert moved["expression_percent"] > 1


def test_what_a_clip_does_not_hold_is_unknown_and_left_out():
    clip = face_clip(background=None, boxes=None, scene=None, stmap=None, stmap_weight=None)
    found = measured(clip)
    assert {name for name, value in found.items() if np.isfinite(value)} == {
        "skin_level_grey",
        "forehead_over_cheeks",
    }
    text = context_words(context_from_clip(clip))
    assert text.count(".") == 1 and "nan" not in text


def test_traces_have_no_face_size_and_no_sharpness():
    clip, _ = simulate_traces(SimulationSettings(seconds=5, seed=1))
    unknown = {name for name, value in measured(clip).items() if not np.isfinite(value)}
    assert unknown == {"face_width_px", "highlight_percent", "sharpness", "expression_percent"}


def test_clip_without_a_face_is_all_unknown_and_no_error():
    nan = np.full((10, 4, 3), np.nan)
    clip = FaceClip(np.arange(10) / 30, np.zeros(10, bool), nan, boxes=np.full((10, 4), np.nan))
    assert np.isnan(context_from_clip(clip)).all()
    assert context_words(context_from_clip(clip)) == NOTHING_KNOWN


def test_windows_of_native_and_even_clips_agree():
    clip = face_clip(shift=3.0)
    even = resample(clip)
    for window in (clip, cut(clip, slice(20, 80)), even, cut(even, slice(30, 85))):
        np.testing.assert_allclose(context_from_clip(window), context_from_clip(clip), rtol=1e-3)


def test_labels_and_notes_of_a_clip_change_nothing():
    clip = face_clip()
    other = replace(clip, notes=("a note",), video=replace(clip.video, written_by="x", codec="h264"))
    np.testing.assert_array_equal(context_from_clip(other), context_from_clip(clip))


def test_numbers_are_float32_in_the_order_of_their_names():
    found = context_from_clip(face_clip())
    assert found.dtype == np.float32 and found.shape == (len(CONTEXT),)
    assert tuple(quantity.name for quantity in QUANTITIES) == CONTEXT


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda quantity: quantity.name)
def test_a_larger_number_moves_on_through_the_grades(quantity):
    assert list(quantity.bounds) == sorted(quantity.bounds)
    values = [quantity.bounds[0] - 1, *(bound + 0.001 for bound in quantity.bounds)]
    for grade, value in zip(quantity.grades, values, strict=True):
        assert (
            quantity.clause.partition("{grade}")[0].lower() + grade
            in context_words(numbers(**{quantity.name: value})).lower()
        )


anything = st.floats(width=32, allow_nan=True, allow_infinity=True)


@given(st.lists(anything, min_size=len(CONTEXT), max_size=len(CONTEXT)))
@settings(max_examples=100, deadline=None)
def test_every_word_lies_in_the_vocabulary_and_the_text_in_the_numbers_alone(values):
    found = np.array(values, np.float32)
    text = context_words(found)
    assert text == context_words(found.copy())
    assert set(context_tokens(text)) <= context_vocabulary()


def test_vocabulary_is_small_and_says_nothing_about_people():
    words = context_vocabulary()
    assert len(words) < 150
    assert not [word for word in words if re.fullmatch(ABOUT_PEOPLE, word)]


def test_full_text_is_a_short_paragraph_of_five_sentences():
    text = context_words(numbers(**{quantity.name: quantity.bounds[0] for quantity in QUANTITIES}))
    assert 40 <= len(text.split()) <= 72
    assert len(re.findall(r"\.(?: |$)", text)) == 5


def test_tokens_put_together_give_the_text_again():
    text = context_words(context_from_clip(face_clip()))
    joined = " ".join(context_tokens(text))
    assert re.sub(r" ([.,;])", r"\1", joined) == text.lower()


def test_context_of_the_wrong_length_is_refused():
    with pytest.raises(UsageError, match="one number for each name"):
        context_words(np.zeros(3))


def test_measured_context_follows_scenes_of_the_simulator():
    """24 clips, so a correlation has a standard error of about 0.1: asked for is less than over 300 clips."""
    from rppg_core.lab.protocols.context import WANTED, context_cases, rank_correlation

    cases = context_cases(24)
    for name, least in WANTED.items():
        pairs = np.array([(case.measured[name], case.truth[name]) for case in cases])
        assert rank_correlation(pairs[np.isfinite(pairs).all(axis=1)]) > least - 0.25, name
