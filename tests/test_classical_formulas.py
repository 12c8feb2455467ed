"""The classical methods against plain loops of their published formulas."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core import classical
from rppg_core.classical import CLASSICAL, PBV_SIGNATURE
from tests.skin_trace import skin_trace

# The published formulas, written as plain loops -----------------------------------------------------------------


def pos_loop(colour: np.ndarray, fs: float) -> np.ndarray:
    """Wang et al. 2017, algorithm 1, with the count of windows over each frame."""
    n, length = len(colour), round(1.6 * fs)
    total, count = np.zeros(n), np.zeros(n)
    for start in range(n - length + 1):
        window = colour[start : start + length]
        normalised = (window / window.mean(axis=0)).T
        s = np.array([[0, 1, -1], [-2, 1, 1]]) @ normalised
        h = s[0] + s[0].std() / s[1].std() * s[1]
        total[start : start + length] += h - h.mean()
        count[start : start + length] += 1
    return -total / count


def chrom_loop(colour: np.ndarray, fs: float) -> np.ndarray:
    """de Haan & Jeanne 2013, windows that overlap by half, Hann weights."""
    length = round(1.6 * fs)
    starts = [*range(0, len(colour) - length, length // 2), len(colour) - length]
    total, weight = np.zeros(len(colour)), np.zeros(len(colour))
    for start in starts:
        r, g, b = (colour[start : start + length] / colour[start : start + length].mean(axis=0)).T
        x, y = 3 * r - 2 * g, 1.5 * r + g - 1.5 * b
        s = x - x.std() / y.std() * y
        hann = np.sin(np.pi * np.arange(1, length + 1) / (length + 1)) ** 2
        total[start : start + length] += hann * (s - s.mean())
        weight[start : start + length] += hann
    return total / weight


def lgi_formula(colour: np.ndarray, fs: float) -> np.ndarray:
    """Pilz et al. 2018: Y = (I - u u^T) X, u the principal axis of X X^T; the row of green."""
    _, vectors = np.linalg.eigh(colour.T @ colour)
    axis = vectors[:, -1:]
    return ((np.eye(3) - axis @ axis.T) @ colour.T)[1]


def omit_formula(colour: np.ndarray, fs: float) -> np.ndarray:
    """Face2PPG: Y = (I - q q^T) X, q the first column of Q in X = QR; the row of green."""
    q, _ = np.linalg.qr(colour.T)
    return ((np.eye(3) - q[:, :1] @ q[:, :1].T) @ colour.T)[1]


def pbv_formula(colour: np.ndarray, fs: float) -> np.ndarray:
    """de Haan & van Leest 2014: W = k P Q^-1, S = W C, one window of 6.4 s."""
    c = (colour / colour.mean(axis=0) - 1).T
    swing = c - np.stack([np.convolve(np.pad(row, 22, "symmetric"), np.ones(45) / 45, "valid") for row in c])
    weight = np.array(PBV_SIGNATURE) @ np.linalg.inv(swing @ swing.T)
    return weight / np.linalg.norm(weight) @ c


@pytest.mark.parametrize(
    ("name", "published", "sign", "seconds"),
    [
        ("green", lambda colour, fs: colour[:, 1], -1, 20),
        ("pos", pos_loop, 1, 20),
        ("chrom", chrom_loop, 1, 20),
        ("lgi", lgi_formula, -1, 20),
        ("omit", omit_formula, -1, 20),
        ("pbv", pbv_formula, -1, 6.4),
    ],
)
def test_method_equals_its_published_formula(name, published, sign, seconds):
    _, trace = skin_trace(seconds=seconds, shading=0.01, noise=2e-3, seed=3)
    expected = sign * published(trace.samples, trace.fs)
    ours = CLASSICAL[name].function(trace)
    expected, ours = expected - expected.mean(), ours - ours.mean()
    scale = ours.std() / expected.std()  # sizes are our own convention (relative to the mean colour)
    tolerance = 1e-4 if name == "pbv" else 1e-7  # pbv: a ridge of 1e-6 keeps noise-free traces solvable
    np.testing.assert_allclose(ours, scale * expected, atol=tolerance * np.abs(ours).max())


def test_pos_matches_the_paper_without_our_count_of_windows_away_from_the_ends():
    _, trace = skin_trace(noise=2e-3)
    length = round(1.6 * trace.fs)
    published_sum = pos_loop(trace.samples, trace.fs) * length
    np.testing.assert_allclose(
        classical.pos(trace)[length:-length] * length, published_sum[length:-length], atol=1e-9
    )


# JADE ----------------------------------------------------------------------------------------------------------


def test_jade_separates_mixed_sources():
    rng = np.random.default_rng(0)
    t = np.arange(3000) / 30
    sources = np.stack([np.sin(7 * t), np.sign(np.sin(2 * np.pi * 0.37 * t)), rng.laplace(size=3000)], axis=1)
    mixed = sources @ np.array([[1, 0.6, 0.3], [0.4, 1, 0.5], [0.2, 0.7, 1]])
    mixed = mixed - mixed.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(mixed.T, bias=True))
    white = mixed @ vectors / np.sqrt(values)
    rotation = classical.jade_rotation(white)
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-12)
    match = np.abs(np.corrcoef((white @ rotation).T, sources.T)[:3, 3:])
    assert sorted(match.argmax(axis=1)) == [0, 1, 2]
    assert match.max(axis=1).min() > 0.98


def test_jade_of_one_signal_is_the_identity():
    white = np.sqrt(2) * np.sin(np.arange(600) / 5)[:, None]
    np.testing.assert_array_equal(classical.jade_rotation(white), np.eye(1))
