"""The training loop: trains weights from a recipe and its sources; it can be stopped at any time.

accelerate places model and gradients (CPU, one GPU, several processes) and stores their state; torch provides AdamW
and the moving average of the weights. The averaged weights are evaluated and shipped. They are those after
the last step, never the best on any benchmark. A recipe with stages is one run: each stage starts from the
averaged weights of the previous one, as a separate run would.
Source: sim-to-real study, section 5.3.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, set_seed
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from rppg_core.errors import RppgError
from rppg_core.lab.simulate.settings import SIMULATOR_VERSION
from rppg_core.lab.training import mixture
from rppg_core.lab.training.averaging import create_average, restart_average
from rppg_core.lab.training.batches import Share, StepDataset, step_loader
from rppg_core.lab.training.clock import Clock, TimeLeft
from rppg_core.lab.training.mixture import describe_data, shares_from_recipe
from rppg_core.lab.training.parallel import NetworkWithLoss
from rppg_core.lab.training.probe import probe_before
from rppg_core.lab.training.record import LogRow, RunFolder
from rppg_core.lab.training.stages import Stages, load_origin_cards
from rppg_core.lab.training.stopping import stop_on_signal
from rppg_core.lab.training.teacher import Teacher
from rppg_core.lab.training.validation import held_out_batches, validate
from rppg_core.models.base import SIMULATED, Batch, RppgModel
from rppg_core.models.recipe import (
    Recipe,
    card_from_recipe,
    difficulty,
    find_stage,
    lr_factor,
)
from rppg_core.models.weights import config_class, create_model, model_class, save_model
from rppg_core.types import Progress

LOG_EVERY = 10  # number of steps whose losses are fetched from the device together
LIMITS = (
    "strong video compression, large motion and dark skin in dim light take the pulse away from it as from"
    " every method."
)
RECORDED = "trained on stored clips"  # origin of the weights when the simulator is not the only source
Page = Callable[[list[LogRow]], str]


class TrainingError(RppgError):
    """Training failed in a way that more steps cannot repair."""

    exit_code = 1


@dataclass(frozen=True)
class Result:
    """The outcome of a run, finished or stopped."""

    folder: Path
    weights: Path | None  # None if stopped before the last step
    step: int
    loss: float  # of the last step
    validation: Mapping[str, float]  # of the last validation
    cpu_s: float  # processor time for training and for making samples, summed over all parts of the run


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Where and how to run; no option here changes the trained weights."""

    runs: str | Path = "runs"  # folder of all runs; each run has its subfolder METHOD-seedS
    resume: bool = False  # continue from the newest checkpoint
    device: str = "auto"  # "auto" lets accelerate choose; or "cpu"
    workers: int | None = (
        None  # processes that make samples during training; None: one on CPU, half the cores with a GPU
    )
    save_every: int = 100  # steps between checkpoints
    probed: bool = False  # the teacher, if there is one, was asked before


