"""What a report should say about a clip besides its numbers, in sentences."""

from __future__ import annotations

from rppg_core.types import FaceInfo

MANY_CLIPPED = 20.0  # % of the skin over- or underexposed, from which on the report says so


def clip_notes(face: FaceInfo, *, turned: bool, background: bool) -> tuple[str, ...]:
    """Notes about a followed face.

    Args:
        face: what was seen of it.
        turned: it is upside down in the video.
        background: there is background beside it, for the control.
    """
    found = (
        (turned, "The face is upside down in the video; the picture was turned by 180 degrees."),
        (face.n_faces > 1, f"{face.n_faces} faces seen; the largest one was followed."),
        (
            face.clipped_percent > MANY_CLIPPED,
            f"{face.clipped_percent:.0f} % of the skin is over- or underexposed: the rest was read.",
        ),
        (
            face.skin_relaxed,
            "Uneven light or colour: the skin weight was relaxed to keep 40 % of the face.",
        ),
        (
            not background,
            "No background beside the face to compare the skin with: a heart rate needs clearer evidence.",
        ),
    )
    return tuple(words for holds, words in found if holds)
