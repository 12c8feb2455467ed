"""The parts of PhysVLM against their definitions: octaves, alignment, consistency, distillation."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rppg_core.errors import UsageError  # noqa: E402
from rppg_core.models.physvlm.alignment import (  # noqa: E402
    FrequencyAlignedSpatialAttention,
    attend,
    tapered_power,
)
from rppg_core.models.physvlm.config import PhysVLMConfig, most_levels  # noqa: E402
from rppg_core.models.physvlm.consistency import consistency, leakage, modulation  # noqa: E402
from rppg_core.models.physvlm.distillation import StudentEmbedding, distillation_terms  # noqa: E402
from rppg_core.models.physvlm.wavelet_block import (  # noqa: E402
    WaveletTemporalBlock,
    octave_of_coefficients,
    shrink,
    transform_matrices,
)
from rppg_core.nn.spectrum import power_at, rate_grid, shares_from_power  # noqa: E402

FS, N = 15.0, 256
BANDS = {"band_hz": (0.66, 3.0), "rr_band_hz": (0.1, 0.7)}


def tone(hz: float, n: int = N, fs: float = FS, turn: float = 0.3) -> torch.Tensor:
    return torch.sin(2 * torch.pi * (hz * torch.arange(n) / fs + turn))


# Octaves -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [256, 255, 90, 31])
@pytest.mark.parametrize("wavelet", ["haar", "db4"])
def test_open_gates_give_the_signal_back_at_any_length(wavelet, length):
    analysis, synthesis = transform_matrices(wavelet, length, 5)
    x = torch.randn(7, length, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(x @ analysis @ synthesis, x, atol=1e-5, rtol=1e-5)
    assert analysis.shape[1] == len(octave_of_coefficients(length, 5))


@pytest.mark.parametrize(("wavelet", "slow", "fast"), [("db4", 0.08, 0.98), ("haar", 0.18, 0.94)])
def test_without_the_lowest_octaves_breath_goes_and_the_pulse_stays(wavelet, slow, fast):
    """At 15 Hz the octaves below 0.47 Hz are the fifth and the rest."""
    analysis, synthesis = transform_matrices(wavelet, N, 5)
    kept = (octave_of_coefficients(N, 5) < 4).float()

    def left(hz: float) -> float:
        turns = torch.linspace(0, 1, 9)[:-1]
        waves = torch.stack([tone(hz, turn=float(turn)) for turn in turns])
        filtered = (waves @ analysis * kept) @ synthesis
        return float((filtered[:, 32:-32] ** 2).sum() / (waves[:, 32:-32] ** 2).sum())

    assert left(0.2) < slow
    assert left(1.2) > fast


def test_leakage_into_other_octaves_is_larger_with_haar_than_with_db4():
    octave = octave_of_coefficients(N, 5)
    shares = {}
    for wavelet in ("haar", "db4"):
        energy = (tone(1.2) @ transform_matrices(wavelet, N, 5)[0]).square()
        shares[wavelet] = float(energy[octave == 2].sum() / energy.sum())  # 0.94 to 1.88 Hz
    assert shares["db4"] > shares["haar"] + 0.2


def test_soft_threshold_takes_small_numbers_away_and_shortens_the_others():
    found = shrink(torch.tensor([-3.0, -0.5, 0.2, 2.0]), torch.tensor(1.0))
    assert found.tolist() == [-2.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("learned", [False, True])
def test_each_task_has_its_own_gates_and_its_own_gain(learned):
    torch.manual_seed(0)
    block = WaveletTemporalBlock(4, N, wavelet="db4", levels=5, learned=learned)
    x, weight = torch.randn(2, 6, 4, N), torch.rand(2, 6)
    with torch.no_grad():
        block.gain.copy_(torch.tensor([1.0, 0.0]))
    found, gates, _ = block(x, weight)
    assert torch.equal(found["rr"], x) and not torch.allclose(found["hr"], x, atol=0.1)
    for task in ("hr", "rr"):
        assert gates[task].shape == (2, 4, 6) and (gates[task] > 0).all() and (gates[task] < 1).all()
    assert not torch.equal(gates["hr"], gates["rr"])


def test_energies_of_white_noise_halve_from_octave_to_octave():
    torch.manual_seed(0)
    block = WaveletTemporalBlock(4, N, wavelet="db4", levels=4)
    _, _, shares = block(torch.randn(4, 36, 4, N), torch.ones(4, 36))
    torch.testing.assert_close(
        shares.mean(dim=0)[:4], torch.tensor([0.5, 0.25, 0.125, 0.0625]), atol=0.02, rtol=0.1
    )


def test_cells_without_skin_do_not_move_the_gates():
    torch.manual_seed(0)
    block = WaveletTemporalBlock(4, N, wavelet="db4", levels=5)
    x, weight = torch.randn(1, 6, 4, N), torch.ones(1, 6)
    weight[:, 3] = 0
    other = x.clone()
    other[:, 3] *= 50
    before, after = (block(each, weight)[1]["hr"] for each in (x, other))
    torch.testing.assert_close(before, after)


def test_learned_taps_start_as_a_wavelet_and_are_drawn_back_to_one():
    block = WaveletTemporalBlock(2, N, wavelet="db4", levels=3, learned=True)
    assert float(block.off_wavelet()) < 1e-9
    with torch.no_grad():
        block.taps += 0.1
    assert float(block.off_wavelet()) > 1e-2
    assert float(WaveletTemporalBlock(2, N, wavelet="db4", levels=3).off_wavelet()) == 0


@pytest.mark.parametrize("wavelet", ["haar", "db4"])
@pytest.mark.parametrize("n", [64, 256, 500])
def test_levels_are_limited_as_in_pywavelets(wavelet, n):
    pywt = pytest.importorskip("pywt")
    assert most_levels(n, pywt.Wavelet(wavelet).dec_len) == pywt.dwt_max_level(n, wavelet)


def test_more_levels_than_the_length_allows_are_refused():
    with pytest.raises(UsageError, match="at most 5 levels"):
        PhysVLMConfig(levels=6)


# Alignment -----------------------------------------------------------------------------------------------------


def face(live_hz: float, flicker_hz: float, *, size: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Features of 36 cells, nine of which are alive; the others flicker, all of them noisy. Also which are alive."""
    noise = 0.3 * torch.randn(1, 36, 3, N, generator=torch.Generator().manual_seed(1))
    alive = torch.zeros(36, dtype=torch.bool)
    alive[[7, 8, 9, 13, 14, 15, 19, 20, 21]] = True
    waves = torch.where(alive[:, None, None], tone(live_hz), size * tone(flicker_hz))
    return noise + waves, alive


