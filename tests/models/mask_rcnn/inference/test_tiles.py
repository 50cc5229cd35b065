"""Nuclei of overlapping tiles become those of the image: each once, and whole."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from nucfuse.masks.instances import Instances
from nucfuse.masks.overlap import mask_iou
from nucfuse.models.mask_rcnn.inference.tiles import nuclei_of_tiles, tiles_of

SHAPE = (70, 90)


@st.composite
def nuclei(draw, largest):
    """A label image of boxes, one in each cell of a grid, of up to ``largest`` pixels a side."""
    cell = largest + 1
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = np.zeros(SHAPE, np.int32)
    for k, (y, x) in enumerate(np.ndindex(-(-SHAPE[0] // cell), -(-SHAPE[1] // cell)), start=1):
        height, width = rng.integers(max(1, largest // 3), largest + 1, 2)
        dy, dx = rng.integers(0, cell - height + 1), rng.integers(0, cell - width + 1)
        top, left = y * cell + dy, x * cell + dx
        labels[top : top + height, left : left + width] = k
    return labels


def views(labels, tiles, shifts=None):
    """What each tile sees, perhaps shifted by some pixels."""
    found = []
    for k, tile in enumerate(tiles):
        y0, x0, y1, x1 = tile.box
        part = np.zeros_like(labels)
        shift = (0, 0) if shifts is None else tuple(shifts[k])
        part[y0:y1, x0:x1] = np.roll(labels, shift, (0, 1))[y0:y1, x0:x1]
        inside = Instances.from_labels(part)
        found.append(inside.with_scores(np.full(len(inside), 0.5 + 0.01 * k)))
    return found


def masks_of(instances):
    return sorted(instances.to_rle())


@given(st.integers(1, 200), st.integers(1, 200), st.integers(2, 80), st.data())
def test_the_cores_of_tiles_share_out_the_image(height, width, side, data):
    overlap = data.draw(st.integers(1, side - 1))
    if max(height, width) / (side - overlap) > 30:
        overlap = 1
    tiles = tiles_of((height, width), side, overlap)
    owners, seen = np.zeros((height, width), int), np.zeros((height, width), int)
    y, x = np.mgrid[:height, :width] + 0.5
    for tile in tiles:
        y0, x0, y1, x1 = tile.core
        owners += (y >= y0) & (y < y1) & (x >= x0) & (x < x1)
        y0, x0, y1, x1 = tile.box
        seen[y0:y1, x0:x1] += 1
        assert y1 - y0 <= side
        assert x1 - x0 <= side
    assert_array_equal(owners, 1)
    assert seen.min() >= 1


@given(nuclei(largest=29), st.sampled_from([(40, 16), (30, 12), (50, 30)]))
def test_perfect_views_give_the_image_whatever_edges_cut(labels, cutting):
    tiles = tiles_of(SHAPE, *cutting)
    assert len(tiles) > 1
    whole = nuclei_of_tiles(tiles, views(labels, tiles))
    assert masks_of(whole) == masks_of(Instances.from_labels(labels))


@given(nuclei(largest=11), st.integers(0, 2**32 - 1))
def test_views_that_differ_by_a_pixel_give_each_nucleus_once(labels, seed):
    true = Instances.from_labels(labels)
    inside = (true.boxes[:, 0] > 0) & (true.boxes[:, 2] < SHAPE[0])  # none is shifted out
    true = true[inside & (true.boxes[:, 2] - true.boxes[:, 0] >= 6)]
    labels = true.to_labels()
    tiles = tiles_of(SHAPE, 48, 24)
    shifts = np.random.default_rng(seed).integers(-1, 2, (len(tiles), 2))
    shifts[:, 1] = 0
    found = nuclei_of_tiles(tiles, views(labels, tiles, shifts))
    first, second, iou = mask_iou(true, found)
    hit = iou > 0.5
    assert_array_equal(np.sort(first[hit]), np.arange(len(true)))
    assert_array_equal(np.sort(second[hit]), np.arange(len(found)))


def test_a_nucleus_of_several_tiles_has_the_highest_score():
    labels = np.zeros(SHAPE, np.int32)
    labels[10:60, 5:85] = 1
    tiles = tiles_of(SHAPE, 40, 10)
    found = views(labels, tiles)
    whole = nuclei_of_tiles(tiles, found)
    assert masks_of(whole) == masks_of(Instances.from_labels(labels))
    assert whole.scores[0] == max(x.scores.max() for x in found)


def test_what_only_the_margin_of_a_tile_shows_is_not_believed():
    """The tile that sees more of the surroundings of a place decides about it."""
    tiles = tiles_of((40, 90), 60, 20)  # cores part at 50
    empty = Instances.empty((40, 90))
    blob = np.zeros((40, 90), np.int32)
    blob[10:20, 50:57] = 1  # ends before the edge of the first tile at 60
    seen = Instances.from_labels(blob, scores=[0.9])
    assert len(nuclei_of_tiles(tiles, [seen, empty])) == 0
    assert len(nuclei_of_tiles(tiles, [empty, seen])) == 1
    assert len(nuclei_of_tiles(tiles, [seen, seen])) == 1


def test_tiles_of_a_resized_image():
    labels = np.zeros((40, 80), np.int32)
    labels[4:36, 30:50] = 1
    tiles = tiles_of((80, 160), 100, 20)
    found = []
    for tile in tiles:
        y0, x0, y1, x1 = (v // 2 for v in tile.box)
        part = np.zeros_like(labels)
        part[y0:y1, x0:x1] = labels[y0:y1, x0:x1]
        found.append(Instances.from_labels(part))
    assert masks_of(nuclei_of_tiles(tiles, found, (0.5, 0.5))) == masks_of(
        Instances.from_labels(labels)
    )
