"""The tiny networks are known by their names, and torch takes one thread."""

from __future__ import annotations

import pytest
import torch
from lab.training import staged_net, tiny_net

from rppg_core import roster


@pytest.fixture(autouse=True)
def tiny_is_known(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setitem(roster.METHODS, "tiny", tiny_net.PLACE)
    monkeypatch.setitem(roster.METHODS, "staged", staged_net.PLACE)
