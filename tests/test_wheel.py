"""The wheel: what is in it, and that its commands run where nothing else of the project is."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
import zipfile
from pathlib import Path

import pytest

from tests.demo.browser import address
from tests.fresh_environment import new_environment, pip, require_index, variables

ROOT = Path(__file__).parents[1]
DATA = {
    "rppg_core/signals/calibration.json",
    "rppg_core/signals/respiration.json",
    "rppg_core/lab/protocols/stress/stress_lab.npz",
    "rppg_core/lab/simulate/astronaut.json",
    "rppg_core/models/checkpoints/physmle.safetensors",
    "rppg_core/models/checkpoints/tracenet.safetensors",
    "rppg_demo/static/rate_strip.js",
    "rppg_demo/static/viewer.js",
    "rppg_demo/texts/api.md",
}

pytestmark = [pytest.mark.installs, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    require_index(folder / "reached", "hatchling")
    built = pip("wheel", "--no-deps", "--wheel-dir", folder / "built", ROOT, cwd=folder)
    assert built.returncode == 0, built.stderr
    (wheel,) = (folder / "built").glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def commands(wheel, tmp_path_factory) -> Path:
    """The folder of `rppg` in an environment that holds the wheel with its extra `demo`, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    python = new_environment(folder / "venv")
    found = pip(
        "--python",
        python,
        "install",
        "--no-compile",
        "-c",
        ROOT / "constraints.txt",
        f"{wheel}[demo]",
        cwd=folder,
    )
    assert found.returncode == 0, found.stderr
    return python.parent


def run(command: list[str | Path], folder: Path) -> str:
    """What a command prints in a folder outside the repository."""
    done = subprocess.run(
        [*map(str, command)], cwd=folder, env=variables(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def files_below(folder: str) -> set[str]:
    """Files of one folder of the checkout, as the wheel should have them."""
    found = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    return {str(path.relative_to(ROOT / folder)) for path in found if "__pycache__" not in path.parts}


def test_wheel_holds_both_packages_whole_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = {name for name in names if ".dist-info/" not in name}
    core, app = files_below("rppg_core"), files_below("demo")
    assert ours == {f"rppg_core/{name}" for name in core} | {f"rppg_demo/{name}" for name in app}
    assert ours >= DATA


def test_installed_packages_are_found_by_their_names_and_demo_is_left_to_others(commands, tmp_path):
    found = "import rppg_core, rppg_demo, importlib.util; print(rppg_core.__file__, rppg_demo.__file__)"
    missing = "print(importlib.util.find_spec('demo'))"
    core, app, demo = run([commands / "python", "-c", f"{found}; {missing}"], tmp_path).split()
    assert Path(core).is_relative_to(commands.parent)
    assert Path(app).is_relative_to(commands.parent)
    assert demo == "None"


def test_analyze_reads_a_video_with_a_network_of_the_wheel(commands, face_models, tmp_path):
    run(
        [commands / "rppg", "simulate", "me.mkv", "--seconds", "10", "--hr", "80", "--motion", "none"],
        tmp_path,
    )
    run([commands / "rppg", "analyze", "me.mkv", "--methods", "pos,tracenet", "--json", "me.json"], tmp_path)
    report = json.loads((tmp_path / "me.json").read_text())
    assert report["consensus"]["vitals"]["hr"]["value"] == pytest.approx(80, abs=3)  # 10 s: 3 bpm
    assert set(report["estimates"]) == {"pos", "tracenet"}


def lines_without_seconds(text: str) -> list[str]:
    """Lines of a table of results without its last column, which no two runs share."""
    return [re.sub(r" *\d+\.\d\d$", "", line.rstrip()) for line in text.strip().splitlines()]


def test_example_of_the_readme_is_what_the_commands_print(commands, face_models, tmp_path):
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("## What a result looks like")[1]
    _, table, after = text.split("```")[:3]
    refusal = " ".join(after.split('"')[1].split())
    for name, amplitude in (("face.mkv", "0.5"), ("still.mkv", "0")):
        run(
            [commands / "rppg", "simulate", name, "--hr", "72", "--rr", "15", "--amplitude", amplitude],
            tmp_path,
        )
    wanted = lines_without_seconds(table)
    printed = lines_without_seconds(run([commands / "rppg", "analyze", "face.mkv"], tmp_path))
    assert printed[: len(wanted)] == wanted
    assert run([commands / "rppg", "analyze", "still.mkv"], tmp_path).startswith(refusal)


def test_demo_serves_its_page(commands, tmp_path):
    settings = variables(GRADIO_TEMP_DIR=str(tmp_path / "uploads"))
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [commands / "rppg", "demo"], cwd=tmp_path, stdout=log, stderr=log, env=settings
        )
        try:
            # the first start compiles what was just installed, beside other work
            url = address(process, tmp_path / "log", patience_s=300)
            with urllib.request.urlopen(url, timeout=60) as answer:
                status, page = answer.status, answer.read().decode()
        finally:
            process.terminate()
            process.wait(20)
    assert status == 200
    assert "rPPG Lab" in page
    assert "window.rppgCount" in page  # out of static/page.js
    assert "rppg-viewer" in page  # out of static/viewer.js


def test_evaluate_keeps_its_promises(commands, tmp_path):
    said = run([commands / "rppg", "evaluate", "--protocol", "refusal", "--seeds", "2"], tmp_path)
    assert "holds  consensus on photo" in said
