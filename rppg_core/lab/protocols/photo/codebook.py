"""The codebook of CodePhys in numbers, by `make codebook-table`: its size, and what the parts around it add.

The first table is of `codebook_sizes`: items, samples in each, and the plug-in behind POS and CHROM. The second is of
`codebook_queries`: the encoder of faces with and without each of its parts. All weights are kept: a table that was
stopped goes on, and `rppg evaluate --protocol stress --weights` can compare variants under noise, light, codec and
motion.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np

from rppg_core.errors import RppgError
from rppg_core.lab import RUNS
from rppg_core.lab.protocols.photo.clips import N_PULSE, photo_clips
from rppg_core.lab.protocols.photo.codebook_queries import (
    ENCODER_STEPS,
    SEEDS,
    queries_recipe,
    queries_text,
    query_batches,
    query_variants,
    score_queries,
    train_queries,
)
from rppg_core.lab.protocols.photo.codebook_sizes import (
    SIZES,
    recorded_windows,
    rough_clips,
    rough_windows,
    score_size,
    size_recipe,
    sizes_text,
    train_size,
)
from rppg_core.lab.protocols.photo.codebook_training import SEED, kept_network, simulated_ppg
from rppg_core.lab.protocols.photo.versions import CURRENT
from rppg_core.lab.protocols.photo.windows import clip_windows, r_beside
from rppg_core.lab.training.ppg import read_waves
from rppg_core.models.codephys import CodePhysConfig
from rppg_core.types import FS

N_PPG, N_HELD, N_ROUGH = 3000, 300, 1200
KEPT = "codebook-table"  # folder of all weights
BEHIND = "simulated traces and clips, behind a brief autoencoder"


def main(argv: Sequence[str] | None = None) -> int:
    """Simulate, train all sizes and all variants, print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--ppg", nargs="*", default=[], metavar="TABLE|DIR", help="recorded PPG, read and not learned"
    )
    parser.add_argument("--seeds", type=int, default=SEEDS, help="of the encoder of faces")
    parser.add_argument("--steps", type=int, default=ENCODER_STEPS, help="of the encoder of faces")
    parser.add_argument("--runs", type=Path, default=RUNS)
    asked = parser.parse_args(argv)

    def tell(stage: str, fraction: float) -> None:
        print(f"\r{stage:70}", end="", file=sys.stderr, flush=True)

    config = CodePhysConfig.small()
    try:
        recorded = read_waves(asked.ppg, config.window, fs=FS) if asked.ppg else ()
    except RppgError as error:
        parser.error(str(error))
    kinds = {"simulated": simulated_ppg(N_HELD, config.window, first=SEED + N_PPG)}
    if recorded:
        kinds["recorded"] = recorded_windows(recorded, config.window)
    # made when a network that is not kept asks for them
    ppg = cache(partial(simulated_ppg, N_PPG, config.window))
    rough = cache(partial(rough_windows, N_ROUGH, config.window, tell))
    batches = cache(partial(query_batches, config, asked.steps, asked.runs, tell))
    known = list(photo_clips(CURRENT, tell, asked.runs, wanted=range(N_PULSE)))
    clips, models, scores, kept = rough_clips(known), {}, [], asked.runs / KEPT
    for k, size in enumerate(SIZES):
        tell(f"codebook {k + 1} of {len(SIZES)}", 0.0)
        recipe, data = size_recipe(size, config), f"{N_PPG} PPG, {N_ROUGH} traces"
        models[size] = kept_network(
            kept, recipe, data, lambda size=size: train_size(size, config, ppg(), rough())
        )
        scores.append(score_size(size, models[size], kinds, clips))
    print(sizes_text(scores, clips), end="\n\n", flush=True)

    windows = [clip_windows(models[SIZES[0]], *one) for one in known]
    variants, found = query_variants(config), {}
    for k, (name, variant) in enumerate(variants.items()):
        autoencoder, scored = models[SIZES[0]._replace(quantised=variant.quantised)], []
        for seed in range(asked.seeds):
            tell(f"variant {k + 1} of {len(variants)}: {name}, seed {seed}", 0.0)
            recipe = queries_recipe(variant, asked.steps, variant=name, seed=seed)
            network = kept_network(
                kept, recipe, BEHIND,
                lambda v=variant, a=autoencoder, s=seed: train_queries(v, a, batches(), seed=s),
            )  # fmt: skip
            scored.append(score_queries(network, windows))
        found[name] = np.stack(scored)
    print(queries_text(found, r_beside(known)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
