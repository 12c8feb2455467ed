from dataclasses import replace
from html.parser import HTMLParser

import pytest

from rppg_core.command.output import write_text
from rppg_core.errors import WriteError
from rppg_core.figures import report_page
from tests.report_factory import CAUSE, make_report, with_track


class Page(HTMLParser):
    """Every tag with its attributes, and the text outside scripts and styles."""

    def __init__(self, html: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.words = ""
        self.silent = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.silent = tag in ("script", "style")

    def handle_endtag(self, tag):
        self.silent = False

    def handle_data(self, data):
        if not self.silent:
            self.words += data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def html() -> str:
    return report_page.report_html(make_report())


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def test_page_loads_nothing_from_anywhere(page):
    for _, attrs in page.tags:
        for key in ("src", "href", "srcset", "poster", "data"):
            assert not attrs.get(key) or attrs[key].startswith("data:")
    assert not page.all("link")
    assert not page.all("iframe")


def test_plotly_is_inlined_exactly_once(html):
    assert html.count("plotly.js v") == 1
    assert html.count("Plotly.newPlot(") >= 2


def test_verdict_comes_before_any_number_of_the_table(page):
    verdict = make_report().consensus.verdict
    assert verdict in page.words
    assert page.words.index(verdict) < page.words.index("95 % interval")


def test_page_says_that_it_is_not_a_medical_device(page):
    assert "Not a medical device" in page.words


def test_refusal_stands_in_the_table_with_its_cause(page):
    assert f"no heart rate: {CAUSE}" in page.words


def test_pictures_and_plots_have_words_for_those_who_cannot_see_them(page):
    assert all(attrs["alt"] for attrs in page.all("img"))
    drawn = [attrs for attrs in page.all("figure") if attrs.get("role") == "img"]
    assert len(drawn) == 2
    assert all(attrs["aria-label"] for attrs in drawn)


def test_page_follows_the_light_or_dark_setting_and_a_phone_s_width(html, page):
    assert "prefers-color-scheme: dark" in html
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")


def test_same_report_gives_the_same_page(html):
    assert report_page.report_html(make_report()) == html


def test_words_from_a_file_cannot_become_markup():
    report = make_report()
    object.__setattr__(report, "notes", ("<script>alert(1)</script>",))
    assert "<script>alert(1)" not in report_page.report_html(report)


def test_table_has_the_consensus_first_and_a_row_a_method():
    rows = report_page.table_rows(make_report())
    assert [row.name for row in rows] == ["consensus", "pos", "chrom", "green"]
    assert rows[1].cells == ("72.1", "70.9-73.3", "0.97", "15.2", "32", "41")
    assert rows[3].cells == ()
    assert rows[3].cause == CAUSE


@pytest.mark.parametrize(("rate", "told"), [(72.0, 1), (None, 0)])
def test_networks_own_rate_is_told_only_where_it_gave_a_heart_rate(rate, told):
    report = make_report({"tracenet": rate})
    report.estimates["tracenet"] = replace(report.estimates["tracenet"], direct={"hr": 71.4})
    said = [line for line in report_page.remarks(report) if "read-out" in line]
    assert said == ["heart rate: the network's own read-out is 71.4 bpm"] * told


def test_remarks_say_a_cause_once_for_all_who_share_it():
    remarks = report_page.remarks(make_report())
    assert remarks.count("LF/HF (pos, chrom): not shown: 20 s of beats; at least 55 s needed") == 1
    assert not [line for line in remarks if "SpO2" in line]


def test_csv_has_a_line_for_every_window_of_the_consensus():
    report = with_track(make_report(), [71.2, None, 76.4], hr_seconds=15)
    lines = report_page.csv_text(report).splitlines()
    assert [line for line in lines if "hr_track" in line] == [
        "# consensus hr_track 0.0-10.0 s: 71.2 bpm, 70.0 to 72.4, confidence 0.97",
        f"# consensus hr_track 5.0-15.0 s: none ({CAUSE})",
        "# consensus hr_track 10.0-20.0 s: 76.4 bpm, 75.2 to 77.6, confidence 0.97",
    ]
    assert "# consensus hr_seconds: 15" in lines


def test_csv_of_a_refused_clip_has_no_rate():
    report = with_track(make_report({"pos": None}), [71.2, None])
    comments = [line for line in report_page.csv_text(report).splitlines() if line.startswith("#")]
    assert not [line for line in comments if "71.2" in line]


def test_pulse_figure_is_described_with_the_finding_of_its_strip(page):
    (words,) = [a["aria-label"] for a in page.all("figure") if "waveform" in a.get("aria-label", "")]
    assert "show a heart rate" in words or "shows a heart rate" in words


def test_facts_name_measured_and_claimed_frame_rate():
    assert ("frame rate", "30 per second; the file says 30") in report_page.facts(make_report())


def test_facts_say_where_a_video_is_hdr():
    report = make_report()
    assert "HDR" not in dict(report_page.facts(report))["coding"]
    object.__setattr__(report.video, "hdr", True)
    assert " bit, HDR" in dict(report_page.facts(report))["coding"]


def test_whole_picture_as_skin_is_not_called_a_face():
    report = make_report()
    object.__setattr__(report.clip, "region", "whole")
    assert "face" not in dict(report_page.facts(report))
    assert "the whole picture is taken as skin" in report_page.picture_html(report)


def test_protocol_page_draws_reliability_when_there_are_bins():
    bins = [{"confidence": 0.9, "observed": 0.92, "n": 40}]
    assert "Plotly.newPlot(" in report_page.protocol_html("refusal", "a table", {"reliability": bins})
    assert "Plotly.newPlot(" not in report_page.protocol_html("vitals", "a table")


def test_protocol_page_draws_r_by_amplitude_when_there_are_points():
    points = [{"method": "pos", "amplitude": "0.2 %", "mean": 0.5, "low": 0.4, "high": 0.6}]
    html = report_page.protocol_html("photo", "a table", {"r_by_amplitude": points})
    assert 'aria-label="Correlation of every method' in html
    assert 'id="r-by-amplitude"' in html


def test_path_that_cannot_be_written_is_said_in_words(tmp_path):
    with pytest.raises(WriteError, match=r"nowhere.*make the folder"):
        write_text(tmp_path / "nowhere" / "r.html", "x")
