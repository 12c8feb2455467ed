import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pytest

from rppg_core import calibrate
from rppg_core.classical import CLASSICAL
from rppg_core.errors import UsageError
from rppg_core.protocols import photo, photo_clips, photo_scores
from rppg_core.protocols.photo import PhotoResult, run_photo
from rppg_core.protocols.photo_clips import (
    KEPT,
    N_CLIPS,
    PHOTO_V1_HASH,
    TRACES_V1,
    clip_fields,
    indices,
    load_clip,
    printed_traces,
    save_clip,
    settings_hash,
    settings_of,
    source_fingerprint,
    stream_clips,
)
from rppg_core.protocols.photo_clips import (
    photo_clips as clips_of,
)
from rppg_core.protocols.photo_direct import breath_criterion, direct_lines, ratio_guesses
from rppg_core.protocols.photo_scores import (
    CONSTANT,
    CONSTANT_BPM,
    Row,
    constant_rows,
    score,
    skin_ratios,
    summary,
)
from rppg_core.simulate.faces import simulate_clip
from rppg_core.types import Bvp, FaceClip, MethodOutput
from rppg_core.video.prepare import resample
from rppg_core.video.stmap import plain_cells

BUMP = "the benchmark moved: if that is meant, it becomes photo-v2, and its figures are measured anew"


def easy(index: int, seconds: float = 8.0):
    """A clip of the benchmark, cut short and with little in the way of its pulse."""
    return replace(
        settings_of(index), seconds=seconds, motion_scale=0.3, noise=1.5, screen=0.0, light_steps=0.0,
        amplitude_percent=0.7, tone=1, exposure=1.0, riiv=0.2, hr_bpm=66.0 + index,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch):
    """Intervals a little rougher than those that are reported, ten times as fast."""
    monkeypatch.setattr(photo_scores, "N_RESAMPLES", 100)


@pytest.fixture(scope="module")
def made():
    """Two short clips as a pass over crops gives them."""
    return [simulate_clip(easy(index), KEPT | {"crop36"}) for index in (2, 5)]


@dataclass(frozen=True)
class Silent:
    """A method that regresses rates and has no waveform."""

    name: str = "silent"
    needs: frozenset[str] = frozenset({"rgb"})
    weights: str = "none needed"
    paper: str = ""

    def estimate(self, clip: FaceClip) -> MethodOutput:
        return MethodOutput(direct={"hr": 80.0, "spo2": 95.0})


@dataclass(frozen=True)
class UpsideDown(Silent):
    """POS turned over: the same rate, another waveform."""

    def estimate(self, clip: FaceClip) -> MethodOutput:
        bvp = CLASSICAL["pos"].estimate(clip).bvp
        assert bvp is not None
        return MethodOutput(bvp=Bvp(-bvp.samples, bvp.fs, bvp.t0_s, bvp.valid))


def row(method="pos", clip=0, r=0.7, hr=80.0, **more) -> Row:
    fields = {
        "seconds": 20.0, "amplitude_percent": 0.35, "tone": clip % 6, "motion_percent": float(clip % 9),
        "snr_db": 1.0, "hr_true_bpm": 80.0, "hr_shown": True, "confidence": 0.9, "rr_brpm": float("nan"),
        "rr_true_brpm": 15.0, "direct_hr_bpm": float("nan"), "direct_rr_brpm": float("nan"),
        "direct_spo2_percent": float("nan"), "spo2_true_percent": 96.0, **more,
    }  # fmt: skip
    return Row(method=method, clip=clip, r=r, hr_bpm=hr, **fields)


def both(better: float, hr: float = 80.0, bar_hr: float = 90.0) -> list[Row]:
    """POS with an r of 0.6-0.8, and a network that is better by so much on every clip."""
    bar = [row(clip=k, r=0.6 + 0.01 * (k % 20), hr=bar_hr) for k in range(40)]
    return [*bar, *(replace(b, method="tracenet", r=b.r + better, hr_bpm=hr) for b in bar)]


