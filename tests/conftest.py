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
# a busy machine is no failure; the suite has limits of its own
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


def _not_run(reason: str) -> None:
    pytest.skip(f"NOT RUN: {reason}")


def _folder_from(variable: str, what: str) -> Path:
    folder = os.environ.get(variable, "")
    if not folder or not Path(folder).is_dir():
        _not_run(f"{variable} does not name {what}")
    return Path(folder)


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder of small real recordings, from RPPG_TEST_DATA."""
    return _folder_from("RPPG_TEST_DATA", "the folder of real recordings")


@pytest.fixture(scope="session")
def model_dir() -> Path:
    """Folder of model files for optional backends, from RPPG_MODEL_DIR."""
    return _folder_from("RPPG_MODEL_DIR", "a folder of model files")


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
