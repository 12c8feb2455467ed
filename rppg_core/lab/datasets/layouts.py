"""The list of known layouts. A new layout is a module with one class, and a line here.

Layouts are tried in this order, by file names only; the generic folder comes last.
"""

from __future__ import annotations

from pathlib import Path

from rppg_core.errors import UsageError
from rppg_core.lab.datasets.base import Layout
from rppg_core.lab.datasets.buaa import Buaa
from rppg_core.lab.datasets.cohface import Cohface
from rppg_core.lab.datasets.generic import Generic
from rppg_core.lab.datasets.mmpd import Mmpd
from rppg_core.lab.datasets.pure import Pure
from rppg_core.lab.datasets.stmap_folder import StmapFolder
from rppg_core.lab.datasets.traces import Traces
from rppg_core.lab.datasets.ubfc1 import Ubfc1
from rppg_core.lab.datasets.ubfc2 import Ubfc2
from rppg_core.lab.datasets.v4v import V4v
from rppg_core.lab.datasets.vipl import Vipl

LAYOUTS: dict[str, type[Layout]] = {
    "ubfc1": Ubfc1,
    "ubfc2": Ubfc2,
    "pure": Pure,
    "cohface": Cohface,
    "vipl": Vipl,
    "mmpd": Mmpd,
    "buaa": Buaa,
    "v4v": V4v,
    "stmap": StmapFolder,
    "traces": Traces,
    "generic": Generic,
}


def find_layout(folder: Path | str, name: str | None = None) -> Layout:
    """The layout of a folder.

    Args:
        folder: of a dataset, or the folder above it.
        name: a key of LAYOUTS; None detects the layout from file names.

    Returns:
        The layout, ready to give `records(folder)`.

    Raises:
        UsageError: no such folder or layout, none fits, or more than one does.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UsageError(
            f"there is no folder {str(folder)!r}", wanted="the folder of a dataset", do="check the path"
        )
    if name is not None:
        if name not in LAYOUTS:
            raise UsageError(f"layout {name!r}", wanted=f"one of {', '.join(LAYOUTS)}", do="leave it out")
        return LAYOUTS[name]()
    found = [layout for layout in (kind() for kind in LAYOUTS.values()) if layout.recognise(folder)]
    special = [layout for layout in found if not isinstance(layout, Generic)] or found
    if not special:
        known = "; ".join(f"{kind.name}: {kind.looks_like}" for kind in LAYOUTS.values())
        raise UsageError(
            f"{str(folder)!r} has no known layout", wanted=known, do="name the folder above the clips"
        )
    if len(special) > 1:
        names = ", ".join(layout.name for layout in special)
        raise UsageError(
            f"{str(folder)!r} fits more than one layout: {names}",
            wanted="a folder with one dataset",
            do="name the folder of one of them, or choose with --layout",
        )
    return special[0]
