"""A face clip with known truth: the entry point of the simulator.

It turns settings into frames, a tracker and the truth. `simulate_clip` sends the frames through the same pass
as real video, so the code after the tracker is the same for both.

What differs from published practice: synthetic rPPG data are usually rendered heads without camera noise (SCAMPS)
or signals without pictures; here a pulse is added to the segmented skin of a photo, in linear light, with an
amplitude that is exact in the finished 8-bit clip.
Axis letters: T time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from rppg_core.errors import UsageError, WriteError
from rppg_core.lab.simulate.codec import CodedFrames
from rppg_core.lab.simulate.drawn import draw_portrait
from rppg_core.lab.simulate.hands import gestures
from rppg_core.lab.simulate.head import Motion
from rppg_core.lab.simulate.physiology import Waves, simulate_waves
from rppg_core.lab.simulate.portrait import load_portrait
from rppg_core.lab.simulate.render import (
    CLOUDS,
    KnownFace,
    Layers,
    RenderedFrames,
    Scene,
    before_wall,
    portrait_layers,
    wall_layers,
)
from rppg_core.lab.simulate.scene import frame_times, shown_frames
from rppg_core.lab.simulate.script import (
    busy_background,
    exposed,
    layer_strengths,
    motion_of_clip,
    shuffled_blocks,
    truth_from_waves,
    video_info_from_times,
)
from rppg_core.lab.simulate.settings import (
    KINDS,
    PULSE_FREE,
    SIMULATOR_VERSION,
    SimulationSettings,
    random_settings,
)
from rppg_core.types import NEEDS, FaceClip, Truth
from rppg_core.video.film import FaceFilm

__all__ = [
    "KINDS",
    "PULSE_FREE",
    "SIMULATOR_VERSION",
    "SimulatedVideo",
    "SimulationSettings",
    "random_settings",
    "save_simulation",
    "simulate_clip",
    "simulate_video",
]

# Each part of a clip has its own stream of random numbers: changing one part leaves the others unchanged.
_BODY, _TIMES, _MOTION, _LIGHT, _LAYERS, _ORDER, _SENSOR, _TRACKER, _BEHIND = range(9)
_COLOUR, _EVENTS, _COPIES, _FACE, _HANDS, _BACKDROP = range(9, 15)


@dataclass(frozen=True)
class SimulatedVideo:
    """Frames that can be read repeatedly, a tracker for them, and the truth."""

    frames: RenderedFrames | CodedFrames
    tracker: KnownFace
    motion: Motion  # of the head, at the times of the truth
    truth: Truth
    fps: float


def simulate_video(settings: SimulationSettings) -> SimulatedVideo:
    """Make a clip; frames are rendered when they are read.

    Args:
        settings: everything about the clip.

    Returns:
        Frames, tracker and truth. The same settings give the same clip.

    Raises:
        VideoError: the photo cannot be read.
        NoFaceError: the photo shows no face.
    """
    if not isinstance(settings, SimulationSettings):
        raise UsageError(
            f"settings of type {type(settings).__name__}",
            wanted="SimulationSettings",
            do="make them: SimulationSettings(hr_bpm=72.0)",
        )
    times_s = frame_times(settings.camera, settings.seconds, _rng(settings, _TIMES))
    waves = simulate_waves(settings.person, times_s, _rng(settings, _BODY))
    scene = _scene(settings, times_s, waves)
    order = np.arange(len(times_s))
    if settings.kind == "shuffled":
        order = shuffled_blocks(times_s, _rng(settings, _ORDER))
    shown = shown_frames(settings.camera, len(times_s), _rng(settings, _COPIES))
    frames = RenderedFrames(scene, times_s, order, shown, [settings.seed, _SENSOR])
    if settings.codec:
        frames = CodedFrames(frames, settings.codec, settings.crf, settings.fps)
    return SimulatedVideo(
        frames=frames,
        tracker=KnownFace(scene, times_s, order[shown], [settings.seed, _TRACKER]),
        motion=scene.motion,
        truth=truth_from_waves(settings, times_s, waves),
        fps=settings.fps,
    )


def simulate_clip(
    settings: SimulationSettings,
    needs: frozenset[str] = frozenset({"rgb"}),
    *,
    film: FaceFilm | None = None,
) -> tuple[FaceClip, Truth]:
    """Make a clip and run the same pass on it as on real video.

    Args:
        settings: everything about the clip.
        needs: what the pass keeps, names from types.NEEDS.
        film: receives small pictures of the face.

    Returns:
        The native clip and its truth, at the same times.
    """
    from rppg_core.video.clip import extract

    if not isinstance(needs, (frozenset, set)) or needs - set(NEEDS):
        raise UsageError(
            f"needs {needs!r}"[:80], wanted=f"a set of {', '.join(NEEDS)}", do="leave it out for colours"
        )
    video = simulate_video(settings)
    times_s = video.truth.times_s
    info = replace(video_info_from_times(settings, times_s), dropped_frames=_dropped_frames(times_s))
    clip = extract(
        video.frames,
        video.tracker,
        needs,
        info=lambda: info,
        expected_s=settings.seconds,
        look_for_repeats=False,
        film=film,
    )
    return clip, video.truth


def save_simulation(
    path: str | Path,
    settings: SimulationSettings,
    progress: Callable[[str, float], None] | None = None,
) -> Path:
    """Write a clip losslessly, and its truth as JSON beside it.

    Args:
        path: of the video; use ".mkv" for the lossless codec. The truth gets the same name with ".json".
        settings: everything about the clip.
        progress: called with a text and a fraction as the frames are made.

    Returns:
        Path of the truth.

    Raises:
        WriteError: the files cannot be written.
    """
    from rppg_core.video.writer import write_video

    video = simulate_video(settings)
    write_video(path, _reported(video.frames, progress), times_s=video.truth.times_s)
    beside = Path(path).with_suffix(".json")
    try:
        beside.write_text(json.dumps(_plain_truth(video.truth), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise WriteError(
            f"cannot write {beside}: {error.strerror}",
            wanted="a folder that can be written to",
            do="choose another",
        ) from error
    return beside


def _reported(
    frames: RenderedFrames | CodedFrames, progress: Callable[[str, float], None] | None
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """The pictures; `progress` is called for each one."""
    for k, picture in enumerate(frames.pictures(), start=1):
        if progress is not None:
            progress(f"frame {k} of {len(frames)}", k / len(frames))
        yield picture


def _scene(settings: SimulationSettings, times_s: np.ndarray, waves: Waves) -> Scene:
    """Layers and their strengths."""
    layers = _layers(settings)
    motion = motion_of_clip(settings, times_s, waves, _rng(settings, _MOTION))
    strengths, light = layer_strengths(
        settings, times_s, waves, motion, _rng(settings, _LIGHT), _rng(settings, _EVENTS)
    )
    behind = None
    if settings.kind == "moving background":
        behind, clouds = busy_background(times_s, _rng(settings, _BEHIND))
        strengths[:, CLOUDS] = clouds * light
    gain = exposed(settings, strengths, layers.pictures[..., 1].mean(axis=(1, 2)), times_s)
    hand = None
    if layers.skin.any():
        hand = gestures(times_s, _rng(settings, _HANDS), per_min=settings.gestures)
    return Scene(
        layers, (strengths * gain[:, None]).astype(np.float32), motion, behind, settings.camera, hand
    )


def _layers(settings: SimulationSettings) -> Layers:
    if settings.face == "drawn":
        portrait = draw_portrait(_rng(settings, _FACE), tone=settings.tone, size=settings.size)
    else:
        portrait = load_portrait(settings.photo, tone=settings.tone, size=settings.size)
    if settings.backdrop == "wall":
        portrait = before_wall(portrait, _rng(settings, _BACKDROP))
    rng = _rng(settings, _LAYERS)
    if settings.kind in ("wall", "noise"):
        return wall_layers(portrait, rng, blank=settings.kind == "noise")
    return portrait_layers(portrait, settings, rng, _rng(settings, _COLOUR))


def _plain_truth(truth: Truth) -> dict[str, Any]:
    """The truth for JSON: lists of floats with six digits, None for quantities that a pulse-free clip lacks."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return [plain(float(v)) for v in value]
        if isinstance(value, float):
            return float(f"{value:.6g}") if np.isfinite(value) else None
        return dict(value) if isinstance(value, dict) else value

    return {name: plain(value) for name, value in truth.__dict__.items()}


def _dropped_frames(times_s: Float[np.ndarray, " time"]) -> int:
    """Number of frames that are missing between the others."""
    steps_s = np.diff(times_s)
    step_s = float(np.median(steps_s))
    missing = np.round(steps_s / step_s).astype(int) - 1
    return int(missing[steps_s >= 1.75 * step_s].sum())


def _rng(settings: SimulationSettings, part: int) -> np.random.Generator:
    return np.random.default_rng([settings.seed, part])
