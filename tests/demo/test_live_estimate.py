"""What the rows of numbers of a camera become: a heart rate, or a refusal in words."""

import json
from functools import cache

import numpy as np
import pytest

from demo.live_estimate import MAX_ROWS, estimate_live
from rppg_core.lab.simulate.faces import SimulationSettings, simulate_clip

PICTURE = {"skin": 0.95, "clipped": 0.0, "motion": 0.002, "likeness": 0.97}
HR_BPM = 75.0


@cache
def simulated(kind="pulse", seconds=16.0):
    clip, _ = simulate_clip(SimulationSettings(kind=kind, seconds=seconds, hr_bpm=HR_BPM, size=64, seed=3))
    return clip.times_s, clip.roi("skin"), clip.background


def packet(times_s, face, background, **picture):
    """As the browser sends it; `picture` are numbers or one number per frame for the last four columns."""
    last = [np.broadcast_to(value, len(times_s)) for value in {**PICTURE, **picture}.values()]
    table = np.column_stack([1000 * times_s, face, background, *last])
    return {"rows": np.round(table, 4).tolist()}


def seen(times_s, start_s, stop_s, there, away):
    """`there`, and `away` between two moments."""
    return np.where((times_s >= start_s) & (times_s < stop_s), away, there)


def test_heart_rate_of_a_simulated_face_is_right():
    answer = estimate_live(packet(*simulated()))
    assert answer["state"] == "value"
    assert answer["hr"]["value"] == pytest.approx(HR_BPM, abs=2)
    assert answer["hr"]["interval"][0] <= HR_BPM <= answer["hr"]["interval"][1]
    assert 0.8 <= answer["hr"]["confidence"] <= 1


def half_pulsed(pulsed):
    """28 s, of which only the frames in `pulsed` have a pulse; the others are of a photo as bright."""
    (times_s, face, background), (_, photo, wall) = simulated(seconds=28.0), simulated("photo", 28.0)
    kept = pulsed(times_s)[:, None]
    dull = photo * face.mean(axis=0) / photo.mean(axis=0)
    return packet(times_s, np.where(kept, face, dull), np.where(kept, background, wall))


def test_value_is_that_of_the_newest_window():
    answer = estimate_live(half_pulsed(lambda times_s: times_s >= 14))
    assert answer["hr"]["value"] == pytest.approx(HR_BPM, abs=2)
    assert answer["hr"]["ago_s"] == 0
    assert answer["words"].startswith("Quality")


def test_older_value_stays_where_the_newest_window_is_refused_and_is_called_old():
    answer = estimate_live(half_pulsed(lambda times_s: times_s < 14))
    assert answer["state"] == "value"
    assert answer["hr"]["value"] == pytest.approx(HR_BPM, abs=5)
    assert 3 <= answer["hr"]["ago_s"] <= 18
    assert answer["words"].startswith("No clear pulse now")
    assert f"{answer['hr']['ago_s']:.0f} s old" in answer["words"]


def test_waveform_is_the_newest_ten_seconds_on_the_clock_of_the_browser():
    times_s, face, background = simulated()
    wave = estimate_live(packet(times_s + 40, face, background))["wave"]
    assert len(wave["samples"]) == 300
    end_s = wave["start_ms"] / 1000 + len(wave["samples"]) / wave["fs"]
    assert end_s == pytest.approx(40 + times_s[-1], abs=0.05)


def test_answer_is_plain_json_and_says_which_rows_count():
    answer = estimate_live(packet(*simulated()))
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert answer["start_ms"] == 0


def test_first_value_waits_for_ten_seconds_of_face():
    times_s, face, background = (column[:200] for column in simulated())
    answer = estimate_live(packet(times_s, face, background))
    assert (answer["state"], answer["seconds"], answer["needed"]) == ("collecting", 6.6, 10)
    assert "hr" not in answer


@pytest.mark.parametrize("kind", ["photo", "flicker", "wall", "noise", "moving background", "shuffled"])
def test_nothing_without_a_pulse_gets_a_value_though_it_has_the_colour_of_skin(kind):
    answer = estimate_live(packet(*simulated(kind, 12.0)))
    assert answer["state"] == "refused"
    assert "hr" not in answer
    assert "No reliable heart rate" in answer["words"]


def test_light_that_flickers_on_skin_and_wall_alike_is_named():
    times_s, face, background = simulated("photo", 12.0)
    flicker = 1 + 0.01 * np.sin(2 * np.pi * 1.2 * times_s)[:, None] * [0.5, 1, 0.7]
    answer = estimate_live(packet(times_s, face * flicker, background * flicker))
    assert "light or camera, not blood" in answer["words"]


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        ({"skin": 0.1}, "come closer"),
        ({"likeness": 0.0}, "hold still"),
    ],
)
def test_oval_without_a_face_gets_no_value(picture, words):
    answer = estimate_live(packet(*simulated(), **picture))
    assert answer["state"] == "nobody"
    assert words in answer["words"]


