"""The Live tab: its lock, and the script that it sends to the browser."""

import re

from demo.live_estimate import COLUMNS
from demo.panels import live


def test_packet_that_others_keep_waiting_gets_no_answer(monkeypatch):
    monkeypatch.setattr(live, "WAIT_S", 0.01)
    with live._turn:
        assert live.answer_packet({"rows": []}) is None
    answer = live.answer_packet({"rows": []})
    assert answer is not None
    assert "0 rows" in answer["words"]


def test_script_sends_the_columns_that_are_read():
    script = live.SCRIPT.read_text(encoding="utf-8")
    listed = script[script.index("const COLUMNS") : script.index("const WORDS")]
    assert tuple(re.findall(r'\["([^"]+)", \d', listed)) == COLUMNS


def test_script_names_no_other_host():
    assert not re.findall(r"https?://|wss?://|//[a-z]+\.", live.SCRIPT.read_text(encoding="utf-8"))
