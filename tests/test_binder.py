"""What Binder builds: the environment holds what the course needs, and its JupyterLab opens on the first lesson.

conda-forge and apt are out of reach of a test: of these the names are checked. What postBuild installs is installed.
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
BINDER = ROOT / "binder"


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def conda() -> dict[str, str]:
    """Name -> range of what the environment lists."""
    listed = yaml.safe_load((BINDER / "environment.yml").read_text())
    assert listed["channels"] == ["conda-forge"]
    lines = [re.fullmatch(r"([a-z][\w-]*)=?(.*)", line) for line in listed["dependencies"]]
    return {line[1]: line[2] for line in lines if line}


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The home of an environment in which postBuild has run; its Python is in HOME/env/bin."""
    home = tmp_path_factory.mktemp("binder")
    subprocess.run([sys.executable, "-m", "venv", home / "env"], check=True)
    path = f"{home / 'env/bin'}:{os.environ['PATH']}"
    settings = {"HOME": str(home), "PATH": path, "PIP_COMPILE": "0"}  # little of it is imported here
    done = subprocess.run(
        ["bash", BINDER / "postBuild"],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return home


def test_python_of_the_environment_is_one_that_the_project_takes(conda, project):
    assert Requirement(f"python{project['requires-python']}").specifier.contains(f"{conda['python']}.0")


def test_torch_of_the_environment_is_the_one_of_the_extra_without_cuda(conda, project):
    (wanted,) = [r for r in map(Requirement, project["optional-dependencies"]["neural"]) if r.name == "torch"]
    assert (
        "pytorch-cpu" in conda and Requirement(f"torch{conda['pytorch-cpu']}").specifier == wanted.specifier
    )
    assert "torch" not in conda and "pytorch" not in conda


def test_notebooks_get_all_that_networks_need_but_torch(project):
    extras = project["optional-dependencies"]
    wanted = {
        text for text in extras["neural"] + extras["language"] if not text.startswith(("torch", "rppg-lab"))
    }
    assert {"safetensors", "transformers"} <= {Requirement(text).name for text in wanted}
    assert wanted <= set(extras["notebooks"])


def test_nothing_else_is_listed_twice(conda):
    assert set(conda) == {"python", "pip", "pytorch-cpu"}


def test_list_of_debian_packages_is_one_name_a_line():
    lines = (BINDER / "apt.txt").read_text().splitlines()
    assert lines and all(re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", line) for line in lines)


def test_script_may_be_run_and_stops_at_its_first_fault():
    script = BINDER / "postBuild"
    assert script.stat().st_mode & stat.S_IXUSR
    assert "set -e" in script.read_text()


@pytest.mark.installs
@pytest.mark.timeout(600)
def test_environment_opens_on_the_first_lesson(built):
    config = json.loads((built / ".jupyter" / "jupyter_server_config.json").read_text())
    lesson = config["LabApp"]["default_url"].removeprefix("/lab/tree/")
    assert (ROOT / lesson).is_file()


@pytest.mark.installs
@pytest.mark.timeout(600)
def test_first_lesson_runs_in_the_environment(built, tmp_path):
    lesson = ROOT / "notebooks" / "00_start_here.ipynb"
    done = subprocess.run(
        [
            built / "env/bin/jupyter",
            "execute",
            "--kernel_name=python3",
            f"--output={tmp_path / 'run.ipynb'}",
            lesson,
        ],
        env={**os.environ, "HOME": str(built)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert '"text/plain"' in (tmp_path / "run.ipynb").read_text()
