"""The two graphs of a network as ONNX, to be run without TensorFlow."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nucfuse.models.arrays import Floats
from nucfuse.models.files.card import Card
from nucfuse.models.files.export import (
    Storage,
    converted,
    name_outputs,
    packed,
    weights_file,
    write_network,
)
from nucfuse.models.mask_rcnn.network.network import build_mask_rcnn

_OPSET = 17  # RoiAlign without rounding, "half_pixel", is of 16
_FLOAT, _INT64 = 1, 7  # as ONNX numbers its types


def export_mask_rcnn(
    model: Any, card: Mapping[str, Any], folder: Path, storage: Storage = "float16"
) -> Card:
    """Write NAME.features.onnx, NAME.heads.onnx, NAME.weights.h5 and the card NAME.json.

    Parameters
    ----------
    model : keras.Model
        Of `build_mask_rcnn`.
    card, folder, storage
        See `nucfuse.models.files.export.export_network`.

    Returns
    -------
    Card
        As read from the file.

    Raises
    ------
    DataError
        If tf2onnx is not installed, the card is incomplete, or a file cannot be written.
    """
    exact = build_mask_rcnn(model.config, model.seed)
    exact.set_weights(model.get_weights())
    features, heads = mask_rcnn_to_onnx(exact, storage)
    files = {
        ".features.onnx": features,
        ".heads.onnx": heads,
        ".weights.h5": weights_file(exact, storage),
    }
    return write_network(files, card, folder)


def mask_rcnn_to_onnx(model: Any, storage: Storage = "float32") -> tuple[bytes, bytes]:
    """Convert a Mask R-CNN to two ONNX graphs, batch, size and number of regions left open.

    Parameters
    ----------
    model : keras.Model
        Of `build_mask_rcnn`, that computes in float32.
    storage : {"float16", "float32"}
        How the graphs hold the weights; all is computed in float32.

    Returns
    -------
    features, heads : bytes
        With the inputs and outputs of the two functional models, in their order and by the names
        "image", "map4" … (by stride), "rpn_logits", "rpn_deltas"; "rois", "images", "mask_rois",
        "mask_images", "probabilities", "deltas", "masks".

    Raises
    ------
    DataError
        If tf2onnx is not installed.
    """
    maps = [f"map{stride}" for stride in model.config.roi_strides]
    ends = [*maps, "rpn_logits", "rpn_deltas"], ["probabilities", "deltas", "masks"]
    handlers: dict[str, Any] = {"CropAndResize": (_roi_align, [])}
    parts = []
    for part, names in zip((model.features, model.heads), ends, strict=True):
        inputs = {tensor.name: (tensor.shape, tensor.dtype) for tensor in part.inputs}
        graph = converted(_called(part), inputs, _OPSET, custom_op_handlers=handlers)
        name_outputs(graph, names[: len(part.outputs)])
        parts.append(packed(graph, storage))
    return parts[0], parts[1]


def _called(part: Any) -> Any:
    def function(*tensors: Any) -> Any:
        return part(tensors[0] if len(tensors) == 1 else list(tensors), training=False)

    return function


def _roi_align(ctx: Any, node: Any, name: str, args: Any) -> None:
    """ONNX's RoiAlign of one sample a bin for TensorFlow's CropAndResize, whose points it shares.

    tf2onnx itself makes a loop over the regions of it. CropAndResize is given the centres of the
    first and the last bin, over the last cell; a region ends half a bin beyond them.
    """
    feature_map, corners, images = node.input[:3]
    shapes, dtypes = [ctx.get_shape(node.output[0])], [ctx.get_dtype(node.output[0])]
    n = int(node.inputs[3].get_tensor_value()[0])

    def made(kind: str, *inputs: str, **attributes: Any) -> str:
        output: str = ctx.make_node(kind, list(inputs), attributes).output[0]
        return output

    def constant(value: Any) -> str:
        output: str = ctx.make_const(f"{name}_{len(ctx.get_nodes())}", value).output[0]
        return output

    sides = made("Slice", made("Shape", feature_map), *(constant(np.array([k])) for k in (1, 3, 0)))
    last_cell = made("Sub", made("Cast", sides, to=_FLOAT), constant(np.ones(1, np.float32)))
    cells = made("Mul", corners, made("Concat", last_cell, last_cell, axis=0))
    regions = made(
        "Add", made("MatMul", cells, constant(_outwards(n))), constant(np.full(1, 0.5, np.float32))
    )
    pooled = made(
        "RoiAlign",
        made("Transpose", feature_map, perm=[0, 3, 1, 2]),
        regions,
        made("Cast", images, to=_INT64),
        output_height=n,
        output_width=n,
        sampling_ratio=1,
        coordinate_transformation_mode="half_pixel",
    )
    ctx.remove_node(node.name)
    ctx.make_node(
        "Transpose",
        [pooled],
        {"perm": [0, 2, 3, 1]},
        name=name,
        outputs=node.output,
        shapes=shapes,
        dtypes=dtypes,
    )


def _outwards(n: int) -> Floats:
    """From the centres of the outer of n bins (y0, x0, y1, x1) to their edges (x0, y0, x1, y1)."""
    half = 0.5 / (n - 1) if n > 1 else 0.0
    near, far = 1 + half, -half
    return np.array(
        [[0, near, 0, far], [near, 0, far, 0], [0, far, 0, near], [far, 0, near, 0]], np.float32
    )
