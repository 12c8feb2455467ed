"""One run through the packets of one file: the stream, its pictures, and what the file states about itself.

The reader uses it. The format is detected from the content, and only local files are opened. Of several video
streams, covers are excluded and previews come last; otherwise it is the default stream, then the longest.
Once a file is open, damaged parts are counted and never raise an error.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.error import ExitError, FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from rppg_core.errors import RppgError, VideoError
from rppg_core.signals.frame_times import frame_timing
from rppg_core.video.clock import ClockSource, capture_rate, playback_speed
from rppg_core.video.mp4_edits import has_other_speeds
from rppg_core.video.paths import VIDEO_WANTED

MAX_PIXELS = 40_000_000
MAX_RATE = 1000  # frames a second; some files state the tick rate of their clock instead
USUAL_RATE = 30.0
# Containers of recordings; play lists and scripts that refer to other files are left out.
CONTAINERS = (
    "mov,matroska,avi,mpegts,mpeg,mpegvideo,h264,hevc,m4v,mjpeg,flv,asf,ogg,gif,nut,ivf,wav,mp3,aac,flac"
)
# Streams without a container: their demuxers assume 25 frames a second where the stream states no rate.
BARE = {"h264", "hevc", "m4v", "mjpeg", "mpegvideo"}
ANDROID = "com.android.version"
X26X = re.compile(rb"(x26[45]) .*?(?:\b((?:crf|qp)=[\d.]+)|$)", re.DOTALL)
MAX_WRITER = 80  # characters; the names come from the file
OPEN_TIMEOUT_S, READ_TIMEOUT_S = 10.0, 10.0
MAX_READ_ERRORS = 64  # of the container, consecutive or not, before the rest is skipped
LONG_SOUND = 0.9  # of the pictures' length; from here on the sound counts as equally long
MOVES = 0.4  # a video has at least this share of the largest frame count; a preview has less
COMPARED_PACKETS = 2000  # counted to distinguish the video from a cover or a preview
NOT_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


class Decoder:
    """One run through the packets of one file; errors are counted, never raised, once it is open.

    Raises:
        VideoError: not a video, or one that cannot be decoded.
    """

    def __init__(self, path: Path):
        self.path = path
        self.container = _open(path)
        try:
            self.stream = _video_stream(self.container, path)
        except RppgError:
            self.container.close()
            raise
        self.stream.thread_type = "NONE"  # threads by slice cost 10 % more and by frame 20 %
        self.stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        self.errors = self.bytes_read = 0

    @property
    def size(self) -> tuple[int, int]:
        return self.stream.codec_context.width, self.stream.codec_context.height

    @property
    def bare(self) -> bool:
        """Whether there is no container, and so no time stamps."""
        return self.container.format.name in BARE

    @property
    def duration_s(self) -> float:
        """The length that the header states; 0 where it states none."""
        if self.stream.duration and self.stream.time_base:
            return max(float(self.stream.duration * self.stream.time_base), 0.0)
        return max((self.container.duration or 0) / av.time_base, 0.0)

    @property
    def stated_rate(self) -> float | None:
        """The frame rate that the file states; None where it states none. Unit: Hz."""
        context_rate = self.stream.codec_context.framerate
        rates = (context_rate,) if self.bare else (self.stream.average_rate, self.stream.guessed_rate)
        return next((float(rate) for rate in rates if rate and 0 < rate <= MAX_RATE), None)

    @property
    def tags(self) -> dict[str, str]:
        """The metadata of the file; keys in lower case and without Apple's prefix."""
        tags = {**self.stream.metadata, **self.container.metadata}
        return {key.lower().removeprefix("com.apple.quicktime."): value for key, value in tags.items()}

    def pictures(self) -> Iterator[av.VideoFrame]:
        """Decoded pictures, in order."""
        for packet in self.packets():
            self.bytes_read += packet.size
            try:
                decoded = packet.decode()
            except FFmpegError:
                self.errors += 1
                continue
            for picture in decoded:
                if picture.is_corrupt:
                    self.errors += 1
                else:
                    yield picture

    def close(self) -> None:
        """Close the file; may be called again, and the counts remain."""
        if hasattr(self, "stream"):
            self.container.close()
            del self.container, self.stream

    def packets(self) -> Iterator[av.Packet]:
        """The packets of the stream, not decoded."""
        for _ in range(MAX_READ_ERRORS):
            try:
                yield from self.container.demux(self.stream)
                return
            except IndexError:  # PyAV fails on streams that appear while reading; ours has ended by then
                return
            except ExitError:  # a read took longer than READ_TIMEOUT_S
                self.errors += 1
                return
            except FFmpegError:
                self.errors += 1

    def clock_source(self, fps: float | None) -> ClockSource:
        """Where the times of this file come from.

        Args:
            fps: the rate given by the user, which overrides that of the file. Unit: Hz.
        """
        rate = self.stated_rate
        if fps is not None:
            return ClockSource(
                fps, stamped=False, words=f"Times follow the given rate of {fps:.4g} frames per second."
            )
        if self.bare:
            words = (
                "the file states no frame rate, so its seconds cannot be counted"
                if rate is None
                else f"The file holds no frame times; its stated rate of {rate:.4g} frames per second was used."
            )
            return ClockSource(rate or USUAL_RATE, stamped=False, known=rate is not None, words=words)
        if self.container.format.name == "avi":
            stated = rate or USUAL_RATE
            words = (
                f"AVI files hold no frame times; the header's {stated:.4g} frames per second were assumed."
            )
            return ClockSource(stated, words=words)
        return self._clock_by_tags(rate or USUAL_RATE)

    def _clock_by_tags(self, rate: float) -> ClockSource:
        """The time stamps, scaled where the capture rate in the tags shows slow motion or time lapse."""
        capture_fps = capture_rate(self.tags)
        if capture_fps is None:
            return ClockSource(rate)
        stamps_s = read_stamps(self.path)
        if len(stamps_s) < 3:
            return ClockSource(rate)
        playback_fps = frame_timing(stamps_s).fps
        sound = bool(self.container.streams.audio) and _sound_s(self.path) > LONG_SOUND * float(
            np.ptp(stamps_s)
        )
        speed = playback_speed(capture_fps, playback_fps, sound=sound)
        if speed == 1:
            odd = sound and playback_speed(capture_fps, playback_fps, sound=False) != 1
            words = (
                f"The camera reports {capture_fps:.4g} frames per second and the file holds {playback_fps:.4g}; "
                f"the sound is as long as the pictures, so the file's times were used."
            )
            return ClockSource(rate, words=words if odd else "")
        kind = "Slow motion" if speed > 1 else "Time lapse"
        words = (
            f"{kind}: recorded at {capture_fps:.4g} frames a second and played at {playback_fps:.4g}; "
            f"times were scaled back to those of the recording."
        )
        return ClockSource(rate, speed=speed, words=words)

    def writer(self, first: av.VideoFrame) -> str:
        """Camera or programs named in the file; x264 and x265 store their settings with the first picture."""
        tags = self.tags
        names = [" ".join(tags[key] for key in ("make", "model") if key in tags)]
        names += [f"Android {tags[ANDROID]}"] if ANDROID in tags else []
        names += [tags[key] for key in ("encoder", "software") if key in tags]
        signature = first.side_data.get("SEI_UNREGISTERED")
        if signature is not None and (signed := X26X.search(bytes(signature))):
            names += [b" ".join(filter(None, signed.groups())).decode()]
        return ", ".join(filter(None, names))[:MAX_WRITER]