def test_settings_of_the_frozen_clips_have_not_moved():
    assert settings_hash() == PHOTO_V1_HASH, BUMP


def test_simulator_still_makes_of_two_frozen_clips_what_it_made():
    assert np.allclose(printed_traces(), TRACES_V1, atol=0.05), BUMP


def test_benchmark_has_the_promised_clips_apart_from_training_and_calibration():
    every = [clip_fields(index) for index in indices()]
    kinds = Counter((f["seconds"], f["amplitude_percent"], f["tone"]) for f in every)
    assert all(kinds[20.0, amplitude, tone] == 10 for amplitude in (0.2, 0.35, 0.7) for tone in range(6))
    assert sum(n for (seconds, _, _), n in kinds.items() if seconds == 40.0) == 40
    assert len(every) == N_CLIPS == 220
    seeds = {f["seed"] for f in every}
    assert len(seeds) == N_CLIPS and min(seeds) >= 200_000 and max(seeds) < 300_000 < calibrate.SEED
    assert {f["motion"] for f in every} == {"glances"}


def test_fewer_seeds_are_the_first_part_of_every_cell_and_more_than_ten_are_refused():
    kinds = Counter((clip_fields(i)["seconds"], clip_fields(i)["amplitude_percent"]) for i in indices(1))
    assert (kinds[20.0, 0.2], kinds[20.0, 0.35], kinds[20.0, 0.7]) == (6, 6, 6)
    assert kinds[40.0, 0.35] + kinds[40.0, 0.7] == 4
    with pytest.raises(UsageError, match="frozen"):
        indices(11)


def test_kept_clip_is_what_the_pass_gave(made, tmp_path):
    clip, truth = made[0]
    save_clip(tmp_path / "a.npz", replace(clip, crop36=None), truth, plain_cells(clip.crop36))
    kept, kept_truth = load_clip(tmp_path / "a.npz")
    assert np.array_equal(kept.times_s, clip.times_s) and np.array_equal(kept.still, clip.still)
    assert np.allclose(kept.stmap, clip.stmap, atol=1e-4) and np.allclose(kept.rgb, clip.rgb, atol=1e-4)
    assert kept.face.n_faces == 1 and kept.face.motion_percent == pytest.approx(
        clip.face.motion_percent, 1e-5
    )
    assert set(kept.scene) == set(clip.scene) and set(kept.still_outlines) == set(clip.still_outlines)
    assert np.allclose(kept_truth.bvp, truth.bvp, atol=1e-5) and kept_truth.settings["tone"] == 1
    before, after = (CLASSICAL["pos"].estimate(resample(c, 30.0)).bvp.samples for c in (clip, kept))
    assert np.corrcoef(before, after)[0, 1] > 0.99999


def test_without_skin_weight_cells_are_plain_means_of_what_lies_in_them(made, tmp_path):
    clip, truth = made[0]
    save_clip(tmp_path / "a.npz", replace(clip, crop36=None), truth, plain_cells(clip.crop36))
    kept, _ = load_clip(tmp_path / "a.npz", skin_weight=False)
    assert kept.stmap[10, 0] == pytest.approx(clip.crop36[10, :6, :6].mean(axis=(0, 1)) / 256, abs=1e-3)
    assert kept.stmap[10, 35] == pytest.approx(clip.crop36[10, 30:, 30:].mean(axis=(0, 1)) / 256, abs=1e-3)
    assert kept.stmap_weight.min() == 1
    corner = np.abs(kept.stmap[:, 0] - clip.stmap[:, 0]).max()  # hair and background, not skin
    assert corner > 5
    assert np.array_equal(kept.rgb, load_clip(tmp_path / "a.npz")[0].rgb)