@pytest.mark.parametrize(("live_hz", "flicker_hz"), [(1.2, 2.3), (2.0, 1.1)])
def test_attention_finds_the_cells_with_the_rhythm_beside_a_flicker_in_the_band(live_hz, flicker_hz):
    x, alive = face(live_hz, flicker_hz, size=0.4)
    found = FrequencyAlignedSpatialAttention("hr", BANDS["band_hz"], FS)(x, torch.ones(1, 36))
    assert found.frequency == pytest.approx(live_hz, abs=0.06)
    inside, outside = found.attention[0, alive].mean(), found.attention[0, ~alive].mean()
    assert inside > 2 * outside
    torch.testing.assert_close(found.attention.mean(), torch.tensor(1.0))


def test_selector_passes_the_rhythm_and_its_double_and_little_else():
    attention = FrequencyAlignedSpatialAttention("hr", BANDS["band_hz"], FS)
    gains = attention.select(torch.tensor([1.2, 2.4, 0.6, 1.8]), torch.tensor([1.2]))[0].tolist()
    assert gains[0] == pytest.approx(1, abs=1e-3) and gains[1] == pytest.approx(0.5, abs=1e-3)
    assert gains[2] < 0.01 and gains[3] < 0.01
    breath = FrequencyAlignedSpatialAttention("rr", BANDS["rr_band_hz"], FS)
    assert breath.select(torch.tensor([0.6]), torch.tensor([0.3]))[0] < 0.01  # it has no harmonic


