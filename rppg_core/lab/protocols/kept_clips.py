"""Rendered clips that are kept in a folder for later runs, under a hash of everything that determines them.

The file name contains a hash of the settings, the simulator's version and the source of all code that makes a
clip, so that an outdated file is never used.
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

CROPS = {name for name, rows in marked_rows(FaceClip, "frame").items() if rows.is_crop}
KEPT = frozenset(NEEDS) - CROPS - {"landmarks"}  # needs kept in a folder; the others would fill the disk
AHEAD = 4  # rendered clips that may wait in memory for their reader; crops make them large
RENDERERS = (
    "rppg_core.lab.simulate.faces",
    "rppg_core.video.clip",
)  # the modules that make a clip; their imports are followed
RENDERING = ("rppg_core.lab.simulate", "rppg_core.video")  # packages whose modules count


def kept_clip(
    folder: Path,
    stem: str,
    about: Sequence[Any],
    make: Callable[[], tuple[FaceClip, Truth] | tuple[FaceClip, Truth, np.ndarray]],
) -> Path:
    """The file of a clip, rendered if it is missing, outdated or damaged.

    Args:
        folder: existing folder of the file.
        stem: start of the file name; other files with this start are earlier versions and are removed.
        about: settings of the clip, ready for JSON.
        make: renders the arguments of `save_clip`.

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
    """Hash of the code that makes a clip: RENDERERS and the modules of RENDERING that they import.

    Comments and docstrings are excluded, so that rewording them does not require new renderings.

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
    """The source file of a module of this package; None if there is no such module."""
    place = Path(rppg_core.__file__).parent.parent / module.replace(".", "/")
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)
