"""Frame times from time stamps: from 0 on, strictly increasing, in the seconds of the recording.

The reader uses it. Time stamps are wrong in a few known ways: one stamp among good ones is absurd, stamps are in
decoding order, several pictures share a stamp, two recordings follow each other, a phone plays slowly what it
recorded fast, a raw stream has no clock at all. The stamps of the next few pictures distinguish these cases, which
is why a few of them are held back here. Source of the limits: our choice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")

AHEAD = 6  # pictures whose stamps are looked at before one is placed; x264 reorders 3 by default
BREAK_S = (
    1.0  # a step back, or one forward that the next stamps take back, from which on a stamp is no frame time
)
LONGEST_GAP_S = 30.0  # a longer step in time is a fault of the file
HOLE = 1.5  # usual intervals: only a longer step has room for a picture in between
BURST = 0.35  # of the interval that the header promises: where most steps are shorter, pictures come several at once
STEADY = 0.05  # part of the usual interval by which a step may differ without a new look at the usual one
REMEMBERED = 31  # steps of which the median is the usual interval
CAPTURE_RATES = ("com.android.capture.fps", "capture.fps")  # tags, in small letters
FASTEST_USUAL, SLOWEST_USUAL = 36.0, 12.0  # frames a second; a capture rate between them is no special mode
SLOWEST_PLAY = (
    1.8  # capture rates by playback rates from which on a recording is played slowly; 2 is the usual least
)
LEAST_STEP_S = 1e-4  # between two pictures; containers count in milliseconds or finer
SLOWED_IN_THE_DARK = 61.0  # a camera with sound may fall from up to this rate to half of it for lack of light


@dataclass(frozen=True)
class ClockSource:
    """Where the times of a file come from.

    Args:
        rate: frames a second, for pictures without a stamp.
        stamped: pictures carry times of their own.
        known: `rate` is stated by somebody; False where it is a program's default.
        speed: seconds of playback per second of recording.
        words: one sentence for the verdict; "" for times of the camera's own.
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
        self._time_s = 0.0  # of the last picture, before the speed is taken out
        self._last_s: float | None = None  # its stamp, as the file counts
        self._usual_s = 1 / source.rate  # interval
        self._steps_s: deque[float] = deque([self._usual_s], maxlen=REMEMBERED)

    def timed(self, pictures: Iterable[tuple[float | None, Item]]) -> Iterator[tuple[float, Item]]:
        """Pictures with their times, in the order in which they are shown; those that repeat a time are left out.

        Args:
            pictures: stamp and picture, in the order in which the decoder gives them. Unit of a stamp: s.

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
            if self._doubtful(ahead[0][0]):  # only then: a picture that waits leaves the processor's cache
                ahead.extend(islice(coming, AHEAD + 1 - len(ahead)))
            placed = self._place(ahead)
            picture = ahead.popleft()[1]
            if placed:
                yield self._time_s / self.source.speed, picture

    def _doubtful(self, stamp: float | None) -> bool:
        """Whether a stamp is not one usual interval after the last one, so that others have to be seen first."""
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
        """A picture that is no later than the last: pictures that came at once share the time until the next."""
        assert self._last_s is not None, "the first picture is later than none"
        between_s = self._between(ahead)
        if between_s - self._last_s > 0.5 * HOLE * self._usual_s:
            return self._step_to(between_s)
        if self._usual_s < BURST / self.source.rate:  # in a burst stamps say nothing about each picture
            return self._step_to(self._last_s + 2 * LEAST_STEP_S)
        self.dropped += 1
        return False

    def _after_jump(self, ahead: deque) -> float:
        """The stamp of a picture far from the last one: a lone fault, the start of another recording, or a pause."""
        assert self._last_s is not None, "the first picture cannot jump"
        stamp, later = ahead[0][0], [later for later, _ in list(ahead)[1:] if later is not None]
        if self._taken_back(later):
            self.astray += 1
            return self._between(ahead)
        if not 0 < stamp - self._last_s <= LONGEST_GAP_S:
            self.breaks += 1
            self._last_s = stamp - BREAK_S  # what follows goes on a second later
        return stamp

    def _first_stamp(self, stamps: list[float | None]) -> float:
        """The first picture's stamp; one step before the second's where the two cannot belong together."""
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
        """Stamps in decoding order: the earliest one ahead belongs to the picture that is shown first."""
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
        """Whether the stamps ahead go on where the last good one was, so that this one stands alone."""
        assert self._last_s is not None
        if len(later) < 2:  # nothing more to come that could make a new beginning of it
            return True
        return any(0 < stamp - self._last_s <= BREAK_S + AHEAD * self._usual_s for stamp in later)

    def _between(self, ahead: deque) -> float:
        """A time for the first waiting picture between the last one and the next with a good stamp."""
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
        capture_fps: what the camera says that it recorded. Unit: Hz.
        playback_fps: what the time stamps say. Unit: Hz.
        sound: the file holds sound as long as its pictures; slow motion has none, or a shorter one.

    Returns:
        1 for an ordinary recording; 4 for 120 frames a second that are played at 30; below 1 for time lapse.

    Source: our choice. Cameras write their nominal rate into ordinary recordings too, and fall below it in the dark:
    only a high rate that is by far not reached means slow motion, and a low one that is surpassed, without sound,
    time lapse.
    """
    ratio = capture_fps / playback_fps
    if ratio > 1:
        slowed = sound and capture_fps <= SLOWED_IN_THE_DARK
        return ratio if capture_fps > FASTEST_USUAL and ratio > SLOWEST_PLAY and not slowed else 1.0
    return ratio if capture_fps < SLOWEST_USUAL and ratio < 1 / SLOWEST_PLAY and not sound else 1.0


def capture_rate(tags: Mapping[str, str]) -> float | None:
    """The rate at which a camera says that it recorded, out of a file's tags (keys in small letters). Unit: Hz."""
    for key in CAPTURE_RATES:
        try:
            rate = float(tags[key].replace(",", "."))
        except (KeyError, ValueError):
            continue
        if 0 < rate < 10_000:
            return rate
    return None
