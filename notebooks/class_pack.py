"""One zip with which a class works without internet: pages, notebooks, solutions, and what pip has to download.

    python -m notebooks.class_pack    # writes out/class-pack.zip; `make class-pack` renders the pages first

Same inputs give the same bytes. The pages are those that `make render-notebooks` has written; nothing runs here.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import nbformat
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from notebooks import render
from rppg_core.course import page_figures
from rppg_core.errors import RppgError, UsageError

ROOT = render.NOTEBOOKS.parent
TARGET = ROOT / "out" / "class-pack.zip"
EXTRAS = ("neural", "notebooks")  # of pyproject.toml: what the lessons import
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # time of every file; a zip cannot go further back
README = """\
rPPG Lab: the course, without internet
======================================

pages/      every lesson with its figures and sliders. Open pages/README.html in a browser; nothing to install.
notebooks/  the lessons to run, and their map in README.md.
            For the teacher: TEACHING.md (routes, exam questions with answers) and solutions/.
            Take both away before you hand the folder out, and pages/solutions/ as well.
wheels/     {wheel}
wheels.txt  what it needs besides, in the versions with which the course was tested, on Python {python}.

To run the notebooks
--------------------

1. On a computer with internet that has the same system and the same Python (3.11 or newer) as those of the class,
   in the folder of this file:

     python -m pip download -r wheels.txt -d wheels

   On Linux, get the small {torch} for processors first: the one that pip finds by itself is for graphics cards and
   brings several gigabytes. The page "Get Started" of PyTorch shows the index to name (Pip, CPU):

     python -m pip download --no-deps -d wheels {torch} --index-url INDEX
     python -m pip download --find-links wheels -r wheels.txt -d wheels

2. Copy this folder to the computers of the class, and install there (on Windows: course\\Scripts\\ for course/bin/):

     python -m venv course
     course/bin/python -m pip install --no-index --find-links wheels "{project}[{extras}]"

3. Open the first lesson:

     course/bin/jupyter lab notebooks/00_start_here.ipynb

For research and teaching. Not a medical device.
"""


def write_pack(
    target: Path, wheel: Path, *, notebooks: Path = render.NOTEBOOKS, pages: Path = render.PAGES
) -> Path:
    """Write the zip of the course.

    Args:
        target: the file to write.
        wheel: the package itself, as pip builds it.
        notebooks: folder of the lessons.
        pages: folder of the pages that were made from them.

    Raises:
        UsageError: a page is missing or was made from another text; an installed package is missing.
    """
    check_pages(notebooks, pages)
    files = {f"notebooks/{path.relative_to(notebooks)}": path.read_bytes() for path in list_course(notebooks)}
    found = [path for path in pages.rglob("*") if path.suffix in (".html", ".js")]
    files |= {f"pages/{path.relative_to(pages)}": path.read_bytes() for path in found}
    pins = list_wheels()
    files[f"wheels/{wheel.name}"] = wheel.read_bytes()
    files["wheels.txt"] = "".join(f"{pin}\n" for pin in pins).encode()
    files["README.txt"] = readme(wheel.name, pins).encode()
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as packed:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"class-pack/{name}", LONG_AGO)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            packed.writestr(entry, files[name])
    return target


def list_course(notebooks: Path) -> list[Path]:
    """The lessons and the texts beside them."""
    kinds = ("[0-9][0-9]_*.ipynb", "*.md", "solutions/*.md")
    return sorted(path for kind in kinds for path in notebooks.glob(kind))


def check_pages(notebooks: Path, pages: Path) -> None:
    """Raise UsageError unless there is a page for everything that gets one, made from what there is now."""
    missing, outdated = [], []
    for name, source in sources_of_pages(notebooks).items():
        page = pages / f"{name}.html"
        if not page.is_file():
            missing.append(f"{name}.html")
        elif render.find_digest(source) not in page.read_text(encoding="utf-8"):
            outdated.append(f"{name}.html")
    script = pages / "lessons.js"
    missing += [path.name for path in (script, pages / "plotly.min.js") if not path.is_file()]
    if script.is_file() and script.read_text(encoding="utf-8") != page_figures.SCRIPT:
        outdated.append(script.name)
    if missing or outdated:
        kinds = {"missing": missing, "out of date": outdated}
        raise UsageError(
            "pages " + "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items() if names),
            wanted="a page for every lesson as it is now",
            do="run make render-notebooks",
        )


def sources_of_pages(notebooks: Path) -> dict[str, nbformat.NotebookNode]:
    """Name of each page and what it is made from."""
    paths = sorted(notebooks.glob("[0-9][0-9]_*.ipynb"))
    lessons = {path.stem: nbformat.read(path, as_version=4) for path in paths}
    return lessons | render.list_texts(notebooks)


def list_wheels() -> list[str]:
    """`name==version` of everything that the lessons need, as it is installed here; this package itself left out.

    Raises:
        UsageError: one of them is not installed.
    """
    project = read_project()
    groups = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in EXTRAS)]
    waiting, seen, pins = [Requirement(text) for group in groups for text in group], set(), {}
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if (name, frozenset(requirement.extras)) in seen:
            continue
        seen.add((name, frozenset(requirement.extras)))
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            raise UsageError(
                f"no {name} in this Python", wanted="all that the lessons need", do="run make .venv/installed"
            ) from None
        pins[name] = f"{name}=={Version(found.version).public}"  # "+cpu" is not known to every index
        waiting += [one for one in map(Requirement, found.requires or []) if applies(one, requirement.extras)]
    return [pins[name] for name in sorted(pins)]


def applies(requirement: Requirement, extras: set[str]) -> bool:
    """Whether a package asks for this one here, with these extras of its own."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in (extras or {""}))


def read_project() -> dict:
    """What pyproject.toml says of this project."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def readme(wheel: str, pins: list[str]) -> str:
    """How to open the pages, and how to install without internet."""
    project = read_project()
    return README.format(
        wheel=wheel,
        project=project["name"],
        extras=",".join(EXTRAS),
        torch=next(pin for pin in pins if pin.startswith("torch==")),
        python=".".join(map(str, sys.version_info[:2])),
    )


def build_wheel(folder: Path) -> Path:
    """The wheel of this checkout.

    Raises:
        UsageError: pip could not build it.
    """
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise UsageError(
            f"no wheel ({done.stderr.strip()[-400:]})",
            wanted="one built by pip, which downloads hatchling for it",
            do="try again with internet",
        )
    (wheel,) = folder.glob("*.whl")
    return wheel


def main() -> None:
    """Write out/class-pack.zip."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            check_pages(render.NOTEBOOKS, render.PAGES)  # before pip takes its time
            target = write_pack(TARGET, build_wheel(Path(folder)))
        except RppgError as error:
            sys.exit(str(error))
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
