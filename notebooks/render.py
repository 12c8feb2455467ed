"""Run the notebooks, write their outputs, and make pages that need neither kernel nor network.

    python notebooks/render.py [00 01 ...]                   # all of them without arguments
    python notebooks/render.py --keep-outputs [00 01 ...]    # where only text has changed: runs nothing

A figure is kept as plotly JSON with a PNG beside it, which GitHub shows. The PNGs are drawn by a Chromium and the
plotly.min.js of the installed wheel; the pages in out/notebooks/ share one copy of that file.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import shutil
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from rppg_core.course import page_figures
from rppg_core.course.page_figures import figure_html, find_alt
from rppg_core.course.questions import question_html
from rppg_core.course.teach import PLOTLY_MIME, WIDGET_MIME
from rppg_core.figures.page import page_html

NOTEBOOKS = Path(__file__).parent
PAGES = NOTEBOOKS.parent / "out" / "notebooks"
WIDTH_PX = 760
LIMIT_MB = 1.5
QUESTION = "question"  # tag of cells whose code a page leaves out
KEEP = "--keep-outputs"
HIDDEN = "hidden"  # tag of cells that a page leaves out
SECTION = re.compile(r"^## (.+?)(?: · (\d+) min)?$", re.M)  # its title, and the minutes that it takes
COLAB = re.compile(r"(\]\(https://colab\.research\.google\.com/github/\S+\.ipynb\))(?: \*\([^)\n]+\)\*)?")
NOT_YET = "*(once there is a release)*"  # stands behind the badge, which opens a notebook where nothing is installed
INSTALL_TITLE = "# Only where the package is missing, as in Colab; elsewhere this does nothing."
INSTALL_CELL = f"""\
{INSTALL_TITLE}
import importlib.util

if importlib.util.find_spec("rppg_core") is None:
    %pip install --quiet "rppg-lab[language]" anywidget"""
SHUT_DOWN = "**Shut this kernel down**"  # first words of the last cell, which all notebooks share
LAST_CELL = f"""\
{SHUT_DOWN} before you open the next notebook. A *kernel* is the Python program that runs the cells. It
keeps everything that it has loaded in memory, and it goes on running when you close the tab. A computer of a class
has little memory: a few kernels fill it, and the next one stops in the middle of a cell. In JupyterLab choose
*Kernel > Shut Down Kernel*, in Colab *Runtime > Disconnect and delete runtime*. Text and results stay; when you come
back, run the cells again from the top."""
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
DRAW = """([figure, width]) => Plotly.toImage(
    {data: figure.data, layout: {...figure.layout, width: width}}, {format: 'png', width: width,
     height: figure.layout.height || 450, scale: 1})"""
STYLE = """<style>
pre { background: rgba(128,128,128,.12); padding: .6rem .8rem; border-radius: 6px; overflow-x: auto; }
.output pre { background: none; padding: 0 0 0 .8rem; border-left: 3px solid var(--line); border-radius: 0;
  white-space: pre-wrap; overflow-wrap: anywhere; }
.output pre.table { white-space: pre; }
.question { border-left: 4px solid var(--accent); padding: .1rem .8rem; } summary { cursor: pointer; }
.contents { border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem; margin: 1rem 0; }
.contents ol { margin: .25rem 0 0; padding-left: 1.5rem; columns: 20rem; }
small { color: var(--soft); font-weight: 400; } h2 small { white-space: nowrap; }
:is(p, li) code { overflow-wrap: anywhere; }
.rppg .lesson table { width: auto; } .rppg .lesson tbody tr:first-child { font-weight: inherit; }
.lesson :is(td, th) { padding: .2rem .4rem; text-align: left; white-space: normal; }
.lesson a { color: var(--accent); } .lesson h1 { display: none; }
.lesson :is(p, ul, ol, .contents, .question) { max-width: 46rem; }
</style>"""
PLOTLY = '<script src="plotly.min.js"></script>'


def run_notebook(path: Path) -> nbformat.NotebookNode:
    """The notebook with the outputs of a fresh kernel, and nothing in it that a second run would change."""
    notebook = nbformat.read(path, as_version=4)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        store_widget_state=False,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    settle(notebook)
    return notebook


def settle(notebook: nbformat.NotebookNode) -> None:
    """Ids that follow from the text, metadata without a machine's traces, no widget, and the cells that all share."""
    notebook.metadata = nbformat.from_dict(KERNEL)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    share_cells(notebook)
    seen: set[str] = set()
    for cell in notebook.cells:
        digest = hashlib.sha256(cell.source.encode()).hexdigest()
        cell.id = next(digest[k : k + 8] for k in range(50) if digest[k : k + 8] not in seen)
        seen.add(cell.id)
        kept = {key: value for key, value in cell.metadata.items() if key in ("tags", "nbmake")}
        cell.metadata = nbformat.from_dict(kept)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET_MIME, None)
            if "metadata" in output:
                words = {key: value for key, value in output.metadata.items() if key == "image/png"}
                output.metadata = nbformat.from_dict(words)
        if "outputs" in cell:
            cell.outputs = joined(cell.outputs)
    for count, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), start=1):
        for counted in (cell, *(output for output in cell.outputs if "execution_count" in output)):
            counted.execution_count = count  # as in a fresh kernel


