"""The content of a dataset once its layout is known: records of frames and labels, each on its own clock.

A layout (one module, one class) turns a folder into `Record`s. Frames are decoded and labels are read only on
request, and a record can be sent to another process. Times are in seconds from the record's own zero, which is the
first frame wherever frames and labels share a clock. Nothing is resampled, shifted or scaled here: a known lag is
stated but not removed, and an untrustworthy sample stays, with its mask off.

Sources of times, best first: a file of time stamps, the stamps of the stream, a nominal rate, labels
stretched over the video. For the last two, a note states the assumption.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, UInt8

from rppg_core.data_files import children, matches
from rppg_core.errors import RppgError, UsageError
from rppg_core.types import FaceClip, STMap, Truth
from rppg_core.video.frame import Frame

FASTEST_S = 0.0005  # shortest step between labels: blood pressure is sampled at 1 kHz
SLOWEST_WAVE_S, SLOWEST_RATE_S = 0.2, 10.0
SPO2_TRUSTED = (80.0, 100.0)  # %; sensors write fault codes such as 44 below that
# The advice has to fit published datasets and the user's own recordings: this module cannot tell them apart.
COPY = "copy the file again from its source: the dataset's archive, or the camera or program that wrote it"
COPY_AGAIN = "if the file came with a dataset, copy it again from the archive"
MEND = f"if the file is your own, write it so; {COPY_AGAIN}"


class Kind(NamedTuple):
    """What a stream's name means."""

    unit: str
    is_wave: bool
    usual: tuple[float, float] | None  # a recording whose median lies outside has another unit


KINDS: Mapping[str, Kind] = {
    "bvp": Kind("a.u.", True, None),  # pulse wave of a contact sensor; rises with blood volume
    "resp": Kind("a.u.", True, None),  # breathing
    "bp": Kind("mmHg", True, (30.0, 250.0)),  # arterial pressure wave: not a BVP in shape or phase
    "hr": Kind("bpm", False, (25.0, 250.0)),
    "rr": Kind("brpm", False, (3.0, 90.0)),
    "spo2": Kind("%", False, (30.0, 101.0)),
}


class DatasetError(RppgError):
    """A file of a dataset is missing or does not follow its layout; the message begins with its path."""

    def __init__(self, path: Path, what: str, *, wanted: str, do: str = COPY):
        self.path, self.what = Path(path), what
        super().__init__(f"{path}: {what}", wanted=wanted, do=do)

    def __reduce__(self):  # a process pool pickles the errors of its workers
        return _dataset_error, (self.path, self.what, self.wanted, self.do)


def _dataset_error(path: Path, what: str, wanted: str, do: str) -> DatasetError:
    return DatasetError(path, what, wanted=wanted, do=do)


@dataclass(frozen=True)
class Stream:
    """One label over time, on its own clock."""

    name: str  # a key of KINDS
    times_s: Float[np.ndarray, " time"]  # strictly increasing; negative before the first frame
    values: Float[np.ndarray, " time"]  # as stored in the file, in `unit`
    unit: str
    mask: Bool[np.ndarray, " time"]  # False: stored in the file, but not to be used
    path: Path  # the file that it was read from
    lag_s: float = 0.0  # delay of the sensor's readings, where it is known; not removed
    notes: tuple[str, ...] = ()

    @property
    def step_s(self) -> float:
        """Median step between samples."""
        return float(np.median(np.diff(self.times_s)))

    @property
    def seconds(self) -> float:
        """Duration that the samples cover, including the step after the last one."""
        return float(self.times_s[-1] - self.times_s[0]) + self.step_s


class Streams(Mapping):  # unsubscripted: a runtime type checker would read a stream to check its type
    """The streams of a record by name; each is read on first access.

    Args:
        readers: name -> a function without arguments, picklable (a `partial`, not a lambda).
    """

    def __init__(self, readers: Mapping[str, Callable[[], Stream]]):
        self._readers, self._read = dict(readers), {}

    def __getitem__(self, name: str) -> Stream:
        if name not in self._read:
            self._read[name] = self._readers[name]()
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)

    def __reduce__(self):
        return Streams, (self._readers,)


class ReadLater(Mapping):
    """A mapping that is read from its file on first access."""

    def __init__(self, reader: Callable[[], Mapping[str, str]]):
        self._reader = reader
        self._found: Mapping[str, str] | None = None

    def _all(self) -> Mapping[str, str]:
        if self._found is None:
            self._found = self._reader()
        return self._found

    def __getitem__(self, name: str) -> str:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __reduce__(self):
        return ReadLater, (self._reader,)


