"""The parts of PhysLLM against their definitions: stationary waves, tokens, prototypes, prompts."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from rppg_core.models.physllm.aggregator import VisionAggregator  # noqa: E402
from rppg_core.models.physllm.guidance import TextPrototypeGuidance, TextPrototypes  # noqa: E402
from rppg_core.models.physllm.prompts import AdaptivePromptLearning  # noqa: E402
from rppg_core.models.physllm.stationary import DualDomainStationary, moving_average  # noqa: E402
from rppg_core.models.physllm.tokens import FlatHead, PatchHead, SignalPatches  # noqa: E402
from rppg_core.nn.layers import standardise  # noqa: E402

D = 16


def waves(n: int, b: int = 3) -> torch.Tensor:
    return torch.randn(b, n, dtype=torch.float64, generator=torch.Generator().manual_seed(n))


@pytest.mark.parametrize("decay", [0.05, 0.3, 0.8, 1.0])
@pytest.mark.parametrize("n", [1, 2, 7, 128])
def test_moving_average_is_the_recursion(decay, n):
    x = waves(n)
    z = x.clone()
    for i in range(1, n):
        z[:, i] = decay * x[:, i] + (1 - decay) * z[:, i - 1]
    assert torch.allclose(moving_average(x, decay), z, atol=1e-6)


@pytest.mark.parametrize("n", [20, 64, 128, 200, 257])
def test_any_length_of_wave_comes_out_as_long_and_finite(n):
    stationary = DualDomainStationary().double()
    steady = stationary(waves(n))
    assert steady.shape == (3, n) and torch.isfinite(steady).all()


def test_frequency_branch_with_bands_left_alone_returns_the_wave(monkeypatch):
    """The transform itself adds nothing: without averages and scales the branch is the identity."""
    from rppg_core.models.physllm import stationary as module

    monkeypatch.setattr(module, "standardise", lambda band: band)
    x = waves(100)
    branch = DualDomainStationary(decay=1.0).double().frequency_branch(x)
    assert torch.allclose(branch, x, atol=1e-9)


def test_frequency_branch_amplifies_a_band_that_holds_nothing_but_noise():
    """The price of the branch: noise of 1 % in the highest octave comes out with 20 times its share of power."""
    t = torch.arange(256, dtype=torch.float64) / 30
    pulse = torch.sin(2 * torch.pi * 1.2 * t)[None]
    noisy = pulse + 0.01 * torch.cos(2 * torch.pi * 12.0 * t)
    stationary = DualDomainStationary(decay=1.0).double()

    def fast(wave: torch.Tensor) -> float:
        power = torch.fft.rfft(wave).abs() ** 2
        hz = torch.fft.rfftfreq(256, 1 / 30)
        return float(power[:, hz > 7.5].sum() / power.sum())

    assert fast(stationary.frequency_branch(noisy)) > 20 * fast(stationary.time_branch(noisy))


def test_a_change_of_scale_and_level_leaves_the_steady_wave():
    x = waves(128)
    stationary = DualDomainStationary().double()
    assert torch.allclose(stationary(x), stationary(100 * x + 3), atol=1e-3)


def test_permuting_the_batch_permutes_steady_waves():
    stationary, x = DualDomainStationary().double(), waves(128, b=5)
    order = torch.tensor([3, 0, 4, 1, 2])
    assert torch.allclose(stationary(x)[order], stationary(x[order]), atol=1e-12)


def test_share_of_the_wavelet_branch_stays_between_0_and_1_and_learns():
    stationary = DualDomainStationary().double()
    assert float(stationary.share.detach()) == 0.5
    stationary(waves(64)).square().sum().backward()
    assert stationary.mix.grad is not None and stationary.mix.grad != 0
    stationary.mix.data.fill_(100.0)
    assert float(stationary.share.detach()) <= 1


def test_patches_cover_the_wave_by_halves():
    patches = SignalPatches(16, D).cut(torch.arange(256.0)[None])
    assert patches.shape == (1, 32, 16)
    assert torch.equal(patches[0, 1, :8], patches[0, 0, 8:])
    assert float(patches[0, -1, -1]) == 255  # replicated at the end


@pytest.mark.parametrize("n", [60, 64, 128, 256, 300])
def test_head_joins_patches_to_the_wave_that_they_come_from(n):
    """With a norm and a layer that hand the patches through, cutting and joining is the identity."""
    wave = waves(n).float()
    cut, head = SignalPatches(16, D).cut(wave), PatchHead(16, D)
    head.norm, head.write = torch.nn.Identity(), torch.nn.Identity()
    assert torch.allclose(head(cut, n)[:, 1:], wave[:, 1:], atol=1e-4)


@pytest.mark.parametrize(("tokens", "n"), [(64, 128), (40, 128), (64, 200)])
def test_flat_head_fits_other_numbers_of_tokens_and_samples(tokens, n):
    assert FlatHead(64, 8, 128)(torch.randn(2, tokens, D), n).shape == (2, n)


def maps() -> list[torch.Tensor]:
    return [torch.randn(2, 12, n) for n in (128, 64, 32)]


def test_aggregator_returns_the_deepest_map_at_first():
    aggregator, features = VisionAggregator((12, 12, 12), D, tokens=32, narrow=8, heads=2), maps()
    deepest = aggregator.project[2](features[2].transpose(1, 2))
    assert torch.equal(aggregator(features), deepest)


def test_aggregator_reads_all_maps_once_its_gates_open():
    aggregator, features = VisionAggregator((12, 12, 12), D, tokens=32, narrow=8, heads=2), maps()
    aggregator.g2.data.fill_(1.0)
    before = aggregator(features)
    for k in range(3):
        changed = [x + 1 if j == k else x for j, x in enumerate(features)]
        assert not torch.allclose(aggregator(changed), before)


def test_prototypes_are_mixtures_of_words():
    prototypes, words = TextPrototypes(50, 4), torch.randn(50, D)
    expected = prototypes.mixture.weight @ words + prototypes.mixture.bias[:, None]
    assert torch.allclose(prototypes(words), expected, atol=1e-6)


@pytest.mark.parametrize("tokens", [5, 8, 20])
def test_guidance_keeps_the_number_of_tokens(tokens):
    guidance = TextPrototypeGuidance(50, D, prototypes=8, narrow=8, heads=2).eval()
    words = torch.randn(50, D)
    assert guidance(torch.randn(2, tokens, D), words).shape == (2, tokens, D)
    weights = guidance.guided(torch.randn(2, tokens, D), guidance.prototypes(words))[1]
    assert weights.shape == (2, 8, tokens)
    assert torch.allclose(weights.sum(dim=2), torch.ones(2, 8), atol=1e-5)


def test_guidance_depends_on_the_words():
    guidance, tokens = (
        TextPrototypeGuidance(50, D, prototypes=8, narrow=8, heads=2).eval(),
        torch.randn(2, 8, D),
    )
    assert not torch.allclose(guidance(tokens, torch.randn(50, D)), guidance(tokens, torch.randn(50, D)))


def prompts(**changes: bool) -> AdaptivePromptLearning:
    torch.manual_seed(0)
    return AdaptivePromptLearning(2, D, tokens=4, narrow=8, heads=2, **changes).eval()


def words_of(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(2, n, D, generator=torch.Generator().manual_seed(n)), torch.ones(
        2, n, dtype=torch.bool
    )


def test_padding_changes_no_prompt():
    learning, (a, real_a), (b, real_b) = prompts(), words_of(5), words_of(9)
    longer = torch.cat([a, torch.randn(2, 3, D)], dim=1)
    padded = torch.cat([real_a, torch.zeros(2, 3, dtype=torch.bool)], dim=1)
    assert torch.allclose(
        learning([a, b], [real_a, real_b])[0], learning([longer, b], [padded, real_b])[0], atol=1e-6
    )


def test_a_cue_without_words_adds_nothing_and_the_others_stay():
    learning, (a, real_a), (b, real_b) = prompts(), words_of(5), words_of(9)
    both = learning([a, b], [real_a, real_b])[0]
    alone, attention = learning([a, b], [torch.zeros_like(real_a), real_b])
    assert not alone[:, 0].any() and not attention[0].any()
    assert torch.equal(alone[:, 1], both[:, 1])


def test_weights_of_the_cues_are_learned_unless_switched_off():
    assert prompts().weights.requires_grad and not prompts(learned=False).weights.requires_grad
    np.testing.assert_allclose(prompts().weights.detach(), 0.5)


def test_standardised_waves_have_zero_mean_and_unit_deviation():
    z = standardise(5 * waves(100) + 2)
    assert torch.allclose(z.mean(dim=1), torch.zeros(3, dtype=torch.float64), atol=1e-9)
    assert torch.allclose(z.std(dim=1, correction=0), torch.ones(3, dtype=torch.float64), atol=1e-4)
