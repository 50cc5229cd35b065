"""The whole network: two Keras graphs with the selection of proposals, in NumPy, between them."""

from collections.abc import Sequence
from functools import cache, cached_property
from typing import Any

import numpy as np

from nucfuse.errors import DataError
from nucfuse.models.inference.onnx_session import Arrays, Graph
from nucfuse.models.inputs import CHANNELS
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig
from nucfuse.models.mask_rcnn.network.fpn import feature_pyramid, subsampled
from nucfuse.models.mask_rcnn.network.heads import box_head, mask_head, pooling_layer
from nucfuse.models.mask_rcnn.network.resnet import DEPTHS, resnet
from nucfuse.models.mask_rcnn.network.rpn import region_proposals
from nucfuse.models.mask_rcnn.network.small_backbone import small_backbone
from nucfuse.models.mask_rcnn.training.step import training_step
from nucfuse.models.precision import computing_in
from nucfuse.models.style import Style

Tensor = Any
STAGES = ("all", "heads")


def build_mask_rcnn(config: MaskRCNNConfig, seed: int = 0, precision: str = "float32") -> Any:
    """Make a Mask R-CNN with fresh weights (a Faster R-CNN if ``config.masks`` is false).

    Parameters
    ----------
    config : MaskRCNNConfig
    seed : int
        Of the weights, and of what is sampled in training.
    precision : {"float32", "bfloat16"}
        Of the arithmetic; weights, boxes, probabilities and masks are float32 in both.

    Returns
    -------
    keras.Model
        To be trained on images (B, H, W, C) in [0, 1] and label images int32 (B, H, W), where H and
        W are multiples of ``config.stride``. It has ``config``, ``graphs``, which run both of the
        following on NumPy arrays, and two functional models:

        - ``features``: images -> [maps of ``config.roi_strides`` (B, h, w, F), RPN logits (B, A),
          RPN deltas (B, A, 4)];
        - ``heads``: [the maps, regions (R, 4) as (y0, x0, y1, x1) in pixels, which of the B images
          each is of, int32 (R,), the same of regions for masks (M, 4), (M,)] -> [probabilities
          (R, K), deltas (R, K, 4), masks (M, S, S, K - 1)]. The regions for masks are others
          than those for boxes: the positive ones in training, what was detected in prediction.
    """
    with computing_in(precision):
        features, heads = _features(config, seed), _heads(config, seed)
    return _model_class()(config, seed, features, heads)


def set_stage(model: Any, stage: str) -> None:
    """Choose what learns from now on.

    Parameters
    ----------
    model : keras.Model
    stage : {"all", "heads"}
        All layers, or all but the backbone: pyramid, RPN and heads. Frozen batch normalisation
        never does.

    Raises
    ------
    DataError
        A ValueError. If there is no such stage.
    """
    if stage not in STAGES:
        raise DataError(f"stage must be one of {', '.join(STAGES)}, got {stage!r}")
    backbone = backbone_of(model)
    if backbone.trainable == (stage == "all"):
        return
    backbone.trainable = stage == "all"
    if model.config.batch_norm == "frozen":
        _freeze_norms(backbone)
    # The function that Keras compiled has the variables of the stage before.
    model.train_function = None


def backbone_of(model: Any) -> Any:
    """Backbone of a model, a functional model: image -> maps."""
    return model.features.get_layer("backbone")


def _features(config: MaskRCNNConfig, seed: int) -> Any:
    import keras

    style = Style("relu", "he_normal", "batch", 0.0, 1000 * seed)
    image = keras.Input((None, None, CHANNELS[config.input]), name="image")
    x = image
    if config.means:
        offsets = [-mean for mean in config.means]
        x = keras.layers.Rescaling(255.0, offsets, dtype="float32")(x)
    backbone = _backbone(config, style)
    levels = feature_pyramid(backbone(x), config.fpn_width, style)
    maps = list(levels)
    while len(levels) < len(config.strides):
        levels.append(subsampled(levels[-1]))
    logits, deltas = region_proposals(levels, config, style)
    return keras.Model(image, [*maps, logits, deltas], name="features")


def _backbone(config: MaskRCNNConfig, style: Style) -> Any:
    import keras

    image = keras.Input((None, None, CHANNELS[config.input]))
    if config.backbone == "small":
        maps = small_backbone(image, config.widths, style)[-len(config.strides) :]
    else:
        maps = resnet(image, DEPTHS[config.backbone], style)
    backbone = keras.Model(image, maps, name="backbone")
    if config.batch_norm == "frozen":
        _freeze_norms(backbone)
    return backbone


def _freeze_norms(backbone: Any) -> None:
    import keras

    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def _heads(config: MaskRCNNConfig, seed: int) -> Any:
    import keras

    # Far from the seeds of the features, which take one a layer.
    style = Style("relu", "he_normal", "none", 0.0, 1000 * seed + 500)
    strides = config.roi_strides
    maps = [keras.Input((None, None, config.fpn_width), name=f"map{s}") for s in strides]
    rois = keras.Input((4,), name="rois")
    images = keras.Input((), dtype="int32", name="images")
    regions = pooling_layer(config, strides, config.box_pool)([*maps, rois, images])
    inputs, outputs = [*maps, rois, images], [*box_head(regions, config, style)]
    if config.masks:
        mask_rois = keras.Input((4,), name="mask_rois")
        mask_images = keras.Input((), dtype="int32", name="mask_images")
        pooling = pooling_layer(config, strides, config.mask_pool)
        outputs.append(mask_head(pooling([*maps, mask_rois, mask_images]), config, style))
        inputs += [mask_rois, mask_images]
    return keras.Model(inputs, outputs, name="heads")


def _of_arrays(part: Any) -> Graph:
    """Compile a part of a model, not in training, as one function for all sizes."""
    import tensorflow as tf

    signature = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in part.inputs]

    @tf.function(input_signature=signature)
    def compiled(*tensors: Tensor) -> Sequence[Tensor]:
        outputs: Sequence[Tensor] = part(
            tensors[0] if len(tensors) == 1 else list(tensors), training=False
        )
        return outputs

    def run(arrays: Arrays) -> Arrays:
        return [np.asarray(output) for output in compiled(*arrays)]

    return run


@cache
def _model_class() -> Any:
    import keras

    class MaskRCNN(keras.Model):
        def __init__(self, config: MaskRCNNConfig, seed: int, features: Any, heads: Any) -> None:
            super().__init__(name="mask_rcnn")
            self.config, self.seed = config, seed
            self.features, self.heads = features, heads
            self.built = True

        @cached_property
        def graphs(self) -> tuple[Graph, Graph]:
            return _of_arrays(self.features), _of_arrays(self.heads)

        def call(self, images: Tensor, training: bool = False) -> Sequence[Tensor]:
            outputs: Sequence[Tensor] = self.features(images, training=training)
            return outputs

        def train_step(self, data: tuple[Tensor, Tensor, None]) -> dict[str, Tensor]:
            images, labels, _ = data  # Keras adds the weights of samples, of which there are none
            return training_step(self, images, labels)

    return MaskRCNN
