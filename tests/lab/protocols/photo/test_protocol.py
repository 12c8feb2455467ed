import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pytest
from lab.protocols.photo.photo_rows import both, row

from rppg_core.classical import CLASSICAL
from rppg_core.errors import UsageError
from rppg_core.lab.datasets.clip_file import load_clip, save_clip
from rppg_core.lab.protocols import kept_clips
from rppg_core.lab.protocols.calibration import heart_rate as calibrate
from rppg_core.lab.protocols.kept_clips import KEPT, source_fingerprint
from rppg_core.lab.protocols.photo import clips as photo_clips
from rppg_core.lab.protocols.photo import protocol as photo
from rppg_core.lab.protocols.photo.clips import (
    N_CLIPS,
    PHOTO_V1_HASH,
    TRACES_V1,
    clip_fields,
    indices,
    printed_traces,
    settings_from_number,
    settings_hash,
    stream_clips,
)
from rppg_core.lab.protocols.photo.clips import (
    photo_clips as read_clips,
)
from rppg_core.lab.protocols.photo.protocol import PhotoResult, run_photo
from rppg_core.lab.protocols.photo.scores import CONSTANT, CONSTANT_BPM, constant_rows, score, summary
from rppg_core.lab.simulate.faces import simulate_clip
from rppg_core.types import Bvp, FaceClip, MethodOutput
from rppg_core.video.prepare import resample
from rppg_core.video.stmap import plain_cells

pytestmark = pytest.mark.usefixtures("few_resamples")
BUMP = "the benchmark moved: if that is meant, it becomes photo-v2, and its figures are measured anew"


def easy(index: int, seconds: float = 8.0):
    """A clip of the benchmark, cut short and with little in the way of its pulse."""
    return replace(
        settings_from_number(index),
        seconds=seconds,
        motion_scale=0.3,
        noise=1.5,
        screen=0.0,
        light_steps=0.0,
        amplitude_percent=0.7,
        tone=1,
        exposure=1.0,
        riiv=0.2,
        hr_bpm=66.0 + index,
    )


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
        return simulate_clip(easy(number, seconds=1.5), needs)

    monkeypatch.setattr(photo_clips, "WorkerPool", ThreadPoolExecutor)
    monkeypatch.setattr(photo_clips, "_render", render)
    seen = []
    first = read_clips(lambda stage, part: seen.append(part), tmp_path, wanted=[2, 5], workers=1)
    again = read_clips(None, tmp_path, wanted=[2, 5], workers=1)
    assert rendered == [2, 5] and seen == [0.5, 1.0]
    assert np.array_equal(first[1][0].rgb, again[1][0].rgb)
    monkeypatch.setattr(photo_clips, "clip_fields", lambda index: {**clip_fields(index), "noise": 9.0})
    read_clips(None, tmp_path, wanted=[5], workers=1)
    assert rendered == [2, 5, 5]
    assert len(list((tmp_path / "photo-v1").iterdir())) == 2  # the older file is gone


def test_broken_file_in_the_folder_is_rendered_again(monkeypatch, tmp_path):
    monkeypatch.setattr(photo_clips, "WorkerPool", ThreadPoolExecutor)
    monkeypatch.setattr(photo_clips, "_render", lambda number, needs: simulate_clip(easy(number, 1.5), needs))
    read_clips(None, tmp_path, wanted=[2], workers=1)
    (path,) = (tmp_path / "photo-v1").iterdir()
    path.write_bytes(path.read_bytes()[:1000])
    assert len(read_clips(None, tmp_path, wanted=[2], workers=1)) == 1


def test_method_that_needs_crops_gets_them_and_nothing_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(photo_clips, "WorkerPool", ThreadPoolExecutor)
    monkeypatch.setattr(photo_clips, "_render", lambda number, needs: simulate_clip(easy(number, 1.5), needs))
    (clip, _), *_ = stream_clips([2], frozenset({"rgb", "crop36"}), tmp_path, workers=1)
    assert clip.crop36 is not None
    assert not list(tmp_path.iterdir())


def test_source_fingerprint_covers_the_renderer_and_the_pass_but_no_words(monkeypatch):
    before = source_fingerprint()
    read = kept_clips.Path.read_text

    def changed(old: str, new: str):
        source_fingerprint.cache_clear()
        monkeypatch.setattr(kept_clips.Path, "read_text", lambda path, **k: read(path, **k).replace(old, new))
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
        ("SpO2 %, all", "silent, regressed"),
        ("SpO2 %, all", "constant 94"),
    }
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
    from rppg_core.models.tracenet.model import TraceNet, TraceNetConfig
    from rppg_core.models.weights import save_model

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
