"""The frozen clips of protocol `photo`: the settings of each clip, and the folder that keeps rendered clips.

Clips 0-179 last 20 s: 3 amplitudes x 6 skin renderings x 10 seeds. Clips 180-219 last 40 s, for breathing.
A clip is a pure function of its number. The settings are drawn here and not by `random_settings`, which may
change. The clips are disjoint from training in three ways: seeds (200 000-299 999), picture (a photo;
training renders no photo), and motion ("glances", which is used nowhere else). `PHOTO_V1_HASH` covers the
settings, and `TRACES_V1` the simulator's output for two of them. If a test reports a change in either,
results before and after it cannot be compared, and the benchmark needs a new name, photo-v2.

Rendering takes minutes, and many checkpoints are scored on the same clips, so a folder keeps the output of
the face pass, without crops, keyed by settings, simulator version and the source of all code that makes a
clip.
Axis letters: T time, N cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rppg_core.errors import UsageError
from rppg_core.lab import RUNS
from rppg_core.lab.datasets.clip_file import KnownClip, digest, load_clip, made_folder
from rppg_core.lab.protocols.kept_clips import AHEAD, KEPT, kept_clip
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.workers import WorkerPool, in_order
from rppg_core.types import FaceClip, Progress, Truth
from rppg_core.video.stmap import plain_cells

VERSION = "photo-v1"
PHOTO_V1_HASH = "dccd17d482482552183c9d18f78255cb1a4e34197800be93ad08fcb06539d987"
AMPLITUDES_PERCENT = (0.2, 0.35, 0.7)
BREATH_AMPLITUDES_PERCENT = (0.35, 0.7)
N_TONES = 6
SEEDS = 10
PULSE_PER_SEED = len(AMPLITUDES_PERCENT) * N_TONES
BREATH_PER_SEED = 4
N_PULSE = PULSE_PER_SEED * SEEDS
N_CLIPS = N_PULSE + BREATH_PER_SEED * SEEDS
PULSE_S, BREATH_S = 20.0, 40.0
FIRST_SEED = 200_000
HR_BPM, RR_BRPM, SPO2_PERCENT = (45.0, 150.0), (8.0, 26.0), (88.0, 100.0)
SIZE = 160  # side of the picture, pixels; the face is 72 wide
# Tuned once, see `photo`. No codec: encoders differ from version to version, and frozen clips must not.
MOTION_SCALE, NOISE = (3.0, 10.0), (8.0, 18.0)
ILLUMINATION, SCREEN, EXPOSURE = (0.002, 0.02), (0.0005, 0.008), (0.5, 1.0)
FPS = (30.0, 30.0, 29.97, 25.0)

PRINT_S = 3.0  # length of the two clips behind TRACES_V1
PRINTED = (14, 150)  # 0.7 % on a dark tone, 0.2 % on a medium one
# Mean skin colour (R G B, grey levels) of frames 0, 20, 40 and 60 of these clips, shortened to PRINT_S.
TRACES_V1 = (
    (129.27, 89.20, 53.70, 128.58, 90.10, 55.45, 127.19, 86.84, 51.18, 127.36, 87.12, 52.87),
    (148.97, 111.01, 57.88, 150.06, 112.83, 59.58, 149.92, 112.13, 58.62, 148.62, 110.47, 56.84),
)


def indices(seeds: int = SEEDS) -> list[int]:
    """Numbers of the clips of the first few seeds: pulse clips, then breathing clips.

    Raises:
        UsageError: the number of seeds is not 1-10.
    """
    if not 1 <= seeds <= SEEDS:
        raise UsageError(
            f"{seeds} seeds", wanted=f"1 to {SEEDS}: {VERSION} is frozen", do="give --seeds 10 or fewer"
        )
    return [*range(PULSE_PER_SEED * seeds), *range(N_PULSE, N_PULSE + BREATH_PER_SEED * seeds)]


def clip_fields(index: int) -> dict[str, Any]:
    """Settings of a clip that differ from the simulator's defaults; rounded, because they are hashed."""
    if not 0 <= index < N_CLIPS:
        raise UsageError(f"clip {index}", wanted=f"0 to {N_CLIPS - 1}", do="see indices()")
    rng = np.random.default_rng(FIRST_SEED + index)

    def draw(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 4)

    def draw_log(low: float, high: float) -> float:
        return round(float(np.exp(rng.uniform(np.log(low), np.log(high)))), 5)

    breath, k = index >= N_PULSE, index - N_PULSE
    hr_bpm = draw(*HR_BPM)
    return {
        "seconds": BREATH_S if breath else PULSE_S,
        "hr_bpm": hr_bpm,
        "rr_brpm": draw(*RR_BRPM),
        "rsa": round(draw(0.01, 0.06) * min(1.0, 75 / hr_bpm), 4),  # RSA is small at high heart rates
        "riav": draw(0.05, 0.25),
        "riiv": draw(0.2, 1.2) if breath else draw(0.0, 1.2),
        "rise_s": draw(0.12, 0.2),
        "decay_s": draw_log(0.05, 0.25),
        "dicrotic": draw(0.0, 0.2),
        "smoothness": draw(0.0, 0.5),
        "delay_s": draw(0.0, 0.015),
        "spo2_percent": draw(*SPO2_PERCENT),
        "spo2_slope": draw(0.03, 0.07),
        "spo2_offset": draw(-0.3, 0.3),
        "pulse_colour_shift": draw(0.0, 1.0),
        "colour_matrix_spread": draw(0.0, 0.3),
        "white_balance_spread": draw(0.0, 0.15),
        "exposure": draw_log(*EXPOSURE),
        "fps": FPS[int(rng.integers(len(FPS)))],
        "time_jitter": draw(0, 0.1),
        "motion": "glances",
        "motion_scale": draw_log(*MOTION_SCALE),
        "noise": draw_log(*NOISE),
        "illumination": draw_log(*ILLUMINATION),
        "screen": draw_log(*SCREEN),
        "light_steps": draw(0.0, 4.0),
        "auto_exposure": draw(0.0, 0.9),
        "exposure_lag_s": draw_log(0.3, 3.0),
        "talking": draw(0.0, 0.5),
        "breath_motion": draw_log(0.05, 1.0),
        "beat_motion": draw_log(0.005, 0.1),
        "duplicated": draw(0.0, 0.02),
        "size": SIZE,
        "amplitude_percent": BREATH_AMPLITUDES_PERCENT[k % 2] if breath else AMPLITUDES_PERCENT[index % 3],
        "tone": k // 2 % N_TONES if breath else index // 3 % N_TONES,
        "seed": FIRST_SEED + index,
    }


