"""Networks and their files: create one from a config, save its weights with a card, load them again.

A file is safetensors in half precision: it holds numbers and text, and reading it runs no code. Its metadata
contain the method, the config and the card, so the file describes itself.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

from rppg_core.errors import ModelFileError, UsageError, WriteError
from rppg_core.models.base import ModelCard, RppgModel
from rppg_core.roster import check_ready, get_network, list_networks, list_teachers

CHECKPOINTS = Path(__file__).parent / "checkpoints"
RETRAIN = "give another file, or train one with `rppg train`"


def model_class(name: str) -> type[RppgModel]:
    """The class of a neural method.

    Raises:
        UnknownMethodError: no such network; the message lists the names.
    """
    return _attribute(get_network(name).model)


def config_class(model: type[RppgModel]) -> type:
    """The config dataclass of a network, from the annotation of its constructor."""
    return get_type_hints(model.__init__)["config"]


def create_model(name: str, config: Any = None) -> RppgModel:
    """A network with random weights.

    Args:
        name: name of a network.
        config: config of that method; None means its small().

    Returns:
        The network, on the CPU. torch.manual_seed determines its weights.

    Raises:
        UnknownMethodError: no such network.
        UsageError: the config belongs to another method.
    """
    model = model_class(name)
    wanted = config_class(model)
    if config is not None and not isinstance(config, wanted):
        raise UsageError(
            f"a config of type {type(config).__name__}",
            wanted=f"a {wanted.__name__}, the config of {name}",
            do=f"give {wanted.__name__}.small(), or leave it out",
        )
    return model(wanted.small() if config is None else config)  # pyright: ignore[reportAttributeAccessIssue]


def save_model(path: str | Path, model: RppgModel, card: ModelCard) -> Path:
    """Write a network's weights in half precision, with its config and card.

    Args:
        path: file to write; an existing one is replaced atomically.
        model: on any device, in any precision; it is not changed.
        card: origin of the weights.

    Returns:
        The path.

    Raises:
        WriteError: the file cannot be written.
        ValueError: a weight is not finite in half precision.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_model as write

    half = copy.deepcopy(model).cpu().half()
    for name, tensor in half.state_dict().items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise ValueError(f"{name} holds values that half precision cannot represent")
    about = {"method": model.name, "config": asdict(model.config), "card": card.to_dict()}
    path = Path(path)
    part = path.with_name(f".{path.name}.part")
    try:
        # a single key: several would be written in varying order, so equal weights would give different files
        write(half, str(part), metadata={"rppg_lab": json.dumps(about, sort_keys=True)})
        part.chmod(0o644)  # safetensors makes files that only their owner can read
        os.replace(part, path)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        raise WriteError(
            f"cannot write {str(path)!r} ({error})",
            wanted="a file in a writable folder",
            do="make the folder or choose another",
        ) from error
    return path


def load_model(name: str, path: str | Path | None = None) -> RppgModel:
    """A trained network, in single precision and evaluation mode, on the CPU.

    Args:
        name: name of a network.
        path: file of its weights; None means the checkpoint that comes with the package. The reader of a network
            that comes without one may take options after the file.

    Returns:
        The network with the config stored in the file.

    Raises:
        UnknownMethodError: no such network.
        UsageError: no path, and the network comes without weights.
        ModelFileError: no file, not a weights file of this project, of another method, or weights and config differ.
    """
    from safetensors.torch import load_model as read

    network = get_network(name)
    if path is None:
        check_ready(name)
    elif network.reader:
        return _attribute(network.reader)(path)
    path = checkpoint_path(name) if path is None else Path(path)
    config = load_config(name, path)
    try:
        model = model_class(name)(config)  # pyright: ignore[reportCallIssue]
        read(model, path)
    except (RuntimeError, TypeError, ValueError, UsageError) as error:
        raise _misfit(name, path, error) from error
    wild = [key for key, values in model.state_dict().items() if not values.isfinite().all()]
    if wild:
        raise ModelFileError(
            f"{str(path)!r} holds numbers in {wild[0]} that are not finite",
            wanted="an undamaged file",
            do=RETRAIN,
        )
    return model.eval()