def test_dark_picture_is_named():
    times_s, face, background = simulated()
    assert "dark" in estimate_live(packet(times_s, 0.05 * face, background, skin=0.0))["words"]


@pytest.mark.parametrize("column", ["skin", "likeness"])
def test_face_that_left_half_a_second_ago_has_no_value_and_its_rows_no_longer_count(column):
    times_s, face, background = simulated()
    gone = seen(times_s, times_s[-1] - 0.5, np.inf, 0.95, 0.0)
    answer = estimate_live(packet(times_s, face, background, **{column: gone}))
    assert answer["state"] == "nobody"
    assert answer["start_ms"] == pytest.approx(1000 * times_s[-1], abs=0.1)


def test_face_that_came_back_is_collected_anew():
    times_s, face, background = simulated()
    away = seen(times_s, 10, 11, 0.95, 0.0)
    answer = estimate_live(packet(times_s, face, background, skin=away))
    assert answer["state"] == "collecting"
    assert answer["start_ms"] == pytest.approx(11_000, abs=1)
    assert answer["seconds"] == pytest.approx(5, abs=0.1)


def test_hand_that_passes_in_a_fifth_of_a_second_keeps_the_value():
    times_s, face, background = simulated()
    passing = seen(times_s, 12, 12.2, 0.95, 0.0)
    hidden = np.where(passing[:, None] < 0.5, 40.0, face)
    answer = estimate_live(packet(times_s, hidden, background, skin=passing))
    assert answer["hr"]["value"] == pytest.approx(HR_BPM, abs=2)


@pytest.mark.parametrize("level", [0.0, 128.0, 255.0])
def test_colour_that_never_changes_is_refused(level):
    times_s = np.arange(400) / 30
    answer = estimate_live(packet(times_s, np.full((400, 3), level), np.full((400, 3), level)))
    assert answer["state"] == "refused"
    json.dumps(answer, allow_nan=False)


def test_second_without_frames_starts_anew():
    times_s, face, background = simulated()
    kept = (times_s < 10) | (times_s >= 11)
    answer = estimate_live(packet(times_s[kept], face[kept], background[kept]))
    assert answer["start_ms"] == pytest.approx(11_000, abs=1)


def test_slow_camera_is_refused_in_words():
    times_s, face, background = (column[::5] for column in simulated())
    answer = estimate_live(packet(times_s, face, background))
    assert answer["state"] == "refused"
    assert "6 frames a second" in answer["words"]


GOOD = [float(k) for k in (0, 150, 120, 100, 90, 90, 90, 1, 0, 0, 1)]


def rows_with(column, number):
    """Two rows, the second with one other number."""
    second = [33.0, *GOOD[1:]]
    second[column] = number
    return {"rows": [GOOD, second]}


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (None, "no list of rows"),
        ([1, 2], "no list of rows"),
        ({"rows": "no"}, "no list of rows"),
        ({"rows": []}, "0 rows"),
        ({"rows": [GOOD] * (MAX_ROWS + 1)}, f"{MAX_ROWS + 1} rows; wanted: 2 to {MAX_ROWS}"),
        ({"rows": [GOOD, GOOD[:-1]]}, "11 numbers each"),
        ({"rows": [GOOD, dict(enumerate(GOOD))]}, "11 numbers each"),
        (rows_with(1, float("nan")), "finite numbers"),
        (rows_with(1, float("inf")), "finite numbers"),
        (rows_with(1, 10**400), "finite numbers"),
        (rows_with(1, None), "finite numbers"),
        (rows_with(1, "150"), "finite numbers"),
        (rows_with(1, True), "finite numbers"),
        (rows_with(1, [[[]]]), "finite numbers"),
        (rows_with(2, 256.0), "'green'"),
        (rows_with(7, -0.1), "'skin'"),
        (rows_with(0, 0.0), "do not increase"),
        (rows_with(0, 60_000.0), "at most 32 s"),
    ],
)
def test_bad_packet_is_refused_in_words(sent, words):
    answer = estimate_live(sent)
    assert answer["state"] == "error"
    assert words in answer["words"]
    assert "reload the page" in answer["words"]


def test_half_a_minute_is_a_packet_of_at_most_80_kilobytes():
    times_s = np.arange(900) / 30
    colours = np.round(np.random.default_rng(0).uniform(100, 250, (900, 3)), 2)
    sent = json.dumps(packet(times_s, colours, colours, motion=0.0123), separators=(",", ":"))
    assert len(sent) < 80_000
