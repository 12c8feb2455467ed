"""The section in which the face is magnified: growth by the printed gain, lost frames, words instead of a video."""

import base64
import io
import re
from dataclasses import replace
from types import SimpleNamespace

import av
import numpy as np
import pytest

from demo import inference
from demo.magnified_events import MagnifiedEvents
from demo.panels import magnified
from demo.session import Origin, Visits
from rppg_core.errors import ClipTooShortError, MissingNeedError, UsageError
from rppg_core.signals.filters import bandpass
from rppg_core.types import Reading
from rppg_core.video.film import SIDE, FaceFilm
from tests.report_factory import FS, make_report

VISITOR = SimpleNamespace(session_hash="a")
HR_BPM, PULSE = 72, 0.4  # grey levels


def film_of_pulse(seconds: float = 8.0, lost: slice = slice(0, 0)) -> FaceFilm:
    """A grey picture with camera noise whose colour beats all over."""
    film, rng = FaceFilm(), np.random.default_rng(0)
    n = round(seconds * FS)
    for k in np.setdiff1d(np.arange(n), np.arange(n)[lost]).tolist():
        level = 128 + PULSE * np.sin(2 * np.pi * HR_BPM / 60 * k / FS)
        picture = level + rng.normal(0, 0.5, (SIDE, SIDE, 3)).astype(np.float32)
        film.add(k / FS, (picture * 256).astype(np.uint16))
    return film


@pytest.fixture(scope="module")
def film():
    return film_of_pulse()


@pytest.fixture(scope="module")
def clip():
    return make_report(seconds=8.0).clip


def frames_of(html: str) -> tuple[np.ndarray, np.ndarray]:
    """The pictures of the video inside, and their times."""
    (mp4,) = re.findall(r'mp4="([^"]+)"', html)
    with av.open(io.BytesIO(base64.b64decode(mp4))) as file:
        assert file.streams.video[0].codec_context.pix_fmt == "yuv420p"
        frames = list(file.decode(video=0))
    return np.stack([frame.to_ndarray(format="rgb24") for frame in frames]), np.array(
        [f.time for f in frames]
    )


def test_pulse_on_the_right_is_that_on_the_left_times_the_printed_gain(film, clip):
    pictures, times_s = frames_of(magnified.magnified(film, clip, factor=40, rates_bpm=(52, 92)))
    assert pictures.shape == (240, magnified.SIDE, 2 * magnified.SIDE + magnified.GAP, 3)
    np.testing.assert_allclose(times_s, np.arange(240) / FS, atol=2e-3)
    left, right = pictures[:, :, : magnified.SIDE], pictures[:, :, -magnified.SIDE :]
    swings = [
        bandpass(half.mean(axis=(1, 2, 3)), FS, low_hz=0.7, high_hz=3.0)[45:-45].std()
        for half in (left, right)
    ]
    assert swings[0] < 0.5  # below a grey level, before
    (printed,) = re.findall(r"a whole face (\d+)", magnified.gain_words(40))
    assert swings[1] == pytest.approx(int(printed) * PULSE / np.sqrt(2), rel=0.1)


def test_progress_grows_and_ends_with_the_encoding(film, clip):
    told = []
    magnified.magnified(film, clip, progress=lambda stage, fraction: told.append((stage, fraction)))
    assert [fraction for _, fraction in told] == sorted(fraction for _, fraction in told)
    assert told[-1][0] == "encoding the video"


def test_factor_0_changes_nothing(film, clip):
    pictures, _ = frames_of(magnified.magnified(film, clip, factor=0))
    left, right = pictures[:, :, : magnified.SIDE], pictures[:, :, -magnified.SIDE :]
    assert np.abs(left.astype(int) - right).mean() < 2  # what the encoder changes


def test_lost_frames_are_counted_and_the_picture_stands_still(clip):
    valid = clip.valid.copy()
    valid[100:130] = False
    html = magnified.magnified(film_of_pulse(lost=slice(100, 130)), replace(clip, valid=valid))
    assert "The face was lost in 30 frames; there the last picture stands still." in html
    pictures, times_s = frames_of(html)
    assert len(pictures) == 210 and np.diff(times_s).max() == pytest.approx(31 / FS, abs=2e-3)


