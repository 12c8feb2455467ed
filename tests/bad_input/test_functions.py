"""Every public function with arguments that make no sense: a UsageError that says which, never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.bad_input.calls import calls


@pytest.fixture(scope="module")
def said() -> dict[str, list[str]]:
    """What each call raised, in a process without the type checks of the tests."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bad_input.calls"],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", calls())
def test_argument_that_makes_no_sense_is_refused_in_words(said, name):
    kind, words = said[name]
    assert kind == "UsageError", words
    assert "; wanted: " in words and " — " in words and len(words) < 400


@pytest.mark.parametrize("bad", ["bpm", "turned round", "narrow", "one number"])
def test_band_says_that_it_is_in_hz_with_an_example(said, bad):
    assert "band_hz is in Hz: (0.67, 3.0) for 40-180 bpm" in said[f"analyze: band_hz is {bad}"][1]


def test_mistyped_method_gets_the_nearest(said):
    assert "did you mean 'pos'?" in said["get_method: typo"][1]
