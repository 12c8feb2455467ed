"""Frame times from time stamps: they start at 0, strictly increase, and count seconds of the recording.

The reader uses it. Time stamps are wrong in a few known ways: a single stamp is absurd, stamps are in
decoding order, several pictures share a stamp, two recordings follow each other, slow motion is played more
slowly than it was recorded, a raw stream has no clock at all. The stamps of the next few pictures distinguish
these cases, which is why a few pictures are held back here. Source of the limits: our choice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")

AHEAD = 6  # pictures whose stamps are read before one is placed; x264 reorders 3 by default
# A stamp is wrong if it steps back by this much, or forward by as much and the next stamps do not follow.
BREAK_S = 1.0
LONGEST_GAP_S = 30.0  # a longer step in time is an error of the file
HOLE = 1.5  # usual intervals; only a longer step leaves room for a picture in between
BURST = 0.35  # of the interval in the header; where most steps are shorter, pictures arrive in bursts
STEADY = 0.05  # of the usual interval; a step that differs by more updates the usual interval
REMEMBERED = 31  # steps whose median is the usual interval
CAPTURE_RATES = ("com.android.capture.fps", "capture.fps")  # tags, in lower case
FASTEST_USUAL, SLOWEST_USUAL = 36.0, 12.0  # frames a second; capture rates between them are ordinary
SLOWEST_PLAY = 1.8  # capture rate over playback rate; slow motion is above it, usually at 2 or more
LEAST_STEP_S = 1e-4  # between two pictures; containers count in milliseconds or finer
SLOWED_IN_THE_DARK = 61.0  # up to this rate, a camera with sound may halve its rate for lack of light


@dataclass(frozen=True)
class ClockSource:
    """The source of the times of a file.

    Args:
        rate: frame rate in Hz, for pictures without a stamp.
        stamped: pictures carry times of their own.
        known: `rate` is stated by the file or the user; False where it is a default.
        speed: seconds of playback per second of recording.
        words: one sentence for the verdict; "" where the times are those of the camera.
    """

    rate: float
    stamped: bool = True
    known: bool = True
    speed: float = 1.0
    words: str = ""


class FrameClock:
    """Times of pictures, and counts of what was wrong with their stamps."""

    def __init__(self, source: ClockSource):
        self.source = source
        self.guessed = self.dropped = self.breaks = self.astray = self.reordered = 0
        self._time_s = 0.0  # of the last picture, not yet divided by the speed
        self._last_s: float | None = None  # its stamp, as in the file
        self._usual_s = 1 / source.rate  # interval
        self._steps_s: deque[float] = deque([self._usual_s], maxlen=REMEMBERED)

    def timed(self, pictures: Iterable[tuple[float | None, Item]]) -> Iterator[tuple[float, Item]]:
        """Pictures with their times, in display order; those that repeat a time are dropped.

        Args:
            pictures: stamp and picture, in the order of the decoder. Unit of a stamp: s.

        Yields:
            Time since the first picture in seconds of the recording, and the picture.
        """
        if not self.source.stamped:
            for k, (_, picture) in enumerate(pictures):
                yield k / self.source.rate, picture
            return
        ahead: deque[tuple[float | None, Item]] = deque()
        coming = iter(pictures)
        while True:
            ahead.extend(islice(coming, not ahead))
            if not ahead:
                return
            if self._doubtful(ahead[0][0]):  # only then: a waiting picture falls out of the processor cache
                ahead.extend(islice(coming, AHEAD + 1 - len(ahead)))
            placed = self._place(ahead)
            picture = ahead.popleft()[1]
            if placed:
                yield self._time_s / self.source.speed, picture

    def _doubtful(self, stamp: float | None) -> bool:
        """Whether a stamp is not about one usual interval after the last, so that later ones must be read."""
        if stamp is None or self._last_s is None:
            return True
        return not 0.5 < (stamp - self._last_s) / self._usual_s < HOLE

    def _place(self, ahead: deque) -> bool:
        """Give the first waiting picture its time; False where it repeats an earlier one."""
        if self._last_s is None:
            self._last_s = self._first_stamp([stamp for stamp, _ in ahead])
            return True
        if ahead[0][0] is None:
            self.guessed += 1
            return self._step_to(self._between(ahead))
        self._take_earliest(ahead)
        stamp = ahead[0][0]
        step_s = stamp - self._last_s
        if not -BREAK_S < step_s <= max(BREAK_S, 3 * self._usual_s):
            return self._step_to(self._after_jump(ahead))
        return self._step_to(stamp) if step_s > LEAST_STEP_S else self._step_within(ahead)

    def _step_within(self, ahead: deque) -> bool:
        """Place a picture no later than the last: pictures of a burst share the time until the next stamp."""
        assert self._last_s is not None, "the first picture has no step"
        between_s = self._between(ahead)
        if between_s - self._last_s > 0.5 * HOLE * self._usual_s:
            return self._step_to(between_s)
        if self._usual_s < BURST / self.source.rate:  # within a burst, stamps mean nothing
            return self._step_to(self._last_s + 2 * LEAST_STEP_S)
        self.dropped += 1
        return False

    def _after_jump(self, ahead: deque) -> float:
        """The stamp after a jump: an isolated error, the start of another recording, or a pause."""
        assert self._last_s is not None, "the first picture cannot jump"
        stamp, later = ahead[0][0], [later for later, _ in list(ahead)[1:] if later is not None]
        if self._taken_back(later):
            self.astray += 1
            return self._between(ahead)
        if not 0 < stamp - self._last_s <= LONGEST_GAP_S:
            self.breaks += 1
            self._last_s = stamp - BREAK_S  # the rest continues one second later
        return stamp

    def _first_stamp(self, stamps: list[float | None]) -> float:
        """The first stamp; one step before the second one where the two are inconsistent."""
        later = [stamp for stamp in stamps[1:] if stamp is not None]
        if stamps[0] is None:
            self.guessed += 1
            return later[0] - self._usual_s if later else 0.0
        steady = len(later) > 2 and all(0 < b - a <= BREAK_S for a, b in pairwise(later))
        if steady and not 0 <= later[0] - stamps[0] <= BREAK_S:
            self.astray += 1
            return later[0] - self._usual_s
        return stamps[0]

    def _take_earliest(self, ahead: deque) -> None:
        """Undo decoding order: the earliest stamp ahead belongs to the picture that is shown first."""
        own, last_s = ahead[0][0], self._last_s
        assert last_s is not None, "the first picture has no order"
        places = [
            k for k, (s, _) in enumerate(ahead) if s is not None and max(last_s, own - BREAK_S) < s < own
        ]
        if places:
            k = min(places, key=lambda place: ahead[place][0])
            ahead[0], ahead[k] = (ahead[k][0], ahead[0][1]), (own, ahead[k][1])
            self.reordered += 1

    def _taken_back(self, later: list[float]) -> bool:
        """Whether the stamps ahead continue from the last good one, so that only this one is wrong."""
        assert self._last_s is not None
        if len(later) < 2:  # too few stamps follow to show that a new recording starts
            return True
        return any(0 < stamp - self._last_s <= BREAK_S + AHEAD * self._usual_s for stamp in later)

    def _between(self, ahead: deque) -> float:
        """A time for the first waiting picture, between the last one and the next good stamp."""
        last_s, usual_s = self._last_s or 0.0, self._usual_s
        for k, (stamp, _) in enumerate(list(ahead)[1:], start=1):
            if stamp is not None and 0 < stamp - last_s <= BREAK_S + AHEAD * usual_s:
                return last_s + (stamp - last_s) / (k + 1)
        return last_s + usual_s

    def _step_to(self, stamp: float) -> bool:
        assert self._last_s is not None
        step_s = stamp - self._last_s
        self._time_s, self._last_s = self._time_s + step_s, stamp
        if step_s <= LONGEST_GAP_S:
            self._steps_s.append(step_s)
            if abs(step_s - self._usual_s) > STEADY * self._usual_s:
                self._usual_s = float(np.median(self._steps_s))
        return True


def playback_speed(capture_fps: float, playback_fps: float, *, sound: bool) -> float:
    """Seconds of playback per second of recording.

    Args:
        capture_fps: recording rate that the camera states. Unit: Hz.
        playback_fps: rate of the time stamps. Unit: Hz.
        sound: the sound is as long as the pictures; in slow motion it is missing or shorter.

    Returns:
        1 for an ordinary recording; 4 for 120 frames a second played at 30; below 1 for time lapse.

    Source: our choice. Cameras also write their nominal rate into ordinary recordings, and fall below it in
    the dark. Therefore only a high capture rate far above that of playback means slow motion, and only a low
    one far below it, without sound, means time lapse.
    """
    ratio = capture_fps / playback_fps
    if ratio > 1:
        slowed = sound and capture_fps <= SLOWED_IN_THE_DARK
        return ratio if capture_fps > FASTEST_USUAL and ratio > SLOWEST_PLAY and not slowed else 1.0
    return ratio if capture_fps < SLOWEST_USUAL and ratio < 1 / SLOWEST_PLAY and not sound else 1.0


def capture_rate(tags: Mapping[str, str]) -> float | None:
    """The recording rate that a camera states in the tags of a file (keys in lower case). Unit: Hz."""
    for key in CAPTURE_RATES:
        try:
            rate = float(tags[key].replace(",", "."))
        except (KeyError, ValueError):
            continue
        if 0 < rate < 10_000:
            return rate
    return None
