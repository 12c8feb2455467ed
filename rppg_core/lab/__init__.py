"""The lab: simulation, datasets, training and comparison; the analysis of a video needs none of it."""

from pathlib import Path

RUNS = Path("out/runs")  # default folder of trainings and of the clips rendered for them
