"""From lines to cells: the delimiter, the decimal sign, and which lines are comments.

The csv module handles quotes; the rest is inferred here from the rows themselves. A comma is a decimal sign only
if another character separates the cells, or if the cell is quoted. "1,234" alone may be 1234 or
1.234 and is refused, as is a file that mixes decimal points with commas.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rppg_core.tables.cells import COMMA_NUMBER, DOUBTFUL, NO_THOUSANDS, NO_VALUE, NUMBER, THOUSANDS, is_value
from rppg_core.tables.text import Line, TableError, read_lines, shown, wanted_text

DELIMITERS = ("\t", ";", "|", ",", " ")  # in this order: commas may be decimal signs, blanks may lie in cells
NAMES = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas", " ": "blanks"}
NOTHING = "\x1f"  # a delimiter that occurs in no text
LOOKED_AT = 64  # lines from the middle of the file, from which the delimiter is inferred
NAME_LINES = 2  # line ends that a column name may contain
WHOLE_SHARE = 0.8  # of these lines must be rows of values
COMMENT = re.compile(r"\s*[\"']?\s*(#|%|//)")
SEP_LINE = re.compile(r"[\"']?sep=([,;|: \t]|\\t)\1*[\"']?[,;]*", re.IGNORECASE)
HASHES = re.compile(r"\s*#+\s*[,;|\t]")  # "####;0.5": a value too wide for its cell in a workbook
QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
SINGLE_QUOTED = re.compile(r"(^|[,;|\t ])'[^'\"]*'(?=[,;|\t ]|$)")
SEPARATE = "export it with decimal points and commas, or with decimal commas and semicolons"


@dataclass(frozen=True)
class Rows:
    """The cells of a table, row by row, and how they were written."""

    path: Path
    rows: list[list[str]]
    lines: list[int]  # line number of each row in the file
    comments: list[Line]
    delimiter: str  # "" if every row is a single cell
    decimal: str  # "." or ","
    quoted: bool
    example: str = ""

    def error(self, row: int, what: str, *, wanted: str, do: str) -> TableError:
        """An error about one row, with its line number."""
        return TableError(self.path, f"line {self.lines[row]}{what}", wanted=wanted, do=do)

    def text(self, row: int) -> str:
        """A row as quoted in messages."""
        return shown((self.delimiter or " ").join(self.rows[row]))


def read_rows(path: Path, *, example: str = "") -> Rows:
    """The cells of a table in any dialect; text is left as it is.

    Args:
        path: the file.
        example: correct lines, for messages.

    Returns:
        Rows without blank lines and comments (#, %, //, and ; unless it separates cells).

    Raises:
        TableError: not text, no rows, an unclosed quote, or commas that can be read in two ways.
    """
    given, lines = _sep_line(_unwrapped(read_lines(path, example=example)))
    plain = [line for line in lines if not is_comment(line.text)]
    delimiter = given or find_delimiter(
        [line.text for line in plain if not line.text.lstrip().startswith(";")]
    )
    if delimiter != ";":
        plain = [line for line in plain if not line.text.lstrip().startswith(";")]
    kept = {line.number for line in plain}
    comments = [line for line in lines if line.number not in kept]
    quote = _quote([line.text for line in plain])
    rows = _rows(path, plain, delimiter, quote)
    if not rows:
        raise TableError(
            path,
            "holds no rows, only comments or blank cells",
            wanted=wanted_text(example),
            do="add the numbers",
        )
    cells, numbers = [row for _, row in rows], [n for n, _ in rows]
    found = Rows(path, cells, numbers, comments, delimiter, ".", quote is not None, example)
    return replace(found, decimal=_decimal(found))


def is_comment(line: str) -> bool:
    """Whether a line is a comment; a workbook error value (#N/A) in the first cell does not make it one."""
    if line[0].isdigit() or COMMENT.match(line) is None or HASHES.match(line):
        return False
    first = re.split(r"[,;|\t]", line.strip().strip("\"'"), maxsplit=1)[0].split(" ")[0]
    return first.strip("\"'").casefold() not in NO_VALUE


def find_delimiter(lines: Sequence[str]) -> str:
    """The delimiter between the cells of most rows; "" if every row is a single cell."""
    body = lines[1:] or lines  # the first line may be names
    start = max(0, (len(body) - LOOKED_AT) // 2)
    body = body[start : start + LOOKED_AT]
    quote = _quote(body) or '"'
    for delimiter in DELIMITERS:
        rows = [_cells(line, delimiter, quote) for line in body]
        counts = Counter(map(len, rows))
        usual = counts.most_common(1)[0][0] if counts else 1
        whole = sum(len(row) == usual and all(map(is_value, row)) for row in rows)
        if usual > 1 and whole >= WHOLE_SHARE * len(rows):
            return delimiter
    bare = [QUOTED.sub("", line).strip() for line in (*lines[:1], *body)]
    return next((d for d in DELIMITERS if 2 * sum(d in line for line in bare) >= max(1, len(bare))), "")


def split_cells(line: str, delimiter: str) -> list[str]:
    """The cells of one line, for lines outside the table."""
    return (
        [cell.strip() for cell in _cells(line, delimiter, _quote([line]) or '"')]
        if delimiter
        else [line.strip()]
    )


def _cells(line: str, delimiter: str, quote: str) -> list[str]:
    line = line.replace("\t", " ").strip() if delimiter == " " else line
    return next(
        csv.reader([line], delimiter=delimiter, quotechar=quote, skipinitialspace=delimiter != "\t"), []
    )


def _unwrapped(lines: list[Line]) -> list[Line]:
    """Lines without the quotes that a workbook adds to each line of a table pasted into a single column."""
    texts = [line.text.strip() for line in lines]
    if not all(len(t) > 2 and t[0] == t[-1] == '"' and '"' not in t[1:-1] for t in texts):
        return lines
    names = re.split(r"[,;|\t]", texts[0][1:-1])
    if len(names) < 2 or all(map(is_value, names)):
        return lines  # one column, whose cells are quoted
    return [Line(line.number, text[1:-1]) for line, text in zip(lines, texts, strict=True)]


def _sep_line(lines: list[Line]) -> tuple[str, list[Line]]:
    """The delimiter given by Excel's first line "sep=;", and the remaining lines."""
    found = SEP_LINE.fullmatch(lines[0].text.strip(" \r\n"))
    if found is None or len(lines) < 2:
        return "", lines
    return found[1].replace("\\t", "\t"), lines[1:]


def _quote(lines: Sequence[str]) -> str | None:
    """The quote character around cells, if any."""
    if any('"' in line for line in lines):
        return '"'
    return "'" if any(SINGLE_QUOTED.search(line) for line in lines) else None


def _rows(path: Path, lines: list[Line], delimiter: str, quote: str | None) -> list[tuple[int, list[str]]]:
    """Line numbers and cells, without rows of blank cells."""
    texts = [
        f"{line.text.replace(chr(9), ' ').strip() if delimiter == ' ' else line.text}\n" for line in lines
    ]
    reader = csv.reader(
        texts, delimiter=delimiter or NOTHING, quotechar=quote or '"', skipinitialspace=delimiter != "\t"
    )
    found, first = [], 0
    try:
        for row in reader:
            line, first = lines[first], reader.line_num
            if quote and any(cell.count("\n") > (0 if found else NAME_LINES) for cell in row):
                raise TableError(
                    path,
                    f"line {line.number}: a quote begins in {shown(line.text)} and does not end there",
                    wanted="a quote before and after a cell",
                    do="remove the quote, or close it",
                )
            cells = [" ".join(cell.split()) for cell in row]
            if any(cells):
                found.append((line.number, cells))
    except csv.Error as error:
        raise TableError(
            path,
            f"line {lines[min(first, len(lines) - 1)].number} cannot be split into cells ({error})",
            wanted="cells with a delimiter between them",
            do="export it again as CSV in UTF-8",
        ) from error
    return found


def _decimal(found: Rows) -> str:
    """The decimal sign of a table.

    Raises:
        TableError: commas that separate thousands, can be read in two ways, or split numbers into cells.
    """
    points, proof, doubt = None, None, None
    for k, row in enumerate(found.rows):
        for cell in row:
            if "," not in cell:
                points = k if points is None and "." in cell and NUMBER.fullmatch(cell) else points
            elif DOUBTFUL.fullmatch(cell):
                doubt = k if doubt is None else doubt
            elif COMMA_NUMBER.fullmatch(cell):
                proof = k if proof is None else proof
            elif THOUSANDS.fullmatch(cell):
                raise found.error(
                    k,
                    f": {shown(cell)} has a thousands separator",
                    wanted="plain numbers",
                    do=NO_THOUSANDS,
                )
    commas = proof if proof is not None else doubt
    if commas is None:
        _require_whole_numbers(found, points)
        return "."
    if points is not None:
        raise found.error(
            commas,
            f" has a comma in a number ({found.text(commas)}) and line {found.lines[points]} a point "
            f"({found.text(points)})",
            wanted="one decimal sign, and no separator between thousands",
            do=NO_THOUSANDS,
        )
    if proof is None and found.delimiter != ";":
        raise found.error(
            commas,
            f": in {found.text(commas)} the comma can be a decimal sign or a thousands separator",
            wanted="decimal points, or decimal commas with semicolons between cells",
            do=SEPARATE,
        )
    return ","


def _require_whole_numbers(found: Rows, points: int | None) -> None:
    """Refuse decimal commas that look like delimiters: "0,0333,0,5000" is not 0, 333, 0 and 5000."""
    if found.delimiter != "," or found.quoted or points is not None:
        return
    for k, row in enumerate(found.rows):
        fractions = row[1::2]
        if len(row) % 2 == 0 and any(len(c) > 1 and c[0] == "0" and c.isdigit() for c in fractions):
            raise found.error(
                k,
                f": {found.text(k)} has decimal commas and commas between cells",
                wanted="decimal points, or semicolons between cells",
                do=SEPARATE,
            )
