"""What the protocol demands, shows and runs."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from lab.protocols.photo.photo_rows import both, row

from rppg_core.lab.protocols.photo import protocol as photo
from rppg_core.lab.protocols.photo.clips import indices
from rppg_core.lab.protocols.photo.protocol import PhotoResult, run_photo
from rppg_core.lab.protocols.photo.scores import CONSTANT
from rppg_core.lab.protocols.photo.versions import CURRENT, PHOTO_V1, PHOTO_V2

pytestmark = pytest.mark.usefixtures("few_resamples")


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


@pytest.mark.parametrize(
    ("faint", "strong", "failing"),
    [
        (0.03, 0.01, set()),
        (0.0, 0.0, {"r of pos+codephys against pos"}),
        (0.06, -0.02, {"the same at 0.7 %, its lowest"}),
    ],
)
def test_a_network_behind_a_method_must_improve_it_and_harm_it_at_no_amplitude(faint, strong, failing):
    bars = [row(clip=k, r=0.7, amplitude_percent=(0.2, 0.7)[k % 2]) for k in range(40)]
    behind = [
        replace(bar, method="pos+codephys", r=bar.r + (faint if bar.amplitude_percent == 0.2 else strong))
        for bar in bars
    ]
    found = PhotoResult(1, [*bars, *behind]).criteria()
    assert {c.name for c in found if not c.holds} == failing


@pytest.mark.parametrize(("r", "holds"), [(0.6, False), (0.72, True), (0.85, False)])
def test_clips_must_be_neither_too_easy_nor_too_hard_for_pos(r, holds):
    (criterion,) = PhotoResult(1, [row(clip=k, r=r) for k in range(9)]).criteria()
    assert criterion.holds is holds


def test_result_is_broken_down_by_amplitude_tone_and_motion_in_text_and_json():
    rows = [*both(0.2), row(method="silent", r=float("nan"), direct_spo2_percent=95.0)]
    result = PhotoResult(1, rows, PHOTO_V1)
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


def test_clips_of_photo_v2_are_grouped_by_the_third_of_motion_and_the_codec_that_it_plans():
    result = PhotoResult(1, both(0.2), PHOTO_V2)
    text = result.text()
    for words in ("photo-v2", "1 still", "2 everyday", "3 strong", "By codec", "not encoded"):
        assert words in text
    assert "stillest third" not in text
    found = result.to_dict()
    assert {row["motion"] for row in found["rows"]} == {"1 still", "2 everyday", "3 strong"}
    counts = Counter((cell["group"], cell["level"]) for cell in found["cells"])
    assert counts["codec", "encoded"] == counts["codec", "not encoded"] == 3  # pos, tracenet, the constant


def test_protocol_runs_pos_and_what_is_asked_for_on_the_same_clips(made, monkeypatch):
    asked = []

    def stream(version, numbers, needs, runs, *, skin_weight, workers):
        asked.append((version, numbers, needs, runs, skin_weight))
        return iter(made)

    monkeypatch.setattr(photo, "stream_clips", stream)
    seen = []
    result = run_photo("green", 1, runs="somewhere", progress=lambda stage, part: seen.append(stage))
    assert asked == [(CURRENT, indices(1), {"rgb"}, "somewhere", True)]
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

    def stream(version, numbers, needs, runs, *, skin_weight, workers):
        asked.append((version, skin_weight))
        return iter(made)

    monkeypatch.setattr(photo, "stream_clips", stream)
    result = run_photo("pos", 1, clips="photo-v2", weights=files)
    assert asked == [(PHOTO_V2, True), (PHOTO_V2, False)]
    assert result.version is PHOTO_V2
    assert result.methods == ["pos", "tracenet, 7 steps, seed 3", "tracenet no-skin-weight, 7 steps, seed 3"]
