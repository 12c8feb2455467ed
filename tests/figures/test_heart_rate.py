from dataclasses import replace

import numpy as np

from rppg_core.figures.heart_rate import reference_figure, reference_trace, reference_words
from rppg_core.figures.style import REFERENCE
from rppg_core.tables.reference import Reference
from tests.report_factory import make_report, with_track

REFUSED = {"pos": None, "chrom": None}
STRAP = Reference(np.arange(10.0), np.full(10, 72.7))


def test_difference_is_the_estimate_minus_the_reference():
    assert reference_words(STRAP, make_report()) == "reference 72.7 bpm, estimate 72.1, difference -0.6"


def test_refused_estimate_is_not_compared():
    assert reference_words(STRAP, make_report(REFUSED)) == "reference 72.7 bpm, no estimate"


def test_reference_with_another_clock_says_so():
    later = STRAP.during(500, 600)
    assert reference_words(later, make_report()).endswith(
        "(all of it: its clock is another one than that of the clip)"
    )


def test_reference_is_grey():
    trace = reference_trace(STRAP)
    assert trace.marker.color == trace.line.color == REFERENCE
    assert list(trace.x) == list(STRAP.times_s)


def test_figure_shows_the_windows_with_their_intervals_beside_the_reference():
    report = with_track(make_report(), [72.0, 72.3], hr_seconds=20)
    names = [trace.name for trace in reference_figure(report, STRAP).data]
    assert names == ["reference", "95 % interval", "heart rate", "heart rate of a window"]


def test_figure_of_a_refusal_hatches_its_windows():
    fig = reference_figure(make_report(REFUSED), STRAP)
    assert [trace.name for trace in fig.data] == ["refused window", "reference"]
    assert "reference 72.7 bpm" in fig.layout.title.text.lower().replace("<br>", " ")


def test_reference_with_another_clock_is_drawn_from_the_start_of_the_clip():
    later = replace(STRAP, times_s=STRAP.times_s + 500).during(0, 30)
    drawn = next(trace for trace in reference_figure(make_report(), later).data if trace.name == "reference")
    assert drawn.x[0] == make_report().clip.times_s[0]
