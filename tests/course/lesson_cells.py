"""What a stored lesson says and prints, for the tests of single lessons."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import nbformat

from notebooks import render

FOLDER = Path(__file__).parents[2] / "notebooks"
END = {"Summary", "Glossary", "References", "Next"}


@cache
def cells_of(name: str):
    """The cells of the lesson itself, without those that all lessons share."""
    cells = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4).cells
    return [cell for cell in cells if cell.source not in (render.INSTALL_CELL, render.LAST_CELL)]


def parts_of(name: str) -> dict[str, str]:
    """Title of each section and the code in it."""
    parts: dict[str, str] = {}
    title = ""
    for cell in cells_of(name):
        if cell.cell_type == "markdown":
            for title, _ in render.SECTION.findall(cell.source):
                parts[title] = ""
        elif title:
            parts[title] += "\n" + cell.source
    return parts


def printed_by(name: str) -> str:
    return "".join(output.get("text", "") for cell in cells_of(name) for output in cell.get("outputs", []))


def prose_of(name: str) -> str:
    """The text cells in one line."""
    cells = [cell.source for cell in cells_of(name) if cell.cell_type == "markdown"]
    return " ".join("\n".join(cells).split())


def numbers_of(name: str, pattern: str) -> list[float]:
    """The groups of a pattern in what the cells print."""
    found = re.search(pattern, printed_by(name))
    assert found, pattern
    return [float(number) for number in found.groups()]


def table_of(name: str, row: str) -> dict[str, dict[str, float]]:
    """The first table of numbers in a figure that has this row: row -> column -> number."""
    for cell in cells_of(name):
        for output in cell.get("outputs", []):
            (trace, *_) = output.get("data", {}).get(render.PLOTLY_MIME, {}).get("data") or [{}]
            if "texttemplate" in trace and row in trace["y"]:
                lines = [[float(word) for word in line] for line in trace["text"]]
                return {
                    y: dict(zip(trace["x"], line, strict=True))
                    for y, line in zip(trace["y"], lines, strict=True)
                }
    raise AssertionError(f"there is no table with {row}")
