"""From any source to a FaceClip: a video file, a table of colour traces, arrays, or a clip that was made before."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from rppg_core.errors import RppgError, UsageError
from rppg_core.types import FaceClip, Progress
from rppg_core.video.arrays import open_arrays
from rppg_core.video.clip import extract
from rppg_core.video.clip_fields import check_fields
from rppg_core.video.face import FaceTracker
from rppg_core.video.film import FaceFilm
from rppg_core.video.paths import looks_like_table
from rppg_core.video.reader import MAX_S, open_video


def load_clip(
    source: str | Path | FaceClip | tuple[Any, Any],
    needs: frozenset[str],
    *,
    region: str = "face",
    max_s: float | None = None,
    fps: float | None = None,
    progress: Progress | None = None,
    film: FaceFilm | None = None,
) -> FaceClip:
    """Run the pass over the source; a FaceClip is returned as it is, a file over `max_s` is refused.

    Args:
        source: as for `analyze`; a text file called .csv, .tsv or .txt is read as colour traces.
        needs: names from types.NEEDS.
        region: "face" or "whole".
        max_s: longest file that is accepted; None: the reader's limit. Unit: s.
        fps: frame rate of a file without a correct one. Unit: Hz.
        progress: called with a stage and a fraction.
        film: receives small pictures of the face, where the source is a video file.
    """
    if fps is not None and isinstance(source, (tuple, FaceClip)):
        raise UsageError(
            "fps with frames that have times",
            wanted="fps for a file only",
            do="put the rate into the times: np.arange(n) / fps",
        )
    if isinstance(source, FaceClip):
        return check_fields(source)
    if region not in ("face", "whole"):
        raise UsageError(f"region {region!r}", wanted="'face' or 'whole'", do="leave it out for a face video")

    reading = _first_part(progress)
    if isinstance(source, tuple):
        given = open_arrays(source)
        clip = extract(
            given.frames, _tracker(region), needs, region=region, progress=reading, expected_s=given.last_s
        )
        return replace(clip, notes=(*given.notes, *clip.notes))
    max_s = MAX_S if max_s is None else max_s
    if looks_like_table(source):
        from rppg_core.video.traces import read_traces  # imported here: a video does not need it

        clip = read_traces(source, needs=needs, fps=fps, max_s=max_s)
        return replace(clip, region="whole") if region == "whole" else clip
    video = open_video(source, max_s=max_s, fps=fps)
    with closing(video):
        try:
            clip = extract(
                video.frames(),
                _tracker(region),
                needs,
                region=region,
                info=video.info,
                progress=reading,
                expected_s=video.header.duration_s,
                film=film,
            )
        except RppgError as error:
            raise error.noted(video.notes) from error
    return replace(clip, notes=(*video.notes, *clip.notes))


def _first_part(progress: Progress | None) -> Progress:
    """The progress of the pass: nine tenths of the whole."""

    def reading(stage: str, fraction: float) -> None:
        if progress is not None:
            progress(stage, 0.9 * fraction)

    return reading


def _tracker(region: str) -> FaceTracker | None:
    """Create the tracker only after the video has been opened: it may have to fetch its models."""
    return FaceTracker() if region == "face" else None
