"""The versions of the frozen benchmark by name."""

from __future__ import annotations

from rppg_core.errors import UsageError
from rppg_core.lab.protocols.photo.clips import Version
from rppg_core.lab.protocols.photo.glances import PHOTO_V1
from rppg_core.lab.protocols.photo.swings import PHOTO_V2

VERSIONS = {version.name: version for version in (PHOTO_V1, PHOTO_V2)}
CURRENT = PHOTO_V2  # what `rppg evaluate --protocol photo` runs


def get_version(name: str) -> Version:
    """The version with this name.

    Raises:
        UsageError: there is none.
    """
    if name not in VERSIONS:
        raise UsageError(
            f"no benchmark {name!r}"[:80],
            wanted=f"one of {', '.join(VERSIONS)}",
            do=f"pass its name with --clips, or leave it out for {CURRENT.name}",
        )
    return VERSIONS[name]
