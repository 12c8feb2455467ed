"""Protocol `photo`: the frozen benchmarks photo-v1 and photo-v2."""
