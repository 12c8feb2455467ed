"""Six simulated domains: who labels what, by which clock, and whether they differ as they are meant to."""

from __future__ import annotations

import pickle
from dataclasses import replace
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
import pytest
from lab.datasets.labelled import LABELLED
from scipy import signal

from rppg_core.classical import CLASSICAL
from rppg_core.errors import UsageError
from rppg_core.lab.datasets.simulated import DOMAIN_SEED, DOMAINS, MOST_SEEDS, domain_table
from rppg_core.lab.datasets.simulated_clip import CameraFrames, ClipColours, LabelClock, true_course
from rppg_core.lab.protocols.beats import physiology_match
from rppg_core.lab.protocols.calibration import breathing as calibrate_respiration
from rppg_core.lab.protocols.calibration import heart_rate as calibrate
from rppg_core.lab.protocols.photo import clips as photo_clips
from rppg_core.lab.simulate.faces import simulate_video
from rppg_core.lab.simulate.settings import SimulationSettings, random_settings
from rppg_core.signals.spectrum import heart_rate_from_bvp
from rppg_core.types import FaceClip, Truth
from rppg_core.video.prepare import resample

pytestmark = pytest.mark.timeout(400)  # 20 s of one core; other work on the machine must not fail it
SECONDS = 6.0
CLIPS = (0, 1, 3, 4, 6, 7)  # two of each of three people, so that what is learned is tried on others
FS = 30.0


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


def a_clip(name="pure-like", k=0, **changes):
    domain = next(domain for domain in DOMAINS if domain.name == name)
    record = list(domain.records(k + 1, seconds=6.0))[k]
    return replace(record.face_clip, **changes)


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
    """Of clips whose domain is told by what was learned from other people; `order` mixes up the domains."""
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


def test_benchmark_motion_and_photo_are_never_used():
    for domain in DOMAINS:
        for record in domain.records(24):
            settings = record.face_clip.settings
            assert settings.motion != "glances" and settings.face == "drawn"


def test_wave_is_written_by_the_clock_of_its_instrument():
    right, late = a_clip(clock=LabelClock()), a_clip(clock=LabelClock(offset_s=0.2, drift=0.01))
    times_s = np.arange(30, 150) / FS
    moved = late.labels_at(times_s).bvp
    # what happened at time t is written at 1.01 t + 0.2; two splines of 60 Hz differ by far less than 1 %
    assert np.allclose(moved, right.labels_at((times_s - 0.2) / 1.01).bvp, atol=0.01)
    assert np.std(moved - right.labels_at(times_s).bvp) > 0.3


def test_labels_without_a_clock_error_are_the_truth_of_the_simulator():
    clip = a_clip(clock=LabelClock())
    truth = true_course(replace(clip.settings, seconds=7.0))  # with the half seconds before and after
    first_s = truth.times_s[truth.times_s >= 0.5][0]
    read = clip.labels_at(truth.times_s[20:-20] - first_s)
    assert np.allclose(read.bvp, truth.bvp[20:-20], atol=0.02)  # 60 Hz keep a pulse to 1 %


def test_truth_and_streams_say_the_same():
    clip = a_clip("hcw-like")
    times_s = np.arange(0, 5, 1 / FS)
    truth, streams = clip.labels_at(times_s), clip.streams()
    hr, rr = streams["hr"], streams["rr"]
    assert np.allclose(truth.hr_bpm, np.interp(times_s, hr.times_s, hr.values))
    assert truth.rr_brpm == pytest.approx(rr.values[0]) == pytest.approx(clip.settings.rr_brpm)
    clock = clip.clock
    assert clock.offset_s != 0
    # a frame: the clip begins with the first one after the lead of half a second
    assert streams["bvp"].times_s[0] == pytest.approx(clock.offset_s - 0.5 * (1 + clock.drift), abs=0.04)


def test_oximeter_shows_whole_numbers_once_a_second():
    hr, spo2 = (a_clip("vipl-like").streams()[name] for name in ("hr", "spo2"))
    for stream in (hr, spo2):
        assert np.array_equal(stream.values, np.round(stream.values))
        assert stream.step_s == pytest.approx(1.0, rel=0.01)
    assert hr.times_s[0] > 1.0  # late: it shows a mean of the seconds before
    assert spo2.values.min() >= 90 and spo2.values.max() <= 100


def test_course_of_a_clip_is_known_without_rendering_it():
    settings = a_clip("v4v-like").settings
    cheap, full = true_course(settings), simulate_video(settings).truth
    assert np.array_equal(cheap.bvp, full.bvp) and np.array_equal(cheap.times_s, full.times_s)


def test_camera_acts_in_linear_light():
    settings = SimulationSettings(seconds=1, size=64, noise=0, gamma=1.0, exposure=0.5, face="drawn")
    frames = simulate_video(settings).frames
    plain, red = (
        CameraFrames(frames, c.matrix()).rgb(3).astype(float) for c in (ClipColours(), ClipColours(red=1.3))
    )
    assert np.array_equal(plain, frames.rgb(3))
    unclipped = plain[..., 0] < 255 / 1.3 - 1
    assert np.allclose(red[..., 0][unclipped], 1.3 * plain[..., 0][unclipped], atol=1.2)  # two roundings
    assert np.array_equal(red[..., 1:], plain[..., 1:])


def test_stronger_colours_leave_grey_alone():
    assert np.allclose(ClipColours(saturation=0.3).matrix() @ np.full(3, 0.4), 0.4)
    strong = ClipColours(saturation=0.3).matrix() @ [0.5, 0.3, 0.2]
    assert strong[0] - strong[2] > 0.3


def test_record_renders_the_same_in_another_process():
    record = next(DOMAINS[2].records(1, seconds=1.5))
    again = pickle.loads(pickle.dumps(record))
    one, other = (r.face_clip(frozenset({"rgb"}))[0] for r in (record, again))
    assert np.array_equal(one.rgb, other.rgb, equal_nan=True)
    assert np.array_equal(record.streams["bvp"].values, again.streams["bvp"].values)


@pytest.mark.parametrize("name", ["buaa-like", "v4v-like", "vipl-like"])
def test_encoded_clip_is_the_same_every_time(name):
    clip = a_clip(name, k=2)
    clip = replace(clip, settings=replace(clip.settings, seconds=2.0))
    once = clip(frozenset({"rgb"}))[0].rgb
    for size in (10_000, 400_001):  # what lies in memory must not matter
        litter = np.random.default_rng(size).random(size)
        assert np.array_equal(clip(frozenset({"rgb"}))[0].rgb, once, equal_nan=True), len(litter)


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
