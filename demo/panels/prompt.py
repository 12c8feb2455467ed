"""The words that PhysLLM gave its language model for one window of a face, and what they changed.

Pure functions from readings (`rppg_core.models.physllm.explain.ReadWindow`) to HTML and figures, no gradio, no state.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from rppg_core.figures.style import ESTIMATE, PALETTE, REFERENCE, empty_figure, set_title
from rppg_core.signals.filters import standardise
from rppg_core.signals.spectrum import heart_rate_from_bvp
from rppg_core.types import FS, Reading

from .section import details, scrolled, table

if TYPE_CHECKING:
    from rppg_core.models.physllm.explain import ReadCue, ReadWindow

ABOUT = {
    "task": "Task: what the model is asked to do",
    "context": "Context: light, picture and motion",
    "statistics": "Statistics: the rough pulse in numbers",
}
UNITS = {"percent_per_s": "% per s", "percent": "%", "px": "px", "grey": "grey levels", "stops": "stops",
         "frames": "frames"}  # fmt: skip
PROTOTYPES = 8  # shown
WORDS = 5  # of a cue, listed for each patch
ALIKE = 0.05  # patches whose attention differs from the mean by less, as a share, attend alike
BEFORE, AFTER = PALETTE["blue"], ESTIMATE
HEAT = [[0, "rgba(213, 94, 0, 0)"], [1, "rgba(213, 94, 0, 0.7)"]]
ROW_PX = 15
WINDOW_ALONE = (
    "One window is read alone, with nothing but its words changed; the peak is the strongest line of its spectrum, "
    "without the checks that a heart rate on the first tab has to pass."
)


def window_words(face: str, window: ReadWindow, hr: Reading | None = None, notice: str = "") -> str:
    """Whose window this is, and how far to trust it.

    Args:
        face: name of the face.
        window: as read with its own words.
        hr: PhysLLM's heart rate of the whole video, if known.
        notice: why another face is shown than the visitor may expect.
    """
    words = f"<p><b>{escape(notice)}</b></p>" if notice else ""
    words += (
        f"<p>{escape(face[:1].upper() + face[1:])}, {window.start_s:.1f} to {window.end_s:.1f} s: the rough pulse "
        f"has its peak at {_peak(window.base)}, the pulse that the language model wrote at {_peak(window.bvp)}.</p>"
    )
    if hr is not None and hr.refused:
        words += (
            f"<p><b>PhysLLM gave no heart rate for this video</b> ({escape(hr.note)}). What is shown here is what it "
            "did with the words, not your pulse.</p>"
        )
    return _inside(words)


def cue_facts(cue: ReadCue, numbers: Mapping[str, float]) -> str:
    """Tokens, weight, words that the model does not know, and the numbers behind the text.

    Args:
        cue: as read, perhaps with other words.
        numbers: that the cue's own text was made from.
    """
    if not cue.words:
        facts = "<p>Switched off: no word of it is read.</p>"
    else:
        facts = f"<p><b>{len(cue.words)} tokens</b>, {100 * cue.weight:.0f} % of the prompt.</p>"
    if cue.cut:
        facts += f"<p>The text is too long: its last {cue.cut} tokens are not read.</p>"  # after MOST_TOKENS
    if cue.spelled:
        facts += (
            f"<p>Not in its vocabulary: <b>{escape(', '.join(cue.spelled))}</b>. It reads such words in pieces or "
            "letters, which mean nothing to it.</p>"
        )
    rows = [(_label(name), f"{value:.3g}") for name, value in numbers.items()]
    if rows:
        facts += details(
            "The numbers that its own text was made from",
            table("Measured in this window", ("", "value"), rows),
        )
    return _inside(facts)


def attention_figure(cue: ReadCue, window: ReadWindow) -> go.Figure | None:
    """Words of a cue (rows) by patches of the pulse (columns); None if the cue is switched off.

    Every column adds up to 100 %: what part of a patch's attention to this cue goes to which word.
    """
    if not cue.words:
        return None
    shares, times_s = 100 * _shares(cue), _patch_times_s(window)
    rows = [f"{k + 1}" for k in range(len(cue.words))]
    top = max(float(shares.max()), 200 / len(rows))  # nearly even attention looks even
    words = np.repeat(np.array(cue.words, dtype=object)[:, None], len(times_s), axis=1)
    fig: Any = empty_figure(ROW_PX * len(rows))
    fig.add_trace(
        go.Heatmap(
            z=shares.T.astype(np.float32), x=times_s.round(2), y=rows, customdata=words, colorscale=HEAT,
            zmin=0, zmax=top, showscale=False,
            hovertemplate="“%{customdata}”, patch from %{x:.1f} s: %{z:.1f} %<extra></extra>",
        )
    )  # fmt: skip
    fig.update_xaxes(title_text="start of the patch (s)", showgrid=False, showline=False, fixedrange=True)
    fig.update_yaxes(
        tickvals=rows, ticktext=list(cue.words), autorange="reversed", showgrid=False, showline=False,
        tickfont_size=11,
    )  # fmt: skip
    strongest = f"strongest cell {shares.max():.1f} %; even would be {100 / len(rows):.1f} %"
    set_title(fig, _attention_finding(cue), strongest)
    fig.update_layout(height=ROW_PX * len(rows) + fig.layout.margin.t + 50, margin_b=50, margin_l=86)
    return fig


def attention_table(cue: ReadCue, window: ReadWindow) -> str:
    """The figure's content for readers who cannot see it: the words that each patch attends to most."""
    if not cue.words:
        return ""
    rows = []
    for start_s, shares in zip(_patch_times_s(window), _shares(cue), strict=True):
        most = np.argsort(-shares, kind="stable")[:WORDS]
        rows.append((f"{start_s:.1f} s", ", ".join(f"{cue.words[k]} {100 * shares[k]:.1f} %" for k in most)))
    name = f"Patches and the {WORDS} words of the cue that each attends to most"
    return _inside(
        details(
            "The figure's numbers as a table",
            scrolled(name, table(name, ("patch", "words"), rows, words=True)),
        )
    )


