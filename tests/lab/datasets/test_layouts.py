"""What every layout must do: a new one joins by a line in LAYOUTS, in MAKERS and in VICTIMS."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from lab.datasets.expect import green_over_time
from lab.datasets.make_layouts import MAKERS, make_generic, make_ubfc1, make_ubfc2

from rppg_core.errors import UsageError
from rppg_core.lab.datasets.base import DatasetError, Layout, Record
from rppg_core.lab.datasets.check import check_folder
from rppg_core.lab.datasets.extraction import content_key
from rppg_core.lab.datasets.layouts import LAYOUTS, find_layout

V4V_1, V4V_2 = "Phase 1_ Training_Validation sets", "Phase 2_ Testing set"
# files whose loss or half must be noticed; below the folder that the maker writes
VICTIMS = {
    "ubfc1": ("5-gt/vid-001 (1).avi", "5-gt/gtdump.xmp"),
    "ubfc2": ("DATASET_2/subject1/vid.avi", "DATASET_2/subject1/ground_truth.txt"),
    "pure": ("01-01/01-01.json",),
    "cohface": ("1/0/data.avi", "1/0/data.hdf5"),
    "vipl": tuple(f"p1/v1/source1/{name}" for name in ("video.avi", "time.txt", "gt_HR.csv", "gt_SpO2.csv")),
    "mmpd": ("subject1/p1_0.mat",),
    "buaa": tuple(f"Sub 01/lux 10.0/lux10.0_APH{name}" for name in (".avi", "_wave.csv", ".csv")),
    "v4v": (
        f"{V4V_1}/Videos/Training/F001_T1.mkv",
        f"{V4V_1}/Ground truth/BP_raw_1KHz/F001-T1-BP.txt",
        f"{V4V_1}/Ground truth/Physiology/F001_T1.txt",
        f"{V4V_2}/test_set_gt_release.txt",
    ),
    "stmap": ("HCW/s03_a/STMap/STMap_RGB.png", "HCW/s03_a/Label/BVP.mat", "V4V/F001_T1/Label/HR.mat"),
    "traces": ("ann_sitting.csv", "ann_sitting_hr.csv"),
    "generic": ("ann_1.mkv", "ann_1.csv"),
}
# a copy may lack these: what is left says nothing of them
OPTIONAL = {
    "Sub 01/lux 10.0/lux10.0_APH.csv",
    "HCW/s03_a/Label/BVP.mat",
    "V4V/F001_T1/Label/HR.mat",
    "subject1/p1_0.mat",
    f"{V4V_1}/Ground truth/BP_raw_1KHz/F001-T1-BP.txt",
}
CASES = [(layout, victim) for layout, victims in VICTIMS.items() for victim in victims]


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Every layout in a folder of its own; never written to."""
    folder = tmp_path_factory.mktemp("layouts")
    for layout, make in MAKERS.items():
        make(folder / layout)
    return folder


@pytest.fixture
def copied(made, tmp_path):
    """A copy of one layout that a test may break."""
    return lambda layout: Path(shutil.copytree(made / layout, tmp_path / layout))


def names_in_problems(folder, layout):
    """All that the problems say, as one text; a missing file of unknown place is known by its name."""
    return "\n".join(f"{problem.path}: {problem.what}" for problem in check_folder(folder, layout).problems)


def test_every_layout_has_a_maker_and_victims():
    assert set(LAYOUTS) == set(MAKERS) == set(VICTIMS)
    assert all(kind.name == name for name, kind in LAYOUTS.items())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_is_recognised_and_nothing_is_broken(made, layout):
    assert find_layout(made / layout).name == layout
    found = check_folder(made / layout)
    assert found.problems == ()
    assert found.clips > 0


