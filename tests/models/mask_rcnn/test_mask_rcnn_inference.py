"""Prediction by the two graphs, which Keras and ONNX Runtime run alike."""

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from made_mask_rcnn import TINY, discs
from numpy.testing import assert_allclose, assert_array_equal

from nucfuse.models.mask_rcnn.anchors import anchors
from nucfuse.models.mask_rcnn.export import mask_rcnn_to_onnx
from nucfuse.models.mask_rcnn.inference import segmented
from nucfuse.models.mask_rcnn.network import build_mask_rcnn

# Keras 3.15 on NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

# Untrained, a network is certain of nothing; with these thresholds it still says something.
SURE = replace(TINY, min_confidence=0.3, detection_nms=0.7, mask_threshold=0.5)
TWO_LEVELS = {"strides": (4, 8), "anchor_sizes": (12, 24), "widths": (4, 6, 8)}


def made(config, precision="float32"):
    """A network whose outputs differ from place to place, as those of a trained one do."""
    model = build_mask_rcnn(config, 0, precision)
    rng = np.random.default_rng(1)
    model.set_weights([w + rng.normal(0, 0.1, w.shape) if w.ndim > 1 else np.abs(w)
                       for w in model.get_weights()])  # fmt: skip
    return model


def in_keras(part):
    def graph(arrays):
        outputs = part(arrays if len(arrays) > 1 else arrays[0], training=False)
        return [output.numpy() for output in outputs]

    return graph


def in_onnx(content):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [end.name for end in session.get_inputs()]
    return lambda arrays: session.run(None, dict(zip(names, arrays, strict=True)))


def regions(n, side, seed=0):
    rng = np.random.default_rng(seed)
    corners = np.sort(rng.uniform(0, side, (n, 2, 2)), axis=1)
    return corners.reshape(n, 4).astype(np.float32), rng.integers(2, size=n, dtype=np.int32)


@pytest.mark.parametrize(
    "settings",
    [
        {"roi_samples": 2, "n_classes": 3},
        {**TWO_LEVELS, "masks": False, "roi_method": "pool", "input": "rgb", "means": (2, 1, 3)},
    ],
    ids=str,
)
def test_onnx_runtime_gives_what_keras_gives(settings):
    model = made(replace(SURE, **settings))
    contents = mask_rcnn_to_onnx(model)
    features, heads = map(in_onnx, contents)
    for shape in ((64, 96), (32, 32)):
        channels = model.features.input_shape[-1]
        brightest = 0.02 if model.config.means else 1  # so that probabilities do not saturate
        images = brightest * np.random.default_rng(0).random((2, *shape, channels), np.float32)
        expected = in_keras(model.features)([images])
        for a, b in zip(features([images]), expected, strict=True):
            assert_allclose(a, b, atol=1e-4 * np.abs(b).max())
        for n in (1, 30):
            both = [*regions(n, 32), *regions(n, 32, 1)][: 4 if model.config.masks else 2]
            inputs = [*expected[:-2], *both]
            for a, b in zip(heads(inputs), in_keras(model.heads)(inputs), strict=True):
                assert_allclose(a, b, atol=1e-4 * max(1, np.abs(b).max()))
                assert n < 30 or b.std(axis=0).max() > 1e-3  # so that there is something to miss
    outputs = [[end.name for end in onnx.load_from_string(c).graph.output] for c in contents]
    maps = [f"map{stride}" for stride in model.config.strides]
    assert outputs[0] == [*maps, "rpn_logits", "rpn_deltas"]
    assert outputs[1] == ["probabilities", "deltas", "masks"][: 2 + model.config.masks]


def test_weights_of_a_bfloat16_network_are_exported_and_float16_halves_them():
    config = replace(SURE, **TWO_LEVELS)
    model = made(config, "bfloat16")
    full, half = mask_rcnn_to_onnx(model), mask_rcnn_to_onnx(model, "float16")
    assert len(half[1]) < len(full[1])
    exact = build_mask_rcnn(config)
    exact.set_weights(model.get_weights())
    image = np.random.default_rng(0).random((1, 64, 64, 1), np.float32)
    expected = in_keras(exact.features)([image])
    for content, error in ((full[0], 1e-4), (half[0], 1e-2)):
        for a, b in zip(in_onnx(content)([image]), expected, strict=True):
            assert_allclose(a, b, atol=error * np.abs(b).max())


