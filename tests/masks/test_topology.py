import numpy as np
import pytest
from hypothesis import given
from naive.clean import holes, pieces
from numpy.testing import assert_array_equal
from strategies import mask_stacks

from nucfuse.masks.topology import (
    count_pieces_and_holes,
    filled,
    largest_filled_piece,
    largest_piece,
)


@given(mask_stacks(min_size=1, max_size=1))
def test_counts_match_naive(stack):
    mask = stack[0]
    assert count_pieces_and_holes(mask) == (len(pieces(mask)), len(holes(mask)))


@given(mask_stacks(min_size=1, max_size=1))
def test_filling_matches_naive(stack):
    mask, expected = stack[0], stack[0].copy()
    for hole in holes(mask):
        expected[tuple(np.transpose(list(hole)))] = True
    assert_array_equal(filled(mask), expected)
    assert count_pieces_and_holes(filled(mask))[1] == 0


@given(mask_stacks(min_size=1, max_size=1))
def test_the_largest_piece_matches_naive(stack):
    before = stack.copy()
    found, parts = largest_piece(stack[0]), pieces(stack[0])
    assert_array_equal(stack, before)
    if not parts:
        assert not found.any()
    else:
        assert any((found == part).all() for part in parts)
        assert found.sum() == max(part.sum() for part in parts)


def test_the_piece_with_the_largest_outline_is_filled():
    mask = np.zeros((12, 12), bool)
    mask[1:3, 1:3] = mask[5:11, 5:11] = True
    whole = mask.copy()
    whole[1:3, 1:3] = False
    mask[7, 7] = False
    assert_array_equal(largest_filled_piece(mask), whole)
    assert not largest_filled_piece(np.zeros((3, 3), bool)).any()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["###", "#.#", "###"], (1, 1)),
        (["##.", "#.#", "###"], (1, 1)),  # the way out of a hole is not diagonal
        (["#.#", "#.#", "###"], (1, 0)),  # a bay
        (["#..", ".#.", "..#"], (1, 0)),  # pieces touch by corners
        (["#.#", "...", "#.#"], (4, 0)),
        (["#####", "#...#", "#.#.#", "#...#", "#####"], (2, 1)),  # an island in the hole
        (["...", "..."], (0, 0)),
        (["##", "##"], (1, 0)),
    ],
)
def test_counts(rows, expected):
    assert count_pieces_and_holes(np.array([list(r) for r in rows]) == "#") == expected
