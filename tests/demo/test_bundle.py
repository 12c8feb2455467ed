"""The folder of a Space: what is in it, and that it runs where nothing else is installed."""

import subprocess
import sysconfig
from pathlib import Path

import pytest
import yaml
from gradio_client import Client, handle_file

from demo import bundle
from rppg_core import analyze
from rppg_core.errors import UsageError
from rppg_core.lab.simulate.faces import SimulationSettings, simulate_video
from rppg_core.video.writer import write_video
from tests.demo.browser import address
from tests.fresh_environment import new_environment, pip, require_index, variables

ROOT = Path(__file__).parents[2]
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
# Imported by every start of the environment's Python: writes down at its end which files were loaded.
WATCH = """
import atexit, os, signal, sys

def tell():
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    with open(os.environ["LOADED"], "w") as list_of_files:
        list_of_files.write("\\n".join(filter(None, files)))

if "LOADED" in os.environ:
    atexit.register(tell)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
"""


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    folder = tmp_path_factory.mktemp("space") / "rppg-lab"
    bundle.build_bundle(folder)
    return folder


@pytest.fixture(scope="module")
def card():
    return yaml.safe_load((ROOT / "demo" / "README.md").read_text().split("---\n")[1])


@pytest.fixture(scope="module")
def python(space, card, tmp_path_factory):
    """Python of an environment that holds only what a Space installs for the bundle."""
    folder = tmp_path_factory.mktemp("environment")
    gradio = f"gradio=={card['sdk_version']}"
    require_index(folder / "reached", gradio)
    python = new_environment(folder / "venv")
    found = pip("--python", python, "install", "--no-compile", "-r", space / "requirements.txt", gradio)
    assert found.returncode == 0, found.stderr
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (packages / "watch_imports.py").write_text(WATCH)
    (packages / "watch_imports.pth").write_text("import watch_imports\n")
    return python


def test_bundle_holds_the_app_its_packages_and_data_and_no_more(space):
    assert {path.name for path in space.iterdir()} == {
        "app.py",
        "demo",
        "rppg_core",
        "notebooks",
        "README.md",
        "requirements.txt",
        "LICENSE",
    }
    lessons = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert {path.name for path in (space / "notebooks").iterdir()} == lessons
    for package in ("rppg_core", "demo"):
        kept = {str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*") if path.is_file()}
        kept = {name for name in kept if "__pycache__" not in name}
        copied = {str(path.relative_to(space)) for path in (space / package).rglob("*") if path.is_file()}
        assert kept - copied <= {"demo/README.md", "demo/bundle.py"}
        assert copied <= kept


def test_requirements_are_pinned_as_tested_and_leave_gradio_to_the_card(space, card):
    tested = (ROOT / "constraints.txt").read_text().split()
    required = (space / "requirements.txt").read_text().split()
    assert set(required) <= set(tested)
    assert not [line for line in required if line.startswith("gradio")]
    assert f"gradio=={card['sdk_version']}" in tested


def test_card_says_what_a_space_asks_for(space, card):
    assert (space / "README.md").read_text() == (ROOT / "demo" / "README.md").read_text()
    assert card["sdk"] == "gradio"
    assert card["python_version"] == "3.12"
    assert (space / card["app_file"]).is_file()
    assert len(card["short_description"]) <= 60  # the Hub refuses more
    assert {card["colorFrom"], card["colorTo"]} <= COLOURS
    assert card["license"] == "mit"
    assert card["suggested_hardware"] == "cpu-basic"


def test_gpu_is_prepared_before_anything_else_is_imported(space):
    imports = [line for line in (space / "app.py").read_text().splitlines() if " import " in line]
    assert imports[0].startswith("from demo import zerogpu")


def test_earlier_bundle_is_replaced_and_what_else_lies_there_stays(space):
    (space / "demo" / "old.py").write_text("")
    (space / ".gitattributes").write_text("kept")
    bundle.build_bundle(space)
    assert not (space / "demo" / "old.py").exists()
    assert (space / ".gitattributes").read_text() == "kept"
    (space / ".gitattributes").unlink()


@pytest.mark.parametrize("target", [ROOT, ROOT / "demo", ROOT / "LICENSE"])
def test_nothing_but_a_bundle_is_written_over(target):
    with pytest.raises(UsageError, match="nor an earlier bundle"):
        bundle.build_bundle(target)
    assert (ROOT / "demo" / "app.py").is_file()


def test_command_says_in_one_line_what_is_wrong(capsys):
    assert bundle.main([]) == 2
    assert bundle.main([str(ROOT)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.installs
@pytest.mark.timeout(400)
def test_bundle_estimates_with_nothing_else_installed(space, python, face_models, tmp_path):
    simulated = simulate_video(SimulationSettings(seconds=8, hr_bpm=80, size=192, motion="none"))
    frames = (simulated.frames.rgb(k) for k in range(len(simulated.frames)))
    write_video(tmp_path / "me.mkv", frames, times_s=simulated.truth.times_s)
    expected = analyze(tmp_path / "me.mkv", ["pos"]).consensus.vitals.hr.value

    loaded = tmp_path / "loaded"
    environment = variables(
        LOADED=str(loaded), GRADIO_TEMP_DIR=str(tmp_path / "uploads"), PYTHONDONTWRITEBYTECODE="1"
    )
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([python, "app.py"], cwd=space, stdout=log, stderr=log, env=environment)
        try:
            client = Client(address(process, tmp_path / "log"), verbose=False)
            report = client.predict(handle_file(tmp_path / "me.mkv"), ["pos"], api_name="/estimate")
            client.close()
        finally:
            process.terminate()
            process.wait(20)
    assert report["consensus"]["vitals"]["hr"]["value"] == pytest.approx(expected, abs=1e-4)
    assert report["consensus"]["vitals"]["hr"]["value"] == pytest.approx(80, abs=3)  # 8 s: 3 bpm

    own = (space, python.parents[1], Path(sysconfig.get_path("stdlib")).resolve())
    files = [Path(line) for line in loaded.read_text().splitlines()]
    foreign = [
        file
        for file in files
        if file.is_absolute()  # torch makes modules that lie nowhere and call themselves "_ops.py"
        and not any(file.is_relative_to(f) or file.resolve().is_relative_to(f) for f in own)
    ]
    assert foreign == []
    assert space / "rppg_core" / "analysis" / "pipeline.py" in files
