import numpy as np
import pytest
from lab.datasets.expect import assert_frames_carry_the_pulse, assert_streams_round_trip, records_of
from lab.datasets.make_layouts import make_ubfc1

from rppg_core.lab.datasets.base import DatasetError


@pytest.fixture
def root(tmp_path):
    return make_ubfc1(tmp_path)


def marked_rows(root):
    path = root / "5-gt" / "gtdump.xmp"
    return path, path.read_text().splitlines()


def test_frames_and_labels_round_trip_whatever_the_video_is_called(root):
    records = records_of("ubfc1", root)
    assert list(records) == ["5-gt", "after-exercise"]
    assert records["5-gt"].video.name == "vid-001 (1).avi"
    for record in records.values():
        assert_streams_round_trip(record, ("bvp", "hr", "spo2"))
        assert_frames_carry_the_pulse(record, 115)


def test_labels_keep_their_own_clock(root):
    stream = records_of("ubfc1", root)["5-gt"].streams["bvp"]
    assert stream.times_s[0] == 0.011
    assert stream.step_s == pytest.approx(0.016)


def test_late_sensor_is_told_and_not_shifted(root):
    streams = records_of("ubfc1", root)["5-gt"].streams
    assert [streams[name].lag_s for name in ("bvp", "hr", "spo2")] == [0, 4, 4]
    assert np.array_equal(streams["hr"].times_s, streams["bvp"].times_s)


def test_row_cut_off_is_an_error_that_names_file_and_line(root):
    path, rows = marked_rows(root)
    path.write_text("\n".join([*rows[:99], "1595,72"]))
    with pytest.raises(DatasetError, match=r"gtdump\.xmp: line 100 has 2 cells separated by commas"):
        records_of("ubfc1", root)["5-gt"].streams["hr"]


def test_shuffled_rows_are_an_error(root):
    path, rows = marked_rows(root)
    path.write_text("\n".join(np.random.default_rng(0).permutation(rows)))
    with pytest.raises(DatasetError, match=r"gtdump\.xmp: times of bvp do not increase"):
        records_of("ubfc1", root)["5-gt"].streams["bvp"]


def test_times_in_seconds_are_an_error(root):
    path, rows = marked_rows(root)
    path.write_text("\n".join(f"{int(row.split(',')[0]) / 1e3},{row.split(',', 1)[1]}" for row in rows))
    with pytest.raises(DatasetError, match=r"gtdump\.xmp: bvp steps by 1\.6e-05 s"):
        records_of("ubfc1", root)["5-gt"].streams["bvp"]


def test_saturation_as_a_fraction_is_an_error(root):
    path, rows = marked_rows(root)
    path.write_text("\n".join(row.replace(",97,", ",0.97,") for row in rows))
    with pytest.raises(DatasetError, match=r"median of spo2 is 0\.97; wanted: 30 to 101 %"):
        records_of("ubfc1", root)["5-gt"].streams["spo2"]
