"""`rppg analyze --reference`: the heart rate of another device beside the estimate."""

import json

import pytest

from rppg_core.command import cli
from tests.command.test_cli import analysed, one_line

__all__ = ["analysed"]


@pytest.fixture
def strap(tmp_path):
    """One rate a second, the median of the first 10 s is 72.7 bpm."""
    path = tmp_path / "strap.csv"
    path.write_text("time_s,hr_bpm\n" + "".join(f"{k},{72.7 if k < 40 else 150}\n" for k in range(100)))
    return path


def test_reference_stands_below_the_verdict(analysed, strap, capsys):
    assert cli.main(["analyze", "me.mp4", "--reference", str(strap)]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "reference 72.7 bpm, estimate 72.1, difference -0.6"


def test_reference_is_in_every_result_that_is_asked_for(analysed, strap, tmp_path):
    paths = {kind: tmp_path / f"r.{kind}" for kind in ("json", "csv", "html")}
    options = [word for kind, path in paths.items() for word in (f"--{kind}", str(path))]
    assert cli.main(["analyze", "me.mp4", "--reference", str(strap), *options]) == 0
    assert json.loads(paths["json"].read_text())["reference"]["hr_bpm"] == 72.7
    assert "# reference 72.7 bpm, estimate 72.1, difference -0.6" in paths["csv"].read_text()
    assert "Reference heart rate" in paths["html"].read_text()


def test_without_a_reference_no_result_mentions_one(analysed, tmp_path):
    assert (
        cli.main(
            ["analyze", "me.mp4", "--json", str(tmp_path / "r.json"), "--html", str(tmp_path / "r.html")]
        )
        == 0
    )
    assert "reference" not in json.loads((tmp_path / "r.json").read_text())
    assert "Reference heart rate" not in (tmp_path / "r.html").read_text()


def test_unreadable_reference_is_reported_before_the_video_is_read(analysed, tmp_path, capsys):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    assert cli.main(["analyze", "me.mp4", "--reference", str(tmp_path / "x.csv")]) == 3
    assert "wanted: heart rates in bpm" in one_line(capsys.readouterr())
    assert analysed == []


def test_reference_is_for_one_video_and_is_not_overwritten(analysed, strap, capsys):
    assert cli.main(["analyze", "a.mp4", "b.mp4", "--reference", str(strap)]) == 2
    assert "one video beside one reference" in one_line(capsys.readouterr())
    assert cli.main(["analyze", "a.mp4", "--reference", str(strap), "--csv", str(strap)]) == 2
    assert "is the reference itself" in one_line(capsys.readouterr())
