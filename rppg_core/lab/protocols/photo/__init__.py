"""Protocol `photo`: the frozen benchmark photo-v1."""