def test_folder_above_a_dataset_may_be_named(made, tmp_path):
    folder = shutil.copytree(made / "ubfc1", tmp_path / "above" / "DATASET_1").parent
    assert find_layout(folder).name == "ubfc1"
    assert [record.clip for record in find_layout(folder).records(folder)] == ["5-gt", "after-exercise"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_listing_records_opens_no_label_and_no_video(copied, layout):
    folder = copied(layout)
    before = [record.clip for record in LAYOUTS[layout]().records(folder)]
    for path in folder.rglob("*"):
        if path.is_file() and path.parent.name not in ("all", "fold"):  # lists of splits are read at once
            path.write_bytes(b"")
    assert [record.clip for record in LAYOUTS[layout]().records(folder)] == before


@pytest.mark.parametrize("layout", LAYOUTS)
def test_record_sent_to_another_process_gives_the_same(made, layout):
    record = next(LAYOUTS[layout]().records(made / layout))
    sent = pickle.loads(pickle.dumps(record))
    for name, stream in record.streams.items():
        assert np.array_equal(sent.streams[name].values, stream.values)
    if record.frames is not None:
        assert np.array_equal(green_over_time(sent), green_over_time(record))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_clips_have_names_of_their_own_and_subjects(made, layout):
    records = list(LAYOUTS[layout]().records(made / layout))
    assert len({record.clip for record in records}) == len(records)
    assert all(record.subject for record in records)


@pytest.mark.parametrize("layout, victim", [case for case in CASES if case[1] not in OPTIONAL])
def test_missing_file_is_a_problem_that_names_it(copied, layout, victim):
    folder = copied(layout)
    (folder / victim).unlink()
    shown = {"5-gt/vid-001 (1).avi": "vid.avi", "ann_1.mkv": "ann_1.csv"}  # any name; the label left alone
    assert shown.get(victim, Path(victim).name) in names_in_problems(folder, layout)


@pytest.mark.parametrize("layout, victim", CASES)
def test_part_of_a_file_is_a_problem_that_names_it(copied, layout, victim):
    folder = copied(layout)
    path = folder / victim
    path.write_bytes(path.read_bytes()[: int(0.4 * path.stat().st_size)])
    assert path.name in names_in_problems(folder, layout)


@pytest.mark.parametrize("layout, victim", CASES)
def test_empty_file_is_a_problem_that_names_it(copied, layout, victim):
    folder = copied(layout)
    (folder / victim).write_bytes(b"")
    assert Path(victim).name in names_in_problems(folder, layout)


@pytest.mark.parametrize("layout, victim", [case for case in CASES if case[1].endswith((".avi", ".mkv"))])
def test_half_copied_video_is_never_played(copied, layout, victim):
    folder = copied(layout)
    path = folder / victim
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    record = next(r for r in LAYOUTS[layout]().records(folder) if r.video == path)
    with pytest.raises(DatasetError) as caught:
        list(record.frames())
    assert caught.value.path == path


def test_new_layout_is_one_class_and_one_line(made, monkeypatch):
    class Mine(Layout):
        name, title, looks_like, marks = "mine", "my own", "a.rec", ("*.rec",)

        def clips(self, root):
            for path in sorted(root.glob("*.rec")):
                yield Record(dataset=self.name, subject=path.stem, clip=path.stem)

    folder = made / "ubfc1" / "5-gt"
    with pytest.raises(UsageError):
        find_layout(folder)
    monkeypatch.setitem(LAYOUTS, "mine", Mine)
    (folder / "a.rec").touch()
    try:
        assert find_layout(folder).name == "mine"
        assert check_folder(folder).clips == 1
    finally:
        (folder / "a.rec").unlink()


def test_unknown_folder_is_an_error_that_says_what_layouts_look_like(tmp_path):
    with pytest.raises(UsageError, match=r"no known layout; wanted: ubfc1: .*generic: clip\.mp4"):
        find_layout(tmp_path)


def test_missing_folder_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="there is no folder"):
        find_layout(tmp_path / "nothing")


def test_two_layouts_in_one_folder_are_an_error_that_names_both(tmp_path):
    make_ubfc1(tmp_path / "DATASET_1")
    make_ubfc2(tmp_path, subjects=(1,))
    with pytest.raises(UsageError, match="more than one layout: ubfc1, ubfc2"):
        find_layout(tmp_path)
    assert find_layout(tmp_path, "ubfc2").name == "ubfc2"


