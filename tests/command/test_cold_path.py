"""What a fresh process loads: a library more at this place is a second more for every user, every time."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import pytest

from rppg_core.video.writer import write_video

PROMISED = ("numpy", "av", "cv2", "jaxtyping")  # whole; of scipy only these, and what they import:
OF_SCIPY = "scipy.fft, scipy.linalg, scipy.ndimage"
LOADED = "import json, sys; print(json.dumps(sorted(sys.modules)))"


def modules_after(code: str, *argv: str) -> set[str]:
    """Names of the modules that a fresh process has loaded once it ran the code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{LOADED}", *argv],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return set(json.loads(done.stdout.splitlines()[-1]))


def foreign(modules: set[str]) -> set[str]:
    """Without our own modules, the standard library, and what this Python loads at its start."""
    ours = {*sys.stdlib_module_names, "rppg_core", "__main__"}
    return {name for name in modules if name.split(".")[0] not in ours} - modules_after("")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Skin that fills the picture, 6 s, with a pulse: the whole way without the face models."""
    path = tmp_path_factory.mktemp("cold") / "skin.mp4"
    times_s = np.arange(180) / 30
    pulse = 0.02 * np.sin(2 * np.pi * 1.2 * times_s)[:, None] * [0.4, 1.0, 0.5]
    noise = np.random.default_rng(0).normal(0, 2, (180, 48, 48, 3))
    frames = np.array([180.0, 130.0, 110.0]) * (1 - pulse[:, None, None]) + noise
    write_video(path, frames.astype(np.uint8), fps=30, codec="h264")
    return path


ANALYZE = "from rppg_core.command.cli import main; assert main(['analyze', *__import__('sys').argv[1:]]) == 0"


def assert_cold(loaded: set[str]) -> None:
    assert {"numpy", "av", "cv2", "rppg_core.analysis.pipeline"} <= loaded
    promised = modules_after(f"import {', '.join(PROMISED)}, {OF_SCIPY}")
    assert sorted(m for m in foreign(loaded) - promised if m.split(".")[0] not in PROMISED) == []


def test_analysis_loads_the_promised_libraries_and_no_other(clip, tmp_path):
    assert_cold(modules_after(ANALYZE, str(clip), "--region", "whole", "--json", str(tmp_path / "r.json")))


def test_following_a_face_loads_no_library_more(face_models, tmp_path):
    from rppg_core.lab.simulate.faces import SimulationSettings, simulate_video

    video = simulate_video(SimulationSettings(seconds=6, motion="none"))
    write_video(tmp_path / "face.mp4", (video.frames.rgb(k) for k in range(180)), fps=30, codec="h264")
    assert_cold(modules_after(ANALYZE, str(tmp_path / "face.mp4")))


def test_help_loads_no_library_at_all():
    started = time.perf_counter()
    loaded = modules_after("from rppg_core.command.cli import main; main(['--help'])")
    assert foreign(loaded) == set()
    assert time.perf_counter() - started < 5  # 0.1 s on an idle machine


def test_a_page_is_drawn_only_when_it_is_wanted(clip, tmp_path):
    loaded = modules_after(ANALYZE, str(clip), "--region", "whole", "--html", str(tmp_path / "r.html"))
    assert "plotly" in loaded