def test_folder_renders_a_clip_once_and_anew_when_its_settings_change(monkeypatch, tmp_path):
    rendered = []

    def render(number, needs):
        rendered.append(number)
        return simulate_clip(easy(number, seconds=3.0), needs)

    monkeypatch.setattr(photo_clips, "ProcessPoolExecutor", ThreadPoolExecutor)
    monkeypatch.setattr(photo_clips, "_render", render)
    seen = []
    first = clips_of(lambda stage, part: seen.append(part), tmp_path, wanted=[2, 5], workers=1)
    again = clips_of(None, tmp_path, wanted=[2, 5], workers=1)
    assert rendered == [2, 5] and seen == [0.5, 1.0]
    assert np.array_equal(first[1][0].rgb, again[1][0].rgb)
    monkeypatch.setattr(photo_clips, "clip_fields", lambda index: {**clip_fields(index), "noise": 9.0})
    clips_of(None, tmp_path, wanted=[5], workers=1)
    assert rendered == [2, 5, 5]
    assert len(list((tmp_path / "photo-v1").iterdir())) == 2  # the older file is gone


def test_broken_file_in_the_folder_is_rendered_again(monkeypatch, tmp_path):
    monkeypatch.setattr(photo_clips, "ProcessPoolExecutor", ThreadPoolExecutor)
    monkeypatch.setattr(photo_clips, "_render", lambda number, needs: simulate_clip(easy(number, 3.0), needs))
    clips_of(None, tmp_path, wanted=[2], workers=1)
    (path,) = (tmp_path / "photo-v1").iterdir()
    path.write_bytes(path.read_bytes()[:1000])
    assert len(clips_of(None, tmp_path, wanted=[2], workers=1)) == 1


def test_method_that_needs_crops_gets_them_and_nothing_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(photo_clips, "ProcessPoolExecutor", ThreadPoolExecutor)
    monkeypatch.setattr(photo_clips, "_render", lambda number, needs: simulate_clip(easy(number, 3.0), needs))
    (clip, _), *_ = stream_clips([2], frozenset({"rgb", "crop36"}), tmp_path, workers=1)
    assert clip.crop36 is not None
    assert not list(tmp_path.iterdir())


def test_source_fingerprint_covers_the_renderer_and_the_pass_but_no_words(monkeypatch):
    before = source_fingerprint()
    read = photo_clips.Path.read_text

    def changed(old: str, new: str):
        source_fingerprint.cache_clear()
        monkeypatch.setattr(
            photo_clips.Path, "read_text", lambda path, **k: read(path, **k).replace(old, new)
        )
        return source_fingerprint()

    assert changed("# ", "# words: ") == before
    assert changed("GRID = 72", "GRID = 73") != before  # video/roi.py
    assert changed("SHADING_PER_WIDTH", "SHADING") != before  # simulate/render.py
    source_fingerprint.cache_clear()


def test_scores_come_from_the_waveform_and_tell_it_from_its_mirror_image(made):
    methods = {"pos": CLASSICAL["pos"], "mirror": UpsideDown(), "silent": Silent()}
    rows = score(methods, made)
    assert [r.method for r in rows] == ["pos", "mirror", "silent"] * 2
    for pos, mirror, silent in (rows[:3], rows[3:]):
        assert pos.r > 0.85 and mirror.r < pos.r - 0.1
        assert pos.hr_error_bpm < 3 and mirror.hr_bpm == pytest.approx(pos.hr_bpm)
        assert pos.snr_db > 0 and pos.snr_db == pytest.approx(mirror.snr_db)
        assert np.isnan([silent.r, silent.hr_bpm, silent.snr_db]).all() and not silent.hr_shown
        assert (silent.direct_hr_bpm, silent.direct_spo2_percent) == (80.0, 95.0)
        assert pos.motion_percent == mirror.motion_percent > 0


def test_ratio_and_gain_are_paired_with_pos_clip_by_clip():
    found = summary(both(better=0.1), "tracenet")
    assert found["r_gain"]["mean"] == pytest.approx(0.1)
    assert found["r_gain"]["high"] - found["r_gain"]["low"] < 1e-9  # the same gain on every clip: no doubt
    assert found["r"]["high"] - found["r"]["low"] > 0.01
    assert found["ratio"]["mean"] == pytest.approx((1 - 0.795) / (1 - 0.695))
    assert summary(both(better=0.1), "pos")["ratio"] is None


