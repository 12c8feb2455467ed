"""The face clips in a user's folder: videos, colour traces and stored clips, and their cuts.

Shared by the protocols that judge the methods on real people.
Axis letters: T time, R roi, N cell.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from rppg_core.analysis.clip_source import load_clip
from rppg_core.data_files import data_files
from rppg_core.errors import RppgError, UsageError
from rppg_core.signals.frame_times import frame_timing, timed_info
from rppg_core.types import FaceClip, FaceInfo, marked_rows
from rppg_core.video.paths import VIDEOS
from rppg_core.video.prepare import cut
from rppg_core.video.traces import read_traces

TRACES, STORED = ".csv", ".npz"
# these describe a face; where a clip comes without pictures, methods read them as unknown
MAY_BE_UNKNOWN = frozenset({"still", "landmarks", "scene"})
REFERENCE = "_hr"  # ends the name of a reference table, which is no clip
ALMOST = 0.95  # of a window's length: a last window that lacks a second is kept


def clip_files(folder: Path | str, *, stored: bool) -> list[Path]:
    """Videos, colour traces and, on request, stored clips directly in a folder, sorted by name.

    Args:
        folder: of the user.
        stored: also list .npz files.

    Raises:
        UsageError: no such folder, or nothing of the kind in it.
    """
    folder = Path(folder)
    suffixes = {*VIDEOS, TRACES, *([STORED] if stored else [])}
    found = [
        path
        for path in (data_files(folder, "*") if folder.is_dir() else [])
        if path.suffix.lower() in suffixes and path.is_file() and not path.stem.endswith(REFERENCE)
    ]
    if not found:
        kinds = (
            "videos, colour traces (.csv) or stored clips (.npz)"
            if stored
            else "videos or colour traces (.csv)"
        )
        raise UsageError(
            f"no recording in {str(folder)!r}" if folder.is_dir() else f"no folder {str(folder)!r}",
            wanted=f"a folder that directly holds {kinds} of faces",
            do="name it with --data",
        )
    return found


def read_clip(path: Path, needs: frozenset[str]) -> FaceClip:
    """The clip in a file, with the fields that methods need.

    Args:
        path: a video, a table of colour traces or a stored clip.
        needs: names from types.NEEDS.

    Raises:
        RppgError: the file cannot be read, or lacks a field.
    """
    suffix = path.suffix.lower()
    if suffix not in (TRACES, STORED):
        return load_clip(path, needs)
    clip = read_traces(path) if suffix == TRACES else read_stored(path)
    missing = sorted(name for name in needs - MAY_BE_UNKNOWN if getattr(clip, name) is None)
    if missing:
        raise UsageError(
            f"{path.name} holds no {', '.join(missing)}",
            wanted="what the methods read",
            do="give the video itself, or leave these methods out with --methods",
        )
    return clip


def read_stored(path: Path) -> FaceClip:
    """A stored clip: a file of `rppg dataset extract`, or a .npz of the plain arrays of a FaceClip.

    Raises:
        UsageError: the file is damaged, or lacks times, colours or the names of the regions.
    """
    from rppg_core.lab.datasets.clip_file import load_clip as load_stored
    from rppg_core.lab.datasets.clip_file import readable

    if readable(path):
        return load_stored(path)[0]
    names = ("times_s", "valid", "rgb", "boxes", "background", "stmap", "stmap_weight")
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in names if name in stored}
            rois = tuple(str(name) for name in stored["rois"])
        arrays = {name: v if v.dtype == bool else v.astype(float) for name, v in arrays.items()}
        return _with_facts(FaceClip(**arrays, rois=rois))
    except RppgError:
        raise
    except Exception as error:  # numpy and zipfile raise many kinds of errors for a damaged file
        raise UsageError(
            f"{path.name} is not a stored clip, or is damaged ({type(error).__name__})",
            wanted="a .npz with times_s, valid, rgb and rois, and stmap, boxes and background where known",
            do="make it again, or take it out of the folder",
        ) from error


def stretches(clip: FaceClip, window_s: float) -> list[FaceClip]:
    """The whole windows of a clip from its start on; a clip shorter than one window is one stretch.

    Args:
        clip: at native times.
        window_s: length of a window. Unit: s.
    """
    since_s = clip.times_s - clip.times_s[0]
    seconds = float(since_s[-1]) + 1 / frame_timing(clip.times_s).fps
    n = int(seconds / window_s + 1 - ALMOST)
    if n == 0:
        return [clip]
    return [cut(clip, (since_s >= k * window_s) & (since_s < (k + 1) * window_s)) for k in range(n)]


def motion_percent(clip: FaceClip) -> float:
    """Median speed of the centre of the face, from its boxes. Unit: % of its width per second; NaN without boxes.

    Source: as `pose.motion_from_poses`, with the boxes that a clip keeps in place of the poses.
    """
    if clip.boxes is None or (seen := np.isfinite(clip.boxes).all(axis=1)).sum() < 2:
        return float("nan")
    boxes, times_s = clip.boxes[seen], clip.times_s[seen]
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    speed = np.hypot(*np.diff(centres, axis=0).T) / np.maximum(np.diff(times_s), 1e-3)
    return float(100 * np.median(speed) / np.median(boxes[:, 2]))


def _with_facts(clip: FaceClip) -> FaceClip:
    """The clip with the facts of video and face that follow from its arrays."""
    found = float(clip.valid.mean())
    width = 0.0 if clip.boxes is None else float(np.nanmedian(clip.boxes[:, 2]))
    motion = motion_percent(clip)
    face = FaceInfo(
        found=found, n_faces=1, width_px=width, motion_percent=0.0 if np.isnan(motion) else motion
    )
    video = timed_info(replace(clip.video, n_frames=len(clip.times_s)), clip.times_s)
    region = clip.region if clip.boxes is not None else "whole"  # no face that could be too small
    return replace(clip, face=face, video=video, region=region)


def background_as_skin(clip: FaceClip) -> FaceClip:
    """The clip with its background in place of every region and cell, and without a background."""
    assert clip.background is not None, "the clip has no background"
    wall = clip.background[:, None, :]  # (T, 1, 3)
    crops = {name: None for name, rows in marked_rows(clip, "frame").items() if rows.is_crop}
    return replace(
        clip,
        rgb=np.repeat(wall, clip.rgb.shape[1], axis=1),  # (T, R, 3)
        stmap=None if clip.stmap is None else np.repeat(wall, clip.stmap.shape[1], axis=1),  # (T, N, 3)
        valid=clip.valid & np.isfinite(clip.background[:, 0]),
        background=None,
        **crops,
    )
