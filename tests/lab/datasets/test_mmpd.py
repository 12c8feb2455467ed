import numpy as np
import pytest
from lab.datasets.expect import (
    assert_frames_carry_the_pulse,
    assert_streams_round_trip,
    green_over_time,
    records_of,
)
from lab.datasets.make_layouts import make_mmpd
from scipy.io import loadmat, savemat

from rppg_core.lab.datasets.base import DatasetError

CLIP = "subject1/p1_0"


def rewrite(root, **changes):
    path = root / f"{CLIP}.mat"
    found = {name: value for name, value in loadmat(path).items() if not name.startswith("__")}
    savemat(path, {name: value for name, value in (found | changes).items() if value is not None})
    return path


@pytest.mark.parametrize("v73", [False, True])
def test_frames_and_labels_round_trip(tmp_path, v73):
    record = records_of("mmpd", make_mmpd(tmp_path, v73=v73))[CLIP]
    assert_streams_round_trip(record, ("bvp",))
    assert_frames_carry_the_pulse(record, 120)
    assert record.frames.seconds() == 4.0


@pytest.mark.parametrize("v73", [False, True])
def test_conditions_are_plain_words_and_the_mislabelled_motion_is_walking(tmp_path, v73):
    record = records_of("mmpd", make_mmpd(tmp_path, v73=v73))[CLIP]
    assert dict(record.condition) == {
        "light": "LED-low",
        "motion": "Walking",
        "exercise": "False",
        "glasses": "True",
        "hair_cover": "False",
        "makeup": "False",
        "gender": "female",
        "skin_type": "5",
    }


def test_pictures_are_grey_levels(tmp_path):
    _, green = green_over_time(records_of("mmpd", make_mmpd(tmp_path))[CLIP])
    assert green.mean() == pytest.approx(120, abs=1)


def test_whole_numbers_are_taken_as_they_are(tmp_path):
    root = make_mmpd(tmp_path)
    rewrite(root, video=np.full((5, 4, 6, 3), 130, np.uint8))
    assert green_over_time(records_of("mmpd", root)[CLIP])[1].tolist() == [130] * 5


def test_video_on_another_scale_is_an_error_that_names_the_file(tmp_path):
    record = records_of("mmpd", make_mmpd(tmp_path, scale=255.0))[CLIP]
    with pytest.raises(DatasetError, match=r"p1_0\.mat: 'video' ranges from .* in frame 0; wanted: 0 to 1"):
        list(record.frames())


@pytest.mark.parametrize("v73", [False, True])
def test_file_cut_off_is_an_error_that_names_it(tmp_path, v73):
    root = make_mmpd(tmp_path, v73=v73)
    path = root / f"{CLIP}.mat"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DatasetError) as caught:
        list(records_of("mmpd", root)[CLIP].frames())
    assert caught.value.path == path


def test_file_without_pulse_is_an_error_that_says_so(tmp_path):
    root = make_mmpd(tmp_path)
    rewrite(root, GT_ppg=None)
    with pytest.raises(DatasetError, match=r"p1_0\.mat: holds no 'GT_ppg'"):
        records_of("mmpd", root)[CLIP].streams["bvp"]


def test_turned_axes_are_an_error(tmp_path):
    root = make_mmpd(tmp_path)
    rewrite(root, video=np.zeros((3, 24, 32, 120)))
    with pytest.raises(DatasetError, match=r"'video' has the shape \(3, 24, 32, 120\)"):
        records_of("mmpd", root)[CLIP].frames()


def test_missing_values_of_the_pulse_are_masked(tmp_path):
    root = make_mmpd(tmp_path)
    values = np.sin(np.arange(120.0))
    values[7] = np.nan
    rewrite(root, GT_ppg=values[None])
    stream = records_of("mmpd", root)[CLIP].streams["bvp"]
    assert np.flatnonzero(~stream.mask).tolist() == [7]
