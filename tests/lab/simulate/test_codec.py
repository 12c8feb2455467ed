"""Frames through a real encoder."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.errors import UsageError
from rppg_core.lab.simulate.codec import CodedFrames, mpeg4_quantiser
from rppg_core.lab.simulate.faces import SimulationSettings, simulate_clip, simulate_video

SMALL = {"seconds": 2, "size": 128, "noise": 1.0}


def plain_and_coded(codec, crf):
    plain = simulate_video(SimulationSettings(**SMALL))
    coded = simulate_video(SimulationSettings(**SMALL, codec=codec, crf=crf))
    assert isinstance(coded.frames, CodedFrames)
    return list(plain.frames.pictures()), list(coded.frames.pictures()), coded


def error(pictures, others):
    return np.sqrt(np.mean([(a.astype(float) - b) ** 2 for a, b in zip(pictures, others, strict=True)]))


@pytest.mark.parametrize("codec", ["h264", "mpeg4"])
def test_every_frame_comes_back_at_its_place_and_coarser_is_worse(codec):
    plain, fine, video = plain_and_coded(codec, 18)
    coarse = plain_and_coded(codec, 35)[1]
    assert len(fine) == len(plain) == len(video.frames) == 60
    assert 0.3 < error(plain, fine) < error(plain, coarse) < 20
    assert error(plain[10:], fine[10:]) < error(plain[10:], fine[:-10])  # not shifted in time
    assert [frame.time_s for frame in video.frames] == video.truth.times_s.tolist()


def test_coded_frames_can_be_read_again_and_out_of_order():
    video = simulate_video(SimulationSettings(**SMALL, codec="h264"))
    first, again = list(video.frames.pictures()), list(video.frames.pictures())
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert np.array_equal(video.frames.rgb(33), first[33])
    with pytest.raises(IndexError):
        video.frames.rgb(60)


@pytest.mark.parametrize("codec", ["h264", "mpeg4"])
def test_bytes_are_the_same_on_every_run(codec):
    settings = SimulationSettings(seconds=2, size=128, motion="small", codec=codec, crf=24)
    one, again = (np.stack(list(simulate_video(settings).frames.pictures())) for _ in range(2))
    np.testing.assert_array_equal(one, again)


def test_compression_takes_from_the_pulse_but_not_its_sign():
    def pulse(codec, crf):
        settings = SimulationSettings(
            seconds=5, size=128, amplitude_percent=1.0, motion="none", riiv=0.0, codec=codec, crf=crf
        )
        clip, truth = simulate_clip(settings)
        return -np.corrcoef(clip.roi("skin")[:, 1], truth.bvp)[0, 1]

    none, fine, coarse = pulse("", 0), pulse("h264", 20), pulse("h264", 40)
    assert none > 0.95 and fine > 0.4  # between two whole pictures the encoder copies what barely changes
    assert coarse < fine < none


def test_quantiser_doubles_with_six_steps_of_crf():
    assert [mpeg4_quantiser(crf) for crf in (18, 24, 30, 36)] == [2, 4, 8, 16]


def test_unknown_codec_and_odd_size_are_refused():
    with pytest.raises(UsageError, match="codec"):
        SimulationSettings(codec="av2")
    with pytest.raises(UsageError, match="size"):
        SimulationSettings(codec="h264", size=127)
