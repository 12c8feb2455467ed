"""The Live tab: the camera is read in the browser, and the server receives only numbers.

`static/live.js` implements the tab; this file puts it on the page and answers its packets. It does so outside the
queue of the uploads, but one packet at a time, so that many open tabs cannot starve the uploads.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import gradio as gr

from ..live_estimate import estimate_live

SCRIPT = Path(__file__).parents[1] / "static" / "live.js"
INTRO = (
    "Your camera is read in your own browser, and only numbers are sent: the mean colours of forehead and cheeks. "
    "**The picture never leaves your device.** Face a window or a lamp, rest your head, and fill the oval."
)
CONNECT = """
customElements.whenDefined("rppg-live").then(() => {
  element.querySelector("rppg-live").estimate = (packet) => server.answer_packet(packet);
});
"""
WAIT_S = 1.0  # after this time the next packet has arrived
_turn = threading.Semaphore(1)


def live_tab() -> None:
    """Fill the open `gr.Tab`; the page also needs `live_head`."""
    gr.Markdown(INTRO)
    gr.HTML(
        "<rppg-live><p>This tab needs JavaScript.</p></rppg-live>",
        js_on_load=CONNECT,
        server_functions=[answer_packet],
        elem_id="live",
    )


def live_head() -> str:
    """The part of `launch(head=...)` that the tab needs."""
    return f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>"


def answer_packet(packet: Any) -> dict[str, Any] | None:
    """Answer a packet of the last half minute, without keeping it; None if it had to wait too long for others."""
    if not _turn.acquire(timeout=WAIT_S):
        return None
    try:
        return estimate_live(packet)
    finally:
        _turn.release()
