"""Seven classical methods: from the mean colour of the skin to a raw pulse, without training.

Each is a pure function `RgbTrace -> samples`; `CLASSICAL` wraps each as a Method. The skin model is `x = DC * (1
- p * w)`: the pulse `w` darkens it, most strongly in green. All seven divide by the mean colour, so the result is a
relative change (0.01 is one percent), rises with blood volume, is centred on zero and needs no scaling per clip.

| method | idea | window |
|---|---|---|
| GREEN | haemoglobin absorbs green most | whole trace |
| ICA | the pulse is statistically independent of the rest | 30 s, Hann overlap-add |
| CHROM | two chrominances in which a specular or brightness change cancels | 1.6 s, Hann overlap-add |
| PBV | the pulse has a known colour; variations of other colours are suppressed | 6.4 s, Hann overlap-add |
| POS | two axes on the plane orthogonal to skin tone, tuned against each other | 1.6 s, every frame |
| LGI | remove the direction that holds most of the energy | whole trace |
| OMIT | remove the colour of the first frame | whole trace |

What differs from the papers, in all methods: no band-pass inside (the papers apply it at different places; here every
method gets the same one afterwards, in `vitals`); amplitudes stay comparable between windows and segments (no
division by a standard deviation); one polarity. Each function lists its further differences.
Axis letters: T time, W window, K frame within a window, C colour (3), S source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rppg_core.errors import ClipTooShortError, UsageError
from rppg_core.signals.checks import check_kind, check_samples, check_trace
from rppg_core.signals.filters import moving_average, segments
from rppg_core.signals.projections import (
    DARKEST,
    chrom_projection,
    pbv_projection,
    pos_projection,
    relative_change,
)
from rppg_core.signals.spectrum import power_spectrum
from rppg_core.types import HR_BAND_HZ, Bvp, FaceClip, MethodOutput, RgbTrace
from rppg_core.video.prepare import overlap_add, overlapping_windows

MIN_SEGMENT_S = 2.0
SHORT_WINDOW_S = 1.6  # CHROM and POS: 32 frames at 20 fps in both papers; holds one beat of 39 bpm or more
ICA_WINDOW_S = 30.0
PBV_WINDOW_S = 6.4
PBV_SIGNATURE = (0.33, 0.77, 0.53)  # relative pulsatility of R, G, B


def green(trace: RgbTrace) -> Float[np.ndarray, " time"]:
    """The negated relative change of green, which haemoglobin absorbs most.

    Args:
        trace: 2 s or more.

    Returns:
        Relative change, rises with blood volume.

    Source: Verkruysse et al. 2008, Optics Express 16(26), section 3.
    """
    return -relative_change(_colour(trace))[:, 1]


def ica(trace: RgbTrace) -> Float[np.ndarray, " time"]:
    """The most periodic of three independent components.

    Args:
        trace: 2 s or more; windows of 30 s.

    Returns:
        Relative change of green, rises with blood volume.

    Source: Poh, McDuff & Picard 2010, Optics Express 18(10) (30 s windows, JADE). Component: the highest
    normalised spectral peak in the cardiac band, as in Poh et al. 2011, instead of always the second. Our choice:
    the demixing matrix is learned on traces minus their 1.5 s moving average, because drift is not pulse, and applied
    to the traces themselves. Our choice: sign and size are those of a pulse of PBV_SIGNATURE after demixing, at most
    the size of green itself (the common choice, the sign of green in the mixing matrix, was measured to be wrong
    where motion is strong).
    """
    colour = _colour(trace)
    windows = overlapping_windows(len(colour), round(ICA_WINDOW_S * trace.fs))
    return overlap_add(
        [_ica_window(relative_change(colour[w]), trace.fs) for w in windows], windows, len(colour)
    )


def chrom(trace: RgbTrace) -> Float[np.ndarray, " time"]:
    """Difference of two chrominances, weighted so that their common part cancels.

    Args:
        trace: 2 s or more; windows of 1.6 s.

    Returns:
        Relative change, rises with blood volume.

    Source: de Haan & Jeanne 2013, IEEE TBME 60(10), X = 3R - 2G, Y = 1.5R + G - 1.5B, S = X - (sd X / sd Y) Y,
    Hann overlap-add. Our choice: both standard deviations are computed without a band-pass, as in Wang et al. 2017.
    """
    colour = _colour(trace)
    windows = overlapping_windows(len(colour), round(SHORT_WINDOW_S * trace.fs))
    relative = relative_change(np.stack([colour[w] for w in windows]))  # (W, K, C)
    return overlap_add(list(chrom_projection(relative)), windows, len(colour))


def pbv(
    trace: RgbTrace, *, signature: tuple[float, float, float] = PBV_SIGNATURE
) -> Float[np.ndarray, " time"]:
    """The weighting of R, G, B that keeps the pulse's colour and suppresses all else as far as possible.

    Args:
        trace: 2 s or more; windows of 6.4 s.
        signature: relative pulsatility of R, G, B; depends on camera and light.

    Returns:
        Relative change of green, rises with blood volume.

    Source: de Haan & van Leest 2014, Physiol. Meas. 35(9), W Q = k P with Q = C C^T. Our choice: k is set so that
    the pulse keeps its amplitude in green, the same in all windows (the paper: |W| = 1); the window length; Q is
    learned on traces minus their 1.5 s moving average, and W is applied to the traces themselves.
    """
    colour = _colour(trace)
    windows = overlapping_windows(len(colour), round(PBV_WINDOW_S * trace.fs))
    if not (np.shape(signature) == (3,) and np.isfinite(signature).all() and np.linalg.norm(signature) > 0):
        raise UsageError(
            f"signature {signature!r}",
            wanted="relative pulsatility of R, G and B",
            do=f"give three numbers, such as {PBV_SIGNATURE}",
        )
    pulse = _unit(signature)
    parts = []
    for window in windows:
        relative = relative_change(colour[window])
        swing = relative - moving_average(relative, trace.fs, 1.5)
        parts.append(pbv_projection(relative, swing, pulse))
    return overlap_add(parts, windows, len(colour))


def pos(trace: RgbTrace) -> Float[np.ndarray, " time"]:
    """Sum of two axes on the plane orthogonal to skin tone, scaled so that their opposite parts cancel.

    Args:
        trace: 2 s or more; windows of 1.6 s.

    Returns:
        Relative change, rises with blood volume.

    Source: Wang et al. 2017, IEEE TBME 64(7), algorithm 1: S1 = G - B, S2 = G + B - 2R, h = S1 + (sd S1 / sd S2) S2
    in a window that moves by one frame, overlap-added. The sign is flipped (h follows reflectance). Our choice: the
    sum is divided by the number of windows over each frame, so that the ends do not fade and the scale is that of h.
    """
    colour = _colour(trace)
    n = len(colour)
    length = min(n, round(SHORT_WINDOW_S * trace.fs))
    windows = np.lib.stride_tricks.sliding_window_view(colour, length, axis=0)  # (W, C, K)
    pulse = pos_projection(relative_change(windows.transpose(0, 2, 1)))  # (W, K)
    total, count = np.zeros(n), np.zeros(n)
    for k in range(length):  # frame k of all windows at once
        total[k : k + len(pulse)] += pulse[:, k]
        count[k : k + len(pulse)] += 1
    return total / count


def lgi(trace: RgbTrace) -> Float[np.ndarray, " time"]:
    """Green after projecting out the direction that holds most of the colour's energy.

    Args:
        trace: 2 s or more.

    Returns:
        Relative to mean green, rises with blood volume.

    Source: Pilz et al. 2018, CVPR Workshops, local group invariance: P = I - s s^T, s the first left singular
    vector of the 3 x T colours.
    """
    colour = _colour(trace)
    left, _, _ = np.linalg.svd(colour.T, full_matrices=False)
    return _green_without(colour, left[:, 0])


def omit(trace: RgbTrace) -> Float[np.ndarray, " time"]:
    """Green after projecting out the colour of the first frame.

    Args:
        trace: 2 s or more.

    Returns:
        Relative to mean green, rises with blood volume.

    Source: Álvarez Casado & Bordallo López 2023, Face2PPG, IEEE JBHI 27(11), OMIT: QR factors of the 3 x T
    colours, P = I - q q^T. The first column q of Q is, up to its sign, the normalised colour of the first frame.
    """
    colour = _colour(trace)
    return _green_without(colour, colour[0] / max(float(np.linalg.norm(colour[0])), DARKEST))


def jade_rotation(white: Float[np.ndarray, "time source"]) -> Float[np.ndarray, "source source"]:
    """The rotation that makes whitened signals independent, by joint diagonalisation of their 4th-order cumulants.

    Args:
        white: zero mean, unit covariance.

    Returns:
        Orthogonal matrix V; `white @ V` are the sources. The start is not random: equal inputs give equal outputs.

    Source: Cardoso & Souloumiac 1993, IEE Proceedings F 140(6) (cumulant matrices); 1996, SIAM J. Matrix Anal.
    17(1) (the angle of a Jacobi step).
    """
    n_samples, n_sources = check_samples(white, "white", ndim=2, least=2).shape
    if n_sources > n_samples:
        raise UsageError(
            f"white of shape {white.shape}", wanted="(time, source)", do="transpose it with white.T"
        )
    cumulants = np.stack(_cumulant_matrices(white))  # (6, S, S) for three sources
    rotation = np.eye(n_sources)
    pairs = [(p, q) for p in range(n_sources) for q in range(p + 1, n_sources)]
    for _ in range(100):
        largest = 0.0
        for p, q in pairs:
            g = np.stack([cumulants[:, p, p] - cumulants[:, q, q], cumulants[:, p, q] + cumulants[:, q, p]])
            (on, cross), (_, off) = g @ g.T
            angle = 0.5 * np.arctan2(2 * cross, on - off + np.hypot(on - off, 2 * cross))
            step = np.eye(n_sources)
            step[[p, q], [p, q]] = np.cos(angle)
            step[p, q], step[q, p] = -np.sin(angle), np.sin(angle)
            cumulants = step.T @ cumulants @ step
            rotation = rotation @ step
            largest = max(largest, abs(angle))
        if largest < 1e-9:
            break
    return rotation


@dataclass(frozen=True)
class ClassicalMethod:
    """A Method that applies one of the functions above to the skin trace, segment by segment.

    Segments are not rescaled, so pulses of equal strength have equal size in all of them.
    """

    name: str
    function: Callable[[RgbTrace], Float[np.ndarray, " time"]]
    paper: str
    needs: frozenset[str] = frozenset({"rgb"})
    weights: str = "none needed"

    def estimate(self, clip: FaceClip) -> MethodOutput:
        """Raw pulse of an evenly sampled clip.

        Args:
            clip: with `fs` set; its "skin" ROI is used.

        Returns:
            `bvp` as long as the clip, valid in every segment of 2 s or more.

        Raises:
            UsageError: the clip still has its native, uneven times.
        """
        check_kind(
            clip, FaceClip, "clip", do="extract one from a video, or call the method's function on a RgbTrace"
        )
        if clip.fs is None:
            raise UsageError(
                "the clip has uneven frame times", wanted="even ones", do="call prepare.resample(clip) first"
            )
        skin = clip.roi("skin")
        samples, valid = np.zeros(len(skin)), np.zeros(len(skin), bool)
        for segment in segments(clip.valid):
            if segment.stop - segment.start < MIN_SEGMENT_S * clip.fs - 1e-6:
                continue
            trace = RgbTrace(skin[segment], clip.fs, float(clip.times_s[segment.start]))
            samples[segment] = self.function(trace)
            valid[segment] = True
        return MethodOutput(bvp=Bvp(samples, clip.fs, float(clip.times_s[0]), valid))


CLASSICAL: dict[str, ClassicalMethod] = {
    method.name: method
    for method in (
        ClassicalMethod("green", green, "Verkruysse et al. 2008"),
        ClassicalMethod("ica", ica, "Poh et al. 2010"),
        ClassicalMethod("chrom", chrom, "de Haan & Jeanne 2013"),
        ClassicalMethod("pbv", pbv, "de Haan & van Leest 2014"),
        ClassicalMethod("pos", pos, "Wang et al. 2017"),
        ClassicalMethod("lgi", lgi, "Pilz et al. 2018"),
        ClassicalMethod("omit", omit, "Álvarez Casado & Bordallo López 2023"),
    )
}


def _colour(trace: RgbTrace) -> np.ndarray:
    """The samples (T, C) in double precision, checked."""
    samples = check_trace(trace)
    seconds = len(samples) / trace.fs
    if seconds < MIN_SEGMENT_S - 1e-6:
        raise ClipTooShortError(
            f"the trace has {len(samples)} samples ({seconds:.1f} s at {trace.fs:g} Hz)",
            wanted=f"at least {MIN_SEGMENT_S:g} s",
            do="give a longer trace",
        )
    if not np.isfinite(samples).all():
        raise UsageError(
            f"the trace holds {int((~np.isfinite(samples)).sum())} values that are not numbers",
            wanted="a trace without gaps",
            do="cut it with signals.filters.segments, or call ClassicalMethod.estimate on the clip",
        )
    return np.asarray(samples, dtype=np.float64)


def _unit(signature: tuple[float, float, float]) -> np.ndarray:
    return np.array(signature) / np.linalg.norm(signature)


def _green_without(colour: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Minus green after projecting out the unit vector `axis`, relative to mean green."""
    rest = colour[:, 1] - (colour @ axis) * axis[1]
    return -(rest - rest.mean()) / max(colour[:, 1].mean(), DARKEST)


