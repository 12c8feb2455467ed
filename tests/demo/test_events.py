"""Clicks without a page: what the handlers give back, in order."""

from types import SimpleNamespace

import gradio as gr
import pytest
from gradio.exceptions import Error

from demo import inference
from demo.events import Events
from demo.panels.downloads import DOWNLOADS

VISITOR = SimpleNamespace(session_hash="a")


@pytest.fixture
def on(tmp_path):
    return Events(tmp_path / "uploads")


@pytest.fixture
def upload(tmp_path, monkeypatch):
    """A file whose traces are the example's."""
    path = tmp_path / "uploads" / "3f2a" / "me.mp4"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a video")

    def read_upload(path, methods, progress=None, film=None):
        progress("reading", 0.5)
        return inference.example_clip()[0]

    monkeypatch.setattr(inference, "read_upload", read_upload)
    return path


def run(on, video, methods):
    """Click on Analyse, to the end: the verdicts in order."""
    on.begin(VISITOR)
    return [
        panels[1]
        for panels in on.analyse(str(video) if video else None, methods, VISITOR, lambda *a, **k: None)
    ]


def test_results_come_method_by_method_and_name_what_is_to_come(on, upload):
    first, second, last = run(on, upload, ["ica", "pos", "green"])
    assert "Still to come: ica, green." in first  # pos is of the panel and computed already
    assert "Still to come: green." in second
    assert "Still to come" not in last


def test_upload_is_gone_before_the_first_result(on, upload):
    on.begin(VISITOR)
    next(on.analyse(str(upload), ["pos"], VISITOR, lambda *a, **k: None))
    assert not upload.parent.exists()


def test_second_analysis_without_a_video_is_of_the_kept_one(on, upload):
    run(on, upload, ["pos"])
    assert "Your video was deleted" in run(on, None, ["chrom"])[-1]


def test_first_analysis_without_a_video_is_of_the_example(on):
    assert "simulated example" in run(on, None, ["pos"])[-1]


def test_stop_before_the_pass_deletes_the_upload_and_gives_nothing(on, upload):
    on.received(str(upload), VISITOR)
    on.begin(VISITOR)
    assert "the video me.mp4" in on.stop(VISITOR)[1]
    assert list(on.analyse(str(upload), ["pos"], VISITOR, lambda *a, **k: None)) == []
    assert not upload.exists()


def test_download_of_what_was_deleted_says_so(on, upload):
    make = on.download(DOWNLOADS[0])
    assert make(VISITOR)["name"] == "pulse.json"  # of the example
    run(on, upload, ["pos"])
    assert '"pos"' in make(VISITOR)["text"]
    on.delete(VISITOR)
    with pytest.raises(Error, match="you deleted it"):
        make(VISITOR)


def test_own_count_after_a_deletion_has_nothing_to_be_compared_with(on, upload):
    run(on, upload, ["pos"])
    on.delete(VISITOR)
    assert on.compare(17, VISITOR) == "There is no estimate to compare with: you deleted it."


def test_fault_empties_the_page_and_deletes_the_upload(on, upload):
    on.received(str(upload), VISITOR)
    on.begin(VISITOR)
    video, said, *_ = on.fault(VISITOR)
    assert video is None
    assert "an error in the page" in said
    assert not upload.exists()


def test_end_of_an_analysis_says_stop_again_where_it_was_stopped_and_nothing_otherwise(on, upload):
    on.received(str(upload), VISITOR)
    on.begin(VISITOR)
    assert all(part == gr.skip() for part in on.ended(VISITOR)[2:])
    said = on.stop(VISITOR)
    assert "the video me.mp4" in said[1]
    assert (
        on.ended(VISITOR)[3].split("at")[0] == on.fault(VISITOR)[1].split("at")[0] == said[1].split("at")[0]
    )


@pytest.fixture
def strap(tmp_path):
    """The uploaded table of a chest strap."""
    path = tmp_path / "uploads" / "77aa" / "strap.csv"
    path.parent.mkdir(parents=True)
    path.write_text("time_s,hr_bpm\n" + "".join(f"{k},70\n" for k in range(30)))
    return path


def test_rates_of_another_device_are_drawn_beside_the_result_and_their_file_is_gone(on, upload, strap):
    run(on, upload, ["pos"])
    field, said, plot = on.beside(str(strap), VISITOR)
    assert field is None and said.startswith("Reference 70 bpm, estimate 6")
    assert plot.visible and "reference" in str(plot.value)
    assert not strap.parent.exists()


def test_a_table_without_rates_is_explained_and_gone(on, upload, strap):
    run(on, upload, ["pos"])
    strap.write_text("name,colour\nann,blue\n")
    field, said, plot = on.beside(str(strap), VISITOR)
    assert field is None and said.startswith("**strap.csv: ") and "hr_bpm" in said and not plot.visible
    assert not strap.exists()


def test_rates_of_another_device_are_not_compared_with_the_example_or_with_what_was_deleted(
    on, upload, strap
):
    rows = strap.read_text()
    assert "simulated example" in on.beside(str(strap), VISITOR)[1]
    run(on, upload, ["pos"])
    on.delete(VISITOR)
    strap.parent.mkdir()
    strap.write_text(rows)
    assert "you deleted it" in on.beside(str(strap), VISITOR)[1]
    assert not strap.exists()
