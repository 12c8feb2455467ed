"""Protocol `vitals`: breathing rate and intervals between beats, on simulated beats and contact recordings."""
