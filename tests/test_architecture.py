"""The house: which file may import which. Read from the source, imports inside functions included."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rppg_core"

# A file imports from its own line and from lines above it. A name covers what lies below it; the longest one counts.
HOUSE = (
    ("types", "errors", "data_files", "json_form"),
    ("signals", "tables"),
    ("metrics",),
    ("video",),
    ("classical",),
    ("oximetry",),
    ("nn",),
    ("roster",),
    ("models",),
    ("analysis",),
    ("lab", "lab.workers"),
    ("lab.simulate",),
    ("lab.datasets",),
    ("lab.training",),
    ("lab.protocols",),
    ("figures",),
    ("course",),
    ("command",),
    ("__init__",),
)
SHARED_BY_PROTOCOLS = {
    "table",
    "ridge",
    "differences",
    "kept_clips",
    "waveform_scores",
    "face_clips",
    "voices",
    "own_weights",
}
LIGHT = {"numpy", "scipy", "cv2", "av", "jaxtyping"}  # what the cold path of `rppg analyze` may load


@cache
def modules() -> dict[str, Path]:
    return {
        str(path.relative_to(PACKAGE).with_suffix("")).replace("/", ".").removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
    }


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Package-relative names of everything of ours that a file imports, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "rppg_core":
            base = node.module.removeprefix("rppg_core").removeprefix(".")
            for alias in node.names:
                name = f"{base}.{alias.name}".strip(".")
                found.add(name if name in modules() else base or "__init__")
        elif isinstance(node, ast.Import):
            found |= {
                a.name.removeprefix("rppg_core.") for a in node.names if a.name.startswith("rppg_core.")
            }
    return frozenset(found)


def line_of(module: str) -> int:
    """Number of a module's line in HOUSE."""
    named = {name: k for k, names in enumerate(HOUSE) for name in names}
    parts = module.split(".")
    return next(named[name] for n in range(len(parts), 0, -1) if (name := ".".join(parts[:n])) in named)


def protocol_of(module: str) -> str:
    """The folder or file below lab.protocols that a module belongs to; "" for what all protocols share."""
    name = module.removeprefix("lab.protocols").removeprefix(".").partition(".")[0]
    return name if module.startswith("lab.protocols.") and name not in SHARED_BY_PROTOCOLS else ""


def allowed(importer: str, imported: str) -> bool:
    mine, other = protocol_of(importer), protocol_of(imported)
    if mine and other and mine != other:
        return False
    return line_of(importer) >= line_of(imported)


LISTS_A_FOLDER = {"glob", "rglob", "iterdir", "listdir", "scandir", "walk", "iglob"}
# Folders that only this program writes to, or that come with it: nobody puts a recording there.
OWN_FOLDERS = {
    "lab.training.record": "checkpoints of a run",
    "lab.protocols.kept_clips": "its cache",
    "lab.training.trials": "checkpoints of a run",
    "video.inspect": "lessons of the course",
    "video.face_models": "installed packages",
    "video.paths": "names for a hint",
}


def folder_listings(path: Path) -> list[int]:
    """Lines in which a file lists a folder by itself."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LISTS_A_FOLDER
        and not (isinstance(node.func.value, ast.Name) and node.func.value.id == "ast")
    ]


def test_only_one_module_lists_folders_of_users():
    found = {name: lines for name, path in modules().items() if (lines := folder_listings(path))}
    assert set(found) - {"data_files"} == set(OWN_FOLDERS), found


@pytest.mark.parametrize("module", sorted(modules()))
def test_module_imports_from_its_line_and_those_above(module):
    wrong = [name for name in imports_of(modules()[module]) if not allowed(module, name)]
    assert not wrong, f"{module} may not import {wrong}"


def test_there_is_no_circle_of_imports():
    graph = {name: imports_of(path) - {name} for name, path in modules().items() if name != "__init__"}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"circle: {' -> '.join([*trail, name])}"
        if name not in done:
            for other in graph.get(name, ()):
                visit(other, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())
    assert set(graph) <= done


def test_inference_for_the_demo_does_not_import_gradio():
    text = (ROOT / "demo" / "inference.py").read_text()
    names = {a.name for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module or "" for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ImportFrom)}
    assert not [name for name in names if name.split(".")[0] == "gradio"]


def test_files_of_the_app_import_each_other_relatively():
    """The wheel installs them under another name than the folder's."""
    files = sorted((ROOT / "demo").rglob("*.py"))
    nodes = [(path, node) for path in files for node in ast.walk(ast.parse(path.read_text()))]
    named = [(path, a.name) for path, node in nodes if isinstance(node, ast.Import) for a in node.names]
    named += [
        (path, node.module or "")
        for path, node in nodes
        if isinstance(node, ast.ImportFrom) and not node.level
    ]
    assert files
    assert not [(path, name) for path, name in named if name.split(".")[0] in {"demo", "rppg_demo"}]


# What starts processes that compute. `subprocess` runs other programs and stays free.
PROCESSES = {
    "multiprocessing",
    "joblib",
    "loky",
    "billiard",
    "torch.multiprocessing",
    "concurrent.futures.process",
    "concurrent.futures.ProcessPoolExecutor",
    "torch.utils.data.DataLoader",
    "torch.utils.data.dataloader",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.posix_spawnp",
}


def process_makers(path: Path) -> set[str]:
    """Names out of PROCESSES that a file imports or reads, by whatever name it calls them."""
    tree, used, called = ast.parse(path.read_text()), set(), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            used |= {alias.name for alias in node.names}
            called |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module:
            used |= {f"{node.module}.{alias.name}" for alias in node.names}
            called |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner, _, rest = ast.unparse(node).partition(".")
            used.add(f"{called.get(owner, owner)}.{rest}")
    return {maker for maker in PROCESSES for name in used if name == maker or name.startswith(f"{maker}.")}


def test_worker_processes_start_in_one_place_only():
    files = [p for folder in ("rppg_core", "demo", "tests/bench") for p in (ROOT / folder).rglob("*.py")]
    found = {str(path.relative_to(ROOT)): makers for path in files if (makers := process_makers(path))}
    assert found == {"rppg_core/lab/workers.py": {"multiprocessing"}}


@pytest.mark.parametrize(
    "code",
    [
        "from multiprocessing import Pool",
        "import multiprocessing as mp",
        "from concurrent.futures import ProcessPoolExecutor as Executor",
        "import concurrent.futures\nconcurrent.futures.ProcessPoolExecutor(2)",
        "from concurrent import futures\nfutures.ProcessPoolExecutor(2)",
        "def work():\n    from torch.utils.data import DataLoader",
        "import torch\ntorch.utils.data.DataLoader([], num_workers=2)",
        "import torch.utils.data as data\ndata.DataLoader([])",
        "from torch.multiprocessing import spawn",
        "import os\nos.fork()",
        "from os import fork",
        "from joblib import Parallel",
    ],
)
def test_every_way_to_start_a_worker_is_seen(code, tmp_path):
    (tmp_path / "module.py").write_text(code)
    assert process_makers(tmp_path / "module.py")


def test_files_stay_below_390_lines():
    long = {
        str(path): n
        for folder in (PACKAGE, ROOT / "demo")
        for path in folder.rglob("*.py")
        if (n := len(path.read_text().splitlines())) > 390
    }
    assert not long


def test_files_have_no_grab_bag_names():
    grab_bags = {"utils.py", "helpers.py", "common.py", "misc.py"}
    ours = [path for folder in ("rppg_core", "demo", "tests") for path in (ROOT / folder).rglob("*.py")]
    assert ours
    assert not [path for path in ours if path.name in grab_bags]
