"""Progress, cost and remaining time of a run."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any


@dataclass
class Clock:
    """Progress and cost of a run; stored in every checkpoint."""

    step: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    stage: int = 0  # of the last step

    def state_dict(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


class TimeLeft:
    """Remaining time, estimated from the pace of this part of the run."""

    def __init__(self, first_step: int, steps: int):
        self.first_step, self.steps, self.started_s = first_step, steps, time.monotonic()

    def words(self, step: int) -> str:
        """Remaining time in minutes, or in seconds below one and a half minutes."""
        pace_s = (time.monotonic() - self.started_s) / max(step - self.first_step, 1)
        left_s = pace_s * (self.steps - step)
        return f"{left_s:.0f} s" if left_s < 90 else f"{left_s / 60:.0f} min"
