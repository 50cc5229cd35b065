"""Small networks for tests: an ONNX graph and its card, made without TensorFlow."""

import hashlib
import json

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OUTPUTS = ["background", "interior", "border"]


def tiny_onnx(channels=1, n_outputs=3, bias=0.0):
    """A 3 x 3 mean of the first channel, then classes: dark ground, bright interior, else border.

    The one before the last output is the interior, so that there may be more or fewer classes.
    """
    mean = np.zeros((1, channels, 3, 3), np.float32)
    mean[0, 0] = 1 / 9
    slope, level = np.zeros((n_outputs, 1, 1, 1), np.float32), np.zeros(n_outputs, np.float32)
    slope[0], level[0] = -24, 6  # background below 1/4
    slope[1], level[1] = 24, -18 + bias  # interior above 3/4
    nodes = [
        helper.make_node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "mean"], ["smooth"], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["smooth", "slope", "level"], ["scores"]),
        helper.make_node("Transpose", ["scores"], ["last"], perm=[0, 2, 3, 1]),
        helper.make_node("Softmax", ["last"], ["probabilities"], axis=3),
    ]
    arrays = {"mean": mean, "slope": slope, "level": level}
    return _saved(nodes, arrays, channels, n_outputs)


def endless_onnx():
    """A graph that gives its input of three channels back after a loop without end."""
    bool_, float_ = TensorProto.BOOL, TensorProto.FLOAT
    shape = ["b", "h", "w", 3]
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["again"]),
            helper.make_node("Identity", ["inner"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("step", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", bool_, []),
            helper.make_tensor_value_info("inner", float_, shape),
        ],
        [
            helper.make_tensor_value_info("again", bool_, []),
            helper.make_tensor_value_info("next", float_, shape),
        ],
    )
    loop = helper.make_node("Loop", ["", "true", "image"], ["probabilities"], body=body)
    return _saved([loop], {"true": np.array(True)}, 3, 3)


def odd_onnx(factor):
    """Three channels times a factor, of which the root is taken if it is negative.

    So all but what is black gives NaN, or bright pixels give values above 1.
    """
    nodes = [helper.make_node("Mul", ["image", "factor"], ["product"])]
    last = "Sqrt" if factor < 0 else "Identity"
    nodes.append(helper.make_node(last, ["product"], ["probabilities"]))
    return _saved(nodes, {"factor": np.float32(factor)}, 3, 3)


def _saved(nodes, arrays, channels, n_outputs):
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", "h", "w", n])
        for name, n in (("image", channels), ("probabilities", n_outputs))
    ]
    graph = helper.make_graph(
        nodes, "tiny", ends[:1], ends[1:],
        [numpy_helper.from_array(np.asarray(a), name) for name, a in arrays.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    return model.SerializeToString()


def write_network(folder, name="tiny", onnx=None, **entries):
    """NAME.onnx and the card NAME.json, whose path comes back; entries change the card."""
    content = tiny_onnx() if onnx is None else onnx
    (folder / f"{name}.onnx").write_bytes(content)
    card = {
        "format": 1, "name": name, "network": {}, "input": "neutral", "stride": 16,
        "outputs": OUTPUTS, "diameter": [8, 40], "split": {"method": "interior"},
        "files": {f"{name}.onnx": hashlib.sha256(content).hexdigest()},
    }  # fmt: skip
    path = folder / f"{name}.json"
    path.write_text(json.dumps({**card, **entries}))
    return path


def discs(shape, centres, radius, dark=20, bright=220):
    """An RGB image of bright discs on a dark ground."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    image = np.full((*shape, 3), dark, np.uint8)
    for y, x in centres:
        image[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = bright
    return image
