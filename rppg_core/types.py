"""The vocabulary of the project: the objects that pass from a video to a report.

One pass over a video makes a `FaceClip`, a method turns the clip into a `MethodOutput` (a raw waveform), `vitals`
turns the waveform into `Reading`s, and a `Report` holds them all.

Axis-letter legend, used in shape comments and jaxtyping words everywhere:
    T time (frames or samples)   R roi   N cell of an STMap   H height   W width   L landmark   S second   B batch
Units: seconds `_s`, hertz `_hz`, beats per minute `_bpm`, breaths per minute `_brpm`, colour in grey levels 0..255.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Shaped, UInt8

from rppg_core.errors import MissingNeedError, UsageError
from rppg_core.json_form import plain

Progress = Callable[[str, float], None]  # receives the stage in words and the share done, 0..1

FS = 30.0  # Hz; every method expects this rate
HR_BAND_HZ = (0.65, 4.0)  # 39-240 bpm
NEONATAL_HR_BAND_HZ = (1.3, 3.7)  # 78-222 bpm
RR_BAND_HZ = (0.08, 0.6)  # 5-36 breaths/min
NEONATAL_RR_BAND_HZ = (0.4, 1.2)  # 24-72 breaths/min
ROIS = ("skin", "forehead", "left cheek", "right cheek")
LOSSLESS = {"ffv1", "rawvideo", "huffyuv", "ffvhuff", "utvideo", "png", "raw"}  # codecs


@dataclass(frozen=True)
class VideoInfo:
    """What the container states and what the frame times show; the two often differ."""

    codec: str = "raw"
    pixel_format: str = "rgb24"
    bit_depth: int = 8
    width: int = 0  # upright, pixels
    height: int = 0
    rotation_deg: int = 0  # clockwise turn that was applied to make the picture upright
    n_frames: int = 0  # decoded frames
    duration_s: float = 0.0  # last minus first frame time, plus one mean interval
    fps_container: float = 0.0  # as the header states it; 0 where it states none
    fps: float = 0.0  # measured: new pictures per second, dropped frames included
    jitter_percent: float = (
        0.0  # scatter of the frame intervals about the usual local interval / the mean interval
    )
    dropped_frames: int = 0  # missing at the local frame rate; see signals/frame_times.py
    bits_per_pixel: float = 0.0  # compressed size / (frames * pixels)
    hdr: bool = False
    audio: bool = False
    written_by: str = ""  # camera or programs named in the file
    mirrored: bool = False  # flipped left to right after the rotation, as the file specifies
    repeated_frames: int = 0  # identical to the frame before; they are not used
    clock: str = ""  # source of the frame times, in words; "" for the camera's own times
    clock_known: bool = True  # False where no frame rate is stated: then no vital rate can be estimated

    @property
    def lossless(self) -> bool:
        """Whether the encoding keeps every pixel value."""
        return self.codec in LOSSLESS or self.pixel_format.startswith("gbr")


@dataclass(frozen=True)
class FaceInfo:
    """What the face tracker found over the whole clip."""

    found: float = 0.0  # fraction of frames with a face
    n_faces: int = 0  # largest number of faces in one frame
    width_px: float = 0.0  # median width of the face, pixels of the upright picture; 0 if unknown
    motion_percent: float = 0.0  # median speed of the face, % of its width per second
    skin_fraction: float = 0.0  # share of the face oval kept by the skin weight
    skin_relaxed: bool = False  # the weight was relaxed because it kept less than 40 %
    brightness: float = 0.0  # mean grey level of the skin; 0 if unknown
    clipped_percent: float = 0.0  # share of skin samples at 250 grey levels or above, or 5 or below
    grey: bool = False  # the skin has no colour: a black-and-white video


@dataclass(frozen=True)
class RgbTrace:
    """Mean colour of one region over time, evenly sampled, without gaps."""

    samples: Float[np.ndarray, "time 3"]  # grey levels, R G B
    fs: float  # Hz
    t0_s: float = 0.0


@dataclass(frozen=True)
class STMap:
    """Mean colour of N cells over time, evenly sampled (`prepare` makes the two bands from it)."""

    samples: Float[np.ndarray, "time cell 3"]  # grey levels
    fs: float  # Hz
    weight: Float[np.ndarray, " cell"]  # skin share of each cell, 0..1
    t0_s: float = 0.0


@dataclass(frozen=True)
class Bvp:
    """A blood volume pulse, raw: rising with blood volume, any amplitude, not band-passed."""

    samples: Float[np.ndarray, " time"]  # 0 where `valid` is False
    fs: float  # Hz
    t0_s: float
    valid: Bool[np.ndarray, " time"]


@dataclass(frozen=True)
class Beats:
    """Pulse onsets or peaks in time."""

    times_s: Float[np.ndarray, " beat"]
    # ibi_s[k] = times_s[k + 1] - times_s[k]; NaN across a gap, or where the interval is implausible
    ibi_s: Float[np.ndarray, " interval"]
    timing_error_s: float = float("nan")  # standard error of one beat time, measured on the same waveform
    heights: Float[np.ndarray, " beat"] = field(
        default_factory=lambda: np.zeros(0)
    )  # size of each beat's pulse


@dataclass(frozen=True)
class Rows:
    """What the rows of a FaceClip's field are; kept in the field's metadata under "rows".

    All code that cuts, checks, resamples or mirrors a clip relies on these marks. A field with one row per second is
    a mapping from names to arrays.
    """

    per: Literal["frame", "second"]
    shape: tuple[int, ...] = ()  # of one row; -1 means any length
    is_crop: bool = False  # a face crop, uint16 in units of 1/256 grey level, 0 where the face was lost


@dataclass(frozen=True)
class FaceClip:
    """Everything kept from one pass over a video; the only input of a method.

    Native clips have uneven `times_s` and `fs` None; `prepare.resample` makes an even one. Colour is NaN where
    `valid` is False. Fields that were not requested are None: read them with `need("stmap")`.
    Metadata: "rows" marks fields with one row per frame or second, "need" those that a method may request.
    """

    times_s: Float[np.ndarray, " time"] = field(metadata={"rows": Rows("frame")})
    valid: Bool[np.ndarray, " time"] = field(metadata={"rows": Rows("frame")})
    # ROIS, grey levels, skin-weighted means
    rgb: Float[np.ndarray, "time roi 3"] = field(metadata={"rows": Rows("frame", (-1, 3)), "need": True})
    rois: tuple[str, ...] = ROIS
    fs: float | None = None
    region: str = "face"  # or "whole": the whole picture is skin
    background: Float[np.ndarray, "time 3"] | None = field(
        default=None, metadata={"rows": Rows("frame", (3,))}
    )
    # x y w h of the face, upright pixels
    boxes: Float[np.ndarray, "time 4"] | None = field(default=None, metadata={"rows": Rows("frame", (4,))})
    stmap: Float[np.ndarray, "time cell 3"] | None = field(
        default=None, metadata={"rows": Rows("frame", (-1, 3)), "need": True}
    )
    stmap_weight: Float[np.ndarray, " cell"] | None = None
    crop36: Shaped[np.ndarray, "time 36 36 3"] | None = field(
        default=None, metadata={"rows": Rows("frame", (36, 36, 3), is_crop=True), "need": True}
    )
    crop72: Shaped[np.ndarray, "time 72 72 3"] | None = field(
        default=None, metadata={"rows": Rows("frame", (72, 72, 3), is_crop=True), "need": True}
    )
    crop128_raw: Shaped[np.ndarray, "time 128 128 3"] | None = field(
        default=None, metadata={"rows": Rows("frame", (128, 128, 3), is_crop=True), "need": True}
    )
    # upright pixels
    landmarks: Float[np.ndarray, "time landmark 2"] | None = field(
        default=None, metadata={"rows": Rows("frame", (-1, 2)), "need": True}
    )
    still: UInt8[np.ndarray, "height width 3"] | None = field(default=None, metadata={"need": True})
    # outlines of the ROIs on `still`, in its pixels: name -> (points, 2)
    still_outlines: Mapping[str, np.ndarray] = field(default_factory=dict)
    # name -> one number per whole second of `times_s`, NaN where no face was seen in it
    scene: Mapping[str, np.ndarray] | None = field(
        default=None, metadata={"rows": Rows("second"), "need": True}
    )
    video: VideoInfo = field(default_factory=VideoInfo)
    face: FaceInfo = field(default_factory=FaceInfo)
    notes: tuple[str, ...] = ()

    def need(self, name: str) -> Any:
        """The field `name`, or a MissingNeedError that names the need if it was not requested."""
        value = getattr(self, name, None) if isinstance(name, str) else None
        if value is None:
            raise MissingNeedError(
                f"this clip holds no {name}",
                wanted=f"a clip made with needs including {name!r}",
                do=f"declare needs = {{'rgb', {name!r}}} on the method, or pass it to extract()",
            )
        return value

    def roi(self, name: str) -> Float[np.ndarray, "time 3"]:
        """Colour of the named ROI, NaN where the face was lost."""
        if not isinstance(name, str) or name not in self.rois:
            raise UsageError(
                f"no ROI {name!r}"[:80], wanted=f"one of {', '.join(self.rois)}", do="choose one of them"
            )
        return self.rgb[:, self.rois.index(name)]


def marked_rows(clip: FaceClip | type[FaceClip], per: Literal["frame", "second"]) -> dict[str, Rows]:
    """Fields with one row per frame or per second, and the description of their rows."""
    marks = {f.name: f.metadata["rows"] for f in fields(clip) if "rows" in f.metadata}
    return {name: rows for name, rows in marks.items() if rows.per == per}


NEEDS = tuple(f.name for f in fields(FaceClip) if f.metadata.get("need"))  # what a method may request


@dataclass(frozen=True)
class Truth:
    """What the simulator put into a clip."""

    times_s: Float[np.ndarray, " time"]  # same times as the clip
    bvp: Float[np.ndarray, " time"]  # blood volume pulse without respiration baseline, zero mean, unit std
    resp: Float[np.ndarray, " time"]  # breathing, rises with inhalation
    hr_bpm: Float[np.ndarray, " time"]  # instantaneous
    beats_s: Float[np.ndarray, " beat"]  # onset times
    rr_brpm: float
    spo2_percent: float  # mean over the clip
    pulsed: bool  # False for pulse-free clips; then bvp is 0
    settings: Mapping[str, Any] = field(default_factory=dict)  # amplitude, tone, motion, seed, version, ...
    spo2: Float[np.ndarray, " time"] | None = None  # %, where its course over time is known
    rr_track_brpm: Float[np.ndarray, " time"] | None = None  # instantaneous, where its course is known


@dataclass(frozen=True)
class MethodOutput:
    """What a method returns: a waveform, direct rates or both, never filtered and never judged."""

    bvp: Bvp | None = None
    resp: Bvp | None = None  # a respiration waveform, in the same type
    direct: Mapping[str, float] = field(default_factory=dict)  # values that a network regresses: hr, rr, spo2
    evidence: Mapping[str, float] = field(default_factory=dict)  # 0..1; may lower confidence, never raise it
    inside: Mapping[str, np.ndarray] = field(default_factory=dict)  # inner arrays, for notebooks and panels


@dataclass(frozen=True)
class Reading:
    """One vital sign: a value with its interval and confidence, or a refusal with cause and remedy.

    confidence: calibrated probability that it is within 5 bpm (2 breaths/min) of the truth; interval: central 95 %.
    """

    value: float | None
    unit: str
    confidence: float = 0.0
    interval: tuple[float, float] | None = None
    note: str = ""

    @property
    def refused(self) -> bool:
        return self.value is None


@dataclass(frozen=True)
class TrackReading:
    """The heart rate of one window of a clip, or its refusal."""

    start_s: float
    end_s: float
    reading: Reading


@dataclass(frozen=True)
class Vitals:
    """All readings of one method, or of the consensus."""

    hr: Reading  # bpm
    rr: Reading  # breaths/min
    sdnn: Reading  # ms
    rmssd: Reading  # ms
    pnn50: Reading  # %
    lf_hf: Reading  # ratio
    spo2: Reading  # %, only from a method's `direct`
    hr_track: tuple[TrackReading, ...] = ()  # windows of 10 s, half overlapping
    hr_seconds: float = 0.0  # seconds of the clip that `hr` comes from

    def readings(self) -> dict[str, Reading]:
        """The readings of the whole clip, by name."""
        return {name: value for name, value in self.__dict__.items() if isinstance(value, Reading)}


@dataclass(frozen=True)
class Estimate:
    """One method on one clip."""

    method: str
    vitals: Vitals
    bvp: Bvp | None
    snr_db: float | None
    weights: str  # "none needed", "trained on simulated physiology", ...
    direct: Mapping[str, float] = field(default_factory=dict)
    evidence: Mapping[str, float] = field(default_factory=dict)
    inside: Mapping[str, np.ndarray] = field(default_factory=dict)
    resp: Bvp | None = None
    beats: Beats | None = None
    control: str = "background"  # what the rate was compared with: "background" or "none"


@dataclass(frozen=True)
class Consensus:
    """The joint result of the panel and the requested methods."""

    vitals: Vitals
    verdict: str  # one or two plain sentences, quality first
    agree: tuple[str, ...] = ()  # methods within 5 bpm of the consensus
    agreement: tuple[int, int] = (0, 0)  # the numbers of "N of M methods agree"


@dataclass(frozen=True)
class Report:
    """The result of `analyze`."""

    video: VideoInfo
    face: FaceInfo
    estimates: Mapping[str, Estimate]
    consensus: Consensus
    seconds: Mapping[str, float]
    clip: FaceClip
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `rppg analyze --json`; run times appear only under "seconds"."""
        return plain(
            {
                "video": self.video.__dict__,
                "face": self.face.__dict__,
                "consensus": {**self.consensus.__dict__, "vitals": _vitals_dict(self.consensus.vitals)},
                "estimates": {name: _estimate_dict(e) for name, e in self.estimates.items()},
                "notes": [*self.notes, "Estimates for research and teaching; not a medical device."],
                "seconds": self.seconds,
            }
        )


