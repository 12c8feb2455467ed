"""Protocols `mssdg`, `intra` and `cross`: networks trained without the data on which they are tested."""
