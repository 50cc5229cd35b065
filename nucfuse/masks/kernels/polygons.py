"""Compiled loops between polygons, runs and outlines. Arguments are checked; nothing raises."""

import numpy as np

from nucfuse.kernels.jit import kernel
from nucfuse.masks.kernels.arrays import grown


@kernel
def _columns(x0, x1, width):
    """Columns of pixels (first, end) whose middle an edge between two fine x coordinates passes.

    Column ``k`` has its middle between the fine coordinates ``5 * k + 2`` and ``5 * k + 3``.
    """
    low, high = min(x0, x1), max(x0, x1)
    return max(0, (low + 2) // 5), min(width, (high - 3) // 5 + 1)


@kernel
def count_crossings(x, width):
    """How often a closed ring of fine x coordinates passes the middle of a column."""
    total = 0
    for j in range(x.size - 1):
        first, end = _columns(x[j], x[j + 1], width)
        total += max(0, end - first)
    return total


@kernel
def _height_at(x0, y0, x1, y1, fine):
    """Fine y where a flat edge (dx >= dy), drawn from left to right, passes x = fine … + 1.

    The upper one of the two points, each truncated to an integer like a C cast.
    """
    slope = (y1 - y0) / (x1 - x0)
    before = np.int64(y0 + slope * (fine - x0) + 0.5)
    after = np.int64(y0 + slope * (fine + 1 - x0) + 0.5)
    return min(before, after)


@kernel
def _step_at(x0, y0, x1, y1, fine):
    """Fine y where a steep edge (dy > dx), drawn downwards, passes x = fine … + 1.

    The x of step t is rounded and monotone in t: a binary search finds the first step beyond.
    """
    slope = (x1 - x0) / (y1 - y0)
    low, high = np.int64(0), y1 - y0
    while high - low > 1:
        middle = (low + high) // 2
        x = np.int64(x0 + slope * middle + 0.5)
        if (x > fine) == (slope > 0):
            high = middle
        else:
            low = middle
    return y0 + low


@kernel
def crossings(x, y, height, width, total):
    """Column-major positions (total,) at which filling goes on or off, unsorted.

    ``x``, ``y`` int64 (P + 1,): a closed ring on a grid five times as fine as the pixels.
    """
    positions = np.empty(total, np.int64)
    n = 0
    for j in range(x.size - 1):
        first, end = _columns(x[j], x[j + 1], width)
        flat = abs(x[j + 1] - x[j]) >= abs(y[j + 1] - y[j])
        # Either direction of an edge gives the same points.
        a, b = j, j + 1
        if (flat and x[a] > x[b]) or (not flat and y[a] > y[b]):
            a, b = b, a
        for column in range(first, end):
            if flat:
                fine = _height_at(x[a], y[a], x[b], y[b], 5 * column + 2)
            else:
                fine = _step_at(x[a], y[a], x[b], y[b], 5 * column + 2)
            # The first row whose middle (5 * row + 2) is not above; parts outside are cut off.
            row = min(max((fine + 2) // 5, 0), height)
            positions[n] = column * height + row
            n += 1
    return positions


@kernel
def runs_between(toggles):
    """Sorted positions, an even number -> runs from odd ones to the next; touching ones join."""
    starts = np.empty(toggles.size // 2, np.int64)
    lengths = np.empty(toggles.size // 2, np.int64)
    n = 0
    end = np.int64(-1)
    for k in range(0, toggles.size - 1, 2):
        start, length = toggles[k], toggles[k + 1] - toggles[k]
        if length == 0:
            continue
        if start == end:
            lengths[n - 1] += length
        else:
            starts[n], lengths[n] = start, length
            n += 1
        end = start + length
    return starts[:n], lengths[:n]


@kernel
def _ring(pieces, done, y, x, cross, corners, n):
    """Walk once around from the upper edge of pixel (y, x), the piece on the right hand.

    Writes the corners where the walk turns from ``corners[n]`` on; marks upper edges in ``done``.
    """
    piece = pieces[y, x]
    y_end, x_end = y, x
    dy, dx = 0, 1
    while True:
        if n + 2 > corners.size:
            corners = grown(corners, 2 * corners.size)
        corners[n], corners[n + 1] = x, y
        n += 2
        turn = 0
        while turn == 0:
            if dx == 1:
                done[y, x] = True
            y, x = y + dy, x + dx
            # The two pixels ahead of this corner, left and right of the walk.
            left = pieces[y + (dy - dx - 1) // 2, x + (dy + dx - 1) // 2] == piece
            right = pieces[y + (dy + dx - 1) // 2, x + (dx - dy - 1) // 2] == piece
            if left and (right or cross):
                turn = -1
            elif not right:
                turn = 1
        dy, dx = turn * dx, -turn * dy
        if y == y_end and x == x_end and dx == 1:
            return corners, n


@kernel
def rings(pieces, n_pieces, cross):
    """Rings around the pieces of a label image with a border of zeros, along the pixels' edges.

    ``pieces`` int32 (h, w), 4-connected, numbered 1..n_pieces. Where two pixels of a piece
    touch at a corner only, ``cross`` walks over from one to the other, else the walk stays at the
    same pixel. Returns corners x, y, x, y, …, the end of each ring in it, and its piece, negative
    for the ring of a hole. A piece's outer ring comes before its holes.
    """
    corners = np.empty(64, np.int32)
    ends = np.empty(4, np.int64)
    owners = np.empty(4, np.int32)
    done = np.zeros(pieces.shape, np.bool_)
    outer_seen = np.zeros(n_pieces + 1, np.bool_)
    n, n_rings = np.int64(0), 0
    for y in range(1, pieces.shape[0]):
        for x in range(1, pieces.shape[1]):
            piece = pieces[y, x]
            if piece == 0 or pieces[y - 1, x] == piece or done[y, x]:
                continue
            corners, n = _ring(pieces, done, y, x, cross, corners, n)
            if n_rings == ends.size:
                ends, owners = grown(ends, 2 * n_rings), grown(owners, 2 * n_rings)
            # The topmost edge of a piece lies on its outer ring; all rings found later are holes.
            ends[n_rings] = n
            owners[n_rings] = -piece if outer_seen[piece] else piece
            outer_seen[piece] = True
            n_rings += 1
    return corners[:n], ends[:n_rings], owners[:n_rings]