def train(
    recipe: Recipe,
    options: RunOptions | None = None,
    *,
    sources: Sequence[str] = ("simulated",),
    shares: Callable[..., Sequence[Share]] | None = None,
    progress: Progress | None = None,
    page: Page | None = None,
) -> Result:
    """Train one network, or continue its training.

    Args:
        recipe: what to train and how.
        options: where and how to run.
        sources: "simulated", or folders of stored clips.
        shares: replaces `sources`: called with the recipe and `held_out`, it returns the sources of a batch.
            `sources` then only holds their names, which identify a run that is continued.
        progress: called with a description of the stage and the completed fraction.
        page: makes the curve page from the rows of the log.

    Returns:
        The folder of the run and its weights. After Ctrl-C the run saves a checkpoint and ends; `weights` is
        then None.

    Raises:
        UsageError: the folder holds a run and `resume` is False, or `resume` is True and its run is a
            different one.
        TrainingError: the loss is not finite.
    """
    recipe, options = settled(recipe), options or RunOptions()
    tell = progress or (lambda stage, fraction: None)
    # without this flag, several processes wait for the gradient of every weight, even of frozen ones
    parallel = DistributedDataParallelKwargs(find_unused_parameters=bool(recipe.stages))
    accelerator = Accelerator(cpu=options.device == "cpu", kwargs_handlers=[parallel])
    folder = RunFolder(Path(options.runs) / run_name(recipe))
    if accelerator.is_main_process:
        folder.start(recipe, sources, resume=options.resume)
    with accelerator.main_process_first():  # the main process renders the clips for all
        clips = Path(options.runs) / "clips"
        shares = shares or partial(shares_from_recipe, names=sources, clips=clips, progress=tell)
        mixed, held_out = shares(recipe, held_out=False), shares(recipe, held_out=True)
    threads, cores = torch.get_num_threads(), os.cpu_count() or 1
    if options.workers is None:
        on_cpu = accelerator.device.type == "cpu"
        options = replace(options, workers=1 if on_cpu else max(1, min(8, cores // 2)))
    torch.set_num_threads(max(1, min(threads, cores - (options.workers or 0))))
    try:
        training = Training(recipe, folder, mixed, held_out, accelerator)
        if options.resume:
            training.load()
        asked = None if options.probed else training.teacher
        probe = asked and probe_before(asked, recipe, device=accelerator.device)
        probed = [probe.words()] if probe else []
        for words in probed:
            tell(words, training.clock.step / recipe.steps)
        origins = load_origin_cards(recipe)
        made_of = {card.weights for card in origins.values()}
        simulated = set(sources) == {mixture.SIMULATED} and made_of <= {SIMULATED}
        training.run(options, tell=tell, page=page)
        before = [f"after {card.data}" for start, card in origins.items() if start != recipe.teacher]
        return training.result(
            ", ".join([describe_data(recipe, mixed), *probed, *before]), simulated=simulated
        )
    finally:
        torch.set_num_threads(threads)


def run_name(recipe: Recipe) -> str:
    """Folder of a run: method, ablation and seed."""
    return "-".join(filter(None, [recipe.method, recipe.variant, f"seed{recipe.seed}"]))


def settled(recipe: Recipe) -> Recipe:
    """The recipe with a complete config: that of the recipe, or small() with the recipe's changes applied."""
    if recipe.config is not None and not isinstance(recipe.config, Mapping):
        return recipe
    small = config_class(model_class(recipe.method)).small()  # pyright: ignore[reportAttributeAccessIssue]
    return replace(recipe, config=replace(small, **(recipe.config or {})))


@dataclass
class Training:
    """A run in memory."""

    recipe: Recipe
    folder: RunFolder
    shares: Sequence[Share]
    held_out: Sequence[Share]
    accelerator: Accelerator
    clock: Clock = field(default_factory=Clock)
    loss: float = math.nan
    validation: dict[str, float] = field(default_factory=dict)

    def __post_init__(self):
        recipe = self.recipe
        set_seed(recipe.seed)
        self.network: RppgModel = create_model(recipe.method, recipe.config)
        self.stages = Stages(recipe, self.network)
        self.teacher = Teacher(recipe.teacher, self.accelerator.device) if recipe.teacher else None
        set_seed(recipe.seed, device_specific=True)  # dropout differs between processes
        optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay
        )
        # not passed to prepare(): accelerate would step it once per process
        self.scheduler = LambdaLR(optimizer, lambda step: lr_factor(recipe, step))
        self.model, self.optimizer = self.accelerator.prepare(NetworkWithLoss(self.network), optimizer)
        self.ema = create_average(self.network, recipe.ema_decay)
        self.accelerator.register_for_checkpointing(self.scheduler, self.ema, self.clock)
        # only now: prepare() registers, across processes, the weights that may have a gradient in any stage
        self.stages.freeze(self.clock.stage)
        self._unwritten: list[tuple[LogRow, dict[str, Tensor]]] = []
        self._checks: list[Batch] = []

    def load(self) -> None:
        """Return to the newest checkpoint, or to the start if there is none."""
        newest = self.folder.checkpoint()
        if newest is not None:
            self.accelerator.load_state(str(newest))
            self.stages.freeze(self.clock.stage)
        if self.accelerator.is_main_process:
            self.folder.forget_after(self.clock.step)
        for row in self.folder.rows():
            self.loss = row.get("loss", self.loss)
            self.validation = row.get("validation", self.validation)

    def run(self, options: RunOptions, *, tell: Progress, page: Page | None = None) -> None:
        """Train to the recipe's last step, or until Ctrl-C."""
        recipe, clock, here = self.recipe, self.clock, self.accelerator
        dataset = StepDataset(recipe, self.shares, process=here.process_index, processes=here.num_processes)
        left = TimeLeft(clock.step, recipe.steps)
        wall_s, cpu_s = time.monotonic(), time.process_time()
        with stop_on_signal() as stop:
            for timed in step_loader(dataset, clock.step, workers=options.workers or 0):
                self._step(timed.on(here.device))
                if stop.is_set():
                    here.set_trigger()
                stopping = here.check_trigger()  # in all processes at the same step
                if self._due(LOG_EVERY):
                    self._write()
                if self._due(recipe.validate_every):
                    self._validate()
                clock.wall_s += time.monotonic() - wall_s
                clock.cpu_s += time.process_time() - cpu_s + (timed.cpu_s if options.workers else 0)
                wall_s, cpu_s = time.monotonic(), time.process_time()
                if stopping or self._due(options.save_every):
                    self.save()
                    if here.is_main_process:
                        self.folder.draw(page)
                tell(self._words(left), clock.step / recipe.steps)
                if stopping:
                    break

    def save(self) -> None:
        """Write a checkpoint; it becomes valid only once it is complete."""
        self._write()
        self.accelerator.save_state(str(self.folder.unfinished()))
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            self.folder.finish(self.clock.step)
        self.accelerator.wait_for_everyone()

    def result(self, data: str, *, simulated: bool) -> Result:
        """The result of the run; after the last step, with weights and a card that describes the data."""
        recipe, weights = self.recipe, None
        if self.clock.step == recipe.steps:
            weights = self.folder.path / f"{recipe.method}.safetensors"
            card = card_from_recipe(
                recipe,
                self.network,
                data=data,
                simulator_version=SIMULATOR_VERSION,
                metrics={f"held-out {name}": round(value, 4) for name, value in self.validation.items()},
                weights=SIMULATED if simulated else RECORDED,
                limits=f"Trained on {'simulated faces' if simulated else 'stored clips'} only; {LIMITS}",
            )
            if self.accelerator.is_main_process:
                save_model(weights, self.average, card)
        return Result(
            self.folder.path, weights, self.clock.step, self.loss, self.validation, self.clock.cpu_s
        )

    @property
    def average(self) -> RppgModel:
        """The network with averaged weights."""
        assert isinstance(self.ema.module, RppgModel)
        return self.ema.module

    def _enter(self, stage: int) -> None:
        """Begin the next stage with its initial weights, a new average and a new optimizer state."""
        self.clock.stage = stage
        self.stages.load(stage, self.average)
        self.stages.freeze(stage)
        restart_average(self.ema)
        self.optimizer.state.clear()

    def _step(self, batch: Batch) -> None:
        """One update of the weights and of their average."""
        recipe = self.recipe
        number, _ = find_stage(recipe, self.clock.step)
        if number != self.clock.stage:
            self._enter(number)
        stage = self.stages.all[number]
        self.model.train()
        self.stages.parts.hold()
        batch = self.teacher.teach(batch) if self.teacher else batch
        terms = self.model(batch)
        weights = {**recipe.loss_weights, **stage.loss_weights}
        loss = torch.stack([weights.get(name, 1.0) * term for name, term in terms.items()]).sum()
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.model.parameters(), recipe.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        lr = self.scheduler.get_last_lr()[0]
        self.scheduler.step()
        self.stages.parts.restore()
        self.ema.update_parameters(self.network)
        row: LogRow = {
            "step": self.clock.step + 1,
            "lr": lr,
            "difficulty": difficulty(recipe, self.clock.step),
        }
        row |= {"stage": stage.name} if stage.name else {}
        self.clock.step += 1
        seconds = {"seconds": round(self.clock.wall_s, 2), "cpu_seconds": round(self.clock.cpu_s, 2)}
        values = {name: value.detach() for name, value in {**terms, "loss": loss}.items()}
        self._unwritten.append(({**row, **seconds}, values))

    def _due(self, every: int) -> bool:
        """Whether an action is due: every `every` steps, and after the last."""
        return self.clock.step % every == 0 or self.clock.step == self.recipe.steps

    def _write(self) -> None:
        """Fetch the losses of the latest steps and write them to the log."""
        rows = []
        for row, values in self._unwritten:
            terms = dict(zip(values, torch.stack(list(values.values())).cpu().tolist(), strict=True))
            self.loss = terms.pop("loss")
            if not math.isfinite(self.loss):
                raise TrainingError(
                    f"the loss of step {row['step']} is {self.loss}",
                    wanted="a finite number",
                    do="lower lr in the recipe, or look at that batch: StepDataset gives it by its step",
                )
            rows.append({**row, "loss": self.loss, "terms": terms})
        self._unwritten.clear()
        if self.accelerator.is_main_process and rows:
            self.folder.write(rows)

    def _validate(self) -> None:
        """Check the averaged weights on held-out samples, in one process."""
        self._write()
        if self.accelerator.is_main_process:
            if not self._checks:
                recipe = self.recipe
                self._checks = held_out_batches(self.held_out, recipe.validation_samples, recipe.n_frames)
            self.validation = validate(self.average, self._checks, self.accelerator.device)
            row = {
                "step": self.clock.step,
                "validation": self.validation,
                "seconds": round(self.clock.wall_s, 2),
            }
            self.folder.write([row])
        self.accelerator.wait_for_everyone()

    def _words(self, left: TimeLeft) -> str:
        checked = "".join(f", {name} {value:.3g}" for name, value in list(self.validation.items())[:1])
        loss = f", loss {self.loss:.3f}" if math.isfinite(self.loss) else ""
        step, steps = self.clock.step, self.recipe.steps
        name = self.stages.all[self.clock.stage].name
        stage = f", stage {name}" if name else ""
        return f"{self.recipe.method}{stage}: step {step} of {steps}{loss}{checked}, {left.words(step)} left"
