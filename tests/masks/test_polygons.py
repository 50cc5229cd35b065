"""Polygons: pycocotools is the oracle for filling; outlines lead back to their masks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import masks as naive
from numpy.testing import assert_array_equal
from pycocotools import mask as coco_mask
from strategies import mask_stacks, shapes

from nucfuse.masks import polygons
from nucfuse.masks.instances import Instances
from nucfuse.masks.polygons import outlines, pieces_with_holes, polygon_runs

# pycocotools' own, in decode.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def filled(ring, shape):
    """The mask of one polygon."""
    pixels = np.zeros(shape[0] * shape[1], bool)
    for start, length in zip(*polygon_runs(ring, shape), strict=True):
        pixels[start : start + length] = True
    return pixels.reshape(shape[::-1]).T


def peer_filled(ring, shape):
    """The mask that pycocotools makes of one polygon."""
    [rle] = coco_mask.frPyObjects([list(map(float, ring))], *map(int, shape))
    return coco_mask.decode(rle).astype(bool)


def holes_filled(mask):
    """The mask without holes: background that no path, diagonal steps included, leads out of."""
    height, width = mask.shape
    outside = np.zeros((height + 2, width + 2), bool)
    background = np.pad(~mask, 1, constant_values=True)
    reached = [(0, 0)]
    while reached:
        y, x = reached.pop()
        if 0 <= y < height + 2 and 0 <= x < width + 2 and background[y, x] and not outside[y, x]:
            outside[y, x] = True
            reached += [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return ~outside[1:-1, 1:-1]


def shoelace(ring):
    """Twice the signed area of a ring of corners (P, 2)."""
    x, y = np.asarray(ring, object).T
    return sum(x * np.roll(y, -1) - y * np.roll(x, -1))


def mask_of(text):
    """A mask from a drawing, rows parted by blanks, "#" inside."""
    return np.array([[char == "#" for char in row] for row in text.split()])


# Coordinates that meet the grid in every way: any, whole, halves, fifths (the fine grid), far away.
COORDINATES = st.one_of(
    st.floats(-20, 60),
    st.integers(-5, 45).map(float),
    st.integers(-50, 450).map(lambda n: n / 10),
    st.floats(-1e4, 1e4),
)


@st.composite
def rings(draw):
    n = draw(st.integers(3, 9))
    points = draw(st.lists(st.tuples(COORDINATES, COORDINATES), min_size=n, max_size=n))
    if draw(st.booleans()):
        points += points[:1]  # closed by hand
    return [value for point in points for value in point]


class TestFill:
    @given(rings(), shapes(40))
    def test_as_pycocotools(self, ring, shape):
        assert_array_equal(filled(ring, shape), peer_filled(ring, shape))

    @pytest.mark.compiled
    def test_as_pycocotools_on_thousands_of_random_polygons(self):
        rng = np.random.default_rng(20)
        for kind in range(2400):
            shape = rng.integers(1, 40, 2)
            ring = [
                lambda n: rng.uniform(-20, 60, n),
                lambda n: rng.integers(-5, 45, n),
                lambda n: rng.integers(-10, 90, n) / 2,
                lambda n: rng.integers(-50, 450, n) / 10,
                lambda n: np.repeat(rng.uniform(0, 40, n), 2),  # every corner on the diagonal
                lambda n: rng.uniform(-5000, 5000, n),
            ][kind % 6](2 * rng.integers(3, 12))
            assert_array_equal(filled(ring, shape), peer_filled(ring, shape), err_msg=str(ring))

    def test_convex_nucleus_as_pycocotools(self):
        angles = np.linspace(0, 2 * np.pi, 80, endpoint=False)
        ring = np.stack([15 + 9.3 * np.cos(angles), 12 + 7.7 * np.sin(angles)], axis=1).ravel()
        mask = filled(ring, (25, 30))
        assert_array_equal(mask, peer_filled(ring, (25, 30)))
        assert mask.sum() == pytest.approx(np.pi * 9.3 * 7.7, rel=0.02)

    @given(rings(), shapes(20))
    def test_direction_and_first_corner_change_nothing(self, ring, shape):
        points = np.array(ring).reshape(-1, 2)
        for same in (points[::-1], np.roll(points, 1, axis=0)):
            assert_array_equal(filled(same.ravel(), shape), filled(ring, shape))

    @given(rings(), shapes(20))
    def test_runs_are_canonical(self, ring, shape):
        starts, lengths = polygon_runs(ring, shape)
        assert (starts.dtype, lengths.dtype) == (np.int64, np.int32)
        assert list(zip(starts, lengths, strict=True)) == naive.runs(filled(ring, shape))

    def test_pixel_edges(self):
        assert_array_equal(filled([1, 1, 3, 1, 3, 2, 1, 2], (3, 4)), mask_of(".... .##. ...."))

    def test_crossing_itself_is_even_odd(self):
        twice = [0, 0, 4, 0, 4, 4, 0, 4] * 2
        assert not filled(twice, (4, 4)).any()

    def test_outside_and_all_over(self):
        assert polygon_runs([-9, -9, -5, -9, -5, -5], (4, 4))[0].size == 0
        assert polygon_runs([50, 0, 60, 0, 60, 9], (4, 4))[0].size == 0
        starts, lengths = polygon_runs([-9, -9, 50, -9, 50, 50, -9, 50], (4, 5))
        assert (starts.tolist(), lengths.tolist()) == ([0], [20])

    def test_no_area(self):
        assert polygon_runs([1, 1, 3, 3, 1, 1], (5, 5))[0].size == 0
        assert polygon_runs([2, 2] * 3, (5, 5))[0].size == 0

    def test_far_corners_take_no_time_or_memory(self):
        far = 2.0**31
        starts, lengths = polygon_runs([-far, -far, far, -far, far, far, -far, far], (3, 3))
        assert (starts.tolist(), lengths.tolist()) == ([0], [9])
        assert_array_equal(
            filled([0, 0, far, far, 0, far], (3, 3)), peer_filled([0, 0, 9, 9, 0, 9], (3, 3))
        )

    @pytest.mark.parametrize(
        ("ring", "words"),
        [
            ([], "at least 3 corners"),
            ([0, 0, 1, 1], "at least 3 corners"),
            ([0, 0, 1, 1, 2, 2, 3], "at least 3 corners"),
            ([0, 0, 1, 1, 2, np.nan], "finite"),
            ([0, 0, 1, 1, 2, np.inf], "finite"),
            ([0, 0, 1, 1, 2, 1e300], "beyond any image"),
        ],
    )
    def test_bad_ring(self, ring, words):
        with pytest.raises(ValueError, match=words):
            polygon_runs(ring, (4, 4))

    def test_too_many_crossings(self, monkeypatch):
        with pytest.raises(ValueError, match="give it as RLE"):
            polygon_runs([0, 0, 2e9, 0, 2e9, 9], (4, 2 * 10**9))
        monkeypatch.setattr(polygons, "MOST_CROSSINGS", 2)
        with pytest.raises(ValueError, match="crosses 4 pixel columns"):
            polygon_runs([0, 0, 2, 0, 2, 2, 0, 2], (4, 4))
        assert polygon_runs([0, 0, 1, 0, 1, 2, 0, 2], (4, 4))[1].sum() == 2

    def test_run_too_long_for_int32(self):
        side = 2**16
        with pytest.raises(ValueError, match="run of 4294967296 pixels"):
            polygon_runs([0, 0, side, 0, side, side, 0, side], (side, side))


class TestOutlines:
    @given(mask_stacks(max_size=3))
    def test_lead_back_to_masks_but_for_holes(self, stack):
        x = Instances.from_masks(stack)
        back = Instances.from_polygons(x.to_polygons(), x.shape)
        whole = [holes_filled(mask) for mask in stack]
        assert_array_equal(back.to_masks(), np.array(whole, bool).reshape(stack.shape))

    @given(mask_stacks(max_size=2))
    def test_pycocotools_fills_them_alike(self, stack):
        for mask, [rings_] in zip(
            stack, [Instances.from_masks(m[None]).to_polygons() for m in stack], strict=True
        ):
            if rings_:
                rle = coco_mask.merge(coco_mask.frPyObjects(rings_, *mask.shape))
                assert_array_equal(coco_mask.decode(rle), holes_filled(mask))

    @pytest.mark.parametrize(
        ("drawing", "n_rings"),
        [
            ("#", 1),  # one pixel
            ("#.#", 2),
            ("#. .#", 2),  # a corner only
            (".# #.", 2),
            (".#. #.# .#.", 4),  # what they enclose is open at the corners
            ("### #.# ##.", 1),  # a ring that meets itself at a corner
            ("### #.# .##", 1),
            ("#####", 1),
            ("# # #", 1),
            (".#. ### .#.", 1),
            ("#.#.# .#.#. #.#.#", 8),
        ],
    )
    def test_exact_without_holes(self, drawing, n_rings):
        x = Instances.from_masks(mask_of(drawing)[None])
        assert [len(r) for r in x.to_polygons()] == [n_rings]
        assert Instances.from_polygons(x.to_polygons(), x.shape) == x

    def test_holes_come_back_filled(self):
        mask = mask_of("##### #...# #.#.# #...# #####")
        x = Instances.from_masks(mask[None])
        assert Instances.from_polygons(x.to_polygons(), x.shape).areas.tolist() == [25]

    def test_no_pixels(self):
        assert outlines(np.zeros((0, 0), bool), (0, 0)) == []
        assert outlines(np.zeros((2, 2), bool), (0, 0)) == []
        assert pieces_with_holes(np.zeros((2, 2), bool), (0, 0)) == []

    def test_start_direction_and_corner(self):
        assert outlines(np.ones((1, 2), bool), (5, 7)) == [[7, 5, 9, 5, 9, 6, 7, 6]]

    def test_many_rings_and_corners(self):
        checker = np.indices((13, 15)).sum(axis=0) % 2 == 0
        assert len(outlines(checker, (0, 0))) == checker.sum()
        comb = np.ones((2, 101), bool)
        comb[0, 1::2] = False
        [ring] = outlines(comb, (0, 0))
        assert len(ring) == 2 * (2 + 51 * 4 - 2)


class TestPiecesWithHoles:
    @given(mask_stacks(min_size=1, max_size=2))
    def test_areas_add_up(self, stack):
        for mask in stack:
            pieces = pieces_with_holes(mask, (3, 4))
            assert sum(shoelace(r) for piece in pieces for r in piece) == 2 * mask.sum()
            for outer, *holes in pieces:
                assert shoelace(outer) > 0
                assert all(shoelace(hole) < 0 for hole in holes)

    @given(mask_stacks(min_size=1, max_size=2))
    def test_no_ring_meets_itself(self, stack):
        for mask in stack:
            for piece in pieces_with_holes(mask, (0, 0)):
                for ring in piece:
                    assert len({tuple(corner) for corner in ring.tolist()}) == len(ring)

    @given(mask_stacks(min_size=1, max_size=2))
    def test_even_odd_filling_gives_the_mask(self, stack):
        for mask in stack:
            rings_ = [r for piece in pieces_with_holes(mask, (0, 0)) for r in piece]
            inside = np.zeros(mask.shape, bool)
            for ring in rings_:
                inside ^= filled(ring.ravel(), mask.shape)
            assert_array_equal(inside, mask)

    def test_hole_island_and_corner(self):
        pieces = pieces_with_holes(mask_of("##### #...# #.#.# #...# #####"), (0, 0))
        assert [len(piece) for piece in pieces] == [2, 1]
        pieces = pieces_with_holes(mask_of("### #.# ##."), (0, 0))
        assert [[len(ring) for ring in piece] for piece in pieces] == [[6, 4]]
