"""The record of a run: its recipe, one line of JSON per step, and the last complete checkpoint.

A run may be killed at any moment. A checkpoint therefore gets its name only when it is complete, and a continued
run drops the log lines written after its checkpoint, so that its log equals that of an uninterrupted run.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from rppg_core.errors import UsageError, WriteError
from rppg_core.models.recipe import Recipe, recipe_dict

LogRow = dict[str, Any]


class RunFolder:
    """One run on disk: recipe.json, log.jsonl, curve.html, checkpoints/, METHOD.safetensors."""

    def __init__(self, path: str | Path):
        self.path = Path(path)

    @property
    def log(self) -> Path:
        return self.path / "log.jsonl"

    def start(self, recipe: Recipe, sources: Iterable[str], *, resume: bool) -> None:
        """Create the folder, or check that it holds the same run.

        Raises:
            UsageError: the folder holds a run and `resume` is False, or `resume` is True and the folder holds
                no run or a different one.
            WriteError: the folder cannot be created.
        """
        about = {"recipe": recipe_dict(recipe), "sources": list(sources)}
        stored = self._about()
        if resume:
            self._check_same(stored, about)
            return
        if stored is not None and self.checkpoint() is not None:
            raise self.occupied()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.log.write_text("", encoding="utf-8")
            (self.path / "recipe.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise WriteError(
                f"cannot write into {str(self.path)!r} ({error.strerror or error})",
                wanted="a folder that can be written to",
                do="choose another with --runs",
            ) from error

    def occupied(self) -> UsageError:
        """The error for a new run in a folder that holds one."""
        return UsageError(
            f"{str(self.path)!r} holds a run of {self.step()} steps",
            wanted="a new folder, or --resume",
            do="continue it with --resume, name another folder with --runs, or delete it",
        )

    def holds(self, recipe: Recipe, sources: Iterable[str]) -> bool:
        """Whether the run in the folder has this recipe and these sources."""
        return self._about() == {"recipe": recipe_dict(recipe), "sources": list(sources)}

    def checkpoint(self) -> Path | None:
        """The newest complete checkpoint."""
        whole = [path for path in (self.path / "checkpoints").glob("step-*") if path.name[5:].isdigit()]
        return max(whole, key=lambda path: int(path.name[5:]), default=None)

    def step(self) -> int:
        """Number of steps in the newest checkpoint."""
        newest = self.checkpoint()
        return 0 if newest is None else int(newest.name[5:])

    def unfinished(self) -> Path:
        """Folder in which the next checkpoint is written."""
        return self.path / "checkpoints" / "part"

    def finish(self, step: int) -> None:
        """Give the complete checkpoint its name and remove earlier ones."""
        whole = self.path / "checkpoints" / f"step-{step:06d}"
        shutil.rmtree(whole, ignore_errors=True)
        os.replace(self.unfinished(), whole)
        for other in whole.parent.glob("step-*"):
            if other != whole:
                shutil.rmtree(other, ignore_errors=True)

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows to the log."""
        with self.log.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)

    def rows(self) -> list[LogRow]:
        """The rows of the log, without lines that a killed process left incomplete."""
        rows = []
        for line in self.log.read_text(encoding="utf-8").splitlines() if self.log.is_file() else ():
            try:
                rows.append(json.loads(line))
            except ValueError:
                continue
        return rows

    def forget_after(self, step: int) -> None:
        """Keep only the log lines of the first `step` steps."""
        kept = [row for row in self.rows() if row["step"] <= step]
        part = self.log.with_suffix(".part")
        part.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
        os.replace(part, self.log)

    def draw(self, page: Callable[[list[LogRow]], str] | None) -> None:
        """Write the curve page, if a function that makes it is given."""
        if page is not None:
            (self.path / "curve.html").write_text(page(self.rows()), encoding="utf-8")

    def _about(self) -> LogRow | None:
        try:
            return json.loads((self.path / "recipe.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def _check_same(self, stored: LogRow | None, wanted: LogRow) -> None:
        if stored is None:
            raise UsageError(
                f"no run in {str(self.path)!r}",
                wanted="the folder of a run that was stopped",
                do="leave --resume out to start one",
            )
        names = {**wanted["recipe"], **stored["recipe"]}
        other = [name for name in names if stored["recipe"].get(name) != wanted["recipe"].get(name)]
        other += ["sources"] if stored["sources"] != wanted["sources"] else []
        if other:
            raise UsageError(
                f"the run in {str(self.path)!r} has another {', '.join(other)}",
                wanted="the same recipe to continue",
                do="give the options that it was started with, or name another folder with --runs",
            )
