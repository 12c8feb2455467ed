"""Columns of tables in every dialect; `Dialect` writes what programs write, and the reader gives the same numbers."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rppg_core.tables.table import read_names, read_number_rows, read_table
from rppg_core.tables.text import TableError

MARKS = {
    "utf-16-le": b"\xff\xfe",
    "utf-16-be": b"\xfe\xff",
    "utf-8": b"\xef\xbb\xbf",
    "utf-32-le": b"\xff\xfe\0\0",
}


@dataclass(frozen=True)
class Dialect:
    delimiter: str = ","
    decimal: str = "."
    quote: str = ""
    encoding: str = "utf-8"
    marked: bool = False
    end: str = "\n"
    comment: str = ""
    no_value: str = ""
    trailing: bool = False
    digits: int = 4

    @property
    def can_be_told(self) -> bool:
        """A decimal comma among commas is told from a delimiter by quotes alone."""
        return not (self.decimal == "," and "," in self.delimiter and not self.quote)

    def cell(self, value):
        text = self.no_value if math.isnan(value) else f"{value:.{self.digits}f}".replace(".", self.decimal)
        return f"{self.quote}{text}{self.quote}"

    def line(self, cells):
        return self.delimiter.join(cells) + (self.delimiter.strip(" ") if self.trailing else "")

    def data(self, names, rows):
        lines = [self.line([f"{self.quote}{name}{self.quote}" for name in names])]
        lines += [self.line(map(self.cell, row)) for row in rows]
        if self.comment:
            lines[2:2] = [f"{self.comment} blinked; 1,5 s, or so"]
            lines = [f"{self.comment} recorded at home, 12:30", *lines]
        data = (self.end.join(lines) + self.end).encode(self.encoding)
        return (MARKS.get(self.encoding, b"") if self.marked else b"") + data


dialects = st.builds(
    Dialect,
    delimiter=st.sampled_from([",", ", ", ";", "; ", "\t", "|", " ", "   "]),
    decimal=st.sampled_from(".,"),
    quote=st.sampled_from(["", '"', "'"]),
    encoding=st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "cp1252"]),
    marked=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    comment=st.sampled_from(["", "#", "%", "//"]),
    no_value=st.sampled_from(["NA", "n/a", "#N/A", "NaN", "null", "-", "--", "?", "inf"]),
    trailing=st.booleans(),
    digits=st.integers(1, 6),
)
values = st.floats(-2000, 2000, allow_nan=False) | st.just(math.nan)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("tables") / "labels.csv"


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "labels.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@given(dialects, st.lists(values, min_size=3, max_size=30))
@example(Dialect(decimal=","), [0.5, 1.25, 2.0])
@example(Dialect(decimal=",", delimiter=";", encoding="utf-16-le"), [1.234, 2.345, math.nan])
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_table_in_any_dialect_gives_its_numbers_or_is_refused(place, dialect, column):
    times_s = [round(k / 30, dialect.digits) for k in range(len(column))]
    place.write_bytes(dialect.data(("t_s", "größe"), zip(times_s, column, strict=True)))
    try:
        table = read_table(place, header=True)
    except TableError:
        assert not dialect.can_be_told
        return
    assert dialect.can_be_told
    assert table.names == ("t_s", "größe")
    half = 0.5 * 10**-dialect.digits * 1.001
    np.testing.assert_allclose(table.complete("t_s"), times_s, atol=half, rtol=1e-12)
    np.testing.assert_allclose(table.numbers("größe"), column, atol=half, rtol=1e-12)


@given(dialects, st.lists(values, min_size=1, max_size=20))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_table_is_read_or_refused_and_never_anything_else(place, dialect, column):
    data = bytearray(dialect.data(("t_s", "ppg"), [(k / 30, value) for k, value in enumerate(column)]))
    rng = np.random.default_rng(len(data))
    for _ in range(5):
        data[rng.integers(len(data))] = rng.integers(256)
        place.write_bytes(data)
        try:
            table = read_table(place, header=True)
            [table.numbers(k) for k in range(len(table.names))]
        except TableError as error:
            assert str(error).startswith(f"{place}: ")


@pytest.mark.parametrize(
    "text", ["# t_s,ppg\n0.1,2\n", "% me; you\n# t_s,ppg\n0.1,2\n", "# t_s,ppg\n# 30 Hz\n0.1,2\n"]
)
def test_names_may_stand_in_a_comment(written, text):
    assert read_table(written(text), header=True).names == ("t_s", "ppg")


def test_columns_of_words_are_no_fault_until_they_are_asked_for(written):
    table = read_table(written("t_s,who,ppg\n0.1,Ann,2\n"), header=True)
    assert table.numbers("ppg").tolist() == [2]
    with pytest.raises(TableError, match="line 2, column who: 'Ann' is not a number"):
        table.numbers("who")


def test_blank_columns_at_the_end_are_left_out(written):
    assert read_table(written("t_s,ppg,,\n0.1,2,,\n0.2,3\n"), header=True).names == ("t_s", "ppg")


def test_table_without_names_has_columns_by_place(written):
    table = read_table(written("11,68,99,20\n27,68,99,21\n"), header=False, columns=4)
    assert [table.numbers(k).tolist() for k in (0, 3)] == [[11, 27], [20, 21]]


def test_missing_time_is_an_error_that_names_its_line(written):
    table = read_table(written("t_s,ppg\n\n0.1,2\n# x\nNA,3\n,4\n"), header=True)
    with pytest.raises(TableError, match=r"line 5, column t_s: 'NA' is not a value \(and 1 more\)"):
        table.complete("t_s")


@pytest.mark.parametrize("second", ["0.1", "0.05"])
def test_time_that_is_repeated_or_goes_back_is_an_error_that_names_its_line(written, second):
    table = read_table(written(f"t_s,ppg\n0.1,2\n{second},3\n0.2,4\n"), header=True)
    with pytest.raises(
        TableError, match=f"line 3, column t_s: {second} comes after 0.1; wanted: times that increase"
    ):
        table.increasing("t_s")


def test_rows_may_be_chosen_and_keep_their_lines(written):
    table = read_table(written("t_s,hr\n0.1,72\n0.2,\nx,73\n"), header=True)
    assert table.where(np.array([True, False, False])).complete("t_s").tolist() == [0.1]
    with pytest.raises(TableError, match="line 4"):
        table.where(np.array([True, False, True])).numbers("t_s")


@pytest.mark.parametrize(
    "text, header, columns, words",
    [
        ("0.1,2\n", True, None, r"line 1 holds numbers \('0.1,2'\) where the names"),
        ("t_s,ppg\n", True, None, "holds only names: t_s, ppg"),
        ("t_s,ppg\n0.1\n", True, None, "line 2 has 1 cell .*wanted: 2 cells, one for each name"),
        ("t_s,ppg\n0.1,2,3\n", True, None, "line 2 has 3 cells separated by commas"),
        ("t_s,ppg\n0,1,2,5\n", True, None, "line 2 has 4 cells separated by commas: decimal commas"),
        ("HR\n0,5\n0,6\n", True, 1, "line 2 has 2 cells separated by commas: decimal commas"),
        ("Device 7\nt_s,ppg\n0.1,2\n0.2,3\n", True, None, "line 2 has 2 cells .* start lines"),
        ("t_s,ppg\n0.1,2\n", True, 1, "has 2 columns: t_s, ppg"),
        ("t_s,ppg\n0.1,2\n", False, 2, "line 1 is 't_s,ppg'; wanted: numbers from the first line on"),
        ("1,2\n3\n", False, 2, "line 2 has 1 cell .*wanted: 2 cells in each line"),
    ],
)
def test_table_of_another_shape_is_an_error_with_its_line(written, text, header, columns, words):
    with pytest.raises(TableError, match=words):
        read_table(written(text), header=header, columns=columns)


def test_column_that_is_missing_or_twice_there_is_an_error(written):
    table = read_table(written("t_s,ppg,ppg\n0.1,2,3\n"), header=True)
    with pytest.raises(TableError, match="has 2 columns called 'ppg'"):
        table.numbers("ppg")
    with pytest.raises(TableError, match="has the columns t_s, ppg, ppg; wanted: one column hr"):
        table.numbers("hr")


def test_names_are_read_alone(written):
    assert read_names(written("sep=;\nt_s;ppg\n0,1;2\n")) == ("t_s", "ppg")


@pytest.mark.parametrize(
    "text", ["812 790\n835", "812\n790\n835\n", "812,790,835", "812;790;835;", "# ms\n812\t790\t835"]
)
def test_numbers_may_lie_in_rows_of_any_length(written, text):
    assert np.concatenate(read_number_rows(written(text))).tolist() == [812, 790, 835]


def test_two_numbers_or_one_with_a_decimal_comma_are_refused(written):
    with pytest.raises(TableError, match="can be a decimal sign or separate two numbers"):
        read_number_rows(written("812,5\n790,25\n"))
