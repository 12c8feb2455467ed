"""The parts of CodePhys against their definitions: codebook, autoencoder, attention, distillation, trust."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from rppg_core.models.codephys import CodePhysConfig  # noqa: E402
from rppg_core.models.codephys.attention import SpatialAttention, attended_mean, window_evidence  # noqa: E402
from rppg_core.models.codephys.autoencoder import SignalDecoder, SignalEncoder  # noqa: E402
from rppg_core.models.codephys.codebook import Codebook, perplexity  # noqa: E402
from rppg_core.models.codephys.distillation import READING, soft_feature_distillation  # noqa: E402
from rppg_core.models.codephys.trust import ODDS, QueryTrust  # noqa: E402
from rppg_core.models.recipe import get_recipe  # noqa: E402

TINY = CodePhysConfig.tiny()
K, D = 12, 5


def features(n: int = 30, b: int = 2, seed: int = 0) -> Tensor:
    return torch.randn(b, D, n, generator=torch.Generator().manual_seed(seed))


def grad_of(weight: Tensor) -> Tensor:
    assert weight.grad is not None
    return weight.grad


@pytest.fixture
def codebook():
    torch.manual_seed(3)
    made = Codebook(K, D)
    nn.init.normal_(made.items)
    return made.eval()


# Codebook ------------------------------------------------------------------------------------------------------


def test_query_finds_the_nearest_item_of_all(codebook):
    z = features()
    apart = (z.transpose(1, 2)[:, :, None] - codebook.items).norm(dim=3)  # (B, N, K)
    query = codebook(z)
    assert torch.equal(query.codes, apart.argmin(dim=2))
    torch.testing.assert_close(query.distances, apart**2, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(query.found, codebook.items[query.codes].transpose(1, 2))


def test_gradient_passes_straight_through_to_the_features_and_the_codebook_loss_moves_the_items(codebook):
    z = features().requires_grad_()
    slope = torch.randn_like(z)
    query = codebook(z)
    (query.found * slope).sum().backward()
    torch.testing.assert_close(z.grad, slope)
    assert codebook.items.grad is None
    query.codebook_loss().sum().backward()
    used = torch.zeros(K, dtype=torch.bool)
    used[query.codes.unique()] = True
    assert torch.equal(grad_of(codebook.items).abs().sum(dim=1) > 0, used)


def test_soft_assignment_adds_up_to_one_and_leans_to_the_nearest(codebook):
    query = codebook(features())
    shares = codebook.log_shares(query.distances).exp()
    torch.testing.assert_close(shares.sum(dim=2), torch.ones(2, 30))
    assert torch.equal(shares.argmax(dim=2), query.codes)


def test_scale_of_the_features_does_not_change_the_soft_assignment(codebook):
    before = codebook.log_shares(codebook(features()).distances)
    with torch.no_grad():
        codebook.items.mul_(7)
    torch.testing.assert_close(
        codebook.log_shares(codebook(7 * features()).distances), before, atol=1e-3, rtol=1e-3
    )


def test_features_pass_unchanged_until_the_items_are_placed_on_them():
    torch.manual_seed(0)
    codebook = Codebook(K, D, warm_up=2).train()
    centres = 5 * torch.randn(K, D)
    z = centres[torch.arange(60) % K].T[None] + 0.01 * torch.randn(1, D, 60)
    for _ in range(2):
        query = codebook(z)
        assert torch.equal(query.found, z)
        assert not query.codebook_loss().any() and not query.commitment_loss().any()
    query = codebook(z)
    assert query.distances.min(dim=2).values.mean() < 2
    assert perplexity(query.codes, K) > 0.8 * K


@pytest.mark.parametrize(("until", "used"), [(10, True), (0, False)])
def test_unused_items_move_to_features_until_a_given_step(until, used):
    torch.manual_seed(0)
    codebook = Codebook(K, D, reseed_every=5, reseed_until=until).train()
    z = features(200)
    codebook(z)
    with torch.no_grad():
        codebook.items[1:] += 100  # all but one are out of reach
    for _ in range(10):
        codebook(z)
    assert (perplexity(codebook(z).codes, K) > 0.5 * K) == used
    with torch.no_grad():
        codebook.items[1:] += 100
    for _ in range(20):
        codebook(z)
    assert perplexity(codebook(z).codes, K) < 2  # after that step, nothing moves


@pytest.mark.parametrize("freeze", ["evaluation", "no gradient"])
def test_a_frozen_codebook_counts_and_moves_nothing(codebook, freeze):
    codebook.warm_up, codebook.reseed_every, codebook.reseed_until = 0, 1, 9
    if freeze == "no gradient":
        codebook.train().requires_grad_(False)
    before = {name: x.clone() for name, x in codebook.state_dict().items()}
    for _ in range(3):
        codebook(features())
    assert all(torch.equal(x, before[name]) for name, x in codebook.state_dict().items())


def test_perplexity_counts_items_in_equal_use():
    assert perplexity(torch.arange(8), 16) == pytest.approx(8)
    assert perplexity(torch.zeros(9, dtype=torch.long), 16) == pytest.approx(1)


# Autoencoder ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", [1, 2, 4, 8])
@pytest.mark.parametrize("n", [61, 64, 91])
def test_a_code_stands_for_so_many_samples_whatever_the_length(compression, n):
    config = replace(TINY, compression=compression)
    z = SignalEncoder(config)(torch.randn(2, n))
    assert z.shape == (2, config.code_width, -(-n // compression))
    assert n <= SignalDecoder(config)(z).shape[1] < n + compression


# Attention -----------------------------------------------------------------------------------------------------


def test_evidence_of_a_place_is_its_size_its_roughness_and_its_coherence():
    wave = torch.sin(torch.arange(120) / 4)
    noise = torch.randn(120, generator=torch.Generator().manual_seed(0))
    places = torch.stack([wave, 3 * wave, -wave, noise])[None, :, None]  # (1, 4, 1, 120)
    size, rough, coherent = window_evidence(places)[0].T.tolist()
    assert size[1] - size[0] == pytest.approx(2 * np.log(3), abs=1e-3)
    assert rough[0] == pytest.approx(rough[1], abs=1e-3) and rough[3] > rough[0] + 2
    alone = window_evidence(places[:, [0, 1, 3]])[0, :, 2].tolist()
    assert min(alone[0], alone[1]) > 0.6 and abs(alone[2]) < 0.3
    assert coherent[2] < -0.4  # against the others


def test_evidence_of_a_place_without_any_change_is_finite_and_has_no_steep_gradient():
    places = torch.randn(1, 4, 2, 120, generator=torch.Generator().manual_seed(0))
    places[0, 1] = 0.7
    places[0, 2] = 0.0
    places.requires_grad_()
    found = window_evidence(places)
    found.sum().backward()
    assert torch.isfinite(found).all() and grad_of(places).abs().max() < 1e4
    assert found[0, 1:3, 4:].abs().max() < 1e-3


@pytest.mark.parametrize("evidence", [True, False])
def test_mask_shares_out_the_same_budget_at_every_moment(evidence):
    torch.manual_seed(0)
    x = torch.randn(2, 36, 4, 40)
    mask = SpatialAttention(4, evidence=evidence)(x, (6, 6))
    torch.testing.assert_close(mask.mean(dim=1), torch.full((2, 40), 0.5))
    share = torch.full((2, 36), 1 / 36)
    torch.testing.assert_close(attended_mean(x, mask, share), (x * (1 + mask)[:, :, None]).mean(dim=1) / 1.5)


def test_attention_learns_to_look_where_the_pulse_is():
    torch.manual_seed(0)
    attention = SpatialAttention(2)
    optimizer = torch.optim.Adam(attention.parameters(), lr=0.02)
    pulse = torch.sin(2 * torch.pi * 1.2 * torch.arange(90) / 30)
    rows = torch.arange(36) // 6

    def face() -> tuple[Tensor, Tensor]:
        inside = rows == torch.randint(0, 6, (8, 1))  # one row of the grid has a pulse
        noise = torch.randn(8, 36, 2, 90)
        return torch.where(inside[:, :, None, None], pulse + 0.2 * noise, noise), inside

    for _ in range(60):
        x, _ = face()
        mean = attended_mean(x, attention(x, (6, 6)), torch.full((8, 36), 1 / 36)).mean(dim=1)
        loss = -torch.nn.functional.cosine_similarity(mean, pulse[None], dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x, inside = face()
    mask = attention(x, (6, 6)).mean(dim=2)
    assert mask[inside].mean() / mask[~inside].mean() > 1.5


# Distillation --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(READING))
def test_every_reading_is_zero_for_equal_features_and_its_gradient_leads_there(codebook, name):
    z = features()
    queries = features(seed=1).requires_grad_()
    same, far = (soft_feature_distillation(x, z, codebook, readings=(name,)) for x in (z.clone(), queries))
    torch.testing.assert_close(same, torch.zeros(2), atol=1e-5, rtol=0)
    assert (far > 0.01).all()
    far.sum().backward()
    assert codebook.items.grad is None
    nearer = soft_feature_distillation(queries - 0.1 * queries.grad, z, codebook, readings=(name,))
    assert (nearer < far).all()


@pytest.mark.parametrize("lag", [-1, 1])
def test_a_label_may_lag_by_as_many_codes_as_are_allowed(codebook, lag):
    z = features()
    late = z.roll(lag, dims=2)
    for shift, found in ((0, False), (1, True)):
        loss = soft_feature_distillation(late, z, codebook, readings=("feature",), shift=shift)
        assert bool((loss < 1e-6).all()) == found


def test_relations_are_the_same_for_rotated_features(codebook):
    turn = torch.linalg.qr(torch.randn(D, D, generator=torch.Generator().manual_seed(2)))[0]
    turned = torch.einsum("de,ben->bdn", turn, features())
    loss = soft_feature_distillation(turned, features(), codebook, readings=("relation",))
    torch.testing.assert_close(loss, torch.zeros(2), atol=1e-5, rtol=0)


# Trust ---------------------------------------------------------------------------------------------------------


def test_trust_learns_to_tell_near_queries_from_far_ones(codebook):
    trust = QueryTrust()
    optimizer = torch.optim.Adam(trust.parameters(), lr=0.1)
    codes = torch.randint(K, (40, 30), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        near, far = codebook.look_up(codes) + 0.1 * features(30, 40), 0.2 * features(30, 40)
        query = codebook(torch.cat([near, far]))
        read = (query.distances, codebook.log_shares(query.distances), codebook.spacing())
    pulsed = torch.arange(80) < 40
    for _ in range(400):
        loss = trust.loss(trust.logits(*read), pulsed.float(), ~pulsed)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for found in trust(*read).values():
        assert found[:40].mean() > 0.9 and found[40:].mean() < 0.1
        assert ((found >= 0) & (found <= 1)).all()


def test_wrong_waveforms_do_not_tell_what_a_pulse_looks_like(codebook):
    query = codebook(features(30, 6))
    read = (query.distances, codebook.log_shares(query.distances), codebook.spacing())
    free, slopes = torch.arange(6) > 3, []
    for right in ([1.0, 1.0, 0, 0, 0, 0], [1.0, 1.0, 1.0, 1.0, 0, 0]):
        logits = {"near": torch.zeros(6, requires_grad=True)}
        QueryTrust().loss(logits, torch.tensor(right), free).backward()
        slopes.append(grad_of(logits["near"]))
    assert not slopes[0][2:4].any() and (slopes[1][:4] < 0).all() and (slopes[0][4:] > 0).all()
    assert set(QueryTrust()(*read)) == {"near", "decided"}


def test_trust_arrives_at_its_odds_in_its_stage_with_the_learning_rate_of_the_recipe():
    """Closeness of real queries lies near -2: a curve that starts at 0 has far to go."""
    trust, recipe = QueryTrust(), get_recipe("codephys")
    optimizer = torch.optim.AdamW(trust.parameters(), lr=recipe.lr)
    pulsed, draw = torch.arange(16) < 13, torch.Generator().manual_seed(0)
    for _ in range(recipe.stages[-1].steps):
        distances = 7 + torch.rand(16, 8, K, generator=draw)
        read = distances, torch.log_softmax(-distances, dim=2), torch.tensor(1.0)
        loss = trust.loss(trust.logits(*read), pulsed.float(), ~pulsed)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for found in trust(*read).values():
        assert float(found.detach().mean()) == pytest.approx(ODDS / (1 + ODDS), abs=0.05)


def test_trust_sends_no_gradient_to_the_queries(codebook):
    z = features().requires_grad_()
    query = codebook(z)
    found = QueryTrust()(query.distances, codebook.log_shares(query.distances), codebook.spacing())
    (slope,) = torch.autograd.grad(sum(x.sum() for x in found.values()), z, allow_unused=True)
    assert slope is None
