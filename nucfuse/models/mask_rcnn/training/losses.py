"""The five losses of Mask R-CNN, each a mean over what it is about; 0 where there is nothing.

Class and box of the RPN and of the regions: Ren et al. 2015, https://arxiv.org/abs/1506.01497,
section 3.1.2; masks: He et al. 2017, https://doi.org/10.1109/ICCV.2017.322, section 3. A box loss
is the mean over the four numbers of the positive ones alone, as in matterport's Mask_RCNN; the
papers divide by all that were sampled.
"""

from typing import Any

Tensor = Any
_EPSILON = 1e-6


def rpn_class_loss(match: Tensor, logits: Tensor) -> Tensor:
    """Binary cross-entropy of the sampled anchors.

    Parameters
    ----------
    match : tensor of int, shape (B, A)
        1 nucleus, 0 none, -1 not sampled.
    logits : tensor of float32, shape (B, A)
    """
    from keras import ops

    positive = ops.cast(match == 1, "float32")
    # log(1 + exp(x)) - t x, of large x as well
    surprise = ops.softplus(logits) - positive * logits
    return _mean_where(match >= 0, surprise)


def rpn_box_loss(match: Tensor, true_deltas: Tensor, deltas: Tensor) -> Tensor:
    """Smooth L1 of the positive anchors' deltas, (B, A, 4)."""
    from keras import ops

    return _mean_where(match == 1, ops.mean(smooth_l1(true_deltas - deltas), axis=-1))


def class_loss(classes: Tensor, probabilities: Tensor) -> Tensor:
    """Cross-entropy of the regions.

    Parameters
    ----------
    classes : tensor of int, shape (R,)
        0 is the background.
    probabilities : tensor of float32, shape (R, K)
    """
    from keras import ops

    true = ops.one_hot(classes, probabilities.shape[-1])
    logs = ops.log(ops.clip(probabilities, _EPSILON, 1.0))
    return _mean_where(classes >= 0, -ops.sum(true * logs, axis=-1))


def box_loss(classes: Tensor, true_deltas: Tensor, deltas: Tensor) -> Tensor:
    """Smooth L1 of the positive regions' deltas for their true class.

    Parameters
    ----------
    classes : tensor of int, shape (R,)
    true_deltas : tensor of float32, shape (R, 4)
    deltas : tensor of float32, shape (R, K, 4)
    """
    from keras import ops

    of_class = ops.one_hot(classes, deltas.shape[1])[..., None]
    error = smooth_l1(true_deltas - ops.sum(of_class * deltas, axis=1))
    return _mean_where(classes > 0, ops.mean(error, axis=-1))


def mask_loss(classes: Tensor, true_masks: Tensor, masks: Tensor) -> Tensor:
    """Binary cross-entropy of the bins of positive regions, for their true class alone.

    Parameters
    ----------
    classes : tensor of int, shape (M,)
        From 1.
    true_masks : tensor of float32, shape (M, S, S)
        0 or 1.
    masks : tensor of float32, shape (M, S, S, K - 1)
    """
    from keras import ops

    of_class = ops.one_hot(classes - 1, masks.shape[-1])[:, None, None]
    p = ops.clip(ops.sum(of_class * masks, axis=-1), _EPSILON, 1 - _EPSILON)
    surprise = -(true_masks * ops.log(p) + (1 - true_masks) * ops.log(1 - p))
    return _mean_where(classes > 0, ops.mean(surprise, axis=(1, 2)))


def smooth_l1(error: Tensor) -> Tensor:
    """x^2 / 2 up to |x| = 1, then |x| - 1/2 (Girshick 2015, eq. 3)."""
    from keras import ops

    size = ops.abs(error)
    return ops.where(size < 1, size * size / 2, size - 0.5)


def _mean_where(chosen: Tensor, values: Tensor) -> Tensor:
    from keras import ops

    weights = ops.cast(chosen, "float32")
    return ops.sum(weights * values) / ops.maximum(ops.sum(weights), 1.0)
