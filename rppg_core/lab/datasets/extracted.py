"""The stored form of face passes: one array file per video, and a manifest that describes them.

`rppg dataset extract` writes such a folder; training and the dataset protocols read it and no longer need the
videos. A file (`clip_file`) holds a `FaceClip` at 30 Hz and its truth at the same times, NaN where nothing is
known. The same content gives the same bytes: no dates, paths or host names are written.
Axis letters: T time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rppg_core.errors import UsageError, WriteError
from rppg_core.lab.datasets.clip_file import load_clip
from rppg_core.types import FS, NEEDS, FaceClip, Truth, marked_rows

MANIFEST = "manifest.json"
FORMAT = 1  # a new number makes older files be extracted again
# fields with one row per frame or second; never `still`, a picture for display
KEPT_NEEDS = frozenset(NEEDS) & {*marked_rows(FaceClip, "frame"), *marked_rows(FaceClip, "second")}


@dataclass(frozen=True)
class ExtractedClip:
    """One clip of a manifest; `load` reads its file. It can be sent to another process."""

    dataset: str
    subject: str
    clip: str
    condition: Mapping[str, str] = field(hash=False)
    path: Path
    labels: tuple[str, ...]  # tasks with any known label: "bvp", "resp", "hr", "rr", "spo2"
    seconds: float
    drawable: bool  # False: the dataset's readme forbids showing this face
    longest_s: float = float("inf")  # the longest stretch without a gap
    notes: tuple[str, ...] = ()

    def load(self) -> tuple[FaceClip, Truth]:
        """The clip at 30 Hz and its truth; NaN where nothing is known.

        Raises:
            UsageError: the file is damaged or missing, or is not a stored clip.
        """
        return load_clip(self.path)


@dataclass(frozen=True)
class Failure:
    """A record that gave no clip, and why."""

    dataset: str
    clip: str
    path: str  # relative to the dataset's folder
    what: str
    wanted: str
    do: str


def read_manifest(folder: Path | str) -> list[ExtractedClip]:
    """The clips of a folder, in the order of datasets and names; their files are not read.

    Raises:
        UsageError: no manifest, or a damaged one.
    """
    folder = Path(folder)
    found = read_entries(folder)
    try:
        return [_clip_from_entry(folder, entry) for entry in found["clips"]]
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(folder, error) from error


def read_entries(folder: Path) -> dict[str, Any]:
    """The content of a manifest: "needs", "clips" and "failed".

    Raises:
        UsageError: no manifest, or a damaged one.
    """
    path = folder / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] > FORMAT:
            raise ValueError(f"format {found['format']}")
    except FileNotFoundError as error:
        raise UsageError(
            f"{str(folder)!r} holds no {MANIFEST}",
            wanted="a folder that `rppg dataset extract` wrote",
            do="extract the dataset first, and name the folder of the result",
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, error) from error
    return found


def write_manifest(
    folder: Path, needs: frozenset[str], clips: Sequence[ExtractedClip], failures: Sequence[Failure]
) -> Path:
    """Write the manifest of a folder, sorted so that it does not depend on the order of extraction.

    Raises:
        WriteError: the folder cannot be written to.
    """
    found = {
        "format": FORMAT,
        "fs": FS,
        "needs": sorted(needs),
        "clips": [_entry_from_clip(clip) for clip in sorted(clips, key=lambda c: (c.dataset, c.clip))],
        "failed": [dict(f.__dict__) for f in sorted(failures, key=lambda f: (f.dataset, f.clip))],
    }
    path = folder / MANIFEST
    part = path.with_suffix(".part")
    try:
        part.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        raise WriteError(
            f"cannot write {str(path)!r} ({error.strerror or error})",
            wanted="a folder that can be written to",
            do="choose another",
        ) from error
    return path


def _entry_from_clip(clip: ExtractedClip) -> dict[str, Any]:
    return {
        "dataset": clip.dataset,
        "subject": clip.subject,
        "clip": clip.clip,
        "condition": dict(sorted(clip.condition.items())),
        "file": clip.path.name,
        "labels": list(clip.labels),
        "seconds": round(clip.seconds, 3),
        "longest_s": round(clip.longest_s, 3),
        "drawable": clip.drawable,
        "notes": list(clip.notes),
    }


def _clip_from_entry(folder: Path, entry: Mapping[str, Any]) -> ExtractedClip:
    return ExtractedClip(
        dataset=entry["dataset"],
        subject=entry["subject"],
        clip=entry["clip"],
        condition=dict(entry["condition"]),
        path=folder / Path(entry["file"]).name,
        labels=tuple(entry["labels"]),
        seconds=float(entry["seconds"]),
        drawable=bool(entry["drawable"]),
        longest_s=float(entry["longest_s"]),
        notes=tuple(entry["notes"]),
    )


def _damaged(folder: Path, error: Exception) -> UsageError:
    return UsageError(
        f"{str(folder / MANIFEST)!r} cannot be read ({type(error).__name__}: {error})",
        wanted="a manifest that `rppg dataset extract` wrote",
        do="extract the dataset again: files that are there are kept",
    )
