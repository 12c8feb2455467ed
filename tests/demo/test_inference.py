import numpy as np
import pytest

from demo import inference
from rppg_core.errors import UnknownMethodError, VideoError
from rppg_core.roster import CLASSICAL
from tests.report_factory import make_report


@pytest.fixture
def upload(tmp_path):
    path = tmp_path / "me.mp4"
    path.write_bytes(b"bytes of a video")
    return path


def test_upload_is_deleted_after_the_analysis(upload, monkeypatch):
    def analyze(path, methods, *, progress=None):
        assert path.read_bytes() == b"bytes of a video"
        return make_report()

    monkeypatch.setattr(inference, "analyze", analyze)
    assert inference.estimate_upload(upload, ["pos"]).estimates.keys() == {"pos", "chrom", "green"}
    assert not upload.exists()


def test_upload_that_cannot_be_read_is_deleted_too(upload):
    with pytest.raises(VideoError):
        inference.estimate_upload(upload, ["pos"])
    assert not upload.exists()


def test_example_is_read_at_its_true_rate():
    report, truth = inference.estimate_example(CLASSICAL)
    hr = report.consensus.vitals.hr
    assert hr.value == pytest.approx(
        np.mean(truth.hr_bpm), abs=2
    )  # the first thing a visitor sees must be right
    assert hr.interval[0] <= np.mean(truth.hr_bpm) <= hr.interval[1]


def test_example_takes_the_chosen_methods_and_has_a_picture():
    report, _ = inference.estimate_example(["pos"])
    assert list(report.estimates) == ["pos"]
    assert report.clip.still is not None


def test_example_without_any_method_says_what_to_choose():
    with pytest.raises(UnknownMethodError, match="no method was named"):
        inference.estimate_example([])


def test_progress_is_told_in_stages():
    told = []
    inference.estimate_example(["pos", "green"], lambda stage, fraction: told.append((stage, fraction)))
    assert told
    assert all(0 <= fraction <= 1 for _, fraction in told)
