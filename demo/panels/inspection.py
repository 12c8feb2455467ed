"""How suitable the file is, as a card: problems first and open, the rest collapsed.

A pure function from findings to HTML with its own style. Each line gives its level as a word and a sign; the colour
only repeats it. On a narrow screen the rows of the tables become blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rppg_core.video.inspect import Finding, Level, lesson_link

SOURCE = "https://github.com/rppg-lab/rppg-lab/blob/HEAD/"  # where the notebooks can be read
ORDER: tuple[Level, ...] = ("poor", "fair", "good")
# The class is written twice so that these rules take precedence over Gradio's rules for tables.
STYLE = """
.inspection.inspection {
  --poor: #b42318; --fair: #8a5a00; --good: #1a7f37;
  --rule: 1px solid var(--line, #8886);
  container-type: inline-size;
  & p { margin: 0 0 .5rem; }
  & table { border-collapse: collapse; border: 0; width: 100%; font-size: .875rem; margin: 0; }
  & caption { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  & :is(tr, th, td) { border: 0; background: none; text-align: left; vertical-align: top; }
  & :is(th, td) { padding: .375rem 1rem .375rem 0; border-bottom: var(--rule); line-height: 1.4; }
  & thead th { font-weight: 400; color: var(--soft, inherit); }
  & tbody th { font-weight: 600; white-space: nowrap; width: 8.5rem; }
  & td { overflow-wrap: anywhere; }
  & td a { padding: 0; margin: 0; }
  & .level { white-space: nowrap; font-weight: 600; width: 4.5rem; }
  & .poor { color: var(--poor); }
  & .fair { color: var(--fair); }
  & .good { color: var(--good); }
  & .sign { display: inline-block; width: 1.25em; }
  & summary { cursor: pointer; padding: .5rem 0; }
}
.dark .inspection.inspection { --poor: #ff8b7f; --fair: #e8b339; --good: #56d364; }
@container (max-width: 34rem) {
  .inspection.inspection {
    & thead { position: absolute; clip-path: inset(50%); }
    & :is(tbody, tr, th, td) { display: block; }
    & tr { padding: .5rem 0; border-bottom: var(--rule); }
    & :is(tbody th, td) { border: 0; padding: 0 .5rem 0 0; width: auto; }
    & :is(tbody th, .level) { display: inline; }
    & .helps::before { content: "→ "; }
  }
}
"""


def inspection_card(findings: Sequence[Finding]) -> str:
    """The findings about a video.

    Args:
        findings: of `inspect_video` (a file) or `findings_from_clip` (a clip that was read).

    Returns:
        One HTML section: a sentence, a table of problems with remedies, and a collapsed table of what is good.
    """
    ranked = sorted(findings, key=lambda finding: ORDER.index(finding.level))
    wrong = [finding for finding in ranked if finding.level != "good"]
    good = [finding for finding in ranked if finding.level == "good"]
    parts = [f"<p>{_summary(wrong, len(findings))}</p>"]
    if wrong:
        parts.append(_table("What could be better about this video", wrong))
    if good:
        shown = f"{len(good)} good: {', '.join(finding.name.lower() for finding in good)}"
        table = _table("What is good about this video", good)
        opened = "" if wrong else " open"
        parts.append(f"<details{opened}><summary>{escape(shown)}</summary>{table}</details>")
    return f'<style>{STYLE}</style><section class="inspection" aria-label="The video file">{"".join(parts)}</section>'


def _summary(wrong: Sequence[Finding], n: int) -> str:
    if not wrong:
        return f"All {n} checks of the video are good."
    counts = {level: sum(finding.level == level for finding in wrong) for level in ORDER[:2]}
    said = [f"{count} {level}" for level, count in counts.items() if count]
    return f"{n - len(wrong)} of {n} checks are good, {' and '.join(said)}."


def _table(caption: str, findings: Sequence[Finding]) -> str:
    """Roles are explicit, since a table whose rows are shown as blocks loses them in some browsers."""
    titles = (
        ("Check", "Level", "Found", "What helps")
        if any(f.remedy for f in findings)
        else ("Check", "Level", "Found")
    )
    head = "".join(f'<th scope="col" role="columnheader">{title}</th>' for title in titles)
    rows = "".join(_row(finding, len(titles)) for finding in findings)
    return (
        f'<table role="table"><caption>{escape(caption)}</caption>'
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead><tbody role="rowgroup">{rows}</tbody></table>'
    )


def _row(finding: Finding, columns: int) -> str:
    remedy = escape(finding.remedy)
    if remedy and (link := lesson_link(finding.lesson)) is not None:
        remedy += f' (<a href="{escape(SOURCE + link)}" target="_blank" rel="noopener">why</a>)'
    level = f'<span class="sign" aria-hidden="true">{finding.sign}</span>{finding.level}'
    cells = [
        f'<th scope="row" role="rowheader">{escape(finding.name)}</th>',
        f'<td role="cell" class="level {finding.level}">{level}</td>',
        f'<td role="cell">{escape(finding.value)}</td>',
        f'<td role="cell" class="helps">{remedy}</td>',
    ]
    return f'<tr role="row">{"".join(cells[:columns])}</tr>'