def change_figure(before: ReadWindow, after: ReadWindow) -> go.Figure:
    """The pulse with its own words and with the others, over the rough pulse in grey."""
    fig: Any = empty_figure(220)
    times_s = before.start_s + np.arange(len(before.bvp)) / FS
    for name, wave, line in (
        ("rough pulse", before.base, {"color": REFERENCE, "width": 1.5}),
        ("before", before.bvp, {"color": BEFORE, "width": 5}),
        ("after", after.bvp, {"color": AFTER, "width": 2}),
    ):
        fig.add_trace(go.Scatter(x=times_s, y=standardise(wave), name=name, line=line, hoverinfo="x+name"))
    fig.update_xaxes(title_text="time (s)", fixedrange=True)
    fig.update_yaxes(title_text="standard deviations")
    change = _change(before, after)
    set_title(
        fig, f"1 − r between before and after: {small(change)}", "each wave z-scored; grey: the encoder's"
    )
    fig.update_layout(height=380, showlegend=True)
    return fig


def change_words(before: ReadWindow, after: ReadWindow, how: str, *, changed: bool = True) -> str:
    """The verdict, then both rates.

    Args:
        before: read with its own words.
        after: read with other words.
        how: where the other words come from, a sentence.
        changed: whether any word was changed at all.
    """
    rows = [(name, _peak(one.bvp)) for name, one in (("before", before), ("after", after))]
    rates = table("Peak of the spectrum", ("", "rate"), [("rough pulse", _peak(before.base)), *rows])
    return _inside(
        f'<div role="status"><p class="finding">{_verdict(before, after, changed=changed)}</p></div>'
        f'<p>{escape(how)}</p><div class="rates">{rates}</div><p class="soft">{WINDOW_ALONE}</p>'
    )


def prototypes_table(window: ReadWindow) -> str:
    """The prototypes that attend most to one patch, with the words that they mix most."""
    if not window.prototypes:
        return ""
    times_s = _patch_times_s(window)
    order = sorted(window.prototypes, key=lambda one: -float(one.attention.max()))[:PROTOTYPES]
    rows = [
        (
            ", ".join(one.words),
            f"{times_s[int(one.attention.argmax())]:.1f} s",
            f"{100 * one.attention.max() / max(float(one.attention.sum()), 1e-9):.1f} %",
        )
        for one in order
    ]
    even = 100 / len(times_s)
    return _inside(
        "<p>A <b>prototype</b> is a learned mixture of all words of the vocabulary; it pulls the pulse towards them. "
        f"Even attention to all patches would be {even:.1f} % for each.</p>"
        + table("Prototypes, most attentive first", ("words it mixes most", "patch", "attention"), rows)
    )


