"""The start of the app on a Space: the face models are downloaded first, then it serves."""

from __future__ import annotations

from rppg_core.errors import ModelFileError
from rppg_core.video.face_models import resolve_models

from .app import launch


def start() -> None:
    """Serve until stopped. Without the models the example works, and an upload gives an error that names them."""
    try:
        resolve_models()
    except ModelFileError as error:
        print(f"rPPG Lab: {error}", flush=True)
    launch()
