"""Every method by name: one visible dict, resolved on use so that nothing heavy is imported to list names.

Floor 5. A method is an object with `name`, `needs`, `weights` and `estimate(clip)`; `module:attribute` leads to it,
to a dict that holds it under its name, or to a function that makes it of its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from rppg_core.errors import UnknownMethodError, UsageError
from rppg_core.types import Method

METHODS: dict[str, str] = {
    "green": "rppg_core.classical:CLASSICAL",
    "ica": "rppg_core.classical:CLASSICAL",
    "chrom": "rppg_core.classical:CLASSICAL",
    "pbv": "rppg_core.classical:CLASSICAL",
    "pos": "rppg_core.classical:CLASSICAL",
    "lgi": "rppg_core.classical:CLASSICAL",
    "omit": "rppg_core.classical:CLASSICAL",
    "tracenet": "rppg_core.weights:neural_method",
}
MODELS: dict[str, str] = {  # networks, for weights.py: their classes; METHODS holds them with their weights
    "tracenet": "rppg_core.models.tracenet:TraceNet",
}
NEURAL_PACKAGES = ("torch", "safetensors")
CLASSICAL = ("green", "ica", "chrom", "pbv", "pos", "lgi", "omit")
PANEL = ("pos", "chrom", "green", "lgi")  # the fixed jury behind every confidence


@dataclass(frozen=True)
class MethodRow:
    """One line of `rppg methods`."""

    name: str
    needs: tuple[str, ...]
    weights: str
    paper: str


def list_methods() -> list[str]:
    """Names of all methods, classical first."""
    return list(METHODS)


def get_method(name: str) -> Method:
    """The method of that name.

    Raises:
        UnknownMethodError: no such name; the message lists the names.
    """
    if name not in METHODS:
        raise UnknownMethodError(
            f"unknown method {name!r}", wanted=f"one of {', '.join(METHODS)}", do="see `rppg methods`"
        )
    module, attribute = METHODS[name].split(":")
    try:
        found: Any = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in NEURAL_PACKAGES:
            raise
        raise UsageError(
            f"{name} needs the package {error.name!r}, which is not installed",
            wanted="the extra 'neural'", do="pip install 'rppg-lab[neural]'",
        ) from error  # fmt: skip
    if isinstance(found, Mapping):
        return found[name]
    made: Any = found(name) if callable(found) else found
    return made


def resolve(methods: Sequence[str] | str | None) -> list[str]:
    """Names as the user gave them -> a checked list without repeats; None is the seven classical, "all" is all."""
    if methods is None:
        return list(CLASSICAL)
    if isinstance(methods, str):
        methods = [part.strip() for part in methods.split(",") if part.strip()]
    names = [name for part in methods for name in (METHODS if part == "all" else [part])]
    if not names:
        raise UnknownMethodError(
            "no method was named", wanted=f"one of {', '.join(METHODS)}", do="see `rppg methods`"
        )
    for name in names:
        if name not in METHODS:
            get_method(name)  # raises with the list of names
    return list(dict.fromkeys(names))


def describe_methods() -> list[MethodRow]:
    """One row a method: what it needs, where its weights come from, whose idea it is."""
    methods = [get_method(name) for name in METHODS]
    return [MethodRow(m.name, tuple(sorted(m.needs)), m.weights, m.paper) for m in methods]
