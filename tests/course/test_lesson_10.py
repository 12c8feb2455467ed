"""Lesson 10: its figures from `docs/results.md` stand there, and what the prose says is what the cells print."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

pytest.importorskip("nbformat")

from rppg_core.course.answers import physmle as answers
from tests.course.lesson_cells import cells_of, numbers_of, prose_of, table_of

NAME = "10_physmle"
RESULTS = (Path(__file__).parents[2] / "docs" / "results.md").read_text(encoding="utf-8")
ROW_OF = {
    "whole": "whole (3 experts, rank 4)",
    "no experts": "no experts",
    "no router": "no router",
    "one expert": "one expert",
    "no priors": "no priors",
    "pos": "`pos`",
    "constant": "constant",
}


def literal(name: str) -> dict:
    """The table of this name that a cell of the lesson writes out."""
    for cell in cells_of(NAME):
        if cell.cell_type == "code":
            for node in ast.parse(cell.source).body:
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
                    return ast.literal_eval(node.value)
    raise AssertionError(name)


def rows_of(section: str) -> list[list[str]]:
    """The cells of every table row of a section of the results."""
    text = RESULTS.split(f"## {section}\n")[1].split("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]


def first_number(text: str) -> float:
    found = re.search(r"\d+\.\d+", text)
    assert found, text
    return float(found[0])


def test_domains_left_out_are_those_of_the_results():
    table = literal("LEFT_OUT")
    rows = {row[0]: row[1:] for row in rows_of("Domains that were never trained on")}
    for k, place in enumerate(literal("PLACES")):
        assert [first_number(cell) for cell in rows[place]] == [
            table[method][k] for method in ("pos", "tracenet", "physmle", "constant")
        ]
    assert {name: table[name] for name in answers.LEFT_OUT_BPM} == answers.LEFT_OUT_BPM


def test_ablation_and_seesaw_are_those_of_the_results():
    rows = rows_of("What the parts of PhysMLE are for")
    named = {row[0]: row for row in rows}
    for name, error in literal("ABLATION").items():
        assert first_number(named[ROW_OF[name]][2]) == error
    for task, errors in literal("TASKS_ALONE").items():
        row = next(
            row for row in rows if row[0].lower().startswith(task.split(" (")[0].lower()) and len(row) == 5
        )
        assert tuple(map(first_number, row[1:4])) == errors


def test_shares_of_the_experts_follow_the_heart_rate_with_and_without_the_routers():
    for name in ("routers", "all gates at 1"):
        rates, people, follows = numbers_of(
            NAME, rf"{name} +spread over rates ([\d.]+), over people ([\d.]+); (\d+)% of the variance"
        )
        assert rates > 2 * people
        assert follows > 75


def test_direct_rates_without_priors_that_the_prose_cites_are_those_of_the_results():
    rows = {row[0]: row for row in rows_of("What the parts of PhysMLE are for")}
    without, whole = (first_number(rows[name][5]) for name in ("no priors", "whole (3 experts, rank 4)"))
    assert f"{without:.2f} without the priors against {whole:.2f} with them" in prose_of(NAME)
    better = {
        task: next(row for row in rows.values() if row[0].startswith(task))[4]
        for task in ("pulse", "breathing")
    }
    assert better == {"pulse": "3", "breathing": "0"}  # of three seeds


@pytest.mark.parametrize(
    ("router", "learns"),
    [
        ("dense", "always"),
        ("dense, blind", "never"),
        ("softmax, balance", "always"),
        ("softmax alone", "mostly"),
        ("choice, balance", "always"),
        ("choice alone", "never"),
    ],
)
def test_toy_routers_learn_where_the_prose_says_so(router, learns):
    errors = list(table_of(NAME, "choice alone")[router].values())
    learned = sum(error < 0.1 for error in errors)
    assert learned == {"always": 8, "mostly": 7, "never": 0}[learns]
    assert all(error < 0.1 or error > 0.4 for error in errors)


def test_softmax_router_with_balance_is_no_worse_than_the_dense_one():
    dense, softmax = (
        numbers_of(NAME, rf"{router} +mean error ([\d.]+)")[0] for router in ("dense", "softmax, balance")
    )
    assert softmax <= dense
