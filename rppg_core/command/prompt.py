"""`rppg prompt`: what PhysLLM gives its language model for the face in a video."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rppg_core.command.output import check_outputs, deliver, json_text
from rppg_core.command.progress import ProgressLine
from rppg_core.errors import ClipTooShortError
from rppg_core.lab.protocols.table import aligned_columns

if TYPE_CHECKING:
    from rppg_core.models.physllm.explain import ReadWindow

SHOWN = 5  # prototypes in the text


def prompt(args: argparse.Namespace) -> int:
    """Read a video, build its prompts, and print those of the window in the middle."""
    from rppg_core.analysis.clip_source import load_clip
    from rppg_core.models.neural_method import neural_method
    from rppg_core.models.physllm.explain import prompt_dict, read_clip
    from rppg_core.models.physllm.model import PhysLLM
    from rppg_core.models.physllm.vision_language import VisionLanguageContext
    from rppg_core.video.prepare import resample

    check_outputs(args.json, video=args.video)
    path = None if args.weights is None else args.weights.removeprefix("physllm=")
    method = neural_method("physllm", path)
    asked = args.vision_language_model
    seer = None if asked is None else VisionLanguageContext(asked, fetch=True)
    needs = method.needs if seer is None else method.needs | {"still"}
    with ProgressLine() as progress:
        clip = resample(load_clip(args.video, needs, fps=args.fps, progress=progress))
        progress("reading the prompts", 0.9)
        model = method.model
        assert isinstance(model, PhysLLM)
        with model.edited({} if seer is None else {"context": seer.describe(clip)}):
            windows = read_clip(model, clip)
    if not windows:
        raise ClipTooShortError(
            "no stretch with a face is long enough",
            wanted="2 s or more without a gap",
            do="film a longer clip, with the face in view",
        )
    deliver(prompt_text(windows), (args.json, lambda: json_text(prompt_dict(windows))))
    return 0


def prompt_text(windows: Sequence[ReadWindow]) -> str:
    """The cues of the window in the middle of a clip, their tokens and weights, and the strongest prototypes."""
    middle = windows[len(windows) // 2]
    lines = [f"{len(windows)} windows; the one from {middle.start_s:.1f} to {middle.end_s:.1f} s:", ""]
    for cue in middle.cues:
        lines += [
            f"{cue.name} ({len(cue.words)} tokens, {cue.weight:.0%} of the prompt)",
            f"  {cue.text}",
            "",
        ]
    order = sorted(middle.prototypes, key=lambda one: -float(one.attention.max()))[:SHOWN]
    rows = [[", ".join(one.words), f"patch {int(one.attention.argmax()) + 1}"] for one in order]
    if rows:
        lines += aligned_columns([["prototype (its words)", "attends most to"], *rows])
    words = [words[0] for words in middle.patch_words]
    lines += ["", f"The word nearest to each patch of the pulse: {' '.join(words)}"]
    return "\n".join(lines)
