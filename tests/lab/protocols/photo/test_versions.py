"""The versions of the benchmark: frozen, apart from each other and from training, and chosen by name."""

import numpy as np
import pytest

from rppg_core.command import cli
from rppg_core.errors import UsageError
from rppg_core.lab.datasets.simulated import DOMAINS
from rppg_core.lab.protocols.calibration import draws as calibrate
from rppg_core.lab.protocols.photo.clips import (
    N_CLIPS,
    SEED_STEP,
    printed_traces,
    settings_from_number,
    settings_hash,
)
from rppg_core.lab.protocols.photo.versions import VERSIONS, get_version
from rppg_core.lab.protocols.stress import sweeps as stress
from rppg_core.lab.simulate.settings import random_settings

BUMP = "the benchmark moved: if that is meant, it becomes another version, and its figures are measured anew"
TOLERANCE = {"": 0.05, "h264": 2.5, "mpeg4": 2.5}  # grey levels; an encoder's version may change its output
every_version = pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)


@every_version
def test_settings_of_the_frozen_clips_have_not_moved(version):
    assert settings_hash(version) == version.settings_hash, BUMP


@every_version
def test_simulator_still_makes_of_two_frozen_clips_what_it_made(version):
    made = printed_traces(version)
    for index, trace, known in zip(version.printed, made, version.traces, strict=True):
        tolerance = TOLERANCE[settings_from_number(version, index).codec]
        assert trace == pytest.approx(known, abs=tolerance), BUMP


def test_seeds_are_apart_from_each_other_and_from_every_other_protocol():
    seeds = [
        [settings_from_number(version, index).seed for index in range(N_CLIPS)]
        for version in VERSIONS.values()
    ]
    for version, own in zip(VERSIONS.values(), seeds, strict=True):
        assert len(set(own)) == N_CLIPS
        assert min(own) == version.first_seed >= 200_000
        assert max(own) < version.first_seed + SEED_STEP <= stress.FIRST_SEED < calibrate.SEED
    assert not set(seeds[0]) & set(seeds[1])


def test_motion_and_face_are_those_of_no_training():
    benchmarks = {
        name: {settings_from_number(version, index) for index in range(N_CLIPS)}
        for name, version in VERSIONS.items()
    }
    motions = {name: {settings.motion for settings in clips} for name, clips in benchmarks.items()}
    assert motions == {"photo-v1": {"glances"}, "photo-v2": {"swings"}}
    assert {settings.face for clips in benchmarks.values() for settings in clips} == {"photo"}
    drawn = {random_settings(np.random.default_rng(k)).motion for k in range(300)}
    drawn |= {record.face_clip.settings.motion for domain in DOMAINS for record in domain.records(6)}
    assert drawn == {"none", "small", "medium", "large"}


def test_unknown_version_is_refused_by_name():
    with pytest.raises(UsageError, match=r"photo-v9.*photo-v1, photo-v2"):
        get_version("photo-v9")


def test_command_line_chooses_the_version(monkeypatch, capsys):
    class Result:
        def text(self):
            return "the table"

        def to_dict(self):
            return {"criteria": []}

    asked = []
    where = "rppg_core.lab.protocols.photo.protocol.run_photo"
    with monkeypatch.context() as patched:
        patched.setattr(where, lambda *, progress, **options: asked.append(options) or Result())
        assert cli.main(["evaluate", "--protocol", "photo", "--clips", "photo-v2"]) == 0
    assert [options["clips"] for options in asked] == ["photo-v2"]
    capsys.readouterr()
    assert cli.main(["evaluate", "--protocol", "photo", "--clips", "photo-v9"]) == 2
    err = capsys.readouterr().err
    assert "photo-v9" in err and "photo-v1, photo-v2" in err and "--clips" in err and err.count("\n") == 1
