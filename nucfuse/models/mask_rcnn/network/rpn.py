"""The region proposal network: is there a nucleus at an anchor, and where exactly.

Ren et al. 2015, https://arxiv.org/abs/1506.01497, section 3.1; one for all levels of the pyramid
(Lin et al. 2017, https://doi.org/10.1109/CVPR.2017.106, section 4.1).
"""

from collections.abc import Sequence
from typing import Any

from nucfuse.models.mask_rcnn.config import MaskRCNNConfig
from nucfuse.models.style import Style

Tensor = Any


def region_proposals(
    levels: Sequence[Tensor], config: MaskRCNNConfig, style: Style
) -> tuple[Tensor, Tensor]:
    """Objectness and box deltas of every anchor.

    Parameters
    ----------
    levels : sequence of tensors, shape (B, H, W, C)
        One for each of ``config.strides``; they share the weights.
    config : MaskRCNNConfig
    style : Style
        Initialises the 3 x 3 convolution.

    Returns
    -------
    logits : tensor of float32, shape (B, A)
        Log odds of a nucleus, in the order of `nucfuse.models.mask_rcnn.anchors.anchors`: level,
        row, column, ratio. One number an anchor: a softmax of two classes, as in the paper, is a
        sigmoid of their difference.
    deltas : tensor of float32, shape (B, A, 4)
        In units of ``config.box_std``.
    """
    from keras import layers

    n = config.anchors_per_cell
    shared = layers.Conv2D(
        config.fpn_width, 3, padding="same", activation="relu", kernel_initializer=style.kernel()
    )
    objectness = layers.Conv2D(n, 1, kernel_initializer=last_kernel(0.01, style))
    regression = layers.Conv2D(4 * n, 1, kernel_initializer=last_kernel(0.01, style))
    logits, deltas = [], []
    for level in levels:
        x = shared(level)
        logits.append(layers.Reshape((-1,))(objectness(x)))
        deltas.append(layers.Reshape((-1, 4))(regression(x)))
    join = layers.Concatenate(axis=1, dtype="float32")
    join_deltas = layers.Concatenate(axis=1, dtype="float32")
    return join(logits), join_deltas(deltas)


def last_kernel(deviation: float, style: Style) -> Any:
    """Small weights, so that training starts from "nothing known": even odds, unmoved boxes."""
    from keras import initializers

    return initializers.RandomNormal(stddev=deviation, seed=style.next_seed())
