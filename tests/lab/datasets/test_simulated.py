"""Six simulated domains: who labels what, and whether they differ as they are meant to."""

from __future__ import annotations

import pickle
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
import pytest
from lab.datasets.labelled import LABELLED
from scipy import signal

from rppg_core.classical import CLASSICAL
from rppg_core.errors import UsageError
from rppg_core.lab.datasets.simulated import DOMAIN_SEED, DOMAINS, MOST_SEEDS, domain_table
from rppg_core.lab.protocols.beats import physiology_match
from rppg_core.lab.protocols.calibration import breathing as calibrate_respiration
from rppg_core.lab.protocols.calibration import draws as calibrate
from rppg_core.lab.protocols.photo import clips as photo_clips
from rppg_core.lab.simulate.settings import random_settings
from rppg_core.signals.spectrum import heart_rate_from_bvp
from rppg_core.types import FS, FaceClip, Truth
from rppg_core.video.prepare import resample

pytestmark = pytest.mark.timeout(400)  # 20 s of one core; other work on the machine must not fail it
SECONDS = 6.0
CLIPS = (0, 1, 3, 4, 6, 7)  # two of each of three people, so that what is learned is tried on others


class Rendered(NamedTuple):
    subject: str
    clip: FaceClip  # at 30 Hz
    truth: Truth  # at the times of the frames


@pytest.fixture(scope="module")
def rendered() -> dict[str, list[Rendered]]:
    found = {}
    for domain in DOMAINS:
        records = list(domain.records(max(CLIPS) + 1, seconds=SECONDS))
        found[domain.name] = []
        for record in (records[k] for k in CLIPS):
            clip, truth = record.face_clip(frozenset({"rgb", "stmap"}))
            found[domain.name].append(Rendered(record.subject, resample(clip, FS), truth))
    return found


def look_of(clip: FaceClip) -> np.ndarray:
    """A map without its pulse: colours, brightness, and how strong each channel's changes are by frequency."""
    cells, weight = clip.need("stmap")[clip.valid], clip.need("stmap_weight")
    weight = weight / weight.sum()
    colour = np.einsum("tnc,n->c", cells, weight) / len(cells)
    relative = cells / cells.mean(axis=0) - 1
    freqs_hz, power = signal.welch(relative, fs=FS, nperseg=128, axis=0)
    power = np.einsum("fnc,n->fc", power, weight)
    edges_hz = (0.7, 3.0, 6.0, 10.0, 12.4, 15.1)  # 25 frames a second leave nothing above 12.5 Hz
    bands = [power[(freqs_hz >= low) & (freqs_hz < high)].mean(axis=0) for low, high in pairwise(edges_hz)]
    return np.concatenate([np.log(colour[[0, 2]] / colour[1]), [np.log(colour[1])], np.log(bands).ravel()])


def classified(x: np.ndarray, y: np.ndarray, unseen: np.ndarray) -> np.ndarray:
    """Linear discriminants with a twentieth of the covariance replaced by its mean variance."""
    middle, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    x, unseen = (x - middle) / spread, (unseen - middle) / spread
    means = np.stack([x[y == k].mean(axis=0) for k in range(len(LABELLED))])
    within = (x - means[y]).T @ (x - means[y]) / len(x)
    within = 0.95 * within + 0.05 * np.trace(within) / len(within) * np.eye(len(within))
    weights = np.linalg.solve(within, means.T)
    return np.argmax(unseen @ weights - 0.5 * np.sum(means.T * weights, axis=0), axis=1)


def share_recognised(rendered: dict[str, list[Rendered]], order: np.ndarray | None = None) -> float:
    """Share of clips whose domain is recognised from other people's clips; `order` shuffles the domains."""
    clips = [(k, found) for k, name in enumerate(LABELLED) for found in rendered[name]]
    x = np.stack([look_of(found.clip) for _, found in clips])
    y = np.array([k for k, _ in clips])
    y = y if order is None else y[order]
    person = np.array([found.subject for _, found in clips])
    right = [
        classified(x[person != p], y[person != p], x[person == p]) == y[person == p] for p in set(person)
    ]
    return float(np.mean(np.concatenate(right)))


def test_each_domain_labels_what_its_original_does():
    assert {domain.name: set(domain.labels) for domain in DOMAINS} == LABELLED
    for domain in DOMAINS:
        assert set(next(domain.records(1)).streams) == LABELLED[domain.name]


def test_truth_of_a_clip_holds_its_labels_throughout_and_nothing_else(rendered):
    for name, clips in rendered.items():
        for found in clips:
            truth = found.truth
            known = {
                "bvp": truth.bvp,
                "hr": truth.hr_bpm,
                "rr": truth.rr_brpm,
                "resp": truth.resp,
                "spo2": np.nan if truth.spo2 is None else truth.spo2,
            }
            for label, values in known.items():
                finite = np.isfinite(values)
                assert finite.all() if label in LABELLED[name] else not finite.any(), (name, label)
            assert (len(truth.beats_s) > 0) == ("bvp" in LABELLED[name])
            assert np.isfinite(truth.spo2_percent) == ("spo2" in LABELLED[name])
            assert not {"hr_bpm", "rr_brpm", "spo2_percent"} & set(truth.settings)


