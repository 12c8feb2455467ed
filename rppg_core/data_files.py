"""Which files of a folder are data: the only module that lists a user's folder.

File managers, network drives, archives and editors leave their own files beside recordings: macOS writes
`._clip.avi` next to each `clip.avi` on a USB stick and unpacks `__MACOSX`; Windows keeps `Thumbs.db`. Some of these
match data patterns ("*.avi") without being data. Only the part of a path below the listed folder is checked: a
dataset in `/home/ann/.cache` is listed like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, overload
from zipfile import Path as ZipPath

NOT_DATA = frozenset(
    {
        "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "__macosx", "@eadir", "@tmp",
        "@recycle", "#recycle", "#snapshot", "$recycle.bin", "recycler", "system volume information", "lost+found",
        "network trash folder", "temporary items", "__pycache__",
    }
)  # fmt: skip
# hidden Unix files, Office lock files, editor backups, the marks that Windows puts on downloads
NOT_DATA_FORM = re.compile(r"\..*|~\$.*|.*~|#.*#|.*:(zone\.identifier|encryptable)", re.DOTALL)


def is_data(name: str) -> bool:
    """Whether a file or folder of this name can be a user's data.

    Args:
        name: without its folder.
    """
    name = name.casefold()
    return name not in NOT_DATA and NOT_DATA_FORM.fullmatch(name) is None


def matches(folder: Path, pattern: str) -> Iterator[Path]:
    """Files and folders below a folder that match a glob pattern, in the order they are found.

    Args:
        folder: where to look; what lies above it does not matter.
        pattern: as for `Path.glob`. Files inside hidden folders are skipped.
    """
    for path in folder.glob(pattern):
        if all(map(is_data, path.relative_to(folder).parts)):
            yield path


def data_files(folder: Path, *patterns: str) -> list[Path]:
    """Files and folders that match any of several patterns, without repeats, sorted by name."""
    return sorted({path for pattern in patterns for path in matches(folder, pattern)})


@overload
def children(folder: Path) -> list[Path]: ...
@overload
def children(folder: ZipPath) -> list[ZipPath]: ...
def children(folder: Path | ZipPath) -> list[Any]:
    """The direct contents of a folder, or of a folder inside a zip file, sorted by name.

    Raises:
        OSError: there is no such folder.
    """
    return sorted((path for path in folder.iterdir() if is_data(path.name)), key=lambda path: path.name)