def share_cells(notebook: nbformat.NotebookNode) -> None:
    """Put in place what all notebooks share: the words beside the Colab badge, the second and the last cell."""
    shared = (INSTALL_TITLE, SHUT_DOWN)
    first, *others = [cell for cell in notebook.cells if not cell.source.startswith(shared)]
    first.source = COLAB.sub(rf"\1 {NOT_YET}", first.source)
    install = nbformat.v4.new_code_cell(INSTALL_CELL, metadata={"tags": [HIDDEN]})
    notebook.cells = [first, install, *others, nbformat.v4.new_markdown_cell(LAST_CELL)]


def find_key(cell: nbformat.NotebookNode) -> str:
    """The key of the question that a cell asks; empty if it does anything else."""
    asked = re.fullmatch(r'ask\("(\w+)"\)', cell.source.strip())
    return asked[1] if cell.cell_type == "code" and asked else ""


def find_minutes(notebook: nbformat.NotebookNode) -> dict[str, int | None]:
    """Title of every section and the minutes that its heading states."""
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return {title: int(minutes) if minutes else None for title, minutes in SECTION.findall(prose)}


def joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Printed lines that came one by one as one output, however fast the machine was."""
    kept: list[nbformat.NotebookNode] = []
    for output in outputs:
        if kept and "text" in output and kept[-1].get("name") == output.get("name"):
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def list_figures(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The outputs that hold a plotly figure."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output for output in outputs if PLOTLY_MIME in output.get("data", {})]


def draw_pictures(notebooks: list[nbformat.NotebookNode]) -> None:
    """Put a PNG beside every figure, with its words in the metadata; one browser for all."""
    from playwright.sync_api import sync_playwright

    executable = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    flags = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=flags)
        page = browser.new_page(offline=True)
        page.add_script_tag(path=plotly_script())
        for output in (output for notebook in notebooks for output in list_figures(notebook)):
            figure = output["data"][PLOTLY_MIME]
            url = page.evaluate(DRAW, [figure, WIDTH_PX])
            output["data"]["image/png"] = smaller(url.split(",", 1)[1])
            output["metadata"] = nbformat.from_dict({"image/png": {"alt": find_alt(figure)}})
        browser.close()


def smaller(png: str) -> str:
    """The same picture in 160 colours: a quarter of the bytes, and a plot has few colours."""
    from PIL import Image

    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA")
    held = io.BytesIO()
    picture.quantize(160, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        held, "PNG", optimize=True
    )
    return base64.b64encode(held.getvalue()).decode()


def plotly_script() -> Path:
    """plotly.min.js of the installed wheel."""
    import plotly

    return Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def write_page(name: str, notebook: nbformat.NotebookNode, folder: Path = PAGES) -> Path:
    """One HTML page in which sliders move without a kernel; `write_scripts` puts beside it what moves them."""
    from nbconvert import HTMLExporter
    from nbconvert.preprocessors import TagRemovePreprocessor

    copied = nbformat.reads(nbformat.writes(notebook), as_version=4)
    for cell in copied.cells:
        if cell.cell_type == "markdown":
            cell.source = for_a_page(cell.source)
        elif key := find_key(cell):
            cell.metadata["tags"] = [QUESTION]
            html = {"text/html": question_html(key, replies=True)}
            cell.outputs = [nbformat.v4.new_output("display_data", html)]
    figures = list_figures(copied)
    for output in figures:
        output["data"] = nbformat.from_dict({"text/html": figure_html(output["data"][PLOTLY_MIME])})
    exporter = HTMLExporter(template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True)
    remover = TagRemovePreprocessor(remove_input_tags={QUESTION}, remove_cell_tags={HIDDEN})
    exporter.register_preprocessor(remover, enabled=True)
    body, _ = exporter.from_notebook_node(copied)
    body = re.sub(r"<pre>([^<]*\S {2,}\S[^<]*)</pre>", r'<pre class="table">\1</pre>', with_contents(body))
    title = re.search(r"^# (.+)$", notebook.cells[0].source, re.M)
    assert title is not None, f"{name}: the first cell has no title"
    target = folder / f"{name}.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    above = "../" * name.count("/")
    scripts = f'{PLOTLY if figures else ""}<script src="{above}lessons.js"></script>'
    lesson = f'<div class="lesson" data-source="{find_digest(notebook)}">{body}</div>'
    page = page_html(title[1], f"{STYLE}{page_figures.STYLE}{lesson}{scripts}")
    target.write_text(page, encoding="utf-8")
    return target


def write_scripts(folder: Path = PAGES) -> None:
    """What all pages share: plotly.min.js of the installed wheel, and the few lines that draw and move figures."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(plotly_script(), folder / "plotly.min.js")
    (folder / "lessons.js").write_text(page_figures.SCRIPT, encoding="utf-8")


