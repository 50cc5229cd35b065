"""From what a network finds to pixels, in whatever position and size it saw the image."""

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from made_mask_rcnn import SURE, TINY, Knowing, blobs, discs, made, segmented
from numpy.testing import assert_allclose, assert_array_equal

from nucfuse.masks.instances import Instances
from nucfuse.models.inference.views import view
from nucfuse.models.mask_rcnn.anchors import anchors
from nucfuse.models.mask_rcnn.inference.finding import Found, find, pasted, turned_back

# Keras 3.15 on NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def found_at_random(seed, shape, n=3, size=5):
    rng = np.random.default_rng(seed)
    corners = np.sort(rng.uniform(0, 1, (n, 2, 2)) * shape, axis=1)
    return Found(
        corners.reshape(n, 4).astype(np.float32), np.linspace(0.9, 0.5, n, dtype=np.float32),
        np.ones(n, np.int32), rng.random((n, size, size)).astype(np.float32),
    )  # fmt: skip


@given(st.integers(0, 2**32 - 1), st.integers(0, 7), st.sampled_from([(12, 20), (17, 9)]))
def test_turning_back_is_the_inverse_of_the_view(seed, k, shape):
    seen_shape = view(np.zeros((*shape, 1)), k).shape[:2]
    found = found_at_random(seed, seen_shape)
    in_view = pasted(found, (0, 0), (1, 1), seen_shape, TINY)
    back = pasted(turned_back(found, k, shape), (0, 0), (1, 1), shape, TINY)
    assert back.shape == shape
    turned = view(np.moveaxis(back.to_masks(), 0, 2), k)
    # A pixel whose mask is a rounding error away from the threshold may fall on either side.
    differ = np.moveaxis(turned, 2, 0) != in_view.to_masks()
    assert differ.sum() <= 1


def test_what_is_found_in_a_part_of_a_resized_image_is_put_in_its_place():
    found = Found(
        np.float32([[2, 4, 6, 8]]), np.float32([0.9]), np.int32([1]), np.ones((1, 4, 4), np.float32)
    )
    nuclei = pasted(found, (10, 20), (0.5, 2), (20, 80), TINY)
    assert_array_equal(nuclei.boxes, [[6, 48, 8, 56]])
    assert nuclei.classes is None


def test_nuclei_without_pixels_are_left_out_and_classes_kept_where_there_are_several():
    config = evolve(TINY, n_classes=3)
    found = Found(
        np.float32([[0, 0, 4, 4], [30, 30, 34, 34]]), np.float32([0.9, 0.8]), np.int32([2, 1]),
        np.ones((2, 4, 4), np.float32),
    )  # fmt: skip
    nuclei = pasted(found, (0, 0), (1, 1), (20, 20), config)
    assert len(nuclei) == 1
    assert_array_equal(nuclei.classes, [2])


@pytest.mark.parametrize("n", [0, 1, 9])
def test_a_network_that_knows_is_understood(n):
    image = np.zeros((96, 128, 1), np.float32)
    for k in range(n):
        y, x = 6 + 30 * (k // 3), 4 + 40 * (k % 3)
        image[y : y + 12 + k, x : x + 20 - k] = 1
    image[0, 127] = n > 1  # one pixel, at the border
    network = Knowing(None)
    found = find(network.features, network.heads, image, TINY)
    truth = Instances.from_labels(blobs(image)[0])
    assert_allclose(np.sort(found.boxes, axis=0), np.sort(truth.boxes, axis=0), atol=1e-3)
    nuclei = pasted(found, (0, 0), (1, 1), image.shape[:2], TINY)
    assert sorted(nuclei.to_rle()) == sorted(truth.to_rle())
    assert_allclose(nuclei.scores, 0.9)


def test_no_more_than_the_maximum_is_found():
    image = np.zeros((64, 64, 1), np.float32)
    image[4:60:14, 4:60:14] = image[5:60:14, 4:60:14] = 1
    config = evolve(TINY, max_instances=7)
    network = Knowing(None, config)
    assert len(find(network.features, network.heads, image, config).boxes) == 7


def test_an_image_becomes_nuclei_with_scores():
    model, (image, _) = made(SURE), discs(0)
    both = model.graphs
    found = segmented(*both, image, SURE)
    assert found.shape == (64, 64)
    assert 0 < len(found) <= SURE.max_instances
    assert (found.scores >= SURE.min_confidence).all()
    labels = found.to_labels()  # disjoint, as it would fail otherwise
    assert labels.max() == len(found)
    overlapping = segmented(*both, image, SURE, on_overlap="keep")
    assert overlapping.areas.sum() > found.areas.sum()


class KnowingBoxes:
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
    known = KnowingBoxes(TINY, shape, boxes)
    found = segmented(known.features, known.heads, np.zeros((*shape, 1), np.float32), TINY)
    assert_allclose(sorted(map(list, known.asked[1][1])), boxes, atol=1e-3)
    # Each head sees its own regions, and one that stands in for none of the other's.
    assert known.asked[0][0] >= 2
    assert [len(known.asked[0][1]), known.asked[1][0]] == [1, 1]
    assert_array_equal(sorted(map(list, found.boxes)), boxes)
    areas = found.areas[np.argsort(found.boxes[:, 0])]
    assert_allclose(areas, [np.pi * 7**2, np.pi * 6 * 6.5], rtol=0.05)


def test_nothing_detected_is_no_nuclei():
    config = evolve(SURE, min_confidence=1.0)
    model = made(config)
    image = np.zeros((32, 32, 1), np.float32)
    assert len(segmented(*model.graphs, image, config)) == 0


def test_a_faster_r_cnn_gives_whole_boxes():
    config = evolve(SURE, masks=False)
    model, (image, _) = made(config), discs(0)
    graphs = model.graphs
    found = segmented(*graphs, image, config, on_overlap="keep")
    assert len(found) > 0
    sides = found.boxes[:, 2:] - found.boxes[:, :2]
    assert_array_equal(found.areas, sides[:, 0] * sides[:, 1])


def test_an_image_of_another_size_is_refused():
    model = made(SURE)
    with pytest.raises(ValueError, match="multiples of the network's stride, 32"):
        segmented(*model.graphs,
                  np.zeros((40, 64, 1), np.float32), SURE)  # fmt: skip
