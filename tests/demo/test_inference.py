from dataclasses import replace

import numpy as np
import pytest

from demo import inference
from demo.inference import estimate_upload, example_clip, example_report, grow_report, read_upload
from rppg_core.analysis.pipeline import analyze
from rppg_core.errors import ClipTooLongError, UnknownMethodError, UsageError, VideoError
from rppg_core.models.neural_method import neural_method
from rppg_core.roster import CLASSICAL, get_method, list_networks, list_ready_methods
from rppg_core.video.writer import write_video


def test_example_is_read_at_its_true_rate():
    hr = example_report().consensus.vitals.hr
    truth = np.mean(example_clip()[1].hr_bpm)
    assert hr.value == pytest.approx(truth, abs=2)  # the first thing a visitor sees must be right
    assert hr.interval[0] <= truth <= hr.interval[1]


def test_report_grows_by_one_method_and_begins_with_one_of_the_panel():
    reports = list(grow_report(example_clip()[0], ["ica", "pos", "omit"]))
    assert [list(report.estimates) for report in reports] == [["pos"], ["ica", "pos"], ["ica", "pos", "omit"]]
    assert not reports[0].consensus.vitals.hr.refused


def test_grown_report_is_the_one_of_analyze():
    clip, _ = example_clip()
    *_, report = grow_report(clip, CLASSICAL)
    found, expected = report.to_dict(), analyze(clip).to_dict()
    found.pop("seconds"), expected.pop("seconds")
    assert found == expected


def test_no_method_says_what_to_choose():
    with pytest.raises(UnknownMethodError, match="no method was named"):
        list(grow_report(example_clip()[0], []))


def test_kept_clip_without_what_a_method_needs_asks_for_the_video():
    clip = replace(example_clip()[0], still=None)
    with pytest.raises(UsageError, match="choose your video again"):
        list(grow_report(clip, ["pos"]))


def test_what_progress_raises_ends_the_pass(clip, face_models):
    told = []

    def tell(stage, fraction):
        told.append(fraction)
        if len(told) == 2:
            raise KeyError("enough")

    with pytest.raises(KeyError):
        read_upload(clip, ["pos"], tell)
    assert len(told) == 2
    assert told[-1] < 0.2


def test_video_over_90_s_is_refused_before_it_is_decoded(tmp_path):
    path = tmp_path / "long.mkv"
    frame = np.zeros((16, 16, 3), np.uint8)
    write_video(path, (frame for _ in range(92)), fps=1.0)
    with pytest.raises(ClipTooLongError, match=r"at most 1\.5 min"):
        read_upload(path, ["pos"])


def test_upload_that_is_no_video_is_refused_in_words(tmp_path):
    path = tmp_path / "me.mp4"
    path.write_bytes(b"bytes of a letter")
    with pytest.raises(VideoError, match=r"'me\.mp4' is not a video"):
        estimate_upload(path, ["pos"])


def test_table_is_refused_by_its_name_alone(tmp_path):
    path = tmp_path / "traces.csv"
    path.write_text("time_s,r,g,b\n0,100,90,80\n")
    with pytest.raises(UsageError, match=r"'traces\.csv' is a table") as refused:
        read_upload(path, ["pos"])
    assert str(tmp_path) not in str(refused.value)


def test_nothing_of_gradio_is_needed():
    assert "gradio" not in vars(inference)


def test_page_offers_every_method_that_has_weights():
    assert inference.offered() == list_ready_methods()
    assert "physnet" not in inference.offered()


def test_networks_are_loaded_ahead_of_the_first_visitor():
    neural_method.cache_clear()
    networks = [get_method(name) for name in inference.offered() if name in list_networks()]
    assert networks and not any("model" in method.__dict__ for method in networks)
    inference.load_networks()
    assert all("model" in method.__dict__ for method in networks)
