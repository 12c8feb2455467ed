"""The film of a face: what it keeps, a pulse below a grey level in it, and traces that do not change by it."""

import numpy as np
import pytest

from rppg_core.lab.simulate.faces import SimulationSettings, simulate_clip
from rppg_core.types import NEEDS
from rppg_core.video.film import KEPT_S, SIDE, FaceFilm

GREY = np.full((8, 8, 3), 100 * 256, np.uint16)


def filmed(times_s):
    film = FaceFilm()
    for time_s in np.asarray(times_s).tolist():
        if film.wants(time_s):
            film.add(time_s, GREY)
    return film


@pytest.mark.parametrize(("fps", "kept"), [(15, 300), (25, 500), (30, 600), (60, 600), (240, 600)])
def test_film_holds_the_first_20_s_at_30_pictures_a_second_at_most(fps, kept):
    film = filmed(3.0 + np.arange(40 * fps) / fps)
    assert len(film) == pytest.approx(kept, rel=0.15)
    assert film.times_s[0] == 3.0 and film.times_s[-1] < 3.0 + KEPT_S
    assert len(film.pictures()) == len(film.times_s)


def test_frames_of_another_picture_size_that_were_read_before_are_not_wanted():
    assert not filmed([0.0, 0.5]).wants(0.4)


def test_mean_of_a_picture_keeps_a_quarter_of_a_grey_level():
    film = FaceFilm()
    film.add(0.0, np.full((SIDE, SIDE, 3), round(100.25 * 256), np.uint16))
    assert film.pictures()[0].mean() == pytest.approx(
        100.25, abs=0.01
    )  # sd of the mean of 49152 values: 0.002
    film.add(1.0, np.full((SIDE, SIDE, 3), 65535, np.uint16))
    assert film.pictures()[1].min() == 255


def test_film_without_a_face_is_empty():
    assert FaceFilm().pictures().shape == (0, SIDE, SIDE, 3)


def test_traces_are_the_same_with_and_without_a_film():
    settings, film = SimulationSettings(seconds=2.0, size=192, motion="small"), FaceFilm()
    needs = frozenset(NEEDS) - {"crop36", "crop72", "crop128_raw"}
    filmed, plain = simulate_clip(settings, needs, film=film)[0], simulate_clip(settings, needs)[0]
    np.testing.assert_array_equal(filmed.rgb, plain.rgb)
    np.testing.assert_array_equal(filmed.stmap, plain.stmap)
    assert len(film) == 60 and film.pictures().shape == (60, SIDE, SIDE, 3)
    crop = simulate_clip(settings, frozenset({"rgb", "crop128_raw"}))[0].need("crop128_raw") / 256
    assert np.abs(film.pictures() - crop).mean() < 3  # the same face at the same place
