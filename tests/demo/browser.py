"""What the browser tests share: the served app, a Chromium, pages that are watched, a clip to upload.

`served` is the app as `rppg demo` serves it, in a process of its own with a folder of its own for uploads.
`browser` is a real Chromium with a fake camera. Without one these tests are reported as NOT RUN; where
RPPG_REQUIRE_BROWSER is set they are errors. RPPG_SCREENSHOTS names a folder that `snapshot` writes to.
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import pytest

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]
ROOT = Path(__file__).parents[2]
EXECUTABLE = Path(os.environ.get("CHROMIUM") or "/usr/bin/chromium")
PATIENCE_S = 90  # a first analysis beside other work may take 30; a promise of speed names its own time


@dataclass(frozen=True)
class Served:
    """An app that runs."""

    url: str
    uploads: Path
    process: subprocess.Popen

    def files(self) -> list[str]:
        """Every file and folder below the upload folder."""
        return sorted(str(path.relative_to(self.uploads)) for path in self.uploads.rglob("*"))

    def memory_mb(self) -> float:
        """Resident memory of the server."""
        (line,) = [
            line
            for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
            if line.startswith("VmRSS")
        ]
        return int(line.split()[1]) / 1024


@contextmanager
def serve(folder: Path, *arguments: str, **environment: str) -> Iterator[Served]:
    """`rppg demo ARGUMENTS` in a process of its own, until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    uploads = folder / "uploads"
    settings = {**os.environ, "GRADIO_TEMP_DIR": str(uploads), "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "rppg_core.command.cli", "demo", *arguments],
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env={**settings, **environment},
        )
        try:
            yield Served(address(process, folder / "log"), uploads, process)
        finally:
            process.terminate()
            process.wait(10)


def address(process: subprocess.Popen, log: Path, patience_s: float = PATIENCE_S) -> str:
    """Where an app that was just started answers, out of what it says."""
    until = monotonic() + patience_s
    while monotonic() < until and process.poll() is None:
        for word in log.read_text().split():
            if word.startswith("http://"):
                urllib.request.urlopen(word, timeout=10).close()
                return word
        sleep(0.1)
    raise RuntimeError(f"the app did not start: {log.read_text()}")


def require_browser() -> str:
    """Path of the browser, or NOT RUN."""
    if not EXECUTABLE.exists():
        reason = f"there is no browser at {EXECUTABLE}; CHROMIUM can name one"
        if os.environ.get("RPPG_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(f"NOT RUN: {reason}")
    return str(EXECUTABLE)


@pytest.fixture(scope="session")
def served(tmp_path_factory) -> Iterator[Served]:
    """One app for all tests that leave it as they found it."""
    require_browser()
    with serve(tmp_path_factory.mktemp("served")) as app:
        yield app


@pytest.fixture(scope="module")
def playwright():
    """For tests that launch a browser with flags of their own: `launched(playwright, "--flag")`."""
    require_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright):
    """A Chromium whose camera shows a test pattern and never asks."""
    browser = launched(playwright)
    yield browser
    browser.close()


def launched(playwright, *flags: str):
    """A Chromium with more flags, such as --use-file-for-fake-video-capture=PATH."""
    return playwright.chromium.launch(executable_path=require_browser(), args=[*FLAGS, *flags])


def watched(
    browser,
    home: str,
    *,
    width: int = 1280,
    height: int = 900,
    scheme: str = "light",
    script: str = "",
    **profile,
):
    """A page in a profile of its own, still empty; `home` is where its requests may go.

    `requested` holds every address, `failed` every script error; `script` runs before the page's own.
    """
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=scheme, accept_downloads=True, **profile
    )
    page.set_default_timeout(1000 * PATIENCE_S)
    page.requested, page.failed, page.home = [], [], home
    page.on("request", lambda request: page.requested.append(request.url))
    page.on("pageerror", lambda error: page.failed.append(str(error)))
    page.add_init_script(script)
    return page


def visit(browser, url: str, **how):
    """The app on a page that is `watched`, loaded."""
    page = watched(browser, url, **how)
    page.goto(url)
    page.wait_for_selector("#verdict")
    return page


def with_example(browser, url: str, **how):
    """A page with the example's result on it."""
    page = visit(browser, url, **how)
    page.wait_for_selector("#verdict h2")
    page.wait_for_selector(".js-plotly-plot .main-svg")
    page.wait_for_timeout(1000)  # late requests, late layout
    return page


def no_foreign_requests(page) -> None:
    """Nothing was asked of another host since the page was opened."""
    assert [r for r in page.requested if not r.startswith((page.home, "data:", "blob:"))] == []


def upload(page, path: Path) -> None:
    """Choose a file, and wait until the server has it."""
    with page.expect_response(lambda r: "/upload" in r.url and r.request.method == "POST"):
        page.set_input_files("#video input[type=file]", str(path))
    page.wait_for_selector("#video input[type=file]", state="detached")


def analyse(page, path: Path) -> None:
    """Upload a file and start; what comes of it is for the caller to wait for."""
    upload(page, path)
    page.locator("#analyse").click()


def snapshot(page, name: str) -> None:
    """A picture of the whole page, where RPPG_SCREENSHOTS wants one."""
    if folder := os.environ.get("RPPG_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    """Eight seconds at 90 bpm in a file that browsers play."""
    return make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", seconds=8)


@pytest.fixture(scope="session")
def long_clip(tmp_path_factory) -> Path:
    """72 s, so that there is time to stop it, to leave or to wait for it."""
    return make_clip(tmp_path_factory.mktemp("clips") / "long.mp4", seconds=8, rounds=9)


def make_clip(path: Path, *, seconds: float = 8, faces: int = 1, rounds: int = 1, **how) -> Path:
    """A simulated face at rest, by default at 90 bpm.

    Two faces are two portraits side by side; rounds make a long clip by showing the same seconds again and again.
    """
    import numpy as np

    from rppg_core.lab.simulate.faces import SimulationSettings, simulate_video
    from rppg_core.video.writer import write_video

    settings = {"hr_bpm": 90, "size": 192, "amplitude_percent": 0.8, "motion": "none", **how}
    video = simulate_video(SimulationSettings(seconds=seconds, **settings))
    pictures = [np.hstack([video.frames.rgb(k)] * faces) for k in range(len(video.frames))]
    write_video(path, pictures * rounds, fps=video.fps, codec="h264", crf=8)
    return path
