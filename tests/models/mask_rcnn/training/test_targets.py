"""What a training step is compared with: label images of whole pieces, and sampled targets."""

import cv2
import numpy as np
from attrs import evolve
from hypothesis import given
from made_mask_rcnn import TINY, DiscBatches, discs
from numpy.testing import assert_array_equal
from strategies_training import small_labels

from nucfuse.models.mask_rcnn.network.network import build_mask_rcnn
from nucfuse.models.mask_rcnn.training.targets import separate_pieces, training_targets


@given(small_labels())
def test_pieces_are_numbered_through_and_lie_in_one_nucleus(labels):
    pieces = separate_pieces(labels)
    assert pieces.dtype == np.int32
    assert_array_equal(pieces > 0, labels > 0)
    assert_array_equal(np.unique(pieces[pieces > 0]), np.arange(1, pieces.max() + 1))
    for k in range(1, pieces.max() + 1):
        assert len(np.unique(labels[pieces == k])) == 1
        assert cv2.connectedComponents((pieces == k).astype(np.uint8))[0] == 2
    for nucleus in np.unique(labels[labels > 0]):
        n = cv2.connectedComponents((labels == nucleus).astype(np.uint8))[0] - 1
        assert len(np.unique(pieces[labels == nucleus])) == n


def outputs(model, images):
    *_, logits, deltas = (x.numpy() for x in model.features(images, training=True))
    return logits, deltas


def test_targets_are_of_their_images_and_decided_by_the_seed():
    images, labels = DiscBatches(3).batch(0)
    labels[1] = 0  # no nuclei
    logits, deltas = outputs(build_mask_rcnn(TINY), images)
    one, same, other = (
        training_targets(labels, logits, deltas, TINY, seed) for seed in ((0, 1), (0, 1), (0, 2))
    )
    for a, b in zip(one, same, strict=True):
        assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(one[:2], other[:2], strict=True))
    assert_array_equal(one.images, np.sort(one.images))
    assert set(one.images) == {0, 1, 2}
    positive = one.classes > 0
    assert set(one.images[positive]) == {0, 2}
    assert_array_equal(one.mask_rois, one.rois[positive])
    assert_array_equal(one.mask_images, one.images[positive])
    assert_array_equal(one.mask_classes, one.classes[positive])
    assert (one.match[1] <= 0).all()
    assert one.masks.shape == (positive.sum(), 28, 28)


def test_a_true_box_among_the_regions_has_its_own_mask():
    _, labels = discs(0, n=1)
    logits = np.full((1, 1020), -9, np.float32)
    deltas = np.zeros((1, 1020, 4), np.float32)
    found = training_targets(labels[np.newaxis], logits, deltas, TINY, (0,))
    ys, xs = np.nonzero(labels)
    box = [ys.min(), xs.min(), ys.max() + 1, xs.max() + 1]
    at = np.flatnonzero((found.mask_rois == box).all(axis=1))
    assert len(at)
    rows = np.floor(box[0] + (np.arange(28) + 0.5) * (box[2] - box[0]) / 28).astype(int)
    columns = np.floor(box[1] + (np.arange(28) + 0.5) * (box[3] - box[1]) / 28).astype(int)
    assert_array_equal(found.masks[at[0]], labels[np.ix_(rows, columns)] > 0)


def test_training_sees_at_most_so_many_nuclei():
    labels = np.kron(np.arange(1, 17, dtype=np.int32).reshape(4, 4), np.ones((16, 16), np.int32))
    config = evolve(TINY, max_truth=3, rpn_batch=10**4, rpn_share=1.0, rpn_high=1.0)
    logits, deltas = np.zeros((1, 1020), np.float32), np.zeros((1, 1020, 4), np.float32)
    found = training_targets(labels[np.newaxis], logits, deltas, config, (0,))
    everything = evolve(config, max_truth=100)
    all_found = training_targets(labels[np.newaxis], logits, deltas, everything, (0,))
    assert 0 < (found.match == 1).sum() < (all_found.match == 1).sum()
