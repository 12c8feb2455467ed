"""`make notebooks` says what every notebook takes, and one that takes too much fails with a message that says so."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbmake")

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from tests.watch.notebook_costs import LIMIT_CPU_S, LIMIT_MB, Costs

ROOT = Path(__file__).parents[1]
HUNGRY = 'held = b"x" * 150_000_000'  # the kernel alone has less than 100 MB


def ran(folder: Path, lessons: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    """pytest with nbmake on notebooks of one cell each, without the plugins that it has no use for."""
    for name, code in lessons.items():
        nbformat.write(new_notebook(cells=[new_code_cell(code)]), folder / f"{name}.ipynb")
    (folder / "pytest.ini").write_text("[pytest]\n")
    plugins = [word for name in ("notebook_costs", "xdist", "nbmake.pytest_plugin") for word in ("-p", name)]
    path = os.pathsep.join(filter(None, [str(ROOT / "tests" / "watch"), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, "-p", "no:cacheprovider", "--nbmake", *options],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def rows_of(text: str) -> dict[str, list[float]]:
    """Memory, CPU and clock by notebook, from the table at the end."""
    rows = re.findall(r"^(\w+)\.ipynb +([\d.]+) +([\d.]+) +([\d.]+)$", text, re.M)
    return {name: [float(number) for number in numbers] for name, *numbers in rows}


def test_notebook_above_the_limit_of_memory_fails_and_a_smaller_one_passes(tmp_path):
    lessons = {"hungry": HUNGRY, "modest": "1 + 1", "wrong": "1 / 0"}
    done = ran(tmp_path, lessons, "-n", "1", "--limit-mb", "150")
    assert done.returncode == 1
    assert "2 failed, 1 passed" in done.stdout
    assert re.search(r"hungry\.ipynb: it takes \d+ MB of memory; 150 MB at most: shorter clips", done.stdout)
    assert "ZeroDivisionError" in done.stdout
    rows = rows_of(done.stdout)
    assert set(rows) == set(lessons)
    assert rows["hungry"][0] > 150 > rows["modest"][0] > 20
    assert all(cpu_s > 0 and clock_s > 0 for _, cpu_s, clock_s in rows.values())


def test_notebook_above_the_limit_of_cpu_fails(tmp_path):
    done = ran(tmp_path, {"slow": "sum(range(10**7))"}, "--limit-cpu-s", "0.1")
    assert done.returncode == 1
    assert re.search(r"slow\.ipynb: it takes [\d.]+ s of CPU; 0\.1 s at most: fewer seeds", done.stdout)


def test_waiting_costs_no_cpu():
    assert Costs(memory_mb=10.0, cpu_s=1.0, clock_s=900.0).beyond(LIMIT_MB, LIMIT_CPU_S) == ""


def test_both_limits_are_named_where_both_are_exceeded():
    said = Costs(memory_mb=900.0, cpu_s=61.0, clock_s=70.0).beyond(LIMIT_MB, LIMIT_CPU_S)
    assert [line.partition(";")[0] for line in said.splitlines()] == [
        "it takes 900 MB of memory",
        "it takes 61.0 s of CPU",
    ]


def test_make_notebooks_runs_with_the_limits_of_the_rules_for_authors():
    (line,) = re.findall(r"^\t\$\(PYTEST\) (.+ notebooks)$", (ROOT / "Makefile").read_text(), re.M)
    assert "-p notebook_costs" in line
    assert "--limit" not in line
    rules = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    assert f"{LIMIT_MB:g} MB of memory" in rules
    assert f"{LIMIT_CPU_S:g} s of CPU" in rules