def test_breathing_is_averaged_over_the_long_clips_that_show_it():
    rows = [row(clip=k, seconds=40.0, rr_brpm=16.0 if k < 3 else float("nan")) for k in range(4)]
    found = summary([*rows, row(clip=9)], "pos")
    assert (found["n"], found["n_breath"]) == (1, 4)
    assert found["rr_shown"]["mean"] == 0.75 and found["rr_mae_brpm"]["mean"] == pytest.approx(1.0)


def test_constant_predictor_stands_beside_every_method_once_a_clip():
    rows = constant_rows(both(0.1))
    assert len(rows) == 40 and {r.method for r in rows} == {CONSTANT}
    assert rows[0].hr_error_bpm == pytest.approx(CONSTANT_BPM - 80)


@pytest.mark.parametrize(
    ("rows", "failing"),
    [
        (both(0.2), set()),
        (both(0.05), {"(1 - r) of tracenet against pos"}),
        (both(0.2, hr=91.0), {"HR MAE of tracenet", "tracenet within 5 bpm at 0.35 %"}),
    ],
)
def test_trained_method_must_beat_pos(rows, failing):
    assert {c.name for c in PhotoResult(1, rows).criteria() if not c.holds} == failing


# Networks of papers ----------------------------------------------------------------------------------------------


def research(gain: float = 0.0, rr_error: float | None = None, **direct) -> list[Row]:
    """POS, tracenet far better than it, and physmle as good as tracenet but for `gain` and a little luck by clip."""
    luck = np.random.default_rng(0).normal(0, 0.02, 40)
    rows = both(0.2)
    rows += [replace(r, method="physmle", r=r.r + gain + luck[k], **direct) for k, r in enumerate(rows[40:])]
    for k in range(8):  # long clips
        for name in ("pos", "tracenet", "physmle"):
            told = 15.0 + rr_error if name == "physmle" and rr_error is not None else float("nan")
            rows.append(row(name, 100 + k, seconds=40.0, rr_brpm=16.0, direct_rr_brpm=told))
    return rows


def criteria_of(rows: list[Row]) -> dict[str, bool]:
    return {c.name: c.holds for c in PhotoResult(1, rows).criteria()}


@pytest.mark.parametrize(("gain", "holds"), [(0.05, True), (0.0, True), (-0.02, True), (-0.04, False)])
def test_network_of_a_paper_may_not_be_surely_worse_than_our_own(gain, holds):
    """The interval of the difference over 40 clips is about 0.006 wide on either side."""
    assert criteria_of(research(gain))["r of physmle against tracenet"] is holds


def test_our_own_network_is_not_held_against_itself_nor_anything_against_one_that_is_absent():
    assert not [name for name in criteria_of(research()) if name.startswith("r of tracenet")]
    alone = [r for r in research() if r.method != "tracenet"]
    assert not [name for name in criteria_of(alone) if name.startswith("r of")]


def test_other_weights_of_our_own_network_count_as_ours_and_those_of_a_paper_as_its():
    renamed = {"physmle": "physmle, 9 steps, seed 1", "tracenet": "tracenet"}
    rows = [replace(r, method=renamed.get(r.method, r.method)) for r in research()]
    rows += [replace(r, method="tracenet no-motion, 9 steps, seed 0") for r in rows if r.method == "tracenet"]
    held = [name for name in criteria_of(rows) if name.startswith("r of")]
    assert held == ["r of physmle, 9 steps, seed 1 against tracenet"]


@pytest.mark.parametrize(("error", "holds"), [(1.0, True), (-2.4, True), (2.6, False)])
def test_breathing_that_a_network_regresses_must_be_near_on_the_long_clips(error, holds):
    criterion = breath_criterion(research(rr_error=error), "physmle")
    assert criterion is not None and criterion.holds is holds