def _ica_window(relative: np.ndarray, fs: float) -> np.ndarray:
    """The most periodic component of one window: (T, C) -> (T,)."""
    swing = relative - moving_average(relative, fs, 1.5)
    values, vectors = np.linalg.eigh(swing.T @ swing / len(swing))
    keep = values > 1e-8 * max(values[-1], 1e-12)  # a noise-free trace has fewer than three sources
    if not keep.any():
        return np.zeros(len(relative))
    whitener = (vectors[:, keep] / np.sqrt(values[keep])).T  # (S, C)
    rotation = jade_rotation(swing @ whitener.T)
    demixing = rotation.T @ whitener  # (S, C)
    sources = swing @ demixing.T
    spectra = [power_spectrum(source, fs).band(*HR_BAND_HZ).power for source in sources.T]
    best = demixing[int(np.argmax([power.max() / max(power.sum(), 1e-30) for power in spectra]))]
    gain = best @ _unit(PBV_SIGNATURE)  # size in this unit-variance source of a pulse of unit size
    size = min(_unit(PBV_SIGNATURE)[1] / max(abs(gain), 1e-12), swing[:, 1].std())
    return -np.sign(gain) * size * (relative @ best)


def _cumulant_matrices(white: np.ndarray) -> list[np.ndarray]:
    """Fourth-order cumulants of whitened signals along an orthonormal basis of symmetric matrices."""
    n, n_sources = white.shape
    identity = np.eye(n_sources)
    matrices = []
    for i in range(n_sources):
        for j in range(i, n_sources):
            basis = np.zeros((n_sources, n_sources))
            basis[i, j] = basis[j, i] = 1.0 if i == j else np.sqrt(0.5)
            moment = (white * (white[:, i] * white[:, j])[:, None]).T @ white / n
            scale = 1.0 if i == j else np.sqrt(2.0)
            matrices.append(scale * moment - np.trace(basis) * identity - 2 * basis)
    return matrices
