"""Edit lists of MP4 and MOV files: whether a part is played slower or faster than it was recorded.

The reader uses it. FFmpeg applies the positions and lengths of an edit list and ignores its rates, so that a
part in slow motion appears twice. Where a list has a rate other than 1, the reader ignores the whole list;
the times are then those of the recording. Source: ISO/IEC 14496-12, 8.6.6 (edit list box).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

PARENTS = (b"moov", b"trak", b"edts")
LARGEST_LIST = 1 << 16  # bytes


def has_other_speeds(path: Path) -> bool:
    """Whether any edit of any track has a rate other than 1; False for damaged files and other formats."""
    try:
        with open(path, "rb") as file:
            end = file.seek(0, 2)
            return any(rate != 1.0 for rate in _rates(file, 0, end))
    except (OSError, struct.error, IndexError, RecursionError):
        return False


def _rates(file: BinaryIO, start: int, stop: int) -> Iterator[float]:
    """Rates of the edits in the boxes between two positions in the file."""
    while start + 8 <= stop:
        file.seek(start)
        size, name = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:
            size, header = struct.unpack(">Q", file.read(8))[0], 16
        size = size or stop - start
        if size < header:
            return
        if name in PARENTS:
            yield from _rates(file, start + header, min(start + size, stop))
        elif name == b"elst" and size <= LARGEST_LIST:
            yield from _list_rates(file.read(size - header))
        start += size


def _list_rates(data: bytes) -> Iterator[float]:
    """Rates of one edit list; an empty edit (a pause before the first frame) has none."""
    long = data[0] == 1
    entry = struct.Struct(">Qqhh" if long else ">Iihh")
    count = struct.unpack(">I", data[4:8])[0]
    for k in range(min(count, (len(data) - 8) // entry.size)):
        _, media_time, whole, part = entry.unpack_from(data, 8 + k * entry.size)
        if media_time != -1:
            yield whole + part / 65536
