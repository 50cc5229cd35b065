"""One step of training: features, sampled regions, heads, five losses, weights moved.

The joint training of He et al. 2017, https://doi.org/10.1109/ICCV.2017.322, section 3.1: proposals
are constants, no gradient goes through where they lie.
"""

from typing import Any

from nucfuse.models.mask_rcnn.config import LOSSES
from nucfuse.models.mask_rcnn.training import losses as of
from nucfuse.models.mask_rcnn.training.targets import TYPES, Targets, training_targets

Tensor = Any


def training_step(model: Any, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Move the weights once.

    Parameters
    ----------
    model : keras.Model
        Of `build_mask_rcnn`, compiled with an optimizer.
    images : tensor of float32, shape (B, H, W, C)
    labels : tensor of int32, shape (B, H, W)
        0 background; nuclei have any numbers above.

    Returns
    -------
    dict of str to tensor
        "loss", what is minimised; the five of `nucfuse.models.mask_rcnn.config.LOSSES` before
        weighting; "l2".
    """
    import tensorflow as tf

    with tf.GradientTape() as tape:
        losses = step_losses(model, images, labels)
    variables = model.trainable_variables
    model.optimizer.apply(tape.gradient(losses["loss"], variables), variables)
    return losses


def step_losses(model: Any, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Losses of a step, without moving the weights."""
    *maps, logits, deltas = model.features(images, training=True)
    targets = _targets(model, labels, logits, deltas)
    regions = [*maps, targets.rois, targets.images]
    if model.config.masks:
        regions += [targets.mask_rois, targets.mask_images]
    outputs = model.heads(regions, training=True)
    losses = {
        "rpn_class": of.rpn_class_loss(targets.match, logits),
        "rpn_box": of.rpn_box_loss(targets.match, targets.anchor_deltas, deltas),
        "class": of.class_loss(targets.classes, outputs[0]),
        "box": of.box_loss(targets.classes, targets.deltas, outputs[1]),
    }
    if model.config.masks:
        losses["mask"] = of.mask_loss(targets.mask_classes, targets.masks, outputs[2])
    weights = dict(zip(LOSSES, model.config.loss_weights, strict=True))
    l2 = l2_loss(model)
    total = sum(weights[name] * value for name, value in losses.items()) + l2
    return {"loss": total, **losses, "l2": l2}


def l2_loss(model: Any) -> Tensor:
    """Half the squared kernels of all layers but the backbone's, times ``config.l2``."""
    from keras import ops

    kernels = [
        variable
        for part in (*model.features.layers, *model.heads.layers)
        if part.name != "backbone"
        for variable in part.trainable_variables
        if variable.name == "kernel"
    ]
    return model.config.l2 / 2 * sum(ops.sum(ops.square(kernel)) for kernel in kernels)


def _targets(model: Any, labels: Tensor, logits: Tensor, deltas: Tensor) -> Targets[Tensor]:
    """`training_targets` as a node of the graph; what it gives are constants to the gradient."""
    import tensorflow as tf

    def in_numpy(step: Any, labels: Any, logits: Any, deltas: Any) -> Targets[Any]:
        return training_targets(labels, logits, deltas, model.config, (model.seed, int(step)))

    types = [getattr(tf, name) for name in TYPES]
    step = model.optimizer.iterations
    arrays = tf.numpy_function(in_numpy, [step, labels, logits, deltas], types)
    side = model.config.mask_size
    regions = [(None, 4), (None,), (None,)]
    shapes = [logits.shape, deltas.shape, *regions, (None, 4), *regions, (None, side, side)]
    return Targets(*map(tf.ensure_shape, arrays, shapes))
