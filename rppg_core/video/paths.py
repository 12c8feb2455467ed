"""Check the path of a video before it is opened, with a hint for everything that is not a video.

The reader calls this first. A file that is not recognised passes: only decoding shows what it is.
"""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import Any

from rppg_core.data_files import is_data
from rppg_core.errors import UsageError, VideoError

VIDEO_WANTED = "a video that plays, such as MP4, MOV, MKV, WebM or AVI"
VIDEOS = (
    ".mp4",
    ".mov",
    ".mkv",
    ".webm",
    ".avi",
    ".m4v",
    ".mpg",
    ".mpeg",
    ".wmv",
    ".3gp",
    ".ts",
    ".mts",
    ".ogv",
    ".flv",
)
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".avif")
MOST_NAMES = 5000  # of a folder that are read for a hint
MAKE_A_VIDEO = (
    "a pulse needs 5 s of frames: make a video of them, or call rppg_core.analyze((frames, times_s))"
)
WATCH = "give a video; for a picture there is no pulse to find"
UNPACK = "unpack it and give the video in it"
GIVE_VIDEO = "give the video itself; a table of colour traces goes to `rppg analyze`"
KINDS = (  # first bytes, their offset, kind of file, what to do; none is a container of videos
    (b"\x89PNG", 0, "a picture", WATCH),
    (b"BM", 0, "a picture", WATCH),
    (b"II*\0", 0, "a picture", WATCH),
    (b"MM\0*", 0, "a picture", WATCH),
    (b"WEBP", 8, "a picture", WATCH),
    (b"ftyphei", 4, "a picture", WATCH),
    (b"ftypmif1", 4, "a picture", WATCH),
    (b"ftypavif", 4, "a picture", WATCH),
    (b"PK\x03\x04", 0, "an archive", UNPACK),
    (b"\x1f\x8b", 0, "an archive", UNPACK),
    (b"Rar!", 0, "an archive", UNPACK),
    (b"7z\xbc\xaf", 0, "an archive", UNPACK),
    (b"%PDF", 0, "a PDF document", "give the video itself"),
    (b"<!DOCTYPE", 0, "a web page", "the download did not give the video: fetch it again"),
    (b"<!doctype", 0, "a web page", "the download did not give the video: fetch it again"),
    (b"<html", 0, "a web page", "the download did not give the video: fetch it again"),
    (b"version http", 0, "a Git LFS pointer", "run: git lfs pull"),
    (b"\x93NUMPY", 0, "a numpy array", "load it, and call rppg_core.analyze((frames, times_s))"),
    (b"\x89HDF", 0, "an HDF5 file", "load its frames, and call rppg_core.analyze((frames, times_s))"),
)
TABLES = (".csv", ".tsv", ".txt", ".json", ".xlsx")
COLOUR_TABLES = (".csv", ".tsv", ".txt")  # what colour traces may be called
UTF16 = (b"\xff\xfe", b"\xfe\xff")
NOT_IN_TEXT = bytes(set(range(32)) - set(b"\t\n\r\f\x1a"))


def require_video_path(given: Any) -> Path:
    """Return the path of a file that may be a video, or raise an error.

    Raises:
        UsageError: not a path at all.
        VideoError: no such file, or a folder, an address, a picture, an archive; the message says what to do.
    """
    text = _text_from_path(given)
    if text.endswith("/") and os.path.isfile(text.rstrip("/")):
        text = text.rstrip("/")
    if os.path.isdir(text) and text:
        raise VideoError(f"{shown(text)} is a folder", wanted=VIDEO_WANTED, do=_folder_hint(text))
    if not os.path.exists(text):
        got, do = _missing(text)
        raise VideoError(got, wanted=VIDEO_WANTED, do=do)
    if os.path.isfile(text):
        _refuse_other_kinds(text)
    return Path(text)


def looks_like_table(given: Any) -> bool:
    """Whether a path names a file of text that may hold colour traces; a video may be called .csv, too."""
    try:
        text = os.fsdecode(given)
        if not text.lower().endswith(COLOUR_TABLES) or not os.path.isfile(text):
            return False
        with open(text, "rb") as file:
            head = file.read(512)
    except (TypeError, ValueError, OSError):
        return False
    wide = head.startswith(UTF16) or (len(head) > 1 and not any(head[1:40:2]))  # UTF-16 with and without mark
    return wide or not set(head) & set(NOT_IN_TEXT)


def shown(text: str) -> str:
    """The last part of a path, as shown in messages."""
    return repr(os.path.basename(text.rstrip("/")) or text)


