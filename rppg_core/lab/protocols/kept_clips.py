"""Rendered clips that a folder keeps for the next run, found by everything that decides what is in them.

A file's name holds a hash of the settings, the simulator's version and the source of all code that makes a clip, so
that an old file is never taken for a new one.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import rppg_core
from rppg_core.lab.datasets.clip_file import digest, readable, save_clip
from rppg_core.lab.simulate.settings import SIMULATOR_VERSION
from rppg_core.types import NEEDS, FaceClip, Truth, marked_rows

RUNS = Path("out/runs")
CROPS = {name for name, rows in marked_rows(FaceClip, "frame").items() if rows.is_crop}
KEPT = frozenset(NEEDS) - CROPS - {"landmarks"}  # needs that a folder can serve; the others would fill a disk
AHEAD = 4  # rendered clips that may wait for their reader where crops make them large
RENDERERS = (
    "rppg_core.lab.simulate.faces",
    "rppg_core.video.clip",
)  # what makes a clip, with what they import
RENDERING = ("rppg_core.lab.simulate", "rppg_core.video")  # of these packages


def kept_clip(
    folder: Path,
    stem: str,
    about: Sequence[Any],
    make: Callable[[], tuple[FaceClip, Truth] | tuple[FaceClip, Truth, np.ndarray]],
) -> Path:
    """The file of a clip, rendered where it is missing, outdated or broken.

    Args:
        folder: where it lies; it exists.
        stem: start of its name; other files that start with it are earlier versions and are removed.
        about: settings of the clip, as JSON holds them.
        make: renders what `save_clip` writes.

    Returns:
        Its path.
    """
    key = digest([*about, SIMULATOR_VERSION, source_fingerprint()])[:16]
    path = folder / f"{stem}-{key}.npz"
    if not readable(path):
        clip, truth, *cells = make()
        save_clip(path, clip, truth, *cells)
        for older in folder.glob(f"{stem}-{'[0-9a-f]' * 16}.npz"):
            if older != path:
                older.unlink(missing_ok=True)
    return path


@lru_cache(1)
def source_fingerprint() -> str:
    """Hash of the code that makes a clip: RENDERERS and what they import of both packages.

    Comments and docstrings do not count, so that better words do not cost a rendering.

    Raises:
        FileNotFoundError: one of these modules is missing; without it the hash would overlook a change.
    """
    todo, seen = list(RENDERERS), {}
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        path = _source_file(name)
        if path is None:
            raise FileNotFoundError(f"no module {name}, which makes clips")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(RENDERING):
                base = node.module or ""
                names = [f"{base}.{alias.name}" for alias in node.names]
                todo += [base, *(name for name in names if _source_file(name))]
            elif (
                isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
                and ast.get_docstring(node, clean=False) is not None
            ):
                node.body = node.body[1:]
        seen[name] = ast.dump(tree)
    return digest(sorted(seen.items()))


def _source_file(module: str) -> Path | None:
    """The file of a module of this package; None where there is none of that name."""
    place = Path(rppg_core.__file__).parent.parent / module.replace(".", "/")
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)
