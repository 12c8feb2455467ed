"""The lab: simulation, datasets, training and comparison; the analysis of a video needs none of it."""
