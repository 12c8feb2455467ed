"""Whether the measured context follows the scene that the simulator drew: rank correlations over short clips.

`python -m rppg_core.lab.protocols.context` prints them (`make context`). Every clip is a drawn face with its own
lamp, exposure, camera, tone, size, motion and codec (`random_settings`), seen through a lens of known blur. The truth
comes from settings and layers, never from the clip: the simulator has no lens, so its layers are blurred here before
the sensor adds its noise.
Axis letters: T time, K layer, H, W.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float
from scipy.stats import spearmanr

from rppg_core.lab.protocols.table import Criterion, text_table
from rppg_core.lab.simulate.codec import CodedFrames
from rppg_core.lab.simulate.faces import simulate_video
from rppg_core.lab.simulate.head import Motion
from rppg_core.lab.simulate.render import Layers, RenderedFrames
from rppg_core.lab.simulate.scene import tone_curve
from rppg_core.lab.simulate.script import video_info_from_times
from rppg_core.lab.simulate.settings import SimulationSettings, random_settings
from rppg_core.metrics import bootstrap_ci
from rppg_core.models.physllm.context import CONTEXT, context_from_clip
from rppg_core.types import FaceClip
from rppg_core.video.clip import extract

SEED, N_CLIPS, CLIP_S = 5_000_000, 300, 4.0  # seeds that no training, calibration or benchmark draws from
NEEDS = frozenset({"rgb", "stmap", "landmarks", "scene"})
SIDES_PX = (96, 256)  # of the picture; the face takes 0.4 to 0.5 of it
BLUR_WIDTHS = (0.003, 0.05)  # standard deviation of the lens's blur, face widths
WANTED = {
    "skin_level_grey": 0.8,
    "light_evenness": 0.8,
    "motion_percent_per_s": 0.8,
    "sharpness": 0.8,
    "face_width_px": 0.8,
    "skin_reflectance_stops": 0.6,
}
TRUTH_WORDS = {
    "skin_level_grey": "mean grey level of the finished skin, from the layers",
    "light_evenness": "darker over brighter half of the finished skin, from the layers",
    "motion_percent_per_s": "mean speed of the head's path",
    "sharpness": "minus the blur of the lens, face widths",
    "face_width_px": "width of the drawn face",
    "skin_reflectance_stops": "minus the tone drawn, 0 to 5",
}


class BlurredFrames(RenderedFrames):
    """Frames of the same scene through a lens that is out of focus.

    Args:
        frames: of the simulator, before any encoder.
        sigma_px: standard deviation of the blur. Unit: pixels.
    """

    def __init__(self, frames: RenderedFrames, sigma_px: float):
        scene = frames._scene  # access within the class hierarchy; only the layers change
        pictures = np.stack([cv2.GaussianBlur(p, (0, 0), sigma_px) for p in scene.layers.pictures])
        scene = replace(scene, layers=replace(scene.layers, pictures=pictures))
        super().__init__(scene, frames.times_s, frames._order, frames._shown, frames._seed)


@dataclass(frozen=True)
class ContextCase:
    """One clip: what was measured and what is true, both by the names in CONTEXT."""

    measured: dict[str, float]
    truth: dict[str, float]


def context_clip(index: int) -> tuple[FaceClip, dict[str, float]]:
    """Clip number `index` with the truth of every name in WANTED."""
    rng = np.random.default_rng([SEED, index])
    side = 2 * int(rng.integers(SIDES_PX[0] // 2, SIDES_PX[1] // 2 + 1))
    settings = random_settings(rng, pulsed=True, seconds=CLIP_S, size=side, face="drawn")
    blur = float(np.exp(rng.uniform(*np.log(BLUR_WIDTHS))))
    video = simulate_video(replace(settings, codec=""))
    assert isinstance(video.frames, RenderedFrames), "an encoder hides the layers"
    times_s = video.truth.times_s
    frames = BlurredFrames(video.frames, blur * video.frames.layers.face_width)
    truth = {
        **_light_truth(frames.layers, settings),
        "motion_percent_per_s": _speed(video.motion, times_s),
        "sharpness": -blur,
        "face_width_px": frames.layers.face_width,
        "skin_reflectance_stops": -float(settings.tone),
    }
    seen = CodedFrames(frames, settings.codec, settings.crf, settings.fps) if settings.codec else frames
    info = video_info_from_times(settings, times_s)
    clip = extract(seen, video.tracker, NEEDS, info=lambda: info, look_for_repeats=False)
    return clip, truth


def context_cases(
    n_clips: int = N_CLIPS, progress: Callable[[str, float], None] | None = None
) -> list[ContextCase]:
    """The measured and the true context of clips 0 to n_clips - 1."""
    cases = []
    for k in range(n_clips):
        clip, truth = context_clip(k)
        measured = dict(zip(CONTEXT, context_from_clip(clip).tolist(), strict=True))
        cases.append(ContextCase(measured, truth))
        if progress is not None and k % 10 == 0:
            progress(f"clip {k + 1} of {n_clips}", (k + 1) / n_clips)
    return cases


def rank_correlation(pairs: Float[np.ndarray, "clip 2"]) -> float:
    """Spearman's rank correlation of two columns, ties at their mean rank; NaN where one column is constant."""
    if (np.ptp(pairs, axis=0) == 0).any():  # scipy warns of these
        return float("nan")
    return float(spearmanr(pairs).statistic)  # pyright: ignore[reportAttributeAccessIssue]


