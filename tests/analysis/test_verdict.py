import pytest

from rppg_core.analysis.verdict import likely_cause, verdict
from rppg_core.types import FaceInfo, Reading, VideoInfo

GOOD_FACE = FaceInfo(found=1.0, width_px=200.0, brightness=120.0, motion_percent=2.0)
GOOD_VIDEO = VideoInfo(codec="h264", pixel_format="yuv420p", bits_per_pixel=0.2)


@pytest.mark.parametrize(
    ("video", "face", "seconds", "words"),
    [
        (GOOD_VIDEO, GOOD_FACE, 3.0, "3.0 s of usable face"),
        (GOOD_VIDEO, FaceInfo(found=0.2, width_px=200, brightness=120), 20, "20% of the frames"),
        (GOOD_VIDEO, FaceInfo(found=1, width_px=200, brightness=20), 20, "little light"),
        (GOOD_VIDEO, FaceInfo(found=1, width_px=200), 20, "no peak"),  # traces: nobody knows their light
        (
            GOOD_VIDEO,
            FaceInfo(found=1, width_px=200, brightness=200, clipped_percent=40),
            20,
            "over- or underexposed",
        ),
        (VideoInfo(codec="h264", pixel_format="yuv420p", bits_per_pixel=0.01), GOOD_FACE, 20, "compression"),
        (GOOD_VIDEO, FaceInfo(found=1, width_px=200, brightness=120, motion_percent=60), 20, "head moves"),
        (GOOD_VIDEO, FaceInfo(found=1, n_faces=1, width_px=70, brightness=120), 20, "small"),
        (VideoInfo(jitter_percent=50), GOOD_FACE, 20, "jitter"),
        (
            VideoInfo(jitter_percent=4000, n_frames=200, dropped_frames=600),
            GOOD_FACE,
            20,
            "600 frames are missing",
        ),
        (GOOD_VIDEO, FaceInfo(found=1, width_px=200, brightness=120, grey=True), 20, "black and white"),
        (VideoInfo(codec="hevc", bits_per_pixel=0.2, hdr=True), GOOD_FACE, 20, "HDR"),
        (
            GOOD_VIDEO,
            FaceInfo(found=1, n_faces=0, width_px=70, brightness=120),
            20,
            "no peak",
        ),  # a crop of skin
        (GOOD_VIDEO, GOOD_FACE, 20, "no peak"),
    ],
)
def test_cause_names_what_is_wrong_and_what_helps(video, face, seconds, words):
    cause = likely_cause(video, face, seconds)
    assert words in cause.what
    assert cause.remedy and cause.lesson


def test_verdict_says_quality_before_the_number():
    hr = Reading(72.4, "bpm", confidence=0.97, interval=(70.6, 74.2))
    words = verdict(hr, seconds=27, clip_s=30, agree=6, of=7, cause=likely_cause(GOOD_VIDEO, GOOD_FACE, 27))
    assert words.index("Quality good") < words.index("72 bpm")
    assert "27 of 30 s" in words
    assert "6 of 7" in words


def test_refusal_without_a_visible_cause_gives_the_general_advice_once():
    hr = Reading(None, "bpm", note="no clear pulse")
    words = verdict(hr, seconds=20, clip_s=20, agree=0, of=7, cause=likely_cause(GOOD_VIDEO, GOOD_FACE, 20))
    assert words.startswith("No reliable heart rate: no clear pulse. To improve it: record 30 s")


def test_fault_of_the_clip_caps_the_quality():
    hr = Reading(72.4, "bpm", confidence=0.99, interval=(70.6, 74.2))
    cause = likely_cause(GOOD_VIDEO, FaceInfo(found=1, width_px=200, brightness=200, clipped_percent=80), 27)
    words = verdict(hr, seconds=27, clip_s=30, agree=7, of=7, cause=cause)
    assert words.startswith(f"Quality fair ({cause.what})")


def test_refusal_gives_cause_and_remedy():
    hr = Reading(None, "bpm", note="no clear pulse")
    cause = likely_cause(GOOD_VIDEO, FaceInfo(found=1, width_px=200, brightness=20), 20)
    words = verdict(hr, seconds=20, clip_s=20, agree=0, of=7, cause=cause)
    assert words.startswith(
        "No reliable heart rate: no clear pulse. There is little light on the skin (20 of 255"
    )
    assert "window or a lamp" in words


def test_rate_outside_the_band_is_not_blamed_on_the_recording():
    hr = Reading(None, "bpm", note="the rate may lie below 39 bpm (72 looks like the second harmonic of 36)")
    cause = likely_cause(GOOD_VIDEO, GOOD_FACE, 20)
    words = verdict(hr, seconds=20, clip_s=20, agree=0, of=7, cause=cause)
    assert "may lie below 39 bpm" in words and "wrist" in words
    moving = likely_cause(GOOD_VIDEO, FaceInfo(found=1, width_px=200, brightness=120, motion_percent=60), 20)
    assert "hold still" in verdict(hr, seconds=20, clip_s=20, agree=0, of=7, cause=moving)
