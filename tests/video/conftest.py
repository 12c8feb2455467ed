"""Fixtures of the tests of video, for every file in this folder."""

from tests.video.astronaut import astronaut, tracker
from tests.video.bright_corner import clip
from tests.video.colour_fields import h264

__all__ = ["astronaut", "clip", "h264", "tracker"]
