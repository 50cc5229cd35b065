"""How fast to learn, at which share of the run."""

import math

from nucfuse.models.training.config import TrainingConfig


def learning_rate(config: TrainingConfig, share: float, reductions: int = 0) -> float:
    """Learning rate at a share of the run in [0, 1].

    Parameters
    ----------
    config : TrainingConfig
    share : float
        Of the steps or, where there is a budget of minutes, of the time.
    reductions : int
        How often a plateau was seen; each is a tenth.

    Examples
    --------
    >>> from nucfuse.models.unet.config import UNetTraining
    >>> config = UNetTraining(rate=1.0, warmup=0.1)
    >>> [round(learning_rate(config, share), 3) for share in (0.05, 0.1, 0.55, 1)]
    [0.5, 1.0, 0.5, 0.0]
    """
    if share < config.warmup:
        return config.rate * share / config.warmup
    if config.schedule == "cosine":
        along = (min(share, 1.0) - config.warmup) / (1 - config.warmup)
        return config.rate * (1 + math.cos(math.pi * along)) / 2
    if config.schedule == "plateau":
        return config.rate * 10.0**-reductions
    return config.rate
