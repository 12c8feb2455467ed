"""STMap folders: maps and labels without faces, as PhysMLE, HSRD and NEST distribute them (including HCW).

`SET/CLIP/STMap/STMap_RGB.png` with `SET/CLIP/Label/{BVP,HR,SPO2,RF}.mat` (VIPL: `Label_CSI/`), or the clips
directly. A row is one of 25 cells of the aligned face, a column one frame at 30 fps; each cell and colour is
scaled to 0..255 by its own minimum and maximum, so that colours cannot be compared between cells. Index files
(`.mat` with `Path` and `Step_Index`) hold windows with absolute paths of another machine; `read_window` finds
the local clip.

Quirks handled: cells without pixels hold 100 throughout (weight 0); colours are read as the RGB that the file
holds, which cv2.imread would turn to BGR; missing labels are filled with 0, or RF with the heart rate (mask
off); RF is a breathing wave if `RF_Filt.mat` lies beside it, otherwise a breathing rate. No times are stored:
30 Hz is assumed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PureWindowsPath

import cv2
import numpy as np

from rppg_core.data_files import data_files
from rppg_core.lab.datasets.base import (
    DatasetError,
    Layout,
    Problem,
    Record,
    Stream,
    Streams,
    even_times_s,
    make_stream,
)
from rppg_core.lab.datasets.frames import require_file
from rppg_core.lab.datasets.labels import mat_variables, vector
from rppg_core.lab.datasets.ubfc2 import HIDDEN_SUBJECTS
from rppg_core.types import STMap

STORED_FS = 30.0
EMPTY = 100  # grey level of cells that were NaN
MAPS = ("STMap_RGB_Align_CSI.png", "STMap_RGB.png", "STMap.png")  # best first
LABELS = ("Label_CSI", "Label")
FILES = {"bvp": "BVP", "hr": "HR", "spo2": "SPO2"}
SUBJECTS = (r"p\d+(?=[_/-]|$)", r"subject\d+", r"[FM]\d{3}", r"\d\d(?=-\d\d)", r"Sub ?\d+", r"[^_-]+")
PNG_END = b"IEND\xaeB`\x82"
NOTES = (
    "Maps hold no times: frames are taken at 30 Hz from the start.",
    "Each cell and colour of the map has its own scale.",
)


class StmapFolder(Layout):
    """Maps and labels of clips; `Record.dataset` is the name of the set's folder."""

    name = "stmap"
    title = "an STMap folder"
    looks_like = "CLIP/STMap/STMap_RGB.png with CLIP/Label/BVP.mat"
    marks = tuple(f"{depth}{mark}" for depth in ("", "*/") for mark in ("*/STMap/*.png", "*/Label*/*.mat"))

    def clips(self, root: Path) -> Iterator[Record]:
        places = [f"{depth}*/{name}" for depth in ("", "*/") for name in ("STMap", *LABELS)]
        found = {path.parent for path in data_files(root, *places)}
        for folder in sorted(found):
            name = str(folder.relative_to(root)).replace("\\", "/")
            dataset, subject = dataset_from_folder(root, folder), subject_from_clip_name(folder.name)
            yield Record(
                dataset=dataset,
                subject=subject,
                clip=name,
                stmap=partial(read_map, folder),
                streams=Streams(_readers(folder)),
                notes=(*NOTES, f"The subject ({subject}) is taken from the name of the clip."),
                drawable=not ("ubfc" in dataset.lower() and _number(subject) in HIDDEN_SUBJECTS),
            )

    def problems(self, folder: Path) -> Iterator[Problem]:
        root = self.root(folder)
        for index in data_files(root, "*Index*/*.mat") if root else ():
            try:
                read_window(index, folder)
            except DatasetError as error:
                yield Problem(error.path, error.what, error.do)


def dataset_from_folder(root: Path, folder: Path) -> str:
    """The name of the set: the folder that holds its clips."""
    return folder.parent.name or root.name


def subject_from_clip_name(clip: str) -> str:
    """The person in a clip's name, in the forms that common datasets use; splits are by person."""
    for pattern in SUBJECTS:
        if match := re.match(pattern, clip, re.IGNORECASE):
            return match[0]
    return clip


def _number(subject: str) -> int:
    digits = re.sub(r"\D", "", subject)
    return int(digits) if digits else -1