def test_recordings_of_ones_own_do_not_hide_a_dataset(tmp_path):
    make_ubfc2(tmp_path, subjects=(1,))
    make_generic(tmp_path)
    assert find_layout(tmp_path).name == "ubfc2"


def test_layout_that_does_not_fit_is_an_error_that_says_what_it_looks_like(made):
    with pytest.raises(DatasetError, match="is not laid out as PURE; wanted: 01-01/"):
        check_folder(made / "ubfc1", "pure")


def test_unknown_layout_is_an_error_that_lists_names(made):
    with pytest.raises(UsageError, match="one of ubfc1, ubfc2, pure"):
        find_layout(made / "pure", "purr")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_damaged_bytes_never_raise_anything_but_our_errors(copied, layout):
    folder, rng = copied(layout), np.random.default_rng(7)
    for victim in VICTIMS[layout]:
        path = folder / victim
        whole = path.read_bytes()
        for _ in range(3):
            damaged = bytearray(whole)
            start = int(rng.integers(len(damaged)))
            damaged[start : start + int(rng.integers(1, 40))] = rng.integers(
                0, 256, 20, dtype=np.uint8
            ).tobytes()
            path.write_bytes(damaged)
            check_folder(folder, layout)  # problems or none: a flipped bit can be a valid number
        path.write_bytes(whole)
    assert check_folder(folder, layout).problems == ()


APPLE_DOUBLE = bytes.fromhex("0005160700020000") + b"Mac OS X        " + bytes(40)


def litter(folder):
    """What file managers, network drives, notebooks and editors leave behind, in every folder of a dataset."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    places = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for hidden in ("__MACOSX", ".ipynb_checkpoints", "@eaDir", ".Trashes"):
        shutil.copytree(
            folder,
            folder / hidden,
            ignore=lambda _, names: [n for n in names if n.startswith(("_", ".", "@"))],
        )
    for path in files:
        path.with_name("._" + path.name).write_bytes(APPLE_DOUBLE)
        path.with_name("~$" + path.name).write_bytes(b"\0" * 165)
        path.with_name(path.name + "~").write_bytes(b"old")
    for place in places:
        (place / f"._{place.name}").write_bytes(APPLE_DOUBLE)
        for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
            (place / name).write_bytes(b"\0\0\0\1Bud1")


def all_of(folder, layout):
    """All that a layout says of a folder: of each record, the numbers too."""
    found = check_folder(folder, layout)
    told = [(p.path.relative_to(folder), p.what, p.repair) for p in found.problems]
    records = []
    for record in LAYOUTS[layout]().records(folder):
        streams = {name: stream.values.tolist() for name, stream in record.streams.items()}
        key = content_key(record, frozenset({"rgb"}))
        frames = None if record.frames is None else record.frames.seconds()
        records.append(
            (record.clip, record.subject, dict(record.condition), record.notes, streams, key, frames)
        )
    return found.clips, found.subjects, found.streams, found.absent, told, records


@pytest.mark.parametrize("layout", LAYOUTS)
def test_hidden_files_change_nothing(copied, layout):
    folder = copied(layout)
    before = all_of(folder, layout)
    litter(folder)
    assert find_layout(folder).name == layout
    assert all_of(folder, layout) == before


@pytest.mark.parametrize("layout", LAYOUTS)
def test_hidden_files_alone_are_no_dataset(made, tmp_path, layout):
    shutil.copytree(made / layout, tmp_path / "__MACOSX")
    for path in (made / layout).rglob("*"):
        if path.is_file():
            beside = tmp_path / path.relative_to(made / layout)
            beside.parent.mkdir(parents=True, exist_ok=True)
            beside.with_name("._" + beside.name).write_bytes(APPLE_DOUBLE)
    assert not LAYOUTS[layout]().recognise(tmp_path)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_dataset_below_a_hidden_folder_is_read(made, tmp_path, layout):
    folder = shutil.copytree(made / layout, tmp_path / ".cache" / "@eaDir" / "set")
    assert check_folder(folder).clips == check_folder(made / layout).clips
