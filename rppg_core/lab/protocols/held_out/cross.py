"""Protocol `cross`: trained on some datasets, tested on another.

The folders are those that `rppg dataset extract` wrote. Every training dataset has the same share of a batch,
whatever its size.
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
        train_folders: of extracted clips; one or more datasets.
        test_folder: of extracted clips of other datasets.
        options: methods, trainings, windows.

    Returns:
        Rows and tables.

    Raises:
        UsageError: not such folders, a dataset on both sides, or an unknown method.
    """
    options = options or Options()
    split = cross_dataset(
        [clip for folder in train_folders for clip in read_clips(folder)], read_clips(test_folder)
    )
    about = f"{split.name}: {len(split.train)} clips to learn from, {len(split.test)} to be tested on."
    return evaluate_splits([split], options, protocol="cross", about=about)
