"""The codebook behind another method: its waveform, said in words of clean PPG.

Axis letters: T time, W window, N code in time.
"""

from __future__ import annotations

import numpy as np
import torch

from rppg_core.models.base import MIN_SEGMENT_S, WINDOWS, unit_wave
from rppg_core.models.codephys.model import CodePhys
from rppg_core.signals.filters import segments
from rppg_core.types import FS, Bvp, MethodOutput
from rppg_core.video.prepare import overlap_add, overlapping_windows


def clean_bvp(model: CodePhys, bvp: Bvp) -> MethodOutput:
    """A waveform window by window through codebook and decoder, joined by overlap-add.

    Args:
        model: in evaluation mode.
        bvp: raw waveform of any method, at 30 Hz; stretches under 2 s stay without one.

    Returns:
        The waveform, the evidence of `QueryTrust` as means over the windows, and "windows_s" (W, 2) under `inside`.

    Raises:
        ValueError: a waveform at another rate.
    """
    if bvp.fs != FS:
        raise ValueError(f"waveform at {bvp.fs} Hz; the codebook reads {FS} Hz")
    samples, valid = np.zeros(len(bvp.samples)), np.zeros(len(bvp.samples), bool)
    evidence: dict[str, list[float]] = {}
    places = []
    for segment in segments(bvp.valid):
        n = segment.stop - segment.start
        if n < MIN_SEGMENT_S * FS:
            continue
        windows = overlapping_windows(n, model.window)
        waves = []
        for window in windows:
            wave = torch.from_numpy(bvp.samples[segment][window].astype(np.float32))[None]
            with torch.inference_mode():
                answer = model.plug(wave)
                trusted = model.trust_in(answer.query, model.plugin_trust)
            waves.append(unit_wave(answer.bvp[0].double().numpy()))
            for name, score in trusted.items():
                evidence.setdefault(name, []).append(float(score))
            places.append((segment.start + window.start, segment.start + window.stop))
        samples[segment] = overlap_add(waves, windows, n)
        valid[segment] = True
    return MethodOutput(
        bvp=Bvp(samples, FS, bvp.t0_s, valid),
        evidence={name: float(np.mean(scores)) for name, scores in evidence.items()},
        inside={WINDOWS: bvp.t0_s + np.array(places).reshape(-1, 2) / FS},
    )