def test_frequency_stays_in_the_band_of_the_task():
    x, _ = face(1.2, 0.2, size=30.0)
    found = FrequencyAlignedSpatialAttention("hr", BANDS["band_hz"], FS)(x, torch.ones(1, 36))
    assert BANDS["band_hz"][0] <= float(found.frequency) <= BANDS["band_hz"][1]


@pytest.mark.parametrize("n", [256, 255, 8])
def test_power_is_that_of_a_hann_window_over_features_without_their_mean(n):
    features = 3 + torch.randn(2, 4, 3, n, generator=torch.Generator().manual_seed(0))
    even = (features - features.mean(dim=3, keepdim=True)) * torch.hann_window(n)
    found = tapered_power(torch.fft.rfft(features), n)
    torch.testing.assert_close(found, torch.fft.rfft(even).abs().square(), rtol=1e-4, atol=1e-4)


def test_cells_without_skin_get_hardly_any_attention():
    weight = torch.ones(1, 6)
    weight[0, 2] = 0
    found = attend(torch.tensor([[0.1, 0.2, 0.9, 0.1, 0.2, 0.1]]), weight)
    assert found[0, 2] < 0.05


# Consistency ---------------------------------------------------------------------------------------------------


def test_consistency_is_lowest_for_tasks_that_keep_to_their_bands():
    heart, breath = tone(1.2, 512, 30.0)[None], tone(0.25, 512, 30.0)[None]
    clean = consistency(heart, breath, fs=30.0, **BANDS)
    leaking = consistency(heart + breath, breath, fs=30.0, **BANDS)
    swapped = consistency(breath, heart, fs=30.0, **BANDS)
    assert clean < leaking < swapped


def test_leakage_is_the_share_of_power_below_half_a_hertz():
    rates = rate_grid(4.0, 300.0, 2.0)
    both = torch.stack([tone(1.2, 512, 30.0), tone(0.25, 512, 30.0)])
    found = leakage(shares_from_power(power_at(both, rates, 30.0)), rates)
    assert found[0] < 0.02 and found[1] > 0.98


def test_a_pulse_whose_size_breathes_agrees_with_that_breath_and_no_other():
    n = 1024
    breath = tone(0.25, n, 30.0)
    heart = ((1 + 0.3 * breath) * tone(1.2, n, 30.0))[None]
    same, other = (modulation(heart, torch.tensor([rr]), 30.0, BANDS["rr_band_hz"]) for rr in (15.0, 24.0))
    assert same < 0.5 < other


def test_consistency_has_a_gradient_for_both_waveforms():
    both = torch.randn(2, 3, 512, generator=torch.Generator().manual_seed(0)).requires_grad_()
    consistency(both[0], both[1], fs=30.0, **BANDS).backward()
    assert both.grad is not None and torch.isfinite(both.grad).all()
    assert (both.grad.abs().sum(dim=2) > 0).all()


# Distillation --------------------------------------------------------------------------------------------------


def test_student_that_embeds_as_its_teacher_has_nothing_to_learn():
    torch.manual_seed(0)
    own, texts = (torch.nn.functional.normalize(torch.randn(n, 8), dim=1) for n in (5, 7))
    teacher = {
        "embedding": own, "scale": torch.full((5,), 20.0), "hr_texts": texts.expand(5, -1, -1),
        "rr_texts": texts.flip(0).expand(5, -1, -1),
    }  # fmt: skip
    same = distillation_terms(own, teacher)
    other = distillation_terms(own.flip(0), teacher)
    assert set(same) == {"opinion", "embedding", "alike"}
    for name, value in same.items():
        assert value == pytest.approx(0, abs=1e-5) and other[name] > 0.01


def test_embedding_depends_on_the_rhythm_and_not_on_its_moment():
    torch.manual_seed(0)
    embed = StudentEmbedding(3, 16)
    waves = [tone(1.2), tone(1.2, turn=0.8), tone(2.0)]
    found = embed(torch.stack([wave.expand(3, -1) for wave in waves]), FS)
    assert (found[0] - found[1]).norm() < 0.3 * (found[0] - found[2]).norm()
    np.testing.assert_allclose(found.detach().norm(dim=1), 1, rtol=1e-5)
