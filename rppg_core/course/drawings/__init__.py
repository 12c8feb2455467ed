"""One drawing per network: its parts and the data flow between them.

Each module has `BOXES`, `idea_picture(finding=..., note=...)` and `narrow_picture()`, the same for a narrow page.
"""

from __future__ import annotations

from collections.abc import Set
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects


def find_narrow_picture(words: Set[str]) -> plotly.graph_objects.Figure | None:
    """The narrow drawing of the network whose boxes have these words; None if there is none."""
    for found in iter_modules(__path__):
        drawing = import_module(f"{__name__}.{found.name}")
        if {box.words for box in drawing.BOXES.values()} <= words:
            return drawing.narrow_picture()
    return None
