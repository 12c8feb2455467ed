"""From one record to one file: the face pass, the labels at the same times, and a report of what failed.

`scale.py` distributes this work over processes and machines. `extract_record` never raises: a record that
cannot be used gives a `Failure` that names the file. An existing file is kept if it was made from the same
content. The key of the content is a hash of the needs, samples of the video's bytes and all labels; for
simulated clips, of all settings that they are made from.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MethodType
from typing import Any

import numpy as np

from rppg_core.data_files import data_files
from rppg_core.errors import RppgError, UsageError
from rppg_core.lab.datasets.base import DatasetError, Record
from rppg_core.lab.datasets.check import record_problems
from rppg_core.lab.datasets.clip_file import load_clip, read_about, save_clip
from rppg_core.lab.datasets.extracted import FORMAT, ExtractedClip, Failure
from rppg_core.lab.datasets.label_times import known_labels, truth_at, truth_from_streams
from rppg_core.lab.simulate.settings import SIMULATOR_VERSION
from rppg_core.signals.filters import longest_segment
from rppg_core.types import FS, ROIS, FaceClip, STMap, Truth
from rppg_core.video.clip import extract
from rppg_core.video.face import FaceTracker
from rppg_core.video.prepare import resample

BLOCK, BLOCKS = 4096, 32  # bytes per sample of a file, and number of samples; of a folder: number of files
AS_LONG = "labels that last as long as the pictures"
ADDRESS = re.compile(r" at 0x[0-9a-f]+")


@dataclass(frozen=True)
class Job:
    """One record that is to become a file."""

    record: Record
    out: Path
    needs: frozenset[str]
    region: str = "face"
    root: Path | None = None  # the dataset's folder; messages give paths relative to it

    @property
    def file(self) -> Path:
        """Where the clip is stored; the name is readable, and unique by its hash."""
        name = f"{self.record.dataset}/{self.record.clip}"
        short = hashlib.sha256(name.encode()).hexdigest()[:8]
        return self.out / f"{re.sub(r'[^A-Za-z0-9.-]+', '_', name)[:80]}-{short}.npz"


@dataclass(frozen=True)
class Outcome:
    """The result for a record: a clip or a failure."""

    clip: ExtractedClip | None = None
    failure: Failure | None = None
    kept: bool = False  # the file already existed


def extract_record(job: Job) -> Outcome:
    """Make one file, or keep it; this runs in worker processes.

    Args:
        job: the record, and what to keep of it.

    Returns:
        The clip's entry for the manifest, or the reason why there is none.
    """
    try:
        record = job.record
        if record.face_clip is None:
            require_sound(record)
        key = content_key(record, job.needs, job.region)
        if (kept := _kept(job, key)) is not None:
            return Outcome(kept, kept=True)
        clip, truth = clip_of_record(record, job.needs, region=job.region)
        about = json.dumps({"key": key, "notes": clip.notes}, ensure_ascii=False)
        save_clip(job.file, clip, truth, about=about)
        return Outcome(_entry(job, clip, truth, clip.notes))
    except Exception as error:  # a bad video must not end the others' extraction
        return Outcome(failure=failure_from_error(job, error))


def clip_of_record(record: Record, needs: frozenset[str], *, region: str = "face") -> tuple[FaceClip, Truth]:
    """Run the pass on one record, and read its labels at the same times.

    Args:
        record: with frames, a map, colour traces, or a simulated clip.
        needs: names from extracted.KEPT_NEEDS.
        region: "face", or "whole" when the whole picture is skin.

    Returns:
        The clip at 30 Hz and its truth; the clip carries the notes of both.

    Raises:
        RppgError: pictures or labels cannot be read, show no face, or lack something in `needs`.
    """
    if record.face_clip is not None:
        clip, truth = record.face_clip(needs)
        even, notes = clip if clip.fs == FS else resample(clip, FS), ()
        truth = truth_at(truth, even.times_s)
    else:
        even = resample(_pass(record, needs, region), FS)
        truth, notes = truth_from_streams(record.streams, even.times_s)
    missing = sorted(need for need in needs if getattr(even, need) is None)
    if missing:
        raise UsageError(
            f"{record.clip} gives no {', '.join(missing)}",
            wanted="everything in needs",
            do="request less: a map has no crops",
        )
    return replace(even, still=None, still_outlines={}, notes=(*even.notes, *notes)), truth


def clip_of_map(stmap: STMap) -> FaceClip:
    """A clip made from a map alone; each of its regions is the mean of the cells.

    Raises:
        UsageError: no cell holds skin.
    """
    if not (stmap.weight > 0).any():
        raise UsageError("a map whose cells are all empty", wanted="skin in one cell", do="leave it out")
    skin = np.average(stmap.samples, axis=1, weights=stmap.weight)  # (T, 3)
    n = len(skin)
    return FaceClip(
        times_s=stmap.t0_s + np.arange(n) / stmap.fs,
        valid=np.ones(n, bool),
        rgb=np.repeat(skin[:, None], len(ROIS), axis=1),
        stmap=stmap.samples,
        stmap_weight=stmap.weight,
        notes=("A map has no regions: each of them is the mean of its cells.",),
    )


def require_sound(record: Record) -> None:
    """Raise an error for the faults that `rppg dataset check` finds.

    Raises:
        DatasetError: names the first fault of the record, and how many more there are.
    """
    problems = list(record_problems(record))
    if problems:
        first = problems[0]
        what, _, wanted = first.what.partition("; wanted: ")
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise DatasetError(first.path, what + more, wanted=wanted or AS_LONG, do=first.repair)


def content_key(record: Record, needs: frozenset[str], region: str = "face") -> str:
    """Hex digits that change whenever the stored file would change.

    Raises:
        DatasetError: a label or map cannot be read.
    """
    digest = hashlib.sha256(repr([FORMAT, sorted(needs), region, record.dataset, record.clip]).encode())
    if record.face_clip is not None:
        digest.update(f"{SIMULATOR_VERSION} {_words(record.face_clip)}".encode())
        return digest.hexdigest()[:16]
    if record.stmap is not None:
        digest.update(np.ascontiguousarray(record.stmap().samples).tobytes())
    if record.video is not None:
        for part in _sample_bytes(record.video):
            digest.update(part)
    elif record.frames is not None:
        digest.update(_words(record.frames).encode())
    for name in sorted(record.streams):
        stream = record.streams[name]
        digest.update(f"{name} {stream.lag_s}".encode())
        for values in (stream.times_s, stream.values, stream.mask):
            digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:16]


def failure_from_error(job: Job, error: BaseException) -> Failure:
    """An error as a failure, with paths relative to the dataset's folder."""
    record = job.record
    path = error.path if isinstance(error, DatasetError) else record.video or Path(record.clip)
    if isinstance(error, DatasetError):
        words = error.what, error.wanted, error.do
    elif isinstance(error, RppgError):
        words = error.got, error.wanted, error.do
    else:
        fault = f"a fault in the program: {type(error).__name__}: {error}"
        words = fault, "a clip", "please report it, with this clip's layout"
    what, wanted, do = (_without_folders(job, text) for text in words)
    return Failure(record.dataset, record.clip, _below(job.root, Path(path)), what, wanted, do)


