"""How a network is trained, as plain values. Loads no Keras."""

from typing import Any, ClassVar

import attrs

from nucfuse.data.augment import Augmentation
from nucfuse.errors import DataError
from nucfuse.settings import choice, number, numbers, switch, to_table


@attrs.frozen(kw_only=True)
class TrainingConfig:
    """One experiment: what all kinds of networks share. Each kind has a class derived from this.

    Attributes
    ----------
    network : object
        What the network is made of, see `nucfuse.models.families.Family`.
    augmentation : Augmentation
    optimizer : {"adamw", "adam", "sgd"}
    rate, momentum, weight_decay : float
        Highest learning rate; of "sgd" the momentum; decoupled weight decay.
    clip : float
        Largest global norm of a gradient; 0: any.
    schedule : {"cosine", "plateau", "constant"}
        After the warm-up: down to 0 along a cosine, or a tenth after each ``patience`` epochs
        without a better validation score.
    warmup : float
        Share of the run in which the rate rises to its highest value.
    batch, side : int
        Crops a step, and their side in pixels. With a network of one size, whole images.
    steps, epochs : int
        Steps of an epoch, and the largest number of epochs.
    minutes : float
        If above 0, the run ends after so much time, and the schedule follows the time used.
    patience : int
        Epochs without a better validation score after which training stops; 0: it does not.
    best : bool
        Whether the weights of the best epoch by validation score are kept, not the last ones.
    ema : float
        Decay of the running mean of the weights, which is what is kept; 0: the weights themselves.
    diameter : tuple of float
        Smallest and largest diameter of the median nucleus in a crop, in pixels.
    native : float
        Share of crops that are as predictions are made: rescaled no more than the diameter asks
        for. The others are anywhere between the two diameters.
    mix : float
        Share of crops that see a random mixture of the planes of a coloured image.
    balance : float
        0: every image is drawn as often; 1: every modality is.
    precision : {"float32", "bfloat16", "auto"}
        Of the arithmetic inside the network; weights, loss and what is kept are float32. "auto":
        bfloat16 where the processor has it.
    holes : {"fill", "exclude", "keep"}
        What happens to true masks with holes, see `nucfuse.data.clean_truth.clean_truth`. What is
        left out becomes background.
    pieces : {"largest", "exclude", "keep"}
        What happens to those in several pieces.
    validation : float
        Share of the training images that only measure; none of them is trained on.
    seed : int
        Of the first weights, the crops and the bags.
    split_seed : int
        Of grouped folds and of the share for validation; not ``seed``, so that networks of several
        seeds can be averaged fold by fold.
    """

    model: ClassVar[str]  # the kind of the network

    network: Any
    augmentation: Augmentation = attrs.field(factory=Augmentation)
    optimizer: str = choice("adamw", ("adam", "adamw", "sgd"))
    rate: float = number(3e-3, 1e-8, 10)
    momentum: float = number(0.9, 0, 0.9999)
    weight_decay: float = number(1e-4, 0, 1)
    clip: float = number(1.0, 0, 1e6)
    schedule: str = choice("cosine", ("cosine", "plateau", "constant"))
    warmup: float = number(0.05, 0, 0.9)
    batch: int = number(8, 1, 4096)
    side: int = number(160, 8, 8192)
    steps: int = number(100, 1, 10**6)
    epochs: int = number(1000, 1, 10**6)
    minutes: float = number(0.0, 0, 10**6)
    patience: int = number(0, 0, 10**6)
    best: bool = switch(False)
    ema: float = number(0.99, 0, 0.99999)
    diameter: tuple[float, float] = numbers((20.0, 44.0), (2, 2), 1)
    native: float = number(0.5, 0, 1)
    mix: float = number(0.5, 0, 1)
    balance: float = number(0.5, 0, 1)
    precision: str = choice("float32", ("auto", "float32", "bfloat16"))
    holes: str = choice("fill", ("fill", "exclude", "keep"))
    pieces: str = choice("largest", ("largest", "exclude", "keep"))
    validation: float = number(0.05, 0, 0.5)
    seed: int = number(0, 0, 2**31 - 1)
    split_seed: int = number(0, 0, 2**31 - 1)

    def __attrs_post_init__(self) -> None:
        if self.diameter[0] > self.diameter[1]:
            raise DataError(f"diameter must be two rising numbers, got {self.diameter!r}")
        if not self.network.size and self.side % self.network.stride:
            raise DataError(
                f"side must be a multiple of the network's stride, {self.network.stride}, got "
                f"{self.side}"
            )

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it, and `nucfuse.models.training.read_config` reads it."""
        return {"model": self.model, **to_table(self)}