def settings_from_number(index: int) -> SimulationSettings:
    """The settings of the clip with this number."""
    return SimulationSettings(**clip_fields(index))


def settings_hash() -> str:
    """The value that PHOTO_V1_HASH must have: sha256 of the benchmark's name and all clips' settings."""
    return digest([VERSION, *(clip_fields(index) for index in range(N_CLIPS))])


def printed_traces() -> Float[np.ndarray, "clip value"]:
    """The value that TRACES_V1 must have, within 0.05 grey levels: a few colours of two short clips."""
    from rppg_core.lab.simulate.faces import simulate_clip

    clips = [simulate_clip(replace(settings_from_number(index), seconds=PRINT_S))[0] for index in PRINTED]
    return np.stack([clip.roi("skin")[: 20 * 3 + 1 : 20].ravel() for clip in clips])


def photo_clips(
    progress: Progress | None = None,
    runs: Path | str | None = None,
    *,
    wanted: Sequence[int] | None = None,
    skin_weight: bool = True,
    workers: int = 2,
) -> list[KnownClip]:
    """Clips of the benchmark in memory (about 200 MB for all), for scripts that score many checkpoints.

    Args:
        progress: called with a stage and a fraction.
        runs: folder that keeps rendered clips; None: out/runs.
        wanted: numbers of the clips; None: all.
        skin_weight: False replaces the skin-weighted means of the cells by plain means (`stmap` only), for
            the ablation of the skin weight.
        workers: processes that render.

    Returns:
        Native clips with the fields in KEPT, each with its truth.
    """
    numbers = list(range(N_CLIPS) if wanted is None else wanted)
    found = []
    for clip in stream_clips(numbers, KEPT, runs, skin_weight=skin_weight, workers=workers):
        found.append(clip)
        if progress is not None:
            progress(f"{VERSION}, clip {len(found)} of {len(numbers)}", len(found) / len(numbers))
    return found


def stream_clips(
    numbers: Iterable[int],
    needs: frozenset[str],
    runs: Path | str | None = None,
    *,
    skin_weight: bool = True,
    workers: int = 2,
) -> Iterator[KnownClip]:
    """Clips one after the other; rendered anew if crops are needed, otherwise read from the folder.

    Raises:
        WriteError: the folder cannot be written.
    """
    keep = needs <= KEPT
    folder = made_folder(Path(RUNS if runs is None else runs) / VERSION) if keep else None
    with WorkerPool(workers) as pool:
        if folder is None:
            yield from in_order(pool, _render, ((number, needs) for number in numbers), ahead=AHEAD)
        else:
            paths = pool.map(partial(_render_into, folder=folder), numbers)
            yield from map(partial(load_clip, skin_weight=skin_weight), paths)


def _render(number: int, needs: frozenset[str]) -> KnownClip:
    from rppg_core.lab.simulate.faces import simulate_clip

    return simulate_clip(settings_from_number(number), needs)


def _render_into(number: int, folder: Path) -> Path:
    """The file of a clip in a folder, rendered if it is missing, outdated or damaged."""

    def make() -> tuple[FaceClip, Truth, np.ndarray]:
        clip, truth = _render(number, KEPT | {"crop36"})
        cells = np.where(clip.valid[:, None, None], plain_cells(clip.need("crop36")), np.nan)
        return replace(clip, crop36=None), truth, cells

    return kept_clip(folder, f"{number:03d}", [VERSION, clip_fields(number)], make)
