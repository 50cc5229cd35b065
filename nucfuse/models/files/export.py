"""A Keras model as the three files of a trained network: card, ONNX graph, Keras weights."""

import hashlib
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nucfuse.data.atomic_output import atomic_file
from nucfuse.data.run_record import to_json
from nucfuse.errors import DataError
from nucfuse.models.files.card import FORMAT, Card
from nucfuse.models.files.read_card import read_card

Storage = Literal["float16", "float32"]

_OPSET = 15
# Smaller arrays stay as they are: shapes, indices, single numbers, and the 4 x 4 matrices that
# place regions, where a rounded entry would move every sample.
_LARGE = 64
_NEEDED = "exporting a network needs TensorFlow and tf2onnx: pip install 'nucfuse[models]'"


def export_network(
    model: Any, card: Mapping[str, Any], folder: Path, storage: Storage = "float16"
) -> Card:
    """Write NAME.onnx, NAME.weights.h5 and the card NAME.json, which is written last.

    Parameters
    ----------
    model : keras.Model
        Image (B, H, W, C) -> probabilities (B, H, W, K).
    card : mapping
        The entries of a card (see `Card`) but ``format`` and ``files``.
    folder : Path
    storage : {"float16", "float32"}
        How both files hold the weights. They become float32 when they are loaded, and all is
        computed in that.

    Returns
    -------
    Card
        As read from the file.

    Raises
    ------
    DataError
        If tf2onnx is not installed, the card is incomplete, or a file cannot be written.
    """
    import keras

    # Its own layers without its optimizer, whose state would be twice as large as the weights.
    bare = keras.Model(model.inputs, model.outputs)
    files = {".onnx": to_onnx(model, storage), ".weights.h5": weights_file(bare, storage)}
    return write_network(files, card, folder)


def write_network(files: Mapping[str, bytes], card: Mapping[str, Any], folder: Path) -> Card:
    """Write the files of a network and the card that vouches for them.

    Parameters
    ----------
    files : mapping
        How each file's name goes on after that of the network, and its content.
    card : mapping
        See `export_network`.
    folder : Path

    Returns
    -------
    Card
        As read from the file.

    Raises
    ------
    DataError
        If the card is incomplete, or a file cannot be written.
    """
    named = {f"{card['name']}{ending}": content for ending, content in files.items()}
    for file, content in named.items():
        with atomic_file(folder / file) as part:
            part.write_bytes(content)
    hashes = {file: hashlib.sha256(content).hexdigest() for file, content in named.items()}
    path = folder / f"{card['name']}.json"
    with atomic_file(path) as part:
        text = to_json({"format": FORMAT, **card, "files": hashes})
        part.write_text(text + "\n", encoding="utf-8")
        read_card(part)  # a bad card gets no file
    return read_card(path)


def to_onnx(model: Any, storage: Storage = "float32") -> bytes:
    """Convert a Keras model to ONNX: "image" -> "probabilities", batch and size left open."""
    shape = (None, None, None, model.input_shape[-1])
    graph = converted(lambda image: model(image, training=False), {"image": (shape, "float32")})
    name_outputs(graph, ["probabilities"])
    for end in (graph.graph.input[0], graph.graph.output[0]):
        for dim, name in zip(
            end.type.tensor_type.shape.dim, ("batch", "height", "width"), strict=False
        ):
            dim.ClearField("dim_value")
            dim.dim_param = name
    return packed(graph, storage)


def converted(
    function: Callable[..., Any],
    inputs: Mapping[str, tuple[tuple[int | None, ...], str]],
    opset: int = _OPSET,
    **options: Any,
) -> Any:
    """Convert what a function of tensors computes to an ONNX model.

    Parameters
    ----------
    function : callable
        Of tensors in the order of ``inputs``; it returns one or a list of them.
    inputs : mapping
        Name to shape (None where it is open) and dtype.
    opset : int
    **options
        Of ``tf2onnx.convert.from_function``.

    Raises
    ------
    DataError
        If tf2onnx is not installed.
    """
    try:
        import keras
        import tensorflow as tf
        import tf2onnx
    except ImportError:
        raise DataError(_NEEDED) from None
    signature = [tf.TensorSpec(shape, dtype, name) for name, (shape, dtype) in inputs.items()]
    # What Keras itself does before it calls tf2onnx, which was written for NumPy 1.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the names that it looks for in NumPy
        keras.src.export.onnx.patch_tf2onnx()
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    graph, _ = tf2onnx.convert.from_function(
        tf.function(function, signature), signature, opset=opset, **options
    )
    return graph


def packed(graph: Any, storage: Storage) -> bytes:
    """Content of a file with an ONNX model."""
    if storage == "float16":
        _store_as_float16(graph.graph)
    content: bytes = graph.SerializeToString()
    return content


def name_outputs(graph: Any, names: Sequence[str]) -> None:
    """Give the outputs of an ONNX model these names, in their order."""
    new = dict(zip((output.name for output in graph.graph.output), names, strict=True))
    for node in graph.graph.node:
        for ends in (node.input, node.output):
            ends[:] = [new.get(name, name) for name in ends]
    for output in graph.graph.output:
        output.name = new[output.name]


def _store_as_float16(graph: Any) -> None:
    """Weights as float16, each with a node that makes float32 of it; the runtime folds these."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) < _LARGE:
            continue
        values, name = numpy_helper.to_array(tensor), tensor.name
        tensor.CopyFrom(numpy_helper.from_array(_halves(values), f"{name}/float16"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _halves(values: Any) -> Any:
    largest = np.finfo(np.float16).max
    return np.clip(values, -largest, largest).astype(np.float16)


def weights_file(model: Any, storage: Storage) -> bytes:
    """File that Keras writes for the weights of a model without an optimizer: HDF5, no code."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.weights.h5")  # noqa: PTH118  (Keras wants a text)
        model.save_weights(path)
        if storage == "float16":
            path = _with_halves(path)
        return Path(path).read_bytes()


def _with_halves(path: str) -> str:
    """Copy of an HDF5 file with arrays of float16; Keras makes of them what its variables are."""
    import h5py

    def copy(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            made = new.create_dataset(name, data=_halves(item[()]))
        else:
            made = new.require_group(name)
        made.attrs.update(item.attrs)

    with h5py.File(path) as old, h5py.File(f"{path}.half", "w") as new:
        old.visititems(copy)
    return f"{path}.half"
