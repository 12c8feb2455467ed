"""What a table of colour traces lacks, filled in: regions, the map of cells, the facts of video and face.

A table of another program holds the colours of one region or a few. Methods need the regions of a clip, and networks
its map; both are repeated from what is there, and the notes of the clip say so. Facts that nobody knows stay at 0,
which no check takes for a fault.
Axis letters: T time, N cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Bool, Float

from rppg_core.signals.frame_times import evened_bursts, timed_info
from rppg_core.types import ROIS, FaceClip, FaceInfo, VideoInfo
from rppg_core.video.light import light_from_skin
from rppg_core.video.stmap import CELLS

PLAIN = "traces"  # codec of a clip whose video is unknown
REGION_CELLS = {"forehead": (7, 8, 9, 10), "left cheek": (19, 25), "right cheek": (22, 28)}
SEEN_SHARE = 0.5  # of the rows with a face, in which a region must have a colour
NO_PICTURE = (
    "Read from a table of colours: size and motion of the face and the coding of the video are unknown, "
    "and so is whether frames repeat."
)
NO_BACKGROUND = "No background in the table to compare the skin with: a heart rate needs clearer evidence."

Facts = TypeVar("Facts", VideoInfo, FaceInfo)


def with_all_regions(clip: FaceClip) -> FaceClip:
    """The clip with every region of ROIS; a region without colours of its own repeats the skin."""
    skin, notes, lacking = clip.roi("skin"), list(clip.notes), []
    rgb = np.repeat(skin[:, None], len(ROIS), axis=1)  # (T, R, 3)
    for k, name in enumerate(ROIS[1:], start=1):
        own = _without_gaps(clip.roi(name), clip.valid) if name in clip.rois else None
        if own is None:
            lacking.append(name)
        else:
            rgb[:, k] = own
    if lacking:
        notes.append(f"Regions that the table lacks repeat the skin: {', '.join(lacking)}.")
    if clip.background is None:
        notes.append(NO_BACKGROUND)
    return replace(clip, rgb=rgb, rois=ROIS, notes=tuple(notes))


def with_map(
    clip: FaceClip, cells: Float[np.ndarray, "time cell 3"] | None, weight: Sequence[float] | None
) -> FaceClip:
    """The clip with a map: of its own cells, or of its regions where there are none.

    Args:
        clip: with all regions.
        cells: colours of the cells, row by row from the top left; None without any.
        weight: share of skin in each cell; None if unknown.
    """
    if cells is not None and np.isfinite(cells[clip.valid]).all():
        cells[~clip.valid] = np.nan
        share = np.array(weight if weight is not None else [], float)
        if share.shape != (cells.shape[1],) or not ((share >= 0) & (share <= 1)).all():
            note = "The share of skin in each cell of the map is unknown: all count alike."
            clip, share = replace(clip, notes=(*clip.notes, note)), np.ones(cells.shape[1])
        return replace(clip, stmap=cells, stmap_weight=share)
    stmap = np.repeat(clip.roi("skin")[:, None], CELLS**2, axis=1)  # (T, N, 3)
    own = [name for name in REGION_CELLS if name in clip.rois and not _repeats_skin(clip, name)]
    for name in own:
        stmap[:, REGION_CELLS[name]] = clip.roi(name)[:, None]
    regions = f" ({', '.join(own)} where they lie)" if own else ""
    note = (
        f"The table has no map of the face: {CELLS**2} cells repeat the skin{regions}, so that networks can run; "
        "they cannot prefer one part of the face."
    )
    return replace(clip, stmap=stmap, stmap_weight=np.ones(CELLS**2), notes=(*clip.notes, note))


def with_plain_facts(clip: FaceClip) -> FaceClip:
    """The clip with the facts that follow from its times and colours alone; bursts of frames are spread evenly."""
    notes = [NO_PICTURE, *clip.notes]
    if (even_s := evened_bursts(clip.times_s)) is not None:
        clip = replace(clip, times_s=even_s)
        notes.append("Frames arrive in bursts; their times were spread evenly at the local rate.")
    video = VideoInfo(codec=PLAIN, pixel_format="", bit_depth=0, n_frames=len(clip.times_s))
    face = FaceInfo(
        found=float(clip.valid.mean()), n_faces=1, **light_from_skin(clip.roi("skin")[clip.valid])
    )
    return replace(clip, video=timed_info(video, clip.times_s), face=face, notes=tuple(notes))


def with_own_facts(clip: FaceClip, about: Mapping[str, Any], note: str) -> FaceClip:
    """The clip with the facts that stand in the table.

    Args:
        clip: of the columns.
        about: "video", "face", "region" and "notes".
        note: added to the notes.
    """
    region = about.get("region")
    return replace(
        clip,
        region=region if region in ("face", "whole") else "face",
        video=_known(VideoInfo(), about["video"]),
        face=_known(FaceInfo(), about["face"]),
        notes=(*map(str, about.get("notes", ())), note, *clip.notes),
    )


def _known(default: Facts, given: Mapping[str, Any]) -> Facts:
    """The facts whose names and types this version knows."""
    kinds = {name: type(value) for name, value in default.__dict__.items()}
    return replace(
        default,
        **{
            name: kinds[name](value)
            for name, value in given.items()
            if name in kinds and isinstance(value, (int, float) if kinds[name] is float else kinds[name])
        },
    )


def _without_gaps(
    colour: Float[np.ndarray, "time 3"], valid: Bool[np.ndarray, " time"]
) -> Float[np.ndarray, "time 3"] | None:
    """A region's colours, interpolated where only the region is missing; None if that is most of the time."""
    seen = valid & np.isfinite(colour).all(axis=1) & (colour != 0).any(axis=1)
    if seen.sum() < max(2, SEEN_SHARE * valid.sum()):
        return None
    at = np.arange(len(colour))
    filled = np.stack([np.interp(at, at[seen], channel[seen]) for channel in colour.T], axis=1)
    filled[~valid] = np.nan
    return filled


def _repeats_skin(clip: FaceClip, name: str) -> bool:
    return np.array_equal(clip.roi(name), clip.roi("skin"), equal_nan=True)
