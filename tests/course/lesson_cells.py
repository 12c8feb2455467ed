"""What a stored lesson says and prints, for the tests of single lessons."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import nbformat

from notebooks import render

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
NAMES = [path.stem for path in sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))]
README = (FOLDER / "README.md").read_text(encoding="utf-8")
END = {"Summary", "Glossary", "References", "Next"}


@cache
def read(name: str):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


@cache
def cells_of(name: str):
    """The cells of the lesson itself, without those that all lessons share."""
    return [cell for cell in read(name).cells if cell.source not in (render.INSTALL_CELL, render.LAST_CELL)]


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


def code_of(name: str) -> list[str]:
    """The code of the lesson, without the cell that all lessons share, which is IPython and not Python."""
    cells = [cell.source for cell in read(name).cells if cell.cell_type == "code"]
    return [source for source in cells if source != render.INSTALL_CELL]


def outputs_of(name: str) -> list:
    return [output for cell in read(name).cells for output in cell.get("outputs", [])]


def names_in(tree: ast.AST, function: str) -> list[str]:
    """First arguments of the calls of `function`."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [
        node.args[0].value
        for node in calls
        if isinstance(node.func, ast.Name)
        and node.func.id == function
        and isinstance(node.args[0], ast.Constant)
    ]


def called_in(name: str, function: str) -> list[str]:
    """The keys that a lesson's cells hand to `ask` or `check`, in their order."""
    return [found for cell in code_of(name) for found in names_in(ast.parse(cell), function)]


def sections_of(name: str) -> list[tuple[str, str]]:
    """Title, without its minutes, and code of each `##` section."""
    sections: list[tuple[str, str]] = []
    for cell in read(name).cells:
        if cell.cell_type == "markdown":
            sections += [(title, "") for title, _ in render.SECTION.findall(cell.source)]
        elif sections:
            sections[-1] = sections[-1][0], sections[-1][1] + "\n" + cell.source
    return sections