@runtime_checkable
class FrameSource(Protocol):
    """Where the pictures of a record come from; `rppg_core.lab.datasets.frames` has the source that layouts share."""

    def __call__(self) -> Iterator[Frame]:
        """The frames in order of time, `time_s` on the record's clock; a DatasetError if they cannot be read."""
        ...

    def seconds(self) -> float:
        """Duration of the pictures, without decoding them."""
        ...

    def check(self) -> None:
        """Raise a DatasetError for faults found without decoding: missing or truncated files, counts that differ."""
        ...


@dataclass(frozen=True, kw_only=True)
class Record:
    """One clip of a dataset and its labels; both are read on request."""

    dataset: str  # name of the layout
    subject: str  # one person; splits are by subject
    clip: str  # unique within the dataset, such as "p1/v1/source2"
    condition: Mapping = field(default_factory=dict)  # as text: "motion": "talking", "lux": "10.0", ...
    frames: FrameSource | None = None  # None: the dataset holds maps instead of pictures
    stmap: Callable[[], STMap] | None = None
    traces: Callable[[frozenset[str]], FaceClip] | None = (
        None  # colours in place of pictures, for these needs
    )
    # simulated data: the clip that a face pass keeps for these needs, and its labels; picklable
    face_clip: Callable[[frozenset[str]], tuple[FaceClip, Truth]] | None = None
    streams: Streams = field(default_factory=lambda: Streams({}))
    video: Path | None = None  # file or folder of the pictures, or of the colours in their place
    notes: tuple[str, ...] = ()
    drawable: bool = True  # False: the dataset's readme forbids showing this face

    def require_drawable(self) -> None:
        """Refuse to show this face where that is forbidden; call this before showing any picture of a record.

        Raises:
            UsageError: this face must not be shown.
        """
        if not self.drawable:
            raise UsageError(
                f"the face of subject {self.subject} of {self.dataset}",
                wanted="a subject whose face may be shown: the dataset's readme excludes this one",
                do="choose another subject; its pulse and its numbers may be used",
            )

    def still(self) -> UInt8[np.ndarray, "height width 3"]:
        """The first picture, for display.

        Raises:
            UsageError: this face must not be shown, or the dataset holds no pictures.
            DatasetError: the picture cannot be read.
        """
        self.require_drawable()
        if self.frames is None:
            raise UsageError(
                f"{self.clip} holds no pictures", wanted="a dataset with video", do="draw its map"
            )
        frame = next(iter(self.frames()))
        picture = frame.region(0, 0, frame.width, frame.height, frame.width, frame.height)
        return np.rint(picture).astype(np.uint8)


@dataclass(frozen=True)
class Problem:
    """A part of a folder that is missing or broken, and what to do about it."""

    path: Path
    what: str
    repair: str


class Layout(ABC):
    """How a dataset is arranged on disk. A new layout is a module with one class, and a line in `layouts.py`."""

    name: ClassVar[str]
    title: ClassVar[str]
    looks_like: ClassVar[str]  # for people: the file names of a clip
    marks: ClassVar[tuple[str, ...]]  # glob patterns; a folder in which one of them matches has this layout

    def root(self, folder: Path) -> Path | None:
        """The folder that holds the clips, which is this one or one directly below; None for another layout."""
        below = [path for path in children(folder) if path.is_dir()] if folder.is_dir() else []
        for place in (folder, *below):
            if any(next(matches(place, mark), None) is not None for mark in self.marks):
                return place
        return None

    def recognise(self, folder: Path) -> bool:
        """Whether the folder has this layout; only file names are checked."""
        return self.root(Path(folder)) is not None

    def records(self, folder: Path) -> Iterator[Record]:
        """Every clip of which there is a file, in order; a missing part raises an error when it is read.

        Raises:
            DatasetError: the folder does not have this layout.
        """
        root = self.root(Path(folder))
        if root is None:
            raise DatasetError(
                Path(folder),
                f"is not laid out as {self.title}",
                wanted=self.looks_like,
                do="name another folder",
            )
        return self.clips(root)

    @abstractmethod
    def clips(self, root: Path) -> Iterator[Record]:
        """The records below `root`."""

    def absent(self, root: Path) -> tuple[str, ...]:
        """Clips or subjects that a complete copy has and this one lacks, where that is known."""
        return ()

    def problems(self, folder: Path) -> Iterator[Problem]:
        """Faults that only this layout can have; `check.py` finds those that any record can have."""
        return iter(())


