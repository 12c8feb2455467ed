"""One clip with its truth in one file: written whole or not at all, read back as it was.

Colours are kept to seven digits, times and masks exactly.
Axis letters: T time, N cell.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float

from rppg_core.errors import WriteError
from rppg_core.types import FaceClip, FaceInfo, Truth, VideoInfo, plain

KnownClip = tuple[FaceClip, Truth]


def load_clip(path: Path, *, skin_weight: bool = True) -> KnownClip:
    """A clip as `save_clip` wrote it."""
    with np.load(path, allow_pickle=False) as stored:
        words = json.loads(str(stored["words"]))
        arrays: dict[str, dict[str, Any]] = {"clip": {}, "truth": {}, "cells": {}}
        for name in stored.files:
            if name != "words":
                owner, field = name.split(".")
                values = stored[name]
                arrays[owner][field] = values.astype(float) if values.dtype == np.float32 else values
    facts = words["clip"]
    made: dict[str, Any] = {"video": VideoInfo(**facts.pop("video")), "face": FaceInfo(**facts.pop("face"))}
    for name, value in facts.items():  # JSON knows lists only
        if isinstance(value, dict):
            made[name] = {key: np.array(numbers, float) for key, numbers in value.items()}
        else:
            made[name] = tuple(value) if isinstance(value, list) else value
    clip = FaceClip(**arrays["clip"], **made)
    if not skin_weight:
        cells = arrays["cells"]["unweighted"]
        clip = replace(clip, stmap=cells, stmap_weight=np.ones(cells.shape[1]))
    # a clip without a pulse has rates that are NaN, for which JSON has no word
    known: dict[str, Any] = {
        name: float("nan") if value is None else value for name, value in words["truth"].items()
    }
    return clip, Truth(**arrays["truth"], **known)


def save_clip(
    path: Path, clip: FaceClip, truth: Truth, unweighted: Float[np.ndarray, "time cell 3"] | None = None
) -> None:
    """Write a clip whole or not at all: others may be reading the folder. Colours are kept to seven digits."""
    arrays = {} if unweighted is None else {"cells.unweighted": unweighted.astype(np.float32)}
    words: dict[str, dict[str, Any]] = {"clip": {}, "truth": {}}
    for owner, record in (("clip", clip), ("truth", truth)):
        for name in (field.name for field in fields(record)):
            value = getattr(record, name)
            if isinstance(value, np.ndarray):
                exact = name.endswith("_s") or value.dtype != float
                arrays[f"{owner}.{name}"] = value if exact else value.astype(np.float32)
            elif value is not None:
                words[owner][name] = plain(value.__dict__ if name in ("video", "face") else value)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        np.savez_compressed(file, words=np.array(json.dumps(words)), **arrays)  # pyright: ignore[reportArgumentType]
    os.replace(file.name, path)


def readable(path: Path) -> bool:
    """The file is there and holds a clip."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return "words" in stored.files
    except (OSError, ValueError, BadZipFile, EOFError):
        return False


def made_folder(folder: Path) -> Path:
    """The folder, made where it is missing.

    Raises:
        WriteError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"cannot make {str(folder)!r} ({error.strerror or error})",
            wanted="a folder that may be written",
            do="choose another with --runs",
        ) from error
    return folder


def digest(value: Sequence[Any] | Mapping[str, Any]) -> str:
    """Hash of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
