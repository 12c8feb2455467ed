"""Protocol `intra`: folds of one dataset, with no person in both training and test.

The folder was written by `rppg dataset extract`. Classical methods run on every clip; a network is trained
once per fold and seed on the people of the other folds. Each clip is tested once.
"""

from __future__ import annotations

from pathlib import Path

from rppg_core.lab.protocols.held_out.result import DatasetResult
from rppg_core.lab.protocols.held_out.run import Options, evaluate_splits, read_clips
from rppg_core.lab.protocols.held_out.splits import subject_folds

FOLDS = 5


def run_intra(folder: Path | str, options: Options | None = None, *, folds: int = FOLDS) -> DatasetResult:
    """The whole protocol.

    Args:
        folder: folder of extracted clips.
        options: methods, trainings, windows.
        folds: number of folds; each needs one training per network and seed.

    Returns:
        Rows and tables.

    Raises:
        UsageError: the folder was not written by `rppg dataset extract`, there are fewer people than folds,
            or a method is unknown.
    """
    options = options or Options()
    splits = subject_folds(read_clips(folder), folds)
    datasets = ", ".join(dict.fromkeys(clip.dataset for clip in splits[0].test + splits[0].train))
    about = f"{datasets} in {folds} folds; no person is in both training and test."
    return evaluate_splits(splits, options, protocol="intra", about=about)
