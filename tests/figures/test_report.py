import base64

import cv2
import numpy as np
import pytest

from rppg_core.figures.report import (
    DRAWN_S,
    LANE,
    PICTURE_PX,
    display_wave,
    figure,
    r_by_amplitude_figure,
    reliability_figure,
    roi_picture,
    spectrum_figure,
    waveform_figure,
)
from rppg_core.figures.style import ESTIMATE, INK, REFERENCE
from tests.report_factory import make_report, make_truth, pulse


def trace(fig, name):
    return next(t for t in fig.data if t.name == name)


def test_waveforms_give_every_method_a_lane_of_its_own():
    fig = waveform_figure(make_report({"pos": 72.0, "chrom": 72.0, "green": None}))
    middles = [np.nanmean(t.y) for t in fig.data]
    assert np.allclose(middles, [0, -LANE, -2 * LANE], atol=0.05)
    assert list(fig.layout.yaxis.ticktext) == ["pos 72", "chrom 72", "green —"]


def test_waveforms_title_says_the_finding_and_how_it_was_filtered():
    title = waveform_figure(make_report()).layout.title.text
    assert "2 of 3 methods beat at 72 bpm" in title
    assert "0.65-4 Hz" in title.replace("<br>", " ")


def test_waveforms_without_a_shared_pulse_say_so():
    title = waveform_figure(make_report({"pos": None, "green": None})).layout.title.text
    assert "No shared pulse" in title


def test_truth_is_grey_and_estimates_are_in_the_accent():
    fig = waveform_figure(make_report(), make_truth())
    assert trace(fig, "truth").line.color == REFERENCE
    assert trace(fig, "estimate").line.color == ESTIMATE


def test_long_clip_opens_on_twelve_seconds_and_draws_one_minute():
    fig = waveform_figure(make_report({"pos": 72.0}, seconds=90))
    assert fig.layout.xaxis.range == pytest.approx((0, 12))
    assert fig.data[0].x[-1] == pytest.approx(DRAWN_S, abs=0.1)
    assert "12 of 90 s" in fig.layout.title.text.replace("<br>", " ")


def test_displayed_wave_is_z_scored_and_has_gaps_where_the_face_was_lost():
    bvp = make_report({"pos": 72.0}).estimates["pos"].bvp
    bvp.valid[200:260] = False
    wave = display_wave(bvp)
    assert np.isnan(wave[200:260]).all()
    assert np.nanstd(wave[:200]) == pytest.approx(1, abs=1e-6)


def test_displayed_wave_loses_drift_and_keeps_the_pulse():
    report = make_report({"pos": 72.0})
    bvp = report.estimates["pos"].bvp
    bvp.samples[:] = pulse(report.clip.times_s, 72) + 0.5 * report.clip.times_s
    middle = slice(60, -60)  # the ends of a steep drift leak a little
    wave, truth = display_wave(bvp), pulse(report.clip.times_s, 72)
    assert np.corrcoef(wave[middle], truth[middle])[0, 1] > 0.99


def test_spectrum_marks_the_chosen_peak_on_an_axis_in_bpm():
    fig = spectrum_figure(make_report({"pos": 72.0, "green": None}))
    peak = trace(fig, "chosen peak")
    assert peak.x[0] == 72.0
    assert peak.y[0] > 0.9  # the mark sits on the line, whose top is 1
    assert "beats per minute" in fig.layout.xaxis.title.text
    band = fig.layout.shapes[0]
    assert (band.x0, band.x1) == pytest.approx((39, 240))


def test_spectrum_of_a_refusal_marks_no_peak():
    fig = spectrum_figure(make_report({"pos": 72.0, "green": None}), "green")
    assert "chosen peak" not in [t.name for t in fig.data]
    assert "No line that could be trusted" in fig.layout.title.text


def test_spectrum_of_one_method_shows_its_own_reading():
    fig = spectrum_figure(make_report({"pos": 72.0, "chrom": 75.0}), "chrom")
    assert trace(fig, "chosen peak").x[0] == 75.0


def test_figure_holds_waveforms_rate_and_spectrum_and_names_the_truth_once():
    fig = figure(make_report(), make_truth())
    assert {t.xaxis for t in fig.data} == {"x", "x2", "x3"}
    assert [t.showlegend for t in fig.data if t.name == "truth"].count(True) == 1


def test_figures_are_transparent_so_that_they_read_on_light_and_dark():
    for fig in (waveform_figure(make_report()), spectrum_figure(make_report()), figure(make_report())):
        assert fig.layout.paper_bgcolor == fig.layout.plot_bgcolor == "rgba(0,0,0,0)"


def test_text_colour_has_contrast_on_white_and_on_the_dark_page():
    assert contrast(INK, "#FFFFFF") >= 4.5
    assert contrast(INK, "#0D1117") >= 4.0


def contrast(a: str, b: str) -> float:
    """WCAG contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        levels = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
        linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_roi_picture_draws_the_outlines_in_the_accent():
    uri = roi_picture(make_report())
    head, encoded = uri.split(",")
    assert head == "data:image/jpeg;base64"
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(encoded), np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    assert picture.shape[:2] == (PICTURE_PX, PICTURE_PX)
    red_minus_blue = picture[75, 240].astype(int) @ [1, 0, -1]  # y = 15 of 96 is the forehead's upper edge
    assert red_minus_blue > 120  # vermilion; the skin of the factory has 60


def test_roi_picture_of_a_clip_without_one_is_none():
    report = make_report()
    object.__setattr__(report.clip, "still", None)
    assert roi_picture(report) is None


def test_reliability_says_how_far_confidence_is_off():
    bins = [
        {"confidence": 0.85, "observed": 0.80, "n": 50},
        {"confidence": 0.95, "observed": 0.90, "n": 50},
    ]
    title = reliability_figure(bins).layout.title.text.replace("<br>", " ")
    assert "5.0% less often right than promised" in title
    assert "100 readings" in title


def test_r_by_amplitude_draws_every_method_with_its_interval_and_the_bar_in_grey():
    rows = [
        {"method": method, "amplitude": level, "mean": mean, "low": mean - 0.1, "high": mean + 0.05}
        for method, mean in (("pos", 0.6), ("tracenet", 0.8))
        for level in ("0.2 %", "0.35 %", "0.7 %")
    ]
    figure = r_by_amplitude_figure(rows)
    assert [trace.name for trace in figure.data] == ["pos", "tracenet"]
    assert figure.data[0].line.color == REFERENCE
    assert figure.data[1].error_y.arrayminus == pytest.approx([0.1] * 3)
    assert list(figure.layout.xaxis.ticktext) == ["0.2 %", "0.35 %", "0.7 %"]
    assert "At 0.35 % tracenet follows the pulse best, r 0.80" in figure.layout.title.text.replace(
        "<br>", " "
    )
