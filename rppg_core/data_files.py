"""Which files of a folder are data: the only module that lists a user's folder.

File managers, network drives, archives and editors leave files of their own beside recordings: macOS writes
`._clip.avi` next to each `clip.avi` on a USB stick and unpacks `__MACOSX`; Windows keeps `Thumbs.db`. Some of these
match the patterns of data ("*.avi") without being data. Only the part of a path below the listed folder is judged:
a dataset in `/home/ann/.cache` is listed like any other.
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
# hidden files of Unix, lock files of Office, backups of editors, marks that Windows puts on downloads
NOT_DATA_FORM = re.compile(r"\..*|~\$.*|.*~|#.*#|.*:(zone\.identifier|encryptable)", re.DOTALL)


def is_data(name: str) -> bool:
    """Whether a file or folder of this name can be a user's data.

    Args:
        name: without the folder that it lies in.
    """
    name = name.casefold()
    return name not in NOT_DATA and NOT_DATA_FORM.fullmatch(name) is None


def matches(folder: Path, pattern: str) -> Iterator[Path]:
    """Files and folders below a folder that match a glob pattern, as they are found.

    Args:
        folder: where to look; what lies above it does not matter.
        pattern: as `Path.glob` takes it. Nothing inside a hidden folder is found.
    """
    for path in folder.glob(pattern):
        if all(map(is_data, path.relative_to(folder).parts)):
            yield path


def data_files(folder: Path, *patterns: str) -> list[Path]:
    """Files and folders that match one of several patterns, each once, in the order of their names."""
    return sorted({path for pattern in patterns for path in matches(folder, pattern)})


@overload
def children(folder: Path) -> list[Path]: ...
@overload
def children(folder: ZipPath) -> list[ZipPath]: ...
def children(folder: Path | ZipPath) -> list[Any]:
    """What lies directly in a folder, or in a folder inside a zip file, in the order of the names.

    Raises:
        OSError: there is no such folder.
    """
    return sorted((path for path in folder.iterdir() if is_data(path.name)), key=lambda path: path.name)
