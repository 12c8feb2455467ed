"""The house: which file may import which. Read from the source, imports inside functions included."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rppg_core"

FLOORS = {
    "types": 0, "errors": 0,
    "signals": 1, "vitals": 1, "metrics": 1, "data_files": 1, "tables": 1,
    "video": 2, "classical": 2, "oximetry": 2, "simulate": 2, "lab": 2,
    "nn": 3, "datasets": 3,
    "models": 4,
    "roster": 5, "weights": 5, "neural_method": 5,
    "training": 6, "protocols": 6, "pipeline": 6, "runs": 6, "verdict": 6,
    "calibrate": 6, "calibrate_respiration": 6, "scale": 6,
    "viz": 7, "dataset_figures": 7, "report_page": 7, "curve_page": 7, "physiology_figure": 7, "teach": 7,
    "stress_figure": 7, "expert_figure": 7, "lesson_figures": 7, "network_figures": 7,
    "answers": 7,
    "__init__": 8, "arguments": 8, "cli": 8, "research": 8, "output": 8, "progress": 8, "doctor": 8, "demo": 8,
    "batch": 8,
}  # fmt: skip
# Within a floor: who may import whom, by package-relative prefix. A name covers what lies below it.
WITHIN = {
    ("types", "errors"), ("vitals", "signals"), ("metrics", "signals"), ("tables", "tables"),
    ("signals", "signals.checks"), ("signals.spectrum", "signals.filters"), ("signals.quality", "signals.filters"),
    ("signals.quality", "signals.spectrum"), ("signals.beats", "signals.filters"),
    ("signals.beats", "signals.spectrum"), ("signals.respiration", "signals.filters"),
    ("signals.respiration", "signals.spectrum"), ("signals.respiration", "signals.beats"),
    ("signals.calibration", "signals.quality"), ("signals.band_edges", "signals.quality"),
    ("signals.band_edges", "signals.calibration"), ("video.clip", "video"),
    ("video.face", "video.face_models"), ("video.face", "video.mesh_points"),
    ("video.face", "video.face_nets"), ("video.face", "video.face_mediapipe"),
    ("video.face", "video.frame"), ("video.face_nets", "video.face_models"),
    ("video.face_nets", "video.frame"), ("video.face_mediapipe", "video.face_models"),
    ("video.face_mediapipe", "video.face_nets"), ("video.face_mediapipe", "video.frame"),
    ("video.reader", "video.frame"), ("video.reader", "video.clock"), ("video.reader", "video.decoder"),
    ("video.decoder", "video.clock"), ("video.decoder", "video.mp4_edits"), ("video.decoder", "video.paths"),
    ("video.repeats", "video.frame"),
    ("video.repeats", "video.prepare"), ("video.prepare", "video.clip_fields"),
    ("video.pose", "video.mesh_points"), ("video.reader", "video.paths"),
    ("video.arrays", "video.frame"), ("video.arrays", "video.array_times"),
    ("video.roi", "video.mesh_points"), ("video.background", "video.pixels"),
    ("video.stmap", "video.pixels"), ("video.inspect", "video.reader"), ("video.inspect", "video.repeats"),
    ("video.inspect", "video.face"),
    ("video.inspect", "video.frame"), ("video.inspect", "video.pose"), ("video.face", "video.reader"),
    ("classical", "video"), ("oximetry", "video"), ("simulate", "video"), ("simulate", "simulate"),
    ("datasets", "datasets"), ("models", "models.base"), ("models.physmle", "models.physmle"), ("nn", "nn"),
    ("training", "scale"), ("weights", "roster"), ("neural_method", "roster"),
    ("neural_method", "weights"), ("scale", "pipeline"),
    ("protocols", "pipeline"), ("protocols", "protocols"), ("training", "pipeline"),
    ("training", "training"), ("pipeline", "verdict"), ("pipeline", "runs"), ("protocols", "runs"),
    ("calibrate", "runs"), ("calibrate", "pipeline"), ("calibrate", "protocols"),
    ("protocols", "training"), ("protocols", "scale"), ("calibrate_respiration", "calibrate"), ("report_page", "viz"),
    ("report_page", "physiology_figure"), ("dataset_figures", "viz"),
    ("report_page", "dataset_figures"), ("physiology_figure", "viz"), ("curve_page", "viz"), ("stress_figure", "viz"),
    ("report_page", "stress_figure"), ("expert_figure", "viz"),
    ("curve_page", "report_page"), ("teach", "viz"), ("cli", "doctor"), ("cli", "arguments"),
    ("teach", "answers"), ("answers", "answers"), ("lesson_figures", "viz"), ("network_figures", "viz"),
    ("network_figures", "lesson_figures"),
    ("arguments", "__init__"), ("cli", "progress"), ("cli", "research"), ("cli", "output"),
    ("cli", "batch"), ("batch", "output"), ("batch", "progress"),
    ("research", "output"), ("research", "progress"), ("cli", "__init__"),
}  # fmt: skip
LIGHT = {"numpy", "scipy", "cv2", "av", "jaxtyping"}  # what the cold path of `rppg analyze` may load


def modules() -> dict[str, Path]:
    return {
        str(path.relative_to(PACKAGE).with_suffix("")).replace("/", ".").removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
    }


def imports_of(path: Path) -> set[str]:
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
    return found


def covers(prefix: str, module: str) -> bool:
    return module == prefix or module.startswith(prefix + ".")


def allowed(importer: str, imported: str) -> bool:
    high, low = FLOORS[importer.split(".", maxsplit=1)[0]], FLOORS[imported.split(".", maxsplit=1)[0]]
    if high != low:
        return high > low
    return importer == imported or any(covers(a, importer) and covers(b, imported) for a, b in WITHIN)


LISTS_A_FOLDER = {"glob", "rglob", "iterdir", "listdir", "scandir", "walk", "iglob"}
# Folders that only this program writes to, or that come with it: nobody puts a recording there.
OWN_FOLDERS = {
    "training.record": "checkpoints of a run",
    "protocols.stress_clips": "its cache", "protocols.photo_clips": "its cache",
    "video.inspect": "lessons of the course", "video.face_models": "installed packages",
    "video.paths": "names for a hint",
}  # fmt: skip


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
def test_module_imports_only_lower_floors(module):
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


# What starts processes that compute. `subprocess` runs other programs and stays free.
PROCESSES = {
    "multiprocessing", "joblib", "loky", "billiard", "torch.multiprocessing", "concurrent.futures.process",
    "concurrent.futures.ProcessPoolExecutor", "torch.utils.data.DataLoader", "torch.utils.data.dataloader",
    "os.fork", "os.forkpty", "os.posix_spawn", "os.posix_spawnp",
}  # fmt: skip


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


def test_files_stay_below_four_hundred_lines():
    long = {
        str(path): n
        for folder in (PACKAGE, ROOT / "demo")
        for path in folder.rglob("*.py")
        if (n := len(path.read_text().splitlines())) > 400
    }
    assert not long


def test_files_have_no_grab_bag_names():
    grab_bags = {"utils.py", "helpers.py", "common.py", "misc.py"}
    ours = [path for folder in ("rppg_core", "demo", "tests") for path in (ROOT / folder).rglob("*.py")]
    assert ours
    assert not [path for path in ours if path.name in grab_bags]
