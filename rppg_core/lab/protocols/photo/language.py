"""Does a language model help PhysLLM, and does it read the words? One table, by `make language-table`.

Language model {pre-trained, random, none: one attention layer} times cues {all, none, those of another clip}, three
seeds each, equal steps. The encoder is the shipped tracenet, frozen; what it makes of the training windows and of
photo-v2 is computed once. Beside the table: how far each cue moves the waveform, compared with another seed, and what
leaving it out costs by thirds of light and motion.
Source: our choice; the question is that of the paper's reviewers.
Axis letters: B batch, T time, P token, K quantity.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from rppg_core.errors import RppgError
from rppg_core.lab import RUNS
from rppg_core.lab.datasets.clip_file import KnownClip
from rppg_core.lab.protocols.differences import difference_text
from rppg_core.lab.protocols.photo.clips import N_PULSE, photo_clips, stream_clips
from rppg_core.lab.protocols.photo.versions import get_version
from rppg_core.lab.protocols.photo.windows import clip_windows, joined_windows, r_beside, r_of_waves
from rppg_core.lab.protocols.table import text_table
from rppg_core.lab.protocols.waveform_scores import waveform_scores
from rppg_core.lab.training.batches import Share, StepDataset
from rppg_core.lab.training.briefly import train_briefly
from rppg_core.lab.training.mixture import SIMULATED, shares_from_recipe
from rppg_core.models.physllm.config import PhysLLMConfig
from rppg_core.models.physllm.context import CONTEXT
from rppg_core.models.physllm.cues import CUES, Cue
from rppg_core.models.physllm.explain import change_between
from rppg_core.models.physllm.model import PhysLLM
from rppg_core.models.physllm.tokens import resize_tokens
from rppg_core.models.recipe import Recipe, get_recipe
from rppg_core.models.tracenet import TraceNet
from rppg_core.models.weights import load_model
from rppg_core.nn.losses import negative_pearson
from rppg_core.roster import get_method
from rppg_core.types import FaceClip, Progress, Truth
from rppg_core.video.prepare import resample

LANGUAGES = ("pretrained", "random", "none")
GIVEN = ("all", "none", "shuffled")  # cues: its own, no cues, those of another sample
WHOLE, ENCODER = ("pretrained", "all"), "encoder alone (tracenet)"
SEEDS, STEPS, BATCH = 3, 200, 16
BENCHMARK = "photo-v2"
GROUPED = ("skin_level_grey", "motion_percent_per_s")  # quantities of the context, by thirds


class Variant(NamedTuple):
    """One reader: what reads, what it is given, and its seed."""

    language: str
    given: str
    seed: int


@dataclass(frozen=True)
class Windows:
    """What the encoder made of some windows, one row each."""

    maps: tuple[Float[Tensor, "batch channel token"], ...]  # half precision, at the rate of the vision tokens
    base: Float[Tensor, "batch time"]
    context: Float[Tensor, "batch quantity"]

    def rows(self, which: slice | Tensor) -> Windows:
        """Some of the windows."""
        return Windows(tuple(x[which] for x in self.maps), self.base[which], self.context[which])


@dataclass(frozen=True)
class HeldClip:
    """A clip of the benchmark: its windows and its truth."""

    windows: Windows
    places: tuple[slice, ...]
    truth: Truth


@dataclass(frozen=True)
class Scores:
    """r of every clip of the benchmark, for one reader; and its waveforms with and without each cue."""

    variant: Variant
    r: Float[np.ndarray, " clip"]
    waves: tuple[np.ndarray, ...]
    # of the pre-trained model with all cues:
    without: dict[str, Float[np.ndarray, " clip"]]  # cue -> r without it
    moved: dict[str, float]  # cue -> mean of 1 - r between the waveform with it and the one without


def variants(seeds: int = SEEDS) -> list[Variant]:
    """All readers, seed by seed."""
    return [Variant(one, given, seed) for seed in range(seeds) for one in LANGUAGES for given in GIVEN]


def encode(model: PhysLLM, inputs: dict[str, Tensor]) -> Windows:
    """The encoder's output for a batch, small enough to keep for a whole training."""
    with torch.inference_mode():
        maps, base = model.encoder(inputs)
    small = [resize_tokens(x.transpose(1, 2), model.config.tokens).transpose(1, 2).half() for x in maps]
    return Windows(tuple(small), base.clone(), inputs["context"])