def _pass(record: Record, needs: frozenset[str], region: str) -> FaceClip:
    if record.frames is not None:
        tracker = FaceTracker() if region == "face" else None
        return extract(record.frames(), tracker, needs, region=region, expected_s=record.frames.seconds())
    if record.stmap is not None:
        return clip_of_map(record.stmap())
    if record.traces is not None:
        return record.traces(needs)
    raise UsageError(
        f"{record.clip} holds neither pictures nor a map", wanted="one of them", do="leave it out"
    )


def _kept(job: Job, key: str) -> ExtractedClip | None:
    """The clip of an existing file that was made from the same content, if there is one."""
    about = read_about(job.file)
    if not about:
        return None
    try:
        found = json.loads(about)
        if found["key"] != key:
            return None
        clip, truth = load_clip(job.file)
        return _entry(job, clip, truth, tuple(found["notes"]))
    except (ValueError, KeyError, TypeError, UsageError):  # damaged: it is made again
        return None


def _entry(job: Job, clip: FaceClip, truth: Truth, notes: tuple[str, ...]) -> ExtractedClip:
    record = job.record
    longest = longest_segment(clip.valid)
    return ExtractedClip(
        dataset=record.dataset,
        subject=record.subject,
        clip=record.clip,
        condition={str(name): str(word) for name, word in record.condition.items()},
        path=job.file,
        labels=known_labels(truth),
        seconds=len(clip.times_s) / FS,
        drawable=record.drawable,
        longest_s=(longest.stop - longest.start) / FS,
        notes=tuple(dict.fromkeys((*record.notes, *notes))),
    )


def _sample_bytes(path: Path) -> Iterator[bytes]:
    """Names, sizes and some of the bytes of a file or folder; to read it all would take as long as the pass."""
    if path.is_file():
        size = path.stat().st_size
        yield f"{size}".encode()
        with path.open("rb") as file:
            for start in np.linspace(0, max(size - BLOCK, 0), min(BLOCKS, size // BLOCK + 1)).astype(int):
                file.seek(int(start))
                yield file.read(BLOCK)
        return
    files = [found for found in data_files(path, "**/*") if found.is_file()]
    yield repr([(str(found.relative_to(path)), found.stat().st_size) for found in files]).encode()
    for found in files[:: max(1, len(files) // BLOCKS)]:
        with found.open("rb") as file:
            yield file.read(BLOCK)


def _words(value: Any) -> str:
    """A function and its bound arguments as text that is the same in every process."""
    if isinstance(value, partial):
        given = [*map(_words, value.args), *(f"{k}={_words(v)}" for k, v in sorted(value.keywords.items()))]
        return f"{_words(value.func)}({', '.join(given)})"
    if isinstance(value, MethodType):
        return f"{_words(value.__self__)}.{value.__name__}"
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return ADDRESS.sub("", repr(value))


def _below(root: Path | None, path: Path) -> str:
    if root is not None and path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    return path.name if path.is_absolute() else path.as_posix()


def _without_folders(job: Job, text: str) -> str:
    video = job.record.video
    for folder in (job.root, video.parent if video is not None and video.is_absolute() else None, job.out):
        if folder is not None:
            text = text.replace(f"{folder}{os.sep}", "")
    return text
