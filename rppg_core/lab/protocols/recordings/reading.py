"""A folder of recordings: each clip beside a table of reference heart rates.

`ann_resting.csv` (colour traces) or `ann_resting.mp4` lies beside `ann_resting_hr.csv`, whose columns are `time_s` in
seconds from the clip's first frame and `hr_bpm`. The name up to the first `_` is the person, the rest the kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rppg_core.errors import UsageError
from rppg_core.lab.protocols.face_clips import REFERENCE, clip_files
from rppg_core.tables.reference import Reference

NO_KIND = "recording"


@dataclass(frozen=True)
class Recording:
    """A clip and its reference, not yet read."""

    clip: Path
    reference: Path

    @property
    def name(self) -> str:
        return self.clip.stem

    @property
    def person(self) -> str:
        return self.name.split("_", 1)[0]

    @property
    def kind(self) -> str:
        return self.name.partition("_")[2] or NO_KIND


def find_recordings(folder: Path | str) -> list[Recording]:
    """The recordings directly in a folder, sorted by name.

    Raises:
        UsageError: no recording, or one without its reference.
    """
    found = [
        Recording(path, path.with_name(f"{path.stem}{REFERENCE}.csv"))
        for path in clip_files(folder, stored=False)
    ]
    missing = [recording for recording in found if not recording.reference.is_file()]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise UsageError(
            f"{missing[0].clip.name} has no reference beside it{more}",
            wanted=f"{missing[0].reference.name} with the columns time_s and hr_bpm",
            do="add it, take the recording out, or use the protocol `injected`, which needs no reference",
        )
    return found


def reference_rate(reference: Reference, start_s: float, end_s: float, *, lag_s: float = 0.0) -> float:
    """Reference heart rate of a window: the median of the values in it.

    Args:
        reference: over the clip.
        start_s: of the window. Unit: s.
        end_s: of the window. Unit: s.
        lag_s: by how much the reference is late. Unit: s.

    Returns:
        Unit: bpm. Between two values the line through them; NaN before the first and after the last one.
    """
    times_s = reference.times_s - lag_s
    inside = (times_s >= start_s) & (times_s <= end_s)
    if inside.any():
        return float(np.median(reference.hr_bpm[inside]))
    middle_s = (start_s + end_s) / 2
    return float(np.interp(middle_s, times_s, reference.hr_bpm, left=np.nan, right=np.nan))
