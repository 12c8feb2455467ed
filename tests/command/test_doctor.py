from __future__ import annotations

import sys
from importlib import metadata

import pytest

from rppg_core.command import doctor
from rppg_core.errors import ModelFileError
from rppg_core.video import face_models


def line(name: str) -> doctor.Check:
    (found,) = [check for check in doctor.check() if check.name == name]
    return found


def pretend_installed(monkeypatch, *distributions: str) -> None:
    monkeypatch.setattr(doctor, "_has_distribution", lambda name: name in distributions)
    monkeypatch.setattr(metadata, "version", lambda name: "4.14.0.94")


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("RPPG_MODEL_DIR", raising=False)
    return tmp_path / "rppg-lab"


@pytest.mark.usefixtures("face_models")
def test_nothing_is_bad_where_everything_is_installed():
    assert [check for check in doctor.check() if check.status == "bad"] == []


@pytest.mark.usefixtures("empty_cache")
def test_every_line_that_is_not_ok_has_a_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    checks = doctor.check()
    assert {"plotly", "face models"} <= {check.name for check in checks if check.status == "bad"}
    assert all(check.remedy for check in checks if check.status != "ok")
    assert len({check.name for check in checks}) == len(checks)


@pytest.mark.usefixtures("empty_cache")
def test_checking_fetches_nothing(monkeypatch):
    monkeypatch.setattr(face_models, "_fetch", lambda *_: pytest.fail("fetched"))
    assert "rppg doctor --fetch" in line("face models").remedy
    assert line("face backend opencv").status == "bad"


def test_a_damaged_model_is_bad_and_says_so(empty_cache):
    empty_cache.mkdir()
    for model in face_models.MODELS:
        (empty_cache / model.name).write_bytes(b"half a file")
    found = line("face models")
    assert found.status == "bad"
    assert "damaged" in found.text


def test_a_cache_that_cannot_be_written_is_bad(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    found = line("cache")
    assert found.status == "bad"
    assert "XDG_CACHE_HOME" in found.remedy


def test_one_opencv_distribution_is_ok(monkeypatch):
    pretend_installed(monkeypatch, "opencv-python-headless")
    assert doctor._opencv().status == "ok"


def test_two_opencv_distributions_are_named_with_the_way_back_to_one(monkeypatch):
    pretend_installed(monkeypatch, "opencv-python-headless", "opencv-contrib-python")
    found = doctor._opencv()
    assert found.status == "warn"
    assert "opencv-contrib-python 4.14.0.94" in found.text
    assert "pip uninstall" in found.remedy


def test_a_missing_decoder_is_bad_and_named(monkeypatch):
    monkeypatch.setattr(doctor, "DECODERS", ("h264", "no_such_codec"))
    found = doctor._codecs()
    assert (found.status, found.text.endswith("cannot decode no_such_codec")) == ("bad", True)


def test_missing_optional_packages_say_what_to_install(monkeypatch):
    monkeypatch.setattr(doctor.util, "find_spec", lambda module: None)
    assert (line("app (gradio)").status, line("face backend mediapipe").status) == ("warn", "ok")
    assert "pip install" in line("face backend mediapipe").remedy


@pytest.mark.usefixtures("empty_cache")
def test_fetch_reports_when_no_source_can_be_reached(monkeypatch, tmp_path):
    monkeypatch.setattr(face_models, "ASSETS_URL", tmp_path.as_uri() + "/")
    monkeypatch.setattr(face_models, "WHEEL", "no-such-wheel")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(ModelFileError, match="could not be fetched"):
        doctor.fetch()
