"""Numbers out of the files that datasets keep labels in: text, CSV, MATLAB, HDF5; each complaint names the file.

Floor 3. Label files are small and come from many hands: blanks at line ends, byte-order marks, headers or none. What
is not a number is never guessed.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rppg_core.datasets.base import DatasetError
from rppg_core.datasets.frames import require_file
from rppg_core.errors import UsageError

MAT_V73 = b"MATLAB 7.3"
BROKEN = (OSError, ValueError, KeyError, TypeError, IndexError, EOFError, NotImplementedError, AttributeError)


def text_lines(path: Path) -> list[str]:
    """The lines of a text file that are not blank.

    Raises:
        DatasetError: missing, empty or not text.
    """
    require_file(path)
    try:
        lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(path, f"cannot be read as text ({error})", wanted="lines of numbers") from error
    if not lines:
        raise DatasetError(path, "holds only blank lines", wanted="lines of numbers")
    return lines


def numbers(path: Path, cells: Sequence[str], where: str) -> Float[np.ndarray, " cell"]:
    """Cells as numbers; a blank cell is NaN.

    Raises:
        DatasetError: a cell is something else.
    """
    try:
        return np.array([float(cell) if cell.strip() else np.nan for cell in cells], float)
    except ValueError as error:
        raise DatasetError(path, f"{where}: {error}", wanted="numbers only") from error


def number_lines(path: Path, *, header: str | None = None) -> Float[np.ndarray, " line"]:
    """One number a line, below a header where one is named."""
    lines = text_lines(path)
    if header is not None:
        if lines[0].strip().strip('"').lower() != header.lower():
            raise DatasetError(path, f"the first line is {lines[0][:30]!r}", wanted=f"the header {header!r}")
        lines = lines[1:]
    return numbers(path, lines, "a line")


def number_table(path: Path, columns: int, delimiter: str = ",") -> Float[np.ndarray, "line column"]:
    """Lines of as many numbers each, without a header."""
    rows = [line.strip().split(delimiter) for line in text_lines(path)]
    for place, row in enumerate(rows, 1):
        if len(row) != columns:
            raise DatasetError(
                path, f"line {place} of {len(rows)} has {len(row)} numbers", wanted=f"{columns} in each line"
            )
    return np.stack([numbers(path, row, f"line {place}") for place, row in enumerate(rows, 1)])


def csv_columns(path: Path) -> dict[str, Float[np.ndarray, " line"]]:
    """Columns of numbers below a line of names; a line with fewer cells than names is an error."""
    head, *lines = text_lines(path)
    names = [name.strip().strip('"') for name in head.split(",")]
    rows = [line.split(",") for line in lines]
    for place, row in enumerate(rows, 2):
        if len(row) != len(names):
            raise DatasetError(
                path, f"line {place} has {len(row)} cells", wanted=f"{len(names)}: {head.strip()}"
            )
    return {
        name: numbers(path, [row[place] for row in rows], f"column {name!r}")
        for place, name in enumerate(names)
    }


def mat_variables(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """Variables of a MATLAB file of either kind, arrays with the axes as MATLAB shows them.

    Args:
        path: version 5 to 7 (scipy) or 7.3 (HDF5; needs h5py).
        names: those wanted; others are not read. None of them has to be there.

    Returns:
        Name -> array, or text for a character array.

    Raises:
        DatasetError: missing, cut off or not a MATLAB file.
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
        names: those wanted; none of them has to be there.
        matlab: turn the axes round and characters to text, as MATLAB 7.3 stores them.

    Raises:
        DatasetError: missing, cut off or not HDF5.
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
            wanted="the extra 'datasets'", do="pip install 'rppg-lab[datasets]'",
        ) from error  # fmt: skip
    return h5py


def vector(path: Path, variables: Mapping[str, Any], name: str) -> Float[np.ndarray, " time"]:
    """One variable as a row of numbers, whichever way round it is stored.

    Raises:
        DatasetError: it is not there, or not a row of numbers.
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
    """Character arrays as str, whatever they are wrapped in; all else as it is."""
    inner = value
    while isinstance(inner, np.ndarray) and inner.size == 1 and inner.dtype.kind in "UO":
        inner = inner.ravel()[0]
    return str(inner) if isinstance(inner, str) else value


def _broken(path: Path, kind: str, error: Exception) -> DatasetError:
    said = " ".join(str(error).split())[:120]
    return DatasetError(
        path, f"cannot be read as {kind} ({said or type(error).__name__})", wanted=f"a whole {kind} file"
    )