def training_windows(
    model: PhysLLM, recipe: Recipe, shares: Sequence[Share], steps: int, progress: Progress
) -> tuple[Windows, Float[Tensor, "batch time"]]:
    """Encoded windows of `steps` batches at full difficulty, and their true pulses."""
    dataset = StepDataset(replace(recipe, easy=0.0, hard=0.0), shares)
    found, targets = [], []
    for step in range(steps):
        batch = dataset.mixed(step)
        found.append(encode(model, dict(batch.inputs)))
        targets.append(batch.targets["bvp"])
        progress(f"encoding batch {step + 1} of {steps}", step / steps)
    return _joined(found), torch.cat(targets)


def held_clip(model: PhysLLM, clip: FaceClip, truth: Truth) -> HeldClip:
    """The longest stretch of a clip without a gap, encoded."""
    read = clip_windows(model, clip, truth)
    return HeldClip(encode(model, dict(read.inputs)), read.places, read.truth)


def train_reader(
    variant: Variant, config: PhysLLMConfig, windows: Windows, bvp: Float[Tensor, "batch time"], *, steps: int
) -> PhysLLM:
    """Train everything behind the encoder on encoded windows.

    Args:
        variant: what reads, and what it is given.
        config: of the whole network.
        windows: encoded; batches are drawn from them in an order that depends on the seed.
        bvp: their true pulses.
        steps: number of batches.
    """
    torch.manual_seed(variant.seed)
    cues = () if variant.given == "none" else config.cues
    model = PhysLLM(replace(config, language=variant.language, cues=cues)).train()  # pyright: ignore[reportArgumentType]
    recipe = replace(get_recipe("physllm"), steps=steps, stages=())
    weights = [
        p for name, p in model.named_parameters() if not name.startswith("encoder.") and p.requires_grad
    ]
    draw = torch.Generator().manual_seed(variant.seed)
    everything = torch.ones(BATCH, dtype=torch.bool)

    def loss() -> Tensor:
        rows = torch.randint(len(bvp), (BATCH,), generator=draw)
        others = rows.roll(1) if variant.given == "shuffled" else rows
        found = read_windows(model, windows.rows(rows), windows.rows(others))
        return negative_pearson(found, bvp[rows], everything)

    train_briefly(weights, recipe, loss)
    return model.eval()


def read_windows(
    model: PhysLLM, windows: Windows, told: Windows | None = None
) -> Float[Tensor, "batch time"]:
    """The pulse of encoded windows, each with its own cues, or with those of other windows in turn."""
    told = windows if told is None else told
    cues: list[list[Cue]] = model.write_cues(told.base, told.context)
    cues = [cues[k % len(cues)] for k in range(len(windows.base))]
    return model.read_features([x.float() for x in windows.maps], windows.base, cues).bvp


def score_reader(variant: Variant, model: PhysLLM, clips: Sequence[HeldClip]) -> Scores:
    """Correlation with the truth of every clip; for the whole method also without each cue."""
    told = [*clips[1:], clips[0]] if variant.given == "shuffled" else clips

    def read_all() -> list[np.ndarray]:
        return [wave_of_clip(model, clip, other) for clip, other in zip(clips, told, strict=True)]

    waves, without, moved = read_all(), {}, {}
    for cue in model.config.cues if variant[:2] == WHOLE else ():
        with model.edited({cue: ""}):
            others = read_all()
        without[cue] = r_of_clips(others, clips)
        moved[cue] = waveform_change(waves, others)
    return Scores(variant, r_of_clips(waves, clips), tuple(waves), without, moved)


