"""Fixtures for what lies outside the project, and the report of tests that could not run without it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.demo.browser import playwright

__all__ = ["playwright"]  # also a fixture: what launches a Chromium

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
settings.register_profile(
    "suite", deadline=None
)  # a busy machine is no failure; the suite has limits of its own
settings.load_profile("suite")


def _not_run(reason: str) -> None:
    pytest.skip(f"NOT RUN: {reason}")


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder of small real recordings, from RPPG_TEST_DATA."""
    folder = os.environ.get("RPPG_TEST_DATA", "")
    if not Path(folder).is_dir() or not folder:
        _not_run("RPPG_TEST_DATA does not name the folder of real recordings")
    return Path(folder)


@pytest.fixture(scope="session")
def model_dir() -> Path:
    """Folder of model files for optional backends, from RPPG_MODEL_DIR."""
    folder = os.environ.get("RPPG_MODEL_DIR", "")
    if not Path(folder).is_dir() or not folder:
        _not_run("RPPG_MODEL_DIR does not name a folder of model files")
    return Path(folder)


@pytest.fixture(scope="session")
def face_models() -> None:
    """The two face models are present (make test fetches them); nothing is downloaded from a test."""
    from rppg_core.errors import ModelFileError
    from rppg_core.video.face import resolve_models

    try:
        resolve_models(fetch=False)
    except ModelFileError as error:
        _not_run(str(error))


def pytest_terminal_summary(terminalreporter):
    """Say loudly what did not run."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.write_line(f"NOT RUN: {len(skipped)} tests (reasons above)", yellow=True, bold=True)
