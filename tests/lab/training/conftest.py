"""The tiny network is known by its name, and torch takes one thread."""

from __future__ import annotations

import pytest
import torch
from lab.training.tiny_net import PLACE

from rppg_core import roster


@pytest.fixture(autouse=True)
def tiny_is_known(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setitem(roster.METHODS, "tiny", PLACE)