def write_text_pages(folder: Path = PAGES) -> None:
    """The map of the course and the worked answers, to which the lessons lead, as pages."""
    for name, text in list_texts().items():
        write_page(name, text, folder)


def list_texts(notebooks: Path = NOTEBOOKS) -> dict[str, nbformat.NotebookNode]:
    """The map of the course and the worked answers by the names of their pages, each as a notebook of one cell."""
    paths = [notebooks / "README.md", *sorted(notebooks.glob("solutions/*.md"))]
    cells = {path: nbformat.v4.new_markdown_cell(path.read_text(encoding="utf-8")) for path in paths}
    return {
        path.relative_to(notebooks).with_suffix("").as_posix(): nbformat.v4.new_notebook(cells=[cell])
        for path, cell in cells.items()
    }


def find_digest(notebook: nbformat.NotebookNode) -> str:
    """A hash of what a page shows: text, code, outputs, and the questions with their replies."""
    cells = [[cell.cell_type, cell.source, cell.get("outputs", [])] for cell in notebook.cells]
    asked = [question_html(key, replies=True) for cell in notebook.cells if (key := find_key(cell))]
    return hashlib.sha256(json.dumps([cells, asked], sort_keys=True).encode()).hexdigest()


def for_a_page(text: str) -> str:
    """Markdown that asks nothing of another host: badges as words, links to other pages, formulas as MathML."""
    text = re.sub(r"\[!\[([^\]]+)\]\([^)]+\)\]", r"[\1]", text)
    text = re.sub(r"\]\((?!https?:)([\w./-]+)\.(?:ipynb|md)(?=[#)])", r"](\1.html", text)
    return with_mathml(text)


def with_contents(body: str) -> str:
    """Minutes in small print, ids that survive a change of them, and a list of the sections before the first one."""
    sections = []

    def heading(found: re.Match[str]) -> str:
        depth, named, words = found.groups()
        title, minutes = re.fullmatch(r"(.+?)( · \d+ min)?", words, re.S).groups()
        named = re.sub(r"-(?:·|%C2%B7)-\d+-min$", "", named).lower()  # GitHub, too, has small letters
        small = f" <small>{minutes.removeprefix(' · ')}</small>" if minutes else ""
        if depth == "2":
            sections.append(f'<li><a href="#{named}">{title}</a>{small}</li>')
        return f'<h{depth} id="{named}">{title}{small}</h{depth}>'

    body = re.sub(
        r'<h(\d) id="([^"]+)">(.+?)<a class="anchor-link"[^>]*>[^<]*</a></h\1>', heading, body, flags=re.S
    )
    if len(sections) < 4:
        return body
    listed = f"<b>Contents</b><ol>{''.join(sections)}</ol>"
    return body.replace("<h2 ", f'<nav class="contents" aria-label="Contents">{listed}</nav><h2 ', 1)


def with_mathml(text: str) -> str:
    """`$...$` and `$$...$$` outside code as MathML, which browsers draw without a script."""
    from latex2mathml.converter import convert

    parts = re.split(r"(```.*?```|`[^`]*`)", text, flags=re.S)
    for k in range(0, len(parts), 2):
        parts[k] = re.sub(r"\$\$(.+?)\$\$", lambda m: convert(m[1], display="block"), parts[k], flags=re.S)
        parts[k] = re.sub(r"\$([^$\n]+?)\$", lambda m: convert(m[1]), parts[k])
    return "".join(parts)


def kept_notebook(path: Path) -> nbformat.NotebookNode:
    """The notebook with the outputs that it has."""
    notebook = nbformat.read(path, as_version=4)
    settle(notebook)
    return notebook


def main(chosen: list[str], *, run: bool = True) -> None:
    """Render all notebooks, or those whose names begin as said."""
    paths = [
        path
        for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
        if not chosen or path.name.startswith(tuple(chosen))
    ]
    notebooks = {path: run_notebook(path) if run else kept_notebook(path) for path in paths}
    if run:
        draw_pictures(list(notebooks.values()))
    write_scripts()
    write_text_pages()
    for path, notebook in notebooks.items():
        text = nbformat.writes(notebook) + "\n"
        megabytes = len(text.encode()) / 1e6
        if megabytes > LIMIT_MB:
            sys.exit(
                f"{path.name} would be {megabytes:.2f} MB; {LIMIT_MB} MB at most: fewer frames, smaller pictures"
            )
        path.write_text(text, encoding="utf-8")
        print(f"{path.name}: {megabytes:.2f} MB, page {write_page(path.stem, notebook)}")


if __name__ == "__main__":
    main([word for word in sys.argv[1:] if word != KEEP], run=KEEP not in sys.argv)
