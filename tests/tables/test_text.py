import pickle

import pytest

from rppg_core.tables.text import MOST_BYTES, TableError, detect_encoding, read_lines, shown

TEXT = "Zeit;Größe µ °\n0,1;2\n"
MARKED = ("utf-8-sig", "utf-16", "utf-32")
BARE = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "cp1252", "latin-1")


@pytest.fixture
def written(tmp_path):
    def write(data):
        path = tmp_path / "labels.csv"
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize("encoding", (*MARKED, *BARE))
def test_text_of_any_encoding_is_read_without_its_mark(written, encoding):
    assert [line.text for line in read_lines(written(TEXT.encode(encoding)))] == ["Zeit;Größe µ °", "0,1;2"]


def test_big_endian_marks_are_known(written):
    for mark, encoding in ((b"\xfe\xff", "utf-16-be"), (b"\0\0\xfe\xff", "utf-32-be")):
        assert detect_encoding(mark + TEXT.encode(encoding)) == encoding


def test_numbers_below_names_of_another_code_page_are_read(written):
    lines = read_lines(written("时间,脉搏\n0.1,2\n".encode("gbk")))
    assert lines[1].text == "0.1,2"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
def test_lines_end_as_any_system_ends_them(written, end):
    assert [line.text for line in read_lines(written(end.join(["a", "1", "2", ""]).encode()))] == [
        "a",
        "1",
        "2",
    ]


def test_line_numbers_count_blank_lines(written):
    assert [line.number for line in read_lines(written(b"a\n\n \n1\n"))] == [1, 4]


@pytest.mark.parametrize(
    "data, words, repair",
    [
        (b"PK\x03\x04\x14\x00xl/worksheets", "is an Excel workbook", "save it as CSV"),
        (
            b"PK\x03\x04\x14\x00mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
            "OpenDocument",
            "save it as CSV",
        ),
        (b"PK\x03\x04\x14\x00labels.csv", "a zip archive", "unpack it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel workbook", "save it as CSV"),
        (
            b"<?xml version='1.0'?><?mso-application progid='Excel.Sheet'?>",
            "Excel workbook",
            "save it as CSV",
        ),
        (b"\n<!DOCTYPE html><html><body>Sign in", "a web page", "fetch the file itself again"),
        (b'{"t_s": [0.1]}', "a JSON file", "export it again as CSV"),
        (b"{\\rtf1\\ansi", "rich text", "save it as plain text"),
        (b"\x1f\x8b\x08\x00", "gzip", "unpack it"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer", "git lfs pull"),
        (b"\x00\x05\x16\x07\x00\x02\x00\x00", "AppleDouble", "delete it"),
        (b"\x00\x00\x00\x20ftypisom", "a video", "export it again as CSV"),
        (b"\x89PNG\r\n\x1a\n", "a picture", "export it again as CSV"),
        (b"t_s,ppg\n0.1,2\n" + bytes(100), "100 bytes at its end are zero", "export it again"),
        (b"t_s,ppg\n\x01\x02\x03\n", "control character 1", "export it again"),
        ("t_s,ppg\n".encode("utf-16")[:-1], "cannot be read as text in UTF-16-LE", "export it again"),
        (b"", "the file is empty", "export it again"),
        (b"\n \n\t\n", "only blank lines", "export it again"),
    ],
)
def test_file_of_another_kind_is_named_with_what_to_do(written, data, words, repair):
    path = written(data)
    with pytest.raises(TableError, match=words) as caught:
        read_lines(path, example="t_s,ppg\n0.033,0.51")
    assert caught.value.path == path
    assert "such as t_s,ppg / 0.033,0.51" in caught.value.wanted
    assert repair in caught.value.do
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_column_may_be_called_like_the_mark_of_another_kind(written):
    assert read_lines(written(b"PAR1,MATLAB\n1,2\n"))[0].text == "PAR1,MATLAB"


def test_video_that_is_called_a_table_is_not_read_whole(tmp_path):
    path = tmp_path / "labels.csv"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(TableError, match="has 512 MB"):
        read_lines(path)


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(TableError, match=r"gone\.csv: cannot be opened"):
        read_lines(tmp_path / "gone.csv")


def test_repeated_text_is_one_short_line():
    assert shown("a\n b") == "'a b'"
    assert len(shown("x" * 500)) == 42
