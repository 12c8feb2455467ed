"""`make bench-peers`: vitallens and open-rppg, each in an environment of its own, on the file that `make bench` uses.

Needs the package index, and ffmpeg with ffprobe on the path for vitallens. What the peers forget to declare is
installed beside them.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from bench import run
from clips import bench_clip

VITALLENS = """
import os, sys, tempfile, vitallens
os.chdir(tempfile.mkdtemp())  # it writes its results where it runs
result = vitallens.VitalLens(method="pos")(sys.argv[1])
vitals = result[0]["vitals"] if "vitals" in result[0] else result[0]["vital_signs"]
print(vitals["heart_rate"]["value"])
"""
OPEN_RPPG = """
import sys, rppg
print(rppg.Model().process_video(sys.argv[1])["hr"])
"""
OURS = """
import sys, rppg_core
print(rppg_core.analyze(sys.argv[1], methods=["pos"]).consensus.vitals.hr.value)
"""
PEERS = {
    "vitallens POS": (["vitallens", "scipy", "psutil"], VITALLENS),
    "open-rppg FacePhys": (["open-rppg", "setuptools<82"], OPEN_RPPG),
}
TRUTH_BPM = 72.0


def environment(name: str, packages: list[str]) -> Path:
    """Python of a fresh virtual environment with the packages, made once under out/."""
    folder = Path("out/peers") / name.split(maxsplit=1)[0]
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
        (folder / "installed").touch()
    return python.absolute()


def measure(label: str, python: Path, code: str, path: Path) -> None:
    """One cold run for the numbers, one for the answer."""
    answer = subprocess.run([str(python), "-c", code, str(path)], capture_output=True, text=True, check=False)
    if answer.returncode:
        print(f"{label:22s} failed: {answer.stderr.strip().splitlines()[-1]}")
        return
    started = time.perf_counter()
    cpu, wall, mb = run([str(python), "-c", code, str(path)])
    assert time.perf_counter() - started >= wall
    bpm = answer.stdout.strip().splitlines()[-1]
    print(
        f"{label:22s} {wall:6.1f} s wall  {cpu:6.1f} CPU-s  {mb:5.0f} MB  {bpm} bpm (truth {TRUTH_BPM:.0f})"
    )


def main() -> None:
    """Ours first, then the peers that install."""
    path = bench_clip(10, 1280, 720).absolute()
    measure("rppg-lab POS", Path(sys.executable), OURS, path)
    for label, (packages, code) in PEERS.items():
        try:
            measure(label, environment(label, packages), code, path)
        except subprocess.CalledProcessError as error:
            print(f"{label:22s} could not be installed: {error}")


if __name__ == "__main__":
    main()
