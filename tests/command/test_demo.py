"""`rppg demo`: which app it serves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("gradio")

ROOT = Path(__file__).parents[2]


def test_a_checkout_serves_its_own_folder_whatever_else_is_installed(tmp_path):
    """An editable install leaves a copy of the app elsewhere, and other packages are called demo."""
    for name in ("demo", "rppg_demo"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        (tmp_path / name / "app.py").write_text("raise RuntimeError('not the app of this checkout')")
    done = subprocess.run(
        [sys.executable, "-c", "from rppg_core.command.cli import load_app; print(load_app().__file__)"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == ROOT / "demo" / "app.py"
