from __future__ import annotations

import pytest

from rppg_core.lab.protocols.photo import scores as photo_scores


@pytest.fixture
def few_resamples(monkeypatch):
    """Intervals a little rougher than those that are reported, ten times as fast."""
    monkeypatch.setattr(photo_scores, "N_RESAMPLES", 100)