def find_weights(network: str | Path) -> tuple[str, Path]:
    """Method and weights file of a trained network.

    Args:
        network: a name, for the weights that come with the package, or a file.

    Raises:
        ModelFileError: it is neither.
    """
    known = [*list_networks(), *list_teachers()]
    shipped = [name for name in known if get_network(name).ready]
    if network in shipped:
        return str(network), checkpoint_path(str(network))
    if network in known:
        raise ModelFileError(
            f"{network} comes without weights",
            wanted="a file of its weights",
            do=f"train it with `rppg train {network}`, and name the file",
        )
    if not Path(network).is_file():
        raise ModelFileError(
            f"{str(network)!r} is neither a network nor a file",
            wanted=f"{', '.join(shipped)} or a .safetensors file",
            do=RETRAIN,
        )
    return _read_metadata(Path(network))["method"], Path(network)


def load_config(name: str, path: str | Path | None = None) -> Any:
    """The config of a weights file, without reading the weights.

    Raises:
        ModelFileError: no file, not a weights file of this project, of another method, or of another version.
    """
    path = checkpoint_path(name) if path is None else Path(path)
    about = _read_metadata(path)
    if about["method"] != name:
        raise ModelFileError(
            f"{str(path)!r} holds weights of {about['method']}", wanted=f"weights of {name}", do=RETRAIN
        )
    try:
        return config_from_dict(config_class(model_class(name)), about["config"])
    except (TypeError, ValueError, UsageError) as error:
        raise _misfit(name, path, error) from error


def load_card(name: str, path: str | Path | None = None) -> ModelCard:
    """The card of a weights file, without reading the weights.

    Raises:
        ModelFileError: no file, or not a weights file of this project.
    """
    stored = _read_metadata(checkpoint_path(name) if path is None else Path(path))["card"]
    return config_from_dict(ModelCard, stored)


def checkpoint_path(name: str) -> Path:
    """Path of a method's weights in the package."""
    return CHECKPOINTS / f"{name}.safetensors"


def card_text(card: ModelCard) -> str:
    """A card as markdown."""
    lines = [
        f"# {card.method}",
        f"{card.paper}. Weights: {card.weights}.",
        "",
        f"- **Inputs**: {', '.join(card.inputs)}",
        f"- **Data**: {card.data or 'not stated'} (simulator version {card.simulator_version})",
        f"- **Training**: {card.steps} steps, seed {card.seed}, recipe {card.recipe_hash or 'not stated'}",
        f"- **Limits**: {card.limits or 'not stated'}",
    ]
    if card.metrics:
        lines += ["", "| metric | value |", "|---|---|"]
        lines += [f"| {name} | {value:.4g} |" for name, value in card.metrics.items()]
    if card.recipe:
        lines += ["", "| recipe | value |", "|---|---|"]
        lines += [f"| {name} | {json.dumps(value)} |" for name, value in card.recipe.items()]
    return "\n".join([*lines, "", "For research and teaching; not a medical device."]) + "\n"


def config_from_dict(kind: type, stored: Mapping[str, Any]) -> Any:
    """A config or card restored from JSON: lists become tuples and nested dicts dataclasses again.

    Raises:
        TypeError: a field that this version does not have.
    """
    hints = get_type_hints(kind)
    known = {f.name for f in fields(kind)}
    for name in stored:
        if name not in known:
            raise TypeError(f"{kind.__name__} has no {name!r}")
    return kind(**{name: _restored(hints[name], value) for name, value in stored.items()})


def _misfit(name: str, path: Path, error: Exception) -> ModelFileError:
    """The error for a file whose config or weights this version of a method does not have."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return ModelFileError(
        f"{str(path)!r} does not fit {name}: {lines[min(1, len(lines) - 1)]}",
        wanted="weights made by this version of the method",
        do=RETRAIN,
    )


def _attribute(where: str) -> Any:
    module, attribute = where.split(":")
    return getattr(import_module(module), attribute)


def _restored(hint: Any, value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_restored(None, item) for item in value)
    if isinstance(value, dict) and hasattr(hint, "__dataclass_fields__"):
        return config_from_dict(hint, value)
    return value


def _read_metadata(path: Path) -> dict[str, Any]:
    """Method, config and card of a file."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise ModelFileError(f"no weights at {str(path)!r}", wanted="a .safetensors file", do=RETRAIN)
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})["rppg_lab"])
        return {name: about[name] for name in ("method", "config", "card")}
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ModelFileError(
            f"{str(path)!r} is not a weights file of this project, or is damaged",
            wanted="one that `rppg train` wrote",
            do=RETRAIN,
        ) from error
