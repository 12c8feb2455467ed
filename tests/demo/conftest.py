"""Fixtures of the browser tests, for every file in this folder."""

from tests.demo.browser import browser, clip, long_clip, playwright, served

__all__ = ["browser", "clip", "long_clip", "playwright", "served"]
