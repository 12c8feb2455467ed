"""The tiny network is known by its name, and torch takes one thread."""

from __future__ import annotations

import pytest
import torch
from lab.training.tiny_net import NETWORK, TINY

from rppg_core import roster
from rppg_core.lab.training.recipes import RECIPES


@pytest.fixture(autouse=True)
def tiny_is_known(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setitem(roster.MODELS, "tiny", NETWORK)
    monkeypatch.setitem(RECIPES, "tiny", TINY)