def make_stream(  # noqa: PLR0913 (a single entry point, so that no layout forgets a check)
    path: Path,
    name: str,
    times_s: Any,
    values: Any,
    *,
    mask: Any = None,
    lag_s: float = 0.0,
    notes: tuple[str, ...] = (),
    unsorted_share: float = 0.0,
) -> Stream:
    """Check one label and give it its unit and mask.

    Args:
        path: the file that it was read from; every error message names it.
        name: a key of KINDS.
        times_s: time of each sample. Unit: s.
        values: one per time.
        mask: False for samples that the layout marks as not to be used.
        lag_s: delay of the sensor's readings. Unit: s.
        notes: what a user should know.
        unsorted_share: share of backward steps in time that this layout is known to have; such samples are sorted.

    Returns:
        The stream. Samples that are not finite, rates of 0, SpO2 outside 80 to 100 % and waves that never change
        have their mask off.

    Raises:
        DatasetError: lengths differ, times do not increase, or the values cannot have this unit.
    """
    kind = KINDS[name]
    times_s, values = np.asarray(times_s, float).ravel(), np.asarray(values, float).ravel()
    if len(times_s) != len(values) or len(values) < 2:
        raise DatasetError(
            path,
            f"{len(times_s)} times and {len(values)} values of {name}",
            wanted="two or more, one each",
            do=MEND,
        )
    if len(gaps := np.flatnonzero(~np.isfinite(times_s))):
        raise DatasetError(
            path,
            f"time {gaps[0] + 1} of {len(times_s)} of {name} is missing",
            wanted="a time for each value",
            do=MEND,
        )
    mask = np.isfinite(values) if mask is None else np.isfinite(values) & np.asarray(mask, bool).ravel()
    times_s, values, mask = _in_order(path, name, (times_s, values, mask), unsorted_share)
    _check_time_unit(path, name, times_s, kind)
    _check_unit(path, name, values, kind)
    if not kind.is_wave:
        mask &= values > 0  # a sensor without a finger shows 0
    if name == "spo2":
        mask &= (values >= SPO2_TRUSTED[0]) & (values <= SPO2_TRUSTED[1])
    if kind.is_wave and mask.any() and np.ptp(values[mask]) == 0:
        mask, notes = np.zeros_like(mask), (*notes, f"{path.name}: {name} never changes and is left out.")
    return Stream(name, times_s, values, kind.unit, mask, path, lag_s, notes)


def _in_order(
    path: Path, name: str, columns: tuple[np.ndarray, ...], unsorted_share: float
) -> tuple[np.ndarray, ...]:
    """Columns sorted by the first one, if few enough samples are out of order; of equal times the first is kept."""
    times_s = columns[0]
    back = np.flatnonzero(~(np.diff(times_s) > 0))
    if len(back) == 0:
        return columns
    if len(back) > unsorted_share * len(times_s):
        raise DatasetError(
            path,
            f"times of {name} do not increase: {len(back)} steps back or in place, the first after "
            f"{times_s[back[0]]:.6g} s",
            wanted="samples in order of time",
            do=f"sort whole rows by time, never the values by themselves; {COPY_AGAIN}",
        )
    first = np.unique(times_s, return_index=True)[1]  # sorted, without repeats
    return tuple(column[first] for column in columns)


def _check_time_unit(path: Path, name: str, times_s: np.ndarray, kind: Kind) -> None:
    step_s, longest_s = float(np.median(np.diff(times_s))), SLOWEST_WAVE_S if kind.is_wave else SLOWEST_RATE_S
    if not FASTEST_S <= step_s <= longest_s:
        raise DatasetError(
            path,
            f"{name} steps by {step_s:.4g} s from sample to sample",
            wanted=f"{FASTEST_S:g} to {longest_s:g} s: the times look like another unit (s, ms, µs, ns)",
            do=f"write the times in seconds; {COPY_AGAIN}",
        )


def _check_unit(path: Path, name: str, values: np.ndarray, kind: Kind) -> None:
    shown = values[np.isfinite(values) & (values != 0)]
    if kind.usual is None or len(shown) == 0:
        return
    middle = float(np.median(shown))
    if not kind.usual[0] <= middle <= kind.usual[1]:
        raise DatasetError(
            path,
            f"the median of {name} is {middle:.4g}",
            wanted=f"{kind.usual[0]:g} to {kind.usual[1]:g} {kind.unit}",
            do=f"write {name} in {kind.unit}; {COPY_AGAIN}",
        )


def even_times_s(n: int, fs: float) -> Float[np.ndarray, " time"]:
    """Times of n samples at rate `fs`, starting at 0."""
    return np.arange(n) / fs
