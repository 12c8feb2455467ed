"""Every method by name: one dict, resolved on use so that listing the names imports nothing heavy.

A method is an object with `name`, `needs`, `weights` and `estimate(clip)`. `module:attribute` points to a dict that
holds it under its name, or to the `Network` that describes a network.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
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
    "tracenet": "rppg_core.models.tracenet:ABOUT",
    "physmle": "rppg_core.models.physmle:ABOUT",
    "physllm": "rppg_core.models.physllm:ABOUT",
    "codephys": "rppg_core.models.codephys:ABOUT",
    "physvlm": "rppg_core.models.physvlm:ABOUT",
    "tastnet": "rppg_core.models.tastnet:ABOUT",
    "physnet": "rppg_core.models.physnet:ABOUT",
}
TEACHERS = {
    "physvlm_teacher": "rppg_core.models.physvlm:TEACHER"
}  # trained for other networks, and no methods


@dataclass(frozen=True, kw_only=True)
class Network:
    """Facts about a network, available without importing torch; a test compares them with the class.

    A network has a recipe, or a reader for weights that others trained.

    Args:
        model: "module:Class".
        recipe: module that holds RECIPE and ABLATIONS.
        reader: "module:function", which makes the network from a file of the user's.
        cleaner: "module:function", by which it cleans the waveform of another method, named as `METHOD+NAME`.
        needs: fields of a FaceClip that it reads, names from types.NEEDS.
        tasks: what it predicts, names from models.base.TASKS.
        paper: the paper that the method comes from.
        weights: origin of the weights, in words.
        ready: whether weights come with the package; without them the user gives a file.
        shared_parts: classes in nn/ that the method introduced.
        megabytes: upper limit on the size of its checkpoint.
        times_pos: upper limit on CPU time for 30 s of video, as a multiple of that of POS on the same clip.
        packages: what it imports besides the dependencies of this package.
        extra: the extra that installs them.
    """

    model: str
    needs: frozenset[str]
    tasks: frozenset[str]
    paper: str
    recipe: str = ""
    reader: str = ""
    cleaner: str = ""
    weights: str = "trained on simulated physiology"
    ready: bool = True
    shared_parts: frozenset[str] = frozenset()
    megabytes: float = 3.0
    times_pos: float = 100.0
    packages: tuple[str, ...] = ("torch", "safetensors")
    extra: str = "neural"


BEHIND = "+"  # between the names of a method and of the network that cleans its waveform
PLUGGED_METHOD = "rppg_core.models.plugged:PluggedMethod"
NEURAL_METHOD = "rppg_core.models.neural_method:neural_method"  # makes a method from a network
CLASSICAL = ("green", "ica", "chrom", "pbv", "pos", "lgi", "omit")
PANEL = ("pos", "chrom", "pbv", "lgi")  # the fixed panel behind every confidence


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


def get_method(name: str, own: Mapping[str, Method] | None = None) -> Method:
    """The method of that name; case does not matter.

    Args:
        name: of a method, or `METHOD+NETWORK`: the waveform of one, cleaned by the other.
        own: methods of the user's in place of those of the roster.

    Raises:
        UnknownMethodError: no such name; the message lists the names.
    """
    if own and name in own:
        return own[name]
    name = _known(name)
    base, _, cleaner = name.partition(BEHIND)
    if cleaner:
        return _attribute(PLUGGED_METHOD)(get_method(base, own), get_method(cleaner, own))
    found = _resolved(name)
    if not isinstance(found, Network):
        return found[name]
    lacking = [package for package in found.packages if find_spec(package) is None]
    if lacking:
        raise UsageError(
            f"{name} needs the package {lacking[0]!r}, which is not installed",
            wanted=f"the extra {found.extra!r}",
            do=f"pip install 'rppg-lab[{found.extra}]'",
        )
    return _attribute(NEURAL_METHOD)(name)


def list_networks() -> list[str]:
    """Names of the methods that are networks."""
    return [name for name, where in METHODS.items() if where.endswith(":ABOUT")]


def list_trained_networks() -> list[str]:
    """Names of the networks that have a recipe."""
    return [name for name in list_networks() if get_network(name).recipe]


def list_teachers() -> list[str]:
    """Names of the networks that are trained only to teach others."""
    return list(TEACHERS)


def list_ready_methods() -> list[str]:
    """Names of the methods that run without weights of the user's own, classical first."""
    networks = list_networks()
    return [name for name in METHODS if name not in networks or get_network(name).ready]


