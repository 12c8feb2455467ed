"""Fixtures of the app's browser tests, for every file in this folder."""

from tests.demo.browser import browser, clip, long_clip, served
from tests.demo.moving_head import moving

__all__ = ["browser", "clip", "long_clip", "moving", "served"]
