"""The table of panels: a file by the network's name is all that a panel needs."""

import importlib
import sys

import pytest

from demo import app as page
from demo import events, inference, panels
from demo.panels.methods import method_panels
from demo.session import Origin
from tests.report_factory import make_report, make_truth

PANEL = """
FIGURE_LABEL = "A figure of one network"


def panel(report, waiting=()):
    return f"inside tracenet, waiting for {', '.join(waiting)}"


def figure(report):
    return None
"""


def names() -> list[str]:
    return [method.name for method in method_panels()]


@pytest.fixture
def another(tmp_path, monkeypatch):
    """A panel of tracenet, in a file beside the others."""
    assert "tracenet" not in names(), "choose a network without a panel for this test"
    (tmp_path / "tracenet.py").write_text(PANEL)
    monkeypatch.setattr(panels, "__path__", [*panels.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    method_panels.cache_clear()
    yield
    method_panels.cache_clear()
    sys.modules.pop("demo.panels.tracenet", None)


def parts_of_page() -> dict:
    """Properties of the page's components, by their names."""
    found = [component["props"] for component in page.build().config["components"]]
    return {props["elem_id"]: props for props in found if props.get("elem_id")}


def test_network_with_a_file_has_its_panel_and_one_without_has_none():
    assert "physmle" in names()
    assert "tracenet" not in parts_of_page()


def test_new_file_is_a_panel_of_the_page(another):
    assert names() == ["tracenet", "physmle", "physllm", "codephys", "physvlm"]
    parts = parts_of_page()
    assert {"tracenet", "tracenet-figure", "physmle", "physmle-figure"} <= set(parts)
    assert parts["tracenet-figure"]["label"] == "A figure of one network"


def test_new_panel_is_filled_and_emptied_with_the_others(another, monkeypatch):
    monkeypatch.setattr(inference, "offered", lambda: ["pos", "tracenet"])
    filled = events._panels(make_report(), Origin(make_truth()), ["tracenet"])
    first = -2 * len(names())
    said, plot = filled[first : first + 2]
    assert said == "inside tracenet, waiting for tracenet"
    assert not plot.visible
    emptied = events._no_panels("deleted")
    assert len(emptied) == len(filled)
    assert emptied[first] == ""
