import json
import shutil
import zipfile

import numpy as np
import pytest
from lab.datasets.expect import (
    assert_frames_carry_the_pulse,
    assert_streams_round_trip,
    green_over_time,
    records_of,
)
from lab.datasets.make_layouts import make_pure

from rppg_core.lab.datasets.base import DatasetError

CLIP = "01-01"


@pytest.fixture
def root(tmp_path):
    return make_pure(tmp_path, clips=(CLIP,))


def rewrite(root, change):
    path = root / CLIP / f"{CLIP}.json"
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found))
    return path


@pytest.mark.parametrize("json_beside", [False, True])
def test_frames_and_labels_round_trip(tmp_path, json_beside):
    record = records_of("pure", make_pure(tmp_path, json_beside=json_beside))[CLIP]
    assert_streams_round_trip(record, ("bvp", "hr", "spo2"))
    assert_frames_carry_the_pulse(record, 118)


@pytest.mark.parametrize("json_beside", [False, True])
def test_zip_file_gives_the_same_clip(tmp_path, json_beside):
    root = make_pure(tmp_path / "folders", json_beside=json_beside, clips=(CLIP,))
    before = green_over_time(records_of("pure", root)[CLIP])
    packed = tmp_path / "zips" / f"{CLIP}.zip"
    packed.parent.mkdir()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(root.rglob("*.*")):
            archive.write(path, path.relative_to(root))
    record = records_of("pure", packed.parent)[CLIP]
    assert np.array_equal(before, green_over_time(record))
    assert_streams_round_trip(record, ("bvp", "hr", "spo2"))


def test_half_copied_zip_file_is_an_error_that_names_it(tmp_path, root):
    packed = tmp_path / "zips" / f"{CLIP}.zip"
    packed.parent.mkdir()
    shutil.make_archive(str(packed.with_suffix("")), "zip", root, CLIP)
    packed.write_bytes(packed.read_bytes()[:-5000])
    with pytest.raises(DatasetError, match=r"zips/01-01\.zip: cannot be opened"):
        records_of("pure", packed.parent)[CLIP].frames()


def test_times_are_exact_though_a_float_cannot_hold_them(root):
    times_s, _ = green_over_time(records_of("pure", root)[CLIP])
    names = sorted(int(path.stem[5:]) for path in root.rglob("*.png"))
    assert np.array_equal(times_s, (np.array(names) - names[0]) / 1e9)


def test_sensor_starts_before_the_first_picture_at_twice_its_rate(root):
    stream = records_of("pure", root)[CLIP].streams["bvp"]
    assert stream.times_s[0] == pytest.approx(-0.012, abs=1e-6)
    assert stream.step_s == pytest.approx(1 / 60, rel=1e-3)


def test_dropped_pictures_leave_a_gap_in_time(root):
    times_s, _ = green_over_time(records_of("pure", root)[CLIP])
    assert 0.09 < np.diff(times_s).max() < 0.11  # two of them


def test_few_samples_out_of_order_are_sorted_by_their_times(root):
    path = root / CLIP / f"{CLIP}.json"
    written = [entry["Timestamp"] for entry in json.loads(path.read_text())["/FullPackage"]]
    stream = records_of("pure", root)[CLIP].streams["bvp"]
    assert written != sorted(written)
    assert (np.diff(stream.times_s) > 0).all()
    assert len(stream.times_s) == len(written)


def test_shuffled_sensor_samples_are_an_error_that_names_the_file(root):
    path = rewrite(root, lambda found: np.random.default_rng(0).shuffle(found["/FullPackage"]))
    with pytest.raises(DatasetError, match="times of hr do not increase") as caught:
        records_of("pure", root)[CLIP].streams["hr"]
    assert caught.value.path == path


def test_milliseconds_in_the_labels_are_an_error(root):
    def to_ms(found):
        for entry in found["/FullPackage"]:
            entry["Timestamp"] //= 10**6

    rewrite(root, to_ms)
    with pytest.raises(DatasetError, match=r"01-01\.json: a Timestamp is not a whole number of nanoseconds"):
        records_of("pure", root)[CLIP].streams["bvp"]


def test_milliseconds_in_the_names_of_pictures_are_an_error(root):
    for path in list(root.rglob("*.png")):
        path.rename(path.with_name(path.name[:-10] + ".png"))
    with pytest.raises(DatasetError, match="is not a time in nanoseconds"):
        records_of("pure", root)[CLIP].frames()


def test_half_copied_pictures_are_an_error_that_names_the_first_missing_one(root):
    paths = sorted(root.rglob("*.png"))
    for path in paths[59:]:
        path.unlink()
    with pytest.raises(DatasetError, match=rf"59 of 118 pictures are here; {paths[59].name} is the first"):
        records_of("pure", root)[CLIP].frames()


def test_picture_cut_off_is_an_error_that_names_it(root):
    path = sorted(root.rglob("*.png"))[5]
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(DatasetError, match="has 300 bytes and no end") as caught:
        list(records_of("pure", root)[CLIP].frames())
    assert caught.value.path == path


def test_labels_without_a_field_are_an_error(root):
    rewrite(root, lambda found: found["/FullPackage"][7]["Value"].pop("o2saturation"))
    with pytest.raises(DatasetError, match=r"01-01\.json: an entry lacks 'o2saturation'"):
        records_of("pure", root)[CLIP].streams["spo2"]


def test_subject_and_motion_come_from_the_name(tmp_path):
    record = records_of("pure", make_pure(tmp_path))["02-03"]
    assert (record.subject, record.condition) == ("02", {"motion": "slow translation"})
