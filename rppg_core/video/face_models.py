"""Sources of the two face models: a folder, the cache, Google's published file, or a wheel opened as a zip.

The models (1.47 MB, Apache-2.0) are not part of this project and not in current MediaPipe wheels. Whatever
the source, a file is used only if its sha256 matches the pinned one. Only `resolve_models(fetch=True)` uses
the network, and only if neither the given folder nor the cache holds the files.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rppg_core.errors import ModelFileError

ASSETS_URL = "https://storage.googleapis.com/mediapipe-assets/"
ASSET_TIMEOUT_S = 6
WHEEL = "mediapipe==0.10.21"  # the newest wheel that contains the two models
WHEEL_TIMEOUT_S = 300


@dataclass(frozen=True)
class ModelFile:
    """One model: its published name, its path in the wheel, and the sha256 of the only accepted content."""

    name: str
    in_wheel: str
    sha256: str


DETECTOR = ModelFile(
    "face_detection_short_range.tflite",
    "mediapipe/modules/face_detection/face_detection_short_range.tflite",
    "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
)
MESH = ModelFile(
    "face_landmark.tflite",
    "mediapipe/modules/face_landmark/face_landmark.tflite",
    "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
)
MODELS = (DETECTOR, MESH)


class ModelPaths(NamedTuple):
    """The two files, checked."""

    detector: Path
    mesh: Path


def resolve_models(fetch: bool = True, *, folder: str | Path | None = None) -> ModelPaths:
    """Find the two face models, or fetch them into the user's cache.

    Args:
        fetch: allow downloads when the files are neither in the folder nor in the cache.
        folder: searched first; default: the environment variable RPPG_MODEL_DIR, if set.

    Returns:
        Paths of the files, whose sha256 was checked in this call.

    Raises:
        ModelFileError: a file in `folder` has the wrong content, or nothing could be found or fetched.
    """
    found = {model: path for model in MODELS if (path := find_model(model, folder))}
    missing = [model for model in MODELS if model not in found]
    if missing:
        if not fetch:
            raise ModelFileError(
                f"{' and '.join(map(_absence, missing))} in {cache_folder()}",
                wanted="the two face models in the cache or in the folder that RPPG_MODEL_DIR names",
                do="run: rppg doctor --fetch",
            )
        found |= _fetch(missing)
    return ModelPaths(found[DETECTOR], found[MESH])


def find_model(model: ModelFile, folder: str | Path | None = None) -> Path | None:
    """The checked file in the folder, else in the cache; None when neither has it. Never downloads.

    Args:
        model: the model to find.
        folder: searched first; default: the environment variable RPPG_MODEL_DIR, if set.

    Returns:
        Its path, or None.

    Raises:
        ModelFileError: the file in `folder` has the wrong content.
    """
    folder = folder or os.environ.get("RPPG_MODEL_DIR") or None
    return (_in_folder(model, Path(folder)) if folder else None) or _in_cache(model)


def cache_folder() -> Path:
    """The cache folder of this program: in XDG_CACHE_HOME if set, else at the default of the platform."""
    if root := os.environ.get("XDG_CACHE_HOME"):
        return Path(root) / "rppg-lab"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "rppg-lab" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/rppg-lab"
    return Path.home() / ".cache/rppg-lab"


def _in_folder(model: ModelFile, folder: Path) -> Path | None:
    """The file in a folder given by the user; the same name with other content is an error."""
    path = folder / model.name
    if not path.is_file():
        return None
    if (got := _sha256(path.read_bytes())) != model.sha256:
        raise ModelFileError(
            f"{path} has sha256 {got}",
            wanted=f"sha256 {model.sha256}",
            do="replace or delete that file, or unset RPPG_MODEL_DIR",
        )
    return path


def _in_cache(model: ModelFile) -> Path | None:
    """The cached file; a damaged one counts as absent and is replaced by the next fetch."""
    path = cache_folder() / model.name
    with contextlib.suppress(OSError):
        if _sha256(path.read_bytes()) == model.sha256:
            return path
    return None


def _absence(model: ModelFile) -> str:
    damaged = (cache_folder() / model.name).is_file()
    return f"face model {model.name} is {'damaged (its sha256 differs)' if damaged else 'missing'}"


def _fetch(models: list[ModelFile]) -> dict[ModelFile, Path]:
    """Try the sources one after the other; the error lists the failure of each."""
    complaints: list[str] = []
    sources: tuple[Callable[[list[ModelFile]], dict[ModelFile, bytes]], ...] = (_from_assets, _from_wheel)
    for source in sources:
        try:
            contents = source(models)
            for model, content in contents.items():
                _check(model, content)
        except (ModelFileError, OSError, subprocess.SubprocessError) as error:
            complaints.append(f"{source.__name__.removeprefix('_from_')}: {_one_line(error)}")
            continue
        return {model: _store(model, content) for model, content in contents.items()}
    raise ModelFileError(
        f"the face models could not be fetched ({'; '.join(complaints)})",
        wanted=f"{' and '.join(model.name for model in models)} from {ASSETS_URL} or from {WHEEL}",
        do=f"connect to the internet and run: rppg doctor --fetch, or put the files into {cache_folder()}",
    )


def _from_assets(models: list[ModelFile]) -> dict[ModelFile, bytes]:
    """Google's published files."""
    import urllib.request  # 30 ms, seldom needed
    from http.client import HTTPException

    contents = {}
    for model in models:
        try:
            with urllib.request.urlopen(ASSETS_URL + model.name, timeout=ASSET_TIMEOUT_S) as answer:
                contents[model] = answer.read()
        except HTTPException as error:
            raise OSError(f"{ASSETS_URL + model.name} broke off: {error!r}") from error
    return contents


def _from_wheel(models: list[ModelFile]) -> dict[ModelFile, bytes]:
    """The models in the MediaPipe wheel, which pip downloads as data: nothing in it is installed or run."""
    with tempfile.TemporaryDirectory(prefix="rppg-models-") as folder:
        options = "--quiet --disable-pip-version-check --retries 2 --no-deps --only-binary=:all:"
        platform = "--python-version 3.11 --platform manylinux_2_28_x86_64"  # whatever this machine is
        command = [sys.executable, "-m", "pip", "download", *options.split(), *platform.split(), WHEEL]
        done = subprocess.run(
            [*command, "--dest", folder],
            capture_output=True,
            text=True,
            timeout=WHEEL_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        wheels = sorted(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            raise OSError(f"pip download {WHEEL} failed: {done.stderr.strip() or 'no wheel'}")
        try:
            with zipfile.ZipFile(wheels[0]) as wheel:
                return {model: wheel.read(model.in_wheel) for model in models}
        except (zipfile.BadZipFile, KeyError) as error:
            raise OSError(f"{wheels[0].name} does not hold the models: {error}") from error


def _store(model: ModelFile, content: bytes) -> Path:
    """Write to the cache in one step, so that no reader gets an incomplete file."""
    path = cache_folder() / model.name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=model.name, delete=False) as file:
            try:
                file.write(content)
                file.close()
                os.replace(file.name, path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise ModelFileError(
            f"{path} cannot be written ({error.strerror or error})",
            wanted="a writable cache folder",
            do="make it writable, or set XDG_CACHE_HOME to another folder",
        ) from error
    return path


def _check(model: ModelFile, content: bytes) -> None:
    if (got := _sha256(content)) != model.sha256:
        raise ModelFileError(
            f"{model.name} has sha256 {got}", wanted=f"sha256 {model.sha256}", do="try another source"
        )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _one_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