def read_stamps(path: Path) -> np.ndarray:
    """Distinct time stamps of the packets, sorted, without decoding. Unit: s."""
    decoder = Decoder(path)
    try:
        stamps_s = {
            float(packet.pts * packet.time_base)
            for packet in decoder.packets()
            if packet.pts is not None and packet.time_base is not None
        }
    finally:
        decoder.close()
    return np.array(sorted(stamps_s))


def _sound_s(path: Path) -> float:
    """Length of the sound from its packets: Matroska states one length for all streams. Unit: s."""
    stamps_s: list[float] = []
    with _open(path) as container:
        try:
            for packet in container.demux(audio=0):
                if packet.pts is not None and packet.time_base:
                    stamps_s.append(float(packet.pts * packet.time_base))
        except (FFmpegError, IndexError):
            pass  # damaged from here on: use what was read
    return max(stamps_s, default=0.0) - min(stamps_s, default=0.0)


def _open(path: Path) -> InputContainer:
    """Open a local file, with its format detected from the content."""
    head = _first_bytes(path)
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
    if head[4:8] == b"ftyp" and has_other_speeds(path):
        options["ignore_editlist"] = "1"
    try:
        # "file:" keeps FFmpeg from reading a part of the name as a protocol
        return av.open(
            f"file:{path.absolute()}",
            metadata_errors="ignore",
            timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S),
            container_options=options,
        )
    except (FFmpegError, OSError, ValueError) as error:
        if head[4:8] == b"ftyp":
            got, do = (
                f"the index of {path.name!r} is missing or damaged",
                ("record again and stop the recording before copying the file: it looks cut off"),
            )
        else:
            got, do = f"{path.name!r} is not a video", "choose another file"
        raise VideoError(got, wanted=VIDEO_WANTED, do=do) from error


def _first_bytes(path: Path) -> bytes:
    """The first bytes of the file, or an error with the reason; `paths` has checked that the path exists."""
    got, do = f"{path.name!r} is not a file", "check the path"
    if path.is_file():
        try:
            with open(path, "rb") as file:
                head = file.read(12)
        except OSError as error:
            got, do = f"{path.name!r} cannot be read ({error.strerror})", "check the permissions"
        else:
            if head:
                return head
            got, do = f"{path.name!r} is empty", "copy or record it again"
    raise VideoError(got, wanted=VIDEO_WANTED, do=do)


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The main video stream: default and longest first; a preview only where there is nothing else."""
    streams = [s for s in container.streams.video if not s.disposition & NOT_PICTURES]
    if not streams:
        kind = "holds only sound" if container.streams.audio else "holds no pictures"
        container.close()
        raise VideoError(f"{path.name!r} {kind}", wanted=VIDEO_WANTED, do="choose another file")
    decodable = [s for s in streams if s.codec_context is not None]
    if not decodable:
        container.close()
        raise VideoError(
            f"{path.name!r} is encoded in a format that this program cannot decode",
            wanted=VIDEO_WANTED,
            do="convert it, for example to H.264 at high quality",
        )
    if len(decodable) == 1:
        return decodable[0]
    frames = _frames_by_stream(path)
    most = max(frames.values(), default=0)

    def rank(stream: VideoStream) -> tuple[bool, bool, int, int]:
        """Streams with enough frames to be a video first, then the default one, then the longest."""
        n = frames[stream.index]
        marked = bool(stream.disposition & Disposition.default)
        return n > MOVES * most, marked, n, -stream.index

    return max(decodable, key=rank)


def _frames_by_stream(path: Path) -> Counter[int]:
    """Packets of each video stream among the first COMPARED_PACKETS; headers are not trusted."""
    found: Counter[int] = Counter()
    with _open(path) as container:
        try:
            for packet in container.demux(video=list(range(len(container.streams.video)))):
                found[packet.stream_index] += packet.size > 0
                if found.total() >= COMPARED_PACKETS:
                    break
        except (FFmpegError, IndexError):
            pass  # damaged from here on: use what was counted
    return found
