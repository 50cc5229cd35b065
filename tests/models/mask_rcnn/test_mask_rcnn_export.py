"""The two graphs, which Keras and ONNX Runtime run alike."""

import numpy as np
import onnx
import onnxruntime
import pytest
from attrs import evolve
from made_mask_rcnn import SURE, made
from numpy.testing import assert_allclose

from nucfuse.models.mask_rcnn.export import export_mask_rcnn, mask_rcnn_to_onnx
from nucfuse.models.mask_rcnn.network.network import build_mask_rcnn
from nucfuse.settings import to_table

# Keras 3.15 on NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

TWO_LEVELS = {"strides": (4, 8), "anchor_sizes": (12, 24), "widths": (4, 6, 8)}


def in_onnx(content):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [end.name for end in session.get_inputs()]
    return lambda arrays: session.run(None, dict(zip(names, arrays, strict=True)))


def regions(n, side, seed=0):
    rng = np.random.default_rng(seed)
    corners = np.sort(rng.uniform(0, side, (n, 2, 2)), axis=1)
    return corners.reshape(n, 4).astype(np.float32), rng.integers(2, size=n, dtype=np.int32)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"roi_samples": 2, "n_classes": 3},
        {**TWO_LEVELS, "masks": False, "roi_method": "pool", "input": "rgb", "means": (2, 1, 3)},
    ],
    ids=str,
)
def test_onnx_runtime_gives_what_keras_gives(settings):
    model = made(evolve(SURE, **settings))
    contents = mask_rcnn_to_onnx(model)
    features, heads = map(in_onnx, contents)
    for shape in ((64, 96), (32, 32)):
        channels = model.features.input_shape[-1]
        brightest = 0.02 if model.config.means else 1  # so that probabilities do not saturate
        images = brightest * np.random.default_rng(0).random((2, *shape, channels), np.float32)
        expected = model.graphs[0]([images])
        for a, b in zip(features([images]), expected, strict=True):
            assert_allclose(a, b, atol=1e-4 * np.abs(b).max())
        for n in (1, 30):
            both = [*regions(n, 32), *regions(n, 32, 1)][: 4 if model.config.masks else 2]
            inputs = [*expected[:-2], *both]
            for a, b in zip(heads(inputs), model.graphs[1](inputs), strict=True):
                assert_allclose(a, b, atol=1e-4 * max(1, np.abs(b).max()))
                assert n < 30 or b.std(axis=0).max() > 1e-3  # so that there is something to miss
    outputs = [[end.name for end in onnx.load_from_string(c).graph.output] for c in contents]
    maps = [f"map{stride}" for stride in model.config.strides]
    assert outputs[0] == [*maps, "rpn_logits", "rpn_deltas"]
    assert outputs[1] == ["probabilities", "deltas", "masks"][: 2 + model.config.masks]


@pytest.mark.slow
def test_weights_of_a_bfloat16_network_are_exported_and_float16_halves_them(tmp_path):
    config = evolve(SURE, **TWO_LEVELS)
    model = made(config, "bfloat16")
    about = {"kind": "mask_rcnn", "network": to_table(config), "input": "neutral", "stride": 8}
    cards = [
        export_mask_rcnn(model, {**about, "name": storage}, tmp_path, storage)
        for storage in ("float32", "float16")
    ]
    full, half = ([card.file(f".{part}.onnx") for part in ("features", "heads")] for card in cards)
    assert len(half[1]) < len(full[1])
    exact = build_mask_rcnn(config)
    exact.set_weights(model.get_weights())
    image = np.random.default_rng(0).random((1, 64, 64, 1), np.float32)
    expected = exact.graphs[0]([image])
    for content, error in ((full[0], 1e-4), (half[0], 1e-2)):
        for a, b in zip(in_onnx(content)([image]), expected, strict=True):
            assert_allclose(a, b, atol=error * np.abs(b).max())
