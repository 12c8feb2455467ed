"""One clip with its truth in one file: the format in which all clips are stored.

`rppg dataset extract`, training and the protocols write and read their clips here. A file is a .npz that holds

- every array of the `FaceClip` under the name of its field, and arrays of a mapping (`scene`) as "scene.light";
- every array and number of the `Truth` as "truth_bvp", "truth_rr_brpm";
- "words": JSON with all other fields of both. Older files have none; their clips are at 30 Hz, of a face;
- "unweighted", on request: plain means of the cells beside the skin-weighted ones of `stmap`;
- "about", on request: text from the code that wrote the file.

Traces are stored in single precision (half has steps of 0.06 grey levels at 100, a third of a weak pulse) and come
back in double; times and truth are stored exactly. Nothing is compressed: that would save 15 % of a file and make
reading four times slower. The same content gives the same bytes, without dates.
Axis letters: T time, N cell.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float

from rppg_core.errors import UsageError, WriteError
from rppg_core.types import FS, FaceClip, FaceInfo, Truth, VideoInfo

KnownClip = tuple[FaceClip, Truth]
Stored = Mapping[str, np.ndarray]  # an open file
FACTS = {"video": VideoInfo, "face": FaceInfo}  # fields of a clip that are records of plain values
WORDS, ABOUT, UNWEIGHTED, TRUTH = "words", "about", "unweighted", "truth_"


def save_clip(
    path: Path,
    clip: FaceClip,
    truth: Truth,
    unweighted: Float[np.ndarray, "time cell 3"] | None = None,
    *,
    about: str | None = None,
) -> None:
    """Store a clip and its truth at the same times; the file appears only once it is complete.

    Args:
        path: ends in ".npz".
        clip: native or at 30 Hz.
        truth: at the same times; NaN where nothing is known.
        unweighted: plain means of the cells, for `load_clip(path, skin_weight=False)`.
        about: text to be kept beside the arrays.
    """
    arrays, clip_words = _parts_of_clip(clip)
    truth_arrays, truth_words = _parts_of_truth(truth)
    arrays |= truth_arrays
    arrays[WORDS] = np.array(json.dumps({"clip": clip_words, "truth": truth_words}, default=_plain))
    if unweighted is not None:
        arrays[UNWEIGHTED] = unweighted.astype(np.float32)
    if about is not None:
        arrays[ABOUT] = np.array(about)
    part = path.with_name(
        f"{path.stem}.{secrets.token_hex(4)}.part"
    )  # another process may write the same clip
    try:
        with part.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)  # numpy dates zip members 1980, so bytes do not vary
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load_clip(path: Path, *, skin_weight: bool = True) -> KnownClip:
    """A stored clip and its truth; NaN where nothing is known.

    Args:
        path: a file written by `save_clip`.
        skin_weight: False replaces the skin-weighted means of the cells by plain ones (`stmap` only).

    Raises:
        UsageError: the file is damaged or is not a stored clip.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            words = json.loads(str(stored[WORDS])) if WORDS in stored else {"clip": {"fs": FS}, "truth": {}}
            clip = _clip_from(stored, words["clip"])
            truth = _truth_from(stored, words["truth"], clip.times_s)
            if not skin_weight:
                cells = stored[UNWEIGHTED].astype(float)
                clip = replace(clip, stmap=cells, stmap_weight=np.ones(cells.shape[1]))
    except Exception as error:  # numpy and zipfile raise many kinds of errors for a damaged file
        raise UsageError(
            f"{str(path)!r} is not a stored clip, or is damaged ({type(error).__name__})",
            wanted="a .npz file that save_clip wrote",
            do="delete it, and make it again with the command that made it",
        ) from error
    return clip, truth


def read_about(path: Path) -> str:
    """The text beside the arrays of a file; "" if there is none, or if the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return str(stored[ABOUT])
    except Exception:  # as in load_clip: a damaged file raises many kinds of errors
        return ""


def readable(path: Path) -> bool:
    """Whether the file exists and holds a clip with its words."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {"times_s", WORDS} <= set(stored.files)
    except (OSError, ValueError, BadZipFile, EOFError):
        return False


def made_folder(folder: Path, *, do: str = "choose another with --runs") -> Path:
    """The folder, created if it is missing.

    Args:
        folder: with or without its parents.
        do: the remedy in the error.

    Raises:
        WriteError: it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"cannot make {str(folder)!r} ({error.strerror or error})",
            wanted="a folder that can be written to",
            do=do,
        ) from error
    return folder


def digest(value: Sequence[Any] | Mapping[str, Any]) -> str:
    """Hash of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _parts_of_clip(clip: FaceClip) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and words of a clip; for a mapping of arrays, the words hold the keys."""
    arrays: dict[str, np.ndarray] = {}
    words: dict[str, Any] = {}
    for name in (f.name for f in fields(clip)):
        value = getattr(clip, name)
        if isinstance(value, np.ndarray):
            is_trace = value.dtype == np.float64 and name != "times_s"
            arrays[name] = value.astype(np.float32) if is_trace else value
        elif isinstance(value, Mapping):
            words[name] = dict.fromkeys(value)
            arrays |= {f"{name}.{key}": np.asarray(numbers) for key, numbers in value.items()}
        elif value is not None:
            words[name] = dict(value.__dict__) if name in FACTS else value
    return arrays, words


def _parts_of_truth(truth: Truth) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    held = {f.name: value for f in fields(truth) if (value := getattr(truth, f.name)) is not None}
    words = {"pulsed": bool(held.pop("pulsed")), "settings": dict(held.pop("settings"))}
    return {f"{TRUTH}{name}": np.asarray(value) for name, value in held.items()}, words


def _clip_from(stored: Stored, words: dict[str, Any]) -> FaceClip:
    made: dict[str, Any] = {}
    for name in (f.name for f in fields(FaceClip)):
        if name in stored:
            values = stored[name]
            made[name] = values.astype(float) if values.dtype == np.float32 else values
        elif name in FACTS and name in words:
            made[name] = FACTS[name](**words[name])
        elif name in words:
            value = words[name]
            if isinstance(value, dict):  # the keys of a mapping of arrays
                value = {key: stored[f"{name}.{key}"] for key in value}
            made[name] = tuple(value) if isinstance(value, list) else value  # JSON has no tuples
    return FaceClip(**made)


def _truth_from(stored: Stored, words: dict[str, Any], times_s: np.ndarray) -> Truth:
    unknown = np.full(len(times_s), np.nan)
    made: dict[str, Any] = {
        "times_s": times_s,
        "bvp": unknown,
        "resp": unknown,
        "hr_bpm": unknown,
        "beats_s": np.zeros(0),
        "rr_brpm": float("nan"),
        "spo2_percent": float("nan"),
        "pulsed": True,
        **words,
    }
    for name in (f.name for f in fields(Truth)):
        if f"{TRUTH}{name}" in stored:
            values = stored[f"{TRUTH}{name}"]
            made[name] = values if values.ndim else values.item()
    for name in ("spo2", "rr_track_brpm"):
        if name in made and not np.isfinite(made[name]).any():
            made[name] = None
    return Truth(**made)


def _plain(value: Any) -> Any:
    """Convert what JSON cannot store: numbers and arrays of numpy, and mappings other than dict."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be stored in words")
