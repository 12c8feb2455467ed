"""`make bench`: CPU time and memory of a cold `rppg analyze` against a process that only decodes, in one run.

Prints medians of interleaved runs and ratios, then the split of where the time goes, then asserts the budgets:
2.4x the decoder's CPU time on 10 s, 2.0x on 60 s (seven classical methods), under 450 MB for 60 s of 1080p.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from clips import bench_clip

DECODE = "import av, sys\nfor _ in av.open(sys.argv[1]).decode(video=0): pass"
BUDGET = {10: 2.4, 60: 2.0}
PEAK_MB = 450
PEERS = """Peers, cold, on a 10 s clip of 528x592 and 2 cores (2026-11-21; `make bench-peers` repeats two):
  vitallens 0.6.2 POS         2.8-3.9 s wall   571 MB
  rPPG-Toolbox d807b01, 7     3.2-3.8 s wall   531 MB
  yarppg 1.0 green            6.7 s wall       279 MB
  open-rppg 0.1.1 FacePhys    52-78 s wall    1480 MB, warm 125 frames/s"""


def run(command: list[str]) -> tuple[float, float, float]:
    """CPU seconds, wall seconds and peak MB of one fresh process."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, f"{command} failed"
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - started, usage.ru_maxrss / 1024


def compare(path: Path, repeats: int) -> dict[str, float]:
    """Median figures of decoding and of analysing one file, runs interleaved."""
    rppg = [sys.executable, "-m", "rppg_core.command.cli", "analyze", str(path)]
    decode, analyse = [], []
    run(rppg)  # warm the file cache and byte code
    for _ in range(repeats):
        decode.append(run([sys.executable, "-c", DECODE, str(path)]))
        analyse.append(run(rppg))
    median = [statistics.median(column) for column in zip(*analyse, strict=True)]
    floor = statistics.median(row[0] for row in decode)
    return {"decode": floor, "cpu": median[0], "wall": median[1], "mb": median[2], "ratio": median[0] / floor}


def split(path: Path) -> dict[str, float]:
    """CPU seconds of each stage, in this process."""
    from rppg_core.analysis.pipeline import analyze
    from rppg_core.video.clip import extract
    from rppg_core.video.face import FaceTracker
    from rppg_core.video.reader import open_video

    class Timed:
        """A tracker that keeps its own clock."""

        def __init__(self):
            self.tracker, self.seconds = FaceTracker(), 0.0

        def observe(self, frame):
            started = time.process_time()
            seen = self.tracker.observe(frame)
            self.seconds += time.process_time() - started
            return seen

    started = time.process_time()
    for _ in open_video(path).frames():
        pass
    decode = time.process_time() - started
    tracker = Timed()
    started = time.process_time()
    clip = extract(open_video(path).frames(), tracker, frozenset({"rgb", "still"}))
    whole = time.process_time() - started
    started = time.process_time()
    analyze(clip)
    methods = time.process_time() - started
    return {
        "decode": decode,
        "tracker": tracker.seconds,
        "regions and face grid": whole - decode - tracker.seconds,
        "seven methods, controls, vitals": methods,
    }


def main() -> int:
    """Measure, print, judge."""
    held = []
    paths = {seconds: bench_clip(seconds, 1280, 720) for seconds in BUDGET}
    for seconds, limit in BUDGET.items():
        found = compare(paths[seconds], repeats=5 if seconds == 10 else 3)
        held.append(found["ratio"] <= limit)
        print(
            f"{seconds} s of 1280x720 H.264, medians, CPU: decode only {found['decode']:.2f} s, rppg analyze "
            f"{found['cpu']:.2f} s ({found['wall']:.2f} s wall, {found['mb']:.0f} MB): {found['ratio']:.2f}x, "
            f"wanted at most {limit:.1f}x: {_word(held[-1])}"
        )
    cpu, wall, mb = run(
        [sys.executable, "-m", "rppg_core.command.cli", "analyze", str(bench_clip(60, 1920, 1080))]
    )
    held.append(mb < PEAK_MB)
    print(
        f"60 s of 1920x1080: peak {mb:.0f} MB ({cpu:.1f} CPU-s, {wall:.1f} s wall), "
        f"wanted under {PEAK_MB} MB: {_word(held[-1])}"
    )
    for seconds, path in paths.items():  # last: a child's peak memory counts this process as it starts
        print(f"where {seconds} s go, CPU seconds")
        for stage, cpu in split(path).items():
            print(f"    {stage:34s}{cpu:6.2f}")
    print(PEERS)
    return 0 if all(held) else 1


def _word(holds: bool) -> str:
    return "holds" if holds else "FAILS"


if __name__ == "__main__":
    sys.exit(main())
