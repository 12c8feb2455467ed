"""Reads a PhysNet that rPPG-Toolbox trained: a file of torch.save with a state dict, matched key by key.

Reading runs no code from the file. A file that does not hold exactly the wanted keys and shapes is refused.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rppg_core.errors import ModelFileError, UsageError
from rppg_core.models.physnet.model import LABELS, PhysNet, PhysNetConfig

PREFIX = "module."  # of every key, where the network was trained inside torch's DataParallel
WANTED = "the state dict of a PhysNet as rPPG-Toolbox saves it"
UNREADABLE = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)  # what torch.load raises, depending on where a file stops making sense
SAVE = "save it with torch.save(model.state_dict(), FILE)"


def read_checkpoint(which: str | Path) -> PhysNet:
    """The network with the weights of a file, in evaluation mode, on the CPU.

    Args:
        which: the file; ",labels=raw" after it says that the weights were trained on the pulse, and ",labels=diff"
            on its derivative ("DiffNormalized" in rPPG-Toolbox), which is assumed otherwise.

    Raises:
        UsageError: an unknown option after the file.
        ModelFileError: no file, or not the state dict of a PhysNet.
    """
    path, labels = _file_and_labels(str(which))
    model = PhysNet(PhysNetConfig(labels=labels))
    found = _plain_keys(_state_dict(path))
    _check_fit(path, found, model.state_dict())
    model.load_state_dict(found)
    return model.eval()


def _file_and_labels(which: str) -> tuple[Path, Any]:
    """File and labels; a comma may be part of the file's name."""
    path, _, option = which.rpartition(",")
    if "=" not in option or not path or Path(which).is_file():
        return Path(which), "diff"
    key, _, labels = option.partition("=")
    if key != "labels" or labels not in LABELS:
        raise UsageError(
            f"option {option!r} after the weights of physnet",
            wanted="labels=diff (trained on the derivative of the pulse) or labels=raw (on the pulse)",
            do="leave it out for weights that rPPG-Toolbox trained on DiffNormalized labels",
        )
    return Path(path), labels


def _state_dict(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise ModelFileError(f"no weights at {str(path)!r}", wanted=WANTED, do="check the path")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        if "GLOBAL" in str(error):  # torch names what it refuses to import
            raise ModelFileError(
                f"{str(path)!r} holds Python objects, which only code could restore",
                wanted=WANTED,
                do=f"{SAVE}, if you trust the file",
            ) from error
        raise ModelFileError(
            f"{str(path)!r} is not a file of torch.save, or is damaged",
            wanted=WANTED,
            do="check the path, or copy the file again",
        ) from error
    if not isinstance(found, Mapping) or not all(isinstance(x, Tensor) for x in found.values()):
        keys = ", ".join(map(str, found)) if isinstance(found, Mapping) else type(found).__name__
        raise ModelFileError(
            f"{str(path)!r} holds more or other things than tensors by name ({keys})"[:200],
            wanted=WANTED,
            do=SAVE,
        )
    return {str(key): x for key, x in found.items()}


def _plain_keys(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors without the prefix, if every key has it."""
    if not all(key.startswith(PREFIX) for key in found):
        return found
    return {key.removeprefix(PREFIX): x for key, x in found.items()}


def _check_fit(path: Path, found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Check that keys and shapes are exactly those of the network, and all numbers finite."""
    missing = [key for key in wanted if key not in found]
    extra = [key for key in found if key not in wanted]
    shared = [key for key in wanted if key in found]
    faults = [f"{len(missing)} keys are missing ({missing[0]})"] if missing else []
    faults += [f"{len(extra)} keys are unknown ({extra[0]})"] if extra else []
    faults += [
        f"{key} has the shape {tuple(found[key].shape)}, not {tuple(wanted[key].shape)}"
        for key in shared
        if found[key].shape != wanted[key].shape
    ]
    faults += [
        f"{key} holds numbers that are not finite" for key in shared if not found[key].isfinite().all()
    ]
    if faults:
        raise ModelFileError(
            f"{str(path)!r} does not fit physnet: {', '.join(faults[:3])}",
            wanted=f"{WANTED}: {len(wanted)} keys",
            do="give weights of PhysNet, for 128 frames of 72x72 pixels",
        )
