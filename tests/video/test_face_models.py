"""Small files of known content stand in for the models; the network and pip's index are out of reach."""

from __future__ import annotations

import hashlib
import os
import subprocess
import urllib.request
import zipfile
from pathlib import Path

import pytest

from rppg_core.errors import ModelFileError
from rppg_core.video import face_models
from rppg_core.video.face_models import DETECTOR, MESH, ModelFile, cache_folder, resolve_models

CONTENTS = {"detector": b"finds faces", "mesh": b"finds points"}


def stand_in(model: ModelFile, content: bytes) -> ModelFile:
    return ModelFile(model.name, model.in_wheel, hashlib.sha256(content).hexdigest())


@pytest.fixture(autouse=True)
def models(monkeypatch, tmp_path) -> dict[str, bytes]:
    """File name -> accepted content; an empty cache, no folder, no network."""
    detector, mesh = stand_in(DETECTOR, CONTENTS["detector"]), stand_in(MESH, CONTENTS["mesh"])
    monkeypatch.setattr(face_models, "DETECTOR", detector)
    monkeypatch.setattr(face_models, "MESH", mesh)
    monkeypatch.setattr(face_models, "MODELS", (detector, mesh))
    monkeypatch.setattr(face_models, "ASSETS_URL", (tmp_path / "nowhere").as_uri() + "/")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.delenv("RPPG_MODEL_DIR", raising=False)
    (tmp_path / "wheels").mkdir()
    return {detector.name: CONTENTS["detector"], mesh.name: CONTENTS["mesh"]}


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(subprocess, "run", refuse)


def fill(folder: Path, contents: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def publish(monkeypatch, folder: Path, contents: dict[str, bytes]) -> None:
    """Let the published address be a local folder."""
    monkeypatch.setattr(face_models, "ASSETS_URL", fill(folder, contents).as_uri() + "/")


def make_wheel(folder: Path, detector: bytes, mesh: bytes) -> None:
    """A wheel with the name, tags and places of the real one."""
    info = "mediapipe-0.10.21.dist-info"
    with zipfile.ZipFile(folder / "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: mediapipe\nVersion: 0.10.21\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\n")
        wheel.writestr(f"{info}/RECORD", "")
        wheel.writestr(DETECTOR.in_wheel, detector)
        wheel.writestr(MESH.in_wheel, mesh)


@pytest.mark.usefixtures("no_network")
def test_cached_models_need_no_network(models):
    fill(cache_folder(), models)
    paths = resolve_models()
    assert [path.read_bytes() for path in paths] == list(CONTENTS.values())


@pytest.mark.usefixtures("no_network")
def test_the_folder_of_the_environment_comes_before_the_cache(models, tmp_path, monkeypatch):
    fill(cache_folder(), models)
    folder = fill(tmp_path / "mine", models)
    monkeypatch.setenv("RPPG_MODEL_DIR", str(folder))
    assert {path.parent for path in resolve_models()} == {folder}


@pytest.mark.usefixtures("no_network")
def test_a_given_folder_comes_before_the_environment(models, tmp_path, monkeypatch):
    monkeypatch.setenv("RPPG_MODEL_DIR", str(fill(tmp_path / "theirs", models)))
    folder = fill(tmp_path / "mine", models)
    assert {path.parent for path in resolve_models(folder=folder)} == {folder}


@pytest.mark.usefixtures("no_network")
def test_a_folder_without_the_files_leaves_it_to_the_cache(models, tmp_path, monkeypatch):
    fill(cache_folder(), models)
    monkeypatch.setenv("RPPG_MODEL_DIR", str(tmp_path))
    assert {path.parent for path in resolve_models()} == {cache_folder()}


def test_a_wrong_file_in_the_users_folder_is_an_error_that_names_both_hashes(models, tmp_path, monkeypatch):
    folder = fill(tmp_path / "mine", models | {MESH.name: b"something else"})
    monkeypatch.setenv("RPPG_MODEL_DIR", str(folder))
    with pytest.raises(ModelFileError) as caught:
        resolve_models()
    assert str(folder / MESH.name) in caught.value.got
    assert hashlib.sha256(b"something else").hexdigest() in caught.value.got
    assert face_models.MESH.sha256 in caught.value.wanted
    assert "RPPG_MODEL_DIR" in caught.value.do


@pytest.mark.usefixtures("no_network")
def test_without_fetch_missing_models_are_an_error_that_says_how_to_fetch():
    with pytest.raises(ModelFileError, match=r"missing .* rppg doctor --fetch"):
        resolve_models(fetch=False)


@pytest.mark.usefixtures("no_network")
def test_without_fetch_a_damaged_cache_is_reported_as_damaged(models):
    fill(cache_folder(), models | {MESH.name: CONTENTS["mesh"][:4]})
    with pytest.raises(ModelFileError, match=f"{MESH.name} is damaged") as caught:
        resolve_models(fetch=False)
    assert DETECTOR.name not in str(caught.value)


def test_published_files_are_fetched_into_the_cache_and_nothing_else(models, tmp_path, monkeypatch):
    publish(monkeypatch, tmp_path / "published", models)
    paths = resolve_models()
    assert [path.read_bytes() for path in paths] == list(CONTENTS.values())
    assert sorted(path.name for path in cache_folder().iterdir()) == sorted(models)


def test_a_damaged_cache_is_fetched_again(models, tmp_path, monkeypatch):
    fill(cache_folder(), models | {MESH.name: b""})
    publish(monkeypatch, tmp_path / "published", {MESH.name: CONTENTS["mesh"]})
    assert resolve_models().mesh.read_bytes() == CONTENTS["mesh"]


def test_the_wheel_is_opened_where_the_published_file_is_out_of_reach(tmp_path):
    make_wheel(tmp_path / "wheels", **CONTENTS)
    paths = resolve_models()
    assert [path.read_bytes() for path in paths] == list(CONTENTS.values())


def test_the_wheel_is_opened_where_the_published_file_is_another_one(models, tmp_path, monkeypatch):
    publish(monkeypatch, tmp_path / "published", dict.fromkeys(models, b"<html>moved</html>"))
    make_wheel(tmp_path / "wheels", **CONTENTS)
    assert resolve_models().detector.read_bytes() == CONTENTS["detector"]


def test_a_wheel_with_other_models_is_refused_and_nothing_is_cached(tmp_path):
    make_wheel(tmp_path / "wheels", detector=b"other", mesh=b"models")
    with pytest.raises(ModelFileError, match=r"wheel: .*sha256"):
        resolve_models()
    assert not list(cache_folder().glob("*"))


def test_when_every_source_fails_the_error_names_what_each_said():
    with pytest.raises(ModelFileError) as caught:
        resolve_models()
    assert "assets: " in caught.value.got
    assert "mediapipe==0.10.21" in caught.value.got
    assert str(cache_folder()) in caught.value.do
    assert "\n" not in str(caught.value)


def test_a_cache_that_cannot_be_written_is_an_error_in_words(models, tmp_path, monkeypatch):
    publish(monkeypatch, tmp_path / "published", models)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ModelFileError, match="cannot be written"):
        resolve_models()


def test_a_write_that_breaks_off_leaves_the_cache_as_it_was(models, tmp_path, monkeypatch):
    publish(monkeypatch, tmp_path / "published", models)

    def full_disk(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(ModelFileError, match="No space left"):
        resolve_models()
    assert not list(cache_folder().iterdir())