def test_clip_lasts_as_long_as_was_asked_and_starts_at_zero(rendered):
    for clips in rendered.values():
        for found in clips:
            assert found.clip.times_s[0] == 0
            assert found.truth.times_s[-1] == pytest.approx(
                SECONDS, abs=0.16
            )  # three frames of a slow camera
            assert found.clip.valid.mean() > 0.97


def test_statistics_of_a_map_tell_the_domains_apart(rendered):
    share = share_recognised(rendered)
    assert share >= 0.8


def test_mixed_up_domains_are_not_told_apart(rendered):
    order = np.random.default_rng(3).permutation(sum(map(len, rendered.values())))
    assert share_recognised(rendered, order) < 0.4  # chance is 1 in 6


def test_hardest_domain_costs_pos_at_least_twice_the_error_of_the_easiest(rendered):
    errors = {}
    for name, clips in rendered.items():
        waves = [CLASSICAL["pos"].estimate(found.clip).bvp for found in clips]
        found = [heart_rate_from_bvp(wave.samples[wave.valid], FS) for wave in waves]
        errors[name] = np.mean(np.abs(np.array(found) - [np.mean(c.truth.hr_bpm) for c in clips]))
    assert max(errors.values()) > 2 * min(errors.values())
    assert errors["vipl-like"] > 2 * errors["ubfc-like"]  # the originals' order in published tables


def test_a_constant_is_a_bad_guess_of_heart_rates_within_and_across_domains():
    for seed in range(3):
        rates = {d.name: [r.face_clip.settings.hr_bpm for r in d.records(24, seed=seed)] for d in DOMAINS}
        for name, hr_bpm in rates.items():
            assert np.std(hr_bpm) > 8, name
        for one, other in combinations(rates.values(), 2):  # the domain does not give away the rate
            low, high = max(min(one), min(other)), min(max(one), max(other))
            assert high - low > 15


def test_people_keep_skin_and_heart_over_their_clips():
    for domain in DOMAINS:
        people: dict[str, list] = {}
        for record in domain.records(24):
            people.setdefault(record.subject, []).append(record)
        assert len(people) == 8
        for records in people.values():
            settings = [record.face_clip.settings for record in records]
            assert len(records) == domain.clips_per_subject > 1
            for kept in ("tone", "rr_brpm", "amplitude_percent", "fps"):
                assert len({getattr(s, kept) for s in settings}) == 1
            assert len({s.seed for s in settings}) == len(settings)
            assert len({record.condition["tone"] for record in records}) == 1
        assert len({scene for r in domain.records(60) if (scene := r.condition["scene"])}) == len(
            domain.scenes
        )


def test_records_do_not_depend_on_how_many_are_asked_for_but_on_the_seed():
    domain = DOMAINS[3]
    few, many = ([r.face_clip for r in domain.records(n)] for n in (2, 5))
    assert few == many[:2]
    assert few[0] != next(domain.records(1, seed=1)).face_clip


def test_seeds_are_those_of_no_benchmark_calibration_or_training():
    seeds = [
        r.face_clip.settings.seed
        for s in (0, 1, MOST_SEEDS - 1)
        for d in DOMAINS
        for r in d.records(30, seed=s)
    ]
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) >= DOMAIN_SEED > 2**40
    drawn = [random_settings(np.random.default_rng(k)).seed for k in range(200)]  # calibration and training
    assert max(drawn) < 2**40
    assert max(drawn) > 2**39  # that they are drawn up to there is why domains begin above
    fixed = (photo_clips.FIRST_SEED, calibrate.SEED, calibrate_respiration.SEED, physiology_match.SEED)
    assert max(fixed) + 10**6 < 2**40


def test_motion_and_photo_of_the_benchmarks_are_never_used():
    for domain in DOMAINS:
        for record in domain.records(24):
            settings = record.face_clip.settings
            assert settings.motion not in ("glances", "swings") and settings.face == "drawn"


def test_record_renders_the_same_in_another_process():
    record = next(DOMAINS[2].records(1, seconds=1.5))
    again = pickle.loads(pickle.dumps(record))
    one, other = (r.face_clip(frozenset({"rgb"}))[0] for r in (record, again))
    assert np.array_equal(one.rgb, other.rgb, equal_nan=True)
    assert np.array_equal(record.streams["bvp"].values, again.streams["bvp"].values)


def test_too_many_clips_or_seeds_are_refused():
    for wrong in ({"n": 10**6}, {"n": 1, "seed": MOST_SEEDS}, {"n": 1, "seed": -1}):
        with pytest.raises(UsageError, match="at most"):
            DOMAINS[0].records(**wrong)


def test_table_shows_every_domain_and_label():
    header, *lines = domain_table().splitlines()
    assert all(domain.name in header for domain in DOMAINS)
    (labels,) = [line for line in lines if line.startswith("labels")]
    for label in ("bvp", "hr", "spo2", "rr"):
        assert labels.count(f"{label} ") == sum(label in known for known in LABELLED.values())
    assert {line.split()[0] for line in lines} >= {"frames", "codec", "colours", "motion", "label"}
