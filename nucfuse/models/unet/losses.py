"""Losses between targets and probabilities (B, H, W, K), each a function of two Keras tensors.

K channels are independent sigmoids or one softmax; every loss is the mean over the pixels, except
Dice and Lovász, which are over a whole batch and over each image.
"""

from collections.abc import Callable, Sequence
from typing import Any

from nucfuse.errors import DataError

Tensor = Any
Loss = Callable[[Tensor, Tensor], Tensor]
_EPSILON = 1e-6


def binary_cross_entropy(true: Tensor, pred: Tensor) -> Tensor:
    """Mean of -(t log p + (1 - t) log(1 - p)) over pixels and channels."""
    from keras import ops

    p = ops.clip(pred, _EPSILON, 1 - _EPSILON)
    return -ops.mean(true * ops.log(p) + (1 - true) * ops.log(1 - p))


def dice(true: Tensor, pred: Tensor) -> Tensor:
    """1 - (2 sum(t p) + 1) / (sum t + sum p + 1), mean over channels.

    Soft Dice of Milletari et al. 2016, https://doi.org/10.1109/3DV.2016.79, with plain sums.
    """
    from keras import ops

    axes = (0, 1, 2)
    shared = ops.sum(true * pred, axes)
    total = ops.sum(true, axes) + ops.sum(pred, axes)
    return ops.mean(1 - (2 * shared + 1) / (total + 1))


def bce_dice(true: Tensor, pred: Tensor) -> Tensor:
    """`binary_cross_entropy` plus `dice`."""
    return binary_cross_entropy(true, pred) + dice(true, pred)


def cross_entropy(weights: Sequence[float] = (1.0, 1.0, 2.0)) -> Loss:
    """Weighted multiclass cross-entropy: mean of -w_c log p_c, c the true class of each pixel.

    Weighted as by Guerrero-Pena et al. 2018, https://doi.org/10.1109/ICIP.2018.8451187, with one
    weight a class. Further channels than the classes (a distance) add their mean squared error.
    """
    from keras import ops

    n = len(weights)

    def loss(true: Tensor, pred: Tensor) -> Tensor:
        logs = ops.log(ops.clip(pred[..., :n], _EPSILON, 1.0))
        # A tensor made in here, as one made outside belongs to another graph.
        of_class = ops.convert_to_tensor(list(weights), "float32")
        value = -ops.mean(ops.sum(true[..., :n] * logs * of_class, axis=-1))
        if true.shape[-1] is not None and true.shape[-1] > n:
            value += ops.mean(ops.square(true[..., n:] - pred[..., n:]))
        return value

    return loss


def lovasz_hinge(true: Tensor, pred: Tensor) -> Tensor:
    """Convex bound of 1 - IoU of the first channel, mean over images.

    Berman et al. 2018, https://doi.org/10.1109/CVPR.2018.00464, on the log odds of ``pred``.
    """
    from keras import ops

    n = ops.shape(true)[0]
    t = ops.reshape(true[..., 0], (n, -1))
    p = ops.clip(ops.reshape(pred[..., 0], (n, -1)), _EPSILON, 1 - _EPSILON)
    errors = 1 - (2 * t - 1) * ops.log(p / (1 - p))
    order = ops.argsort(-errors, axis=1)
    errors, t = ops.take_along_axis(errors, order, 1), ops.take_along_axis(t, order, 1)
    total = ops.sum(t, axis=1, keepdims=True)
    jaccard = 1 - (total - ops.cumsum(t, axis=1)) / (total + ops.cumsum(1 - t, axis=1))
    steps = ops.concatenate([jaccard[:, :1], jaccard[:, 1:] - jaccard[:, :-1]], axis=1)
    return ops.mean(ops.sum(ops.relu(errors) * steps, axis=1))


LOSSES: dict[str, Loss] = {
    "bce": binary_cross_entropy,
    "dice": dice,
    "bce_dice": bce_dice,
    "lovasz": lovasz_hinge,
}


def loss_of(name: str, weights: Sequence[float], n_channels: int) -> Loss:
    """Loss of that name for so many output channels.

    Raises
    ------
    DataError
        A ValueError. If it does not go with the channels.
    """
    if name != "cross_entropy":
        return LOSSES[name]
    if n_channels < 3:
        raise DataError(
            f"loss 'cross_entropy' needs a head of three classes, this one has {n_channels} "
            f"channels; use one of {', '.join(LOSSES)}"
        )
    return cross_entropy(weights)
