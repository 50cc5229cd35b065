"""Filters of PNG scan lines. Arguments are checked; nothing here raises."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _sum(a, b):
    """Sum of two bytes, modulo 256; written so that plain Python does not warn of the overflow."""
    return np.uint8((np.int64(a) + np.int64(b)) & 255)


@njit(cache=True, nogil=True)
def _unfilter_sub(line, row, step):
    for x in range(min(step, row.size)):
        row[x] = line[x]
    for x in range(step, row.size):
        row[x] = _sum(line[x], row[x - step])


@njit(cache=True, nogil=True)
def _unfilter_average(line, above, row, step):
    for x in range(row.size):
        left = np.int64(row[x - step]) if x >= step else np.int64(0)
        row[x] = _sum(line[x], (left + np.int64(above[x])) >> 1)


@njit(cache=True, nogil=True)
def _unfilter_paeth(line, above, row, step):
    for x in range(row.size):
        left = np.int64(row[x - step]) if x >= step else np.int64(0)
        corner = np.int64(above[x - step]) if x >= step else np.int64(0)
        up = np.int64(above[x])
        to_left, to_up = abs(up - corner), abs(left - corner)
        to_corner = abs(left + up - 2 * corner)
        guess = corner
        if to_left <= to_up and to_left <= to_corner:
            guess = left
        elif to_up <= to_corner:
            guess = up
        row[x] = _sum(line[x], guess)


@njit(cache=True, nogil=True)
def unfilter_png(raw, step, rows):
    """Undo the filters of PNG scan lines (W3C PNG, section 9), which begin with a filter's number.

    uint8 (H, 1 + B), bytes per pixel (at least 1) -> uint8 (H, B), filled in place. Returns
    whether every filter was known.
    """
    n = rows.shape[1]
    above = np.zeros(n, np.uint8)
    for y in range(rows.shape[0]):
        kind, line, row = raw[y, 0], raw[y, 1:], rows[y]
        # Loops, not slices: assigning slices took three times as long.
        if kind == 0:
            for x in range(n):
                row[x] = line[x]
        elif kind == 1:
            _unfilter_sub(line, row, step)
        elif kind == 2:
            for x in range(n):
                row[x] = _sum(line[x], above[x])
        elif kind == 3:
            _unfilter_average(line, above, row, step)
        elif kind == 4:
            _unfilter_paeth(line, above, row, step)
        else:
            return False
        above = row
    return True
