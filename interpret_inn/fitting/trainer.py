"""Fits a flow to pairs of stored representations."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn
from tqdm import tqdm

from interpret_inn.backbones import Backbone
from interpret_inn.data.process import derived_seed
from interpret_inn.errors import ConceptError, FitError
from interpret_inn.fitting.checkpoint import Checkpoint, flatten_optimizer, restore_optimizer
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.source_losses import TrainingContext, added_losses
from interpret_inn.flows import InvertibleNetwork, owners, pair_log_likelihood, spread
from interpret_inn.translating.settings import FitRecord, FitSettings, Observer
from interpret_inn.types import FitStep, Pairs

_VALIDATION_PAIRS = 1024
"""Pairs that every validation scores: enough to compare weights, few enough to take less time than the steps."""
_MOST_BAD_STEPS = 20
"""Steps in a row without a finite loss that end the fit: single ones may be an outlier's, so many are no chance."""


class Trainer:
    """One fit, from its first step or from its checkpoint, to its best weights.

    The representation is whitened once, before the first step: whitening is fixed, and adds only a constant to the
    loss. Every step adds the noise floor afresh.

    Args:
        network: The flow; its blocks are trained in place.
        white: The whitened leading axes of all samples, float (N, P, d): P positions, or 1.
        pool: Gives the pairs.
        sizes: Of the factors within the leading axes, the residual last.
        settings: See `FitSettings`.
        seed: Of pairs and noise.
        backbone: Handed to the losses of sources.
        checkpoint: Where the state of the fit is kept, and read from at the start; None: nowhere.
        observers: Called after every validation.
    """

    def __init__(
        self,
        network: InvertibleNetwork,
        white: Tensor,
        *,
        pool: Pool,
        sizes: tuple[int, ...],
        settings: FitSettings,
        seed: int,
        backbone: Backbone,
        checkpoint: Checkpoint | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        self.network, self.pool, self.settings = network, pool, settings
        self.positions = white.shape[1]
        self.white = white.flatten(0, 1)
        self.owner = owners(sizes).to(white.device)
        self.checkpoint, self.observers, self.backbone = checkpoint, observers, backbone
        whitening = network.whitening
        self.noise = (whitening.noise * whitening.scales[: network.shape.leading]).to(white)
        self.added = added_losses(pool, self.owner.cpu())
        self.trained = nn.ModuleList([network.blocks, *(m for added in self.added for m in added.modules)])
        self.parameters = [p for p in self.trained.parameters() if p.requires_grad]
        self.only_rotates = not any(p.requires_grad for p in network.blocks.parameters())
        self.optimizer = torch.optim.AdamW(
            self.parameters or [torch.zeros(1)],
            lr=settings.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.seed, self.generator = seed, Generator().manual_seed(seed)
        self.validation = self._validation_draw(seed)
        self.best = _copy(self.trained)
        self.state: dict[str, Any] = {
            "step": 0, "best_step": 0, "best": math.inf, "start": math.nan, "seconds": 0.0,
            "bad": 0, "skipped": 0, "sum": 0.0, "taken": 0, "history": [],
        }  # fmt: skip

    def run(self) -> FitRecord:
        """Takes all steps that are left, and leaves the best weights in the network.

        Raises:
            FitError: the loss was not finite for 20 steps in a row, or in validation; or the checkpoint is another
                fit's.
        """
        if self.only_rotates:  # nothing in the flow can be trained
            self._refuse_untrained()
            return FitRecord(0, 0, False, 0.0, ())
        self._resume()
        settings, state = self.settings, self.state
        began, before = time.perf_counter(), state["seconds"]
        if self.validation and not state["step"]:
            # the weights at the start are a linear map, which may be the best: others must improve on it
            state["best"] = state["start"] = self._validation_loss(self.validation)
        stopped = self._is_stalled()
        bar = tqdm(
            total=settings.steps, initial=state["step"], desc="fit", unit="step", disable=None, leave=False
        )
        with bar:
            while state["step"] < settings.steps and not stopped:
                self._step()
                bar.update()
                if state["step"] % settings.every == 0 or state["step"] == settings.steps:
                    state["seconds"] = before + time.perf_counter() - began
                    self._validate()
                    bar.set_postfix(validation=f"{state['history'][-1][2]:.3f}")
                    stopped = self._is_stalled()
        state["seconds"] = before + time.perf_counter() - began
        self.trained.load_state_dict(self.best)
        if self.checkpoint:
            self.checkpoint.remove()
        history = tuple((int(a), float(b), float(c)) for a, b, c in state["history"])
        return FitRecord(state["step"], state["best_step"], stopped, state["seconds"], history, self._gain())

    def _gain(self) -> float:
        """Nats per validation sample by which the best weights are likelier than those at the start; NaN: not known.

        A loss that a source adds is in other units, and would be counted as likelihood.
        """
        per_axis = self.state["start"] - self.state["best"]
        return math.nan if self.added else float(per_axis * self.white.shape[1])

    @torch.enable_grad()
    def _step(self) -> None:
        settings, state = self.settings, self.state
        for group in self.optimizer.param_groups:
            group["lr"] = settings.learning_rate * _schedule(state["step"], settings)
        loss = objective = self._loss(*self._draw(settings.pairs, self.generator, "train"))
        for added in self.added:
            objective = objective + added(
                TrainingContext(self.network, self.backbone, self.generator, state["step"], added.axes)
            )
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(objective)
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, settings.clip)
        state["step"] += 1
        if not math.isfinite(float(norm) + float(objective.detach())):
            self._refuse_bad_step()
            return
        self.optimizer.step()
        state["bad"] = 0
        state["sum"], state["taken"] = state["sum"] + float(loss.detach()), state["taken"] + 1

    def _refuse_bad_step(self) -> None:
        """Counts a step whose loss is not finite, and is not taken.

        Raises:
            FitError: 20 in a row, or all steps of a shorter fit.
        """
        self.state["bad"] += 1
        self.state["skipped"] += 1
        if self.state["bad"] >= min(_MOST_BAD_STEPS, self.settings.steps):
            for added in self.added:
                added.refuse_not_finite()
            raise FitError(
                f"The loss was not finite for {self.state['bad']} steps in a row (up to step "
                f"{self.state['step']}). Expected a lower learning_rate than "
                f"{self.settings.learning_rate:g}, or a higher noise than {self.settings.noise:g}."
            )

    def _draw(self, n: int, generator: Generator, split: str) -> tuple[Pairs, Tensor]:
        """Pairs of rows (at positions drawn anew) and the noise that is added to them."""
        pairs = self.pool.sample(n, generator, split=split)
        if self.positions > 1:
            position = torch.randint(self.positions, (2, n), generator=generator)
            first, second = torch.stack(pairs[:2]) * self.positions + position
            pairs = Pairs(first, second, pairs.rho)
        noise = torch.randn(2 * n, len(self.noise), generator=generator, dtype=self.white.dtype)
        return pairs, noise.to(self.white.device) * self.noise

    def _loss(self, pairs: Pairs, noise: Tensor) -> Tensor:
        """Mean negative log-likelihood of pairs, in nats per pair and axis of both samples."""
        rows = torch.cat((pairs.first, pairs.second)).to(self.white.device)
        codes, log_det = self.network.blocks(self.white.index_select(0, rows) + noise)
        first, second = codes.chunk(2)
        log_first, log_second = log_det.chunk(2)
        rho = spread(pairs.rho.to(self.white), self.owner)
        likelihood = pair_log_likelihood(
            first, second, rho, log_det_first=log_first, log_det_second=log_second
        )
        return -likelihood.mean() / (2 * self.white.shape[1])

    def _validation_draw(self, seed: int) -> tuple[Pairs, Tensor] | None:
        """Fixed pairs and noise of the validation split; None if it is too small for pairs."""
        generator = Generator().manual_seed(derived_seed(seed, "validation pairs"))
        try:
            return self._draw(_VALIDATION_PAIRS, generator, "validation")
        except ConceptError:
            return None

    @torch.no_grad()
    def _validation_loss(self, drawn: tuple[Pairs, Tensor]) -> float:
        """The whole objective on the validation split; added losses draw the same each time.

        Raises:
            FitError: it is not finite.
        """
        generator = Generator().manual_seed(derived_seed(self.seed, "validation of added losses"))
        step, total = self.state["step"], float(self._loss(*drawn))
        for added in self.added:
            total += float(
                added(
                    TrainingContext(self.network, self.backbone, generator, step, added.axes, validating=True)
                )
            )
        if not math.isfinite(total):
            for added in self.added:
                added.refuse_not_finite(f"when the weights were validated at step {step}")
            raise FitError(
                f"Expected a finite validation loss, found {total:g} at step {step}: no weights could be compared. "
                f"Type a lower learning_rate than {self.settings.learning_rate:g}, or a higher noise than "
                f"{self.settings.noise:g}."
            )
        return total

    @property
    def skipped(self) -> int:
        """How many training steps were not taken, as their loss or its gradient was not finite."""
        return int(self.state["skipped"])

    def _refuse_untrained(self) -> None:
        """Raises FitError if a source trains something: a fit without blocks trains nothing."""
        for added in self.added:
            if any(weights.requires_grad for module in added.modules for weights in module.parameters()):
                raise FitError(
                    f"Expected blocks of at least 1, as the concept source {added.source.name!r} trains something of "
                    "its own, found blocks=0, with which nothing is trained. Type blocks=2."
                )

    @torch.no_grad()
    def _validate(self) -> None:
        """Validates the weights, keeps the best, writes the checkpoint, and tells the observers."""
        state = self.state
        loss = state["sum"] / state["taken"] if state["taken"] else math.nan
        state["sum"], state["taken"] = 0.0, 0
        validation = self._validation_loss(self.validation) if self.validation else loss
        if validation < state["best"]:
            state["best"], state["best_step"] = validation, state["step"]
            self.best = _copy(self.trained)
        state["history"].append((state["step"], loss, validation))
        self._save()
        for observer in self.observers:
            observer(FitStep(state["step"], self.settings.steps, loss, validation, state["seconds"]))

    def _is_stalled(self) -> bool:
        validations = (self.state["step"] - self.state["best_step"]) // self.settings.every
        return self.validation is not None and validations >= self.settings.patience

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        tensors = {f"now.{name}": tensor for name, tensor in self.trained.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        tensors |= flatten_optimizer(self.optimizer)
        self.checkpoint.write(tensors | {"generator": self.generator.get_state()}, self.state)

    def _resume(self) -> None:
        found = self.checkpoint.read() if self.checkpoint else None
        if found is None:
            return
        tensors, state = found
        self.state |= state
        self.trained.load_state_dict(_under("now.", tensors))
        self.best = _under("best.", tensors)
        restore_optimizer(self.optimizer, tensors)
        self.generator.set_state(tensors["generator"])


def _schedule(step: int, settings: FitSettings) -> float:
    """Share of the learning rate at a step: a linear rise, then a cosine down to zero."""
    rise = min(1.0, (step + 1) / settings.warm_up) if settings.warm_up else 1.0
    return rise * 0.5 * (1 + math.cos(math.pi * step / settings.steps))


def _copy(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
