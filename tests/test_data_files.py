import zipfile

import pytest

from rppg_core.data_files import children, data_files, is_data, matches

HIDDEN = (
    "._clip.avi",
    ".DS_Store",
    "Thumbs.db",
    "thumbs.DB",
    "desktop.ini",
    "__MACOSX",
    ".ipynb_checkpoints",
    ".git",
    "@eaDir",
    "~$labels.csv",
    "labels.csv~",
    "#labels.csv#",
    ".~lock.labels.csv#",
    "Icon\r",
    "$RECYCLE.BIN",
    "clip.avi:Zone.Identifier",
)
DATA = ("clip.avi", "Sub 01", "~clip.avi", "clip#2.csv", "vid-001 (1).avi", "_clip.avi", "$a.csv", "a.b.csv")


@pytest.mark.parametrize("name", HIDDEN)
def test_files_of_the_system_and_of_editors_are_no_data(name):
    assert not is_data(name)


@pytest.mark.parametrize("name", DATA)
def test_unusual_names_are_data(name):
    assert is_data(name)


@pytest.fixture
def folder(tmp_path):
    """A folder that lies below a hidden one, with data and hidden copies at two depths."""
    root = tmp_path / ".cache" / "__MACOSX" / "set"
    for name in (
        "b/x.csv",
        "a.csv",
        "b/._x.csv",
        "._a.csv",
        ".git/x.csv",
        "__MACOSX/b/x.csv",
        "b/@eaDir/y/z.csv",
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def test_hidden_folders_are_left_out_at_any_depth_and_those_above_do_not_matter(folder):
    found = [path.relative_to(folder).as_posix() for path in data_files(folder, "**/*.csv", "*.csv")]
    assert found == ["a.csv", "b/x.csv"]
    assert {path.name for path in children(folder)} == {"a.csv", "b"}


def test_matches_are_given_as_they_are_found(folder):
    assert next(matches(folder, "*/*.csv")).name == "x.csv"


def test_folder_in_a_zip_file_is_listed_alike(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        for name in ("set/b.png", "set/a.png", "set/._a.png", "__MACOSX/set/._a.png", "set/Thumbs.db"):
            packed.writestr(name, b"x")
    place = zipfile.Path(tmp_path / "a.zip")
    assert [path.name for path in children(place)] == ["set"]
    assert [path.name for path in children(place / "set")] == ["a.png", "b.png"]
