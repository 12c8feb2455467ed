"""The card about the file: every level in words, complaints open, nothing of the file taken as HTML."""

from html.parser import HTMLParser

import pytest

from demo.panels import inspection
from demo.panels.inspection import inspection_card
from rppg_core.video.inspect import Finding

GOOD = Finding("Codec", "h264", "good", lesson="compression")
FAIR = Finding("Length", "15.0 s", "fair", "record 30 s or more", "too_short")
POOR = Finding("Motion", "40.0 % of the face's width a second", "poor", "hold still", "motion")


class Page(HTMLParser):
    """Rows of cells, and what stands inside <details>."""

    def __init__(self, html: str):
        super().__init__()
        self.rows: list[list[str]] = []
        self.folded, self.words, self.links = "", "", []
        self._inside = set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self._inside.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "a":
            self.links.append(dict(attrs)["href"])

    def handle_endtag(self, tag):
        self._inside.discard(tag)

    def handle_data(self, data):
        if "style" not in self._inside:
            self.words += data
        if "details" in self._inside:
            self.folded += data
        if {"td", "th"} & self._inside:
            self.rows[-1][-1] += data


def test_every_complaint_is_a_row_with_sign_word_value_and_remedy():
    rows = Page(inspection_card([GOOD, FAIR, POOR])).rows
    assert rows[0] == ["Check", "Level", "Found", "What helps"]
    assert rows[1] == ["Motion", "✗poor", "40.0 % of the face's width a second", "hold still (why)"]
    assert rows[2] == ["Length", "!fair", "15.0 s", "record 30 s or more (why)"]


def test_worst_comes_first_and_good_is_folded_away():
    page = Page(inspection_card([GOOD, FAIR, POOR]))
    assert page.words.index("Motion") < page.words.index("Length") < page.words.index("Codec")
    assert "Codec" in page.folded
    assert "Length" not in page.folded


def test_summary_counts():
    assert "1 of 3 checks are good, 1 poor and 1 fair." in inspection_card([GOOD, FAIR, POOR])
    assert "1 of 2 checks are good, 1 fair." in inspection_card([GOOD, FAIR])
    assert "All 1 checks of the video are good." in inspection_card([GOOD])


def test_good_file_has_only_the_folded_table():
    assert Page(inspection_card([GOOD])).rows == [["Check", "Level", "Found"], ["Codec", "✓good", "h264"]]


def test_what_is_good_is_open_where_there_is_nothing_else_to_read():
    assert "<details open>" in inspection_card([GOOD])
    assert "<details>" in inspection_card([GOOD, FAIR])


def test_names_out_of_the_file_are_escaped():
    html = inspection_card([Finding("Converted", "written by <script>alert(1)</script>", "fair", "a & b")])
    assert "<script" not in html
    assert "a &amp; b" in html


def test_lesson_is_linked_where_there_is_one(monkeypatch):
    monkeypatch.setattr(inspection, "lesson_link", {}.get)
    assert Page(inspection_card([POOR])).links == []
    monkeypatch.setattr(inspection, "lesson_link", {"motion": "notebooks/01_pulse.ipynb#motion"}.get)
    assert Page(inspection_card([POOR, FAIR])).links == [
        f"{inspection.SOURCE}notebooks/01_pulse.ipynb#motion"
    ]


@pytest.mark.parametrize("key", sorted({finding.lesson for finding in (POOR, FAIR)} - {""}))
def test_lessons_of_complaints_exist(key):
    assert (inspection.lesson_link(key) or "").startswith("notebooks/")


@pytest.mark.parametrize("tag", ["caption>", 'scope="row"', 'scope="col"', 'role="table"', "aria-label="])
def test_table_is_marked_up_for_screen_readers(tag):
    assert tag in inspection_card([POOR])
