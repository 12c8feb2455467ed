"""The app as a Space starts it: the face models are fetched first, then it serves."""

from __future__ import annotations

from rppg_core.errors import ModelFileError
from rppg_core.video.face_models import resolve_models

from .app import launch


def start() -> None:
    """Serve until stopped. Without the models the example is shown, and an upload is told what is missing."""
    try:
        resolve_models()
    except ModelFileError as error:
        print(f"rPPG Lab: {error}", flush=True)
    launch()
