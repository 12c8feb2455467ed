"""Build the folder of a Hugging Face Space: `python -m demo.bundle OUT`.

The card is demo/README.md; its `sdk_version` makes the Space install Gradio. requirements.txt lists the direct
dependencies, at the versions of constraints.txt; pip resolves their own dependencies, because a Space also installs
other packages. Checkpoints are inside rppg_core. The face models are downloaded when the Space starts.
"""

from __future__ import annotations

import re
import shutil
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from rppg_core.errors import RppgError, UsageError

ROOT = Path(__file__).parents[1]
PACKAGES = ("rppg_core", "demo")
LESSONS = "notebooks"  # the app looks up in them which section explains a finding
LEFT_OUT = ("__pycache__", "README.md", "bundle.py")
APP = '''"""The Space's entry: `python -m demo.bundle` wrote it."""

from demo import zerogpu  # noqa: F401  # isort: skip  # before torch
from demo.space import start

start()
'''


def build_bundle(out: Path) -> None:
    """Write all files that the Space needs.

    Args:
        out: a new or empty folder, or an earlier bundle, which is replaced.

    Raises:
        UsageError: the folder holds other files, or this is not the project's repository.
    """
    if not (ROOT / "constraints.txt").is_file():
        raise UsageError(
            f"no constraints.txt in {ROOT}", wanted="the project's repository", do="run this in a clone of it"
        )
    _make_room(out)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, out / package, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (out / LESSONS).mkdir()
    for lesson in sorted((ROOT / LESSONS).glob("*.ipynb")):
        shutil.copy(lesson, out / LESSONS)
    shutil.copy(ROOT / "demo" / "README.md", out)
    shutil.copy(ROOT / "LICENSE", out)
    (out / "requirements.txt").write_text("\n".join(requirements()) + "\n", encoding="utf-8")
    (out / "app.py").write_text(APP, encoding="utf-8")


def requirements() -> list[str]:
    """The project's own dependencies and those of its networks, each at its tested version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split())
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + extras["neural"] + extras["language"]
    wanted = [dependency for dependency in wanted if not dependency.startswith(project["name"])]
    names = [re.match(r"[\w.-]+", dependency)[0] for dependency in wanted]  # pyright: ignore[reportOptionalSubscript]
    return [f"{name}=={pinned[name]}" for name in names]


def _make_room(out: Path) -> None:
    """Make the folder and remove the packages and lessons of an earlier bundle; nothing else is deleted."""
    entry = out / "app.py"
    earlier = entry.is_file() and entry.read_text(encoding="utf-8") == APP
    if out.exists() and not (earlier or (out.is_dir() and not any(out.iterdir()))):
        raise UsageError(
            f"{str(out)!r} is neither empty nor an earlier bundle",
            wanted="a new folder",
            do="choose another one",
        )
    for package in (*PACKAGES, LESSONS):
        shutil.rmtree(out / package, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)


def main(argv: Sequence[str]) -> int:
    """Build into the folder given as the only argument; returns the exit code."""
    if len(argv) != 1 or argv[0].startswith("-"):
        print("usage: python -m demo.bundle OUT", file=sys.stderr)
        return UsageError.exit_code
    try:
        build_bundle(Path(argv[0]))
    except RppgError as error:
        print(f"bundle: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{argv[0]}: ready for `hf upload USER/NAME {argv[0]} --repo-type space`")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
