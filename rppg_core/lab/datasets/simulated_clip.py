"""One clip of a simulated domain: rendered on request, with the labels that the domain's instruments write.

The table of the domains is in `simulated.py`. The face goes through the simulator's renderer and encoder and
then through the same pass as real video. Labels are made once, as streams: each instrument averages the
truth, samples it at its own rate, rounds it and stamps it by the labels' clock, which has the error that the
domain states. The `Truth` beside a clip is read from those streams as if their clock were right, for training
and evaluation alike, as on a real dataset, so label errors remain. What a domain does not label is NaN.

What differs from published practice: the camera's colours belong to the domain, one matrix for all of its
clips; the simulator's own settings can only draw them anew for each clip.
Axis letters: T time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from jaxtyping import Float
from scipy import ndimage
from scipy.interpolate import CubicSpline

from rppg_core.lab.datasets.base import KINDS, Stream, Streams, make_stream
from rppg_core.lab.datasets.label_times import truth_at
from rppg_core.lab.simulate.codec import ENCODERS, CodedFrames
from rppg_core.lab.simulate.colour import MATRIX_CROSSTALK
from rppg_core.lab.simulate.faces import SimulatedVideo, simulate_video
from rppg_core.lab.simulate.render import RenderedFrames
from rppg_core.lab.simulate.script import video_info_from_times
from rppg_core.lab.simulate.settings import SIMULATOR_VERSION, SimulationSettings
from rppg_core.types import FaceClip, Truth
from rppg_core.video.clip import extract
from rppg_core.video.frame import Frame

LEAD_S = 0.5  # simulated before and after a clip, so that labels on a wrong clock still cover it
EACH_FRAME = 0.0  # rate of a label that has one value for each frame
SHOWN_SETTINGS = (
    "tone",
    "motion",
    "amplitude_percent",
    "fps",
    "codec",
    "crf",
    "size",
    "seed",
)  # not the labels


@dataclass(frozen=True, kw_only=True)
class ClipColours:
    """The colour processing of one camera, in linear light; it keeps the green value of white."""

    saturation: float = 0.0  # strength of the colour-correction matrix; real ones lie about 0.3 from identity
    red: float = 1.0  # gains of the white balance
    blue: float = 1.0

    def matrix(self) -> Float[np.ndarray, "3 3"]:
        """Matrix for colours as columns; without gains its rows sum to 1."""
        mixed = np.eye(3) + self.saturation * (np.eye(3) + MATRIX_CROSSTALK)
        return np.array([[self.red], [1.0], [self.blue]]) * mixed


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """How one label is recorded."""

    name: str  # a key of KINDS
    fs: float  # Hz, or EACH_FRAME
    step: float = 0.0  # values are rounded to multiples of this; 0 is no rounding
    average_s: float = 0.0  # length of the moving average
    lag_s: float = 0.0  # delay on top of the clock's error; it appears nowhere in the labels


@dataclass(frozen=True, kw_only=True)
class LabelClock:
    """How the labels' clock differs from the video's: time written = true time x (1 + drift) + offset."""

    offset_s: float = 0.0
    drift: float = 0.0

    def written_s(self, true_s: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
        """The time written in the labels for a true time, which counts from the first frame."""
        return true_s * (1 + self.drift) + self.offset_s


@dataclass(frozen=True, kw_only=True)
class SimulatedClip:
    """One clip of a domain; calling it renders the clip. It can be sent to another process."""

    path: Path  # "domain/clip": used as the file name in messages
    settings: SimulationSettings  # of the rendered face; `seconds` without the lead
    colours: ClipColours
    instruments: tuple[Instrument, ...]
    clock: LabelClock

    def __call__(self, needs: frozenset[str]) -> tuple[FaceClip, Truth]:
        """The native clip that a pass keeps, and its labels at the same times, NaN where there are none."""
        video = simulate_video(replace(self._whole, codec=""))
        frames = _with_camera(video, self.colours, self._whole)
        start_s = self._start_s
        seen = _between(frames, start_s, start_s + self.settings.seconds)
        clip = extract(seen, video.tracker, needs, expected_s=self.settings.seconds, look_for_repeats=False)
        clip = replace(clip, times_s=clip.times_s - start_s)
        clip = replace(clip, video=video_info_from_times(self.settings, clip.times_s))
        return clip, self.labels_at(clip.times_s)

    def streams(self) -> Streams:
        """The labels as the domain's instruments wrote them."""
        return Streams({i.name: partial(self._stream, i) for i in self.instruments})

    def labels_at(self, times_s: Float[np.ndarray, " time"]) -> Truth:
        """The labels at the times of frames, read as if the labels' clock were the video's.

        Args:
            times_s: counted from the first frame. Unit: s.

        Returns:
            Truth with NaN for everything that the domain does not label, and no beats without a wave. Outside the
            recorded labels, rates keep their first and last value and a wave is NaN.
        """
        streams = self.streams()
        at = {name: _read(stream, times_s) for name, stream in streams.items()}
        nothing = np.full(len(times_s), np.nan)
        truth = true_course(self._whole)
        beats_s = self.clock.written_s(truth.beats_s - self._start_s)
        inside = (beats_s >= times_s[0]) & (beats_s <= times_s[-1])
        return Truth(
            times_s=times_s,
            bvp=at.get("bvp", nothing),
            resp=at.get("resp", nothing),
            hr_bpm=at.get("hr", nothing),
            beats_s=beats_s[inside] if "bvp" in at else np.zeros(0),
            rr_brpm=float(np.mean(at.get("rr", nothing))),
            spo2_percent=float(np.mean(at.get("spo2", nothing))),
            pulsed=True,
            spo2=at.get("spo2"),
            settings={"simulator_version": SIMULATOR_VERSION}
            | {name: getattr(self.settings, name) for name in SHOWN_SETTINGS},
        )

    def truth_at(self, times_s: Float[np.ndarray, " time"]) -> Truth:
        """The exact truth at the times of frames, labelled or not: no instrument, no clock error.

        Args:
            times_s: counted from the first frame, inside the clip. Unit: s.
        """
        truth, start_s = true_course(self._whole), self._start_s
        beats_s = truth.beats_s - start_s
        inside = (beats_s >= times_s[0]) & (beats_s <= times_s[-1])
        on_clock = replace(truth, times_s=truth.times_s - start_s, beats_s=beats_s[inside])
        return truth_at(on_clock, times_s)

    @property
    def _whole(self) -> SimulationSettings:
        return replace(self.settings, seconds=self.settings.seconds + 2 * LEAD_S)

    @property
    def _start_s(self) -> float:
        """Time of the clip's first frame on the simulator's clock."""
        times_s = true_course(self._whole).times_s
        return float(times_s[np.searchsorted(times_s, LEAD_S)])

    def _stream(self, instrument: Instrument) -> Stream:
        truth = true_course(self._whole)
        true_s = truth.times_s
        if instrument.fs != EACH_FRAME:
            true_s = np.arange(truth.times_s[0], truth.times_s[-1], 1 / instrument.fs)
        values = _course(instrument, truth)(true_s)
        if instrument.step:
            values = instrument.step * np.round(values / instrument.step)
        if instrument.name == "spo2":
            values = np.minimum(values, 100.0)
        written_s = self.clock.written_s(true_s - self._start_s) + instrument.lag_s
        return make_stream(self.path, instrument.name, written_s, values)


