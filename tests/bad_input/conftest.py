"""Fixtures of the tests of bad input, for every file in this folder."""

from tests.bad_input.command import empty_temporary_folder, face, pictures, rppg

__all__ = ["empty_temporary_folder", "face", "pictures", "rppg"]