def test_breathing_must_be_told_of_every_long_clip_and_no_network_must_tell_it():
    rows = research(rr_error=0.5)
    assert criteria_of(rows)["RR MAE that physmle regresses"]
    silent = [replace(r, direct_rr_brpm=float("nan")) if r.clip == 103 else r for r in rows]
    criterion = breath_criterion(silent, "physmle")
    assert criterion is not None and not criterion.holds and "7 of 8" in criterion.measured
    assert breath_criterion(research(), "physmle") is None


def by_source(rows: list[Row], rate: str) -> dict:
    return {line.source: line for line in direct_lines(rows) if line.rate.startswith(rate)}


def test_regressed_rates_stand_beside_waveforms_and_the_constant_on_the_same_clips():
    found = by_source(research(direct_hr_bpm=82.0, rr_error=-1.5), "HR bpm, 20 s")
    assert {source: line.mae["mean"] for source, line in found.items()} == pytest.approx({
        "physmle, regressed": 2.0, "physmle, waveform": 0.0, "pos, waveform": 10.0, "constant 97.5": 17.5,
    })  # fmt: skip
    assert {line.n for line in found.values()} == {40}
    assert found["physmle, regressed"].gain["mean"] == pytest.approx(15.5)
    found = by_source(research(rr_error=-1.5), "RR")
    assert {source: (line.n, line.mae["mean"]) for source, line in found.items()} == {
        "physmle, regressed": (8, 1.5), "physmle, waveform": (8, 1.0), "pos, waveform": (8, 1.0),
        "constant 17": (8, 2.0),
    }  # fmt: skip


def oxygen(n: int = 60, noise: float = 0.0) -> list[Row]:
    """A network that always says 95 %, on clips whose ratio tells SpO2 as far as noise lets it."""
    rng = np.random.default_rng(1)
    return [
        row("physmle", k, spo2_true_percent=spo2, direct_spo2_percent=95.0,
            red_over_blue=(110 - spo2) / 25 + noise * rng.normal(), red_over_green=rng.normal())
        for k, spo2 in enumerate(rng.uniform(88, 100, n))
    ]  # fmt: skip


def test_ratio_of_ratios_that_tells_oxygen_beats_the_constant_and_one_that_does_not_is_no_better():
    found = by_source(oxygen(noise=0.02), "SpO2")
    told, blind = (
        next(line for source, line in found.items() if colour in source) for colour in ("blue", "green")
    )
    assert told.mae["mean"] < 0.8 and told.gain["low"] > 1.5
    assert blind.mae["mean"] > 2.5 and blind.gain["low"] < 0
    assert found["constant 94"].gain is None and found["physmle, regressed"].n == 60


def test_line_of_a_ratio_is_never_fitted_to_a_clip_that_it_is_judged_on():
    rows = oxygen()
    before = ratio_guesses(rows, "red_over_blue")
    assert before[:, 0] == pytest.approx(before[:, 1])  # an exact line, found in both halves
    for k in (0, 1, 7):
        lied = [replace(r, spo2_true_percent=60.0) if r.clip == k else r for r in rows]
        after = ratio_guesses(lied, "red_over_blue")
        assert after[k, 0] == pytest.approx(before[k, 0])
        assert np.mean(np.abs(after[:, 0] - before[:, 0]) > 1e-3) == pytest.approx(0.5)


def test_clips_without_a_ratio_and_too_few_for_a_line_give_no_guess():
    rows = oxygen()
    one_blank = [replace(rows[0], red_over_blue=float("nan")), *rows[1:]]
    assert np.isnan(ratio_guesses(one_blank, "red_over_blue")[:, 0]).sum() == 1
    assert np.isnan(ratio_guesses(rows[:4], "red_over_blue")[:, 0]).all()
    assert not [source for source in by_source(rows[:4], "SpO2") if source.startswith("ratio")]