@runtime_checkable
class Method(Protocol):
    """An entry of the roster: any object with these five names."""

    @property
    def name(self) -> str: ...

    @property
    def needs(self) -> frozenset[str]:
        """Names from NEEDS."""
        ...

    @property
    def weights(self) -> str:
        """Origin of the weights: "none needed", "trained on simulated physiology", ..."""
        ...

    @property
    def paper(self) -> str: ...

    def estimate(self, clip: FaceClip) -> MethodOutput:
        """Raw waveform of an evenly sampled clip (`clip.fs` is set)."""
        ...


def _estimate_dict(estimate: Estimate) -> dict[str, Any]:
    bvp = estimate.bvp
    return {
        "vitals": _vitals_dict(estimate.vitals),
        # a file must not contain a rate where the pulse was refused
        "direct": {} if estimate.vitals.hr.refused else estimate.direct,
        **({} if bvp is None else {"bvp": {"fs": bvp.fs, "t0_s": bvp.t0_s, "samples": bvp.samples}}),
        "snr_db": estimate.snr_db,
        "weights": estimate.weights,
        "control": estimate.control,
    }


def _vitals_dict(vitals: Vitals) -> dict[str, Any]:
    readings = {name: reading.__dict__ for name, reading in vitals.readings().items()}
    track = [
        {
            "start_s": window.start_s,
            "end_s": window.end_s,
            **{key: value for key, value in window.reading.__dict__.items() if key != "unit"},
        }
        for window in vitals.hr_track
    ]
    return {**readings, "hr_track": track, "hr_seconds": vitals.hr_seconds}
