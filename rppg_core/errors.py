"""Every error a user can meet: each message states what was found, what is wanted and what to do.

This module imports nothing. The command line uses `exit_code` as its exit status and prints the message as one
line; the app shows the same words.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten

NOTE_LENGTH = 90  # characters of notes in an error, which is one line


class RppgError(Exception):
    """Base class of all errors that are shown to a user.

    Args:
        got: what was found, with its number and unit.
        wanted: what would have been acceptable.
        do: the next step for the user.
        lesson: key of the lesson that explains the cause ("" when there is none).
    """

    exit_code = 3

    def __init__(self, got: str, *, wanted: str, do: str, lesson: str = ""):
        self.got, self.wanted, self.do, self.lesson = got, wanted, do, lesson
        super().__init__(f"{got}; wanted: {wanted} — {do}")

    def noted(self, notes: Sequence[str]) -> RppgError:
        """The same error with the notes on the file, which may explain its cause."""
        if not notes:
            return self
        odd = shorten(" ".join(notes).removesuffix("."), NOTE_LENGTH, placeholder=" …")
        return type(self)(f"{self.got} (the file: {odd})", wanted=self.wanted, do=self.do, lesson=self.lesson)

    def __reduce__(self):
        """Pickle an error by its parts, not by its message, so that worker processes can return it."""
        return _rebuild_error, (type(self), self.got, self.wanted, self.do, self.lesson)


def _rebuild_error(kind: type[RppgError], got: str, wanted: str, do: str, lesson: str) -> RppgError:
    return kind(got, wanted=wanted, do=do, lesson=lesson)


class UsageError(RppgError):
    """The command line or a function was called with invalid arguments."""

    exit_code = 2


class UnknownMethodError(UsageError):
    """A method name that is not in the roster; the message lists the names."""


class VideoError(RppgError):
    """The file cannot be opened, holds no video, or cannot be decoded."""


class ClipTooShortError(RppgError):
    """Fewer seconds of video than any vital needs."""


class ClipTooLongError(RppgError):
    """More seconds or pixels of video than this program accepts."""


class FrameRateError(RppgError):
    """Too few frames per second to resolve a pulse."""


class NoFaceError(RppgError):
    """No face was found, or it was visible for too short a time."""


class FaceTooSmallError(NoFaceError):
    """A face was found, but it has too few pixels to average."""


class ModelFileError(RppgError):
    """A model file is missing, incomplete or not the expected one (sha256 differs)."""


class MissingNeedError(UsageError):
    """A field of a FaceClip was read that was not requested when the clip was made."""


class WriteError(RppgError):
    """A result could not be written."""
