"""The README says what is there: its commands parse, its names exist, its table is the roster."""

import re
from pathlib import Path

import pytest

import rppg_core
from rppg_core.command import cli
from rppg_core.command.arguments import parser_of
from rppg_core.roster import describe_methods

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_method_table_is_the_roster():
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \| none needed \|$", README, re.M))
    assert {name: paper.strip() for name, paper in rows.items()} == {
        row.name: row.paper for row in describe_methods() if row.weights == "none needed"
    }


def test_names_in_python_examples_exist():
    names = set(re.findall(r"rppg_core\.(\w+)", README)) - {"mp4"}
    assert names
    for name in names:
        assert hasattr(rppg_core, name), name


def test_every_name_at_the_door_can_be_imported():
    for name in rppg_core.__all__:
        assert getattr(rppg_core, name) is not None


@pytest.mark.parametrize("line", re.findall(r"\brppg (\w+ [^#`\n]+?)\s*(?:#|$|`)", README, re.M))
def test_commands_in_the_readme_are_understood(line, monkeypatch):
    parsed = parser_of(cli.COMMANDS).parse_args(line.split())
    assert parsed is not None


def test_files_in_the_tree_exist():
    block = README.split("## The tree")[1].split("```")[1]
    for entry in re.findall(r"^(\w+/)|^  ([\w./* ]+?)\s{2,}", block, re.M):
        for name in (entry[0] or entry[1]).split():
            places = [*ROOT.glob(name), *(ROOT / "rppg_core").glob(name)]
            assert places, name


def test_make_targets_in_the_documents_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for document in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"`make ([a-z-]+)`", (ROOT / document).read_text()))
        named |= set(re.findall(r"^make ([a-z-]+)", (ROOT / document).read_text(), re.M))
        assert named <= targets, named - targets
