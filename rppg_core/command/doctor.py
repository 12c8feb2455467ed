"""What works on this machine, what does not, and what to do about it.

`rppg doctor` prints `check()`; `rppg doctor --fetch` calls `fetch()` first. A check never raises: a failure is
one line of the result.
"""

from __future__ import annotations

import importlib
import platform
import tempfile
from importlib import metadata, util
from typing import Literal, NamedTuple

from rppg_core.errors import RppgError
from rppg_core.video.face_models import ModelPaths, cache_folder, resolve_models

OPENCV = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
DECODERS = ("h264", "hevc", "vp9", "ffv1")
REINSTALL = "pip install --force-reinstall rppg-lab"


class Check(NamedTuple):
    """One line of the result."""

    name: str
    status: Literal["ok", "warn", "bad"]  # warn: something optional is missing or may behave unexpectedly
    text: str
    remedy: str = ""  # what to do; empty when all is well


def check() -> list[Check]:
    """Check Python, libraries, codecs, face models, backends and the cache. Downloads nothing."""
    return [
        _python(),
        *(_library(name) for name in ("numpy", "scipy", "plotly", "skimage")),
        _opencv(),
        _codecs(),
        _face_models(),
        _opencv_backend(),
        _optional("face backend litert", "ai_edge_litert", "pip install ai-edge-litert", wanted=False),
        _optional("face backend mediapipe", "mediapipe", "pip install 'rppg-lab[mediapipe]'", wanted=False),
        _optional("networks (torch)", "torch", "pip install 'rppg-lab[neural]'", wanted=True),
        _optional("app (gradio)", "gradio", "pip install 'rppg-lab[demo]'", wanted=True),
        _cache(),
    ]


def fetch() -> ModelPaths:
    """Download the face models into the cache, unless they are already there.

    Raises:
        ModelFileError: every source failed; the message contains the error of each source.
    """
    return resolve_models()


def _python() -> Check:
    return Check("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def _library(module: str) -> Check:
    try:
        return Check(module, "ok", str(importlib.import_module(module).__version__))
    except ImportError as error:
        return Check(module, "bad", f"cannot be imported ({error})", REINSTALL)


def _opencv() -> Check:
    """All four distributions use the same folder: if two are installed, the later one overwrites the other."""
    installed = [f"{name} {metadata.version(name)}" for name in OPENCV if _has_distribution(name)]
    remedy = f"pip uninstall -y {' '.join(OPENCV)}; pip install 'opencv-python-headless>=4.12,<5'"
    library = _library("cv2")
    if library.status == "bad":
        return Check("opencv", "bad", library.text, remedy)
    if len(installed) > 1:
        text = (
            f"{library.text} is used; {len(installed)} packages overwrite each other: {', '.join(installed)}"
        )
        return Check("opencv", "warn", text, remedy)
    if not library.text.startswith("4."):
        return Check("opencv", "warn", f"{library.text}, tested with 4.12 to 4.14", remedy)
    return Check("opencv", "ok", ", ".join(installed) or library.text)


def _codecs() -> Check:
    library = _library("av")
    if library.status == "bad":
        return Check("video (av)", "bad", library.text, library.remedy)
    from av.codec import Codec
    from av.codec.codec import UnknownCodecError

    missing = []
    for name in DECODERS:
        try:
            Codec(name, "r")
        except UnknownCodecError:
            missing.append(name)
    if missing:
        text = f"{library.text}, cannot decode {', '.join(missing)}"
        return Check("video (av)", "bad", text, "pip install --force-reinstall --only-binary=:all: av")
    return Check("video (av)", "ok", f"{library.text}, decodes {', '.join(DECODERS)}")


def _face_models() -> Check:
    try:
        paths = resolve_models(fetch=False)
    except RppgError as error:
        return Check("face models", "bad", error.got, error.do)
    folders = " and ".join(sorted({str(path.parent) for path in paths}))
    return Check("face models", "ok", f"checked, in {folders}")


def _opencv_backend() -> Check:
    """Load both networks and run them on an empty picture."""
    import numpy as np

    name = "face backend opencv"
    try:
        from rppg_core.video.face_nets import OpenCvEngine

        engine = OpenCvEngine(resolve_models(fetch=False))
        engine.detect(np.zeros((engine.detect_side, engine.detect_side, 3), np.float32))
        engine.mesh(np.zeros((engine.mesh_side, engine.mesh_side, 3), np.float32))
    except RppgError as error:
        return Check(name, "bad", "needs the face models", error.do)
    except Exception as error:  # whatever OpenCV raises: the result is the same
        lines = str(error).strip().splitlines() or [type(error).__name__]
        remedy = "pip install --force-reinstall 'opencv-python-headless>=4.12,<5'"
        return Check(name, "bad", f"fails: {lines[0]}", remedy)
    return Check(name, "ok", "both networks run")


def _optional(name: str, module: str, remedy: str, *, wanted: bool) -> Check:
    """Look for a package without importing it, since some take seconds."""
    if util.find_spec(module) is None:
        return Check(name, "warn" if wanted else "ok", "not installed (optional)", remedy)
    return Check(name, "ok", _version(module))


def _cache() -> Check:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        text = f"{folder} cannot be written ({error.strerror or error})"
        return Check("cache", "bad", text, "set XDG_CACHE_HOME to a folder that can be written")
    return Check("cache", "ok", str(folder))


def _has_distribution(name: str) -> bool:
    return any(True for _ in metadata.distributions(name=name))


def _version(module: str) -> str:
    names = metadata.packages_distributions().get(module, [module])
    return metadata.version(names[0])
