"""Errors say got, wanted and do, and keep saying it when they come from a worker process."""

from __future__ import annotations

import pickle

import pytest

from rppg_core import errors
from rppg_core.errors import NoFaceError, RppgError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RppgError)]


@pytest.mark.parametrize("kind", KINDS)
def test_error_survives_the_way_between_processes(kind):
    error = kind("got this", wanted="that", do="do so", lesson="no_face")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kind and str(back) == str(error)
    assert (back.got, back.wanted, back.do, back.lesson) == ("got this", "that", "do so", "no_face")


def test_message_says_got_wanted_and_do():
    assert str(NoFaceError("no face", wanted="one", do="turn")) == "no face; wanted: one — turn"
