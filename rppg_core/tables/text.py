"""From the bytes of a table to its lines: encoding, line ends, and detection of other kinds of file.

Excel writes UTF-16 as "Unicode text" and code page 1252 as "CSV"; Windows editors put a byte-order mark first; old
Mac programs end lines with a carriage return alone. A workbook, web page or PDF named like a table is
reported as what it is.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import NamedTuple

from rppg_core.errors import RppgError

MOST_BYTES = 512 * 2**20  # a video named .csv must not be read whole
SHOWN = 40  # characters of a file quoted in a message
TABLE = "a table as text (CSV), one row per line"
EXPORT = "export it again as CSV in UTF-8"
BOMS = (  # longer ones first: the mark of UTF-32 begins like that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
WORKBOOK = "open it and save it as CSV (UTF-8); renaming the file does not convert it"
UNPACK = "unpack it"
FETCH_AGAIN = "fetch the file itself again: a web page or placeholder was saved under its name"
MAGIC = (  # first bytes of a file of another kind, what it is, what to do
    (b"PK\x03\x04", "a zip archive", UNPACK),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)", WORKBOOK),
    (b"%PDF", "a PDF", EXPORT),
    (b"{\\rtf", "rich text (RTF)", "save it as plain text"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "run `git lfs pull`"),
    (b"\x00\x05\x16\x07", "an AppleDouble file of macOS", "delete it; the data are in the file without ._"),
    (b"\x89HDF", "an HDF5 file", EXPORT),
    (b"MATLAB", "a MATLAB file", EXPORT),
    (b"\x93NUMPY", "a NumPy array", EXPORT),
    (b"PAR1", "a Parquet file", EXPORT),
    (b"SQLite format 3", "an SQLite database", EXPORT),
    (b"bplist00", "a property list of macOS", EXPORT),
    (b"\x1f\x8b", "compressed (gzip)", UNPACK),
    (b"BZh", "compressed (bzip2)", UNPACK),
    (b"\xfd7zXZ", "compressed (xz)", UNPACK),
    (b"7z\xbc\xaf", "a 7z archive", UNPACK),
    (b"Rar!", "a RAR archive", UNPACK),
    (b"\x89PNG", "a picture (PNG)", EXPORT),
    (b"\xff\xd8\xff", "a picture (JPEG)", EXPORT),
    (b"RIFF", "a video or sound file", EXPORT),
    (b"\x1aE\xdf\xa3", "a video (Matroska)", EXPORT),
)
INSIDE_ZIP = (
    (b"xl/", "an Excel workbook (.xlsx)"),
    (b"opendocument.spreadsheet", "an OpenDocument workbook (.ods)"),
    (b"Index/", "a Numbers workbook"),
)
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
LINE_END = re.compile(r"\r+\n|\r|\n")  # "\r\r\n": a line end that was translated twice
QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"'})  # typographic quotes


class TableError(RppgError):
    """A table cannot be read; the message begins with its path."""

    def __init__(self, path: Path, what: str, *, wanted: str, do: str):
        self.path, self.what = Path(path), what
        super().__init__(f"{path}: {what}", wanted=wanted, do=do)

    def __reduce__(self):  # as in DatasetError: errors are pickled by their parts
        return _table_error, (self.path, self.what, self.wanted, self.do)


def _table_error(path: Path, what: str, wanted: str, do: str) -> TableError:
    return TableError(path, what, wanted=wanted, do=do)


class Line(NamedTuple):
    """A line and its number in the file, counted from 1."""

    number: int
    text: str


def shown(text: str, length: int = SHOWN) -> str:
    """Text from a file as quoted in a message: on one line, in quotes, shortened."""
    text = " ".join(text.split())
    return repr(text if len(text) <= length else text[: length - 1] + "…")


def read_lines(path: Path, *, example: str = "") -> list[Line]:
    """The lines of a text file that are not blank.

    Args:
        path: text in UTF-8, UTF-16 or UTF-32, with or without a byte-order mark, or code page 1252.
        example: correct lines, for messages; "" for none.

    Returns:
        The lines; blank lines are counted in the line numbers.

    Raises:
        TableError: missing, empty, or not text.
    """
    text = text_of_bytes(path, _bytes(path, example), example)
    lines = [Line(n, line) for n, line in enumerate(LINE_END.split(text), 1) if line.strip()]
    if not lines:
        raise TableError(path, "holds only blank lines", wanted=wanted_text(example), do=EXPORT)
    return lines


def text_of_bytes(path: Path, data: bytes, example: str = "") -> str:
    """Bytes as text, without a byte-order mark.

    Raises:
        TableError: they are a file of another kind, or not text.
    """
    if (kind := _other_kind(data)) is not None:
        raise TableError(path, f"is {kind[0]}", wanted=wanted_text(example), do=kind[1])
    encoding = detect_encoding(data)
    if encoding is None:
        zeros = len(data) - len(data.rstrip(b"\0"))
        cut = f": {zeros} bytes at its end are zero, so a copy or recording was cut off" if zeros else ""
        raise TableError(path, f"cannot be read as text{cut}", wanted=wanted_text(example), do=EXPORT)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise TableError(
            path,
            f"cannot be read as text in {encoding.upper()} ({error.reason} at byte {error.start})",
            wanted=wanted_text(example),
            do=EXPORT,
        ) from error
    text = text.replace("\ufeff", "").rstrip("\x1a").translate(QUOTES)
    if (odd := CONTROL.search(text)) is not None:
        raise TableError(
            path,
            f"cannot be read as text (control character {ord(odd[0])})",
            wanted=wanted_text(example),
            do=EXPORT,
        )
    return text


def detect_encoding(data: bytes) -> str | None:
    """Name of the codec of the bytes; None if they are not text.

    Without a mark, numbers in UTF-16 and UTF-32 are recognised by their zero bytes: every second, or three of four.
    """
    for mark, name in BOMS:
        if data.startswith(mark):
            return name
    if b"\0" in data:
        head = data[: 2**16]
        zeros = [head[k::4].count(0) / max(1, len(head[k::4])) for k in range(4)]
        for name, places in (
            ("utf-32-le", (1, 2, 3)),
            ("utf-32-be", (0, 1, 2)),
            ("utf-16-le", (1, 3)),
            ("utf-16-be", (0, 2)),
        ):
            if all((zero > 0.5) if k in places else (zero == 0) for k, zero in enumerate(zeros)):
                return name
        return None
    for name in ("utf-8", "cp1252"):
        try:
            data.decode(name)
        except UnicodeDecodeError:
            continue
        return name
    return "latin-1"  # for example a Chinese or Japanese code page: numbers are read correctly, names are not


def wanted_text(example: str) -> str:
    """The expected form of a table, with correct lines as an example."""
    return f"{TABLE}, such as {' / '.join(example.splitlines())}" if example else TABLE


def _bytes(path: Path, example: str) -> bytes:
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise TableError(
                path,
                f"has {size / 2**20:.0f} MB",
                wanted=f"{TABLE}, up to {MOST_BYTES / 2**20:.0f} MB",
                do="cut it to the recording",
            )
        data = path.read_bytes()
    except OSError as error:
        raise TableError(
            path,
            f"cannot be opened ({error.strerror or error})",
            wanted=wanted_text(example),
            do="check the path",
        ) from error
    if not data:
        raise TableError(path, "the file is empty", wanted=wanted_text(example), do=EXPORT)
    return data


def _other_kind(data: bytes) -> tuple[str, str] | None:
    """What a file is if it is not a table, and what to do; None if it may be a table."""
    head = data[:4096]
    for mark, kind, do in MAGIC:
        if data.startswith(mark) and (b"\0" in head or not mark.isalnum()):  # PAR1 may be a column name
            inside = [(name, WORKBOOK) for part, name in INSIDE_ZIP if part in data] if do == UNPACK else []
            return (*inside, (kind, do))[0]
    if data[4:8] == b"ftyp":
        return "a video", EXPORT
    text = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if re.match(rb"<(!doctype html|!--|html|head|body|table|meta|script)", text):
        return "a web page (HTML)", FETCH_AGAIN
    if text.startswith(b"<?xml"):
        return ("an Excel workbook (XML)", WORKBOOK) if b"excel" in text else ("an XML file", EXPORT)
    return ("a JSON file", EXPORT) if re.match(rb'\{\s*"|\[\s*[\[{]', text) else None
