"""Figures of the lessons on pages: titles that wrap, an order that fits a phone, sliders for mouse, keys and voice.

The title of a figure becomes a caption in HTML, which wraps by width. Narrow pages apply `narrow_changes`. A figure
with a slider is a slider to a screen reader as well, which reads the finding of every stop.
"""

from __future__ import annotations

import json
import re
from html import escape, unescape

from rppg_core.course.narrow_figures import NARROW_PX, Json, narrow_changes
from rppg_core.course.network_figures import ON_CELLS

TITLE_LINE_PX = 20  # height of a line of a title, as `figures.style.set_title` reserves it
BELOW_PX = 70  # room below a plot that has neither legend nor slider: its axis, with names in two lines
STYLE = f"""<style>
.rppg .lesson figure {{ margin: 1rem 0; }} figure [role]:focus-visible {{ outline: 2px solid var(--accent); }}
.rppg .lesson figcaption {{ display: grid; color: inherit; font-size: .9375rem; line-height: 1.35; }}
figcaption > span {{ grid-area: 1 / 1; visibility: hidden; }} figcaption > .now {{ visibility: visible; }}
figcaption small {{ display: block; }}
.rppg .on-cells .js-plotly-plot svg .heatmap-label text {{ fill: {ON_CELLS} !important; }}
</style>"""
SCRIPT = """const narrow = matchMedia('(max-width: NARROWpx)');
const isPlain = value => value && typeof value === 'object' && !Array.isArray(value);
const merged = (whole, part) => {
  const made = {...whole};
  for (const key in part) made[key] = isPlain(part[key]) ? merged(made[key] || {}, part[key]) : part[key];
  return made;
};
const ordered = (traces, changes) => (traces || []).map((trace, k) => merged(trace, (changes || [])[k] || {}));

document.querySelectorAll('figure').forEach(figure => {
  const plot = figure.querySelector('.plot'), captions = figure.querySelectorAll('figcaption > span');
  const parts = JSON.parse(figure.querySelector('script').textContent), slider = (parts.layout.sliders || [])[0];
  const start = slider ? slider.active || 0 : 0;
  let at = start;
  const say = () => {
    captions.forEach((caption, k) => caption.classList.toggle('now', k === at));
    if (!slider) return;
    const {prefix = '', suffix = ''} = slider.currentvalue, stop = `${prefix}${slider.steps[at].label}${suffix}`;
    plot.setAttribute('aria-valuenow', at);
    plot.setAttribute('aria-valuetext', `${stop}. ${captions[at].textContent}`);
  };
  const move = to => {
    Plotly.relayout(plot, {'sliders[0].active': to});
    Plotly.animate(plot, [slider.steps[to].label], {mode: 'immediate', frame: {duration: 0, redraw: true}});
  };
  const draw = async () => {
    const changes = narrow.matches ? parts.narrow : {}, now = at;
    const frames = (parts.frames || []).map(frame => ({...frame, data: ordered(frame.data, changes.data),
      layout: merged(frame.layout, changes.frame || {})}));
    const data = ordered(parts.data, changes.data), layout = merged(parts.layout, changes.layout || {});
    await Plotly.newPlot(plot, {data, layout, frames, config: {...parts.config, responsive: true}});
    plot.on('plotly_animatingframe', event => {
      at = slider.steps.findIndex(step => step.label === event.name);
      say();
    });
    if (now !== start) move(now);
  };
  say();
  draw();
  narrow.addEventListener('change', draw);
  plot.addEventListener('keydown', event => {
    if (!slider) return;
    const last = slider.steps.length - 1, back = Math.max(at - 1, 0), on = Math.min(at + 1, last);
    const to = {ArrowLeft: back, ArrowDown: back, ArrowRight: on, ArrowUp: on, Home: 0, End: last}[event.key];
    if (to === undefined) return;
    event.preventDefault();
    move(to);
  });
});

// what is wider than the page can be reached, and scrolled with the arrow keys
const reach = () => document.querySelectorAll('pre, .scroll').forEach(box => {
  if (box.scrollWidth > box.clientWidth) box.tabIndex = 0; else box.removeAttribute('tabindex');
});
reach();
addEventListener('resize', reach);
""".replace("NARROW", str(NARROW_PX))


def find_alt(figure: Json) -> str:
    """The words that `teach.show` put into a figure."""
    return figure["layout"]["meta"]["alt"]


def figure_html(figure: Json) -> str:
    """A figure that SCRIPT draws, below its title.

    Args:
        figure: plotly's JSON of a figure that `teach.show` has shown.
    """
    parts = {key: figure[key] for key in ("data", "layout", "frames", "config") if key in figure}
    layouts = [frame["layout"] for frame in parts.get("frames", [])] or [figure["layout"]]
    parts["layout"] = without_title(figure["layout"])
    if "frames" in parts:
        parts["frames"] = [frame | {"layout": _untitled(frame["layout"])} for frame in parts["frames"]]
    parts["narrow"] = narrow_changes(parts)
    role, now = 'role="img"', 0
    for slider in parts["layout"].get("sliders", []):
        now, last = slider.get("active", 0), len(slider["steps"]) - 1
        role = f'role="slider" tabindex="0" aria-valuemin="0" aria-valuemax="{last}" aria-valuenow="{now}"'
    listed = ""
    for k, layout in enumerate(layouts):
        shown = ' class="now"' if k == now else ""
        listed += f"<span{shown}>{caption_html(layout['title']['text'])}</span>"
    inks = {trace.get("textfont", {}).get("color") for trace in parts["data"]}
    begin = '<figure class="on-cells">' if ON_CELLS in inks else "<figure>"
    held = json.dumps(parts).replace("</", "<\\/")
    return (
        f"{begin}<figcaption>{listed}</figcaption>"
        f'<div class="plot" {role} aria-label="{escape(find_alt(figure))}"></div>'
        f'<script type="application/json">{held}</script></figure>'
    )


def caption_html(title: str) -> str:
    """The title of a figure, the finding and below it the source of the data, without its line breaks."""
    finding, _, source = title.partition("</b>")
    whole = [re.sub(r"(?<=\w-)<br>", "", part).replace("<br>", " ") for part in (finding, source)]
    plain = [escape(unescape(re.sub(r"<[^>]+>", "", part)).strip(), quote=False) for part in whole]
    return f"<b>{plain[0]}</b>" + (f" <small>{plain[1]}</small>" if plain[1] else "")


def without_title(layout: Json) -> Json:
    """A layout without its title, and without the room for it and for a legend that it does not have."""
    margin = layout["margin"]
    lines = layout["title"]["text"].count("<br>") + 1
    above = min(TITLE_LINE_PX * lines, margin["t"])
    empty = not layout.get("sliders") and layout.get("showlegend") is False
    below = max(margin.get("b", 80) - BELOW_PX, 0) if empty else 0
    smaller = {"t": margin["t"] - above, "b": margin.get("b", 80) - below}
    return _untitled(layout) | {"margin": margin | smaller, "height": layout["height"] - above - below}


def _untitled(layout: Json) -> Json:
    return {key: value for key, value in layout.items() if key != "title"}
