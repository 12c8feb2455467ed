"""The section on SpO2: what is said of a face with a pulse, of one without, and of numbers that rest on looks."""

from types import SimpleNamespace

import numpy as np
import pytest

from demo import inference
from demo.oxygen_events import OxygenEvents
from demo.panels import oxygen
from demo.session import Visits
from rppg_core.analysis.oxygen_audits import AS_IT_IS, AUDITS
from rppg_core.figures.saturation import SaturationCourse
from rppg_core.types import Reading

SHOWN = Reading(96.0, "%", confidence=0.5, note="not calibrated")
REFUSED = Reading(None, "%", note="no reliable pulse")


def face(now: float, dead: float, shown: Reading = SHOWN) -> oxygen.FaceSaturation:
    audits = {AS_IT_IS: now, **dict.fromkeys(AUDITS, now), "no pulse": dead}
    course = SaturationCourse("physmle", np.array([5.0, 15.0]), np.array([now, now - 1]), 12.0, 95.0)
    return oxygen.FaceSaturation("physmle", shown, audits, course)


@pytest.mark.parametrize(
    ("now", "dead", "words"),
    [
        (97.0, 96.8, "it rests on how the face looks, not on blood"),
        (95.2, 92.0, "is the mean of its training"),
        (99.0, 95.1, "becomes 95.1 when the pulse is taken out"),
    ],
)
def test_words_say_what_a_number_rests_on(now, dead, words):
    assert words in " ".join(oxygen.face_words(face(now, dead)))


def test_a_number_without_a_pulse_is_shown_here_alone_with_the_cause_of_its_refusal():
    said = " ".join(oxygen.face_words(face(96.0, 95.0, REFUSED)))
    assert "says 96.0 %" in said
    assert "The app does not show it: no reliable pulse." in said


def test_table_has_every_change_and_the_constant():
    html = oxygen.section_html([face(97.0, 95.0)])
    for name in (AS_IT_IS, *AUDITS, "always the mean"):
        assert name in html
    assert "Not calibrated" in html
    assert "green" not in html and "red;" not in html


def test_figure_has_an_interval_and_the_mean():
    figure = oxygen.figure([face(97.0, 95.0)])
    assert figure is not None
    number, mean = figure.data
    assert number.error_y.value == 12.0
    assert set(mean.y) == {95.0}
    assert "not calibrated" in figure.layout.yaxis.title.text


def test_method_without_a_number_is_said_and_not_drawn():
    silent = oxygen.FaceSaturation("physmle", REFUSED, dict.fromkeys([AS_IT_IS, *AUDITS], float("nan")), None)
    assert "gives no SpO2" in oxygen.section_html([silent])
    assert oxygen.figure([silent]) is None


def test_every_oximeter_of_the_page_has_a_mean_and_an_interval():
    assert inference.oximeters()
    assert set(inference.oximeters()) <= set(oxygen.TRAINED_ON) & set(oxygen.HALF_WIDTHS)


def test_the_example_is_read_until_a_visitor_has_a_clip_of_their_own(tmp_path):
    told = []
    said, drawn = OxygenEvents(Visits(tmp_path)).read(
        SimpleNamespace(session_hash="a"), lambda fraction, desc: told.append((fraction, desc))
    )
    assert "physmle says" in said
    assert drawn.visible
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions) and len(fractions) >= 2


def test_what_was_deleted_is_not_read(tmp_path, monkeypatch):
    visits = Visits(tmp_path)
    monkeypatch.setattr(visits, "shown", lambda session: (_ for _ in ()).throw(oxygen_gone()))
    said, drawn = OxygenEvents(visits).read(SimpleNamespace(session_hash="a"), lambda fraction, desc: None)
    assert "you deleted it" in said
    assert not drawn.visible


def oxygen_gone() -> Exception:
    from demo.session import GoneError

    return GoneError("you deleted it")
