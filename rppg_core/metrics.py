"""How far an estimate is from its reference: every error and agreement number of the project, defined once.

`validate` checks the input, separately from the maths; every metric calls it. All metrics take (reference,
estimated) in this order. NaN in either marks a missing value (a refusal, no reference): the pair is left
out, and `evaluate` reports how many remain. Inputs are not modified.

Conventions: differences are estimated minus reference, so a positive bias is an overestimate. Percent is 0..100.
Waveforms have equal length and rate, and hold no NaN (evaluate them segment by segment).
Metrics:
    numbers     mae, rmse, a_rms, mape, pearson_r, within, bland_altman
    waveforms   waveform_r, macc, snr_db
    both        evaluate -> flat dict for numbers, evaluate_waveform -> flat dict for waveforms
    certainty   bootstrap_ci, wilson_interval
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import special

from rppg_core.errors import UsageError
from rppg_core.signals.checks import check_count, check_number, check_rate, check_samples
from rppg_core.signals.filters import bandpass
from rppg_core.signals.spectrum import power_spectrum

WAVEFORM_BAND_HZ = (0.7, 3.0)
MAX_LAG_S = 0.2  # pulse arrival differs by up to 0.2 s between finger and face, or camera and contact sensor
SNR_BAND_BPM = (40.0, 240.0)
SNR_HALF_WIDTH_BPM = 6.0  # around the fundamental; twice as much around the first harmonic

# Each axis has its own word: `validate` reports differing lengths with a clearer message.
References = Float[np.ndarray, " reference"]
Estimates = Float[np.ndarray, " estimate"]
TrueWaveform = Float[np.ndarray, " true_time"]
Waveform = Float[np.ndarray, " time"]


def validate(reference: References, estimated: Estimates) -> tuple[References, Estimates]:
    """Check a set of pairs and return both as arrays.

    Args:
        reference: true values; NaN where there is none.
        estimated: estimates in the same order and unit; NaN where refused.

    Raises:
        UsageError: different lengths, no pairs, values that are not numbers, or infinite values.
    """
    reference = check_samples(reference, "reference", least=0, finite=False)
    estimated = check_samples(estimated, "estimated", least=0, finite=False)
    if len(reference) != len(estimated):
        raise UsageError(
            f"{len(reference)} references and {len(estimated)} estimates", wanted="as many of both",
            do="give one estimate for each reference, NaN where it was refused",
        )  # fmt: skip
    if len(reference) == 0:
        raise UsageError("no pairs", wanted="at least one", do="give a reference and an estimate")
    for name, values in (("reference", reference), ("estimated", estimated)):
        if n := int(np.isinf(values).sum()):
            got = f"{name} holds {n} infinite values"
            raise UsageError(got, wanted="finite numbers or NaN", do="mark missing values as NaN")
    return reference, estimated


def validate_waveforms(
    reference: TrueWaveform, estimated: Waveform, fs: float
) -> tuple[TrueWaveform, Waveform]:
    """Check a pair of waveforms on the same times, sampled at fs (Hz), and return both as arrays.

    Raises:
        UsageError: different lengths, under 2 s, values that are not finite, or a rate that is not positive.
    """
    reference = check_samples(reference, "reference", least=0, finite=False)
    estimated = check_samples(estimated, "estimated", least=0, finite=False)
    fs = check_rate(fs)
    if len(reference) != len(estimated):
        raise UsageError(
            f"waveforms of {len(reference)} and {len(estimated)} samples", wanted="equal length",
            do="resample both to the same times first",
        )  # fmt: skip
    if len(reference) < 2 * fs:
        raise UsageError(f"{len(reference)} samples at {fs:g} Hz", wanted="2 s or more", do="give more")
    if not (np.isfinite(reference).all() and np.isfinite(estimated).all()):
        raise UsageError(
            "a waveform holds NaN or infinite values", wanted="finite samples",
            do="evaluate each segment between gaps on its own",
        )  # fmt: skip
    return reference, estimated


def mae(reference: References, estimated: Estimates) -> float:
    """Mean absolute error, in the unit of the input; NaN if there are no pairs."""
    return _mean(np.abs(_differences(reference, estimated)))


def rmse(reference: References, estimated: Estimates) -> float:
    """Root mean squared error, in the unit of the input; NaN if there are no pairs."""
    return float(np.sqrt(_mean(_differences(reference, estimated) ** 2)))


def a_rms(reference: References, estimated: Estimates) -> float:
    """Accuracy of a pulse oximeter, in percent points of SpO2; the same number as `rmse`.

    Source: ISO 80601-2-61, which requires 4 or less over 70-100 % in desaturated volunteers.
    """
    return rmse(reference, estimated)


def mape(reference: References, estimated: Estimates) -> float:
    """Mean absolute error as a percentage of each reference; NaN if there are no pairs.

    Raises:
        UsageError: a reference is 0, so the percentage is undefined.
    """
    paired, estimates = _pairs(reference, estimated)
    if (paired == 0).any():
        raise UsageError("a reference of 0", wanted="references other than 0", do="use mae")
    return 100 * _mean(np.abs((estimates - paired) / paired))


def pearson_r(reference: References, estimated: Estimates) -> float:
    """Pearson correlation; NaN for fewer than three pairs or where one side is constant."""
    paired, estimates = _pairs(reference, estimated)
    return _correlation(paired, estimates) if len(paired) >= 3 else float("nan")


def within(reference: References, estimated: Estimates, tolerance: float) -> float:
    """Share (0..1) of pairs at most `tolerance` apart (unit of the input); NaN if there are no pairs."""
    return _mean(np.abs(_differences(reference, estimated)) <= check_number(tolerance, "tolerance", 0))


@dataclass(frozen=True)
class BlandAltman:
    """Agreement of two methods that estimate the same quantity, with 95 % confidence intervals."""

    bias: float
    bias_ci: tuple[float, float]
    lower: float  # limit of agreement: bias - 1.96 sd
    lower_ci: tuple[float, float]
    upper: float
    upper_ci: tuple[float, float]
    n: int


def bland_altman(reference: References, estimated: Estimates) -> BlandAltman:
    """Bias and limits of agreement; all parts NaN for fewer than three pairs.

    Source: Bland & Altman 1986, Lancet 327, and 1999, Stat. Methods Med. Res. 8, section 2 (the standard error of
    a limit is sqrt(1 / n + 1.96^2 / (2 (n - 1))) sd). The pairs must be independent: several windows of one
    person make the intervals too narrow.
    """
    differences = _differences(reference, estimated)
    n = len(differences)
    bias, sd = (float(differences.mean()), float(differences.std(ddof=1))) if n >= 3 else (np.nan, np.nan)
    quantile = float(special.stdtrit(max(n - 1, 1), 0.975))
    half_bias = quantile * sd * np.sqrt(1 / max(n, 1))
    half_limit = quantile * sd * np.sqrt(1 / max(n, 1) + 1.96**2 / (2 * max(n - 1, 1)))
    lower, upper = bias - 1.96 * sd, bias + 1.96 * sd

    def around(value: float, half: float) -> tuple[float, float]:
        return float(value - half), float(value + half)

    return BlandAltman(
        bias, around(bias, half_bias), lower, around(lower, half_limit), upper, around(upper, half_limit), n
    )


def waveform_r(reference: TrueWaveform, estimated: Waveform, fs: float) -> float:
    """Similarity of two pulse waveforms: Pearson correlation in 0.7-3 Hz at the best lag within 0.2 s.

    Args:
        reference: true pulse.
        estimated: on the same times.
        fs: sampling rate of both. Unit: Hz.

    Returns:
        Correlation, -1..1; an inverted waveform does not count as a good one. NaN where one side is constant.

    Source: our choice; this is what "r between waveforms" means everywhere in the project.
    """
    reference, estimated = validate_waveforms(reference, estimated, fs)
    if _centred(reference) is None or _centred(estimated) is None:
        return float("nan")
    low_hz, high_hz = WAVEFORM_BAND_HZ
    x = bandpass(reference - reference.mean(), fs, low_hz=low_hz, high_hz=high_hz)
    y = bandpass(estimated - estimated.mean(), fs, low_hz=low_hz, high_hz=high_hz)
    n, reach = len(x), int(MAX_LAG_S * fs + 1e-6)
    lags = range(-reach, reach + 1)
    return max(_correlation(x[max(0, -k) : n - max(0, k)], y[max(0, k) : n - max(0, -k)]) for k in lags)


def macc(reference: TrueWaveform, estimated: Waveform, fs: float) -> float:
    """Largest absolute cross-correlation over all lags.

    Args:
        reference: true waveform.
        estimated: on the same times.
        fs: sampling rate of both. Unit: Hz.

    Returns:
        0..1. A shift by k of n samples loses the fraction k / n that no longer overlaps. NaN if one is constant.

    Source: Cho et al. 2017, maximum amplitude of cross-correlation. The shift is not circular, unlike in
    implementations that roll the signal: samples shifted out at one end do not reappear at the other.
    """
    reference, estimated = validate_waveforms(reference, estimated, fs)
    x, y = _centred(reference), _centred(estimated)
    if x is None or y is None:
        return float("nan")
    n_fft = 2 * len(x)  # zero padding as long as the signal, so that no lag wraps around
    correlation = np.fft.irfft(np.fft.rfft(x, n_fft) * np.conj(np.fft.rfft(y, n_fft)), n_fft)
    return float(min(1.0, np.abs(correlation).max()))


def snr_db(reference_hr_bpm: float, estimated: Waveform, fs: float) -> float:
    """Power of a pulse at the true heart rate and its first harmonic, relative to the rest of 40-240 bpm.

    Args:
        reference_hr_bpm: true heart rate, constant over the waveform.
        estimated: raw pulse.
        fs: sampling rate. Unit: Hz.

    Returns:
        Signal-to-noise ratio. Unit: dB. NaN for a constant waveform.

    Raises:
        UsageError: the heart rate lies outside 40-240 bpm, or the waveform fails `validate_waveforms`.

    Source: de Haan & Jeanne 2013, IEEE TBME 60(10), section III (binary template over 40-240 bpm). Our choice,
    following common practice: 6 bpm on each side of the fundamental, 12 of the harmonic; Hann window.
    """
    estimated, _ = validate_waveforms(estimated, estimated, fs)
    low, high = SNR_BAND_BPM
    if not low <= check_number(reference_hr_bpm, "reference_hr_bpm") <= high:
        raise UsageError(f"a reference of {reference_hr_bpm:g} bpm", wanted="40-240 bpm", do="check its unit")
    spectrum = power_spectrum(estimated, fs).band(low / 60, high / 60)
    bpm = spectrum.freqs_hz * 60
    template = np.abs(bpm - reference_hr_bpm) <= SNR_HALF_WIDTH_BPM
    template |= np.abs(bpm - 2 * reference_hr_bpm) <= 2 * SNR_HALF_WIDTH_BPM
    signal, noise = float(spectrum.power[template].sum()), float(spectrum.power[~template].sum())
    if signal + noise <= 1e-20:
        return float("nan")
    return float(10 * np.log10(max(signal, 1e-30) / max(noise, 1e-30)))


def evaluate(reference: References, estimated: Estimates, *, tolerance: float = 5.0) -> dict[str, float]:
    """All metrics of a set of pairs, as a flat dict.

    Args:
        reference: true values; NaN where there is none.
        estimated: estimates; NaN where refused.
        tolerance: for "within", in the unit of the input (5 bpm for heart rates, 2 for breaths/min).

    Returns:
        n (pairs with both numbers), coverage (n / number of references), mae, rmse, mape (NaN where a reference
        is 0), r, within, bias, loa_lower, loa_upper, bias_ci_lower, bias_ci_upper.
    """
    reference, estimated = validate(reference, estimated)
    paired, estimates = _pairs(reference, estimated)
    references = int(np.isfinite(reference).sum())
    agreement = bland_altman(reference, estimated)
    return {
        "n": float(len(paired)),
        "coverage": len(paired) / references if references else np.nan,
        "mae": mae(reference, estimated),
        "rmse": rmse(reference, estimated),
        "mape": np.nan if (paired == 0).any() else mape(reference, estimated),
        "r": pearson_r(reference, estimated),
        "within": within(reference, estimated, tolerance),
        "bias": _mean(estimates - paired),
        "loa_lower": agreement.lower,
        "loa_upper": agreement.upper,
        "bias_ci_lower": agreement.bias_ci[0],
        "bias_ci_upper": agreement.bias_ci[1],
    }


def evaluate_waveform(
    reference: TrueWaveform, estimated: Waveform, fs: float, *, reference_hr_bpm: float
) -> dict[str, float]:
    """All metrics of a pair of waveforms, as a flat dict: r, macc, snr_db.

    Args:
        reference: true pulse.
        estimated: on the same times.
        fs: sampling rate of both. Unit: Hz.
        reference_hr_bpm: true heart rate, for the SNR.
    """
    return {
        "r": waveform_r(reference, estimated, fs),
        "macc": macc(reference, estimated, fs),
        "snr_db": snr_db(reference_hr_bpm, estimated, fs),
    }


def bootstrap_ci(
    values: Float[np.ndarray, "item ..."],
    statistic: Callable[[np.ndarray], float],
    seed: int,
    *,
    n_resamples: int = 2000,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile bootstrap interval of any statistic.

    Args:
        values: one row per independent item (a person, a clip), so that (reference, estimated) pairs stay together.
        statistic: called with a resampled array of the same shape.
        seed: the same seed gives the same interval.
        n_resamples: number of resamples.
        level: confidence level.

    Returns:
        (low, high); resamples for which the statistic is NaN are left out; both are NaN when all are.

    Source: Efron & Tibshirani 1993, chapter 13.
    """
    values = check_samples(values, "values", ndim=None, least=0, finite=False)
    n_resamples, level = check_count(n_resamples, "n_resamples", 1, 10**7), check_number(level, "level", 0, 1)
    if not callable(statistic):
        raise UsageError(f"statistic {statistic!r}"[:80], wanted="a function", do="give one such as np.mean")
    if (n := len(values)) == 0:
        raise UsageError("no values to resample", wanted="at least one", do="give those of the statistic")
    rng = np.random.default_rng(check_count(seed, "seed"))
    drawn = np.array([statistic(values[rng.integers(0, n, n)]) for _ in range(n_resamples)])
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def wilson_interval(successes: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Confidence interval of a proportion, valid also at 0 %, at 100 % and for small n.

    Args:
        successes: number of successes.
        n: number of trials.
        level: confidence level.

    Returns:
        (low, high), 0..1; (0, 1) when n is 0.

    Source: Wilson 1927, J. Am. Stat. Assoc. 22.
    """
    level = check_number(level, "level", 0, 1)
    n, successes = check_count(n, "n"), check_count(successes, "successes")
    if not 0 <= successes <= n:
        raise UsageError(f"{successes} successes out of {n}", wanted="0 to n", do="check the counts")
    if n == 0:
        return 0.0, 1.0
    z = float(special.ndtri((1 + level) / 2))
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low = 0.0 if successes == 0 else float(centre - half)
    high = 1.0 if successes == n else float(centre + half)
    return low, high


def _pairs(reference: np.ndarray, estimated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs with both numbers."""
    reference, estimated = validate(reference, estimated)
    both = np.isfinite(reference) & np.isfinite(estimated)
    return reference[both], estimated[both]


def _differences(reference: np.ndarray, estimated: np.ndarray) -> np.ndarray:
    paired, estimates = _pairs(reference, estimated)
    return estimates - paired


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _centred(values: np.ndarray) -> np.ndarray | None:
    """Zero mean and unit norm; None when constant."""
    centred = values - values.mean()
    norm = float(np.linalg.norm(centred))
    return centred / norm if norm > 1e-12 * (1 + float(np.abs(values).max())) * np.sqrt(len(values)) else None


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    a, b = _centred(x), _centred(y)
    return float("nan") if a is None or b is None else float(np.clip(a @ b, -1, 1))