def test_ratio_is_that_of_the_pulses_in_the_longest_stretch_of_skin():
    times_s = np.arange(1200) / 30
    wave = np.sin(2 * np.pi * 1.1 * times_s)[:, None]
    colour = np.array([180.0, 120.0, 90.0]) * (1 - np.array([0.006, 0.02, 0.015]) * wave)
    colour[:300, 0] *= 1 - 0.05 * wave[:300, 0]  # before a gap, and shorter
    valid = np.ones(1200, bool)
    valid[300:390] = False
    rgb = np.repeat(np.where(valid[:, None], colour, np.nan)[:, None], 4, axis=1)
    found = skin_ratios(FaceClip(times_s=times_s, valid=valid, rgb=rgb))
    assert found == pytest.approx((0.006 / 0.015, 0.006 / 0.02), rel=0.01)
    short = FaceClip(times_s=times_s[:300], valid=np.ones(300, bool), rgb=rgb[:300])
    assert np.isnan(skin_ratios(short)).all()


def test_protocol_without_networks_has_no_table_of_regressed_rates():
    result = PhotoResult(1, [row(clip=k) for k in range(9)])
    assert result.direct == [] and "regress" not in result.text()


@pytest.mark.parametrize(("r", "holds"), [(0.6, False), (0.72, True), (0.85, False)])
def test_clips_must_be_neither_too_easy_nor_too_hard_for_pos(r, holds):
    (criterion,) = PhotoResult(1, [row(clip=k, r=r) for k in range(9)]).criteria()
    assert criterion.holds is holds


def test_result_is_told_by_amplitude_tone_and_motion_as_text_and_json():
    rows = [*both(0.2), row(method="silent", r=float("nan"), direct_spo2_percent=95.0)]
    result = PhotoResult(1, rows)
    text = result.text()
    for words in ("By amplitude", "By tone", "By motion", "stillest third", CONSTANT, "SpO2 %", "holds"):
        assert words in text
    found = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert len(found["rows"]) == 81
    assert {(line["rate"], line["source"]) for line in found["direct"]} == {
        ("SpO2 %, all", "silent, regressed"), ("SpO2 %, all", "constant 94"),
    }  # fmt: skip
    assert {point["method"] for point in found["r_by_amplitude"]} == {"pos", "tracenet"}
    thirds = Counter(cell["level"][0] for cell in found["cells"] if cell["group"] == "motion")
    assert set(thirds) == {"1", "2", "3"}


def test_protocol_runs_pos_and_what_is_asked_for_on_the_same_clips(made, monkeypatch):
    asked = []

    def stream(numbers, needs, runs, *, skin_weight, workers):
        asked.append((numbers, needs, runs, skin_weight))
        return iter(made)

    monkeypatch.setattr(photo, "stream_clips", stream)
    seen = []
    result = run_photo("green", 1, runs="somewhere", progress=lambda stage, part: seen.append(stage))
    assert asked == [(indices(1), {"rgb"}, "somewhere", True)]
    assert result.methods == ["pos", "green"]
    assert seen == ["clip 1 of 22", "clip 2 of 22"]


def test_weights_files_are_rows_of_their_own_and_one_without_skin_weight_gets_plain_maps(
    made, monkeypatch, tmp_path
):
    pytest.importorskip("torch")
    from rppg_core.models.base import ModelCard
    from rppg_core.models.tracenet import TraceNet, TraceNetConfig
    from rppg_core.weights import save_model

    files = []
    for variant, skin_weight in (("", True), ("no-skin-weight", False)):
        recipe = {"variant": variant, "skin_weight": skin_weight}
        card = ModelCard(method="tracenet", paper="ours", inputs=("stmap",), steps=7, seed=3, recipe=recipe)
        files.append(save_model(tmp_path / f"{variant}x.safetensors", TraceNet(TraceNetConfig.tiny()), card))
    asked = []

    def stream(numbers, needs, runs, *, skin_weight, workers):
        asked.append(skin_weight)
        return iter(made)

    monkeypatch.setattr(photo, "stream_clips", stream)
    result = run_photo("pos", 1, weights=files)
    assert asked == [True, False]
    assert result.methods == ["pos", "tracenet, 7 steps, seed 3", "tracenet no-skin-weight, 7 steps, seed 3"]
