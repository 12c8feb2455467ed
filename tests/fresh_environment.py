"""Environments that are filled from nothing: pip without a word, and what a command there sees of this one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE_ONLY = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


def pip(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess:
    """Run pip; whether it went well is for the caller to look at."""
    options = ("--quiet", "--disable-pip-version-check", "--retries", "1")
    return subprocess.run(
        [sys.executable, "-m", "pip", *options, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
        cwd=cwd,
    )


def require_index(folder: Path, package: str) -> None:
    """A package can be fetched, or NOT RUN."""
    if pip("download", "--no-deps", "--dest", folder, package).returncode:
        pytest.skip("NOT RUN: pip reaches no package index")


def new_environment(folder: Path) -> Path:
    """Python of an environment without any package."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return folder / "bin" / "python"


def variables(**more: str) -> dict[str, str]:
    """Variables of this process without those that would let another one import from here."""
    kept = {name: value for name, value in os.environ.items() if name not in HERE_ONLY}
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONNOUSERSITE": "1", **more}
