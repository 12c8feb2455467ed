import pytest

from rppg_core.tables.rows import find_delimiter, read_rows
from rppg_core.tables.text import TableError


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "labels.csv"
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return write


@pytest.mark.parametrize(
    "line, delimiter",
    [
        ("0.1,2.5", ","),
        ("0.1, 2.5", ","),
        ("0,1;2,5", ";"),
        ("0.1;2.5;", ";"),
        ("0.1\t2.5", "\t"),
        ("0,1\t2,5", "\t"),
        ("0.1|2.5", "|"),
        ("0.1 2.5", " "),
        ("0,1   2,5", " "),
        ('"0,1","2,5"', ","),
        ("0.1,", ","),
        ("0.1,NA", ","),
        ("2024-05-01 12:30:05.1,72", ","),
        ("12:30:05,1;72", ";"),
        ("72", ""),
        ('"0,5"', ""),
    ],
)
def test_delimiter_is_told_by_rows_of_values(line, delimiter):
    assert find_delimiter(["time (s), or so; ppg", *5 * [line]]) == delimiter


def test_delimiter_of_rows_of_words_is_what_most_lines_hold():
    assert find_delimiter(["F001_T1.mkv, HR, 72", "F001_T1.mkv, RR, 15"]) == ","


@pytest.mark.parametrize("sep", ["sep=;", "SEP=;", '"sep=;"'])
def test_first_line_of_excel_names_the_delimiter(written, sep):
    assert read_rows(written(f"{sep}\nt_s;ppg\n1;2\n")).rows == [["t_s", "ppg"], ["1", "2"]]


def test_comments_stand_before_and_between_rows(written):
    text = "# by me, at home\n// x\n; y\nt_s,ppg\n% z\n0.1,2\n'# quoted'\n\"# too\"\n0.2,3\n"
    found = read_rows(written(text))
    assert found.rows == [["t_s", "ppg"], ["0.1", "2"], ["0.2", "3"]]
    assert found.lines == [4, 6, 9]


def test_error_value_of_a_workbook_is_no_comment(written):
    assert read_rows(written("t_s,ppg\n0.1,2\n#N/A,3\n#DIV/0!,4\n####,5\n")).lines == [1, 2, 3, 4, 5]


def test_blank_first_cell_of_semicolons_is_no_comment(written):
    assert read_rows(written("t_s;ppg\n0,1;2\n;3\n")).rows[2] == ["", "3"]


def test_rows_of_blank_cells_are_left_out(written):
    assert read_rows(written("t_s,ppg\n0.1,2\n,\n,,,\n")).lines == [1, 2]


@pytest.mark.parametrize("quote", ['"', "'"])
def test_quotes_keep_a_decimal_comma_together(written, quote):
    text = "t_s,ppg\n0,0;\n".replace("0,0;", f"{quote}0,5{quote},{quote}1,25{quote}")
    found = read_rows(written(text))
    assert (found.rows[1], found.decimal) == (["0,5", "1,25"], ",")


def test_quotes_around_whole_lines_are_taken_off(written):
    assert read_rows(written('"t_s,ppg"\n"0.1,2"\n')).rows == [["t_s", "ppg"], ["0.1", "2"]]


def test_quotes_of_a_text_editor_are_quotes(written):
    assert read_rows(written("“t_s”;“ppg”\n“0,1”;„2“\n".replace("„2“", "2"))).rows[1] == ["0,1", "2"]


def test_name_may_break_its_line(written):
    assert read_rows(written('"Time\n(s)",ppg\n0.1,2\n')).rows[0] == ["Time (s)", "ppg"]


@pytest.mark.parametrize(
    "text, words",
    [
        ("t_s;ppg\n0,1;1.234,5\n", "line 2: '1.234,5' has a thousands separator"),
        ("t_s\tppg\n0.1\t1,234.5\n", "line 2: '1,234.5' has a thousands separator"),
        ("t_s;ppg\n0.1;2\n0.2;2,5\n", r"line 3 has a comma in a number \('0.2;2,5'\) and line 2 a point"),
        ("t_s\tppg\n1,234\t2,345\n", "line 2: .* can be a decimal sign or a thousands separator"),
        ('t_s,ppg\n"1,234","2,345"\n', "line 2: .* can be a decimal sign or a thousands separator"),
        (
            "t_s,ppg\n1\n0,0333,0,5000\n",
            "line 3: '0,0333,0,5000' has decimal commas and commas between cells",
        ),
        ('t_s,ppg\n0.1,"2\n0.2,3\n', """line 2: a quote begins in '0.1,"2' and does not end there"""),
        ('"t_s,ppg\n0.1,2\n0.2,3\n0.3,3\n', "line 1: a quote begins"),
        ("# only\n% remarks\n", "holds no rows"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_with_its_line(written, text, words):
    with pytest.raises(TableError, match=words) as caught:
        read_rows(written(text))
    assert caught.value.wanted and caught.value.do


def test_semicolons_make_a_comma_with_three_digits_decimal(written):
    assert read_rows(written("t_s;ppg\n1,234;2,345\n")).decimal == ","
