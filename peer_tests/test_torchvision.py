"""Our operators against torchvision's, which another interpreter runs: make test-peers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nucfuse.ensemble.boxes.boxes import nms_boxes
from nucfuse.models.mask_rcnn.box_coding import decode, encode
from nucfuse.models.mask_rcnn.config import preset
from nucfuse.models.mask_rcnn.network.network import build_mask_rcnn
from nucfuse.models.mask_rcnn.network.roi_align import level_indices, roi_align
from nucfuse.models.mask_rcnn.network.roi_pool import roi_pool
from nucfuse.models.mask_rcnn.training import losses

STD = np.array([0.1, 0.1, 0.2, 0.2], np.float32)


@pytest.fixture
def torchvision(asking):
    """A function: the name of a question and its arrays -> the arrays of the answer."""
    return asking("torchvision_answers.py")


def boxes(rng, n, height, width, smallest=0.0):
    corners = np.sort(rng.random((n, 2, 2)), axis=1) * (height - smallest, width - smallest)
    corners[:, 1] += smallest
    return corners.reshape(n, 4).astype(np.float32)


def maps_and_rois(seed):
    rng = np.random.default_rng(seed)
    maps = rng.normal(size=(2, 13, 17, 3)).astype(np.float32)
    rois = boxes(rng, 200, 13, 17)
    rois[:20] = np.round(rois[:20])
    return maps, rois, rng.integers(2, size=200, dtype=np.int32)


def values_and_gradient(pool, maps):
    import tensorflow as tf

    tensor = tf.constant(maps)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        values = pool(tensor)
        total = tf.reduce_sum(values)
    return values.numpy(), tape.gradient(total, tensor).numpy()


@pytest.mark.parametrize(("size", "samples"), [(7, 2), (14, 2), (7, 1), (3, 3)])
def test_roi_align(torchvision, size, samples):
    maps, rois, images = maps_and_rois(size)
    known = torchvision("roi_align", maps=maps, rois=rois, images=images, size=size,
                        samples=samples)  # fmt: skip
    values, gradient = values_and_gradient(
        lambda tensor: roi_align(tensor, rois, images, size, samples), maps
    )
    assert_allclose(values, known["values"], atol=1e-5)
    assert_allclose(gradient, known["gradient"], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("size", [1, 2, 4, 7])
def test_roi_pool(torchvision, size):
    maps, rois, images = maps_and_rois(size)
    known = torchvision("roi_pool", maps=maps, rois=rois, images=images, size=size)
    values, gradient = values_and_gradient(
        lambda tensor: roi_pool(tensor, rois, images, size), maps
    )
    assert_array_equal(values, known["values"])
    assert_allclose(gradient, known["gradient"], rtol=1e-4)


@pytest.mark.parametrize("iou", [0.3, 0.5, 0.7])
def test_nms(torchvision, iou):
    rng = np.random.default_rng(0)
    many = boxes(rng, 2000, 200, 200, 5)
    scores = rng.permutation(2000).astype(np.float32) / 2000
    known = torchvision("nms", boxes=many, scores=scores, iou=iou)["kept"]
    assert_array_equal(nms_boxes(many, scores, iou=iou), known)


def test_box_coding(torchvision):
    rng = np.random.default_rng(0)
    some, anchors = boxes(rng, 500, 300, 200, 2), boxes(rng, 500, 300, 200, 2)
    deltas = rng.normal(0, 5, (500, 4)).astype(np.float32)
    deltas[:20] *= 10  # beyond the largest side
    known = torchvision("box_coding", boxes=some, anchors=anchors, deltas=deltas, std=STD)
    assert_allclose(encode(some, anchors, STD), known["deltas"], rtol=1e-4, atol=1e-4)
    assert_allclose(decode(deltas, anchors, STD), known["boxes"], rtol=1e-4, atol=1e-2)


def test_levels(torchvision):
    rois = boxes(np.random.default_rng(0), 2000, 1024, 1024)
    rois[:5] = [[0, 0, s, s] for s in (56, 112, 224, 448, 896)]
    known = torchvision("levels", rois=rois)["levels"]
    assert_array_equal(level_indices(rois, (4, 8, 16, 32), 224), known)


def test_losses(torchvision):
    rng = np.random.default_rng(0)
    error = rng.normal(0, 2, (50, 4)).astype(np.float32)
    logits = rng.normal(0, 4, (2, 60)).astype(np.float32)
    match = rng.integers(-1, 2, (2, 60), dtype=np.int32)
    classes = rng.integers(0, 3, 40, dtype=np.int32)
    probabilities = rng.dirichlet(np.ones(3), 40).astype(np.float32).clip(1e-4)
    known = torchvision("losses", error=error, logits=logits, match=match, classes=classes,
                        probabilities=probabilities)  # fmt: skip
    assert_allclose(losses.smooth_l1(error), known["smooth_l1"], rtol=1e-5)
    assert_allclose(losses.rpn_class_loss(match, logits), known["binary"], rtol=1e-5)
    assert_allclose(losses.class_loss(classes, probabilities), known["category"], rtol=1e-5)


def test_parameters(torchvision):
    """But for normalisation, the biases before it, and torchvision's mask of the background."""
    model = build_mask_rcnn(preset("paper-resnet50"))
    backbone = model.features.get_layer("backbone")
    norms_and_biases = sum(w.size for w in backbone.get_weights() if w.ndim == 1)
    mask_of_background = 256 + 1
    ours = model.count_params() - norms_and_biases + mask_of_background
    assert ours == torchvision("parameters")["count"]