def criteria(cases: Sequence[ContextCase]) -> list[Criterion]:
    """For each name in WANTED the correlation over clips in which it is known, with its 95 % bootstrap interval."""
    found = []
    for name, least in WANTED.items():
        pairs = np.array([(case.measured[name], case.truth[name]) for case in cases])
        pairs = pairs[np.isfinite(pairs).all(axis=1)]
        r = rank_correlation(pairs)
        low, high = bootstrap_ci(pairs, rank_correlation, seed=0, n_resamples=1000)
        words = f"{r:.2f} ({low:.2f} to {high:.2f}, {len(pairs)} clips)"
        found.append(Criterion(name, words, f"{least} or more", r >= least))
    return found


def report_text(cases: Sequence[ContextCase]) -> str:
    """The table of `criteria`, and what each quantity is compared with."""
    rows = [
        (c.name, c.measured, c.wanted, "holds" if c.holds else "FAILS", TRUTH_WORDS[c.name])
        for c in criteria(cases)
    ]
    title = (
        f"Measured context against the simulator: {len(cases)} clips of {CLIP_S:g} s, seeds [{SEED}, 0..]\n\n"
    )
    return title + text_table(("quantity", "rank correlation, 95 % interval", "wanted", "", "truth"), rows)


def _light_truth(layers: Layers, settings: SimulationSettings) -> dict[str, float]:
    """Grey level of the finished skin, and of its darker half over its brighter one."""
    grey = tone_curve(layers.pictures[0], settings.gamma).mean(axis=2)
    left = np.arange(grey.shape[1]) + 0.5 < layers.centre[0]
    halves = [np.average(grey[:, part], weights=layers.skin[:, part]) for part in (left, ~left)]
    return {
        "skin_level_grey": float(np.average(grey, weights=layers.skin)),
        "light_evenness": float(min(halves) / max(halves)),
    }


def _speed(motion: Motion, times_s: Float[np.ndarray, " time"]) -> float:
    """Mean speed along the head's path, % of the face width per second."""
    return 100 * float(np.hypot(*np.diff(motion.shift, axis=0).T).sum() / np.ptp(times_s))


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; the exit code is 1 where a wanted correlation is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clips", type=int, default=N_CLIPS)
    cases = context_cases(
        parser.parse_args(argv).clips,
        lambda stage, _: print(f"\r{stage}", end="", file=sys.stderr, flush=True),
    )
    print(file=sys.stderr)
    print(report_text(cases))
    return 0 if all(one.holds for one in criteria(cases)) else 1


if __name__ == "__main__":
    sys.exit(main())