def pulse_words(window: ReadWindow) -> str:
    """The words nearest to each patch of the pulse, beside the same words dealt to each other's places."""
    rows = [
        (f"{start_s:.1f} s", ", ".join(words), ", ".join(dealt))
        for start_s, words, dealt in zip(
            _patch_times_s(window), window.patch_words, window.shuffled_words, strict=True
        )
    ]
    distinct = len({words[0] for words in window.patch_words})
    name = "Words nearest to each patch of the pulse"
    return _inside(
        f"<p>{len(rows)} patches, {distinct} different nearest words. On the right the same words were dealt "
        "to each other's places in the vocabulary first. <b>If it looks as telling as the one beside it, "
        "nearness says nothing about your pulse.</b></p>"
        + scrolled(name, table(name, ("patch", "vocabulary", "shuffled"), rows, words=True))
    )


def small(value: float) -> str:
    """A number near 0, readable at any size."""
    if not np.isfinite(value):
        return "not defined"
    return "below 0.0001" if value < 1e-4 else f"{value:.2g}"


def _verdict(before: ReadWindow, after: ReadWindow, *, changed: bool) -> str:
    from rppg_core.models.physllm.explain import SEED_CHANGE

    change, seeds = _change(before, after), f"two trainings with different seeds differ by {SEED_CHANGE:g}"
    if not changed:
        return "No word was changed, so nothing can change: edit a text or switch a cue off."
    if not np.isfinite(change):
        return "One of the two waveforms is flat, so they cannot be compared."
    is_small = f"is {small(change)}" if change >= 1e-4 else "is below 0.0001"
    if change <= SEED_CHANGE:
        return f"The words changed nothing that seeds do not: 1 − r {is_small}, {seeds}."
    rates = [heart_rate_from_bvp(one.bvp, FS) for one in (before, after)]
    moved = (
        f"the peak moved from {rates[0]:.0f} to {rates[1]:.0f} bpm"
        if abs(rates[1] - rates[0]) >= 1
        else f"the peak stayed at {rates[1]:.0f} bpm"
    )
    return f"The words changed the waveform: 1 − r {is_small}, {seeds}; {moved}."


def _change(before: ReadWindow, after: ReadWindow) -> float:
    from rppg_core.models.physllm.explain import change_between

    return change_between(before.bvp, after.bvp)


def _attention_finding(cue: ReadCue) -> str:
    shares = _shares(cue)
    apart = float(np.abs(shares - shares.mean(axis=0)).sum(axis=1).mean() / 2)
    if apart < ALIKE:
        return f"All patches attend to the same words ({small(100 * apart)} % apart)"
    return f"The attention of the patches differs by {100 * apart:.0f} %"


def _shares(cue: ReadCue) -> Float[np.ndarray, "patch word"]:
    """What part of each patch's attention to this cue goes to which word."""
    return cue.attention / np.maximum(cue.attention.sum(axis=1, keepdims=True), 1e-12)


def _patch_times_s(window: ReadWindow) -> Float[np.ndarray, " patch"]:
    """Where each patch begins. Unit: s."""
    n = len(window.patch_words)
    return window.start_s + (window.end_s - window.start_s) * np.arange(n) / n


def _peak(wave: np.ndarray) -> str:
    rate = heart_rate_from_bvp(wave, FS)
    return f"{rate:.0f} bpm" if np.isfinite(rate) else "no rate"


def _label(name: str) -> str:
    """'face width (px)' of 'face_width_px'."""
    for ending, unit in UNITS.items():
        if name.endswith(f"_{ending}"):
            return f"{name.removesuffix(f'_{ending}').replace('_', ' ')} ({unit})"
    return name.replace("_", " ")


def _inside(html: str) -> str:
    return f'<div class="inside">{html}</div>'
