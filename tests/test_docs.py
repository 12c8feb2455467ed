"""The documents say what is there: commands parse, names and links exist, tables are those of the code."""

import re
from pathlib import Path

import pytest
from test_architecture import HOUSE, PACKAGE

import rppg_core
from rppg_core.command import cli
from rppg_core.command.arguments import make_parser
from rppg_core.roster import describe_methods

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/results.md",
    "notebooks/README.md",
    "notebooks/TEACHING.md",
    "demo/README.md",
)


def commands_of(text: str) -> list[str]:
    """Every `rppg ...` with arguments, in a block or in a sentence."""
    return re.findall(r"\brppg (\w+ [^#`\n;]+?)\s*(?:#|$|`|;)", text, re.M)


def section_of(text: str, title: str) -> str:
    """What stands between a heading of the second depth and the next one."""
    return text.split(f"\n## {title}\n")[1].partition("\n## ")[0]


def anchors_of(text: str) -> set[str]:
    """The anchors that GitHub gives to headings."""
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def numbers_from_rows(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:\.\d+)?", text))


def tree_of(text: str) -> dict[str, list[str]]:
    """The entries of the tree by the folder they lie in; a deeper one is indented by two more blanks."""
    entries: dict[str, list[str]] = {"": []}
    folder = ""
    for line in re.findall(r"^ *\S.*$", text, re.M):
        indent = len(line) - len(line.lstrip())
        names = re.split(r"\s{2,}", line.strip())[0].split()
        folder = "" if indent == 0 else folder
        entries.setdefault(folder, []).extend(names)
        folder = names[0] if indent == 0 else folder
    return entries


def test_readme_stays_under_160_lines():
    assert len(README.splitlines()) < 160, "figures and what explains them belong in docs/results.md"


def test_method_table_is_the_roster():
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$", section_of(README, "Methods"), re.M)
    assert rows == [(row.name, row.paper, row.weights) for row in describe_methods()]


def test_readme_table_of_results_holds_what_the_results_say_of_each_network_of_ours():
    section = section_of(README, "How well it works")
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    ours = {row.name for row in describe_methods() if row.weights.startswith("trained")}
    assert {cells_of(row)[0].strip("`") for row in rows} == ours | {"consensus", "pos", "constant"}
    for row in rows:
        method, *cells = cells_of(row)
        assert numbers_from_rows(" ".join(cells)) <= results_of(method), row


def results_of(method: str) -> set[str]:
    """Numbers of a method in the results: its rows, and its cell of the row over all domains."""
    rows = [cells_of(line) for line in RESULTS.splitlines() if line.startswith("|")]
    found = {
        number for row in rows if row[0].startswith(method) for number in numbers_from_rows(" ".join(row[1:]))
    }
    domains = next(row for row in rows if row[0] == "left out")
    overall = next(row for row in rows if row[0] == "all")
    return found | (numbers_from_rows(overall[domains.index(method)]) if method in domains else set())


def cells_of(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_names_in_python_examples_exist():
    names = set(re.findall(r"rppg_core\.(\w+)", README)) - {"mp4"}
    assert names
    for name in names:
        assert hasattr(rppg_core, name), name


def test_every_name_at_the_door_can_be_imported():
    for name in rppg_core.__all__:
        assert getattr(rppg_core, name) is not None


@pytest.mark.parametrize("line", sorted({line for text in (README, RESULTS) for line in commands_of(text)}))
def test_commands_in_the_readme_and_the_results_are_understood(line):
    parsed = make_parser(cli.COMMANDS).parse_args(line.split())
    assert parsed is not None


@pytest.mark.parametrize("title", re.findall(r"^## (.+)$", RESULTS, re.M))
def test_every_section_of_results_names_the_command_that_prints_it(title):
    section = section_of(RESULTS, title)
    if re.search(r"^\|", section, re.M):
        assert commands_of(section) or re.search(r"^make \w+", section, re.M)


def test_files_in_the_tree_exist():
    tree = tree_of(section_of(README, "Where things are").split("```")[1])
    for folder, names in tree.items():
        for name in names:
            assert (ROOT / folder / name).exists(), f"{folder}{name}"


def test_tree_names_all_that_lies_in_the_package():
    named = tree_of(section_of(README, "Where things are").split("```")[1])["rppg_core/"]
    there = {path.name for path in PACKAGE.glob("*.py")} | {
        f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")
    }
    assert set(named) == there - {"__init__.py"}


def test_house_in_contributing_is_the_one_that_the_architecture_test_holds():
    rows = re.findall(r"^\| (`[^|]+`) \|", section_of(CONTRIBUTING, "The house"), re.M)
    lines = [tuple(re.findall(r"`([\w/]+)`", row)) for row in rows]
    assert lines == [tuple(name.replace(".", "/") for name in names) for names in HOUSE], lines


def test_make_targets_in_the_documents_exist():
    targets = set(re.findall(r"^([a-z -]+):", (ROOT / "Makefile").read_text(), re.M))
    targets = {name for names in targets for name in names.split()}
    for document in DOCUMENTS:
        text = (ROOT / document).read_text(encoding="utf-8")
        named = set(re.findall(r"`make ([a-z-]+)`", text)) | set(re.findall(r"^make ([a-z-]+)", text, re.M))
        assert named <= targets, (document, named - targets)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_of_the_documents_lead_somewhere(document):
    path = ROOT / document
    text = path.read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\((?!https?://)([^)#]*)(?:#([^)]+))?\)", text):
        other = path.parent / target if target else path
        assert other.is_file(), f"{document}: {target}"
        if anchor:
            assert anchor in anchors_of(other.read_text(encoding="utf-8")), f"{document}: {target}#{anchor}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_documents_name_exist(document):
    """In code font, with a folder; NAME and NN stand for a method's and a lesson's."""
    text = (ROOT / document).read_text(encoding="utf-8")
    named = re.findall(r"`((?:rppg_core|tests|notebooks|demo|docs|binder|lab|analysis)/[\w./-]+)`", text)
    for name in named:
        real = name.replace("NN_NAME", "10_physmle").replace("NAME", "physmle")
        assert (ROOT / real).exists() or (PACKAGE / real).exists() or (PACKAGE / f"{real}.py").exists(), name