def _readers(folder: Path) -> dict[str, partial[Stream]]:
    """Streams that have a label file; if none has, the pulse wave, so that reading it raises an error."""
    labels = next((folder / name for name in LABELS if (folder / name).is_dir()), folder / LABELS[-1])
    readers = {
        name: partial(read_stream, labels / f"{file}.mat", name, file)
        for name, file in FILES.items()
        if (labels / f"{file}.mat").exists()
    }
    if (labels / "RF.mat").exists():
        name = "resp" if (labels / "RF_Filt.mat").exists() else "rr"
        readers[name] = partial(read_breathing, labels, name)
    return readers or {"bvp": partial(read_stream, labels / "BVP.mat", "bvp", "BVP")}


def read_stream(path: Path, name: str, variable: str) -> Stream:
    """One label, one value per frame."""
    values = vector(path, mat_variables(path, (variable,)), variable)
    return make_stream(path, name, even_times_s(len(values), STORED_FS), values, notes=NOTES[:1])


def read_breathing(labels: Path, name: str) -> Stream:
    """The label RF; if it only repeats the heart rate, all of it is masked."""
    rates = labels / "HR.mat"
    if rates.exists():
        path = labels / "RF.mat"
        values = vector(path, mat_variables(path, ("RF",)), "RF")
        beats = vector(rates, mat_variables(rates, ("HR",)), "HR")
        if len(values) == len(beats) and np.array_equal(values, beats):
            stream = make_stream(path, "hr", even_times_s(len(values), STORED_FS), values)
            note = "RF.mat only repeats the heart rate: there is no breathing label."
            return replace(
                stream,
                name=name,
                mask=np.zeros_like(stream.mask),
                notes=(note,),
                unit="brpm" if name == "rr" else "a.u.",
            )
    return read_stream(labels / "RF.mat", name, "RF")


def map_path(folder: Path) -> Path:
    """The map in RGB.

    Raises:
        DatasetError: there is none, or only one in another colour space.
    """
    places = [folder / "STMap" / name for name in MAPS]
    found = next((path for path in places if path.exists()), None)
    if found is not None:
        return found
    others = data_files(folder / "STMap", "*.png")
    if any("YUV" in path.name.upper() for path in others):
        raise DatasetError(
            others[0], "is a map in YUV", wanted=f"a map in RGB: {' or '.join(MAPS)}", do="copy that one here"
        )
    return others[0] if others else places[1]


def read_map(folder: Path) -> STMap:
    """The map of one clip, at 30 frames per second.

    Raises:
        DatasetError: missing, truncated, or not 25 rows of frames.
    """
    path = map_path(folder)
    require_file(path)
    data = path.read_bytes()
    whole = (
        cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) if data.endswith(PNG_END) else None
    )
    if whole is None:
        raise DatasetError(
            path, f"has {len(data)} bytes and no end marker: cut off?", wanted="a whole PNG file"
        )
    if whole.shape[0] > whole.shape[1]:
        raise DatasetError(
            path,
            f"has {whole.shape[0]} rows and {whole.shape[1]} columns",
            wanted="cells as rows, frames as columns",
        )
    empty = (whole == EMPTY).all(1).any(-1)  # rows that hold 100 throughout in any colour
    return STMap(whole.transpose(1, 0, 2).astype(float), STORED_FS, np.where(empty, 0.0, 1.0))


@dataclass(frozen=True)
class Window:
    """A part of a clip, as given by an index file."""

    clip: Path
    start_frame: int


def read_window(index: Path, folder: Path) -> Window:
    """The clip and first frame that an index file refers to; the clip is looked up below `folder`.

    Raises:
        DatasetError: not an index file, or its clip is not in the folder.
    """
    found = mat_variables(index, ("Path", "Step_Index"))
    if not isinstance(found.get("Path"), str) or "Step_Index" not in found:
        raise DatasetError(index, "holds no 'Path' with 'Step_Index'", wanted="an index file of an STMap set")
    parts = [part for part in PureWindowsPath(found["Path"]).parts if part not in ("/", "\\")]
    for k in range(len(parts)):
        clip = folder.joinpath(*parts[k:])
        if clip.is_dir() and parts[k:]:
            return Window(clip, int(np.asarray(found["Step_Index"]).ravel()[0]))
    raise DatasetError(
        index,
        f"names {found['Path']!r}, which is not in this folder",
        wanted="a clip below the folder",
        do="copy it here",
    )