def wave_of_clip(model: PhysLLM, clip: HeldClip, told: HeldClip) -> Float[np.ndarray, " time"]:
    """The pulse of a clip with the cues of the same or of another one, windows joined as in use."""
    with torch.inference_mode():
        return joined_windows(read_windows(model, clip.windows, told.windows), clip.places)


def wave_of_base(clip: HeldClip) -> Float[np.ndarray, " time"]:
    """The encoder's own waveform of a clip."""
    return joined_windows(clip.windows.base, clip.places)


def r_of_clips(waves: Sequence[np.ndarray], clips: Sequence[HeldClip]) -> Float[np.ndarray, " clip"]:
    """Correlation of each waveform with the truth of its clip."""
    return r_of_waves(waves, [clip.truth for clip in clips])


def waveform_change(waves: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> float:
    """Mean of 1 - r between two readings of the same clips."""
    return float(np.mean([change_between(a, b) for a, b in zip(waves, others, strict=True)]))


def encoder_text(model: PhysLLM, known: Iterable[KnownClip], progress: Progress) -> str:
    """A network, its encoder alone, tracenet and POS, clip by clip.

    Args:
        model: in evaluation mode.
        known: clips of the benchmark.
        progress: called with a stage and a fraction.

    Returns:
        The table; below it the gain of the network over its encoder, and the share of its wavelet branch.
    """
    found: dict[str, list[float]] = {name: [] for name in ("this network", "its encoder", "tracenet", "pos")}
    for k, (clip, truth) in enumerate(known):
        held = held_clip(model, clip, truth)
        for name, wave in (
            ("this network", wave_of_clip(model, held, held)),
            ("its encoder", wave_of_base(held)),
        ):
            found[name] += list(r_of_clips([wave], [held]))
        even = resample(clip)
        for name in ("tracenet", "pos"):
            bvp = get_method(name).estimate(even).bvp
            found[name].append(waveform_scores(bvp, truth)[0] if bvp is not None else 0.0)
        progress(f"clip {k + 1} of {N_PULSE}", (k + 1) / N_PULSE)
    r = {name: np.array(values) for name, values in found.items()}
    rows = [[name, f"{one.mean():.3f}", difference_text(one - r["tracenet"])] for name, one in r.items()]
    table = text_table((f"{len(r['pos'])} clips of {BENCHMARK}", "mean r", "minus tracenet's, 95 %"), rows)
    gain = difference_text(r["this network"] - r["its encoder"])
    share = float(model.stationary.share.detach())
    return f"{table}\n\nthis network minus its encoder: {gain}\nshare of the wavelet branch: {share:.2f}"


def report_text(
    scores: Sequence[Scores],
    beside: Mapping[str, Float[np.ndarray, " clip"]],
    clips: Sequence[HeldClip],
) -> str:
    """The table, the size of what each cue changes, and its price by thirds of light and motion.

    Args:
        scores: of the readers.
        beside: r of every clip of what stands beside them; ENCODER is among these.
        clips: of the benchmark.
    """
    seeds, base_r = sorted({one.variant.seed for one in scores}), beside[ENCODER]
    rows = [[name, "", f"{np.mean(r):.3f}", ""] for name, r in beside.items()]
    for language in LANGUAGES:
        for given in GIVEN:
            mine = [one for one in scores if one.variant[:2] == (language, given)]
            if mine:
                rows.append([
                    language, given, " ".join(f"{np.mean(one.r):.3f}" for one in mine),
                    difference_text(np.mean([one.r for one in mine], axis=0) - base_r),
                ])  # fmt: skip
    parts = [
        text_table(("language model", "cues", f"mean r of seeds {seeds}", "minus the encoder's, 95 %"), rows),
        _changes_text(scores),
        _thirds_text(scores, clips),
    ]
    return "\n\n".join(parts)


def _changes_text(scores: Sequence[Scores]) -> str:
    """How far each cue moves the waveform, and how far another seed does."""
    whole = [one for one in scores if one.variant[:2] == WHOLE]
    rows = [[f"without {cue}", f"{np.mean([one.moved[cue] for one in whole]):.4f}"] for cue in CUES if whole]
    pairs = [waveform_change(a.waves, b.waves) for k, a in enumerate(whole) for b in whole[k + 1 :]]
    rows += [["another seed", f"{np.mean(pairs):.4f}"]] if pairs else []
    return text_table(("pre-trained, all cues: change", "mean of 1 - r"), rows)


def _thirds_text(scores: Sequence[Scores], clips: Sequence[HeldClip]) -> str:
    """What leaving out a cue costs in r, by thirds of light and motion."""
    whole = [one for one in scores if one.variant[:2] == WHOLE]
    rows = []
    for name in GROUPED:
        values = np.array([float(np.nanmean(clip.windows.context[:, CONTEXT.index(name)])) for clip in clips])
        edges = np.nanquantile(values, [1 / 3, 2 / 3])
        third = np.digitize(values, edges)
        for cue in CUES if whole else ():
            lost = np.mean([one.r - one.without[cue] for one in whole], axis=0)
            rows.append([f"{name}, without {cue}", *(f"{lost[third == k].mean():+.4f}" for k in range(3))])
    return text_table(("r lost, by thirds", "lowest", "middle", "highest"), rows)


def _joined(found: Iterable[Windows]) -> Windows:
    every = list(found)
    maps = tuple(torch.cat(parts) for parts in zip(*(one.maps for one in every), strict=True))
    return Windows(maps, torch.cat([one.base for one in every]), torch.cat([one.context for one in every]))


def main(argv: Sequence[str] | None = None) -> int:
    """Encode, train all readers, print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument(
        "--encoder", type=Path, help="weights of physllm: only compare them and their encoder with tracenet"
    )
    asked = parser.parse_args(argv)

    def tell(stage: str, fraction: float) -> None:
        print(f"\r{stage}", end="", file=sys.stderr, flush=True)

    if asked.encoder is not None:
        try:
            other = load_model("physllm", asked.encoder)
        except RppgError as error:
            parser.error(str(error))
        assert isinstance(other, PhysLLM)
        needs = other.config.needs | {"stmap"}  # which tracenet reads
        clips = stream_clips(get_version(BENCHMARK), range(N_PULSE), needs, asked.runs)
        print(f"\r{encoder_text(other, clips, tell)}")
        return 0
    recipe = replace(get_recipe("physllm"), config=PhysLLMConfig.small())
    model = PhysLLM(PhysLLMConfig.small()).eval()
    encoder = load_model("tracenet")
    assert isinstance(encoder, TraceNet)
    model.encoder.network.load_state_dict(encoder.state_dict())  # pyright: ignore[reportAttributeAccessIssue]
    shares = shares_from_recipe(recipe, [SIMULATED], clips=asked.runs / "clips", progress=tell)
    windows, bvp = training_windows(model, recipe, shares, asked.steps, tell)
    known = [
        one
        for one in photo_clips(get_version(BENCHMARK), tell, asked.runs)
        if one[1].settings["seconds"] <= 20
    ]
    clips = [held_clip(model, clip, truth) for clip, truth in known]
    beside = r_beside(known) | {ENCODER: r_of_clips([wave_of_base(clip) for clip in clips], clips)}
    scores = []
    for variant in variants(asked.seeds):
        reader = train_reader(variant, PhysLLMConfig.small(), windows, bvp, steps=asked.steps)
        scores.append(score_reader(variant, reader, clips))
        share = float(reader.stationary.share.detach())
        print(
            f"\n{variant}: r {np.mean(scores[-1].r):.3f}, share of the wavelet branch {share:.2f}",
            file=sys.stderr,
        )
    print(report_text(scores, beside, clips))
    return 0


if __name__ == "__main__":
    sys.exit(main())
