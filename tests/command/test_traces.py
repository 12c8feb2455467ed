"""`rppg traces`, and what the other commands say about its table."""

import json

import numpy as np
import pytest

from rppg_core.command import cli
from rppg_core.video.traces import read_traces
from rppg_core.video.writer import write_video


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Skin that fills the picture, 8 s, with a pulse of 72 bpm, under a name that says who it is."""
    path = tmp_path_factory.mktemp("ann_smith") / "ann_smith_1980.mkv"
    times_s = np.arange(240) / 30
    pulse = 0.01 * np.sin(2 * np.pi * 1.2 * times_s)[:, None] * [0.4, 1.0, 0.6]
    noise = np.random.default_rng(0).normal(0, 2, (240, 48, 48, 3))
    frames = np.array([180.0, 130.0, 110.0]) * (1 - pulse[:, None, None]) + noise
    write_video(path, np.clip(frames, 0, 255).astype(np.uint8), fps=30, codec="ffv1")
    return path


@pytest.fixture(scope="module")
def table(video, tmp_path_factory):
    path = tmp_path_factory.mktemp("out") / "x.csv"
    assert cli.main(["traces", str(video), str(path), "--region", "whole"]) == 0
    return path


def one_line(capsys) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_table_gives_the_heart_rate_of_the_video(video, table, tmp_path):
    found = []
    for source, extra in ((video, ["--region", "whole"]), (table, [])):
        path = tmp_path / "r.json"
        assert cli.main(["analyze", str(source), *extra, "--json", str(path)]) == 0
        found.append(json.loads(path.read_text())["consensus"]["vitals"]["hr"])
    assert found[1]["value"] == pytest.approx(found[0]["value"], abs=0.1)
    assert found[1]["confidence"] == pytest.approx(found[0]["confidence"], abs=0.02)


def test_command_says_that_the_table_is_personal(video, tmp_path, capsys):
    assert cli.main(["traces", str(video), str(tmp_path / "x.csv"), "--region", "whole"]) == 0
    assert "treat them as personal data" in capsys.readouterr().out


def test_dash_prints_the_table(video, table, capsys):
    assert cli.main(["traces", str(video), "-", "--region", "whole"]) == 0
    assert capsys.readouterr().out == table.read_text()


def test_table_does_not_name_the_video(video, table):
    text = table.read_text().lower()
    for word in ("ann", "smith", "1980", str(video.parent.parent).lower()):
        assert word not in text


def test_table_keeps_the_map_and_the_region(table):
    clip = read_traces(table)
    assert clip.region == "whole"
    assert clip.stmap is not None and clip.stmap.shape[1] == 36


@pytest.mark.parametrize("command", ["inspect", "traces"])
def test_table_in_place_of_a_video_gets_a_hint(table, tmp_path, capsys, command):
    out = [str(tmp_path / "y.csv")] if command == "traces" else []
    assert cli.main([command, str(table), *out]) == 3
    assert "a table of colour traces goes to `rppg analyze`" in one_line(capsys)


def test_table_of_wide_characters_gets_the_same_hint(table, tmp_path, capsys):
    (tmp_path / "wide.csv").write_text(table.read_text(), encoding="utf-16")
    assert cli.main(["inspect", str(tmp_path / "wide.csv")]) == 3
    assert "goes to `rppg analyze`" in one_line(capsys)


@pytest.mark.parametrize(
    ("out", "code", "words"),
    [("x.mkv", 2, "a name that ends in .csv"), ("nowhere/x.csv", 3, "a folder that exists")],
)
def test_table_needs_a_place_to_be_written_to(video, tmp_path, monkeypatch, capsys, out, code, words):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["traces", str(video), out]) == code
    assert words in one_line(capsys)


def test_video_is_not_overwritten(tmp_path, video, capsys):
    path = tmp_path / "me.csv"
    path.write_bytes(video.read_bytes())
    assert cli.main(["traces", str(path), str(path)]) == 2
    assert "is the video itself" in one_line(capsys)


def test_tables_and_videos_are_analysed_together(video, table, capsys):
    assert cli.main(["analyze", str(table), str(video), "--region", "whole", "--methods", "pos"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if "1 of 1" in line]) == 2


def test_report_of_the_cli_is_no_table_of_colours(table, tmp_path, capsys):
    assert cli.main(["analyze", str(table), "--csv", str(tmp_path / "r.csv")]) == 0
    capsys.readouterr()
    assert cli.main(["analyze", str(tmp_path / "r.csv")]) == 3
    assert "as `rppg analyze --csv` writes them" in one_line(capsys)


def test_page_of_a_table_says_what_is_in_it(table, tmp_path):
    assert cli.main(["analyze", str(table), "--html", str(tmp_path / "r.html")]) == 0
    page = (tmp_path / "r.html").read_text()
    assert "contains a picture" not in page
    assert "shows the pulse of a person" in page
