"""A trained network whose outputs are training targets for another network, the student.

The teacher receives the same samples as the student, prepared for its own inputs. It runs in evaluation mode
without gradients and is not stored in checkpoints: a continued run reads its file again.
Axis letters: B batch.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rppg_core.lab.training.sources import Prepare
from rppg_core.models.base import Batch, RppgModel
from rppg_core.models.weights import find_weights, load_config, load_model, model_class
from rppg_core.types import FaceClip

PREFIX = "teacher."  # marks the teacher's inputs among those of the student


class Teacher:
    """A trained network that predicts and is not trained further.

    Args:
        which: name of a shipped network, or a weights file.
        device: on which it runs.

    Raises:
        ModelFileError: `which` is neither a network nor a weights file.
    """

    def __init__(self, which: str | Path, device: torch.device):
        name, path = find_weights(which)
        self.network: RppgModel = load_model(name, path).requires_grad_(False).to(device)

    def teach(self, batch: Batch) -> Batch:
        """The batch with the teacher's outputs added and the teacher-only inputs removed."""
        own = {name: x for name, x in batch.inputs.items() if not name.startswith(PREFIX)}
        for_teacher = {
            name.removeprefix(PREFIX): x for name, x in batch.inputs.items() if name.startswith(PREFIX)
        }
        with torch.no_grad():
            answers = self.network(for_teacher or own)
        return replace(batch, inputs=own, teacher=answers)


def teacher_needs(which: str) -> frozenset[str]:
    """Fields of a clip that the teacher reads; empty without a teacher."""
    return model_class(find_weights(which)[0]).needs if which else frozenset()


def prepare_for_both(student: type[RppgModel], config: Any, which: str) -> Prepare:
    """The function that makes inputs from a clip: the student's and, if different, the teacher's under PREFIX.

    Args:
        student: class of the network to train.
        config: config of the student.
        which: the teacher; "" for none.
    """
    mine = partial(student.inputs_from_clip, config=config)
    if not which:
        return mine
    name, path = find_weights(which)
    other = load_config(name, path)
    if (model_class(name), other) == (student, config):
        return mine
    return partial(_prepare, mine, config, model_class(name), other)


def _prepare(
    mine: Prepare, student: Any, teacher: type[RppgModel], config: Any, clip: FaceClip
) -> dict[str, np.ndarray]:
    own = dict(mine(clip))
    theirs = teacher.inputs_from_student(own, student, config)
    theirs = teacher.inputs_from_clip(clip, config) if theirs is None else theirs
    return {**own, **{f"{PREFIX}{name}": x for name, x in theirs.items()}}