def test_words_name_band_length_and_factor(film, clip):
    html = magnified.magnified(film, clip, factor=25, rates_bpm=(50, 100))
    assert "Magnified: 50 to 100 bpm, factor 25. 240 pictures, 8.0 s." in html and "lost" not in html
    assert "controls muted loop" in html and "autoplay" not in html


def test_motion_and_light_that_fill_the_picture_are_named(clip):
    film = FaceFilm()
    for k in range(120):  # a lamp that swings by 20 grey levels
        level = (128 + 20 * np.sin(2 * np.pi * 1.2 * k / FS)) * 256
        film.add(k / FS, np.full((SIDE, SIDE, 3), round(level), np.uint16))
    assert "motion or changing light" in magnified.magnified(film, clip)


def test_band_is_around_the_heart_rate_or_wide_without_one():
    assert magnified.rates_from_report(make_report({"pos": 71.6})) == (52, 92)
    assert magnified.rates_from_report(make_report({"pos": 45.0})) == (30, 65)
    assert magnified.rates_from_report(make_report({"pos": None})) == magnified.RATES_BPM


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"film": film_of_pulse(2.0)}, ClipTooShortError, "cover 2.0 s"),
        ({"film": FaceFilm()}, MissingNeedError, "no pictures of a face"),
        ({"film": None}, MissingNeedError, "no pictures of a face"),
        ({"rates_bpm": (90, 60)}, UsageError, "slowest rate is 90 bpm"),
        ({"factor": -3}, UsageError, "factor"),
    ],
)
def test_what_cannot_be_magnified_says_so(film, clip, changes, error, words):
    with pytest.raises(error, match=words):
        magnified.magnified(**{"film": film, "clip": clip, **changes})


@pytest.fixture
def visits(tmp_path):
    return Visits(tmp_path)


@pytest.fixture
def on(visits):
    return MagnifiedEvents(visits)


def own(visits, film):
    """A visitor's own result with a film."""
    visits.begin("a")
    visits.keep("a", make_report(), visits.origin_from_upload("me.mp4"), film)


def magnify(on, *values):
    return on.magnify(*(values or (40, 50, 90)), VISITOR, lambda *a, **k: None)


def test_own_film_is_magnified_until_it_is_deleted(on, visits, film):
    own(visits, film)
    assert "240 pictures" in magnify(on)
    assert on.ready(VISITOR) == (52, 92)
    again = replace(make_report(), notes=("more methods",))
    visits.keep("a", again, visits.shown("a").origin)
    assert visits.shown("a").film is film  # another analysis of the same clip keeps it
    assert "240 small ones of its first 20 s" in visits.delete("a")
    assert "There are no pictures to magnify: you deleted it." in magnify(on)
    assert on.ready(VISITOR) == magnified.RATES_BPM


def test_result_without_a_film_says_so_and_an_empty_field_too(on, visits):
    own(visits, None)
    assert "No pictures of a face were kept. Wanted: a video that shows a face." in magnify(on)
    assert "one of them is empty" in magnify(on, 40, None, 90)
    assert "<video" not in magnify(on)


def test_film_of_another_clip_does_not_stay(visits, film, tmp_path):
    own(visits, film)
    visits.keep(
        "a", make_report(), Origin(None, tmp_path / "other.mp4", until=visits.shown("a").origin.until)
    )
    assert visits.shown("a").film is None


def test_example_is_magnified_before_there_is_an_upload(on):
    assert "600 pictures, 20.0 s" in magnify(on)
    low, high = on.ready(VISITOR)
    assert low < np.mean(inference.example_clip()[1].hr_bpm) < high


def test_heart_rate_at_the_edge_of_the_sliders_stays_on_them():
    report = make_report()
    vitals = replace(report.consensus.vitals, hr=Reading(238.0, "bpm", 0.9))
    fast = replace(report, consensus=replace(report.consensus, vitals=vitals))
    assert magnified.rates_from_report(fast) == (218, magnified.LIMITS_BPM[1])
