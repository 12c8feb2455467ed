import numpy as np
import pytest

from rppg_core.tables.cells import CellError, is_value, number, numbers


@pytest.mark.parametrize(
    "cell, value",
    [("1", 1), ("-0.5", -0.5), ("+.5", 0.5), ("5.", 5), ("1e-3", 1e-3), (" 72 ", 72), ("\u22120.5", -0.5)],
)
def test_numbers_are_read(cell, value):
    assert number(cell) == value


def test_decimal_comma_is_read_where_it_is_the_sign():
    assert numbers(["1,5", "-,25", "3", "1,5e-3"], ",").tolist() == [1.5, -0.25, 3, 0.0015]


@pytest.mark.parametrize(
    "cell",
    ["", " ", "NA", "n/a", "#N/A", "NaN", "nan", "-", "--", "—", "?", "null", "None", "inf", "-Infinity",
     "#DIV/0!", "1e999"],
)  # fmt: skip
def test_words_for_no_value_are_nan(cell):
    assert np.isnan(number(cell))
    assert np.isnan(numbers(["1", cell])).tolist() == [False, True]


@pytest.mark.parametrize(
    "cell, what",
    [
        ("12:30:05.123", "time of day"),
        ("12:30", "time of day"),
        ("12:30:05 PM", "time of day"),
        ("2024-05-01", "date"),
        ("2024-05-01T12:30:05Z", "date"),
        ("01.05.2024 12:30", "date"),
        ("1,234.5", "thousands"),
        ("1.234.567", "thousands"),
        ("1'234", "thousands"),
        ("1 234", "thousands"),
        ("72bpm", "unit"),
        ("97 %", "unit"),
        ("36.5 °C", "unit"),
        ("two", "not a number"),
        ("1_000", "not a number"),
        ("0x10", "unit"),
        ("1..2", "not a number"),
        ("1-2", "not a number"),
        ("1,5", "not a number"),
        ("٣", "not a number"),
    ],
)
def test_what_is_no_number_is_an_error_that_says_what_it_is(cell, what):
    with pytest.raises(CellError, match=what):
        number(cell)
    with pytest.raises(CellError) as caught:
        numbers(["1", "2", cell])
    assert caught.value.place == 2
    assert caught.value.do


@pytest.mark.parametrize("cell", ["1", "1,5", "", "NA", "12:30:05.1", "2024-05-01", "1,234.5"])
def test_values_in_any_form_are_no_names(cell):
    assert is_value(cell)


@pytest.mark.parametrize("cell", ["t_s", "ppg", "Zeit [s]", "1 2", "HR", "x1"])
def test_words_are_no_values(cell):
    assert not is_value(cell)
