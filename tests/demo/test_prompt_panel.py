"""Panel and tab of PhysLLM: what is said of readings made by hand."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from demo.panels import physllm, prompt
from rppg_core.models.physllm.explain import SEED_CHANGE, ReadCue, ReadPrototype, ReadWindow
from rppg_core.types import Reading
from tests.report_factory import make_report, pulse

P = 32
TIMES_S = np.arange(256) / 30
RATES_BPM = np.linspace(42, 240, 100)


def cue_of(name="context", words=("The", "face", "rests", "."), **changes):
    attention = np.tile(np.arange(1.0, len(words) + 1), (P, 1))
    return replace(ReadCue(name, " ".join(words), tuple(words), {}, 1 / 3, attention), **changes)


@pytest.fixture
def window():
    wave = pulse(TIMES_S, 72)
    prototypes = tuple(ReadPrototype((f"word {k}", "the"), np.eye(P)[k] * (k + 1) + 1 / P) for k in range(P))
    words = tuple((("well", "lit"), ("face", "the"))[k % 2] for k in range(P))
    cues = tuple(cue_of(name) for name in ("task", "context", "statistics"))
    return ReadWindow(5.0, 5.0 + 256 / 30, wave, wave, cues, prototypes, words, words[1:] + words[:1])


def moved(window, share):
    """The window with this much of another wave in its pulse."""
    return replace(window, bvp=window.bvp + share * pulse(TIMES_S, 111))


def test_verdict_on_a_small_change_says_that_seeds_change_as_much(window):
    said = prompt.change_words(window, moved(window, 0.03), "With other words.")
    assert "The words changed nothing that seeds do not: 1 − r is 0.000" in said
    assert f"two trainings with different seeds differ by {SEED_CHANGE:g}." in said


def test_verdict_on_a_large_change_says_what_became_of_the_rate(window):
    assert "The words changed the waveform: 1 − r is 0.2" in prompt.change_words(
        window, moved(window, 0.8), ""
    )
    assert "the peak stayed at 72 bpm" in prompt.change_words(window, moved(window, 0.8), "")
    assert "the peak moved from 72 to 111 bpm" in prompt.change_words(window, moved(window, 3), "")


def test_verdict_without_a_change_or_a_wave_says_so(window):
    assert "No word was changed" in prompt.change_words(window, window, "", changed=False)
    flat = replace(window, bvp=np.zeros(256))
    assert "flat" in prompt.change_words(window, flat, "")
    assert "no rate" in prompt.change_words(window, flat, "")


def test_plot_of_the_change_has_seconds_and_the_rough_pulse_in_grey(window):
    figure = prompt.change_figure(window, moved(window, 0.5))
    assert [trace.name for trace in figure.data] == ["rough pulse", "before", "after"]
    assert figure.data[0].line.color == "#8C8C8C"
    assert figure.data[0].x[0] == pytest.approx(5.0)
    assert figure.layout.xaxis.title.text == "time (s)"


def test_cue_says_its_tokens_its_weight_and_its_numbers_with_units():
    said = prompt.cue_facts(cue_of(), {"motion_percent_per_s": 1.234, "face_width_px": 150.0})
    assert "<b>4 tokens</b>, 33 % of the prompt" in said
    assert "motion (% per s)</th><td>1.23" in said
    assert "face width (px)</th><td>150" in said


def test_cue_says_what_it_does_not_know_or_read():
    said = prompt.cue_facts(cue_of(spelled=("zebra", "<b>"), cut=7), {})
    assert "Not in its vocabulary: <b>zebra, &lt;b&gt;</b>" in said
    assert "its last 7 tokens are not read" in said
    off = cue_of(words=(), attention=np.zeros((P, 0)))
    assert "Switched off" in prompt.cue_facts(off, {})


def test_heat_map_has_every_word_and_columns_that_add_up(window):
    figure = prompt.attention_figure(window.cues[1], window)
    assert figure is not None
    (cells,) = figure.data
    assert np.asarray(cells.z).shape == (4, P)
    assert np.asarray(cells.z).sum(axis=0) == pytest.approx(np.full(P, 100), rel=1e-5)
    assert tuple(figure.layout.yaxis.ticktext) == window.cues[1].words
    assert "All patches attend to the same" in figure.layout.title.text.replace("<br>", " ")
    assert "rests 30.0 %" in prompt.attention_table(window.cues[1], window)


def test_cue_that_is_off_has_no_heat_map(window):
    off = cue_of(words=(), attention=np.zeros((P, 0)))
    assert prompt.attention_figure(off, window) is None
    assert prompt.attention_table(off, window) == ""


def test_strongest_prototype_comes_first_with_its_patch(window):
    said = prompt.prototypes_table(window)
    assert said.index("word 31, the") < said.index("word 30, the")
    assert f"{5 + 31 * 256 / 30 / P:.1f} s" in said
    assert prompt.prototypes_table(replace(window, prototypes=())) == ""


def test_pulse_in_words_stands_beside_the_same_words_dealt_anew(window):
    said = prompt.pulse_words(window)
    assert "32 patches, 2 different nearest words" in said
    assert "nearness says nothing about your pulse" in said
    first = said.split("<tbody>")[1].split("</tr>")[0]
    own, dealt = (cell.split("</td>")[0].split(", ") for cell in first.split("<td>")[1:])
    assert own == ["well", "lit"] and dealt == ["face", "the"]


def test_refused_heart_rate_is_said_above_the_words(window):
    said = prompt.window_words("your video", window, Reading(None, "bpm", note="no clear pulse"))
    assert "Your video, 5.0 to 13.5 s" in said
    assert "PhysLLM gave no heart rate for this video</b> (no clear pulse)" in said


def report_of(rate=72.0, *, after_hz=1.2):
    """PhysLLM beside POS, with arrays by hand."""
    report = make_report({"pos": 72.1, "physllm": rate})
    rough, read = (np.exp(-(((RATES_BPM / 60 - hz) / 0.1) ** 2)) for hz in (1.2, after_hz))
    inside = {
        "cue_shares": np.array([0.2, 0.3, 0.5]), "rates_bpm": RATES_BPM, "rough_power": rough, "pulse_power": read
    }  # fmt: skip
    found = replace(report.estimates["physllm"], inside=inside, weights="trained on simulated physiology")
    return replace(report, estimates={**report.estimates, "physllm": found})


def test_panel_says_what_the_cues_weighed_and_what_became_of_the_rough_pulse():
    said = physllm.panel(report_of())
    assert "task 20 %, context 30 %, statistics 50 %" in said
    assert "keeps the rate of the rough pulse, 72 bpm" in said
    assert "<b>PhysLLM prompt</b> shows the exact words" in said
    assert "moves the peak from 72 to 120 bpm" in physllm.panel(report_of(after_hz=2.0))
    figure = physllm.figure(report_of())
    assert figure is not None
    assert [trace.name for trace in figure.data] == ["rough pulse", "pulse read"]


def test_panel_of_a_refused_heart_rate_shows_nothing_of_the_network():
    said = physllm.panel(report_of(None))
    assert "PhysLLM gave no heart rate (no clear pulse" in said
    assert "20 %" not in said
    assert physllm.figure(report_of(None)) is None


def test_panel_waits_for_its_method_or_asks_for_it():
    assert "still to come" in physllm.panel(make_report(), ["physllm"])
    assert "Tick <b>physllm</b>" in physllm.panel(make_report())
    assert physllm.figure(make_report()) is None
