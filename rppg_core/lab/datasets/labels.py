"""Numbers from the label files of datasets: text, CSV, MATLAB, HDF5; every error names the file.

Label files are small and come in many dialects, which `rppg_core.tables` reads. A value that is not a number
is never guessed.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rppg_core.errors import UsageError
from rppg_core.lab.datasets.base import COPY_AGAIN, DatasetError
from rppg_core.lab.datasets.frames import require_file
from rppg_core.tables.cells import CellError
from rppg_core.tables.cells import numbers as cell_numbers
from rppg_core.tables.rows import Rows, read_rows
from rppg_core.tables.table import read_number_rows, read_table
from rppg_core.tables.text import TableError, read_lines, shown

MAT_V73 = b"MATLAB 7.3"
BROKEN = (OSError, ValueError, KeyError, TypeError, IndexError, EOFError, NotImplementedError, AttributeError)


@contextmanager
def as_dataset_errors() -> Iterator[None]:
    """Turn errors about a table into errors of the dataset that it belongs to."""
    try:
        yield
    except TableError as error:
        do = f"{error.do}; {COPY_AGAIN}"
        raise DatasetError(error.path, error.what, wanted=error.wanted, do=do) from error


def text_lines(path: Path) -> list[str]:
    """The lines of a text file that are not blank.

    Raises:
        DatasetError: missing, empty or not text.
    """
    require_file(path)
    with as_dataset_errors():
        return [line.text for line in read_lines(path)]


def text_rows(path: Path) -> Rows:
    """The cells of a table that may hold words; `numbers` reads some of them.

    Raises:
        DatasetError: missing, empty or not a table.
    """
    require_file(path)
    with as_dataset_errors():
        return read_rows(path)


def numbers(path: Path, cells: Sequence[str], where: str, decimal: str = ".") -> Float[np.ndarray, " cell"]:
    """Cells as numbers; a cell without a value is NaN.

    Raises:
        DatasetError: a cell holds something else.
    """
    try:
        return cell_numbers(cells, decimal)
    except CellError as error:
        what = f"{where}: {shown(cells[error.place])} {error.what}"
        raise DatasetError(path, what, wanted="numbers only", do=f"{error.do}; {COPY_AGAIN}") from error


def number_lines(
    path: Path, *, header: str | None = None, complete: bool = False
) -> Float[np.ndarray, " line"]:
    """One number per line, below the header if one is named; a missing value is NaN, or an error if `complete`."""
    require_file(path)
    with as_dataset_errors():
        table = read_table(
            path, header=header is not None, columns=1, example=f"{header}\n72" if header else ""
        )
        if header is not None and table.names[0].casefold() != header.casefold():
            raise TableError(
                path,
                f"the first line is {shown(table.names[0])}",
                wanted=f"the header {header!r}",
                do="give the column this name",
            )
        return table.complete(0) if complete else table.numbers(0)


def number_table(path: Path, columns: int) -> Float[np.ndarray, "line column"]:
    """Lines of `columns` numbers each, without a header; the first one, a time, must not be missing."""
    require_file(path)
    with as_dataset_errors():
        table = read_table(path, header=False, columns=columns)
        return np.stack([table.complete(0), *map(table.numbers, range(1, columns))], axis=1)


def number_rows(path: Path) -> list[Float[np.ndarray, " cell"]]:
    """Lines of numbers that may differ in length."""
    require_file(path)
    with as_dataset_errors():
        return read_number_rows(path)


def csv_columns(
    path: Path, names: Sequence[str], *, example: str = ""
) -> dict[str, Float[np.ndarray, " line"]]:
    """Some columns of numbers from a table with a line of names; the others may hold anything."""
    require_file(path)
    with as_dataset_errors():
        table = read_table(path, header=True, example=example)
        return {name: table.numbers(name) for name in names}


def mat_variables(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """Variables of a MATLAB file of either kind; arrays have their axes in MATLAB's order.

    Args:
        path: version 5 to 7 (scipy) or 7.3 (HDF5; needs h5py).
        names: the variables to read; any of them may be absent.

    Returns:
        Name -> array, or text for a character array.

    Raises:
        DatasetError: missing, truncated or not a MATLAB file.
    """
    require_file(path)
    with path.open("rb") as file:
        if file.read(len(MAT_V73)) == MAT_V73:
            return hdf5_variables(path, names, matlab=True)
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        found = loadmat(path, variable_names=list(names), squeeze_me=False)
    except (*BROKEN, MatReadError, zlib.error, struct.error) as error:
        raise _broken(path, "MATLAB", error) from error
    return {name: as_text(found[name]) for name in names if name in found}


def hdf5_variables(path: Path, names: Sequence[str], *, matlab: bool = False) -> dict[str, Any]:
    """Datasets at the top of an HDF5 file.

    Args:
        path: the file.
        names: the datasets to read; any of them may be absent.
        matlab: reverse the axes and decode characters, which MATLAB 7.3 stores as numbers.

    Raises:
        DatasetError: missing, truncated or not HDF5.
        UsageError: h5py is not installed.
    """
    require_file(path)
    h5py = require_h5py()
    try:
        with h5py.File(path, "r") as file:
            found = {
                name: (file[name][()], file[name].attrs.get("MATLAB_class")) for name in names if name in file
            }
    except (*BROKEN, RuntimeError) as error:
        raise _broken(path, "HDF5", error) from error
    if not matlab:
        return {name: value for name, (value, _) in found.items()}
    return {
        name: "".join(map(chr, value.T.ravel(order="F"))) if kind == b"char" else value.T
        for name, (value, kind) in found.items()
    }


def require_h5py() -> Any:
    """The library for HDF5.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise UsageError(
            "this dataset keeps HDF5 files, and the package 'h5py' is not installed",
            wanted="the extra 'datasets'",
            do="pip install 'rppg-lab[datasets]'",
        ) from error
    return h5py


def vector(path: Path, variables: Mapping[str, Any], name: str) -> Float[np.ndarray, " time"]:
    """One variable as a vector, whether it is stored as a row or a column.

    Raises:
        DatasetError: it is missing, or is not a vector of numbers.
    """
    if name not in variables:
        raise DatasetError(path, f"holds no {name!r}", wanted=f"a variable {name!r}")
    try:
        values = np.asarray(variables[name], float).squeeze()
    except (TypeError, ValueError) as error:
        raise DatasetError(path, f"{name!r} holds no numbers", wanted="one row of numbers") from error
    if values.ndim != 1 or len(values) < 2:
        raise DatasetError(path, f"{name!r} has the shape {values.shape}", wanted="one row of numbers")
    return values


def as_text(value: Any) -> Any:
    """Character arrays as str, even where other arrays wrap them; any other value unchanged."""
    inner = value
    while isinstance(inner, np.ndarray) and inner.size == 1 and inner.dtype.kind in "UO":
        inner = inner.ravel()[0]
    return str(inner) if isinstance(inner, str) else value


def _broken(path: Path, kind: str, error: Exception) -> DatasetError:
    said = " ".join(str(error).split())[:120]
    return DatasetError(
        path, f"cannot be read as {kind} ({said or type(error).__name__})", wanted=f"a whole {kind} file"
    )
