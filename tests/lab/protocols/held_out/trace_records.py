"""Records whose clips come from the fast simulator, and domains made of them: extraction and training in seconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rppg_core.lab.datasets.base import Record
from rppg_core.lab.datasets.extracted import ExtractedClip, read_manifest, write_manifest
from rppg_core.lab.datasets.extraction import Job, extract_record
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.types import FaceClip, Truth


@dataclass(frozen=True)
class TraceClip:
    """What a record gives for its face: an easy clip with a known pulse."""

    hr_bpm: float
    seconds: float
    seed: int
    noise: float

    @property
    def settings(self) -> SimulationSettings:
        return SimulationSettings(
            hr_bpm=self.hr_bpm,
            seconds=self.seconds,
            seed=self.seed,
            motion="none",
            noise=self.noise,
            amplitude_percent=1.0,
        )

    def __call__(self, needs: frozenset[str]) -> tuple[FaceClip, Truth]:
        return simulate_traces(self.settings)


@dataclass(frozen=True)
class TraceDomain:
    """A stand-in for a simulated domain: people of two clips each."""

    name: str
    seed: int
    noise: float = 0.5

    def records(self, n: int, *, seconds: float = 20.0, seed: int = 0) -> Iterator[Record]:
        rng = np.random.default_rng(self.seed)
        for k in range(n):
            clip = TraceClip(float(rng.uniform(60, 100)), seconds, 100 * self.seed + k, self.noise)
            yield Record(
                dataset=self.name,
                subject=f"s{k // 2 + 1}",
                clip=f"s{k // 2 + 1}/{k % 2}",
                face_clip=clip,
                condition={"scene": "rest" if k % 2 else "game"},
            )


def extract_here(records: Iterable[Record], out: Path, *, needs: frozenset[str], **_: object) -> None:
    """What `scale.extract_dataset` does, in this process: starting others takes longer than such clips."""
    out.mkdir(parents=True, exist_ok=True)
    done = [extract_record(Job(record, out, needs)) for record in records]
    clips, failures = [o.clip for o in done if o.clip], [o.failure for o in done if o.failure]
    write_manifest(out, needs, clips, failures)


def clips_of_three(folder: Path, n: int, *, seconds: float) -> list[ExtractedClip]:
    """Domains a, b and c with n clips each, extracted."""
    records = [
        r
        for seed, name in enumerate("abc", start=1)
        for r in TraceDomain(name, seed).records(n, seconds=seconds)
    ]
    extract_here(records, folder, needs=frozenset({"rgb", "stmap"}))
    return read_manifest(folder)