def get_network(name: str) -> Network:
    """The description of a network.

    Raises:
        UnknownMethodError: no such network; the message lists the names.
    """
    networks = [*list_networks(), *list_teachers()]
    if not isinstance(name, str) or name not in networks:
        raise UnknownMethodError(
            f"no network {name!r}", wanted=f"one of {', '.join(networks)}", do=_suggestion(name, networks)
        )
    return _resolved(name)


def check_ready(name: str) -> None:
    """Check that a method needs no weights of the user's own.

    Raises:
        UsageError: it does; the message says how to give them.
    """
    if name not in [*list_ready_methods(), *(one for one in list_teachers() if get_network(one).ready)]:
        training = f"rppg train {name}, then " if get_network(name).recipe else ""
        raise UsageError(
            f"{name} comes without weights",
            wanted="weights of your own",
            do=f"{training}name their file: --weights {name}=FILE",
        )


def resolve(methods: Sequence[str] | str | None, own: Collection[str] = ()) -> list[str]:
    """A checked list of method names without repeats.

    Args:
        methods: names, as a list or in a text; None means the seven classical ones, "all" every one with weights.
        own: networks whose weights the user gives.

    Raises:
        UnknownMethodError: no such method, or none at all.
        UsageError: a network without weights.
    """
    if methods is None:
        return list(CLASSICAL)
    if isinstance(methods, str):
        methods = [part.strip() for part in methods.split(",") if part.strip()]
    if not isinstance(methods, Iterable) or isinstance(methods, (bytes, Mapping)):
        raise UnknownMethodError(
            f"methods {methods!r}",
            wanted="a list of names, or a text such as 'pos,chrom'",
            do="see `rppg methods`",
        )
    names = [name for part in methods for name in (_all(own) if _lower(part) == "all" else [_known(part)])]
    if not names:
        raise UnknownMethodError(
            "no method was named", wanted=f"one of {', '.join(METHODS)}", do="see `rppg methods`"
        )
    for part in (part for name in names for part in name.split(BEHIND)):
        if part not in CLASSICAL and part not in own:
            check_ready(part)
    return list(dict.fromkeys(names))


def _all(own: Collection[str]) -> list[str]:
    ready = list_ready_methods()
    return [name for name in METHODS if name in ready or name in own]


def _resolved(name: str) -> Any:
    return _attribute((METHODS | TEACHERS)[name])


def _attribute(where: str) -> Any:
    module, attribute = where.split(":")
    return getattr(import_module(module), attribute)


def _lower(name: Any) -> str:
    return name.strip().lower() if isinstance(name, str) else ""


def _known(name: Any) -> str:
    """The name as written in the roster; case does not matter."""
    lower = _lower(name)
    if BEHIND in lower:
        base, _, cleaner = lower.partition(BEHIND)
        cleaners = [one for one in list_networks() if get_network(one).cleaner]
        if cleaner not in cleaners:
            raise UnknownMethodError(
                f"unknown method {name!r}: {cleaner!r} cleans no waveforms"[:120],
                wanted=f"METHOD+{' or +'.join(cleaners)}",
                do=f"such as pos+{cleaners[0]}",
            )
        if _known(base) == cleaner:
            raise UnknownMethodError(
                f"method {name!r}", wanted=f"another method before +{cleaner}", do=f"such as pos+{cleaner}"
            )
        return f"{_known(base)}{BEHIND}{cleaner}"
    if lower not in METHODS:
        raise UnknownMethodError(
            f"unknown method {name!r}"[:80],
            wanted=f"one of {', '.join(METHODS)}",
            do=_suggestion(name, METHODS),
        )
    return lower


def _suggestion(name: Any, known: Iterable[str]) -> str:
    import difflib  # takes 5 ms and is needed only for an error

    near = difflib.get_close_matches(_lower(name), known, 1)
    return f"did you mean {near[0]!r}?" if near else "see `rppg methods`"


def describe_methods() -> list[MethodRow]:
    """One row per method: its needs, the origin of its weights, its paper."""
    known = {name: _resolved(name) for name in METHODS}
    known = {name: one if isinstance(one, Network) else one[name] for name, one in known.items()}
    return [MethodRow(name, tuple(sorted(m.needs)), m.weights, m.paper) for name, m in known.items()]
