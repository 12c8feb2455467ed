"""Print the table of SpO2 of a folder of fingers."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rppg_core.errors import RppgError
from rppg_core.lab.protocols.finger.table import SEEDS, STEPS, finger_rows, finger_text
from rppg_core.lab.protocols.finger.windows import read_windows


def main(argv: Sequence[str] | None = None) -> int:
    """Read a folder, fit, and print a table and a sentence for each split."""
    parser = argparse.ArgumentParser(
        prog="python -m rppg_core.lab.protocols.finger", description="SpO2 of fingers on a lens."
    )
    parser.add_argument("--data", required=True, metavar="DIR", help="as read by rppg_core.oximetry")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="trainings of the network; 0: none")
    parser.add_argument("--steps", type=int, default=STEPS, help="of each training")
    asked = parser.parse_args(argv)
    if asked.seeds < 0 or asked.steps < 1:
        parser.error("--seeds is 0 or more, and --steps 1 or more")
    try:
        windows, lines = read_windows(asked.data)
    except RppgError as error:
        parser.error(str(error))
    print("\n".join(lines) + "\n")

    def progress(words: str) -> None:
        print(words, file=sys.stderr, flush=True)

    rows = finger_rows(windows, seeds=asked.seeds, steps=asked.steps, progress=progress)
    print(finger_text(rows) if rows else "Too few windows for a split: record two minutes or more.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
