"""The training loop: batches in, weights and a log out, and a checkpoint after every epoch."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.errors import DataError
from nucfuse.models.training.checkpoint import load_checkpoint, save_checkpoint
from nucfuse.models.training.config import TrainingConfig
from nucfuse.models.training.crops import Batch, Crops
from nucfuse.models.training.schedule import learning_rate
from nucfuse.models.unet.losses import loss_of

Weights = list[NDArray[Any]]
# The score of weights on validation images, given a model that has them.
Validate = Callable[[Any], float]
# Told the row of the log after each epoch.
Report = Callable[[dict[str, float]], None]

_AHEAD = 3  # batches made while the network learns


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
    crops : Crops
    config : TrainingConfig
    checkpoint : Path
        Where the state is kept; a run goes on from there if the file exists.
    validate : callable, optional
        Score of a model on validation images; without it there is no early stop and no best epoch.
    before_epoch : callable, optional
        Told before each epoch how much of the budget is used, in [0, 1]; it may choose which layers
        learn, of those that do when the trainer is made.
    """

    def __init__(
        self, model: Any, crops: Crops, config: TrainingConfig, checkpoint: Path,
        validate: Validate | None = None,
        before_epoch: Callable[[float], None] = lambda share: None,
    ) -> None:  # fmt: skip
        self.model, self.crops, self.config = model, crops, config
        self.checkpoint, self.validate = checkpoint, validate
        self.before_epoch = before_epoch
        self.progress = Progress()
        loss = None
        if config.model == "unet":  # a Mask R-CNN computes its losses itself
            loss = loss_of(config.loss, config.class_weights, model.output_shape[-1])
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
        progress, config, losses = self.progress, self.config, []
        self.before_epoch(self._share())
        begin, before = time.monotonic(), progress.seconds
        for batch in self._batches(progress.step, config.steps):
            rate = learning_rate(config, self._share(), progress.reductions)
            self.model.optimizer.learning_rate = rate
            losses.append(self.model.train_on_batch(*batch, return_dict=True))
            progress.step += 1
            if not np.isfinite(losses[-1]["loss"]):
                raise DataError(
                    f"the loss became {losses[-1]['loss']} at step {progress.step}; lower the rate "
                    f"({config.rate:g}) or clip gradients"
                )
            self._average()
            progress.seconds = before + time.monotonic() - begin
            if self._share() >= 1:
                break
        progress.epoch += 1
        row = {"epoch": progress.epoch, "step": progress.step, "seconds": progress.seconds,
               "rate": rate, **_means(losses)}  # fmt: skip
        if self.validate is not None:
            row["dsb_ap"] = self._validated()
            progress.seconds = before + time.monotonic() - begin
        return row

    def _batches(self, first: int, count: int) -> Iterator[Batch]:
        with ThreadPoolExecutor(1) as maker:
            waiting = [maker.submit(self.crops.batch, first + k) for k in range(_AHEAD)]
            for k in range(count):
                yield waiting.pop(0).result()
                waiting.append(maker.submit(self.crops.batch, first + k + _AHEAD))
            for future in waiting:
                future.cancel()

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

    def _validated(self) -> float:
        """Score of the averaged weights on the validation images; keeps the best."""
        progress, trained = self.progress, self.model.get_weights()
        if self.config.ema:
            self.model.set_weights(self.mean)
        assert self.validate is not None
        score = self.validate(self.model)
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
        before, now = (
            TrainingConfig.from_dict(c).to_dict() for c in (state["config"], self.config.to_dict())
        )
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
    """Let TensorFlow compute in so many threads (ignored after its first step), and with oneDNN
    (ignored after its import).

    TensorFlow chooses oneDNN by itself only on processors with AVX-512, yet with AVX2 alone a step
    takes two thirds of the time with it.
    """
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)


def _optimizer(config: TrainingConfig) -> Any:
    import keras

    clip = config.clip or None
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(
            config.rate, momentum=config.momentum, weight_decay=config.weight_decay or None,
            global_clipnorm=clip,
        )  # fmt: skip
    make = keras.optimizers.Adam if config.optimizer == "adam" else keras.optimizers.AdamW
    return make(config.rate, weight_decay=config.weight_decay, global_clipnorm=clip)