def test_an_image_becomes_nuclei_with_scores():
    model, (image, _) = made(SURE), discs(0)
    both = in_keras(model.features), in_keras(model.heads)
    found = segmented(*both, image, SURE, source="tiny")
    assert found.shape == (64, 64)
    assert 0 < len(found) <= SURE.max_instances
    assert (found.scores >= SURE.min_confidence).all()
    assert set(found.classes) == {1}
    labels = found.to_labels()  # disjoint, as it would fail otherwise
    assert labels.max() == len(found)
    overlapping = segmented(*both, image, SURE, on_overlap="keep")
    assert overlapping.areas.sum() > found.areas.sum()


class Knowing:
    """Graphs that know the answer: which boxes there are, and that masks are discs."""

    def __init__(self, config, shape, boxes):
        self.config, self.boxes = config, np.array(boxes, np.float32)
        self.grid = anchors(shape, config)
        self.asked = []

    def features(self, arrays):
        logits = np.full(len(self.grid), -5, np.float32)
        centres = (self.grid[:, :2] + self.grid[:, 2:]) / 2
        for box in self.boxes:
            logits[np.abs(centres - (box[:2] + box[2:]) / 2).sum(axis=1).argmin()] = 5
        return [arrays[0], logits[np.newaxis], np.zeros((1, len(logits), 4), np.float32)]

    def heads(self, arrays):
        _, rois, images, mask_rois, mask_images = arrays
        assert len(rois) == len(images)
        assert len(mask_rois) == len(mask_images)
        self.asked.append((len(rois), mask_rois))
        distance = np.abs(rois[:, None] - self.boxes).sum(axis=2)
        nearest = distance.argmin(axis=1) if len(rois) else np.zeros(0, int)
        p = np.where(distance.min(axis=1, initial=100) < 12, 0.9, 0.1)
        target, std = self.boxes[nearest], np.array(self.config.box_std)
        sides = rois[:, 2:] - rois[:, :2]
        moves = [(target[:, :2] + target[:, 2:] - rois[:, :2] - rois[:, 2:]) / 2 / sides,
                 np.log((target[:, 2:] - target[:, :2]) / sides)]  # fmt: skip
        deltas = np.zeros((len(rois), 2, 4), np.float32)
        deltas[:, 1] = np.concatenate(moves, axis=1) / std
        y, x = (np.mgrid[:28, :28] + 0.5) / 14 - 1
        masks = np.tile((y**2 + x**2 <= 1)[..., np.newaxis], (len(mask_rois), 1, 1, 1))
        return [np.stack([1 - p, p], axis=1), deltas, masks.astype(np.float32)]


def test_masks_are_of_the_refined_boxes():
    shape, boxes = (64, 64), [[10, 12, 24, 26], [40, 30, 52, 43]]
    known = Knowing(TINY, shape, boxes)
    found = segmented(known.features, known.heads, np.zeros((*shape, 1), np.float32), TINY)
    assert_allclose(sorted(map(list, known.asked[1][1])), boxes, atol=1e-3)
    # Each head sees its own regions, and one that stands in for none of the other's.
    assert known.asked[0][0] >= 2
    assert [len(known.asked[0][1]), known.asked[1][0]] == [1, 1]
    assert_array_equal(sorted(map(list, found.boxes)), boxes)
    areas = found.areas[np.argsort(found.boxes[:, 0])]
    assert_allclose(areas, [np.pi * 7**2, np.pi * 6 * 6.5], rtol=0.05)


def test_nothing_detected_is_no_nuclei():
    config = replace(SURE, min_confidence=1.0)
    model = made(config)
    image = np.zeros((32, 32, 1), np.float32)
    assert len(segmented(in_keras(model.features), in_keras(model.heads), image, config)) == 0


def test_a_faster_r_cnn_gives_whole_boxes():
    config = replace(SURE, masks=False)
    model, (image, _) = made(config), discs(0)
    graphs = in_keras(model.features), in_keras(model.heads)
    found = segmented(*graphs, image, config, on_overlap="keep")
    assert len(found) > 0
    sides = found.boxes[:, 2:] - found.boxes[:, :2]
    assert_array_equal(found.areas, sides[:, 0] * sides[:, 1])


def test_an_image_of_another_size_is_refused():
    model = made(SURE)
    with pytest.raises(ValueError, match="multiples of the network's stride, 32"):
        segmented(in_keras(model.features), in_keras(model.heads),
                  np.zeros((40, 64, 1), np.float32), SURE)  # fmt: skip
