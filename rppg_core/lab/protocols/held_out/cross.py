"""Protocol `cross`: train on some datasets, test on others.

The folders were written by `rppg dataset extract`. Every training dataset has the same share of a batch,
regardless of its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rppg_core.lab.protocols.held_out.result import DatasetResult
from rppg_core.lab.protocols.held_out.run import Options, evaluate_splits, read_clips
from rppg_core.lab.protocols.held_out.splits import cross_dataset


def run_cross(
    train_folders: Sequence[Path | str], test_folder: Path | str, options: Options | None = None
) -> DatasetResult:
    """The whole protocol.

    Args:
        train_folders: folders of extracted clips; one or more datasets.
        test_folder: folder of extracted clips of other datasets.
        options: methods, trainings, windows.

    Returns:
        Rows and tables.

    Raises:
        UsageError: a folder was not written by `rppg dataset extract`, a dataset is on both sides, or a
            method is unknown.
    """
    options = options or Options()
    split = cross_dataset(
        [clip for folder in train_folders for clip in read_clips(folder)], read_clips(test_folder)
    )
    about = f"{split.name}: {len(split.train)} clips for training, {len(split.test)} for testing."
    return evaluate_splits([split], options, protocol="cross", about=about)
