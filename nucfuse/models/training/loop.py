"""The training loop: batches in, weights and a log out, and a checkpoint after every epoch.

Not Keras's ``fit``: see docs/decisions/0012-training.md.
"""

import contextlib
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.engine import in_order
from nucfuse.errors import DataError
from nucfuse.models.families import Validate, family_named
from nucfuse.models.training.checkpoint import load_checkpoint, save_checkpoint
from nucfuse.models.training.config import TrainingConfig
from nucfuse.models.training.crops import Batch, Crops
from nucfuse.models.training.read_config import training_config
from nucfuse.models.training.schedule import learning_rate

Weights = list[NDArray[Any]]
# Told the row of the log after each epoch.
Report = Callable[[dict[str, float]], None]

_AHEAD = 4  # batches that are begun at a time, while the network learns from the first


@dataclass
class Progress:
    """Where a run is."""

    step: int = 0
    epoch: int = 0
    seconds: float = 0.0
    best_score: float = -1.0
    best_epoch: int = 0
    waited: int = 0  # epochs since the best, or since the rate was reduced
    reductions: int = 0
    done: bool = False
    log: list[dict[str, float]] = field(default_factory=list)


class Trainer:
    """Trains one network on one set of crops.

    Parameters
    ----------
    model : keras.Model
        Of the kind that the config is for.
    crops : Crops
    config : TrainingConfig
    checkpoint : Path
        Where the state is kept; a run goes on from there if the file exists.
    validate : callable, optional
        Score of a model on validation images; without it there is no early stop and no best epoch.
    """

    def __init__(
        self,
        model: Any,
        crops: Crops,
        config: TrainingConfig,
        checkpoint: Path,
        validate: Validate | None = None,
    ) -> None:
        self.model, self.crops, self.config = model, crops, config
        self.checkpoint, self.validate = checkpoint, validate
        self.progress = Progress()
        self._family = family_named(config.model)
        loss = self._family.loss(config)
        model.compile(optimizer=_optimizer(config), loss=loss, jit_compile=False)
        model.optimizer.build(model.trainable_variables)
        self.mean: Weights = model.get_weights()
        self.best: Weights = []
        if checkpoint.exists():
            self._restore()

    def run(self, report: Report = lambda row: None) -> None:
        """Train to the end of the budget; the model then has the weights that are to be kept."""
        progress = self.progress
        while not progress.done:
            row = self._epoch()
            progress.log.append(row)
            progress.done = self._finished()
            self._save()
            report(row)
        if self.config.best and self.best:
            self.model.set_weights(self.best)
        elif self.config.ema:
            self.model.set_weights(self.mean)

    def _epoch(self) -> dict[str, float]:
        """Learn from the batches of an epoch, or as many as there is time for; its row."""
        progress, losses = self.progress, []
        self._family.set_stage(self.model, self.config, self._share())
        begin = time.monotonic() - progress.seconds
        numbers = range(progress.step, progress.step + self.config.steps)
        with ThreadPoolExecutor(1) as maker:
            for batch in in_order(maker, self.crops.batch, numbers, _AHEAD):
                rate = learning_rate(self.config, self._share(), progress.reductions)
                losses.append(self._step(batch, rate))
                progress.seconds = time.monotonic() - begin
                if self._share() >= 1:
                    break
        progress.epoch += 1
        row = {"epoch": progress.epoch, "step": progress.step, "seconds": progress.seconds}
        row |= {"rate": rate, **_means(losses)}
        if self.validate is not None:
            row["dsb_ap"] = self._validated(self.validate)
            progress.seconds = time.monotonic() - begin
        return row

    def _step(self, batch: Batch, rate: float) -> dict[str, float]:
        """Move the weights once, and their running mean; the losses."""
        self.model.optimizer.learning_rate = rate
        losses: dict[str, float] = self.model.train_on_batch(*batch, return_dict=True)
        self.progress.step += 1
        if not np.isfinite(losses["loss"]):
            raise DataError(
                f"the loss became {losses['loss']} at step {self.progress.step}; lower the rate "
                f"({self.config.rate:g}) or clip gradients"
            )
        self._average()
        return losses

    def _share(self) -> float:
        """How much of the budget is used, in [0, 1]."""
        config, progress = self.config, self.progress
        by_steps = progress.step / (config.steps * config.epochs)
        by_time = progress.seconds / (60 * config.minutes) if config.minutes else 0.0
        return max(by_steps, by_time)

    def _average(self) -> None:
        """Let the running mean of the weights follow; at first quickly, as it began at random."""
        if not self.config.ema:
            return
        keep = min(self.config.ema, (1 + self.progress.step) / (10 + self.progress.step))
        for mean, now in zip(self.mean, self.model.get_weights(), strict=True):
            mean += np.asarray((1 - keep) * (now - mean), mean.dtype)

    def _validated(self, validate: Validate) -> float:
        """Score of the averaged weights on the validation images; keeps the best."""
        progress, trained = self.progress, self.model.get_weights()
        if self.config.ema:
            self.model.set_weights(self.mean)
        score = validate(self.model)
        progress.waited += 1
        if score > progress.best_score:
            progress.best_score, progress.best_epoch, progress.waited = score, progress.epoch, 0
            self.best = self.model.get_weights()
        self.model.set_weights(trained)
        return score

    def _finished(self) -> bool:
        progress, config = self.progress, self.config
        if self._share() >= 1:
            return True
        if not config.patience or progress.waited < config.patience:
            return False
        if config.schedule == "plateau" and progress.reductions < 3:
            progress.reductions, progress.waited = progress.reductions + 1, 0
            return False
        return True

    def _save(self) -> None:
        groups = {
            "weights": self.model.get_weights(),
            "optimizer": [v.numpy() for v in self.model.optimizer.variables],
            "mean": self.mean,
            "best": self.best,
        }
        state = {"config": self.config.to_dict(), "progress": vars(self.progress)}
        save_checkpoint(self.checkpoint, groups, state)

    def _restore(self) -> None:
        groups, state = load_checkpoint(self.checkpoint)
        # As a config, so that settings that came later have their defaults.
        before, now = training_config(state["config"]).to_dict(), self.config.to_dict()
        if before != now:
            changed = [name for name, value in now.items() if before.get(name) != value]
            raise DataError(
                f"{self.checkpoint} is of a run with other settings ({', '.join(changed)}); choose "
                "another folder, or remove it to begin anew"
            )
        self.model.set_weights(groups["weights"])
        for variable, value in zip(
            self.model.optimizer.variables, groups["optimizer"], strict=True
        ):
            variable.assign(value)
        self.mean, self.best = groups["mean"], groups["best"]
        self.progress = Progress(**state["progress"])


def _means(losses: list[dict[str, Any]]) -> dict[str, float]:
    """Mean over steps of each loss, what is minimised first."""
    names = ["loss", *(name for name in losses[0] if name != "loss")]
    return {name: float(np.mean([step[name] for step in losses])) for name in names}


def set_up_tensorflow(threads: int) -> None:
    """Let TensorFlow compute in so many threads, and with oneDNN.

    The first is ignored after its first step, the second after its import. TensorFlow chooses
    oneDNN by itself only on processors with AVX-512, yet with AVX2 alone a step takes two thirds of
    the time with it.
    """
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)


def _optimizer(config: TrainingConfig) -> Any:
    import keras

    clip, decay = config.clip or None, config.weight_decay
    if config.optimizer == "sgd":
        make = partial(keras.optimizers.SGD, momentum=config.momentum)
        return make(config.rate, weight_decay=decay or None, global_clipnorm=clip)
    make = keras.optimizers.Adam if config.optimizer == "adam" else keras.optimizers.AdamW
    return make(config.rate, weight_decay=decay, global_clipnorm=clip)
