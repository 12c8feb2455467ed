"""Fixtures of the photo protocol's tests, for every file in this folder."""

from lab.protocols.photo.easy_clips import made

__all__ = ["made"]
