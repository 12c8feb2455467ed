"""Train the tiny network slowly, to be killed: `run_tiny.py RUNS STEPS SAVE_EVERY`."""

import sys
import time

from lab.training.tiny_net import register, tiny

from rppg_core.lab.training.loop import RunOptions, train


def main(runs: str, steps: str, save_every: str) -> None:
    register()
    options = RunOptions(runs=runs, device="cpu", save_every=int(save_every))
    train(tiny(steps=int(steps)), options, progress=lambda stage, fraction: time.sleep(0.03))


if __name__ == "__main__":
    main(*sys.argv[1:])
