"""Where the results of a command go: standard output, files, and errors of one line each.

Paths are checked before the work starts. Characters that a terminal cannot show are replaced by simpler ones; a
full disk gives an error of one line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rppg_core.errors import UsageError, WriteError
from rppg_core.video.paths import working_folder_is_gone

FAULT = 1  # exit code of an error in this program, and of a criterion that is not met
STOPPED = 130  # exit code after Ctrl-C, as in shells
PLAIN = {"—": "-", "✓": "+", "✗": "x"}  # in a terminal without UTF-8


def deliver(text: str, *results: tuple[str | None, Callable[[], str]]) -> None:
    """Write each requested result to its file; print the one whose path is "-", otherwise the text."""
    for path, made in results:
        if path == "-":
            text = made()
        elif path is not None:
            write_text(path, made())
    say(text.rstrip("\n"))


def json_text(found: dict[str, Any]) -> str:
    """What --json writes."""
    import json

    return json.dumps(found, ensure_ascii=False, allow_nan=False) + "\n"


def fault_words(error: Exception) -> str:
    """The message for an unexpected error."""
    return f"a fault in the program, please report it: {type(error).__name__}: {error}"


def say(text: str) -> None:
    """Print on standard output.

    Raises:
        WriteError: standard output cannot be written, for example because the disk is full.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        forget_output()
        raise WriteError(
            f"cannot write to standard output ({error.strerror})",
            wanted="a place with room for it",
            do="free the disk, or write to another file",
        ) from error


def forget_output() -> None:
    """Discard the rest of standard output; otherwise Python reports at exit that it cannot write it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def plain_character(error: UnicodeError) -> tuple[str, int]:
    """Replacement for characters that a terminal without UTF-8 cannot show."""
    assert isinstance(error, UnicodeEncodeError)
    return "".join(PLAIN.get(c, "?") for c in error.object[error.start : error.end]), error.end


def check_outputs(
    *paths: str | None, video: str | None = None, videos: Sequence[str] = (), reference: str | None = None
) -> None:
    """Check the output paths before the work starts; a video or reference is never overwritten.

    Raises:
        UsageError: two results have the same path, or a result has the path of the video.
        WriteError: a path that cannot be written.
    """
    given = [*videos, *([video] if video else [])]
    taken = {resolve_place(path): "the video itself" for path in given if path}
    taken |= {resolve_place(reference): "the reference itself"} if reference else {}
    for path in paths:
        if path is None:
            continue
        place = path if path == "-" else resolve_place(path)
        if place in taken:
            raise UsageError(
                f"{path!r} is {taken[place]}",
                wanted="a different path for each result",
                do="choose another",
            )
        taken[place] = "already taken by another result"
        if path == "-":
            continue
        target = Path(path)
        if not target.is_absolute() and working_folder_is_gone():
            raise WriteError(
                f"cannot write {path!r}",
                wanted="a file in a folder that exists",
                do="the working folder was deleted: cd to another one, or give an absolute path",
            )
        if not path or target.is_dir() or not target.absolute().parent.is_dir():
            raise WriteError(
                f"cannot write {path!r}",
                wanted="a file in a folder that exists",
                do="make the folder or choose another",
            )
        if not os.access(target if target.exists() else target.absolute().parent, os.W_OK):
            raise WriteError(
                f"cannot write {path!r} (permission denied)",
                wanted="a file that may be written",
                do="choose another folder",
            )


def resolve_place(path: str) -> str:
    """The path with links resolved, or the path itself if it cannot be resolved."""
    try:
        return os.path.realpath(path)
    except OSError:  # a relative path in a folder that was deleted
        return path


def complain(message: str, code: int) -> int:
    """Print one line on standard error and return the exit code."""
    print(f"rppg: {' '.join(message.split())}", file=sys.stderr)
    return code


def write_text(path: str | Path, text: str) -> None:
    """Write a result, or raise an error that says in one line why it cannot be written.

    Raises:
        WriteError: the folder is missing, the path is a folder, the disk is full or permission is denied.
    """
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise WriteError(
            f"cannot write {str(path)!r} ({error.strerror or error})",
            wanted="a file in a folder that exists and may be written",
            do="make the folder or choose another path",
        ) from error