class CameraFrames(RenderedFrames):
    """Frames as another camera would record them: the light of the same scene, multiplied by a colour matrix.

    Args:
        frames: of the simulator, before any encoder.
        matrix: for colours as columns, linear light.
    """

    def __init__(self, frames: RenderedFrames, matrix: Float[np.ndarray, "3 3"]):
        scene = frames._scene  # access within the class hierarchy; only the layers change
        pictures = scene.layers.pictures
        flat = pictures.reshape(-1, pictures.shape[2], 3)
        seen = cv2.transform(flat, matrix.astype(np.float32)).reshape(pictures.shape)
        scene = replace(scene, layers=replace(scene.layers, pictures=seen))
        super().__init__(scene, frames.times_s, frames._order, frames._shown, frames._seed)


class LiveCodedFrames(CodedFrames):
    """Frames after an encoder that does not look ahead, as in cameras, and gives the same bytes every time.

    With its default, a macroblock tree over B frames, the output of x264 differs from run to run for equal
    input and one thread (measured on 144, 150 and 176 pixels); without look-ahead it never did.
    """

    def _encoder(self, height: int, width: int) -> VideoCodecContext:
        encoder = super()._encoder(height, width)
        if encoder.name == ENCODERS["h264"]:
            encoder.options = {**encoder.options, "tune": "zerolatency"}
        return encoder


@lru_cache(maxsize=4)
def true_course(settings: SimulationSettings) -> Truth:
    """The truth of a clip, without rendering. It does not depend on the picture, so the smallest size is used."""
    return simulate_video(replace(settings, size=64, codec="", face="drawn")).truth


def _with_camera(
    video: SimulatedVideo, colours: ClipColours, settings: SimulationSettings
) -> RenderedFrames | CodedFrames:
    if not isinstance(video.frames, RenderedFrames):
        raise TypeError("a camera looks at a scene, not at an encoded video")
    frames = CameraFrames(video.frames, colours.matrix())
    return LiveCodedFrames(frames, settings.codec, settings.crf, settings.fps) if settings.codec else frames


def _between(frames: RenderedFrames | CodedFrames, from_s: float, to_s: float) -> Iterator[Frame]:
    for frame in frames:
        if frame.time_s >= to_s:
            return
        if frame.time_s >= from_s:
            yield frame


def _course(instrument: Instrument, truth: Truth) -> Any:
    """The quantity that an instrument records, as a function of true time."""
    known: Mapping[str, np.ndarray | None] = {
        "bvp": truth.bvp,
        "resp": truth.resp,
        "hr": truth.hr_bpm,
        "spo2": truth.spo2,
        "rr": np.full(len(truth.times_s), truth.rr_brpm),
    }
    values = known[instrument.name]
    if values is None:
        raise ValueError(f"the simulator keeps no {instrument.name}")
    if KINDS[instrument.name].is_wave:
        return CubicSpline(truth.times_s, values)
    step_s = float(np.median(np.diff(truth.times_s)))
    if instrument.average_s:
        values = ndimage.uniform_filter1d(values, max(1, round(instrument.average_s / step_s)))
    return lambda times_s: np.interp(times_s, truth.times_s, values)


def _read(stream: Stream, times_s: np.ndarray) -> Float[np.ndarray, " time"]:
    """A stream at the times of frames."""
    known_s, values = stream.times_s[stream.mask], stream.values[stream.mask]
    if len(known_s) < 2:
        return np.full(len(times_s), np.nan)
    if not KINDS[stream.name].is_wave:
        return np.interp(times_s, known_s, values)
    return CubicSpline(known_s, values, extrapolate=False)(times_s)