def _text_from_path(given: Any) -> str:
    try:
        return os.fsdecode(given)
    except TypeError:
        pass
    wanted = "a path, a FaceClip, or a tuple (frames, times_s)"
    do = "give the path of one video file"
    if isinstance(given, (list, set, dict)):
        do = "call analyze once for each video; frames and times go together as a tuple"
    elif hasattr(given, "shape"):
        do = "give the frames with their times: analyze((frames, times_s))"
    elif hasattr(given, "samples"):
        do = "methods for a trace are functions in rppg_core.classical"
    elif hasattr(given, "read"):
        do = "give the path of the file, not the open file"
    raise UsageError(f"a source of type {type(given).__name__}", wanted=wanted, do=do)


def _missing(text: str) -> tuple[str, str]:
    """Why there is no such file, and what to do."""
    scheme, colon, rest = text.partition("://")
    if not text.strip():
        return "the name of the video is empty", "name a file; in a script, check that its variable is set"
    if text == "-":
        return (
            "there is no file '-', and no video is read from standard input",
            "save it and give the file's name",
        )
    if colon and scheme.isalnum() and scheme.lower() != "file":
        return (
            f"{text[:80]!r} is an address on the network",
            "download the video first, and give the file's name",
        )
    if colon and scheme.lower() == "file":
        from urllib.parse import unquote

        return f"there is no file {text!r}", f"write the path: {unquote(rest)}"
    return f"there is no file {shown(text)}", _step(text)


def _step(text: str) -> str:
    """What to do about a missing file."""
    import difflib  # takes 5 ms, needed only for an error

    folder = os.path.dirname(text.rstrip("/"))
    near = difflib.get_close_matches(os.path.basename(text), _names(folder or "."), 1, 0.75)
    hints = (
        (text.startswith("~"), f"the shell did not replace ~: write {os.path.expanduser(text)}"),
        (
            not os.path.isabs(text) and working_folder_is_gone(),
            "the working folder was deleted: cd to another one, or give an absolute path",
        ),
        (
            any(character in text for character in "*?["),
            "the pattern matches nothing here: check the folder and the ending, or give one name",
        ),
        (
            bool(folder) and not os.path.isdir(folder),
            f"check the path: there is no folder {folder[-60:]!r} either",
        ),
        (bool(near), f"did you mean {''.join(near)!r}?"),
    )
    return next((words for holds, words in hints if holds), "check the path")


def working_folder_is_gone() -> bool:
    """Whether the working folder of this process has been deleted."""
    try:
        os.getcwd()
    except OSError:
        return True
    return False


def _folder_hint(folder: str) -> str:
    names = _names(folder)
    videos = [name for name in names if name.lower().endswith(VIDEOS)]
    pictures = sum(name.lower().endswith(PICTURES) for name in names)
    if len(videos) == 1:
        return f"did you mean {os.path.join(folder, videos[0])!r}?"
    if videos:
        return f"it holds {len(videos)} videos: name one, or several such as {os.path.join(folder, '*')}"
    if pictures:
        return f"it holds {pictures} pictures; {MAKE_A_VIDEO}"
    return "check the path; it holds no video"


def _names(folder: str) -> list[str]:
    """The first few thousand names in a folder; none if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in islice(entries, MOST_NAMES) if is_data(entry.name))
    except (OSError, ValueError):
        return []


def _refuse_other_kinds(text: str) -> None:
    """Refuse files whose first bytes show another kind; unreadable files are left to the reader."""
    try:
        with open(text, "rb") as file:
            head = file.read(16)
    except OSError:
        return
    lower = text.lower()
    for start, at, kind, do in KINDS:
        if head[at:].startswith(start):
            raise VideoError(f"{shown(text)} is not a video but {kind}", wanted=VIDEO_WANTED, do=do)
    if head.startswith(b"\xff\xd8\xff") and lower.endswith(PICTURES):
        raise VideoError(f"{shown(text)} is not a video but a picture", wanted=VIDEO_WANTED, do=WATCH)
    if lower.endswith(TABLES) and head.removeprefix(b"\xef\xbb\xbf").isascii() and b"\0" not in head:
        raise VideoError(f"{shown(text)} is not a video but text", wanted=VIDEO_WANTED, do=GIVE_VIDEO)
    if looks_like_table(text):
        raise VideoError(f"{shown(text)} is not a video but a table", wanted=VIDEO_WANTED, do=GIVE_VIDEO)
